// SPDX-License-Identifier: Apache-2.0
//
// The requests of ioctl, prctl and setsockopt by name: which belong to the base, which to a family, and how a profile or a
// message spells them. A request without a name is spelled as a number. Numbers are those of x86_64 and aarch64, which agree
// (asm-generic/ioctls.h, linux/fs.h, linux/prctl.h, asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h).

/// ioctl requests.
enum Request {
    static let names: [(name: String, value: UInt32)] = [
        ("TCGETS", 0x5401), ("TCSETS", 0x5402), ("TCSETSW", 0x5403), ("TCSETSF", 0x5404), ("TCSBRK", 0x5409), ("TCXONC", 0x540A),
        ("TCFLSH", 0x540B), ("TIOCSCTTY", 0x540E), ("TIOCGPGRP", 0x540F), ("TIOCSPGRP", 0x5410), ("TIOCOUTQ", 0x5411),
        ("TIOCSTI", 0x5412), ("TIOCGWINSZ", 0x5413), ("TIOCSWINSZ", 0x5414), ("FIONREAD", 0x541B), ("TIOCLINUX", 0x541C),
        ("TIOCNOTTY", 0x5422), ("FIONBIO", 0x5421), ("TIOCGSID", 0x5429), ("TCGETS2", 0x802C_542A), ("TCSETS2", 0x402C_542B),
        ("TCSETSW2", 0x402C_542C), ("TCSETSF2", 0x402C_542D), ("TIOCGPTN", 0x8004_5430), ("TIOCSPTLCK", 0x4004_5431),
        ("TIOCGPTPEER", 0x5441), ("FIONCLEX", 0x5450), ("FIOCLEX", 0x5451), ("FIOASYNC", 0x5452), ("FIOQSIZE", 0x5460),
        ("FIGETBSZ", 0x2), ("FICLONE", 0x4004_9409), ("FICLONERANGE", 0x4020_940D), ("FIDEDUPERANGE", 0xC018_9436),
        ("FS_IOC_GETFLAGS", 0x8008_6601), ("FS_IOC_SETFLAGS", 0x4008_6602), ("FS_IOC_FIEMAP", 0xC020_660B),
        ("FS_IOC_FSGETXATTR", 0x801C_581F), ("BLKGETSIZE64", 0x8008_1272), ("RNDGETENTCNT", 0x8004_5200), ("SIOCGIFNAME", 0x8910),
        ("SIOCGIFCONF", 0x8912), ("SIOCGIFFLAGS", 0x8913), ("SIOCGIFADDR", 0x8915), ("SIOCGIFBRDADDR", 0x8919),
        ("SIOCGIFNETMASK", 0x891B), ("SIOCGIFMTU", 0x8921), ("SIOCGIFHWADDR", 0x8927), ("SIOCGIFINDEX", 0x8933),
        ("SIOCETHTOOL", 0x8946),
    ]

    /// Ascending. T1: the terminal of the cell's own pty, and questions about descriptors.
    static let base: [UInt32] = [
        0x2, 0x5401, 0x5402, 0x5403, 0x5404, 0x5409, 0x540A, 0x540B, 0x540E, 0x540F, 0x5410, 0x5411, 0x5413, 0x5414, 0x541B,
        0x5421, 0x5422, 0x5429, 0x5441, 0x5450, 0x5451, 0x5452, 0x5460, 0x4004_5431, 0x4004_9409, 0x4020_940D, 0x402C_542B,
        0x402C_542C, 0x402C_542D, 0x8004_5200, 0x8004_5430, 0x8008_6601, 0x801C_581F, 0x802C_542A, 0xC020_660B,
    ]

    /// Ascending. With an INET or netlink family: facts about interfaces.
    static let interfaces: [UInt32] = [
        0x8910, 0x8912, 0x8913, 0x8915, 0x8919, 0x891B, 0x8921, 0x8927, 0x8933,
    ]

    /// T0: TIOCSTI types into the terminal, TIOCLINUX pastes into a console.
    static let injecting: [UInt32] = [0x5412, 0x541C]
}

/// prctl options.
enum ProcessOption {
    static let names: [(name: String, value: UInt32)] = [
        ("PR_SET_PDEATHSIG", 1), ("PR_GET_PDEATHSIG", 2), ("PR_GET_DUMPABLE", 3), ("PR_SET_DUMPABLE", 4), ("PR_GET_KEEPCAPS", 7),
        ("PR_SET_KEEPCAPS", 8), ("PR_SET_NAME", 15), ("PR_GET_NAME", 16), ("PR_GET_SECCOMP", 21), ("PR_SET_SECCOMP", 22),
        ("PR_CAPBSET_READ", 23), ("PR_CAPBSET_DROP", 24), ("PR_GET_TSC", 25), ("PR_SET_TSC", 26), ("PR_GET_SECUREBITS", 27),
        ("PR_SET_SECUREBITS", 28), ("PR_SET_TIMERSLACK", 29), ("PR_GET_TIMERSLACK", 30), ("PR_MCE_KILL", 33), ("PR_SET_MM", 35),
        ("PR_SET_CHILD_SUBREAPER", 36), ("PR_GET_CHILD_SUBREAPER", 37), ("PR_SET_NO_NEW_PRIVS", 38), ("PR_GET_NO_NEW_PRIVS", 39),
        ("PR_GET_TID_ADDRESS", 40), ("PR_SET_THP_DISABLE", 41), ("PR_GET_THP_DISABLE", 42), ("PR_CAP_AMBIENT", 47),
        ("PR_SVE_SET_VL", 50), ("PR_SVE_GET_VL", 51), ("PR_GET_SPECULATION_CTRL", 52), ("PR_SET_SPECULATION_CTRL", 53),
        ("PR_PAC_RESET_KEYS", 54), ("PR_SET_TAGGED_ADDR_CTRL", 55), ("PR_GET_TAGGED_ADDR_CTRL", 56), ("PR_SET_IO_FLUSHER", 57),
        ("PR_SET_SYSCALL_USER_DISPATCH", 59), ("PR_PAC_SET_ENABLED_KEYS", 60), ("PR_PAC_GET_ENABLED_KEYS", 61), ("PR_SCHED_CORE", 62),
        ("PR_SME_SET_VL", 63), ("PR_SME_GET_VL", 64), ("PR_SET_MDWE", 65), ("PR_GET_MDWE", 66), ("PR_SET_MEMORY_MERGE", 67),
        ("PR_GET_MEMORY_MERGE", 68), ("PR_SET_VMA", 0x5356_4D41), ("PR_SET_PTRACER", 0x5961_6D61), ("PR_GET_AUXV", 0x4155_5856),
    ]

    /// Ascending. T1: names, facts, and options that only tighten or concern the caller alone.
    static let base: [UInt32] = [
        1, 2, 3, 4, 7, 15, 16, 21, 22, 23, 25, 27, 29, 30, 36, 37, 38, 39, 40, 41, 42, 47, 50, 51, 52, 53, 54, 55, 56, 60, 61,
        63, 64, 65, 66, 0x4155_5856, 0x5356_4D41, 0x5961_6D61,
    ]
}

extension SocketOption {
    static let names: [(name: String, level: UInt32, option: UInt32)] = [
        ("SO_REUSEADDR", 1, 2), ("SO_BROADCAST", 1, 6), ("SO_SNDBUF", 1, 7), ("SO_RCVBUF", 1, 8), ("SO_KEEPALIVE", 1, 9),
        ("SO_OOBINLINE", 1, 10), ("SO_PRIORITY", 1, 12), ("SO_LINGER", 1, 13), ("SO_REUSEPORT", 1, 15), ("SO_PASSCRED", 1, 16),
        ("SO_RCVLOWAT", 1, 18), ("SO_RCVTIMEO", 1, 20), ("SO_SNDTIMEO", 1, 21), ("SO_BINDTODEVICE", 1, 25),
        ("SO_ATTACH_FILTER", 1, 26), ("SO_TIMESTAMP", 1, 29), ("SO_RXQ_OVFL", 1, 40), ("SO_PEEK_OFF", 1, 42), ("SO_ATTACH_BPF", 1, 50),
        ("SO_ZEROCOPY", 1, 60), ("IP_TOS", 0, 1), ("IP_TTL", 0, 2), ("IP_PKTINFO", 0, 8), ("IP_MTU_DISCOVER", 0, 10),
        ("IP_RECVERR", 0, 11), ("IP_RECVTTL", 0, 12), ("IP_RECVTOS", 0, 13), ("IP_FREEBIND", 0, 15), ("IP_BIND_ADDRESS_NO_PORT", 0, 24),
        ("IP_MULTICAST_IF", 0, 32), ("IP_MULTICAST_TTL", 0, 33), ("IP_MULTICAST_LOOP", 0, 34), ("IP_ADD_MEMBERSHIP", 0, 35),
        ("IP_DROP_MEMBERSHIP", 0, 36), ("IPT_SO_SET_REPLACE", 0, 64), ("TCP_NODELAY", 6, 1), ("TCP_MAXSEG", 6, 2), ("TCP_CORK", 6, 3),
        ("TCP_KEEPIDLE", 6, 4), ("TCP_KEEPINTVL", 6, 5), ("TCP_KEEPCNT", 6, 6), ("TCP_SYNCNT", 6, 7), ("TCP_DEFER_ACCEPT", 6, 9),
        ("TCP_QUICKACK", 6, 12), ("TCP_CONGESTION", 6, 13), ("TCP_USER_TIMEOUT", 6, 18), ("TCP_FASTOPEN", 6, 23),
        ("TCP_NOTSENT_LOWAT", 6, 25), ("TCP_FASTOPEN_CONNECT", 6, 30), ("TCP_ULP", 6, 31), ("UDP_CORK", 17, 1), ("UDP_SEGMENT", 17, 103),
        ("UDP_GRO", 17, 104), ("IPV6_UNICAST_HOPS", 41, 16), ("IPV6_MULTICAST_IF", 41, 17), ("IPV6_MULTICAST_HOPS", 41, 18),
        ("IPV6_MULTICAST_LOOP", 41, 19), ("IPV6_ADD_MEMBERSHIP", 41, 20), ("IPV6_DROP_MEMBERSHIP", 41, 21), ("IPV6_MTU_DISCOVER", 41, 23),
        ("IPV6_RECVERR", 41, 25), ("IPV6_V6ONLY", 41, 26), ("IPV6_RECVPKTINFO", 41, 49), ("IPV6_RECVHOPLIMIT", 41, 51),
        ("IPV6_DONTFRAG", 41, 62), ("IPV6_RECVTCLASS", 41, 66), ("IPV6_TCLASS", 41, 67), ("NETLINK_EXT_ACK", 270, 11),
        ("NETLINK_GET_STRICT_CHK", 270, 12),
    ]

    private static func options(_ level: UInt32, _ options: [UInt32]) -> [SocketOption] {
        options.map { SocketOption(level: level, option: $0) }
    }

    /// Ascending, like the two after it. With any socket family.
    static let generic = options(1, [2, 6, 7, 8, 9, 10, 12, 13, 15, 16, 18, 20, 21, 29, 40, 42, 60])

    /// With an INET family. Not TCP_ULP (kernel TLS), packet filters and netfilter tables.
    static let internet =
        options(0, [1, 2, 8, 10, 11, 12, 13, 15, 24, 32, 33, 34, 35, 36])
        + options(6, [1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 18, 23, 25, 30])
        + options(17, [1, 103, 104])
        + options(41, [16, 17, 18, 19, 20, 21, 23, 25, 26, 49, 51, 62, 66, 67])

    /// With netlink-route.
    static let netlink = options(270, [11, 12])
}
