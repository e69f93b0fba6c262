// SPDX-License-Identifier: Apache-2.0
// Internet addresses as numbers, with one spelling each. An IPv4 address inside an IPv6 one (`::ffff:a.b.c.d`) is the IPv4 address.
// Source: RFC 4291, RFC 5952; the odd spellings of IPv4 (integer, hexadecimal, octal, fewer parts) as inet_aton(3) reads them.

package enum NetAddress: Hashable, Sendable {
    case v4(UInt32)
    /// Never `::ffff:0:0/96`.
    case v6(UInt64, UInt64)

    /// Of sixteen bytes in network order.
    package init(v6 bytes: some Collection<UInt8>) {
        var (high, low): (UInt64, UInt64) = (0, 0)
        for (i, byte) in bytes.prefix(16).enumerated() {
            if i < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self = high == 0 && low >> 32 == 0xffff ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high, low)
    }

    /// Of four bytes in network order.
    package init(v4 bytes: some Collection<UInt8>) { self = .v4(bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }) }

    /// In network order: 4 or 16.
    package var bytes: [UInt8] {
        switch self {
        case .v4(let number): return (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            return (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) }
                + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
        }
    }

    /// The same as sixteen bytes, an IPv4 address mapped.
    package var mapped: [UInt8] {
        if case .v4 = self { return [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + bytes }
        return bytes
    }

    package var isV4: Bool { if case .v4 = self { true } else { false } }

    package static let loopback4 = NetAddress.v4(0x7f00_0001)
    package static let loopback6 = NetAddress.v6(0, 1)

    /// `203.0.113.7`, `2001:db8::1`: the only spelling of ours.
    package var text: String {
        switch self {
        case .v4: return bytes.map(String.init).joined(separator: ".")
        case .v6(let high, let low):
            let groups =
                (0..<4).map { UInt16(truncatingIfNeeded: high >> (48 - 16 * UInt64($0))) }
                + (0..<4).map { UInt16(truncatingIfNeeded: low >> (48 - 16 * UInt64($0))) }
            // The longest run of two or more zeros, the first of equal ones.
            var best = (start: 0, count: 1)
            var i = 0
            while i < 8 {
                var end = i
                while end < 8, groups[end] == 0 { end += 1 }
                if end - i > best.count { best = (i, end - i) }
                i = max(end, i + 1)
            }
            func words(_ range: Range<Int>) -> String { groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
            if best.count < 2 { return words(0..<8) }
            return words(0..<best.start) + "::" + words((best.start + best.count)..<8)
        }
    }

    /// With a port: `203.0.113.7:443`, `[2001:db8::1]:443`.
    package func text(port: UInt16) -> String { isV4 ? "\(text):\(port)" : "[\(text)]:\(port)" }
}

extension NetAddress {
    /// Whether a host is meant for an IPv4 address: its last part is a number, as browsers decide it. Then it is one, or nothing.
    static func looksLikeV4(_ host: [UInt8]) -> Bool {
        guard let last = host.split(separator: 0x2e).last else { return false }
        func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || 0x61 <= byte | 0x20 && byte | 0x20 <= 0x66 }
        return last.allSatisfy(isDigit) || last.first == 0x30 && last.dropFirst().first.map { $0 | 0x20 } == 0x78 && last.dropFirst(2).allSatisfy(isHex)
    }

    /// One to four parts, each decimal, octal (`0...`) or hexadecimal (`0x...`); the last one fills what is left.
    /// - Returns: nil for anything else.
    static func aton(_ host: [UInt8]) -> NetAddress? {
        let parts = host.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var result: UInt64 = 0
        for (i, part) in parts.enumerated() {
            guard let value = number(part[...]) else { return nil }
            if i + 1 < parts.count {
                guard value < 256 else { return nil }
                result |= value << (24 - 8 * UInt64(i))
            } else {
                guard value < 1 << (8 * UInt64(5 - parts.count)) else { return nil }
                result |= value
            }
        }
        return .v4(UInt32(result))
    }

    private static func number(_ part: ArraySlice<UInt8>) -> UInt64? {
        var digits = part
        var radix: UInt64 = 10
        if digits.count > 1, digits.first == 0x30 {
            digits = digits.dropFirst()
            radix = 8
            if digits.first == 0x78 || digits.first == 0x58 {
                digits = digits.dropFirst()
                radix = 16
                if digits.isEmpty { return nil }
            }
        }
        guard !digits.isEmpty, digits.count <= 11 else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit: UInt64
            switch byte {
            case 0x30...0x39: digit = UInt64(byte - 0x30)
            case 0x41...0x46: digit = UInt64(byte - 0x41 + 10)
            case 0x61...0x66: digit = UInt64(byte - 0x61 + 10)
            default: return nil
            }
            if digit >= radix { return nil }
            value = value * radix + digit
        }
        return value <= UInt64(UInt32.max) ? value : nil
    }

    /// The text between brackets; without a zone, which names an interface of one machine.
    static func parseV6(_ text: [UInt8]) -> NetAddress? {
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var compressed = false
        var rest = text[...]
        guard !rest.isEmpty, rest.count <= 45 else { return nil }
        if rest.starts(with: [0x3a, 0x3a]) {
            compressed = true
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x3a) ?? rest.endIndex
            let group = rest[rest.startIndex..<end]
            if group.contains(0x2e) {
                // Four plain decimal parts, at the end only.
                guard end == rest.endIndex, case .v4(let number)? = strictV4(Array(group)) else { return nil }
                let words = [UInt16(truncatingIfNeeded: number >> 16), UInt16(truncatingIfNeeded: number)]
                if compressed { tail += words } else { head += words }
                rest = []
                break
            }
            guard (1...4).contains(group.count), let value = UInt16(String(decoding: group, as: UTF8.self), radix: 16), group.first != 0x2b else { return nil }
            if compressed { tail.append(value) } else { head.append(value) }
            if end == rest.endIndex {
                rest = []
            } else {
                rest = rest[rest.index(after: end)...]
                if rest.first == 0x3a {
                    if compressed { return nil }
                    compressed = true
                    rest = rest.dropFirst()
                } else if rest.isEmpty {
                    return nil
                }
            }
        }
        let count = head.count + tail.count
        guard compressed ? count < 8 : count == 8 else { return nil }
        let groups = head + [UInt16](repeating: 0, count: 8 - count) + tail
        return NetAddress(v6: groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] })
    }

    /// `a.b.c.d`, each 0...255 in plain decimal.
    static func strictV4(_ text: [UInt8]) -> NetAddress? {
        let parts = text.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy(isDigit), part.count == 1 || part.first != 0x30,
                let value = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            bytes.append(value)
        }
        return NetAddress(v4: bytes)
    }

    /// As files of the system write it: `a.b.c.d`, `2001:db8::1`.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard let address = bytes.contains(0x3a) ? NetAddress.parseV6(bytes) : NetAddress.strictV4(bytes) else { return nil }
        self = address
    }
}

func isDigit(_ byte: UInt8) -> Bool { 0x30 <= byte && byte <= 0x39 }
