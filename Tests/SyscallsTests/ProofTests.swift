// SPDX-License-Identifier: Apache-2.0
//
// Programs against policies: the proof accepts what the compiler writes, and finds what was changed.

import Testing

@testable import Syscalls

let cookie = ExecCookie(0x1234_5678_9ABC_DEF0)!

/// Policies that between them reach every rule.
let policies: [SyscallPolicy] = [
    SyscallPolicy(),
    SyscallPolicy(families: [.exec, .spawn, .fsMutate]),
    SyscallPolicy(families: [.exec, .spawn, .fsMutate, .jit]),
    SyscallPolicy(families: .all),
    SyscallPolicy(families: .all, unsafe: .all),
    SyscallPolicy(unsafe: [.namespaces]),
    SyscallPolicy(families: [.netClient, .unixSocket], denials: .errno),
    SyscallPolicy(families: [.spawn, .sched, .netlinkRoute, .memfd], denials: .errno, foreignABI: .enosys, paranoid: true),
    SyscallPolicy(families: [.jit], unsafe: [.personality, .terminalInjection], foreignABI: .enosys),
    SyscallPolicy(paranoid: true),
]

@Suite struct ProofTests {
    @Test(arguments: policies, Architecture.allCases)
    func `what the compiler writes is proved`(policy: SyscallPolicy, architecture: Architecture) throws {
        let filter = SyscallFilter(policy, architecture: architecture)
        try FilterProof.check(
            filter.program(admitting: cookie), policy, canary: filter.canary, cookie: cookie, architecture: architecture)
    }

    @Test(arguments: Architecture.allCases)
    func `the filter of PID 1 is proved`(architecture: Architecture) throws {
        let filter = SyscallFilter.cellInit(architecture: architecture)
        try FilterProof.check(
            filter.program(admitting: cookie), InitFilter.rules(for: architecture, canary: filter.canary))
    }
}
