// SPDX-License-Identifier: Apache-2.0
//
// What the policy says, as claims: written from the rules of the tiers, not from the code. They are asked of the compiled
// program, not of the table, by (syscall, arguments).

import Testing

@testable import Syscalls

/// What the program of a policy answers to a native call.
private func answer(_ policy: SyscallPolicy, _ syscall: Syscall, _ arguments: Arguments = Arguments()) throws -> UInt32 {
    let number = try #require(Architecture.x86_64.number(of: syscall))
    let filter = SyscallFilter(policy, architecture: .x86_64)
    return FilterInterpreter.run(
        filter.program(admitting: cookie), architecture: 0xC000_003E, number: UInt32(number), arguments: arguments)
}

private let base = SyscallPolicy()
private let usual = SyscallPolicy(families: [.exec, .spawn, .fsMutate])
private let allow = Answer.allow.returnValue
private let notify = Answer.notify(1).returnValue
private let high: UInt64 = 1 << 32

@Suite struct ModelTests {
    @Test(arguments: [Syscall.read, .write, .close, .futex, .rt_sigreturn, .exit_group, .restart_syscall, .access, .seccomp, .setresuid])
    func `the base is allowed without a look at arguments`(syscall: Syscall) throws {
        #expect(try answer(base, syscall) == allow)
        let number = try #require(Architecture.x86_64.number(of: syscall))
        let program = SyscallFilter(base, architecture: .x86_64).program(admitting: cookie)
        let call = SeccompCall(architecture: 0xC000_003E, number: UInt32(number))
        #expect(FilterInterpreter.run(program.span, call).read == 0b11)
    }

    @Test func `a set-id mode is refused wherever a file is made or changed`() throws {
        for mode: UInt64 in [0o4755, 0o2755, 0o6000, high | 0o4000] {
            for syscall in [Syscall.chmod, .fchmod, .mknod, .creat] {
                #expect(try answer(usual, syscall, Arguments(0, mode)) == notify, "\(syscall) \(mode)")
                #expect(try answer(usual, syscall, Arguments(0, 0o1755)) == allow, "\(syscall)")
            }
            for syscall in [Syscall.fchmodat, .fchmodat2, .mknodat] {
                #expect(try answer(usual, syscall, Arguments(0, 0, mode)) == notify, "\(syscall) \(mode)")
                #expect(try answer(usual, syscall, Arguments(0, 0, 0o1755)) == allow, "\(syscall)")
            }
            for makes: UInt64 in [0o100, 0o20_200_000] {
                #expect(try answer(usual, .open, Arguments(0, makes, mode)) == notify, "\(mode)")
                #expect(try answer(usual, .openat, Arguments(0, 0, makes, mode)) == notify, "\(mode)")
            }
            // The mode of an open that makes nothing is whatever lay in the register.
            #expect(try answer(usual, .open, Arguments(0, 0, mode)) == allow)
            #expect(try answer(usual, .openat, Arguments(0, 0, 0, mode)) == allow)
        }
        #expect(try answer(usual, .openat2) == Answer.errno(38).returnValue)
    }

    @Test(arguments: [Syscall.mmap, .mprotect])
    func `the memory calls are not looked at, but under paranoid without jit`(syscall: Syscall) throws {
        let number = try #require(Architecture.x86_64.number(of: syscall))
        for policy in [base, SyscallPolicy(families: [.jit], paranoid: true)] {
            let program = SyscallFilter(policy, architecture: .x86_64).program(admitting: cookie)
            let call = SeccompCall(architecture: 0xC000_003E, number: UInt32(number))
            #expect(FilterInterpreter.run(program.span, call).read == 0b11)
        }
    }

    @Test func `no family lets a forbidden call through`() throws {
        let all = SyscallPolicy(families: .all)
        for syscall in [
            Syscall.ptrace, .mount, .unshare, .setns, .bpf, .keyctl, .kexec_load, .init_module, .perf_event_open, .userfaultfd,
            .open_by_handle_at, .process_vm_readv, .pidfd_getfd, .reboot, .chroot, .syslog, .settimeofday, .mount_setattr, .fsopen,
            .memfd_secret, .get_mempolicy,
        ] {
            #expect(try answer(all, syscall) == notify, "\(syscall)")
        }
    }

    @Test func `probes are answered plainly`() throws {
        for policy in [base, SyscallPolicy(families: .all), SyscallPolicy(paranoid: true)] {
            for syscall in [Syscall.clone3, .io_uring_setup, .io_uring_enter, .io_uring_register] {
                #expect(try answer(policy, syscall) == Answer.errno(38).returnValue)
            }
        }
    }

    @Test func `unsafe grants its group and nothing else`() throws {
        let policy = SyscallPolicy(unsafe: [.ptrace])
        #expect(try answer(policy, .ptrace) == allow)
        #expect(try answer(policy, .process_vm_readv) == allow)
        #expect(try answer(policy, .bpf) == notify)
        #expect(try answer(policy, .unshare) == notify)
    }

    @Test func `paranoid kills what would be EPERM, and leaves probes alone`() throws {
        let policy = SyscallPolicy(paranoid: true)
        #expect(try answer(policy, .ptrace) == Answer.kill.returnValue)
        #expect(try answer(policy, .ioctl, Arguments(0, 0x5412)) == Answer.kill.returnValue)
        #expect(try answer(policy, .clone, Arguments(0x1000_0000)) == Answer.kill.returnValue)
        #expect(try answer(policy, .get_mempolicy) == notify)
        #expect(try answer(policy, .socket, Arguments(40)) == notify)
        #expect(try answer(policy, .execve) == notify)
    }

    @Test func `sockets open by family, and high bits change nothing`() throws {
        let client = SyscallPolicy(families: [.netClient])
        for bits in [0, high, 0xFFFF_FFFF << 32] as [UInt64] {
            #expect(try answer(client, .socket, Arguments(bits | 2, 1)) == allow)
            #expect(try answer(client, .socket, Arguments(bits | 10, 2)) == allow)
            for family in [1, 16, 17, 38, 40, 44] as [UInt64] {
                #expect(try answer(client, .socket, Arguments(bits | family, 1)) == notify)
            }
        }
        #expect(try answer(base, .socket, Arguments(1, 1)) == notify)
        #expect(try answer(SyscallPolicy(families: [.unixSocket]), .socket, Arguments(1, 1)) == allow)
        let route = SyscallPolicy(families: [.netlinkRoute])
        #expect(try answer(route, .socket, Arguments(16, 3, 0)) == allow)
        #expect(try answer(route, .socket, Arguments(16, 3, 12)) == notify)
        #expect(try answer(route, .socket, Arguments(16, 3, high)) == allow)
        #expect(try answer(SyscallPolicy(families: [.netClient], denials: .errno), .socket, Arguments(40)) == Answer.errno(97).returnValue)
    }

    @Test func `a pair of unix sockets is a stream`() throws {
        for flags in [0, 0x8_0000, 0x800, 0x8_0800] as [UInt64] {
            #expect(try answer(base, .socketpair, Arguments(1, 1 | flags)) == allow)
            #expect(try answer(base, .socketpair, Arguments(1, 5 | flags)) == allow)
            #expect(try answer(base, .socketpair, Arguments(1, 2 | flags)) == notify)
            #expect(try answer(base, .socketpair, Arguments(16, 1 | flags)) == notify)
        }
        #expect(try answer(SyscallPolicy(families: [.unixSocket]), .socketpair, Arguments(1, 2)) == allow)
    }

    @Test func `clone makes threads, with spawn processes, and never namespaces`() throws {
        let thread: UInt64 = 0x3D_0F00
        let process: UInt64 = 0x120_0011
        #expect(try answer(base, .clone, Arguments(thread)) == allow)
        #expect(try answer(base, .clone, Arguments(process)) == notify)
        #expect(try answer(base, .clone, Arguments(0x1_0000)) == notify)
        #expect(try answer(usual, .clone, Arguments(thread)) == allow)
        #expect(try answer(usual, .clone, Arguments(process)) == allow)
        for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] as [UInt64] {
            for policy in [base, usual, SyscallPolicy(families: .all)] {
                for other in [thread, process, 0, high] { #expect(try answer(policy, .clone, Arguments(flag | other)) == notify) }
            }
        }
    }

    @Test func `nothing types into the terminal`() throws {
        var policy = SyscallPolicy(families: .all)
        policy.grant(ioctl: 0x5412)
        for bits in [0, high, 0xFFFF_FFFF << 32] as [UInt64] {
            #expect(try answer(policy, .ioctl, Arguments(0, bits | 0x5412)) == notify)
            #expect(try answer(policy, .ioctl, Arguments(0, bits | 0x541C)) == notify)
            #expect(try answer(base, .ioctl, Arguments(0, bits | 0x5401)) == allow)
        }
        #expect(try answer(SyscallPolicy(unsafe: [.terminalInjection]), .ioctl, Arguments(0, 0x5412)) == allow)
        #expect(try answer(base, .ioctl, Arguments(0, 0x1234)) == notify)
        policy.grant(ioctl: 0x1234)
        #expect(try answer(policy, .ioctl, Arguments(0, 0x1234)) == allow)
    }

    @Test func `PID 1 of the cell is out of reach`() throws {
        let all = SyscallPolicy(families: .all)
        for policy in [base, all] {
            for syscall in [Syscall.kill, .tkill, .rt_sigqueueinfo, .sched_setaffinity] {
                for bits in [0, high] as [UInt64] { #expect(try answer(policy, syscall, Arguments(bits | 1, 9)) == notify) }
                #expect(try answer(policy, syscall, Arguments(2, 9)) == allow)
                #expect(try answer(policy, syscall, Arguments(0, 9)) == allow)
            }
            #expect(try answer(policy, .tgkill, Arguments(2, 1)) == notify)
            #expect(try answer(policy, .tgkill, Arguments(1, 2)) == notify)
            #expect(try answer(policy, .tgkill, Arguments(2, 3)) == allow)
            #expect(try answer(policy, .setpriority, Arguments(0, 0)) == allow)
            #expect(try answer(policy, .setpriority, Arguments(0, 1)) == notify)
            #expect(try answer(policy, .setpriority, Arguments(2, 0)) == notify)
            #expect(try answer(policy, .prlimit64, Arguments(0)) == allow)
            #expect(try answer(policy, .prlimit64, Arguments(1)) == notify)
            #expect(try answer(policy, .prlimit64, Arguments(2)) == notify)
            #expect(try answer(policy, .prlimit64, Arguments(high)) == allow)
        }
        for syscall in [Syscall.sched_setscheduler, .sched_setparam, .sched_setattr] {
            #expect(try answer(base, syscall, Arguments(0)) == notify)
            #expect(try answer(all, syscall, Arguments(0)) == allow)
            #expect(try answer(all, syscall, Arguments(1)) == notify)
        }
    }

    @Test func `personality keeps to its five values`() throws {
        for value in [0, 8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF] as [UInt64] {
            #expect(try answer(base, .personality, Arguments(value)) == allow)
            #expect(try answer(base, .personality, Arguments(high | value)) == allow)
        }
        for value in [1, 0x4_0000, 0x40_0000, 0xFFFF_FFFE] as [UInt64] {
            #expect(try answer(base, .personality, Arguments(value)) == notify)
        }
        #expect(try answer(SyscallPolicy(unsafe: [.personality]), .personality, Arguments(0x4_0000)) == allow)
        #expect(try answer(SyscallPolicy(unsafe: [.personality]), .personality, Arguments(0x40_0000)) == notify)
    }

    @Test func `under paranoid, memory becomes executable only with jit`() throws {
        let strict = SyscallPolicy(families: [.exec, .spawn], paranoid: true)
        #expect(try answer(strict, .mmap, Arguments(0, 4096, 5)) == allow)
        #expect(try answer(strict, .mmap, Arguments(0, 4096, 3)) == allow)
        #expect(try answer(strict, .mmap, Arguments(0, 4096, 7)) == notify)
        #expect(try answer(strict, .mprotect, Arguments(0, 4096, 3)) == allow)
        #expect(try answer(strict, .mprotect, Arguments(0, 4096, 5)) == notify)
        #expect(try answer(SyscallPolicy(families: [.jit], paranoid: true), .mprotect, Arguments(0, 4096, 7)) == allow)
        #expect(try answer(usual, .mmap, Arguments(0, 4096, 7)) == allow)
        #expect(try answer(usual, .mprotect, Arguments(0, 4096, 7)) == allow)
    }

    @Test func `only the cookie of the launch executes without exec`() throws {
        #expect(try answer(base, .execveat, Arguments(0, 0, 0, 0, 0, cookie.value)) == allow)
        #expect(try answer(base, .execve, Arguments(0, 0, 0, 0, 0, cookie.value)) == notify)
        for bit in 0..<64 as Range<UInt64> {
            #expect(try answer(base, .execveat, Arguments(0, 0, 0, 0, 0, cookie.value ^ 1 << bit)) == notify)
        }
        #expect(try answer(base, .execveat) == notify)
        #expect(try answer(usual, .execveat) == allow)
        #expect(SyscallFilter(usual).cookieSites == nil)
        #expect(ExecCookie(0) == nil)
    }

    @Test func `socket options come one by one and with families`() throws {
        #expect(try answer(base, .setsockopt, Arguments(0, 6, 1)) == notify)
        let client = SyscallPolicy(families: [.netClient])
        #expect(try answer(client, .setsockopt, Arguments(0, 6, 1)) == allow)
        #expect(try answer(client, .setsockopt, Arguments(0, 6, 31)) == notify)
        #expect(try answer(client, .setsockopt, Arguments(0, 1, 26)) == notify)
        #expect(try answer(SyscallPolicy(families: [.unixSocket]), .setsockopt, Arguments(0, 1, 7)) == allow)
        #expect(try answer(SyscallPolicy(families: [.unixSocket]), .setsockopt, Arguments(0, 6, 1)) == notify)
    }

    @Test func `other conventions are killed, unknown numbers are ENOSYS`() {
        let program = SyscallFilter(base, architecture: .x86_64).program(admitting: cookie)
        func run(_ architecture: UInt32, _ number: UInt32) -> UInt32 {
            FilterInterpreter.run(program, architecture: architecture, number: number)
        }
        #expect(run(0x4000_0003, 0) == 0x8000_0000)
        #expect(run(0xC000_00B7, 63) == 0x8000_0000)
        #expect(run(0xC000_003E, 0x4000_0000) == 0x8000_0000)
        #expect(run(0xC000_003E, 0x4000_0000 | 520) == 0x8000_0000)
        for number in [337, 423, 473, 512, 547, 0x2C0_FFEF, .max] as [UInt32] { #expect(run(0xC000_003E, number) == 0x0005_0026) }
        let lenient = SyscallFilter(SyscallPolicy(foreignABI: .enosys), architecture: .x86_64).program(admitting: cookie)
        #expect(FilterInterpreter.run(lenient, architecture: 0x4000_0003, number: 11) == 0x0005_0026)
        #expect(FilterInterpreter.run(lenient, architecture: 0x4000_0028, number: 11) == 0x8000_0000)
    }

    @Test func `the canary tells filters apart`() {
        var seen: Set<UInt16> = []
        for policy in policies {
            let filter = SyscallFilter(policy, architecture: .x86_64)
            #expect((1024...4095).contains(filter.canary))
            let answered = FilterInterpreter.run(filter.program(admitting: cookie), architecture: 0xC000_003E, number: 0x2C0_FFEE)
            #expect(answered == 0x0005_0000 | UInt32(filter.canary))
            seen.insert(filter.canary)
        }
        #expect(seen.count == policies.count)
        // The cookie is not part of it: the cached filter's errno is known before the launch.
        #expect(SyscallFilter(base) == SyscallFilter(base))
    }

    @Test func `a filter survives its bytes`() throws {
        for policy in policies {
            let filter = SyscallFilter(policy)
            #expect(SyscallFilter(serialized: filter.serialized) == filter)
            #expect(SyscallFilter(serialized: Array(filter.serialized.dropLast())) == nil)
        }
        #expect(SyscallFilter(serialized: []) == nil)
        #expect(SyscallFilter(serialized: [UInt8](repeating: 0xFF, count: 24)) == nil)
    }

    @Test func `policies that differ have different identities`() {
        var identities = Set(policies.map { $0.identity() })
        var policy = SyscallPolicy()
        policy.grant(ioctl: 7)
        identities.insert(policy.identity())
        policy = SyscallPolicy()
        policy.grant(prctl: 7)
        identities.insert(policy.identity())
        identities.insert(SyscallPolicy().identity(for: .aarch64))
        #expect(identities.count == policies.count + 3 - (Architecture.native == .aarch64 ? 1 : 0))
    }

    @Test func `PID 1's filter kills what it does not need`() {
        let program = SyscallFilter.cellInit(architecture: .x86_64).program(admitting: cookie)
        func run(_ number: UInt32, _ argument: UInt64 = 0) -> UInt32 {
            FilterInterpreter.run(program, architecture: 0xC000_003E, number: number, arguments: Arguments(argument))
        }
        for number in [0, 1, 3, 61, 62, 247, 231, 7, 271, 46, 128, 15, 219, 228, 98] as [UInt32] { #expect(run(number) == allow) }
        for number in [2, 9, 56, 59, 41, 101, 257, 272, 322, 435, .max] as [UInt32] { #expect(run(number) == 0x8000_0000) }
        #expect(run(157, 4) == allow)
        #expect(run(157, 15) == 0x8000_0000)
    }
}
