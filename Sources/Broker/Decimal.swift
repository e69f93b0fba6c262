// SPDX-License-Identifier: Apache-2.0
//
// Comparison and division of JSON numbers by their decimal digits, as far as 128 bits go, and by doubles beyond: 0.3 is a multiple of 0.1.

import JSON

struct Decimal: Hashable {
    /// The number is `digits x 10^exponent`.
    let digits: Int64
    let exponent: Int

    /// Nil for more than 18 digits, and for what is no number.
    init?(_ value: Value) {
        switch value {
        case .integer(let integer):
            digits = integer
            exponent = 0
        case .number(let number):
            var digits: Int64 = 0
            var exponent = 0
            var count = 0
            var isNegative = false
            var afterPoint = false
            var rest = Array(number.text.utf8)[...]
            while let byte = rest.popFirst() {
                switch byte {
                case 0x2d: isNegative = true
                case 0x2e: afterPoint = true
                case 0x30...0x39:
                    if count >= 18 { return nil }
                    digits = digits * 10 + Int64(byte - 0x30)
                    if digits != 0 { count += 1 }
                    if afterPoint { exponent -= 1 }
                default:
                    guard let power = Int(String(decoding: rest, as: UTF8.self)) else { return nil }
                    exponent += power
                    rest = []
                }
            }
            self.digits = isNegative ? -digits : digits
            self.exponent = exponent
        default: return nil
        }
    }

    /// Both on one power of ten.
    private static func scaled(_ left: Value, _ right: Value) -> (Int128, Int128)? {
        guard let left = Decimal(left), let right = Decimal(right), abs(left.exponent - right.exponent) <= 18 else { return nil }
        let low = min(left.exponent, right.exponent)
        return (left.raised(left.exponent - low), right.raised(right.exponent - low))
    }

    private func raised(_ power: Int) -> Int128 {
        var value = Int128(digits)
        for _ in 0..<power { value *= 10 }
        return value
    }

    /// Below zero, zero or above, as the left is less, equal or more.
    static func compare(_ left: Value, _ right: Value) -> Int {
        if let (left, right) = scaled(left, right) { return left < right ? -1 : left == right ? 0 : 1 }
        let (a, b) = (left.asDouble ?? 0, right.asDouble ?? 0)
        return a < b ? -1 : a == b ? 0 : 1
    }

    static func isMultiple(_ value: Value, of unit: Value) -> Bool {
        if let (value, unit) = scaled(value, unit), unit != 0 { return value % unit == 0 }
        let quotient = (value.asDouble ?? 0) / (unit.asDouble ?? 1)
        return quotient.isFinite && quotient == quotient.rounded()
    }
}
