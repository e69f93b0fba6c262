// SPDX-License-Identifier: Apache-2.0
//
// The syscalls whose answer depends on their arguments, each with its rule. Only scalar arguments: what is behind a pointer
// can be rewritten by another thread. `int` arguments are compared by their lower 32 bits, as the kernel takes them:
// an allow-list over 64 bits would let `socket(0x1_0000_0028, ..)` open AF_VSOCK. Nothing on the hot path (read, write,
// futex) is checked, as a check loses the kernel's constant-answer bitmap for that number (75-135 ns a call); mmap and
// mprotect are base, and checked only under `paranoid` without the jit family: node and java die of the check, grep -P falls back.

extension SyscallPolicy {
    /// The rule of a `checked` syscall.
    func argumentRule(_ syscall: Syscall) -> Rule {
        switch syscall {
        case .execveat: execveat
        case .clone: clone
        case .kill, .tkill: refusingInit([0])
        case .tgkill, .rt_tgsigqueueinfo: refusingInit([0, 1])
        case .rt_sigqueueinfo: refusingInit([0])
        case .sched_setaffinity: refusingInit([0])
        case .sched_setscheduler, .sched_setparam, .sched_setattr:
            families.contains(.sched) ? refusingInit([0]) : plain(denied([.sched]))
        // which: PRIO_PROCESS 0, PRIO_PGRP 1; PRIO_USER 2 would reach PID 1. who: PID 1 by number.
        case .setpriority: target(which: WordRange(0, 1))
        // The same with IOPRIO_WHO_PROCESS 1, _PGRP 2, _USER 3.
        case .ioprio_set: families.contains(.sched) ? target(which: WordRange(1, 2)) : plain(denied([.sched]))
        // pid 0: PID 1 has the same uid, and its descriptor limit could be set to nothing.
        case .prlimit64: Rule([Case([Condition(0, in: [0])], .allowed)], otherwise: deny(Errno.permission, .otherProcess))
        case .personality: personality
        case .ioctl: ioctl
        case .prctl: prctl
        case .socket: socket
        case .socketpair: socketpair
        case .setsockopt: setsockopt
        // PROT_WRITE | PROT_EXEC together; ld.so maps code without PROT_WRITE.
        case .mmap: withoutJIT(mask: 6, value: 6)
        // PROT_EXEC given later; ld.so only takes rights away.
        case .mprotect, .pkey_mprotect: withoutJIT(mask: 4, value: 4)
        // A file made in a writable folder outlives the cell: with a set-id mode it would be the caller, root perhaps, for everybody.
        case .open: creating(flags: 1, mode: 2)
        case .openat: creating(flags: 2, mode: 3)
        case .creat: withoutSetID(mode: 1)
        // Its mode lies behind a pointer. Callers fall back to openat.
        case .openat2: plain(Outcome(.errno(Errno.noSyscall), .setID))
        case .chmod, .fchmod, .mknod: mutating(withoutSetID(mode: 1))
        case .fchmodat, .fchmodat2, .mknodat: mutating(withoutSetID(mode: 2))
        default: plain(deny(Errno.permission, .item))
        }
    }

    /// S_ISUID and S_ISGID.
    private var setID: UInt32 { 0o6000 }

    private func withoutSetID(mode: UInt8) -> Rule {
        Rule([Case([Condition(mode, mask: setID, in: [0])], .allowed)], otherwise: deny(Errno.permission, .setID))
    }

    /// The mode means something with O_CREAT and O_TMPFILE only; else it is whatever lay in the register.
    private func creating(flags: UInt8, mode: UInt8) -> Rule {
        let makes: UInt32 = 0o100 | 0o20_000_000
        return Rule(
            [Case([Condition(flags, mask: makes, in: [0])], .allowed), Case([Condition(mode, mask: setID, in: [0])], .allowed)],
            otherwise: deny(Errno.permission, .setID))
    }

    private func mutating(_ rule: Rule) -> Rule { families.contains(.fsMutate) ? rule : plain(denied([.fsMutate])) }

    private func plain(_ outcome: Outcome) -> Rule { Rule([], otherwise: outcome) }

    private func granted(_ family: Family) -> Outcome { families.contains(family) ? .allowed : denied([family]) }

    /// Allowed but for PID 1 in one of these arguments.
    private func refusingInit(_ arguments: [UInt8]) -> Rule {
        let refused = deny(Errno.permission, .cellInit)
        return Rule(arguments.map { Case([Condition($0, in: [1])], refused) }, otherwise: .allowed)
    }

    private func target(which: WordRange) -> Rule {
        let refused = deny(Errno.permission, .cellInit)
        return Rule(
            [
                Case([Condition(1, in: [1])], refused),
                Case([Condition(argument: 0, ranges: [which])], .allowed),
            ], otherwise: refused)
    }

    private func withoutJIT(mask: UInt32, value: UInt32) -> Rule {
        guard paranoid, !families.contains(.jit) else { return plain(.allowed) }
        return Rule([Case([Condition(2, mask: mask, in: [value])], denied([.jit]))], otherwise: .allowed)
    }

    private var execveat: Rule {
        families.contains(.exec) ? plain(.allowed) : Rule([], otherwise: denied([.exec]), admitsCookie: true)
    }

    /// flags: any CLONE_NEW* is forbidden (CLONE_NEWTIME shares bits with the signal and means nothing here); a thread is
    /// CLONE_VM | CLONE_SIGHAND | CLONE_THREAD and needs no grant; everything else is a process.
    private var clone: Rule {
        let newNamespace: UInt32 = 0x7E02_0000
        let thread: UInt32 = 0x100 | 0x800 | 0x1_0000
        if unsafe.contains(.namespaces) {
            return families.contains(.spawn)
                ? plain(.allowed)
                : Rule([Case([Condition(0, mask: thread, in: [thread])], .allowed)], otherwise: denied([.spawn]))
        }
        let namespaces = forbidden(.namespaces, Errno.permission)
        if families.contains(.spawn) {
            return Rule([Case([Condition(0, mask: newNamespace, in: [0])], .allowed)], otherwise: namespaces)
        }
        return Rule(
            [
                Case([Condition(0, mask: thread | newNamespace, in: [thread])], .allowed),
                Case([Condition(0, mask: newNamespace, in: [0])], denied([.spawn])),
            ], otherwise: namespaces)
    }

    private var personality: Rule {
        // PER_LINUX, PER_LINUX32, UNAME26 and both, and the question without a change.
        var values: [UInt32] = [0, 8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF]
        // ADDR_NO_RANDOMIZE with each of them, as `setarch -R` and gdb ask for it.
        if unsafe.contains(.personality) { values = [0, 8, 0x2_0000, 0x2_0008, 0x4_0000, 0x4_0008, 0x6_0000, 0x6_0008, 0xFFFF_FFFF] }
        return Rule([Case([Condition(0, in: values)], .allowed)], otherwise: forbidden(.personality, Errno.permission))
    }

    private var ioctl: Rule {
        var allowed = merged(Request.base, ioctls)
        // A socket that was handed in is one of the host's network: it would tell of the host's interfaces.
        let tells = families.intersects([.netClient, .netServer, .netlinkRoute]) && !mediatesConnections
        if tells { allowed = merged(allowed, Request.interfaces) }
        let injection = unsafe.contains(.terminalInjection) ? Outcome.allowed : forbidden(.terminalInjection, Errno.permission)
        return Rule(
            [
                Case([Condition(1, in: Request.injecting)], injection),
                Case([Condition(1, in: allowed)], .allowed),
            ], otherwise: deny(Errno.permission, .item))
    }

    private var prctl: Rule {
        Rule([Case([Condition(0, in: merged(ProcessOption.base, prctls))], .allowed)], otherwise: deny(Errno.permission, .item))
    }

    /// By address family; every other family answers EAFNOSUPPORT, as a kernel without it would.
    private var socket: Rule {
        if unsafe.contains(.sockets) { return plain(.allowed) }
        func unless(_ family: Family) -> Outcome {
            families.contains(family) ? .allowed : deny(Errno.addressFamily, .family(family))
        }
        let internet = families.contains(.netServer) ? Outcome.allowed : unless(.netClient)
        return Rule(
            [
                Case([Condition(0, in: [AddressFamily.unix])], unless(.unixSocket)),
                Case([Condition(0, in: [AddressFamily.inet, AddressFamily.inet6])], internet),
                Case([Condition(0, in: [AddressFamily.netlink]), Condition(2, in: [0])], unless(.netlinkRoute)),
            ], otherwise: deny(Errno.addressFamily, .forbidden(.sockets)))
    }

    /// AF_UNIX of type STREAM or SEQPACKET: a DGRAM pair can send to other sockets. Type without its SOCK_CLOEXEC and
    /// SOCK_NONBLOCK bits.
    private var socketpair: Rule {
        let unix = Condition(0, in: [AddressFamily.unix])
        let types: [UInt32] = [1, 5]
        let datagram = families.contains(.unixSocket) ? Outcome.allowed : deny(Errno.permission, .family(.unixSocket))
        return Rule(
            [
                Case([unix, Condition(1, mask: ~0x8_0800, in: types)], .allowed),
                Case([unix], datagram),
            ], otherwise: deny(Errno.addressFamily, .forbidden(.sockets)))
    }

    private var setsockopt: Rule {
        var allowed = socketOptions
        if families.intersects([.netClient, .netServer]) { allowed = merged(allowed, SocketOption.internet) }
        if families.intersects([.netClient, .netServer, .unixSocket, .netlinkRoute]) { allowed = merged(allowed, SocketOption.generic) }
        if families.contains(.netlinkRoute) { allowed = merged(allowed, SocketOption.netlink) }
        var cases: [Case] = []
        var rest = allowed[...]
        while let level = rest.first?.level {
            let options = rest.prefix { $0.level == level }
            rest = rest.dropFirst(options.count)
            cases.append(Case([Condition(1, in: [level]), Condition(2, in: options.map(\.option))], .allowed))
        }
        return Rule(cases, otherwise: deny(Errno.permission, .item))
    }

    /// Two ascending lists as one, each value once.
    private func merged<Value: Comparable>(_ left: [Value], _ right: [Value]) -> [Value] {
        if right.isEmpty { return left }
        var all: [Value] = []
        all.reserveCapacity(left.count + right.count)
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            if j == right.count || (i < left.count && left[i] < right[j]) {
                all.append(left[i])
                i += 1
            } else {
                if i < left.count, left[i] == right[j] { i += 1 }
                all.append(right[j])
                j += 1
            }
        }
        return all
    }
}

/// Address families that the rules name. Source: linux/socket.h.
enum AddressFamily {
    static let unix: UInt32 = 1
    static let inet: UInt32 = 2
    static let inet6: UInt32 = 10
    static let netlink: UInt32 = 16
}
