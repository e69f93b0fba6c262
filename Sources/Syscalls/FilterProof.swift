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
        var leaf = 0
        for number in 0..<512 as Range<UInt32> {
            while leaf + 1 < table.starts.count, table.starts[leaf + 1] <= number { leaf += 1 }
            try check(number, table.leaves[leaf])
        }
        var edges: Set<UInt32> = [0x3FFF_FFFF, 0x7FFF_FFFF, .max]
        for bit in 9..<32 as Range<UInt32> { edges.insert(1 << bit) }
        for start in table.starts where start >= 511 { edges.formUnion([start &- 1, start, start &+ 1]) }
        for instruction in program where instruction.k >= 511 && instruction.code & 7 == BPFCode.jump {
            edges.formUnion([instruction.k &- 1, instruction.k, instruction.k &+ 1])
        }
        for number in edges where number >= 512 { try check(number, table.leaf(number)) }
    }

    private func check(_ number: UInt32, _ leaf: RuleTable.Leaf) throws(SyscallError) {
        let call = SeccompCall(architecture: table.architecture.auditIdentity, number: number)
        switch leaf {
        case .plain(let outcome): try run(call, outcome.answer, mayRead: SeccompCall.identity)
        case .rule(let index): try check(call, table.rules[index])
        }
    }

    private func run(_ call: SeccompCall, _ expected: Answer, mayRead: UInt16) throws(SyscallError) {
        let result = FilterInterpreter.run(program.span, call)
        if result.value != expected.returnValue { throw refusal(call, expected, result.value, false) }
        if result.read & ~mayRead != 0 { throw refusal(call, expected, result.value, true) }
    }

    private func refusal(_ call: SeccompCall, _ expected: Answer, _ found: UInt32, _ reads: Bool) -> SyscallError {
        let arguments = registers(call)
        return .mismatch(
            FilterMismatch(
                architecture: call.words[1], number: call.words[0], arguments: arguments, expected: expected, found: found,
                readsTooMuch: reads))
    }

    private func registers(_ call: SeccompCall) -> Arguments {
        func register(_ index: Int) -> UInt64 { UInt64(call.words[4 + 2 * index]) | UInt64(call.words[5 + 2 * index]) << 32 }
        return Arguments(register(0), register(1), register(2), register(3), register(4), register(5))
    }

    // MARK: rules

    /// The values that stand for all values of one word.
    private struct Candidates {
        let word: Int
        var masks: [UInt32] = []
        var values: Set<UInt32> = [0, .max]

        mutating func edge(_ constant: UInt32) { values.formUnion([constant &- 1, constant, constant &+ 1]) }
    }

    private func check(_ call: SeccompCall, _ rule: Rule) throws(SyscallError) {
        var words: [Candidates] = []
        var mayRead = SeccompCall.identity
        for condition in rule.cases.lazy.flatMap(\.conditions) {
            let word = 4 + 2 * Int(condition.argument) + (condition.high ? 1 : 0)
            mayRead |= 1 << UInt16(word)
            let place = words.firstIndex { $0.word == word } ?? words.count
            if place == words.count { words.append(Candidates(word: word)) }
            if condition.mask != .max, !words[place].masks.contains(condition.mask) { words[place].masks.append(condition.mask) }
            for range in condition.ranges {
                words[place].edge(range.lowerBound)
                words[place].edge(range.upperBound)
            }
        }
        if rule.admitsCookie { mayRead |= SeccompCall.bit(5, high: false) | SeccompCall.bit(5, high: true) }
        collectConstants(call, into: &words)
        for index in words.indices {
            for mask in words[index].masks {
                for value in words[index].values {
                    words[index].values.insert(value | ~mask)
                    words[index].values.insert(value & mask)
                }
                for bit in 0..<32 as Range<UInt32> where mask & 1 << bit != 0 {
                    words[index].values.formUnion([1 << bit, mask ^ 1 << bit])
                }
            }
        }
        let lists = words.map { ($0.word, Array($0.values)) }
        guard lists.reduce(1, { $0 * $1.1.count }) <= FilterProof.maximumCombinations else {
            throw .malformed(instruction: 0, what: "syscall \(call.words[0]) has too many combinations of arguments to prove")
        }
        try combine(call, rule, lists[...], mayRead)
        if rule.admitsCookie, let cookie { try admission(call, rule, cookie, mayRead) }
    }

    private func combine(
        _ call: SeccompCall, _ rule: Rule, _ lists: ArraySlice<(Int, [UInt32])>, _ mayRead: UInt16
    ) throws(SyscallError) {
        guard let (word, values) = lists.first else { return try compare(call, rule, mayRead) }
        var call = call
        for value in values {
            call.words[word] = value
            try combine(call, rule, lists.dropFirst(), mayRead)
        }
    }

    private func compare(_ call: SeccompCall, _ rule: Rule, _ mayRead: UInt16) throws(SyscallError) {
        try run(call, table.outcome(of: rule, registers(call), cookie).answer, mayRead: mayRead)
    }

    /// The program's own constants for each word, found by walking what can be reached from the first look at an argument.
    private func collectConstants(_ call: SeccompCall, into words: inout [Candidates]) {
        let start = FilterInterpreter.run(program.span, call).argumentsAt
        guard start >= 0 else { return }
        // Jumps go forward only: one pass. What A holds at a place: a word's index, -1 unknown or several.
        var holds: [Int: Int] = [start: -1]
        var pending = [start]
        while let place = pending.popLast() {
            let instruction = program[place]
            var held = holds[place] ?? -1
            func reach(_ next: Int) {
                if let known = holds[next] {
                    if known != held && known != -1 {
                        holds[next] = -1
                        pending.append(next)
                    }
                } else {
                    holds[next] = held
                    pending.append(next)
                }
            }
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
