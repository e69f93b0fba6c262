// SPDX-License-Identifier: Apache-2.0
//
// Denials in words, asserted whole, and the words by which profiles grant.

import Testing

@testable import Syscalls

@Suite struct DenialTests {
    @Test(
        arguments: [
            (Syscall.socket, Arguments(2, 0x8_0001), "socket(AF_INET, SOCK_STREAM)", "add --net ..."),
            (.socket, Arguments(1, 1), "socket(AF_UNIX, SOCK_STREAM)", "syscalls: allow: [unix-socket]"),
            (.socket, Arguments(16, 3, 0), "socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)", "syscalls: allow: [netlink-route]"),
            (.socket, Arguments(16, 3, 9), "socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT)", "not grantable, only by unsafe: [sockets]"),
            (.socket, Arguments(1 << 32 | 40, 1), "socket(AF_VSOCK, SOCK_STREAM)", "not grantable, only by unsafe: [sockets]"),
            (.ptrace, Arguments(16, 1), "ptrace(PTRACE_ATTACH)", "not grantable, only by unsafe: [ptrace]"),
            (.unshare, Arguments(0x1000_0000), "unshare(CLONE_NEWUSER)", "not grantable, only by unsafe: [namespaces]"),
            (.clone, Arguments(0x6000_0011), "clone(CLONE_NEWPID|CLONE_NEWNET)", "not grantable, only by unsafe: [namespaces]"),
            (.clone, Arguments(0x120_0011), "clone()", "syscalls: allow: [spawn]"),
            (.execve, Arguments(), "execve()", "syscalls: allow: [exec]"),
            (.unlinkat, Arguments(), "unlinkat()", "syscalls: allow: [fs-mutate]"),
            (.ioctl, Arguments(0, 0x5412), "ioctl(0, TIOCSTI)", "not grantable, only by unsafe: [terminal-injection]"),
            (.ioctl, Arguments(3, 0xABCD), "ioctl(3, 0xabcd)", "syscalls: allow: [ioctl:0xabcd]"),
            (.prctl, Arguments(35), "prctl(PR_SET_MM)", "syscalls: allow: [prctl:PR_SET_MM]"),
            (.setsockopt, Arguments(3, 6, 31), "setsockopt(IPPROTO_TCP, TCP_ULP)", "syscalls: allow: [setsockopt:TCP_ULP]"),
            (.setsockopt, Arguments(3, 6, 99), "setsockopt(IPPROTO_TCP, 99)", "syscalls: allow: ['setsockopt:6,99']"),
            (.inotify_init1, Arguments(), "inotify_init1()", "syscalls: allow: [inotify]"),
            (.personality, Arguments(0x4_0000), "personality(0x40000)", "not grantable, only by unsafe: [personality]"),
            (.kill, Arguments(1, 9), "kill(1, 9)", nil),
            (.prlimit64, Arguments(1, 7), "prlimit64(1, 7)", nil),
            (.mount, Arguments(), "mount()", "not grantable, only by unsafe: [namespaces]"),
        ] as [(Syscall, Arguments, String, String?)])
    func `a denial says what was called and what would grant it`(
        syscall: Syscall, arguments: Arguments, what: String, remedy: String?
    ) throws {
        let number = try #require(Architecture.x86_64.number(of: syscall))
        let denial = SyscallPolicy().denial(number: number, arguments: arguments, architecture: .x86_64)
        #expect(denial.what == what)
        #expect(denial.remedy == remedy)
        #expect(denial.errno != nil)
        #expect(denial.outcome.answer != .allow)
    }

    @Test func `what a denial names grants the call`() throws {
        var generator = Seeded(state: 3)
        for _ in 0..<400 {
            let number = Int32.random(in: 0..<473, using: &generator)
            let arguments = Arguments(
                .random(in: 0...50, using: &generator), .random(in: 0...70, using: &generator), .random(in: 0...40, using: &generator))
            let denial = SyscallPolicy().denial(number: number, arguments: arguments, architecture: .x86_64)
            // An ioprio_set of a kind that no grant covers is still, first of all, one of sched.
            guard let grant = denial.grant, denial.syscall != .ioprio_set else { continue }
            var policy = SyscallPolicy()
            try policy.allow(grant)
            let after = policy.denial(number: number, arguments: arguments, architecture: .x86_64)
            #expect(after.outcome.answer == .allow, "\(denial.what): \(grant)")
        }
    }

    @Test func `executable memory is a matter of jit`() {
        let denial = SyscallPolicy(paranoid: true).denial(number: 10, arguments: Arguments(0, 0, 5), architecture: .x86_64)
        #expect(denial.what == "mprotect(PROT_READ|PROT_EXEC)")
        #expect(denial.remedy == "syscalls: allow: [jit]")
    }

    @Test func `an unknown number has no name and no remedy`() {
        let denial = SyscallPolicy().denial(number: 9999, arguments: Arguments(), architecture: .x86_64)
        #expect(denial.what == "syscall 9999")
        #expect(denial.remedy == nil)
        #expect(denial.errno == 38)
    }

    @Test func `the errno of a denial is the model's`() {
        let policy = SyscallPolicy()
        #expect(policy.denial(number: 41, arguments: Arguments(40), architecture: .x86_64).errno == 97)
        #expect(policy.denial(number: 59, arguments: Arguments(), architecture: .x86_64).errno == 1)
        #expect(policy.denial(number: 239, arguments: Arguments(), architecture: .x86_64).errno == 38)
        #expect(policy.denial(number: 101, arguments: Arguments(), architecture: .x86_64).isForbidden)
    }
}

@Suite struct GrantTests {
    @Test(arguments: Family.allCases) func `every family is granted by its name`(family: Family) throws {
        var policy = SyscallPolicy()
        try policy.allow(family.name)
        #expect(policy.families == [family])
    }

    @Test(arguments: Forbidden.allCases) func `every forbidden group only by unsafe`(group: Forbidden) throws {
        var policy = SyscallPolicy()
        #expect(throws: SyscallError.onlyUnsafe(group.name, group: group)) { try policy.allow(group.name) }
        try policy.allowUnsafe(group.name)
        #expect(policy.unsafe == [group])
    }

    @Test func `requests are granted by name and number`() throws {
        var policy = SyscallPolicy()
        for word in ["ioctl:0x1234", "ioctl:SIOCETHTOOL", "prctl:PR_SET_MM", "prctl:77", "setsockopt:TCP_ULP", "setsockopt:41,70"] {
            try policy.allow(word)
        }
        #expect(policy.ioctls == [0x1234, 0x8946])
        #expect(policy.prctls == [35, 77])
        #expect(policy.socketOptions == [SocketOption(level: 6, option: 31), SocketOption(level: 41, option: 70)])
    }

    @Test(arguments: [
        ("spwan", "`spwan` is no syscall family\nhelp: did you mean `spawn`?"),
        ("fs_mutate", "`fs_mutate` is no syscall family\nhelp: did you mean `fs-mutate`?"),
        ("ioctl:TCGET", "`ioctl:TCGET` is no syscall family\nhelp: did you mean `ioctl:TCGETS`?"),
        ("everything", "`everything` is no syscall family"),
        ("ioctl:", "`ioctl:` is no syscall family"),
        (
            "ioctl:TIOCSTI",
            "`ioctl:TIOCSTI` is forbidden: type into the terminal: TIOCSTI and TIOCLINUX\n"
                + "help: not grantable, only by `unsafe: [terminal-injection]`"
        ),
        (
            "ioctl:0x5412",
            "`ioctl:0x5412` is forbidden: type into the terminal: TIOCSTI and TIOCLINUX\n"
                + "help: not grantable, only by `unsafe: [terminal-injection]`"
        ),
    ])
    func `a wrong word is told with the nearest spelling`(word: String, message: String) {
        var policy = SyscallPolicy()
        let error = #expect(throws: SyscallError.self) { try policy.allow(word) }
        #expect(error?.description == message)
        #expect(policy == SyscallPolicy())
    }
}
