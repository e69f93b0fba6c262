// SPDX-License-Identifier: Apache-2.0
//
// The value of the extension type `ipaddr`: an address and a prefix length (Cedar reference, "ipaddr"). Text forms are
// those of RFC 791 dotted decimals and RFC 4291 2.2 forms 1 and 2; IPv4 inside IPv6 is refused.

public struct IPAddress: Hashable, Sendable {
    public let isIPv4: Bool
    /// The upper 64 bits of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The lower 64 bits, or the 32 bits of an IPv4 address.
    public let low: UInt64
    /// 0-32 or 0-128.
    public let prefix: UInt8

    var width: Int { isIPv4 ? 32 : 128 }

    init(isIPv4: Bool, high: UInt64, low: UInt64, prefix: UInt8) {
        self.isIPv4 = isIPv4
        self.high = high
        self.low = low
        self.prefix = prefix
    }

    /// The bytes that a text may have.
    static let maximumLength = 43

    /// Parses an address with or without a prefix length.
    public init?(_ text: Text) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumLength else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        let isIPv4: Bool
        if let address = Self.parseIPv4(parts[0]) {
            isIPv4 = true
            (high, low) = (0, address)
        } else if let address = Self.parseIPv6(parts[0]) {
            isIPv4 = false
            (high, low) = address
        } else {
            return nil
        }
        self.isIPv4 = isIPv4
        let limit = isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            prefix = UInt8(limit)
            return
        }
        let digits = parts[1]
        guard !digits.isEmpty, digits.count <= (isIPv4 ? 2 : 3), digits.allSatisfy({ $0 &- 0x30 < 10 }),
            digits.count == 1 || digits.first != 0x30
        else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard value <= limit else { return nil }
        prefix = UInt8(value)
    }

    private static func parseIPv4(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt64 = 0
        for part in parts {
            guard !part.isEmpty, part.count <= 3, part.allSatisfy({ $0 &- 0x30 < 10 }),
                part.count == 1 || part.first != 0x30
            else { return nil }
            let value = part.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
            guard value <= 255 else { return nil }
            address = address << 8 | value
        }
        return address
    }

    private static func parseIPv6(_ bytes: ArraySlice<UInt8>) -> (UInt64, UInt64)? {
        // Groups before and after one `::`.
        var head: [UInt64] = []
        var tail: [UInt64] = []
        var index = bytes.startIndex
        var seenGap = false
        func group() -> UInt64? {
            var value: UInt64 = 0
            var digits = 0
            while index < bytes.endIndex, let digit = hex(bytes[index]) {
                guard digits < 4 else { return nil }
                value = value << 4 | digit
                digits += 1
                index += 1
            }
            return digits > 0 ? value : nil
        }
        func takeGap() -> Bool {
            guard index + 1 < bytes.endIndex, bytes[index] == 0x3A, bytes[index + 1] == 0x3A else { return false }
            index += 2
            return true
        }
        if takeGap() {
            seenGap = true
            if index == bytes.endIndex { return (0, 0) }
        }
        while true {
            guard let value = group() else { return nil }
            if seenGap { tail.append(value) } else { head.append(value) }
            if index == bytes.endIndex { break }
            if !seenGap, takeGap() {
                seenGap = true
                if index == bytes.endIndex { break }
                continue
            }
            guard bytes[index] == 0x3A else { return nil }
            index += 1
        }
        let count = head.count + tail.count
        guard seenGap ? count <= 7 : count == 8 else { return nil }
        let groups = head + Array(repeating: 0, count: 8 - count) + tail
        return (
            groups[0..<4].reduce(0) { $0 << 16 | $1 }, groups[4..<8].reduce(0) { $0 << 16 | $1 }
        )
    }

    private static func hex(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte - 0x30)
        case 0x61...0x66: UInt64(byte - 0x61 + 10)
        case 0x41...0x46: UInt64(byte - 0x41 + 10)
        default: nil
        }
    }

    /// Inside 127.0.0.0/8 or ::1/128, as a whole range.
    public var isLoopback: Bool {
        isIPv4 ? low >> 24 == 127 && prefix >= 8 : high == 0 && low == 1 && prefix == 128
    }

    /// Inside 224.0.0.0/4 or ff00::/8, as a whole range.
    public var isMulticast: Bool {
        isIPv4 ? low >> 28 == 0xE && prefix >= 4 : high >> 56 == 0xFF && prefix >= 8
    }

    private var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

    /// Whether the whole range lies in the other one; never across the two families.
    public func isInRange(_ other: IPAddress) -> Bool {
        guard isIPv4 == other.isIPv4 else { return false }
        let shift = width - Int(other.prefix)
        guard prefix >= other.prefix else { return false }
        return shift >= 128 || bits >> UInt128(shift) == other.bits >> UInt128(shift)
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address with its prefix length; IPv6 as RFC 5952 asks.
    public var description: String { "\(address)/\(prefix)" }

    private var address: String {
        if isIPv4 {
            let shifts: [UInt64] = [24, 16, 8, 0]
            return shifts.map { String(low >> $0 & 0xFF) }.joined(separator: ".")
        }
        var groups: [UInt64] = []
        for half in [high, low] {
            for shift: UInt64 in [48, 32, 16, 0] { groups.append(half >> shift & 0xFFFF) }
        }
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, groups[end] == 0 { end += 1 }
            if end - index > max(best.count, 1) { best = index..<end }
            index = max(end, index + 1)
        }
        func joined(_ part: ArraySlice<UInt64>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return joined(groups[...]) }
        return joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
    }
}
