// SPDX-License-Identifier: Apache-2.0
//
// Numbers that are not 64-bit integers, as they were written; and the one way in which doubles are written, that of ECMAScript
// (Number::toString, radix 10), which RFC 8785 section 3.2.2.3 asks for.

/// A number's text, valid by the grammar of RFC 8259 section 6.
public struct Number: Sendable, Hashable {
    public let text: String

    /// INVARIANT: the parser has checked the grammar.
    init(checked text: String) { self.text = text }

    /// A number from its text; nil where the text is not a JSON number.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let end = Number.scan(bytes.span, from: 0)?.end, end == bytes.count else { return nil }
        self.text = text
    }

    /// The shortest text that reads back as this double; nil for infinities and not-a-number.
    public init?(_ double: Double) {
        guard double.isFinite else { return nil }
        text = Number.ecmaScript(double)
    }

    /// The nearest double; an infinity where the number is beyond their range.
    public var double: Double { Double(text) ?? (text.utf8.first == 0x2d ? -.infinity : .infinity) }

    /// Whether the text is what ECMAScript writes for its double, as can be seen without making one: a fraction without exponent, of at most 15
    /// digits (which doubles keep), not ending in zero, and not so small that it would be written with an exponent.
    public var isShortest: Bool {
        let bytes = text.utf8
        guard bytes.count <= 17, bytes.last != 0x30 else { return false }
        var (digits, whole, fraction) = (0, 0, 0)
        var isFraction = false
        var isSmall = true
        for byte in bytes {
            switch byte {
            case 0x30...0x39:
                digits += 1
                if isFraction { fraction += 1 } else { whole += 1 }
                if byte != 0x30, !isFraction || fraction == 1 { isSmall = false }
            case 0x2e: isFraction = true
            case 0x2d where digits == 0: break
            default: return false
            }
        }
        return isFraction && digits <= 15 && !isSmall
    }

    /// The shape of a number's text: where it ends, and whether it has neither fraction nor exponent.
    static func scan(_ bytes: Span<UInt8>, from start: Int) -> (end: Int, integral: Bool)? {
        var at = start
        func digits() -> Bool {
            let first = at
            while at < bytes.count, bytes[at] &- 0x30 < 10 { at += 1 }
            return at > first
        }
        if at < bytes.count, bytes[at] == 0x2d { at += 1 }
        if at < bytes.count, bytes[at] == 0x30 { at += 1 } else if !digits() { return nil }
        var integral = true
        if at < bytes.count, bytes[at] == 0x2e {
            at += 1
            integral = false
            if !digits() { return nil }
        }
        if at < bytes.count, bytes[at] | 0x20 == 0x65 {
            at += 1
            integral = false
            if at < bytes.count, bytes[at] == 0x2b || bytes[at] == 0x2d { at += 1 }
            if !digits() { return nil }
        }
        return (at, integral)
    }

    /// The significant digits of a decimal text without leading and trailing zeros, and the power of ten that stands before the first of them:
    /// `0.digits x 10^exponent`. No digits for zero.
    static func significant(_ text: String) -> (digits: [UInt8], exponent: Int) {
        var digits: [UInt8] = []
        var exponent = 0
        var afterPoint = false
        var bytes = text.utf8[...]
        while let byte = bytes.popFirst() {
            switch byte {
            case 0x30...0x39:
                if digits.isEmpty && byte == 0x30 {
                    if afterPoint { exponent -= 1 }
                } else {
                    digits.append(byte)
                    if !afterPoint { exponent += 1 }
                }
            case 0x2e: afterPoint = true
            case 0x65, 0x45:
                exponent += Int(Substring(bytes)) ?? 0
                bytes = bytes[bytes.endIndex...]
            default: break
            }
        }
        while digits.last == 0x30 { digits.removeLast() }
        return (digits, exponent)
    }

    /// A finite double as ECMAScript writes it.
    static func ecmaScript(_ double: Double) -> String {
        if double == 0 { return "0" }
        // `description` gives the shortest digits that read back, the nearest of those: what ECMAScript's note 2 asks for.
        let (digits, n) = significant(double.magnitude.description)
        let k = digits.count
        var text: [UInt8] = double < 0 ? [0x2d] : []
        func zeros(_ count: Int) { text.append(contentsOf: repeatElement(0x30, count: count)) }
        if k <= n && n <= 21 {
            text += digits
            zeros(n - k)
        } else if 0 < n && n <= 21 {
            text += digits[..<n]
            text.append(0x2e)
            text += digits[n...]
        } else if -6 < n && n <= 0 {
            text += [0x30, 0x2e]
            zeros(-n)
            text += digits
        } else {
            text.append(digits[0])
            if k > 1 {
                text.append(0x2e)
                text += digits[1...]
            }
            text.append(0x65)
            text.append(n > 0 ? 0x2b : 0x2d)
            text += Array(String((n - 1).magnitude).utf8)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
