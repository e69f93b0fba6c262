// SPDX-License-Identifier: Apache-2.0
// Questions of cells and answers of servers: both are hostile input.

import Testing

@testable import Egress

@Suite("names are bounded") struct NameTests {
    static func question(_ labels: [[UInt8]], type: UInt8 = 1, klass: UInt8 = 1, flags: [UInt8] = [1, 0], more: [UInt8] = []) -> [UInt8] {
        [0xab, 0xcd] + flags + [0, 1, 0, 0, 0, 0, 0, 0] + labels.flatMap { [UInt8($0.count)] + $0 } + [0, 0, type, 0, klass] + more
    }
    static func question(_ name: String, type: UInt8 = 1, klass: UInt8 = 1) -> [UInt8] {
        question(name.utf8.split(separator: 0x2e).map(Array.init), type: type, klass: klass)
    }

    @Test func `a question for an address is answered with the one that stands for the name`() throws {
        let query = try #require(NameQuery(Self.question("Api.Example.com")))
        #expect(query.name == "api.example.com" && query.kind == .a)
        let answer = query.answer(.fine, NetAddress("198.18.0.1"))
        #expect(Array(answer[0..<12]) == [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
        #expect(Array(answer.suffix(16)) == [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 1])
        #expect(NameLookup.read(answer, "api.example.com", .a, id: 0xabcd) == .addresses([.v4(0xc612_0001)]), "our own reader takes it")
    }

    @Test func `AAAA is honestly empty, and other types are refused`() throws {
        let query = try #require(NameQuery(Self.question("a.example", type: 28)))
        #expect(query.kind == .aaaa)
        #expect(Array(query.answer(.fine, NetAddress("198.18.0.1"))[0..<8]) == [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 0])
        #expect(NameQuery(Self.question("a.example", type: 65))?.kind == .other(65))
        #expect(NameQuery(Self.question("a.example", klass: 3))?.kind == .other(1))
        #expect(query.answer(.noSuchName)[3] == 0x83 && query.answer(.refused)[3] == 0x85)
    }

    static let odd: [(message: [UInt8], isQuestion: Bool)] = [
        ([], false), ([UInt8](repeating: 0, count: 16), false), (question("a.example", type: 1).dropLast(), false),
        (question([Array("a".utf8)], flags: [0x81, 0]), false), (question([Array("a".utf8)], flags: [0x28, 0]), false),
        ([0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1], false), ([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1], false),
        ([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 12, 0, 1, 0, 1], false), ([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 0x61, 0, 0, 1, 0, 1], false),
        (question([[UInt8]](repeating: [UInt8](repeating: 0x61, count: 63), count: 5)), false), (question([[UInt8]](repeating: [0x61], count: 250)), false),
        (question([Array("evil".utf8) + [0], Array("example".utf8)]), true), (question([Array("evil.example".utf8)]), true), (question([[]]), true),
        (question([[0x2e]]), true),
        (question("127.0.0.1"), true), (question([Array("a".utf8)], more: [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]), true),
        (question([Array("a".utf8)], more: [UInt8](repeating: 0, count: 600)), false),
    ]

    @Test(arguments: odd) func `an odd question is passed over, or names nobody`(message: [UInt8], isQuestion: Bool) {
        let query = NameQuery(message)
        #expect((query != nil) == isQuestion)
        if let name = query?.name { #expect(name == "a") }
    }

    @Test func `no bytes of a question do harm`() {
        var state: UInt64 = 88_172_645_463_325_252
        func random() -> UInt8 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        let base = Self.question("api.example.com")
        for round in 0..<20_000 {
            var bytes = round % 3 == 0 ? (0..<Int(random())).map { _ in random() } : base
            for _ in 0..<3 where !bytes.isEmpty { bytes[Int(random()) % bytes.count] = random() }
            _ = NameQuery(bytes)?.answer(.fine, .loopback4)
            _ = NameLookup.read(bytes, "api.example.com", .a, id: 0xabcd)
        }
    }

    /// An answer to the question for `a.example`: records as (owner, type, data), names in wire form.
    static func reply(_ records: [([UInt8], UInt8, [UInt8])], flags: [UInt8] = [0x81, 0x80], id: [UInt8] = [0, 7]) -> [UInt8] {
        id + flags + [0, 1, 0, UInt8(records.count), 0, 0, 0, 0] + [1, 0x61, 7] + Array("example".utf8) + [0, 0, 1, 0, 1]
            + records.flatMap { $0.0 + [0, $0.1, 0, 1, 0, 0, 0, 9, UInt8($0.2.count >> 8), UInt8($0.2.count & 0xff)] + $0.2 }
    }
    static let me: [UInt8] = [0xc0, 12]
    static let b: [UInt8] = [1, 0x62, 0xc0, 14]

    static let replies: [([UInt8], NameLookup.Reply)] = [
        (reply([(me, 1, [8, 8, 8, 8]), (me, 1, [8, 8, 4, 4])]), .addresses([.v4(0x0808_0808), .v4(0x0808_0404)])),
        (reply([(me, 5, b), (b, 1, [9, 9, 9, 9])]), .addresses([.v4(0x0909_0909)])),
        (reply([(b, 1, [9, 9, 9, 9])]), .addresses([])), (reply([(me, 5, b), (b, 5, me), (b, 28, [UInt8](repeating: 1, count: 16))]), .addresses([])),
        (reply([(me, 1, [1, 2, 3])]), .addresses([])), (reply([], flags: [0x81, 0x83]), .noSuchName), (reply([], flags: [0x81, 0x82]), .failed(2)),
        (reply([], flags: [0x83, 0x80]), .truncated), (reply([], flags: [1, 0]), .unrelated), (reply([], id: [0, 8]), .unrelated),
        (Array(reply([(me, 1, [8, 8, 8, 8])]).dropLast(2)), .addresses([])), ([0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12], .unrelated),
        (reply([([0xc0, 27], 1, [8, 8, 8, 8])]), .addresses([])),
    ]

    @Test(arguments: replies) func `of an answer only what was asked for is taken`(message: [UInt8], expected: NameLookup.Reply) {
        #expect(NameLookup.read(message, "a.example", .a, id: 7) == expected)
    }

    @Test func `the files of the host are read as the C library reads them`() {
        #expect(
            NameFiles.servers("# x\nnameserver 9.9.9.9\nsearch a b\nnameserver\t2620:fe::fe\nnameserver x\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n").map(
                \.text) == ["9.9.9.9", "2620:fe::fe", "1.1.1.1"])
        #expect(NameFiles.servers("") == [.loopback4])
        let hosts = "127.0.0.1 localhost\n10.0.0.5\tBox.Corp box # box.other\n# 10.0.0.6 box\n10.0.0.7 box\n"
        #expect(NameFiles.addresses(of: "box.corp", in: hosts).map(\.text) == ["10.0.0.5"])
        #expect(NameFiles.addresses(of: "box", in: hosts).map(\.text) == ["10.0.0.5", "10.0.0.7"])
        #expect(NameFiles.addresses(of: "box.other", in: hosts).isEmpty)
    }
}
