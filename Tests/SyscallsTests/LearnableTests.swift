// SPDX-License-Identifier: Apache-2.0
//
// How far learning goes: the ceiling holds no forbidden call, whatever is asked, and what is exported means what the policy means.

import JSON
import Testing

@testable import Syscalls

@Suite("what may be learned")
struct LearnableTests {
    private static let forbidden: [(Syscall, Arguments)] = [
        (.ptrace, Arguments(0)), (.bpf, Arguments(0)), (.unshare, Arguments(0x1000_0000)), (.clone, Arguments(0x1000_0011)), (.add_key, Arguments()),
        (.mount, Arguments()), (.ioctl, Arguments(0, 0x5412)), (.socket, Arguments(40, 1)), (.socket, Arguments(0x1_0000_0028, 1)),
        (.personality, Arguments(0x4_0000)),
        (.fchmodat, Arguments(0, 0, 0o4755)), (.openat, Arguments(0, 0, 0o101, 0o4755)), (.kill, Arguments(1, 9)), (.prlimit64, Arguments(1)),
        (.sched_setscheduler, Arguments(1)), (.setsockopt, Arguments(3, 1, 50)), (.setsockopt, Arguments(3, 6, 31)), (.prctl, Arguments(35)),
        (.ioctl, Arguments(3, 0xDEAD_BEEF)),
    ]

    @Test(arguments: [true, false])
    func `the ceiling holds nothing that only a person grants`(network: Bool) {
        let table = SyscallPolicy.learnable(network: network).rules(canary: 1)
        for (syscall, arguments) in Self.forbidden {
            guard let number = Architecture.native.number(of: syscall) else { continue }
            let outcome = table.outcome(architecture: Architecture.native.auditIdentity, number: UInt32(number), arguments: arguments)
            #expect(outcome.answer != .allow, "\(syscall.rawValue)")
        }
    }

    @Test func `a network is learned only where the cell has one`() {
        func inet(_ network: Bool) -> Answer {
            SyscallPolicy.learnable(network: network).rules(canary: 1).outcome(
                architecture: Architecture.native.auditIdentity, number: UInt32(Architecture.native.number(of: .socket)!), arguments: Arguments(2, 1)
            ).answer
        }
        #expect(inet(true) == .allow && inet(false) != .allow)
    }

    @Test func `a family that is not to be learned is not in the ceiling`() {
        let policy = SyscallPolicy.learnable(network: true, without: [.memfd])
        #expect(!policy.families.contains(.memfd) && policy.families.contains(.spawn))
    }

    @Test func `the filters of learning are proved, and the launch's own exec is not watched`() throws {
        var policy = SyscallPolicy(families: [.exec, .spawn])
        (policy.watchesPaths, policy.watchesProcesses) = (true, true)
        let filter = SyscallFilter.of(policy)
        let cookie = ExecCookie(7)!
        #expect(!filter.isProved, "it must not be taken for the plain one of the same families")
        let program = filter.program(admitting: cookie)
        let table = policy.rules(canary: filter.canary)
        try FilterProof.check(program, table, cookie: cookie)
        #expect(try FilterSampling.check(program, table, cookie: cookie) > 1000)
        func answer(_ syscall: Syscall) -> Answer {
            table.outcome(architecture: Architecture.native.auditIdentity, number: UInt32(Architecture.native.number(of: syscall)!), arguments: Arguments())
                .answer
        }
        #expect(answer(.openat) == .notify(0) && answer(.execve) == .notify(0) && answer(.set_robust_list) == .notify(0))
        #expect(answer(.execveat) == .allow && answer(.read) == .allow && answer(.clone) == .allow)
    }

    @Test func `a sample finds a program that answers otherwise`() throws {
        let policy = SyscallPolicy(families: [.exec])
        let filter = SyscallFilter.of(policy)
        let table = SyscallPolicy(families: [.exec, .memfd]).rules(canary: filter.canary)
        #expect(throws: SyscallError.self) { try FilterSampling.check(filter.program(admitting: ExecCookie(7)!), table) }
    }

    /// Policies of every kind that a profile can make.
    static let policies: [SyscallPolicy] = {
        var items = SyscallPolicy(families: [.fsMutate, .sched])
        items.grant(ioctl: 0x1234)
        items.grant(SocketOption(level: 6, option: 31))
        return [
            SyscallPolicy(), SyscallPolicy(families: .all), SyscallPolicy(families: [.exec, .spawn, .fsMutate]),
            SyscallPolicy(families: [.unixSocket, .netlinkRoute]), items,
        ]
    }()

    @Test(arguments: policies)
    func `what is exported allows what the policy allows`(policy: SyscallPolicy) throws {
        let exported = try OCIExport.document(policy, architecture: .x86_64).serialisedBytes()
        let theirs = try OCIProfile(parsing: exported, for: .init(architecture: .x86_64)).table
        let ours = policy.rules(for: .x86_64, canary: 1)
        for number in Architecture.x86_64.table.indices.map(UInt32.init) {
            guard let syscall = Architecture.x86_64.syscall(Int32(number)), syscall != .execve else { continue }
            for arguments in Boundaries.arguments(ours, number) {
                let outcome = ours.outcome(architecture: 0xC000_003E, number: number, arguments: arguments)
                if outcome.cause == .cellInit { continue }
                let other = theirs.outcome(architecture: 0xC000_003E, number: number, arguments: arguments).answer
                #expect((outcome.answer == .allow) == (other == .allow), "\(syscall.rawValue) \(arguments)")
            }
        }
    }

    @Test func `what follows from a call is of its class`() {
        #expect(Syscall.inferred(from: [.renameat], architecture: .x86_64) == [.rename, .renameat2])
        #expect(Syscall.inferred(from: [.read], architecture: .x86_64).isEmpty)
    }
}
