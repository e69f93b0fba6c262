// SPDX-License-Identifier: Apache-2.0
//
// Evaluates a program against the rule table that it should implement, before it is loaded. It runs at every launch.
//
// Why a few thousand runs are enough: (1) a run tells which words it read, so an answer holds for all values of the others,
// and reading a word that the rule does not mention is refused; (2) a program of comparisons is constant between its
// constants, so both sides of every constant of the program *and* of the rules stand for all values (masked words, where
// there are no intervals, are tried with each bit of the mask flipped); (3) numbers 0...511 are all run.

public enum FilterProof {
    /// Combinations of argument words that are tried for one rule at most.
    static let maximumCombinations = 20_000

    /// Proves a policy's program.
    /// - Throws: `malformed`, or `mismatch` with the first call that is answered otherwise than the policy says.
    public static func check(
        _ program: [BPFInstruction], _ policy: SyscallPolicy, canary: UInt16, cookie: ExecCookie,
        architecture: Architecture = .native
    ) throws(SyscallError) {
        try check(program, policy.rules(for: architecture, canary: canary), cookie: cookie)
    }

    /// Proves a program against any rule table.
    public static func check(_ program: [BPFInstruction], _ table: RuleTable, cookie: ExecCookie? = nil) throws(SyscallError) {
        try FilterCheck.check(program)
        let proof = Proof(program: program, table: table, cookie: cookie)
        try proof.foreignCalls()
        try proof.nativeCalls()
    }
}

private struct Proof {
    let program: [BPFInstruction]
    let table: RuleTable
    let cookie: ExecCookie?

    func foreignCalls() throws(SyscallError) {
        let native = table.architecture.auditIdentity
        var identities: [UInt32] = [0, .max, native &- 1, native &+ 1]
        for architecture in Architecture.allCases { identities += [architecture.auditIdentity, architecture.compatIdentity] }
        for bit in 0..<32 as Range<UInt32> { identities += [native ^ 1 << bit, table.architecture.compatIdentity ^ 1 << bit] }
        for instruction in program.prefix(8) { identities += [instruction.k &- 1, instruction.k, instruction.k &+ 1] }
        for identity in identities where identity != native {
            let outcome = identity == table.architecture.compatIdentity ? table.compat : table.foreign
            try run(SeccompCall(architecture: identity, number: 0), outcome.answer, mayRead: 0b10)
        }
    }

    func nativeCalls() throws(SyscallError) {
        var call = SeccompCall(architecture: table.architecture.auditIdentity, number: 0)
        var leaf = 0
        for number in 0..<512 as Range<UInt32> {
            while leaf + 1 < table.starts.count, table.starts[leaf + 1] <= number { leaf += 1 }
            call.words[0] = number
            try check(call, table.leaves[leaf])
        }
        var edges: [UInt32] = [0x3FFF_FFFF, 0x7FFF_FFFF, .max]
        for bit in 9..<32 as Range<UInt32> { edges.append(1 << bit) }
        for start in table.starts where start >= 511 { edges += [start &- 1, start, start &+ 1] }
        for instruction in program where instruction.k >= 511 && instruction.code & 7 == BPFCode.jump {
            edges += [instruction.k &- 1, instruction.k, instruction.k &+ 1]
        }
        for number in ascending(edges) where number >= 512 {
            call.words[0] = number
            try check(call, table.leaf(number))
        }
    }

    private func check(_ call: SeccompCall, _ leaf: RuleTable.Leaf) throws(SyscallError) {
        switch leaf {
        case .plain(let outcome): try run(call, outcome.answer, mayRead: SeccompCall.identity)
        case .rule(let index): try check(call, table.rules[index])
        }
    }

    private func run(_ call: borrowing SeccompCall, _ expected: Answer, mayRead: UInt16) throws(SyscallError) {
        let result = FilterInterpreter.run(program.span, call)
        if result.value != expected.returnValue { throw refusal(call, expected, result.value, false) }
        if result.read & ~mayRead != 0 { throw refusal(call, expected, result.value, true) }
    }

    private func refusal(_ call: borrowing SeccompCall, _ expected: Answer, _ found: UInt32, _ reads: Bool) -> SyscallError {
        .mismatch(
            FilterMismatch(
                architecture: call.words[1], number: call.words[0], arguments: call.arguments, expected: expected, found: found,
                readsTooMuch: reads))
    }

    /// Sorted, each value once.
    private func ascending(_ values: [UInt32]) -> [UInt32] {
        var values = values
        values.sort()
        var kept = 0
        for index in values.indices where index == 0 || values[index] != values[kept - 1] {
            values[kept] = values[index]
            kept += 1
        }
        values.removeLast(values.count - kept)
        return values
    }

    // MARK: rules

    /// The values that stand for all values of one word.
    private struct Candidates {
        let word: Int
        var masks: [UInt32] = []
        var values: [UInt32] = [0, .max]

        mutating func edge(_ constant: UInt32) {
            values.append(constant &- 1)
            values.append(constant)
            values.append(constant &+ 1)
        }
    }

    private func check(_ call: SeccompCall, _ rule: Rule) throws(SyscallError) {
        var words: [Candidates] = []
        var mayRead = SeccompCall.identity
        for candidate in rule.cases {
            for condition in candidate.conditions {
                let word = condition.word
                mayRead |= 1 << UInt16(word)
                let place = words.firstIndex { $0.word == word } ?? words.count
                if place == words.count { words.append(Candidates(word: word)) }
                if condition.mask != .max, !words[place].masks.contains(condition.mask) { words[place].masks.append(condition.mask) }
                for range in condition.ranges {
                    words[place].edge(range.lowerBound)
                    if range.count > 1 { words[place].edge(range.upperBound) }
                }
            }
        }
        if rule.admitsCookie { mayRead |= SeccompCall.bit(5, high: false) | SeccompCall.bit(5, high: true) }
        collectConstants(call, into: &words)
        var combinations = 1
        for index in words.indices {
            var values = words[index].values
            for mask in words[index].masks {
                for value in words[index].values { values += [value | ~mask, value & mask] }
                for bit in 0..<32 as Range<UInt32> where mask & 1 << bit != 0 { values += [1 << bit, mask ^ 1 << bit] }
            }
            words[index].values = ascending(values)
            combinations = combinations.multipliedReportingOverflow(by: words[index].values.count).partialValue
            guard combinations <= FilterProof.maximumCombinations else {
                throw .malformed(instruction: 0, what: "syscall \(call.words[0]) has too many combinations of arguments to prove")
            }
        }
        try combine(call, rule, words, from: 0, mayRead)
        if rule.admitsCookie, let cookie { try admission(call, rule, cookie, mayRead) }
    }

    private func combine(
        _ call: SeccompCall, _ rule: Rule, _ words: [Candidates], from index: Int, _ mayRead: UInt16
    ) throws(SyscallError) {
        if index == words.count { return try compare(call, rule, mayRead) }
        var call = call
        for value in words[index].values {
            call.words[words[index].word] = value
            try combine(call, rule, words, from: index + 1, mayRead)
        }
    }

    private func compare(_ call: borrowing SeccompCall, _ rule: Rule, _ mayRead: UInt16) throws(SyscallError) {
        try run(call, table.outcome(of: rule, call, cookie).answer, mayRead: mayRead)
    }

    /// The program's own constants for each word, found by walking what can be reached from the first look at an argument.
    private func collectConstants(_ call: SeccompCall, into words: inout [Candidates]) {
        let start = FilterInterpreter.run(program.span, call).argumentsAt
        guard start >= 0 else { return }
        // What A holds at a place: a word's index, -1 unknown or several.
        // -2 is not reached. A forward pass suffices, as every way to a place is known when it is come to.
        var holds = [Int16](repeating: -2, count: program.count + 1)
        holds[start] = -1
        for place in start..<program.count where holds[place] != -2 {
            let instruction = program[place]
            var held = Int(holds[place])
            func reach(_ next: Int) { holds[next] = holds[next] == -2 || Int(holds[next]) == held ? Int16(held) : -1 }
            switch instruction.code {
            case BPFCode.return: break
            case BPFCode.load:
                held = words.firstIndex { $0.word == Int(instruction.k / 4) } ?? -1
                reach(place + 1)
            case BPFCode.jump: reach(place + 1 + Int(instruction.k))
            case BPFCode.ifEqual, BPFCode.ifAbove, BPFCode.ifAtLeast, BPFCode.ifAny:
                for index in words.indices where held == index || held == -1 { words[index].edge(instruction.k) }
                reach(place + 1 + Int(instruction.jt))
                reach(place + 1 + Int(instruction.jf))
            case BPFCode.and:
                if held >= 0, !words[held].masks.contains(instruction.k) { words[held].masks.append(instruction.k) }
                reach(place + 1)
            default: reach(place + 1)
            }
        }
    }

    /// The cookie itself, each bit of it flipped in either half and in both alike, and a few values that are not it.
    private func admission(_ call: SeccompCall, _ rule: Rule, _ cookie: ExecCookie, _ mayRead: UInt16) throws(SyscallError) {
        var values: [UInt64] = [cookie.value, 0, .max, ~cookie.value, cookie.value &+ 1, cookie.value &- 1]
        values += [UInt64(cookie.low), UInt64(cookie.high) << 32, cookie.value << 32 | cookie.value >> 32]
        for bit in 0..<32 as Range<UInt64> {
            values += [cookie.value ^ 1 << bit, cookie.value ^ 1 << (bit + 32), cookie.value ^ (1 << bit | 1 << (bit + 32))]
        }
        var call = call
        for value in values {
            call.words[14] = UInt32(truncatingIfNeeded: value)
            call.words[15] = UInt32(truncatingIfNeeded: value >> 32)
            try compare(call, rule, mayRead)
        }
    }
}
