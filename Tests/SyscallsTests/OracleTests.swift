// SPDX-License-Identifier: Apache-2.0
//
// libseccomp as the oracle: the same rules given to it as EQ and MASKED_EQ, its program and ours run on the same calls.
// It has no "first match wins", so each checked syscall is a filter of its own, of what is allowed against what is not.

import CSeccomp
import Glibc
import Testing

@testable import Syscalls

/// One libseccomp filter under construction.
@safe private struct Oracle: ~Copyable {
    private let context: UnsafeMutableRawPointer

    init(default action: UInt32) throws {
        unsafe context = try #require(seccomp_init(action))
        // Its default for a foreign architecture is to kill the thread.
        unsafe #expect(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, 0x8000_0000) == 0)
    }

    deinit { unsafe seccomp_release(context) }

    /// Conditions: (argument, mask, value), all of which must hold.
    func add(_ action: UInt32, _ number: Int32, _ conditions: [(argument: UInt32, mask: UInt64, value: UInt64)] = []) {
        let comparisons = conditions.map {
            scmp_arg_cmp(arg: $0.argument, op: SCMP_CMP_MASKED_EQ, datum_a: $0.mask, datum_b: $0.value)
        }
        let status = unsafe comparisons.withUnsafeBufferPointer {
            unsafe seccomp_rule_add_array(context, action, number, UInt32($0.count), $0.baseAddress)
        }
        #expect(status == 0, "seccomp_rule_add_array(\(number)): \(status)")
    }

    /// The program, by way of a file in memory.
    func export() throws -> [BPFInstruction] {
        var path = Array("/tmp/fumehood-oracle-XXXXXX".utf8CString)
        let file = unsafe path.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
        try #require(file >= 0)
        unsafe path.withUnsafeBufferPointer { _ = unsafe unlink($0.baseAddress!) }
        defer { close(file) }
        try #require(unsafe seccomp_export_bpf(context, file) == 0)
        let size = Int(lseek(file, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: size)
        try #require(unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, size, 0) } == size)
        return stride(from: 0, to: size, by: 8).map { at in
            let k = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + 4 + $1]) << UInt32(8 * $1) }
            return BPFInstruction(
                code: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8, jt: bytes[at + 2], jf: bytes[at + 3], k: k)
        }
    }
}

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
