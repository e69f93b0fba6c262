// SPDX-License-Identifier: Apache-2.0
//
// The escapes of string literals: `\n \r \t \\ \0 \' \" \x00-\x7F \u{1..6 hex digits, _}`; `\*` in patterns only.
// A bare carriage return is refused, other control characters stand for themselves.

public enum Escape {
    /// One element of an unescaped literal.
    enum Element {
        case scalar(Unicode.Scalar)
        /// `\*`.
        case escapedStar
    }

    /// The value of a string literal.
    ///
    /// - Parameters:
    ///   - bytes: the source text; `span` covers the literal with its quotes.
    public static func unescape(_ bytes: [UInt8], _ span: SourceSpan) throws(CedarError) -> Text {
        let inner = bytes[(Int(span.start) + 1)..<(Int(span.end) - 1)]
        if !inner.contains(where: { $0 == UInt8(ascii: "\\") || $0 == 0x0D }) {
            return Text(String(decoding: inner, as: UTF8.self))
        }
        var scalars = String.UnicodeScalarView()
        for element in try elements(bytes, span) {
            switch element {
            case .scalar(let scalar): scalars.append(scalar)
            case .escapedStar:
                throw CedarError(
                    .syntax, "`\\*` is not a valid escape outside a pattern", at: span,
                    help: "a star needs no escape here")
            }
        }
        return Text(String(scalars))
    }

    static func elements(_ bytes: [UInt8], _ span: SourceSpan) throws(CedarError) -> [Element] {
        let end = Int(span.end) - 1
        var index = Int(span.start) + 1
        var result: [Element] = []
        while index < end {
            let start = index
            guard bytes[index] == UInt8(ascii: "\\") else {
                guard bytes[index] != 0x0D else {
                    throw CedarError(
                        .syntax, "a carriage return must be escaped in a string", at: SourceSpan(start, start + 1),
                        help: "write `\\r`")
                }
                var next = index + 1
                while next < end, bytes[next] & 0xC0 == 0x80 { next += 1 }
                for scalar in String(decoding: bytes[index..<next], as: UTF8.self).unicodeScalars {
                    result.append(.scalar(scalar))
                }
                index = next
                continue
            }
            let code = bytes[index + 1]
            index += 2
            switch code {
            case UInt8(ascii: "n"): result.append(.scalar("\n"))
            case UInt8(ascii: "r"): result.append(.scalar("\r"))
            case UInt8(ascii: "t"): result.append(.scalar("\t"))
            case UInt8(ascii: "0"): result.append(.scalar("\0"))
            case UInt8(ascii: "\\"): result.append(.scalar("\\"))
            case UInt8(ascii: "'"): result.append(.scalar("'"))
            case UInt8(ascii: "\""): result.append(.scalar("\""))
            case UInt8(ascii: "*"): result.append(.escapedStar)
            case UInt8(ascii: "x"):
                guard index + 2 <= end, let high = hex(bytes[index]), let low = hex(bytes[index + 1]), high < 8 else {
                    throw CedarError(
                        .syntax, "`\\x` takes two hexadecimal digits up to `7F`", at: SourceSpan(start, min(index + 2, end)),
                        help: "write `\\u{..}` for other characters")
                }
                result.append(.scalar(Unicode.Scalar(UInt8(high * 16 + low))))
                index += 2
            case UInt8(ascii: "u"):
                result.append(.scalar(try unicode(bytes, &index, end: end, start: start)))
            default:
                var next = index
                while next < end, bytes[next] & 0xC0 == 0x80 { next += 1 }
                let shown = String(decoding: bytes[start..<next], as: UTF8.self)
                throw CedarError(
                    .syntax, "`\(shown)` is not a valid escape", at: SourceSpan(start, next),
                    help: "a backslash itself is written `\\\\`")
            }
        }
        return result
    }

    private static func unicode(
        _ bytes: [UInt8], _ index: inout Int, end: Int, start: Int
    ) throws(CedarError) -> Unicode.Scalar {
        var value: UInt32 = 0
        var digits = 0
        var closed = false
        if index < end, bytes[index] == UInt8(ascii: "{") {
            index += 1
            while index < end {
                let byte = bytes[index]
                index += 1
                if byte == UInt8(ascii: "}") {
                    closed = true
                    break
                }
                if byte == UInt8(ascii: "_"), digits > 0 { continue }
                guard let digit = hex(byte), digits < 6 else { break }
                value = value * 16 + UInt32(digit)
                digits += 1
            }
        }
        guard closed, digits > 0, let scalar = Unicode.Scalar(value) else {
            throw CedarError(
                .syntax, "`\\u` takes a character's number in braces", at: SourceSpan(start, max(index, start + 1)),
                help: "for example `\\u{1F600}`: 1 to 6 hexadecimal digits, up to 10FFFF, no surrogate")
        }
        return scalar
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// A literal that reads back as the text.
    public static func quoted(_ text: Text) -> String {
        var out = "\""
        for scalar in text.string.unicodeScalars { append(scalar, to: &out) }
        out.append("\"")
        return out
    }

    static func append(_ scalar: Unicode.Scalar, to out: inout String) {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        case "\0": out += "\\0"
        default:
            if scalar.value < 0x20 || (scalar.value >= 0x7F && scalar.value < 0xA0)
                || scalar.properties.generalCategory == .format
                || (scalar.value >= 0x80 && scalar.properties.isWhitespace)
                || scalar.properties.isGraphemeExtend
            {
                out += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
    }

    /// An ASCII character as a message shows it.
    static func shown(_ byte: UInt8) -> String {
        byte >= 0x20 && byte < 0x7F ? String(Unicode.Scalar(byte)) : "\\x\(String(byte, radix: 16))"
    }
}
