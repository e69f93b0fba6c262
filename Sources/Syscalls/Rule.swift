// SPDX-License-Identifier: Apache-2.0
//
// Rules and the table of them: the semantic model that a filter is compiled from and proved against. It knows numbers,
// 32-bit words of arguments and answers; it does not know families. First match wins, as in a person's reading.

/// A run of 32-bit words, both ends included. Not a `ClosedRange`, whose metadata asks the runtime to search all conformances
/// of the binary the first time that a process stores one.
public struct WordRange: Hashable, Sendable {
    public let first: UInt32
    public let last: UInt32

    /// - Precondition: `first <= last`.
    public init(_ first: UInt32, _ last: UInt32) {
        precondition(first <= last)
        self.first = first
        self.last = last
    }
}

/// A test of one 32-bit word of one argument: `(word & mask)` lies in one of `ranges`.
public struct Condition: Hashable, Sendable {
    /// 0...5.
    public let argument: UInt8
    /// The upper half of the 64-bit register. `int` arguments are 32 bits in the kernel: only their lower half is looked at.
    public let high: Bool
    public let mask: UInt32
    /// Ascending, disjoint, not empty.
    public let ranges: [WordRange]

    public init(argument: UInt8, high: Bool = false, mask: UInt32 = .max, ranges: [WordRange]) {
        self.argument = argument
        self.high = high
        self.mask = mask
        self.ranges = ranges
    }

    /// The lower word, masked, is one of `values`, which ascend.
    public init(_ argument: UInt8, mask: UInt32 = .max, in values: [UInt32]) {
        self.init(argument: argument, mask: mask, ranges: values.map { WordRange($0, $0) })
    }

    /// The index of the tested word in `SeccompCall`.
    var word: Int { 4 + 2 * Int(argument) + (high ? 1 : 0) }

    func holds(_ call: borrowing SeccompCall) -> Bool {
        let value = call.words[word] & mask
        for range in ranges where value <= range.last { return value >= range.first }
        return false
    }

    func readsSameWord(as other: Condition) -> Bool {
        argument == other.argument && high == other.high && mask == other.mask
    }
}

/// An outcome for calls that meet all conditions.
public struct Case: Hashable, Sendable {
    public let conditions: [Condition]
    public let outcome: Outcome

    public init(_ conditions: [Condition], _ outcome: Outcome) {
        self.conditions = conditions
        self.outcome = outcome
    }
}

/// What one syscall is answered, by its arguments: the first case that holds, else `otherwise`.
public struct Rule: Hashable, Sendable {
    /// The launcher's own exec: allowed when the sixth argument, which execveat does not use, holds the launch's cookie.
    public let admitsCookie: Bool
    public let cases: [Case]
    public let otherwise: Outcome

    public init(_ cases: [Case], otherwise: Outcome, admitsCookie: Bool = false) {
        self.cases = cases
        self.otherwise = otherwise
        self.admitsCookie = admitsCookie
    }

    /// The same with another answer to what is allowed.
    func answering(_ outcome: Outcome) -> Rule {
        func changed(_ old: Outcome) -> Outcome { old == .allowed ? outcome : old }
        return Rule(cases.map { Case($0.conditions, changed($0.outcome)) }, otherwise: changed(otherwise), admitsCookie: admitsCookie)
    }
}

/// The six argument registers of a syscall.
public struct Arguments: Hashable, Sendable {
    public var a0: UInt64, a1: UInt64, a2: UInt64, a3: UInt64, a4: UInt64, a5: UInt64

    public init(
        _ a0: UInt64 = 0, _ a1: UInt64 = 0, _ a2: UInt64 = 0, _ a3: UInt64 = 0, _ a4: UInt64 = 0, _ a5: UInt64 = 0
    ) {
        (self.a0, self.a1, self.a2, self.a3, self.a4, self.a5) = (a0, a1, a2, a3, a4, a5)
    }

    /// The register of that index; 0 past the sixth.
    public subscript(index: UInt8) -> UInt64 {
        get {
            switch index {
            case 0: a0
            case 1: a1
            case 2: a2
            case 3: a3
            case 4: a4
            case 5: a5
            default: 0
            }
        }
        set {
            switch index {
            case 0: a0 = newValue
            case 1: a1 = newValue
            case 2: a2 = newValue
            case 3: a3 = newValue
            case 4: a4 = newValue
            case 5: a5 = newValue
            default: break
            }
        }
    }
}

/// The answers to all 2^32 numbers of one architecture, and to calls by other conventions.
public struct RuleTable: Hashable, Sendable {
    /// What a run of numbers is answered.
    public enum Leaf: Hashable, Sendable {
        case plain(Outcome)
        /// An index into `rules`.
        case rule(Int)
    }

    public let architecture: Architecture
    /// The answer to calls of the 32-bit companion architecture.
    public let compat: Outcome
    /// The answer to calls of any other architecture.
    public let foreign: Outcome
    public private(set) var rules: [Rule] = []
    /// Starts of runs, ascending, the first 0; each run ends before the next start. INVARIANT: same count as `leaves`.
    private(set) var starts: [UInt32] = []
    private(set) var leaves: [Leaf] = []

    init(architecture: Architecture, compat: Outcome, foreign: Outcome) {
        self.architecture = architecture
        self.compat = compat
        self.foreign = foreign
        starts.reserveCapacity(400)
        leaves.reserveCapacity(400)
    }

    /// Appends the answer of all numbers from `start`, which lies above every earlier start, up to the next one.
    mutating func append(from start: UInt32, _ outcome: Outcome) {
        if case .plain(let last)? = leaves.last, last == outcome { return }
        starts.append(start)
        leaves.append(.plain(outcome))
    }

    mutating func append(from start: UInt32, _ rule: Rule) {
        starts.append(start)
        leaves.append(.rule(rules.count))
        rules.append(rule)
    }

    /// The index of a number's run.
    func run(of number: UInt32) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= number { low = middle } else { high = middle }
        }
        return low
    }

    /// The answer to one call and its cause.
    /// - Parameters:
    ///   - number: as in `seccomp_data.nr`, taken as unsigned.
    ///   - cookie: the launch's exec cookie; `nil` answers as after the launch, when nobody knows it.
    public func outcome(
        architecture identity: UInt32, number: UInt32, arguments: Arguments, cookie: ExecCookie? = nil
    ) -> Outcome {
        if identity != architecture.auditIdentity { return identity == architecture.compatIdentity ? compat : foreign }
        switch leaves[run(of: number)] {
        case .plain(let outcome): return outcome
        case .rule(let index):
            return outcome(
                of: rules[index], SeccompCall(architecture: identity, number: number, arguments: arguments), cookie)
        }
    }

    func outcome(of rule: Rule, _ call: borrowing SeccompCall, _ cookie: ExecCookie?) -> Outcome {
        if rule.admitsCookie, let cookie, call.words[14] == cookie.low, call.words[15] == cookie.high { return .allowed }
        cases: for candidate in rule.cases {
            for condition in candidate.conditions where !condition.holds(call) { continue cases }
            return candidate.outcome
        }
        return rule.otherwise
    }
}
