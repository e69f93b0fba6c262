// SPDX-License-Identifier: Apache-2.0
// One spelling for each endpoint, and a refusal for whatever could be read in two ways.

import Testing

@testable import Egress

@Suite("endpoints have one form") struct EndpointTests {
    static let canonical: [(String, String)] = [
        ("api.example.com:443", "api.example.com:443"), ("API.Example.COM:443", "api.example.com:443"), ("api.example.com.:443", "api.example.com:443"),
        ("localhost:8080", "localhost:8080"), ("xn--bcher-kva.example:1", "xn--bcher-kva.example:1"), ("_dmarc.example.com:53", "_dmarc.example.com:53"),
        ("203.0.114.7:443", "203.0.114.7:443"), ("3405803783:80", "203.0.113.7:80"), ("0xcb007107:80", "203.0.113.7:80"),
        ("0313.0.0161.07:80", "203.0.113.7:80"),
        ("0xcb.0x0.0x71.0x7:80", "203.0.113.7:80"), ("127.1:80", "127.0.0.1:80"), ("2130706433:80", "127.0.0.1:80"),
        ("169.254.169.254:80", "169.254.169.254:80"),
        ("0xA9FEA9FE:80", "169.254.169.254:80"), ("[::1]:80", "[::1]:80"), ("[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"),
        ("[::ffff:10.0.0.1]:443", "10.0.0.1:443"), ("[::FFFF:a00:1]:443", "10.0.0.1:443"), ("[0:0:0:0:0:ffff:a9fe:a9fe]:80", "169.254.169.254:80"),
        ("[1:0:0:2:0:0:0:3]:9", "[1:0:0:2::3]:9"), ("[64:ff9b::192.0.2.33]:9", "[64:ff9b::c000:221]:9"), ("203.0.113.7.:80", "203.0.113.7:80"),
    ]

    @Test(arguments: canonical) func `one form`(text: String, expected: String) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.text == expected)
        #expect(try Endpoint(expected) == endpoint, "the canonical form is its own")
    }

    static let refused: [(String, String)] = [
        ("example.com", "expected HOST:PORT"), (":443", "the host is missing"), (".:443", "the host is missing"), ("example.com:", "is no port"),
        ("example.com:0", "is no port"), ("example.com:65536", "is no port"), ("example.com:+80", "is no port"), ("example.com:080", "is no port"),
        ("example.com:80 ", "is no port"), ("evil\u{0}.example.com:443", "is no name of a host"), ("evil%2eexample.com:443", "is no name of a host"),
        ("user@example.com:443", "names a user"), ("user:pw@example.com:443", "is no host"), ("https://example.com:443", "is an address of a page"),
        ("*.example.com:443", "is a pattern"), ("bücher.example:443", "is not ASCII"), ("example。com:443", "is not ASCII"),
        ("exa mple.com:443", "is no name of a host"),
        ("a..b:443", "is no name of a host"), (".a:443", "is no name of a host"), ("a.b..:443", "is no name of a host"), ("-a.b:443", "is no name of a host"),
        ("a-.b:443", "is no name of a host"), ("2001:db8::1:443", "is no host"), ("[2001:db8::1:443", "has no closing bracket"),
        ("[fe80::1%eth0]:443", "names an interface"),
        ("[::1::]:80", "is no IPv6 address"), ("[1:2:3:4:5:6:7:8:9]:80", "is no IPv6 address"), ("[:::]:80", "is no IPv6 address"),
        ("[]:80", "is no IPv6 address"),
        ("[+1::1]:80", "is no IPv6 address"), ("[1:2:3:4:5:6:7:]:80", "is no IPv6 address"), ("[::01.2.3.4]:80", "is no IPv6 address"),
        ("1.2.3.4.5:80", "is no IPv4 address"),
        ("256.1.1.1:80", "is no IPv4 address"), ("1.2.3.0x:80", "is no IPv4 address"), ("4294967296:80", "is no IPv4 address"),
        ("0x1ffffffff:80", "is no IPv4 address"),
        ("08.8.8.8:80", "is no IPv4 address"), ("1..2.3:80", "is no IPv4 address"), ("example.0x7f000001:80", "is no IPv4 address"),
        ("0.0.0.0:80", "the unspecified address"),
        ("[::]:80", "the unspecified address"), ("224.0.0.1:80", "a multicast address"), ("[ff02::1]:80", "a multicast address"),
        ("255.255.255.255:80", "the broadcast address"),
        ("198.18.0.1:80", "stands for names"), (String(repeating: "a", count: 64) + ".b:1", "is no name of a host"),
        (Array(repeating: "abcdefg", count: 33).joined(separator: ".") + ":1", "a name of 263 characters"), ("", "expected HOST:PORT"),
    ]

    @Test(arguments: refused) func `what is no endpoint is refused`(text: String, why: String) {
        #expect { try Endpoint(text) } throws: { error in
            let fault = error as? EndpointFault
            return fault?.message.contains(why) == true
        }
    }

    static let kinds: [(String, AddressClass)] = [
        ("8.8.8.8", .global), ("2606:4700::1", .global), ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("100.100.100.200", .metadata),
        ("168.63.129.16", .metadata), ("192.0.0.192", .metadata), ("fd00:ec2::254", .metadata), ("127.0.0.1", .loopback), ("127.255.0.1", .loopback),
        ("::1", .loopback), ("10.0.0.1", .private), ("172.16.0.1", .private), ("172.31.255.255", .private), ("172.32.0.1", .global), ("192.168.1.1", .private),
        ("fc00::1", .private), ("fdff::1", .private), ("fec0::1", .private), ("100.64.0.1", .shared), ("100.128.0.1", .global), ("169.254.1.1", .linkLocal),
        ("fe80::1", .linkLocal), ("febf::1", .linkLocal), ("224.0.0.1", .multicast), ("239.1.1.1", .multicast), ("ff02::1", .multicast),
        ("255.255.255.255", .broadcast),
        ("0.0.0.0", .unspecified), ("::", .unspecified), ("198.18.0.1", .standIn), ("198.19.255.255", .standIn), ("198.20.0.1", .global),
        ("0.1.2.3", .reserved),
        ("192.0.2.1", .reserved), ("198.51.100.1", .reserved), ("203.0.113.1", .reserved), ("240.0.0.1", .reserved), ("2001:db8::1", .reserved),
        ("2001::1", .reserved),
        ("100::1", .reserved), ("::2", .reserved), ("::10.0.0.1", .reserved), ("64:ff9b::10.0.0.1", .private), ("64:ff9b::8.8.8.8", .global),
        ("64:ff9b:1::1", .reserved),
        ("2002:a9fe:a9fe::1", .metadata), ("2002:7f00:1::", .loopback), ("2002:808:808::1", .global), ("::ffff:192.168.0.1", .private), ("4000::1", .reserved),
    ]

    @Test(arguments: kinds) func `an address is of one kind`(text: String, expected: AddressClass) throws {
        #expect(try #require(NetAddress(text)).kind == expected)
    }

    @Test func `an address is its bytes`() throws {
        for (text, _) in Self.kinds {
            let address = try #require(NetAddress(text))
            #expect(NetAddress(v6: address.mapped) == address)
            #expect(NetAddress(address.text) == address)
        }
    }
}
