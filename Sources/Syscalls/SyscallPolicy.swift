// SPDX-License-Identifier: Apache-2.0
//
// A cell's syscall policy as a value, and its meaning: the rule table that says for every call what it is answered. What is
// allowed by default, and what each name grants, stands in Standing.swift and ArgumentRules.swift; this file joins them.

/// One socket option, as `setsockopt:<level>,<option>` names it.
public struct SocketOption: Hashable, Sendable, Comparable {
    public let level: UInt32
    public let option: UInt32

    public init(level: UInt32, option: UInt32) {
        self.level = level
        self.option = option
    }

    public static func < (left: SocketOption, right: SocketOption) -> Bool {
        (left.level, left.option) < (right.level, right.option)
    }
}

/// What a profile grants beyond the base, and how denials are answered.
public struct SyscallPolicy: Hashable, Sendable {
    /// How a denied call is answered.
    public enum Denials: String, Hashable, Sendable {
        /// By the supervisor, which records it.
        case notify
        /// By the filter itself: where another listener is installed already (a cell within a cell), or when asked for.
        case errno
    }

    /// The answer to 32-bit calls (i386, arm).
    public enum ForeignABI: String, Hashable, Sendable {
        case kill, enosys
    }

    /// Granted families (T2).
    public var families: Families
    /// Forbidden groups (T0) granted by `unsafe:`.
    public var unsafe: ForbiddenGroups
    /// Granted ioctl requests, prctl options and socket options beyond those of the base and the families.
    /// Ascending, each once.
    public private(set) var ioctls: [UInt32] = []
    public private(set) var prctls: [UInt32] = []
    public private(set) var socketOptions: [SocketOption] = []
    public var denials: Denials
    public var foreignABI: ForeignABI
    /// Kill on a forbidden call, where it would have been EPERM; what honest programs probe (ENOSYS, socket families) stays an errno.
    /// And executable memory takes the jit family, which other policies have in the base.
    public var paranoid: Bool
    /// Calls that open or execute a file come to the supervisor although they are allowed, to be seen and continued. For learning: the
    /// launch's own execveat is not among them, as nobody could answer it.
    public var watchesPaths = false
    /// A new process's first call (set_robust_list of the C library) comes to the supervisor. Calls that make processes do not, while learning:
    /// a signal that comes before the supervisor has received them would end them with EINTR, which no caller of fork expects.
    public var watchesProcesses = false
    /// Calls by which a socket comes to lead somewhere are done by the supervisor for the caller, or refused: a cell that reaches named endpoints.
    public var mediatesConnections = false

    /// With no argument: the base alone.
    public init(
        families: Families = [], unsafe: ForbiddenGroups = [], denials: Denials = .notify, foreignABI: ForeignABI = .kill,
        paranoid: Bool = false
    ) {
        self.families = families
        self.unsafe = unsafe
        self.denials = denials
        self.foreignABI = foreignABI
        self.paranoid = paranoid
    }

    /// Grants one ioctl request. TIOCSTI and TIOCLINUX stay forbidden.
    public mutating func grant(ioctl request: UInt32) { insert(request, into: &ioctls) }

    /// Grants one prctl option.
    public mutating func grant(prctl option: UInt32) { insert(option, into: &prctls) }

    /// Grants one socket option.
    public mutating func grant(_ option: SocketOption) { insert(option, into: &socketOptions) }

    private func insert<Value: Comparable>(_ value: Value, into list: inout [Value]) {
        let place = list.firstIndex { $0 >= value } ?? list.count
        if place == list.count || list[place] != value { list.insert(value, at: place) }
    }

    /// The number that no kernel has, by whose answer the launch proves that its filter is live.
    public static let canaryNumber: UInt32 = 0x2C0_FFEE

    /// What every call is answered.
    /// - Parameter canary: the errno of the canary number, 1...4095.
    public func rules(for architecture: Architecture = .native, canary: UInt16) -> RuleTable {
        let unknown = Outcome(.errno(Errno.noSyscall), .unknown)
        let foreign = Outcome(.kill, .foreignABI)
        let compat = foreignABI == .kill ? foreign : Outcome(.errno(Errno.noSyscall), .foreignABI)
        var rules = RuleTable(architecture: architecture, compat: compat, foreign: foreign)
        let table = architecture.table
        for number in table.indices {
            guard let syscall = table[number] else {
                rules.append(from: UInt32(number), unknown)
                continue
            }
            let start = UInt32(number)
            let isWatched = watchesPaths && syscall.namesOpenedFile || watchesProcesses && syscall == .set_robust_list
            let isMediated = mediatesConnections && mediates(syscall)
            let allowed = isWatched ? Outcome(.notify(0), .watched) : isMediated ? Outcome.mediated : Outcome.allowed
            if mediatesConnections, let rule = mediatedRule(syscall) {
                rules.append(from: start, rule)
                continue
            }
            switch syscall.standing {
            case .base:
                rules.append(from: start, allowed)
            case .families(let families):
                rules.append(from: start, self.families.intersects(families) ? allowed : denied(families))
            case .forbidden(let group, let errno):
                rules.append(from: start, unsafe.contains(group) ? .allowed : forbidden(group, errno))
            case .probed(let group):
                let plain = Outcome(.errno(Errno.noSyscall), .forbidden(group))
                rules.append(from: start, unsafe.contains(group) ? .allowed : plain)
            case .checked:
                let plain = argumentRule(syscall)
                let rule = allowed == .allowed ? plain : plain.answering(allowed)
                if rule.cases.isEmpty && !rule.admitsCookie {
                    rules.append(from: start, rule.otherwise)
                } else {
                    rules.append(from: start, rule)
                }
            case .void:
                rules.append(from: start, unknown)
            }
        }
        rules.append(from: UInt32(table.count), unknown)
        rules.append(from: Self.canaryNumber, Outcome(.errno(canary), .canary))
        rules.append(from: Self.canaryNumber + 1, unknown)
        // x32 sets bit 30. -1 has it too, but is no syscall of any convention: a tracer's "skip", or a probe.
        rules.append(from: 0x4000_0000, foreign)
        rules.append(from: 0x8000_0000, unknown)
        rules.append(from: 0xC000_0000, foreign)
        rules.append(from: 0xFFFF_FFFF, unknown)
        return rules
    }

    /// The outcome of an ungranted family (the first, where several would do).
    func denied(_ families: Families) -> Outcome {
        guard let first = families.elements.first else { return deny(Errno.permission, .item) }
        return deny(Errno.permission, .family(first))
    }

    /// The outcome of a forbidden call.
    func forbidden(_ group: Forbidden, _ errno: UInt16) -> Outcome {
        paranoid && errno == Errno.permission ? Outcome(.kill, .forbidden(group)) : deny(errno, .forbidden(group))
    }

    /// A denial in this policy's way.
    func deny(_ errno: UInt16, _ cause: Cause) -> Outcome {
        Outcome(denials == .notify ? .notify(errno) : .errno(errno), cause)
    }

    /// A byte string that differs where two policies differ in anything, the table and the architecture included: the
    /// material of a cache key (SHA-256 of it).
    public func identity(for architecture: Architecture = .native) -> [UInt8] {
        var text = "syscalls \(tableVersion) \(compilerVersion) \(architecture.rawValue) families \(families.bits) unsafe \(unsafe.bits)"
        text +=
            " denials \(denials.rawValue) watches \(watchesPaths) \(watchesProcesses) \(mediatesConnections) foreign \(foreignABI.rawValue) paranoid \(paranoid)"
        text += " ioctl \(ioctls) prctl \(prctls)"
        text += " setsockopt \(socketOptions.map { [$0.level, $0.option] })"
        return Array(text.utf8)
    }
}
