// SPDX-License-Identifier: Apache-2.0
// What kind of place an address is. Names may lead to global ones only; every other kind must be named by the address itself.
// Source: the IANA registries of special-purpose addresses (RFC 6890), RFC 6052 (NAT64), RFC 3056 (6to4); clouds' documents for metadata.

package enum AddressClass: String, Hashable, Sendable, CaseIterable {
    case global
    /// Answers credentials to whoever asks.
    case metadata
    case loopback, linkLocal, `private`, shared, multicast, broadcast, unspecified
    /// 198.18.0.0/15: stands for names inside cells.
    case standIn
    /// Documentation, discard, tunnels, the future.
    case reserved

    /// As sentences say it.
    package var words: String {
        switch self {
        case .global: "a global address"
        case .metadata: "a cloud's metadata address"
        case .loopback: "the host's loopback"
        case .linkLocal: "a link-local address"
        case .private: "a private address"
        case .shared: "a shared (carrier) address"
        case .multicast: "a multicast address"
        case .broadcast: "the broadcast address"
        case .unspecified: "the unspecified address"
        case .standIn: "an address that stands for names inside cells"
        case .reserved: "a reserved address"
        }
    }

    /// Whether naming the address itself is enough to reach it.
    package var isNameable: Bool {
        switch self {
        case .multicast, .broadcast, .unspecified, .standIn: false
        default: true
        }
    }
}

extension NetAddress {
    package var kind: AddressClass {
        switch self {
        case .v4(let number): NetAddress.kind(of: number)
        case .v6(let high, let low): NetAddress.kind(high, low)
        }
    }

    private static func kind(of number: UInt32) -> AddressClass {
        func within(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ bits: UInt32) -> Bool {
            number >> (32 - bits) == (a << 24 | b << 16 | c << 8 | d) >> (32 - bits)
        }
        // Alibaba, Azure and Oracle have theirs outside of 169.254.0.0/16.
        if within(100, 100, 100, 200, 32) || within(168, 63, 129, 16, 32) || within(192, 0, 0, 192, 32) { return .metadata }
        if within(169, 254, 169, 0, 24) || within(169, 254, 170, 0, 24) { return .metadata }
        if number == 0 { return .unspecified }
        if number == .max { return .broadcast }
        if within(127, 0, 0, 0, 8) { return .loopback }
        if within(10, 0, 0, 0, 8) || within(172, 16, 0, 0, 12) || within(192, 168, 0, 0, 16) { return .private }
        if within(100, 64, 0, 0, 10) { return .shared }
        if within(169, 254, 0, 0, 16) { return .linkLocal }
        if within(198, 18, 0, 0, 15) { return .standIn }
        if within(224, 0, 0, 0, 4) { return .multicast }
        let odd: [(UInt32, UInt32, UInt32, UInt32)] = [
            (0, 0, 0, 8), (192, 0, 0, 24), (192, 0, 2, 24), (192, 88, 99, 24), (198, 51, 100, 24), (203, 0, 113, 24), (240, 0, 0, 4),
        ]
        return odd.contains { within($0.0, $0.1, $0.2, 0, $0.3) } ? .reserved : .global
    }

    private static func kind(_ high: UInt64, _ low: UInt64) -> AddressClass {
        if high == 0 && low == 0 { return .unspecified }
        if high == 0 && low == 1 { return .loopback }
        if high == 0xfd00_0ec2_0000_0000 && low == 0x254 { return .metadata }
        if high >> 57 == 0xfc >> 1 { return .private }
        if high >> 54 == 0xfe80 >> 6 { return .linkLocal }
        if high >> 54 == 0xfec0 >> 6 { return .private }
        if high >> 56 == 0xff { return .multicast }
        // What leads to an IPv4 address is of that address's kind.
        if high == 0x0064_ff9b_0000_0000 && low >> 32 == 0 { return kind(of: UInt32(truncatingIfNeeded: low)) }
        if high >> 48 == 0x2002 { return kind(of: UInt32(truncatingIfNeeded: high >> 16)) }
        // Teredo, documentation (two ranges), benchmarking, ORCHID; of the rest only 2000::/3 is given out.
        if high >> 32 == 0x2001_0000 || high >> 32 == 0x2001_0db8 || high >> 44 == 0x3fff0 || high >> 16 == 0x2001_0002_0000 { return .reserved }
        return high >> 61 == 1 ? .global : .reserved
    }
}
