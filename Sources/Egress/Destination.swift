// SPDX-License-Identifier: Apache-2.0
// What a socket address leads to: the decision over the bytes that were copied of a caller's memory, once. Nothing is looked up and nothing
// opened here. Source: ip(7), ipv6(7), unix(7) for the forms; bytes behind what a family needs are not looked at, as the kernel does.

package enum SocketKind: Hashable, Sendable { case stream, datagram, other }

package enum Destination: Equatable, Sendable {
    /// AF_UNSPEC: what the socket was connected to before is forgotten.
    case disconnect
    /// The cell's own loopback: its own socket is connected there.
    case ownLoopback
    /// Outside, and named by the list.
    case outside(Endpoint)
    /// Outside, and named by nobody.
    case unnamed(Endpoint)
    /// No connection of a stream: what was tried, in words.
    case datagram(String)
    /// A path, or with a leading zero byte a name of the cell's own network namespace.
    case local([UInt8])
    /// The errno, as the kernel says it of such bytes.
    case malformed(Int32)
}

package enum SocketAddress {
    package static let unspecified: UInt16 = 0, unix: UInt16 = 1, inet: UInt16 = 2, inet6: UInt16 = 10
    private static let invalid: Int32 = 22, noFamily: Int32 = 97

    package static func family(_ bytes: [UInt8]) -> UInt16? { bytes.count < 2 ? nil : UInt16(bytes[0]) | UInt16(bytes[1]) << 8 }

    /// The address and port of an internet address.
    package static func internet(_ bytes: [UInt8]) -> (address: NetAddress, port: UInt16)? {
        switch family(bytes) {
        case inet where bytes.count >= 16: (NetAddress(v4: bytes[4..<8]), UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        case inet6 where bytes.count >= 24: (NetAddress(v6: bytes[8..<24]), UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        default: nil
        }
    }

    /// As the kernel takes it, for a socket of that domain.
    package static func bytes(_ address: NetAddress, port: UInt16, domain: UInt16) -> [UInt8] {
        let port = [UInt8(port >> 8), UInt8(port & 0xff)]
        if domain == inet6 { return [10, 0] + port + [0, 0, 0, 0] + address.mapped + [0, 0, 0, 0] }
        return [2, 0] + port + address.bytes + [UInt8](repeating: 0, count: 8)
    }

    /// - Parameters:
    ///   - bytes: the copied address.
    ///   - domain: of the socket, as SO_DOMAIN says it.
    package static func destination(_ bytes: [UInt8], domain: UInt16, _ kind: SocketKind, _ list: AllowList) -> Destination {
        guard let family = family(bytes) else { return .malformed(invalid) }
        if domain == unix { return family == unix && bytes.count > 2 && bytes.count <= 110 ? .local(Array(bytes[2...])) : .malformed(invalid) }
        guard domain == inet || domain == inet6 else { return .malformed(noFamily) }
        if family == unspecified { return .disconnect }
        // An IPv6 socket takes no plain IPv4 address for a connection.
        guard family == domain else { return .malformed(noFamily) }
        guard let (given, port) = internet(bytes) else { return .malformed(invalid) }
        // The kernel takes `any` for loopback.
        var address = given
        if address.kind == .unspecified { address = address.isV4 ? .loopback4 : .loopback6 }
        let exact = Endpoint(.address(address), port: port)
        if kind != .stream {
            if address.kind == .loopback { return .ownLoopback }
            return .datagram("\(list.name(at: address).map { "\($0):\(port)" } ?? exact.text)")
        }
        if address.kind == .loopback {
            if list.contains(exact) { return .outside(exact) }
            let local = Endpoint(.localhost, port: port)
            return (address == .loopback4 || address == .loopback6) && list.contains(local) ? .outside(local) : .ownLoopback
        }
        if address.kind == .standIn {
            guard let name = list.name(at: address) else { return .unnamed(exact) }
            let named = Endpoint(.name(name), port: port)
            return list.contains(named) ? .outside(named) : .unnamed(named)
        }
        return address.kind.isNameable && list.contains(exact) ? .outside(exact) : .unnamed(exact)
    }
}
