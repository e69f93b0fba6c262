// SPDX-License-Identifier: Apache-2.0
//
// How far learning may go, and by which word of a profile a call is granted. The ceiling is a policy like any other: a learning run
// continues exactly the calls that the ceiling allows, by number and scalar arguments, so that nothing behind a pointer is ever decided on
// and no run widens past it. Forbidden groups are never in it; network families follow the cell's network; requests that hand the kernel
// a program, another protocol or another memory layout stay a person's decision.

extension SyscallPolicy {
    /// Everything that may be learned: the base, families, and requests that have a name here.
    /// - Parameters:
    ///   - network: whether the cell has one; without, no INET socket is made, in learning as in enforcing.
    ///   - without: families that are not to be learned: refused, as they would be under the profile.
    public static func learnable(network: Bool, without: Families = []) -> SyscallPolicy {
        var policy = SyscallPolicy()
        for family in Family.allCases where !without.contains(family) {
            if !network && (family == .netClient || family == .netServer) { continue }
            policy.families.insert(family)
        }
        for (_, request) in Request.names where !Request.injecting.contains(request) { policy.grant(ioctl: request) }
        for (name, option) in ProcessOption.names where !Self.judged.contains(name) { policy.grant(prctl: option) }
        for (name, level, option) in SocketOption.names where !Self.judged.contains(name) { policy.grant(SocketOption(level: level, option: option)) }
        return policy
    }

    /// Requests that only a person grants, by writing them into a profile.
    static let judged: Set<String> = [
        "PR_SET_MM", "PR_SET_SECUREBITS", "PR_CAPBSET_DROP", "PR_SET_SYSCALL_USER_DISPATCH", "PR_SCHED_CORE", "SO_ATTACH_FILTER", "SO_ATTACH_BPF",
        "SO_BINDTODEVICE", "IPT_SO_SET_REPLACE", "TCP_ULP",
    ]

    /// The words that each would grant a call which this policy does not allow; empty where none does.
    /// The first is that of a family which is granted already in `known`, if one of several would do.
    public func words(granting number: Int32, _ arguments: Arguments, knowing known: Families, architecture: Architecture = .native) -> [String] {
        guard let syscall = architecture.syscall(number) else { return [] }
        if case .families(let wanted) = syscall.standing {
            let open = wanted.elements.filter { !families.contains($0) }
            return (open.filter(known.contains) + open.filter { !known.contains($0) }).map(\.name)
        }
        return denial(number: number, arguments: arguments, architecture: architecture).grant.map { [$0] } ?? []
    }

    /// How many calls of the tables this policy may allow, at least with some arguments; the base alone, where nothing is granted.
    public var allowedCount: Int {
        let table = rules(canary: 1)
        return Architecture.native.table.indices.filter { number in Architecture.native.table[number] != nil && table.mayAllow(UInt32(number)) }.count
    }
}

extension RuleTable {
    /// Whether some arguments of that number are allowed.
    func mayAllow(_ number: UInt32) -> Bool {
        switch leaves[run(of: number)] {
        case .plain(let outcome): outcome.answer == .allow
        case .rule(let index): rules[index].otherwise.answer == .allow || rules[index].cases.contains { $0.outcome.answer == .allow }
        }
    }
}

extension Syscall {
    /// Whether a learning run looks at the path: what opens and executes. Others that name files are seen while their family is not learned.
    /// openat2 is answered ENOSYS, and its flags lie behind a pointer.
    var namesOpenedFile: Bool {
        switch self {
        case .open, .openat, .creat, .execve: true
        default: false
        }
    }

    /// A file that the call names: where the path's address is, and which descriptor it counts from; nil: from the working directory.
    public struct PathArgument: Hashable, Sendable {
        public let path: UInt8
        public let folder: UInt8?
    }

    /// The files that a call names, for looking at them; nothing is decided by what is found there.
    public var pathArguments: [PathArgument] {
        func at(_ folder: UInt8?, _ path: UInt8) -> PathArgument { PathArgument(path: path, folder: folder) }
        switch self {
        case .open, .creat, .execve, .mkdir, .rmdir, .unlink, .chmod, .chown, .lchown, .truncate, .utime, .utimes, .mknod, .setxattr, .lsetxattr,
            .removexattr, .lremovexattr:
            return [at(nil, 0)]
        case .openat, .execveat, .mkdirat, .unlinkat, .fchmodat, .fchmodat2, .fchownat, .utimensat, .futimesat, .mknodat, .file_setattr,
            .setxattrat, .removexattrat:
            return [at(0, 1)]
        case .rename, .link: return [at(nil, 0), at(nil, 1)]
        case .renameat, .renameat2, .linkat: return [at(0, 1), at(2, 3)]
        case .symlink: return [at(nil, 1)]
        case .symlinkat: return [at(1, 2)]
        default: return []
        }
    }

    /// Calls that libraries and kernels exchange for one another from one release to the next: whoever needs one needs the others.
    public static let equivalent: [[Syscall]] = [
        [.fork, .vfork, .clone], [.execve, .execveat], [.rename, .renameat, .renameat2], [.unlink, .unlinkat, .rmdir], [.mkdir, .mkdirat],
        [.link, .linkat], [.symlink, .symlinkat], [.chmod, .fchmod, .fchmodat, .fchmodat2], [.chown, .lchown, .fchown, .fchownat],
        [.utime, .utimes, .futimesat, .utimensat], [.mknod, .mknodat], [.truncate, .ftruncate, .fallocate], [.inotify_init, .inotify_init1],
        [.accept, .accept4], [.setxattr, .lsetxattr, .fsetxattr, .setxattrat], [.removexattr, .lremovexattr, .fremovexattr, .removexattrat],
        [.mlock, .mlock2], [.semop, .semtimedop], [.io_getevents, .io_pgetevents], [.sync, .syncfs],
    ]

    /// What follows from these calls having been seen, without them.
    public static func inferred(from seen: Set<Syscall>, architecture: Architecture = .native) -> Set<Syscall> {
        var all: Set<Syscall> = []
        for group in equivalent where !seen.isDisjoint(with: group) { all.formUnion(group) }
        return all.subtracting(seen).filter { architecture.number(of: $0) != nil }
    }
}
