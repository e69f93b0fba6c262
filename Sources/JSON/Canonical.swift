// SPDX-License-Identifier: Apache-2.0
//
// The canonical form of RFC 8785: members sorted by the UTF-16 units of their names, numbers as ECMAScript writes doubles, fewest escapes.
// One difference, on purpose: a 64-bit integer is written exactly even beyond 2^53, where the RFC would round it. Digests of two different
// identifiers must differ, and a call that is forwarded in this form must be the call that was judged. An integer that is larger still and
// that a double would alter is refused.

extension Value {
    /// The canonical form, as UTF-8.
    /// - Throws: `numberNotInterchangeable`.
    public func canonical() throws(JSONError) -> [UInt8] {
        var writer = Writer()
        try writer.writeCanonical(self)
        return writer.bytes
    }
}

extension Writer {
    mutating func writeCanonical(_ value: Value) throws(JSONError) {
        switch value {
        case .number(let number):
            if number.isShortest { bytes += number.text.utf8 } else { bytes += try Writer.canonical(number).utf8 }
        case .string(let text): canonicalString(text)
        case .array(let elements):
            bytes.append(0x5b)
            for (position, element) in elements.enumerated() {
                if position > 0 { bytes.append(0x2c) }
                try writeCanonical(element)
            }
            bytes.append(0x5d)
        case .object(let object):
            bytes.append(0x7b)
            let members = object.members
            var isSorted = true
            for place in members.indices.dropFirst() where isSorted { isSorted = !Writer.precedesByUTF16(members[place].name, members[place - 1].name) }
            let sorted = isSorted ? members : members.sorted { Writer.precedesByUTF16($0.name, $1.name) }
            for (position, member) in sorted.enumerated() {
                if position > 0 { bytes.append(0x2c) }
                canonicalString(member.name)
                bytes.append(0x3a)
                try writeCanonical(member.value)
            }
            bytes.append(0x7d)
        default: scalar(value)
        }
    }

    private mutating func canonicalString(_ text: String) { quoted(text) { _ in false } }

    private static func canonical(_ number: Number) throws(JSONError) -> String {
        let double = number.double
        guard double.isFinite else { throw JSONError(reason: .numberNotInterchangeable(number.text), place: nil) }
        let text = Number.ecmaScript(double)
        let integral = !number.text.utf8.contains { $0 == 0x2e || $0 | 0x20 == 0x65 }
        if integral {
            // Same digits and same power of ten, or the double is another integer.
            let (digits, exponent) = Number.significant(number.text)
            let (kept, keptExponent) = Number.significant(text)
            if digits != kept || (exponent != keptExponent && !digits.isEmpty) {
                throw JSONError(reason: .numberNotInterchangeable(number.text), place: nil)
            }
        }
        return text
    }

    /// The order of UTF-16 code units, from UTF-8: it is that of the bytes, but that the characters above U+FFFF (first byte F0 and up)
    /// stand before U+E000...U+FFFF (first byte EE or EF).
    static func precedesByUTF16(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8) { rank($0) < rank($1) }
    }

    private static func rank(_ byte: UInt8) -> UInt16 { byte == 0xee || byte == 0xef ? UInt16(byte) + 0x100 : UInt16(byte) }
}
