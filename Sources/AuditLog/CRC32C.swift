// SPDX-License-Identifier: Apache-2.0
//
// The checksum of a journal's frames: CRC-32C (Castagnoli), reflected, as in RFC 3720, appendix B.4. Eight bytes a step by eight tables.
// It tells a torn write from a whole one; against intent only the tree's hashes help.

enum CRC32C {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
            tables[index] = value
        }
        for index in 0..<256 {
            for table in 1..<8 {
                let before = tables[(table - 1) * 256 + index]
                tables[table * 256 + index] = before >> 8 ^ tables[Int(before & 255)]
            }
        }
        return tables
    }()

    /// Of bytes that follow those with the checksum `before`.
    static func of(_ bytes: RawSpan, after before: UInt32 = 0) -> UInt32 {
        var value = ~before
        let tables = tables.span
        // SAFETY: every index is below 2048, every place within the span.
        func table(_ number: Int, _ byte: UInt32) -> UInt32 { unsafe tables[unchecked: number * 256 + Int(byte & 255)] }
        var place = 0
        while place + 8 <= bytes.byteCount {
            let word = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self))
            let low = UInt32(truncatingIfNeeded: word) ^ value
            let high = UInt32(truncatingIfNeeded: word >> 32)
            value = table(7, low) ^ table(6, low >> 8) ^ table(5, low >> 16) ^ table(4, low >> 24)
            value ^= table(3, high) ^ table(2, high >> 8) ^ table(1, high >> 16) ^ table(0, high >> 24)
            place += 8
        }
        while place < bytes.byteCount {
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: place, as: UInt8.self)
            value = value >> 8 ^ table(0, value ^ UInt32(byte))
            place += 1
        }
        return ~value
    }
}
