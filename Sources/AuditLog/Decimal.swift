// SPDX-License-Identifier: Apache-2.0
//
// Integers as decimal digits, straight into the bytes of an entry.

enum Decimal {
    static func append(_ number: Int64, to text: inout [UInt8]) {
        if number < 0 { text.append(0x2d) }
        var digits: [20 of UInt8] = .init(repeating: 0)
        var (rest, count) = (number.magnitude, 0)
        repeat {
            digits[count] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        for place in (0..<count).reversed() { text.append(digits[place]) }
    }
}
