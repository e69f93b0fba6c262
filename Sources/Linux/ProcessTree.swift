// SPDX-License-Identifier: Apache-2.0
// A process tree read from /proc: what limits are measured by where no control group counts. A look is a sum over single
// processes that go on meanwhile, never a moment of all of them; the kernel's own counts are better wherever there are any.
// Whoever loses its parent falls to the tree's root, process 1 of a cell: the tree is whole. Kernel: proc(5), CONFIG_PROC_CHILDREN.

import Glibc

package struct ProcessTree: Sendable {
    /// Process ids, the root first.
    package private(set) var processes: [Int32] = []
    package private(set) var threads = 0
    /// Resident bytes; pages that several processes share count for each of them.
    package private(set) var residentBytes: UInt64 = 0
    /// Of the live ones and of all that they have waited for.
    package private(set) var cpuMicroseconds: UInt64 = 0
    /// Bytes that each live one sent to disks; one that cannot be asked is not in it.
    package private(set) var written: [Int32: UInt64] = [:]

    /// Those that run, or could: neither stopped nor dead.
    package private(set) var running: [Int32] = []

    /// Whether the look ended before it had seen all: too many processes, or too little time.
    package private(set) var isPartial = false

    /// Processes that one look goes through.
    package static let bound = 20_000
    /// Nanoseconds that one look takes: a tree that forks without a pause makes each question slow, and whoever asks has deadlines to keep.
    package static let patience: UInt64 = 40_000_000

    /// - Parameters:
    ///   - root: as this process's pid namespace numbers it.
    ///   - counts: whether to read more than the ids.
    package init(root: Int32, proc: borrowing Descriptor, counts: Bool) {
        var waiting = [root]
        let deadline = Clock.monotonic + ProcessTree.patience
        while let pid = waiting.popLast() {
            if processes.count >= ProcessTree.bound || Clock.monotonic > deadline {
                isPartial = true
                return
            }
            guard let stat = try? Files.text("\(pid)/stat", under: proc.number), let end = stat.lastIndex(of: ")") else { continue }
            let fields = stat[end...].dropFirst(2).split(separator: " ", maxSplits: 24)
            guard fields.count > 21 else { continue }
            processes.append(pid)
            if !["T", "t", "Z", "X"].contains(fields[0]) { running.append(pid) }
            let own = Int(fields[17]) ?? 1
            threads += max(own, fields[0] == "Z" ? 0 : 1)
            if counts {
                // utime, stime, cutime, cstime in ticks of 10 ms; rss in pages.
                for i in 11...14 { cpuMicroseconds += (UInt64(fields[i]) ?? 0) * 10_000 }
                residentBytes += (UInt64(fields[21]) ?? 0) * 4096
                if let io = try? Files.text("\(pid)/io", under: proc.number) { written[pid] = ProcessTree.written(io) }
            }
            if own <= 1 {
                waiting += children(pid, pid, proc)
            } else {
                for thread in (try? Files.list("/proc/\(pid)/task")) ?? [] { if let thread = Int32(thread) { waiting += children(pid, thread, proc) } }
            }
        }
    }

    private func children(_ pid: Int32, _ thread: Int32, _ proc: borrowing Descriptor) -> [Int32] {
        guard let text = try? Files.text("\(pid)/task/\(thread)/children", under: proc.number) else { return [] }
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    /// `write_bytes` less what was taken back before it reached the disk.
    static func written(_ io: String) -> UInt64 {
        var sent: UInt64 = 0, cancelled: UInt64 = 0
        for line in io.split(separator: "\n") {
            if line.hasPrefix("write_bytes: ") { sent = UInt64(line.dropFirst(13)) ?? 0 }
            if line.hasPrefix("cancelled_write_bytes: ") { cancelled = UInt64(line.dropFirst(23)) ?? 0 }
        }
        return sent - min(sent, cancelled)
    }

    /// Proportional set sizes: shared pages divided among those who share them. Dear (milliseconds for each GiB).
    package func proportionalBytes(proc: borrowing Descriptor) -> UInt64? {
        var sum: UInt64 = 0
        var seen = false
        for pid in processes {
            guard let text = try? Files.text("\(pid)/smaps_rollup", under: proc.number) else { continue }
            for line in text.split(separator: "\n") where line.hasPrefix("Pss:") {
                sum += (UInt64(line.split(separator: " ").dropFirst().first ?? "") ?? 0) * 1024
                seen = true
            }
        }
        return seen ? sum : nil
    }

    /// Stops everything but the root, again and again until two looks in a row find nobody who runs: one that was not stopped yet may have let
    /// another go.
    /// - Returns: false where some run on after many looks, or the looks took too long.
    package static func stop(below root: Int32, proc: borrowing Descriptor) -> Bool {
        let deadline = Clock.monotonic + patience
        var quiet = 0
        while quiet < 2 {
            if Clock.monotonic > deadline { return false }
            let tree = ProcessTree(root: root, proc: proc, counts: false)
            let running = tree.running.filter { $0 != root }
            for pid in running { _ = kill(pid, SIGSTOP) }
            quiet = running.isEmpty && !tree.isPartial ? quiet + 1 : 0
        }
        return true
    }

    /// Sends a signal to everything but the root, until a look finds nobody new. Who forks faster than we look is caught by
    /// its stopped parent: a stopped process forks no more.
    package static func signal(_ signal: Int32, below root: Int32, proc: borrowing Descriptor) {
        var told: Set<Int32> = []
        for _ in 0..<50 {
            let new = ProcessTree(root: root, proc: proc, counts: false).processes.filter { $0 != root && told.insert($0).inserted }
            if new.isEmpty { return }
            for pid in new { _ = kill(pid, signal) }
        }
    }
}
