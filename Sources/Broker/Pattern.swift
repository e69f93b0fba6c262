// SPDX-License-Identifier: Apache-2.0
//
// Regular expressions of JSON Schema (`pattern`, `patternProperties`) in time that is linear in the text: a machine after Thompson that is in
// all its states at once. They come from servers that nobody vouches for, so nothing here goes back to try again. The syntax is that of
// ECMA-262 (section 22.2, with the flag u) without what needs going back: back-references and look-around are refused by name.

/// A compiled expression.
struct Pattern: Sendable, Hashable {
    /// What one state does.
    enum Step: Sendable, Hashable {
        case take(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        /// Whether a word begins or ends here.
        case boundary(Bool)
        case match
    }

    private(set) var steps: [Step] = []
    /// Greatest number of states; counted repetitions are written out.
    static let size = 4000

    /// - Throws: what of it is not understood.
    init(_ text: String) throws(PatternError) {
        var parser = PatternParser(text)
        let tree = try parser.whole()
        try emit(tree)
        try add(.match)
    }

    private mutating func add(_ step: Step) throws(PatternError) {
        guard steps.count < Self.size else { throw PatternError(message: "it needs more than \(Self.size) states") }
        steps.append(step)
    }

    private mutating func emit(_ tree: PatternTree) throws(PatternError) {
        switch tree {
        case .empty: break
        case .set(let set): try add(.take(set))
        case .start: try add(.start)
        case .end: try add(.end)
        case .boundary(let wanted): try add(.boundary(wanted))
        case .sequence(let parts): for part in parts { try emit(part) }
        case .choice(let parts):
            var ends: [Int] = []
            for (place, part) in parts.enumerated() {
                let isLast = place == parts.count - 1
                let split = steps.count
                if !isLast { try add(.split(split + 1, 0)) }
                try emit(part)
                if !isLast {
                    ends.append(steps.count)
                    try add(.jump(0))
                    steps[split] = .split(split + 1, steps.count)
                }
            }
            for end in ends { steps[end] = .jump(steps.count) }
        case .repeated(let part, let least, let most):
            for _ in 0..<least { try emit(part) }
            guard let most else {
                let split = steps.count
                try add(.split(split + 1, 0))
                try emit(part)
                try add(.jump(split))
                steps[split] = .split(split + 1, steps.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<max(least, most) {
                splits.append(steps.count)
                try add(.split(0, 0))
                try emit(part)
            }
            for split in splits { steps[split] = .split(split + 1, steps.count) }
        }
    }

    /// Whether it matches anywhere in the text.
    /// - Parameter work: steps that may be taken; below zero when they did not suffice, and the result says nothing.
    func matches(_ text: String, work: inout Int) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var current = ActiveStates(steps.count)
        var next = ActiveStates(steps.count)
        for place in 0...scalars.count {
            // A match may begin at each place.
            enter(0, &current, scalars, place, &work)
            if work < 0 { return false }
            if current.matched { return true }
            if place == scalars.count { return false }
            next.clear()
            let scalar = scalars[place]
            for state in current.list {
                work -= 1
                if case .take(let set) = steps[state], set.contains(scalar) { enter(state + 1, &next, scalars, place + 1, &work) }
            }
            if work < 0 { return false }
            swap(&current, &next)
        }
        return false
    }

    private func enter(_ first: Int, _ states: inout ActiveStates, _ scalars: [Unicode.Scalar], _ place: Int, _ work: inout Int) {
        var stack = [first]
        while let state = stack.popLast() {
            work -= 1
            guard states.insert(state) else { continue }
            switch steps[state] {
            case .take: states.list.append(state)
            case .jump(let to): stack.append(to)
            case .split(let one, let other):
                stack.append(other)
                stack.append(one)
            case .start: if place == 0 { stack.append(state + 1) }
            case .end: if place == scalars.count { stack.append(state + 1) }
            case .boundary(let wanted):
                let before = place > 0 && ScalarSet.word.contains(scalars[place - 1])
                let after = place < scalars.count && ScalarSet.word.contains(scalars[place])
                if (before != after) == wanted { stack.append(state + 1) }
            case .match: states.matched = true
            }
        }
    }
}

/// The states that a machine is in: each once.
private struct ActiveStates {
    var list: [Int] = []
    var matched = false
    private var marks: [UInt32]
    private var mark: UInt32 = 1

    init(_ count: Int) { marks = Array(repeating: 0, count: count) }

    mutating func insert(_ state: Int) -> Bool {
        if marks[state] == mark { return false }
        marks[state] = mark
        return true
    }

    mutating func clear() {
        list.removeAll(keepingCapacity: true)
        matched = false
        mark += 1
    }
}

/// What of an expression was not understood.
struct PatternError: Error, Hashable {
    let message: String
}

/// Scalars in ranges, or all but those.
struct ScalarSet: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false
    /// General categories, as `\p{L}` names them.
    var categories: [Category] = []

    /// A set of general categories; all that are not in it where `isNegated`.
    struct Category: Sendable, Hashable {
        let names: Set<String>
        let isNegated: Bool
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var found = ranges.contains { $0.contains(scalar.value) }
        if !found && !categories.isEmpty {
            let name = CategoryName.of(scalar)
            found = categories.contains { category in (category.names.contains(name) || category.names.contains(String(name.prefix(1)))) != category.isNegated }
        }
        return found != isNegated
    }

    static let digit = ScalarSet(ranges: [0x30...0x39])
    static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = ScalarSet(ranges: [
        0x09...0x0d, 0x20...0x20, 0xa0...0xa0, 0x1680...0x1680, 0x2000...0x200a, 0x2028...0x2029, 0x202f...0x202f, 0x205f...0x205f, 0x3000...0x3000,
        0xfeff...0xfeff,
    ])
    /// What `.` takes.
    static let any = ScalarSet(ranges: [0x0a...0x0a, 0x0d...0x0d, 0x2028...0x2029], isNegated: true)

    /// The same set without negation.
    var positive: [ClosedRange<UInt32>] {
        guard isNegated else { return ranges }
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10ffff { gaps.append(next...0x10ffff) }
        return gaps
    }
}

/// The two letters of a general category.
enum CategoryName {
    static let all: Set<String> = [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc",
        "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cn", "Cs",
    ]
    static let long: [String: String] = [
        "Letter": "L", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Mark": "M", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd",
        "Punctuation": "P", "punct": "P", "Symbol": "S", "Separator": "Z", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Space_Separator": "Zs",
    ]

    static func of(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }
}
