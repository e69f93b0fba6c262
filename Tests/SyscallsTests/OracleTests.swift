// SPDX-License-Identifier: Apache-2.0
//
// libseccomp as the oracle: the same rules given to it as EQ and MASKED_EQ, its program and ours run on the same calls.
// It has no "first match wins", so each checked syscall is a filter of its own, of what is allowed against what is not.

import Testing

@testable import Syscalls

@Suite(.enabled(if: Architecture.native == .x86_64, "the oracle's filters are made for x86_64")) struct OracleTests {
    private static let allow: UInt32 = 0x7FFF_0000
    private static let deny: UInt32 = 0x0005_0001

    @Test(arguments: policies)
    func `libseccomp answers every number without argument rules alike`(policy: SyscallPolicy) throws {
        var policy = policy
        policy.denials = .errno
        policy.foreignABI = .kill
        let filter = SyscallFilter(policy)
        let ours = filter.program(admitting: cookie)
        let table = policy.rules(canary: filter.canary)
        let unknown = Answer.errno(38).returnValue
        let oracle = try Oracle(default: unknown)
        for number in Int32(0)..<512 {
            guard case .plain(let outcome) = table.leaves[table.run(of: UInt32(number))] else { continue }
            let action = outcome.answer.returnValue
            if action != unknown { oracle.add(action, number) }
        }
        oracle.add(Answer.errno(filter.canary).returnValue, Int32(SyscallPolicy.canaryNumber))
        let theirs = try oracle.export()
        try FilterCheck.check(theirs)
        let numbers = Array(0..<600 as Range<UInt32>) + [0x2C0_FFEE, 0x2C0_FFEF, 0x3FFF_FFFF, 0x4000_0000, 0x4000_0001, 0x7FFF_FFFF, .max]
        for number in numbers {
            guard case .plain = table.leaves[table.run(of: number)] else { continue }
            for identity in [0xC000_003E, 0x4000_0003, 0xC000_00B7, 0] as [UInt32] {
                let mine = FilterInterpreter.run(ours, architecture: identity, number: number)
                let other = FilterInterpreter.run(theirs, architecture: identity, number: number)
                #expect(mine == other, "\(String(identity, radix: 16)) \(number)")
            }
        }
    }

    @Test(arguments: policies)
    func `libseccomp allows the same arguments`(policy: SyscallPolicy) throws {
        let filter = SyscallFilter(policy)
        let ours = filter.program(admitting: cookie)
        let table = policy.rules(canary: filter.canary)
        for number in Int32(0)..<512 {
            guard case .rule(let index) = table.leaves[table.run(of: UInt32(number))] else { continue }
            let theirs = try program(table.rules[index], number)
            for arguments in Boundaries.arguments(table, UInt32(number)) {
                let mine = FilterInterpreter.run(ours, architecture: 0xC000_003E, number: UInt32(number), arguments: arguments)
                let other = FilterInterpreter.run(theirs, architecture: 0xC000_003E, number: UInt32(number), arguments: arguments)
                #expect((mine == Self.allow) == (other == Self.allow), "\(number) \(arguments)")
            }
        }
    }

    /// A rule as libseccomp's: what differs from `otherwise` in being allowed, in alternatives of masked equalities.
    private func program(_ rule: Rule, _ number: Int32) throws -> [BPFInstruction] {
        typealias Term = (argument: UInt32, mask: UInt64, value: UInt64)
        let otherwise = rule.otherwise.answer == .allow
        let oracle = try Oracle(default: otherwise ? Self.allow : Self.deny)
        if rule.admitsCookie { oracle.add(Self.allow, number, [(5, .max, cookie.value)]) }
        /// Conditions of earlier cases with the other verdict: each is avoided by one bit that differs.
        var avoided: [Term] = []
        for candidate in rule.cases {
            var alternatives: [[Term]] = [[]]
            for condition in candidate.conditions {
                alternatives = alternatives.flatMap { terms in
                    condition.ranges.flatMap { range in
                        (range.first...range.last).map { terms + [(UInt32(condition.argument), UInt64(condition.mask), UInt64($0))] }
                    }
                }
            }
            if (candidate.outcome.answer == .allow) == otherwise {
                // Only single values of whole words come before a case that they overlap (PID 1 in setpriority).
                for terms in alternatives where terms.count == 1 && terms[0].mask == 0xFFFF_FFFF { avoided.append(terms[0]) }
                continue
            }
            for terms in alternatives {
                let obstacles = avoided.filter { obstacle in !terms.contains { $0.argument == obstacle.argument } }
                var variants = [terms]
                for obstacle in obstacles {
                    let before = variants
                    variants = []
                    for bit in 0..<32 as Range<UInt64> {
                        let differing: Term = (obstacle.argument, 1 << bit, ~obstacle.value & (1 << bit))
                        for variant in before { variants.append(variant + [differing]) }
                    }
                }
                for variant in variants { oracle.add(otherwise ? Self.deny : Self.allow, number, variant) }
            }
        }
        let program = try oracle.export()
        try FilterCheck.check(program)
        return program
    }
}
