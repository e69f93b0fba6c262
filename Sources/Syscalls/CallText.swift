// SPDX-License-Identifier: Apache-2.0
//
// Calls as text: names of the constants that denials are about. A value without a name is written as a number.
// Source: linux/socket.h, linux/sched.h, linux/ptrace.h, linux/personality.h, asm-generic/mman-common.h.

enum CallText {
    /// `name(argument, ..)` with the arguments that tell what was wanted.
    static func describe(_ syscall: Syscall?, _ number: Int32, _ arguments: Arguments) -> String {
        guard let syscall else { return "syscall \(number)" }
        func word(_ index: UInt8) -> UInt32 { UInt32(truncatingIfNeeded: arguments[index]) }
        func signed(_ index: UInt8) -> String { String(Int32(bitPattern: word(index))) }
        let shown: [String]
        switch syscall {
        case .socket, .socketpair:
            let family = named(word(0), families)
            let kind = socketType(word(1))
            shown = word(0) == AddressFamily.netlink ? [family, kind, named(word(2), netlinkProtocols)] : [family, kind]
        case .clone:
            let namespaces = flags(word(0) & 0x7E02_0000, namespaceFlags)
            shown = namespaces.isEmpty ? [] : [namespaces]
        case .unshare: shown = [flags(word(0), namespaceFlags)]
        case .setns: shown = [signed(0), flags(word(1), namespaceFlags)]
        case .ptrace: shown = [named(word(0), ptraceRequests)]
        case .ioctl: shown = [signed(0), named(word(1), Request.names)]
        case .prctl: shown = [named(word(0), ProcessOption.names)]
        case .setsockopt: shown = socketOption(word(1), word(2))
        case .personality: shown = [hex(word(0))]
        case .mmap, .mprotect, .pkey_mprotect: shown = [flags(word(2), protections)]
        case .kill, .tkill, .rt_sigqueueinfo: shown = [signed(0), signed(1)]
        case .tgkill, .rt_tgsigqueueinfo: shown = [signed(0), signed(1), signed(2)]
        case .prlimit64, .setpriority, .ioprio_set: shown = [signed(0), signed(1)]
        case .sched_setaffinity, .sched_setscheduler, .sched_setparam, .sched_setattr: shown = [signed(0)]
        case .bpf, .keyctl: shown = [signed(0)]
        default: shown = []
        }
        return "\(syscall.rawValue)(\(shown.joined(separator: ", ")))"
    }

    /// The word that grants one request by itself.
    static func item(_ syscall: Syscall, _ arguments: Arguments) -> String? {
        func word(_ index: UInt8) -> UInt32 { UInt32(truncatingIfNeeded: arguments[index]) }
        switch syscall {
        case .ioctl: return "ioctl:" + named(word(1), Request.names)
        case .prctl: return "prctl:" + named(word(0), ProcessOption.names)
        case .setsockopt:
            let known = SocketOption.names.first { $0.level == word(1) && $0.option == word(2) }
            return "setsockopt:" + (known?.name ?? "\(word(1)),\(word(2))")
        default: return nil
        }
    }

    private static func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }

    private static func named(_ value: UInt32, _ names: [(name: String, value: UInt32)]) -> String {
        names.first { $0.value == value }?.name ?? (value < 1024 ? String(value) : hex(value))
    }

    private static func flags(_ value: UInt32, _ names: [(name: String, value: UInt32)]) -> String {
        var rest = value
        var shown: [String] = []
        for (name, bit) in names where rest & bit == bit {
            shown.append(name)
            rest &= ~bit
        }
        if rest != 0 { shown.append(hex(rest)) }
        return shown.joined(separator: "|")
    }

    /// Without SOCK_CLOEXEC and SOCK_NONBLOCK, which say nothing about what was wanted.
    private static func socketType(_ value: UInt32) -> String {
        named(
            value & ~0x8_0800,
            [
                ("SOCK_STREAM", 1), ("SOCK_DGRAM", 2), ("SOCK_RAW", 3), ("SOCK_RDM", 4), ("SOCK_SEQPACKET", 5), ("SOCK_DCCP", 6),
                ("SOCK_PACKET", 10),
            ])
    }

    private static func socketOption(_ level: UInt32, _ option: UInt32) -> [String] {
        let levels: [(name: String, value: UInt32)] = [
            ("IPPROTO_IP", 0), ("SOL_SOCKET", 1), ("IPPROTO_TCP", 6), ("IPPROTO_UDP", 17), ("IPPROTO_IPV6", 41), ("SOL_ALG", 279),
            ("SOL_NETLINK", 270), ("SOL_TLS", 282),
        ]
        let known = SocketOption.names.first { $0.level == level && $0.option == option }
        return [named(level, levels), known?.name ?? String(option)]
    }

    private static let families: [(name: String, value: UInt32)] = [
        ("AF_UNSPEC", 0), ("AF_UNIX", 1), ("AF_INET", 2), ("AF_AX25", 3), ("AF_IPX", 4), ("AF_APPLETALK", 5), ("AF_NETROM", 6),
        ("AF_ATMPVC", 8), ("AF_X25", 9), ("AF_INET6", 10), ("AF_ROSE", 11), ("AF_KEY", 15), ("AF_NETLINK", 16), ("AF_PACKET", 17),
        ("AF_ATMSVC", 20), ("AF_RDS", 21), ("AF_LLC", 26), ("AF_IB", 27), ("AF_MPLS", 28), ("AF_CAN", 29), ("AF_TIPC", 30),
        ("AF_BLUETOOTH", 31), ("AF_RXRPC", 33), ("AF_PHONET", 35), ("AF_IEEE802154", 36), ("AF_CAIF", 37), ("AF_ALG", 38),
        ("AF_NFC", 39), ("AF_VSOCK", 40), ("AF_KCM", 41), ("AF_QIPCRTR", 42), ("AF_SMC", 43), ("AF_XDP", 44), ("AF_MCTP", 45),
    ]

    private static let netlinkProtocols: [(name: String, value: UInt32)] = [
        ("NETLINK_ROUTE", 0), ("NETLINK_SOCK_DIAG", 4), ("NETLINK_XFRM", 6), ("NETLINK_SELINUX", 7), ("NETLINK_AUDIT", 9),
        ("NETLINK_CONNECTOR", 11), ("NETLINK_NETFILTER", 12), ("NETLINK_KOBJECT_UEVENT", 15), ("NETLINK_GENERIC", 16),
        ("NETLINK_CRYPTO", 21),
    ]

    private static let namespaceFlags: [(name: String, value: UInt32)] = [
        ("CLONE_NEWNS", 0x0002_0000), ("CLONE_NEWCGROUP", 0x0200_0000), ("CLONE_NEWUTS", 0x0400_0000), ("CLONE_NEWIPC", 0x0800_0000),
        ("CLONE_NEWUSER", 0x1000_0000), ("CLONE_NEWPID", 0x2000_0000), ("CLONE_NEWNET", 0x4000_0000), ("CLONE_NEWTIME", 0x80),
        ("CLONE_FS", 0x200), ("CLONE_FILES", 0x400), ("CLONE_SYSVSEM", 0x4_0000),
    ]

    private static let protections: [(name: String, value: UInt32)] = [("PROT_READ", 1), ("PROT_WRITE", 2), ("PROT_EXEC", 4)]

    private static let ptraceRequests: [(name: String, value: UInt32)] = [
        ("PTRACE_TRACEME", 0), ("PTRACE_PEEKTEXT", 1), ("PTRACE_PEEKDATA", 2), ("PTRACE_PEEKUSER", 3), ("PTRACE_POKETEXT", 4),
        ("PTRACE_POKEDATA", 5), ("PTRACE_CONT", 7), ("PTRACE_KILL", 8), ("PTRACE_GETREGS", 12), ("PTRACE_ATTACH", 16),
        ("PTRACE_DETACH", 17), ("PTRACE_SYSCALL", 24), ("PTRACE_SETOPTIONS", 0x4200), ("PTRACE_SEIZE", 0x4206),
        ("PTRACE_SECCOMP_GET_FILTER", 0x420C),
    ]
}
