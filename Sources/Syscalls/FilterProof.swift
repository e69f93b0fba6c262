// SPDX-License-Identifier: Apache-2.0
//
// Proves a program against the rule table that it should implement, before it is loaded; it runs at every launch. It is an
// interpreter that runs the program on sets of calls instead of single ones: each comparison splits the set (an interval per
// word), each return is compared with the table over the whole set that reached it. So all 2^32 numbers and all values of
// every argument are covered, in about a tenth of the time that trying the boundary values takes. The interpreter on single
// calls (FilterInterpreter) is what tests hold this one to.
//
// A word under a mask counts as a word of its own, with the values 0...mask. That admits sets that no call can be in, never
// the reverse: a program may be refused for them, none passes that answers wrongly. What our compiler writes never is.

public enum FilterProof {
    /// Instructions that one proof may visit; the largest of ours visits some 3,000.
    static let maximumSteps = 1_000_000

    /// Proves a policy's program.
    /// - Throws: `malformed`, or `mismatch` with a call that is answered otherwise than the policy says.
    public static func check(
        _ program: [BPFInstruction], _ policy: SyscallPolicy, canary: UInt16, cookie: ExecCookie,
        architecture: Architecture = .native
    ) throws(SyscallError) {
        try check(program, policy.rules(for: architecture, canary: canary), cookie: cookie)
    }

    /// Proves a program against any rule table.
    /// - Parameter cookie: what execveat is admitted by, where the table says that it is.
    public static func check(_ program: [BPFInstruction], _ table: RuleTable, cookie: ExecCookie? = nil) throws(SyscallError) {
        try FilterCheck.check(program)
        var proof = Proof(program: program, table: table, cookie: cookie)
        try proof.walk(from: 0, holding: -1)
    }
}

private struct Proof {
    let program: [BPFInstruction]
    let table: RuleTable
    let cookie: ExecCookie?
    /// The set of calls at hand: those whose words lie in these intervals, every other word being free.
    private var words: [Word] = []
    /// Whether the sixth argument is the cookie; `nil` while that is open.
    private var admitted: Bool?
    private var steps = 0

    /// A word of `SeccompCall`, under a mask, and where it lies.
    private struct Word {
        let index: Int
        let mask: UInt32
        var low: UInt32
        var high: UInt32
    }

    init(program: [BPFInstruction], table: RuleTable, cookie: ExecCookie?) {
        self.program = program
        self.table = table
        self.cookie = cookie
        words.reserveCapacity(16)
        words.append(Word(index: 0, mask: .max, low: 0, high: .max))
        words.append(Word(index: 1, mask: .max, low: 0, high: .max))
    }

    /// The place of a word in `words`.
    private mutating func place(_ index: Int, _ mask: UInt32) -> Int {
        for place in words.indices where words[place].index == index && words[place].mask == mask { return place }
        words.append(Word(index: index, mask: mask, low: 0, high: mask))
        return words.count - 1
    }

    // MARK: the program

    /// Runs the program from `start` on the set at hand; A holds the word at that place in `words`, -1 if nothing.
    mutating func walk(from start: Int, holding held: Int) throws(SyscallError) {
        var counter = start
        var held = held
        while true {
            steps += 1
            guard steps <= FilterProof.maximumSteps else { throw .malformed(instruction: counter, what: "too long to prove") }
            let instruction = program[counter]
            counter += 1
            switch instruction.code {
            case BPFCode.load:
                if instruction.k == SeccompData.argument(5, high: false), let test = try admission(at: counter - 1) {
                    return try admit(test)
                }
                held = place(Int(instruction.k / 4), .max)
            case BPFCode.and:
                guard held >= 0 else { throw .malformed(instruction: counter - 1, what: "mask of nothing") }
                held = place(words[held].index, words[held].mask & instruction.k)
            case BPFCode.jump:
                counter += Int(instruction.k)
            case BPFCode.ifAtLeast, BPFCode.ifAbove, BPFCode.ifEqual:
                guard held >= 0 else { throw .malformed(instruction: counter - 1, what: "comparison of nothing") }
                let yes = counter + Int(instruction.jt)
                let no = counter + Int(instruction.jf)
                // The values that pass are first...last, a run in every case.
                var first = instruction.k
                var last = UInt32.max
                if instruction.code == BPFCode.ifEqual { last = first }
                if instruction.code == BPFCode.ifAbove {
                    if first == .max {
                        counter = no
                        continue
                    }
                    first += 1
                }
                let (low, high) = (words[held].low, words[held].high)
                if high < first || low > last {
                    counter = no
                } else if low >= first && high <= last {
                    counter = yes
                } else {
                    if low < first { try descend(held, low, first - 1, to: no) }
                    try descend(held, max(low, first), min(high, last), to: yes)
                    if high > last { try descend(held, last + 1, high, to: no) }
                    return
                }
            case BPFCode.return:
                return try compare(instruction.k)
            default:
                throw .malformed(instruction: counter - 1, what: "a code that the proof does not follow here")
            }
        }
    }

    private mutating func descend(_ held: Int, _ low: UInt32, _ high: UInt32, to target: Int) throws(SyscallError) {
        let (before, count) = (words[held], words.count)
        words[held].low = low
        words[held].high = high
        try walk(from: target, holding: held)
        words.removeLast(words.count - count)
        words[held] = before
    }

    /// The cookie's test, recognised as a whole: ld, xor, tax, ld, xor, or, jeq 0. Returns its last instruction's place.
    private func admission(at start: Int) throws(SyscallError) -> Int? {
        guard start + 6 < program.count, program[start + 1].code == BPFCode.xor else { return nil }
        guard let cookie else { throw .malformed(instruction: start, what: "a cookie that the table does not know") }
        let expected = [
            BPFInstruction(code: BPFCode.load, k: SeccompData.argument(5, high: false)),
            BPFInstruction(code: BPFCode.xor, k: cookie.low),
            BPFInstruction(code: BPFCode.toX, k: 0),
            BPFInstruction(code: BPFCode.load, k: SeccompData.argument(5, high: true)),
            BPFInstruction(code: BPFCode.xor, k: cookie.high),
            BPFInstruction(code: BPFCode.orX, k: 0),
        ]
        for (offset, instruction) in expected.enumerated() where program[start + offset] != instruction {
            throw .malformed(instruction: start + offset, what: "not the test of this launch's cookie")
        }
        let test = program[start + 6]
        guard test.code == BPFCode.ifEqual, test.k == 0 else {
            throw .malformed(instruction: start + 6, what: "not the test of this launch's cookie")
        }
        return start + 6
    }

    private mutating func admit(_ test: Int) throws(SyscallError) {
        let before = admitted
        let count = words.count
        for answer in [true, false] where before == nil || before == answer {
            admitted = answer
            try walk(from: test + 1 + Int(answer ? program[test].jt : program[test].jf), holding: -1)
            words.removeLast(words.count - count)
        }
        admitted = before
    }

    // MARK: the table

    /// Compares a return value with the table over the set at hand.
    private mutating func compare(_ value: UInt32) throws(SyscallError) {
        let (native, compat) = (table.architecture.auditIdentity, table.architecture.compatIdentity)
        let identities = (words[1].low, words[1].high)
        func within(_ identity: UInt32) -> Bool { identities.0 <= identity && identity <= identities.1 }
        if within(compat) { try require(table.compat, value, identity: compat) }
        if identities.1 - identities.0 >= (within(native) ? 1 : 0) + (within(compat) ? 1 : 0) {
            // There is at least one identity that is neither.
            var other = identities.0
            while other == native || other == compat { other += 1 }
            try require(table.foreign, value, identity: other)
        }
        guard within(native) else { return }
        let numbers = (words[0].low, words[0].high)
        var run = table.run(of: numbers.0)
        while run < table.starts.count, table.starts[run] <= numbers.1 {
            let number = max(table.starts[run], numbers.0)
            switch table.leaves[run] {
            case .plain(let outcome): try require(outcome, value, identity: native, number: number)
            case .rule(let index): try compare(table.rules[index], value, number)
            }
            run += 1
        }
    }

    private mutating func compare(_ rule: Rule, _ value: UInt32, _ number: UInt32) throws(SyscallError) {
        if rule.admitsCookie, admitted != false {
            try require(.allowed, value, identity: table.architecture.auditIdentity, number: number)
            if admitted == true { return }
        }
        try compare(rule, 0, 0, value, number)
    }

    /// The rule from one condition of one case on: the set is split where the condition holds and where not.
    private mutating func compare(
        _ rule: Rule, _ caseIndex: Int, _ conditionIndex: Int, _ value: UInt32, _ number: UInt32
    ) throws(SyscallError) {
        let native = table.architecture.auditIdentity
        guard caseIndex < rule.cases.count else { return try require(rule.otherwise, value, identity: native, number: number) }
        guard conditionIndex < rule.cases[caseIndex].conditions.count else {
            return try require(rule.cases[caseIndex].outcome, value, identity: native, number: number)
        }
        let condition = rule.cases[caseIndex].conditions[conditionIndex]
        let count = words.count
        let place = place(condition.word, condition.mask)
        let before = words[place]
        var position = before.low
        var finished = false
        for range in condition.ranges where range.last >= before.low && range.first <= before.high {
            if position < range.first {
                words[place].low = position
                words[place].high = range.first - 1
                try compare(rule, caseIndex + 1, 0, value, number)
            }
            words[place].low = max(position, range.first)
            words[place].high = min(before.high, range.last)
            try compare(rule, caseIndex, conditionIndex + 1, value, number)
            if range.last >= before.high {
                finished = true
                break
            }
            position = range.last + 1
        }
        if !finished {
            words[place].low = position
            words[place].high = before.high
            try compare(rule, caseIndex + 1, 0, value, number)
        }
        words[place] = before
        words.removeLast(words.count - count)
    }

    private func require(
        _ expected: Outcome, _ value: UInt32, identity: UInt32, number: UInt32? = nil
    ) throws(SyscallError) {
        if expected.answer.returnValue == value { return }
        // A call of the set, as an example.
        var arguments = Arguments()
        for word in words where word.index >= 4 {
            let shift = UInt64(word.index % 2 * 32)
            arguments[UInt8((word.index - 4) / 2)] |= UInt64(word.low) << shift
        }
        if admitted == true, let cookie { arguments.a5 = cookie.value }
        throw .mismatch(
            FilterMismatch(
                architecture: identity, number: number ?? words[0].low, arguments: arguments, expected: expected.answer, found: value))
    }
}
