// SPDX-License-Identifier: Apache-2.0
// Where a connection may lead: a host by name or address, and a port, in the one form in which it is compared, judged and logged.
// What could be read in two ways is refused. Source: RFC 1123, RFC 3986; no suffixes and no patterns: they are how allow-lists are passed.

/// Why a text names no endpoint.
package struct EndpointFault: Error, Equatable, Sendable {
    package let message: String
    package let help: String?
    init(_ message: String, help: String? = nil) {
        self.message = message
        self.help = help
    }
}

package enum Host: Hashable, Sendable {
    /// Small letters, digits, `-`, `_` and dots; no dot at the end. `localhost` is the host's own.
    case name(String)
    case address(NetAddress)

    package static let localhost = Host.name("localhost")

    package var text: String {
        switch self {
        case .name(let name): name
        case .address(let address): address.text
        }
    }
}

package struct Endpoint: Hashable, Sendable {
    package let host: Host
    package let port: UInt16

    package init(_ host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `api.example.com:443`, `203.0.113.7:443`, `[2001:db8::1]:443`.
    package var text: String {
        switch host {
        case .name(let name): "\(name):\(port)"
        case .address(let address): address.text(port: port)
        }
    }

    /// The longest name. Source: RFC 1035, without the last dot.
    package static let longestName = 253

    /// Reads `HOST:PORT`.
    package init(_ text: String) throws(EndpointFault) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.lastIndex(of: 0x3a) else {
            throw EndpointFault("expected HOST:PORT, found \(shown(bytes))", help: "such as api.example.com:443")
        }
        if bytes.contains(0x2f) { throw EndpointFault("\(shown(bytes)) is an address of a page", help: "write HOST:PORT, such as api.example.com:443") }
        let digits = bytes[(colon + 1)...]
        guard (1...5).contains(digits.count), digits.allSatisfy(isDigit), digits.first != 0x30, let port = UInt16(String(decoding: digits, as: UTF8.self))
        else {
            throw EndpointFault("\(shown(Array(digits))) is no port", help: "a port is a number from 1 to 65535")
        }
        let host = try Host(Array(bytes[..<colon]))
        if case .address(let address) = host, !address.kind.isNameable {
            throw EndpointFault("`\(address.text)` is \(address.kind.words), which no cell reaches")
        }
        self.init(host, port: port)
    }
}

extension Host {
    /// The canonical form of a host, or why there is none.
    package init(_ bytes: [UInt8]) throws(EndpointFault) {
        if bytes.first == 0x5b {
            guard bytes.last == 0x5d else { throw EndpointFault("\(shown(bytes)) has no closing bracket") }
            let inner = Array(bytes.dropFirst().dropLast())
            if inner.contains(0x25) { throw EndpointFault("\(shown(bytes)) names an interface of one machine", help: "leave out what follows `%`") }
            guard let address = NetAddress.parseV6(inner) else { throw EndpointFault("\(shown(bytes)) is no IPv6 address") }
            self = .address(address)
            return
        }
        if bytes.contains(0x3a) { throw EndpointFault("\(shown(bytes)) is no host", help: "write an IPv6 address in brackets: [2001:db8::1]:443") }
        if bytes.contains(0x40) { throw EndpointFault("\(shown(bytes)) names a user", help: "leave out what stands before `@`") }
        if bytes.contains(0x2a) { throw EndpointFault("\(shown(bytes)) is a pattern", help: "name each host: a pattern admits what nobody thought of") }
        if bytes.contains(where: { $0 >= 0x80 }) {
            throw EndpointFault("\(shown(bytes)) is not ASCII", help: "write the name as it is looked up, in Punycode: xn--...")
        }
        var name = bytes.map { 0x41 <= $0 && $0 <= 0x5a ? $0 | 0x20 : $0 }
        if name.last == 0x2e { name.removeLast() }
        guard !name.isEmpty else { throw EndpointFault("the host is missing", help: "write HOST:PORT, such as api.example.com:443") }
        if NetAddress.looksLikeV4(name) {
            guard let address = NetAddress.aton(name) else { throw EndpointFault("\(shown(bytes)) is no IPv4 address") }
            self = .address(address)
            return
        }
        if name.count > Endpoint.longestName { throw EndpointFault("a name of \(name.count) characters", help: "\(Endpoint.longestName) are the most") }
        for label in name.split(separator: 0x2e, omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count), label.first != 0x2d, label.last != 0x2d, label.allSatisfy(isOfName) else {
                throw EndpointFault("\(shown(bytes)) is no name of a host", help: "letters, digits and `-` between dots, at most 63 each")
            }
        }
        self = .name(String(decoding: name, as: UTF8.self))
    }
}

private func isOfName(_ byte: UInt8) -> Bool { 0x61 <= byte && byte <= 0x7a || isDigit(byte) || byte == 0x2d || byte == 0x5f }

/// In backticks, what does not print as hexadecimal, cut where it is long.
func shown(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes.prefix(80) {
        text += 0x20 < byte && byte < 0x7f && byte != 0x60 ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "`\(text)\(bytes.count > 80 ? "..." : "")`"
}
