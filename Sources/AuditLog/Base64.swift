// SPDX-License-Identifier: Apache-2.0
//
// Base 64 with padding, as signed notes use it. Follows RFC 4648, section 4; decoding takes the one canonical spelling of each value only.

enum Base64 {
    private static var alphabet: [UInt8] { Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8) }

    static func text(_ bytes: [UInt8]) -> String {
        let alphabet = alphabet
        var text: [UInt8] = []
        for at in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[at..<min(at + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 { text.append(place <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)] : 0x3d) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        for at in stride(from: 0, to: digits.count, by: 4) {
            let isLast = at + 4 == digits.count
            let padding = isLast ? digits[at..<(at + 4)].reversed().prefix { $0 == 0x3d }.count : 0
            guard padding <= 2 else { return nil }
            var bits: UInt32 = 0
            for digit in digits[at..<(at + 4 - padding)] {
                guard let value = value(digit) else { return nil }
                bits = bits << 6 | value
            }
            bits <<= UInt32(6 * padding)
            for place in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * place))) }
        }
        return Self.text(bytes).utf8.elementsEqual(digits) ? bytes : nil
    }

    private static func value(_ digit: UInt8) -> UInt32? {
        switch digit {
        case 0x41...0x5a: UInt32(digit) - 0x41
        case 0x61...0x7a: UInt32(digit) - 0x61 + 26
        case 0x30...0x39: UInt32(digit) - 0x30 + 52
        case 0x2b: 62
        case 0x2f: 63
        default: nil
        }
    }
}
