// SPDX-License-Identifier: Apache-2.0
// What the traps of a run that learns or audits are answered, and what is noted of them. A call is continued when the ceiling allows it by its number and
// scalar arguments, which are the registers that the kernel goes on with; everything else is refused as in any run, by the DenialBook.
// Paths and addresses are read from the caller's memory for people to see: another thread can change them, and nothing is decided by them.

package import Learning
import Linux
package import Syscalls

package final class LearnWatch {
    /// Distinct paths and kinds of calls that are kept.
    package static let pathBound = 8192, kindBound = 2048
    /// Threads and processes that are told apart.
    static let threadBound = 4096
    /// What is needed later than this is of the steady phase; nanoseconds.
    package static let startUp: UInt64 = 1_000_000_000

    /// What tells one kind of call from another: the number and the arguments that a profile could name.
    private struct Kind: Hashable {
        let number: Int32
        let first: UInt32
        let second: UInt32
    }

    /// All that may be continued.
    package let ceiling: SyscallPolicy
    /// By what denials are told: the ceiling, or in an audit the profile's own policy.
    package let told: SyscallPolicy
    /// Whether calls that go on are recorded as denials that would be.
    package let audits: Bool
    /// Tools whose calls are on their way, by name: who needs what. nil where there are none to ask about.
    package var callsInFlight: (() -> [String])? { didSet { countsProcesses = audits || callsInFlight != nil } }
    /// What the filter lets pass unseen, or watched.
    package let released: SyscallPolicy
    package private(set) var observed = Observed()
    private let ceilingTable: RuleTable
    private let releasedTable: RuleTable
    /// Released, and learned in this run.
    private var current: SyscallPolicy
    private var currentTable: RuleTable
    /// The word that grants a kind of call, nil where none is needed, and its name.
    private var kinds: [Kind: (word: String?, name: String)] = [:]
    private let began = Clock.monotonic
    /// Whether other processes of the cell than the command's are looked for, and threads that are known to be the command's.
    private var learnsSpawn: Bool
    private var ownThreads: Set<Int32> = []
    /// Whether each new process is told of, and not only the first.
    private var countsProcesses: Bool
    private var otherProcesses: Set<Int32> = []
    private var newProcesses = 0

    /// - Parameters:
    ///   - released: without `watchesPaths`.
    ///   - watchesProcesses: whether `spawn` is not known yet.
    ///   - watchesPaths: whether the filter sends what is opened and executed here although it is allowed.
    ///   - audits: whether `released` is a profile's policy, and what it does not grant is recorded as what would be denied.
    package init(ceiling: SyscallPolicy, released: SyscallPolicy, watchesPaths: Bool, watchesProcesses: Bool, audits: Bool = false) {
        self.ceiling = ceiling
        self.audits = audits
        told = audits ? released : ceiling
        countsProcesses = audits
        var filter = released
        filter.watchesPaths = watchesPaths
        // Making processes is never trapped; that there is another one is seen by what it does first.
        filter.watchesProcesses = watchesProcesses && ceiling.families.contains(.spawn)
        if ceiling.families.contains(.spawn) { filter.families.insert(.spawn) }
        learnsSpawn = filter.watchesProcesses
        self.released = filter
        current = filter
        (current.watchesPaths, current.watchesProcesses) = (false, false)
        ceilingTable = ceiling.rules(canary: 1)
        releasedTable = current.rules(canary: 1)
        currentTable = releasedTable
        observed.watchedPaths = watchesPaths
    }

    /// Whether the call goes on.
    /// - Parameter root: process 1 of the cell, the command's parent.
    func admits(_ trap: Trap, listener: borrowing Descriptor, proc: borrowing Descriptor, root: Int32) -> Bool {
        if learnsSpawn { noteNewcomer(trap.thread, proc, root) }
        let a = trap.arguments
        let arguments = Arguments(a[0], a[1], a[2], a[3], a[4], a[5])
        func outcome(_ table: RuleTable) -> Answer {
            table.outcome(architecture: trap.architecture, number: UInt32(bitPattern: trap.number), arguments: arguments).answer
        }
        // INVARIANT: the only ground on which a call is continued; numbers and registers.
        guard outcome(ceilingTable) == .allow, let syscall = Architecture.native.syscall(trap.number) else { return false }
        let kind = LearnWatch.kind(syscall, trap.number, arguments)
        let known: (word: String?, name: String)
        if let old = kinds[kind] {
            known = old
        } else {
            guard let new = learn(syscall, trap.number, arguments, outcome) else { return false }
            known = new
            if kinds.count < LearnWatch.kindBound { kinds[kind] = new }
        }
        if let word = known.word {
            observed.grants[word, default: Sighting(runs: 1, phase: phase, calls: [])].calls.insert(known.name)
            attribute { $0.words.insert(word) }
        }
        look(syscall, trap, arguments, listener, proc)
        return true
    }

    private var phase: Phase { Clock.monotonic - began <= LearnWatch.startUp ? .startUp : .steady }

    /// A process that is not a child of process 1 was made by the command, or by one that was.
    private func noteNewcomer(_ thread: Int32, _ proc: borrowing Descriptor, _ root: Int32) {
        if ownThreads.contains(thread) { return }
        guard let status = try? Files.text("\(thread)/status", under: proc.number) else { return }
        func number(_ name: String) -> Int32? {
            status.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int32($0.dropFirst(name.utf8.count).drop { $0 == "\t" || $0 == " " }) }
        }
        guard let parent = number("PPid:"), let process = number("Tgid:") else { return }
        if parent == root {
            if ownThreads.count < LearnWatch.threadBound { ownThreads.insert(thread) }
            return
        }
        learnsSpawn = countsProcesses
        if observed.grants[Family.spawn.name] == nil {
            observed.grants[Family.spawn.name] = Sighting(runs: 1, phase: phase, calls: [Sighting.process])
        }
        attribute { $0.words.insert(Family.spawn.name) }
        guard countsProcesses, otherProcesses.insert(process).inserted else { return }
        if otherProcesses.count > LearnWatch.threadBound { otherProcesses = [process] }
        newProcesses += 1
    }

    /// Processes that were seen for the first time since this was asked last.
    func takeNewProcesses() -> Int {
        defer { newProcesses = 0 }
        return newProcesses
    }

    /// Notes something for the tools whose calls are on their way, all of them: which of several it was nobody can tell. Between calls it is
    /// the server's own.
    private func attribute(_ note: (inout CallSeen) -> Void) {
        guard let callsInFlight else { return }
        let names = callsInFlight()
        for name in names.isEmpty ? [CallSeen.between] : names where observed.calls[name] != nil || observed.calls.count < LearnedRun.bound {
            note(&observed.calls[name, default: CallSeen()])
        }
    }

    /// What a kind of call needs that was not needed before. - Returns: nil where no word grants it.
    private func learn(_ syscall: Syscall, _ number: Int32, _ arguments: Arguments, _ outcome: (RuleTable) -> Answer) -> (word: String?, name: String)? {
        let name = LearnWatch.name(syscall, number, arguments)
        if outcome(releasedTable) == .allow { return (nil, name) }
        let words = released.words(granting: number, arguments, knowing: current.families).filter { word in
            Family(named: word).map(ceiling.families.contains) ?? true
        }
        if outcome(currentTable) == .allow {
            // Another word of this run grants it as well: a family its own members, or a socket's family its options.
            return (words.first { observed.grants[$0] != nil }, name)
        }
        guard let word = words.first, (try? current.allow(word)) != nil else { return nil }
        currentTable = current.rules(canary: 1)
        return outcome(currentTable) == .allow ? (word, name) : nil
    }

    private static func kind(_ syscall: Syscall, _ number: Int32, _ arguments: Arguments) -> Kind {
        func word(_ index: UInt8) -> UInt32 { UInt32(truncatingIfNeeded: arguments[index]) }
        return switch syscall {
        case .socket, .socketpair: Kind(number: number, first: word(0), second: word(1))
        case .setsockopt: Kind(number: number, first: word(1), second: word(2))
        case .ioctl: Kind(number: number, first: word(1), second: 0)
        case .prctl: Kind(number: number, first: word(0), second: 0)
        case .clone: Kind(number: number, first: word(0) & 0x1_0900, second: 0)
        default: Kind(number: number, first: 0, second: 0)
        }
    }

    /// The call, with what tells it from others of its number.
    private static func name(_ syscall: Syscall, _ number: Int32, _ arguments: Arguments) -> String {
        switch syscall {
        case .socket, .socketpair, .ioctl, .prctl, .setsockopt:
            let denial = SyscallPolicy().denial(number: number, arguments: arguments)
            return syscall == .ioctl ? denial.grant.map { "ioctl(\($0.dropFirst(6)))" } ?? syscall.rawValue : denial.what
        default: return syscall.rawValue
        }
    }

    // Paths -----------------------------------------------------------------------------------------------------------

    private func look(_ syscall: Syscall, _ trap: Trap, _ arguments: Arguments, _ listener: borrowing Descriptor, _ proc: borrowing Descriptor) {
        if syscall == .connect || syscall == .bind { return address(trap, arguments, listener) }
        for place in syscall.pathArguments {
            guard let text = TaskMemory.text(of: trap.thread, at: arguments[place.path]), Notify.isValid(trap.id, on: listener) else {
                if arguments[place.path] != 0 { observed.unreadable += 1 }
                continue
            }
            if text.isEmpty { continue }
            var path = text
            if !text.hasPrefix("/") {
                let descriptor = place.folder.map { Int32(truncatingIfNeeded: arguments[$0]) } ?? Files.workingDirectory
                let folder = TaskMemory.folder(of: trap.thread, descriptor == Files.workingDirectory ? nil : descriptor, proc: proc)
                guard let folder, Notify.isValid(trap.id, on: listener) else {
                    observed.unreadable += 1
                    continue
                }
                path = folder + "/" + text
            }
            note(LearnedRun.normal(path), LearnWatch.use(syscall, arguments))
        }
    }

    private func note(_ path: String, _ use: FileUse) {
        if observed.files.count >= LearnWatch.pathBound && observed.files[path] == nil {
            observed.overflowed = true
        } else {
            observed.files[path, default: []].formUnion(use)
            attribute { $0.files[path, default: []].formUnion(use) }
        }
    }

    private static func use(_ syscall: Syscall, _ arguments: Arguments) -> FileUse {
        switch syscall {
        case .execve, .execveat: return .execute
        case .creat: return [.write, .create]
        case .open, .openat:
            let flags = UInt32(truncatingIfNeeded: arguments[syscall == .open ? 1 : 2])
            var use: FileUse = flags & 0o3 == 0 && flags & 0o1000 == 0 ? .read : .write
            if flags & 0o100 != 0 || flags & 0o20_000_000 == 0o20_000_000 { use.formUnion([.write, .create]) }
            if flags & 0o200_000 != 0 && use == .read { use = .list }
            return use
        case .mkdir, .mkdirat, .mknod, .mknodat, .symlink, .symlinkat, .link, .linkat, .rename, .renameat, .renameat2: return [.write, .create]
        default: return .write
        }
    }

    private func address(_ trap: Trap, _ arguments: Arguments, _ listener: borrowing Descriptor) {
        let length = min(Int(UInt32(truncatingIfNeeded: arguments[2])), 110)
        guard length > 2, let bytes = TaskMemory.read(trap.thread, arguments[1], length), Notify.isValid(trap.id, on: listener) else { return }
        guard let text = LearnedRun.address(bytes), observed.addresses.count < LearnedRun.bound else { return }
        observed.addresses.insert(text)
    }
}
