// SPDX-License-Identifier: Apache-2.0
//
// The syntax of Pattern: ECMA-262, section 22.2.1, without back-references and look-around. Captures only group.

indirect enum PatternTree {
    case empty
    case set(ScalarSet)
    case start
    case end
    case boundary(Bool)
    case sequence([PatternTree])
    case choice([PatternTree])
    case repeated(PatternTree, least: Int, most: Int?)
}

struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var depth = 0
    private static let deepest = 64

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func whole() throws(PatternError) -> PatternTree {
        guard scalars.count <= 10_000 else { throw PatternError(message: "it is longer than 10000 characters") }
        let tree = try choice()
        if at < scalars.count { throw PatternError(message: "`)` without `(`") }
        return tree
    }

    private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        at += 1
        return true
    }

    private mutating func choice() throws(PatternError) -> PatternTree {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.deepest { throw PatternError(message: "groups deeper than \(Self.deepest)") }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence() throws(PatternError) -> PatternTree {
        var parts: [PatternTree] = []
        while let scalar = next, scalar != "|", scalar != ")" { parts.append(try term()) }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func term() throws(PatternError) -> PatternTree {
        let scalar = scalars[at]
        at += 1
        let atom: PatternTree
        switch scalar {
        case "^": return .start
        case "$": return .end
        case ".": atom = .set(.any)
        case "[": atom = .set(try bracket())
        case "(": atom = try group()
        case "\\":
            if take("b") { return .boundary(true) }
            if take("B") { return .boundary(false) }
            atom = .set(try escape(inClass: false))
        case "*", "+", "?": throw PatternError(message: "nothing to repeat before `\(scalar)`")
        case "{", "}", "]":
            // Literals by the compatible syntax (annex B), where they cannot mean anything else.
            if scalar == "{", braces() != nil { throw PatternError(message: "nothing to repeat before `{`") }
            atom = .set(Self.one(scalar))
        default: atom = .set(Self.one(scalar))
        }
        return try quantified(atom)
    }

    private static func one(_ scalar: Unicode.Scalar) -> ScalarSet { ScalarSet(ranges: [scalar.value...scalar.value]) }

    private mutating func quantified(_ atom: PatternTree) throws(PatternError) -> PatternTree {
        var least = 0
        var most: Int?
        switch next {
        case "*": at += 1
        case "+":
            at += 1
            least = 1
        case "?":
            at += 1
            most = 1
        case "{":
            at += 1
            guard let bounds = braces() else {
                at -= 1
                return atom
            }
            (least, most) = bounds
            if let most, most < least { throw PatternError(message: "`{\(least),\(most)}` counts downwards") }
            if max(least, most ?? 0) > Pattern.size { throw PatternError(message: "it repeats more than \(Pattern.size) times") }
        default: return atom
        }
        _ = take("?")  // lazy: the same texts match
        if let scalar = next, scalar == "*" || scalar == "+" || scalar == "?" { throw PatternError(message: "nothing to repeat before `\(scalar)`") }
        return .repeated(atom, least: least, most: most)
    }

    /// What stands after `{` up to `}`; nil, and nothing taken, where it is no count.
    private mutating func braces() -> (Int, Int?)? {
        let start = at
        guard let least = number() else {
            at = start
            return nil
        }
        if take("}") { return (least, least) }
        guard take(",") else {
            at = start
            return nil
        }
        if take("}") { return (least, nil) }
        guard let most = number(), take("}") else {
            at = start
            return nil
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, (0x30...0x39).contains(scalar.value) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), 1_000_000)
            at += 1
        }
        return value
    }

    private mutating func group() throws(PatternError) -> PatternTree {
        if take("?") {
            if take("<") {
                if next == "=" || next == "!" { throw PatternError(message: "look-behind") }
                while let scalar = next, scalar != ">" {
                    guard scalar.properties.isIDContinue || scalar == "$" else { throw PatternError(message: "a group's name") }
                    at += 1
                }
                guard take(">") else { throw PatternError(message: "a group's name without `>`") }
            } else if !take(":") {
                throw PatternError(message: next == "=" || next == "!" ? "look-ahead" : "a group of an unknown kind")
            }
        }
        let tree = try choice()
        guard take(")") else { throw PatternError(message: "`(` without `)`") }
        return tree
    }

    private mutating func bracket() throws(PatternError) -> ScalarSet {
        var set = ScalarSet()
        set.isNegated = take("^")
        while true {
            guard let scalar = next else { throw PatternError(message: "`[` without `]`") }
            at += 1
            if scalar == "]" { return set }
            let first = scalar == "\\" ? try escape(inClass: true) : Self.one(scalar)
            guard next == "-", at + 1 < scalars.count, scalars[at + 1] != "]", let low = Self.single(first) else {
                set.ranges += first.positive
                set.categories += first.categories
                continue
            }
            at += 1
            let upper = scalars[at]
            at += 1
            let second = upper == "\\" ? try escape(inClass: true) : Self.one(upper)
            guard let high = Self.single(second) else {
                set.ranges += first.positive + second.positive + [0x2d...0x2d]
                set.categories += second.categories
                continue
            }
            guard low <= high else { throw PatternError(message: "a range that runs backwards") }
            set.ranges.append(low...high)
        }
    }

    private static func single(_ set: ScalarSet) -> UInt32? {
        guard set.ranges.count == 1, !set.isNegated, set.categories.isEmpty, set.ranges[0].count == 1 else { return nil }
        return set.ranges[0].lowerBound
    }

    /// What stands after a backslash.
    private mutating func escape(inClass: Bool) throws(PatternError) -> ScalarSet {
        guard let scalar = next else { throw PatternError(message: "`\\` at the end") }
        at += 1
        func not(_ set: ScalarSet) -> ScalarSet { ScalarSet(ranges: set.positive.isEmpty ? [] : ScalarSet(ranges: set.ranges, isNegated: true).positive) }
        switch scalar {
        case "d": return .digit
        case "D": return not(.digit)
        case "w": return .word
        case "W": return not(.word)
        case "s": return .space
        case "S": return not(.space)
        case "t": return Self.one("\t")
        case "n": return Self.one("\n")
        case "r": return Self.one("\r")
        case "v": return Self.one("\u{b}")
        case "f": return Self.one("\u{c}")
        case "b" where inClass: return Self.one("\u{8}")
        case "0":
            if let digit = next, (0x30...0x39).contains(digit.value) { throw PatternError(message: "an octal escape") }
            return Self.one("\0")
        case "1"..."9": throw PatternError(message: "a back-reference")
        case "k": throw PatternError(message: "a back-reference")
        case "x": return Self.one(try hex(2))
        case "u": return Self.one(try unicode())
        case "c":
            guard let letter = next, letter.isASCII, letter.properties.isAlphabetic, let control = Unicode.Scalar(letter.value & 31) else {
                throw PatternError(message: "`\\c` without a letter")
            }
            at += 1
            return Self.one(control)
        case "p", "P": return try property(isNegated: scalar == "P")
        default:
            // `\Z` and `\A` of other dialects would be letters here: what was meant is not known.
            if scalar.isASCII, scalar.properties.isAlphabetic { throw PatternError(message: "`\\\(scalar)`") }
            return Self.one(scalar)
        }
    }

    private mutating func hex(_ count: Int) throws(PatternError) -> Unicode.Scalar {
        guard let scalar = Unicode.Scalar(try hexValue(count)) else { throw PatternError(message: "an escape of a surrogate") }
        return scalar
    }

    private mutating func hexValue(_ count: Int) throws(PatternError) -> UInt32 {
        guard at + count <= scalars.count, let value = UInt32(String(String.UnicodeScalarView(scalars[at..<(at + count)])), radix: 16), scalars[at] != "+"
        else {
            throw PatternError(message: "an escape without \(count) hexadecimal digits")
        }
        at += count
        return value
    }

    private mutating func unicode() throws(PatternError) -> Unicode.Scalar {
        if take("{") {
            var digits = 0
            while at + digits < scalars.count, scalars[at + digits] != "}", digits < 7 { digits += 1 }
            let scalar = try hex(digits)
            guard digits > 0, take("}") else { throw PatternError(message: "`\\u{` without `}`") }
            return scalar
        }
        let unit = try hexValue(4)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xdc00, take("\\"), take("u") else { throw PatternError(message: "an escape of a surrogate") }
        let low = try hexValue(4)
        guard (0xdc00..<0xe000).contains(low), let scalar = Unicode.Scalar(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)) else {
            throw PatternError(message: "an escape of a surrogate")
        }
        return scalar
    }

    private mutating func property(isNegated: Bool) throws(PatternError) -> ScalarSet {
        guard take("{") else { throw PatternError(message: "`\\p` without `{`") }
        var name = ""
        while let scalar = next, scalar != "}" {
            name.unicodeScalars.append(scalar)
            at += 1
        }
        guard take("}") else { throw PatternError(message: "`\\p{` without `}`") }
        for prefix in ["General_Category=", "gc="] where name.hasPrefix(prefix) { name.removeFirst(prefix.count) }
        if name == "Any" { return ScalarSet(ranges: isNegated ? [] : [0...0x10ffff]) }
        if name == "ASCII" { return ScalarSet(ranges: isNegated ? [0x80...0x10ffff] : [0...0x7f]) }
        let short = CategoryName.long[name] ?? name
        guard CategoryName.all.contains(short) else { throw PatternError(message: "the property `\(name)`") }
        return ScalarSet(categories: [ScalarSet.Category(names: [short], isNegated: isNegated)])
    }
}
