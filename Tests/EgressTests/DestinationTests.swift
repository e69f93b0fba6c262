// SPDX-License-Identifier: Apache-2.0
// What the bytes of a socket address lead to.

import Testing

@testable import Egress

@Suite("a socket address leads to one place") struct DestinationTests {
    static let list = AllowList(
        [
            "api.example.com:443", "api.example.com:80", "other.example:443", "localhost:8080", "203.0.113.7:443", "127.0.0.1:9", "[2001:db8::1]:443",
            "169.254.169.254:80",
        ].map {
            (try? Endpoint($0)) ?? Endpoint(.name("wrong"), port: 1)
        })

    static func v4(_ text: String, _ port: UInt16, extra: Int = 0) -> [UInt8] {
        SocketAddress.bytes(NetAddress(text) ?? .v4(0), port: port, domain: 2) + [UInt8](repeating: 0x41, count: extra)
    }
    static func v6(_ text: String, _ port: UInt16) -> [UInt8] { SocketAddress.bytes(NetAddress(text) ?? .v4(0), port: port, domain: 10) }
    static func outside(_ text: String) -> Destination { .outside((try? Endpoint(text)) ?? Endpoint(.name("wrong"), port: 1)) }

    static let streams: [(bytes: [UInt8], domain: UInt16, expected: Destination)] = [
        (v4("198.18.0.1", 443), 2, outside("api.example.com:443")), (v4("198.18.0.1", 80), 2, outside("api.example.com:80")),
        (v4("198.18.0.2", 443), 2, outside("other.example:443")), (v4("198.18.0.2", 80), 2, .unnamed(Endpoint(.name("other.example"), port: 80))),
        (v4("198.18.0.3", 443), 2, .unnamed(Endpoint(.address(.v4(0xc612_0003)), port: 443))),
        (v4("198.18.0.0", 443), 2, .unnamed(Endpoint(.address(.v4(0xc612_0000)), port: 443))),
        (v4("198.19.255.255", 443), 2, .unnamed(Endpoint(.address(.v4(0xc613_ffff)), port: 443))),
        (v6("198.18.0.1", 443), 10, outside("api.example.com:443")), (v6("203.0.113.7", 443), 10, outside("203.0.113.7:443")),
        (v4("203.0.113.7", 443), 2, outside("203.0.113.7:443")), (v4("203.0.113.7", 443, extra: 100), 2, outside("203.0.113.7:443")),
        (v4("203.0.113.7", 80), 2, .unnamed(Endpoint(.address(.v4(0xcb00_7107)), port: 80))), (v6("2001:db8::1", 443), 10, outside("[2001:db8::1]:443")),
        (v6("2001:db8::2", 443), 10, .unnamed(Endpoint(.address(.v6(0x2001_0db8_0000_0000, 2)), port: 443))),
        (v4("127.0.0.1", 8080), 2, outside("localhost:8080")), (v6("::1", 8080), 10, outside("localhost:8080")),
        (v6("127.0.0.1", 8080), 10, outside("localhost:8080")),
        (v4("0.0.0.0", 8080), 2, outside("localhost:8080")), (v6("::", 8080), 10, outside("localhost:8080")), (v4("127.0.0.2", 8080), 2, .ownLoopback),
        (v4("127.0.0.1", 9), 2, outside("127.0.0.1:9")), (v6("::1", 9), 10, .ownLoopback), (v4("127.0.0.1", 53), 2, .ownLoopback),
        (v4("0.0.0.0", 1), 2, .ownLoopback),
        (v4("169.254.169.254", 80), 2, outside("169.254.169.254:80")),
        (v4("169.254.169.254", 443), 2, .unnamed(Endpoint(.address(.v4(0xa9fe_a9fe)), port: 443))),
        (v4("224.0.0.1", 443), 2, .unnamed(Endpoint(.address(.v4(0xe000_0001)), port: 443))), ([0, 0], 2, .disconnect),
        ([0, 0] + [UInt8](repeating: 9, count: 14), 10, .disconnect),
        ([2], 2, .malformed(22)), ([], 2, .malformed(22)), ([2, 0, 1, 1], 2, .malformed(22)), (Array(v4("203.0.113.7", 443).prefix(15)), 2, .malformed(22)),
        (v4("203.0.113.7", 443), 10, .malformed(97)), (v6("203.0.113.7", 443), 2, .malformed(97)),
        (Array(v6("2001:db8::1", 443).prefix(23)), 10, .malformed(22)),
        ([1, 0, 0x2f, 0x61], 2, .malformed(97)), ([1, 0, 0x2f, 0x61], 1, .local([0x2f, 0x61])), ([1, 0], 1, .malformed(22)),
        (v4("203.0.113.7", 443), 1, .malformed(22)),
        ([1, 0, 0, 0x61], 1, .local([0, 0x61])), ([1, 0] + [UInt8](repeating: 0x61, count: 109), 1, .malformed(22)),
        (v4("203.0.113.7", 443), 16, .malformed(97)),
    ]

    @Test(arguments: streams) func `a stream`(bytes: [UInt8], domain: UInt16, expected: Destination) {
        #expect(SocketAddress.destination(bytes, domain: domain, .stream, Self.list) == expected)
    }

    @Test func `datagrams stay inside`() {
        func destination(_ bytes: [UInt8], _ domain: UInt16 = 2) -> Destination { SocketAddress.destination(bytes, domain: domain, .datagram, Self.list) }
        #expect(destination(Self.v4("127.0.0.1", 53)) == .ownLoopback)
        #expect(destination(Self.v4("127.0.0.1", 8080)) == .ownLoopback, "what is granted is a stream")
        #expect(destination(Self.v4("198.18.0.1", 443)) == .datagram("api.example.com:443"))
        #expect(destination(Self.v4("203.0.113.7", 443)) == .datagram("203.0.113.7:443"))
        #expect(destination(Self.v6("2001:db8::1", 443), 10) == .datagram("[2001:db8::1]:443"))
    }

    @Test func `addresses that stand for names are as many as names`() throws {
        #expect(Self.list.names == ["api.example.com", "other.example"])
        #expect(Self.list.standIn(for: "api.example.com")?.text == "198.18.0.1")
        #expect(Self.list.standIn(for: "localhost") == nil)
        let many = AllowList((0..<300).map { Endpoint(.name("h\($0).example"), port: 443) })
        #expect(many.endpoints.count == AllowList.most)
        for name in many.names { #expect(many.name(at: try #require(many.standIn(for: name))) == name) }
    }

    @Test func `a name leads to global addresses, and to others that are named themselves`() throws {
        let list = AllowList([try Endpoint("corp.example:443"), try Endpoint("10.0.0.5:443")])
        let addresses = ["10.0.0.5", "10.0.0.6", "8.8.8.8", "127.0.0.1", "169.254.169.254", "::1", "fe80::1"].compactMap { NetAddress($0) }
        #expect(list.usable(addresses, port: 443).usable.map(\.text) == ["10.0.0.5", "8.8.8.8"])
        #expect(list.usable(addresses, port: 443).refused?.text == "10.0.0.6")
        #expect(list.usable(addresses, port: 80).usable.map(\.text) == ["8.8.8.8"])
        #expect(AllowList([try Endpoint("localhost:443")]).usable([.loopback4], port: 443).usable.isEmpty, "a name that leads to loopback is not localhost")
    }
}
