// SPDX-License-Identifier: Apache-2.0
// What a cell uses, measured while it runs and when it has ended, and the limits that somebody must act on: the kernel holds
// memory and processes of a group, but what becomes of the cell then is decided here. Without groups the tree is summed up
// from /proc. It looks and judges; ending the cell is the supervisor's.

import Events
import Linux
import Sandbox

/// What a cell used, as far as it was measured. nil: nobody counted it.
package struct TreeUsage: Equatable, Sendable {
    package var memoryPeakBytes: UInt64?
    /// Processes and threads at once, without process 1 of ours.
    package var pidsPeak: UInt64?
    package var userMicroseconds: UInt64?
    package var systemMicroseconds: UInt64?
    package var throttledMicroseconds: UInt64?
    package var writtenBytes: UInt64?
    package var memoryKills: UInt64?
    /// Bytes in use times the seconds that they were.
    package var memoryByteSeconds: UInt64?
}

/// The bounds of one cell that are measured, in the unit of each limit.
package struct MeasuredLimits: Equatable, Sendable {
    package var memory: UInt64?
    package var pids: UInt64?
    package var cpuTimeMicroseconds: UInt64?
    package var disk: UInt64?
    /// Whether the cell may write to a disk at all: its own file systems are memory, and bounded by the kernel.
    package var writesDisk = true
    /// Whether memory is counted over time.
    package var countsMemory = false
    package init() {}
}

struct LimitWatch {
    private let limits: MeasuredLimits
    private let root: Int32
    /// Opened at the first look: a cell that is over sooner opens nothing.
    private var kept: KeptReadings?
    private let processors = UInt64(max(1, Host.processors()))
    /// What this look read already, for the ladder: microseconds of the tree, forks refused so far.
    private(set) var processorNow: UInt64?
    private(set) var refusedNow: UInt64?
    private var memoryAt: UInt64 = 0
    private var memoryByteMicroseconds = 0.0
    private var restedAt: (time: UInt64, used: UInt64) = (0, 0)
    private var passedOver = 0
    private var restingPause = LimitWatch.interval
    private(set) var usage = TreeUsage()
    private var refusedForks: UInt64 = 0
    private var stormyLooks = 0
    private var stormyForks: UInt64 = 0
    private var written: [Int32: UInt64] = [:]
    private var writtenByGone: UInt64 = 0
    private(set) var isClose = false
    /// When the tree may be walked again; nanoseconds of CLOCK_MONOTONIC. A group is asked at every look.
    private var nextWalk: UInt64 = 0
    /// When as much can have been written that the bound is crossed.
    private var nextDisk: UInt64 = 0
    /// A ladder reads the tree, whatever the limits ask for.
    var wantsTree = false
    /// The last look at it.
    private(set) var tree: Tree?

    struct Tree {
        /// Nanoseconds of CLOCK_MONOTONIC.
        let time: UInt64
        let threads: Int
        let residentBytes: UInt64
        let cpuMicroseconds: UInt64
    }

    /// Refused forks, look after look without a pause, that only a bomb has: legitimate programs stop trying.
    static let storm: UInt64 = 200
    /// Fewer between two looks are a pause.
    static let breeze: UInt64 = 5
    /// Looks that a storm lasts at least.
    static let storms = 2
    /// Nanoseconds from the start to the first look, and between later ones.
    static let first: UInt64 = 20_000_000
    static let interval: UInt64 = 100_000_000
    /// Where memory is summed up by ourselves and may grow by gigabytes a second.
    static let closeInterval: UInt64 = 50_000_000
    /// Walking the tree takes at most one part in so many of the time; close to a bound, more of it.
    static let share: UInt64 = 20
    static let closeShare: UInt64 = 4
    /// Bytes a second that one processor may write: until the rest of a bound can have been written, nobody looks for it.
    static let writingRate: UInt64 = 2 << 30
    /// A still cell uses less than one part in so many of one processor.
    static let stillness: UInt64 = 1000
    /// Looks at a still cell that are passed over in a row, and the longest pause between them in nanoseconds.
    static let mostPassedOver = 4
    static let longestPause: UInt64 = 2_000_000_000

    init(_ limits: MeasuredLimits, root: Int32) {
        self.limits = limits
        self.root = root
    }

    /// Whether there is anything that needs looking at.
    var isNeeded: Bool { limits.memory != nil || limits.pids != nil || limits.cpuTimeMicroseconds != nil || watchesDisk || limits.countsMemory }

    private var watchesDisk: Bool { limits.disk != nil && limits.writesDisk }

    /// A look begins: what the last one read counts no more.
    mutating func begin() { (processorNow, refusedNow) = (nil, nil) }

    /// Whether there is nothing to look at: a cell that uses next to nothing writes, forks and takes nothing either. One question, where a
    /// look asks a dozen; every few of them a look is taken all the same.
    /// - Returns: until when it may rest; nil for a look.
    mutating func rests(_ groups: borrowing HeldGroups, at now: UInt64) -> UInt64? {
        guard let used = kept?.usedMicroseconds else { return nil }
        processorNow = used
        countMemory(at: now)
        let last = restedAt
        restedAt = (now, used)
        let isStill = last.time > 0 && (used - min(used, last.used)) * LimitWatch.stillness < (now - min(now, last.time)) / 1000
        guard isStill, !isClose, passedOver < LimitWatch.mostPassedOver else {
            if !isStill { restingPause = LimitWatch.interval }
            passedOver = 0
            return nil
        }
        passedOver += 1
        restingPause = min(restingPause * 2, LimitWatch.longestPause)
        return now + soonest(restingPause, used)
    }

    /// A pause, or less where the bound of processor time can be reached before.
    private func soonest(_ pause: UInt64, _ used: UInt64) -> UInt64 {
        guard let bound = limits.cpuTimeMicroseconds else { return pause }
        return min(pause, max(LimitWatch.interval, (bound - min(bound, used)) * 1000 / processors))
    }

    /// Until the next look; nanoseconds.
    var pause: UInt64 { isClose ? LimitWatch.closeInterval : LimitWatch.interval }

    /// One look at a running cell.
    /// - Returns: the limit that was crossed.
    mutating func look(_ groups: borrowing HeldGroups, proc: borrowing Descriptor) -> Cause? {
        if kept == nil { kept = KeptReadings(groups.plan, limits) }
        if let cause = lookAtGroups(groups) { return cause }
        countMemory(at: Clock.monotonic)
        let memory = limits.memory != nil && !groups.plan.holds(.memory)
        let counts =
            wantsTree || memory || (limits.countsMemory && kept?.memoryBytes == nil) || (limits.cpuTimeMicroseconds != nil && kept?.counts != true)
            || (limits.pids != nil && !groups.plan.holds(.pids))
        guard counts || watchesDisk else { return nil }
        let began = Clock.monotonic
        if began < nextWalk || (!counts && began < nextDisk) { return nil }
        let tree = ProcessTree(root: root, proc: proc, counts: true)
        self.tree = Tree(time: began, threads: tree.threads, residentBytes: tree.residentBytes, cpuMicroseconds: tree.cpuMicroseconds)
        defer {
            let now = Clock.monotonic
            nextWalk = now + (now - began) * (isClose ? LimitWatch.closeShare : LimitWatch.share)
        }
        if !groups.plan.holds(.pids) { usage.pidsPeak = max(usage.pidsPeak ?? 0, UInt64(max(0, tree.threads - 1))) }
        if let bound = limits.cpuTimeMicroseconds, kept?.counts != true, tree.cpuMicroseconds > bound { return limit(.cpuTime, bound, tree.cpuMicroseconds) }
        if memory, let bound = limits.memory {
            // Shared pages count for each that shares them: asked about exactly only where that decides.
            var bytes = tree.residentBytes
            isClose = bytes > bound / 4
            if bytes > bound, let exact = tree.proportionalBytes(proc: proc) { bytes = exact }
            usage.memoryPeakBytes = max(usage.memoryPeakBytes ?? 0, bytes)
            if bytes > bound { return limit(.memory, bound, bytes) }
        }
        let sent = count(tree.written, isPartial: tree.isPartial)
        usage.writtenBytes = sent
        if let bound = limits.disk {
            if sent > bound { return limit(.disk, bound, sent) }
            nextDisk = began + (bound - sent) / (LimitWatch.writingRate / 1_000_000 * processors) * 1000
        }
        return nil
    }

    /// What it has now, for as long as since the look before.
    private mutating func countMemory(at now: UInt64) {
        guard limits.countsMemory, let bytes = kept?.memoryBytes ?? tree?.residentBytes else { return }
        let passed = memoryAt == 0 ? 0 : now - min(now, memoryAt)
        memoryAt = now
        memoryByteMicroseconds += Double(bytes) * Double(passed / 1000)
        usage.memoryByteSeconds = UInt64(memoryByteMicroseconds / 1e6)
    }

    private mutating func lookAtGroups(_ groups: borrowing HeldGroups) -> Cause? {
        if groups.plan.isEmpty { return nil }
        if let kills = kept?.kills, kills > 0, let cause = memoryCause(groups) { return cause }
        if let bound = limits.cpuTimeMicroseconds, let time = processorNow ?? kept?.usedMicroseconds, time > bound { return limit(.cpuTime, bound, time) }
        guard let bound = limits.pids, let refused = kept?.refused else { return nil }
        refusedNow = refused
        let new = refused - min(refused, refusedForks)
        refusedForks = refused
        stormyLooks = new >= LimitWatch.breeze ? stormyLooks + 1 : 0
        stormyForks = new >= LimitWatch.breeze ? stormyForks + new : 0
        let isStorm = stormyLooks >= LimitWatch.storms && stormyForks >= LimitWatch.storm
        return isStorm ? limit(.pids, bound, bound + refused) : nil
    }

    /// The cell came to its bound of memory, and the kernel had to kill for it.
    mutating func memoryCause(_ groups: borrowing HeldGroups) -> Cause? {
        guard let bound = limits.memory, let kills = groups.memoryKills else { return nil }
        usage.memoryKills = kills
        return kills > 0 ? limit(.memory, bound, max(groups.memoryPeakBytes ?? bound, bound)) : nil
    }

    /// The last readings of a cell that has ended, before its groups are removed.
    mutating func finish(_ groups: borrowing HeldGroups, reported: Report.Usage) {
        usage.userMicroseconds = reported.userMicroseconds
        usage.systemMicroseconds = reported.systemMicroseconds
        // Process 1 counts what it has reaped, without its own work of building the cell; it says nothing when it is killed.
        if reported == Report.Usage(), let time = groups.processorTime {
            usage.userMicroseconds = time.user
            usage.systemMicroseconds = time.system
        }
        if let peak = groups.memoryPeakBytes { usage.memoryPeakBytes = peak }
        // Where nobody counts the tree: at least what its largest process had.
        if !groups.plan.holds(.memory) { usage.memoryPeakBytes = max(usage.memoryPeakBytes ?? 0, reported.peakKibibytes * 1024) }
        if let peak = groups.processesPeak { usage.pidsPeak = peak - min(peak, 1) }
        usage.throttledMicroseconds = groups.throttledMicroseconds
        usage.writtenBytes = max(usage.writtenBytes ?? 0, reported.writtenBytes)
        if let kills = groups.memoryKills { usage.memoryKills = kills }
    }

    /// What all processes have written, those included that are gone since an earlier look.
    private mutating func count(_ now: [Int32: UInt64], isPartial: Bool) -> UInt64 {
        if isPartial {
            written.merge(now) { $1 }
        } else {
            for (pid, bytes) in written where now[pid] == nil { writtenByGone += bytes }
            written = now
        }
        return written.values.reduce(writtenByGone, +)
    }

    private func limit(_ limit: Limit, _ bound: UInt64, _ reading: UInt64) -> Cause {
        .limit(limit, bound: Int64(clamping: bound), reading: Int64(clamping: reading))
    }
}

/// The files of a cell's groups that are read at every look, kept open.
private final class KeptReadings {
    private let processor: KeptFile?
    private let memoryKills: KeptFile?
    private let memoryNow: KeptFile?
    private let refusedForks: KeptFile?
    /// Whether a group counts processor time.
    let counts: Bool

    var usedMicroseconds: UInt64? { processor?.field("usage_usec") }
    var memoryBytes: UInt64? { memoryNow?.number() }
    var kills: UInt64? { memoryKills?.field("oom_kill") }
    var refused: UInt64? { refusedForks?.field("max") }

    init(_ plan: GroupPlan, _ limits: MeasuredLimits) {
        let processor = plan.unified.flatMap { KeptFile($0.path + "/cpu.stat") }
        counts = processor != nil
        self.processor = processor
        let memory = limits.memory == nil ? nil : plan.place(of: .memory)
        memoryKills = memory.flatMap { KeptFile($0.path + ($0.isOld ? "/memory.oom_control" : "/memory.events")) }
        memoryNow =
            limits.countsMemory ? plan.place(of: .memory).flatMap { KeptFile($0.path + ($0.isOld ? "/memory.usage_in_bytes" : "/memory.current")) } : nil
        refusedForks = limits.pids == nil ? nil : plan.place(of: .pids).flatMap { KeptFile($0.path + "/pids.events") }
    }
}
