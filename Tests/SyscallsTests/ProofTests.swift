// SPDX-License-Identifier: Apache-2.0
//
// Programs against policies: the proof accepts what the compiler writes, agrees with running single calls, and finds what
// was changed.

public import Testing

@testable public import Syscalls

let cookie = ExecCookie(0x1234_5678_9ABC_DEF0)!

extension SyscallPolicy: CustomTestStringConvertible {
    public var testDescription: String {
        let granted = families.elements.map(\.name) + unsafe.elements.map { "unsafe \($0.name)" }
        return "\(granted) \(denials.rawValue) \(foreignABI.rawValue)\(paranoid ? " paranoid" : "")"
    }
}

/// Policies that between them reach every rule.
let policies: [SyscallPolicy] = [
    SyscallPolicy(),
    SyscallPolicy(families: [.exec, .spawn, .fsMutate]),
    SyscallPolicy(families: [.exec, .spawn, .fsMutate, .jit], paranoid: true),
    SyscallPolicy(families: .all),
    SyscallPolicy(families: .all, unsafe: .all),
    SyscallPolicy(unsafe: [.namespaces]),
    SyscallPolicy(families: [.netClient, .unixSocket], denials: .errno),
    SyscallPolicy(families: [.spawn, .sched, .netlinkRoute, .memfd], denials: .errno, foreignABI: .enosys, paranoid: true),
    SyscallPolicy(families: [.jit], unsafe: [.personality, .terminalInjection], foreignABI: .enosys),
    SyscallPolicy(paranoid: true),
]

/// A policy from random bits: any families, groups, items and switches.
func randomPolicy(_ generator: inout some RandomNumberGenerator) -> SyscallPolicy {
    var policy = SyscallPolicy(
        families: Families(Family.allCases.filter { _ in Bool.random(using: &generator) }),
        unsafe: ForbiddenGroups(Forbidden.allCases.filter { _ in UInt8.random(in: 0..<4, using: &generator) == 0 }),
        denials: Bool.random(using: &generator) ? .notify : .errno, foreignABI: Bool.random(using: &generator) ? .kill : .enosys,
        paranoid: UInt8.random(in: 0..<4, using: &generator) == 0)
    for _ in 0..<Int.random(in: 0..<6, using: &generator) {
        policy.grant(ioctl: .random(in: 0...(.max), using: &generator))
        policy.grant(prctl: .random(in: 0...90, using: &generator))
        policy.grant(SocketOption(level: .random(in: 0...50, using: &generator), option: .random(in: 0...200, using: &generator)))
    }
    return policy
}

/// Numbers that repeat from a seed (SplitMix64), so that a failing case can be run again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

@Suite struct ProofTests {
    @Test(arguments: policies, Architecture.allCases)
    func `what the compiler writes is proved, and agrees with its rules call by call`(
        policy: SyscallPolicy, architecture: Architecture
    ) throws {
        let filter = SyscallFilter(policy, architecture: architecture)
        let program = filter.program(admitting: cookie)
        try FilterProof.check(program, policy, canary: filter.canary, cookie: cookie, architecture: architecture)
        #expect(Boundaries.disagreement(program, policy.rules(for: architecture, canary: filter.canary)) == nil)
    }

    @Test(arguments: Architecture.allCases)
    func `the filter of PID 1 is proved, and agrees with its rules call by call`(architecture: Architecture) throws {
        let filter = SyscallFilter.cellInit(architecture: architecture)
        let rules = InitFilter.rules(for: architecture, canary: filter.canary)
        try FilterProof.check(filter.program(admitting: cookie), rules)
        #expect(Boundaries.disagreement(filter.program(admitting: cookie), rules) == nil)
    }

    @Test func `random policies are proved, and agree with their rules call by call`() throws {
        var generator = Seeded(state: 42)
        for round in 0..<12 {
            let policy = randomPolicy(&generator)
            let filter = SyscallFilter(policy)
            let program = filter.program(admitting: cookie)
            #expect(throws: Never.self, "round \(round): \(policy.testDescription)") {
                try FilterProof.check(program, policy, canary: filter.canary, cookie: cookie)
            }
            #expect(Boundaries.disagreement(program, policy.rules(canary: filter.canary)) == nil, "round \(round)")
        }
    }

    @Test func `random rule tables are compiled and proved`() throws {
        var generator = Seeded(state: 7)
        for round in 0..<12 {
            let table = randomTable(&generator)
            let compiled = FilterCompiler.compile(table)
            #expect(throws: Never.self, "round \(round)") { try FilterProof.check(compiled.program, table) }
            #expect(Boundaries.disagreement(compiled.program, table) == nil, "round \(round)")
        }
    }

    /// Each instruction is changed in each of its fields. The proof may refuse more than runs show, never less.
    @Test(arguments: [policies[0], policies[7]])
    func `a changed instruction is found, or means the same`(policy: SyscallPolicy) throws {
        let filter = SyscallFilter(policy)
        let rules = policy.rules(canary: filter.canary)
        let program = filter.program(admitting: cookie)
        let samples = Samples(rules)
        var (found, same) = (0, 0)
        for index in program.indices {
            for mutant in mutants(of: program[index]) {
                var changed = program
                changed[index] = mutant
                do throws(SyscallError) {
                    try FilterProof.check(changed, rules, cookie: cookie)
                    same += 1
                    let difference = samples.difference(changed)
                    #expect(difference == nil, "instruction \(index): \(program[index]) as \(mutant)")
                } catch {
                    found += 1
                }
            }
        }
        #expect(found > 6 * program.count)
        // What means the same: a jump to another copy of a return, a constant within an unassigned gap.
        #expect(same * 8 < found)
    }

    @Test func `a disagreement names the call`() throws {
        let policy = SyscallPolicy()
        let filter = SyscallFilter(policy)
        let error = #expect(throws: SyscallError.self) {
            try FilterProof.check(
                filter.program(admitting: cookie), SyscallPolicy(families: [.fsMutate]), canary: filter.canary, cookie: cookie,
                architecture: .native)
        }
        #expect(error?.description.contains("filter disagrees with its policy: architecture 0x") == true)
    }

    @Test func `a filter with another cookie is refused`() throws {
        let policy = SyscallPolicy()
        let filter = SyscallFilter(policy)
        let other = try #require(ExecCookie(cookie.value ^ 1 << 33))
        #expect(throws: SyscallError.self) {
            try FilterProof.check(filter.program(admitting: other), policy, canary: filter.canary, cookie: cookie)
        }
    }

    @Test func `what the kernel would refuse is refused`() {
        let load = BPFInstruction(code: BPFCode.load, k: 0)
        let end = BPFInstruction(code: BPFCode.return, k: 0)
        let bad: [[BPFInstruction]] = [
            [], [load], [end, load], [BPFInstruction(code: BPFCode.load, k: 64), end], [BPFInstruction(code: BPFCode.load, k: 2), end],
            [BPFInstruction(code: BPFCode.jump, k: 1), end], [BPFInstruction(code: BPFCode.jump, k: .max), end],
            [BPFInstruction(code: BPFCode.ifEqual, jt: 1, jf: 0, k: 0), end], [BPFInstruction(code: 0x16, k: 0), end],
            [BPFInstruction](repeating: load, count: 4096) + [end],
        ]
        for program in bad {
            #expect(throws: SyscallError.self) { try FilterCheck.check(program) }
        }
        #expect(throws: Never.self) { try FilterCheck.check([BPFInstruction](repeating: load, count: 4095) + [end]) }
    }

    private func mutants(of instruction: BPFInstruction) -> [BPFInstruction] {
        var all: [BPFInstruction] = []
        for code in [BPFCode.load, BPFCode.and, BPFCode.ifEqual, BPFCode.ifAbove, BPFCode.ifAtLeast, BPFCode.ifAny, BPFCode.return]
        where code != instruction.code {
            var mutant = instruction
            mutant.code = code
            all.append(mutant)
        }
        for bit in [0, 4, 31] as [UInt32] {
            var mutant = instruction
            mutant.k ^= 1 << bit
            all.append(mutant)
        }
        if instruction.code & 7 == BPFCode.jump {
            for change in [1, 255] as [UInt8] {
                var mutant = instruction
                mutant.jt &+= change
                all.append(mutant)
                mutant = instruction
                mutant.jf &+= change
                all.append(mutant)
            }
            var swapped = instruction
            (swapped.jt, swapped.jf) = (instruction.jf, instruction.jt)
            all.append(swapped)
        }
        return all
    }

    /// A table of random runs and rules with up to two words each.
    private func randomTable(_ generator: inout Seeded) -> RuleTable {
        let answers: [Answer] = [.allow, .notify(1), .errno(1), .errno(38), .kill]
        func outcome() -> Outcome { Outcome(answers.randomElement(using: &generator)!, .unlisted) }
        var table = RuleTable(architecture: .x86_64, compat: outcome(), foreign: outcome())
        var start: UInt32 = 0
        while start < 160 {
            if UInt8.random(in: 0..<6, using: &generator) == 0 {
                let cases = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                    Case(
                        (0..<Int.random(in: 1...2, using: &generator)).map { _ in
                            let mask: UInt32 = Bool.random(using: &generator) ? .max : 0xFF0
                            var values = Set<UInt32>()
                            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                                values.insert(.random(in: 0...40, using: &generator) & mask)
                            }
                            return Condition(
                                argument: .random(in: 0...1, using: &generator), high: UInt8.random(in: 0..<4, using: &generator) == 0,
                                mask: mask, ranges: values.sorted().map { WordRange($0, $0) })
                        }, outcome())
                }
                table.append(from: start, Rule(cases, otherwise: outcome()))
            } else {
                table.append(from: start, outcome())
            }
            start += .random(in: 1...4, using: &generator)
        }
        return table
    }

    /// Calls and their expected answers, computed once for many programs.
    private struct Samples {
        var calls: [(UInt32, UInt32, Arguments, UInt32)] = []

        init(_ table: RuleTable) {
            let native = table.architecture.auditIdentity
            for identity in [0x4000_0003, 0xC000_00B7, 0, .max, native ^ 1, native + 1] as [UInt32] { add(table, identity, 0, Arguments()) }
            for number in Boundaries.numbers(table) {
                for arguments in Boundaries.arguments(table, number) { add(table, native, number, arguments) }
            }
        }

        mutating func add(_ table: RuleTable, _ identity: UInt32, _ number: UInt32, _ arguments: Arguments) {
            let expected = table.outcome(architecture: identity, number: number, arguments: arguments, cookie: cookie).answer.returnValue
            calls.append((identity, number, arguments, expected))
        }

        func difference(_ program: [BPFInstruction]) -> String? {
            for (identity, number, arguments, expected) in calls
            where FilterInterpreter.run(program, architecture: identity, number: number, arguments: arguments) != expected {
                return "\(number) \(arguments)"
            }
            return nil
        }
    }
}
