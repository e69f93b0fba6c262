// SPDX-License-Identifier: Apache-2.0
//
// Lines that are no messages, and peers that send too much: typed errors, bounded memory, back-pressure.

import Foundation
import JSON
import Testing

@testable import Broker
@testable import Governance

@Suite("lines of hostile peers")
struct WireTests {
    /// Line of a client, code of the error, and the id that the error carries.
    static let refused: [(String, Int64, Value?)] = [
        (#"{"jsonrpc":"2.0","id":1,"method":"ping","id":2}"#, -32600, nil),
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","name":"x"}}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","arguments":{"a":1e400}}}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","arguments":{"a":123456789012345678901}}}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","arguments":{"a":NaN}}}"#, -32700, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","arguments":{"a":"\ud800"}}}"#, -32700, 1),
        (#"{"jsonrpc":"2.0","id":"a","method":"ping","params":\#(String(repeating: "[", count: 200))}"#, -32600, "a"),
        (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32600, 1),
        (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600, 1),
        (#"{"id":1,"method":"ping"}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, nil),
        (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, nil),
        (#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#, -32600, nil),
        (#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, -32600, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, -32700, 1),
        ("\"ping\"", -32600, nil),
        ("{", -32700, nil),
        ("\u{feff}{}", -32700, nil),
    ]

    @Test(arguments: refused)
    func `a line that is no message is a typed error`(line: String, code: Int64, id: Value?) {
        let peers = Peers()
        peers.list()
        peers.client(line)
        #expect(peers.taken(.server).isEmpty)
        let answers = peers.taken(.client)
        #expect(answers.count == 1)
        #expect(answers[0]["error"]?["code"] == .integer(code), "\(answers)")
        #expect(answers[0]["id"] == id)
        #expect(peers.exchange.takeNotes().count == 1)
    }

    @Test func `bytes that are no UTF-8 are a typed error`() {
        let peers = Peers()
        peers.exchange.receive(Array(#"{"jsonrpc":"2.0","id":3,"method":"ping","params":{"a":""#.utf8) + [0xff] + Array("\"}}\n".utf8), from: .client, at: 0)
        #expect(peers.taken(.client)[0]["id"] == 3)
        #expect(peers.taken(.server).isEmpty)
    }

    @Test func `before 2025-11-25 an error without an id is not sent`() {
        let peers = Peers()
        peers.handshake()
        peers.client("{")
        #expect(peers.taken(.client).isEmpty)
        #expect(!peers.exchange.takeNotes().isEmpty)
    }

    @Test(arguments: [1, 2, 7, 4096])
    func `lines are the same however they come`(size: Int) {
        let peers = Peers()
        let text =
            (1...50).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"ping","params":{"a":"é\#(String(repeating: "x", count: $0))"}}"# }.joined(separator: "\r\n")
            + "\n\n  \n"
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            peers.exchange.receive(Array(bytes[start..<min(start + size, bytes.count)]), from: .client, at: 0)
        }
        #expect(peers.taken(.server).count == 50)
        #expect(peers.taken(.client).isEmpty)
    }

    @Test func `a line over the bound is thrown away while it comes, and its call hears of it`() {
        let peers = Peers { $0.bounds.lineBytes = 10_000 }
        peers.list()
        let first = peers.call("1")[0]["id"]!
        let second = peers.call("2")[0]["id"]!
        let third = peers.call("3")[0]["id"]!
        func long(_ before: String, _ after: String) {
            peers.exchange.receive(Array(before.utf8), from: .server, at: 0)
            for _ in 0..<100 { peers.exchange.receive(Array(repeating: 0x78, count: 1000), from: .server, at: 0) }
            peers.exchange.receive(Array((after + "\n").utf8), from: .server, at: 0)
        }
        long(#"{"jsonrpc":"2.0","id":\#(first.serialised()),"result":{"content":[{"type":"text","text":""#, #""}]}}"#)
        long(#"{"result":{"content":[{"type":"text","text":""#, #""}]},"jsonrpc":"2.0","id":\#(second.serialised())}"#)
        // Nothing tells whose it is, but one alone waits.
        long(#"{"result":{"content":[{"type":"text","text":""#, "")
        let answers = peers.taken(.client)
        #expect(answers.map { $0["id"] } == [1, 2, 3])
        #expect(answers.allSatisfy { $0["error"]?["message"]?.asString?.contains("longer than 10000 bytes") == true })
        #expect(peers.judge.settled.count == 3)
        _ = third
        #expect(peers.call("4").count == 1)
    }

    @Test func `a line without end is not kept`() {
        var reader = LineReader(limit: 10_000)
        for _ in 0..<100 {
            reader.append(Array(repeating: 0x78, count: 1000))
            #expect(reader.next() == nil)
            #expect(reader.held <= 11_000)
        }
        reader.append([0x79, 0x0a, 0x7a, 0x0a])
        #expect(reader.next() == .tooLong(head: Array(repeating: 0x78, count: 256), tail: Array(repeating: 0x78, count: 255) + [0x79]))
        #expect(reader.next() == .text([0x7a]))
        #expect(reader.next() == nil)
    }

    @Test func `many small values are refused before they fill the memory`() {
        let peers = Peers()
        let line = #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":["# + Array(repeating: "0", count: 300_000).joined(separator: ",") + "]}}"
        peers.client(line)
        #expect(peers.taken(.client)[0]["error"]?["message"]?.asString?.contains("more than 131072 values") == true)
    }

    @Test func `a client that never reads is not read any more`() {
        let peers = Peers { $0.bounds.waitingBytes = 10_000 }
        peers.list()
        var sent = 0
        while peers.exchange.wants(.client), sent < 1000 {
            peers.client(#"{"jsonrpc":"2.0","id":\#(sent),"method":"nope"}"#)
            sent += 1
        }
        #expect(sent < 200)
        #expect(peers.exchange.toClient.count < 11_000)
        // What comes nevertheless waits as bytes, and is done when there is room.
        for id in 0..<10 { peers.client(#"{"jsonrpc":"2.0","id":"later\#(id)","method":"nope"}"#) }
        #expect(peers.taken(.client).count == sent)
        #expect(peers.taken(.client).count == 10)
    }

    @Test func `a server that never reads holds the client up, not itself`() {
        let peers = Peers { $0.bounds.waitingBytes = 10_000 }
        peers.list()
        var sent = 0
        while peers.exchange.wants(.client), sent < 1000 {
            peers.client(#"{"jsonrpc":"2.0","id":\#(sent),"method":"ping"}"#)
            sent += 1
        }
        #expect(sent < 300)
        #expect(peers.exchange.wants(.server))
        for id in 0..<5000 { peers.server(#"{"jsonrpc":"2.0","id":\#(id),"method":"roots/list"}"#) }
        #expect(peers.exchange.toServer.count < 25_000)
    }

    @Test func `many requests at once are all answered, a bounded number of them at a time`() {
        let peers = Peers { $0.bounds.inFlight = 16 }
        peers.list()
        let count = 2000
        let text = (0..<count).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"tools/call","params":{"name":"free"}}"# }.joined(separator: "\n") + "\n"
        peers.exchange.receive(Array(text.utf8), from: .client, at: 0)
        var answered: [Int64] = []
        for _ in 0..<count {
            let sent = peers.taken(.server)
            #expect(sent.count <= 16)
            if sent.isEmpty { break }
            for line in sent { peers.reply(line["id"]!) }
            answered += peers.taken(.client).compactMap { $0["id"]?.asInteger }
        }
        #expect(answered == Array(0..<Int64(count)))
        #expect(peers.judge.isEven && peers.judge.settled.count == count)
    }

    @Test func `an answer of the server that is no message fails its call`() {
        let peers = Peers()
        peers.list()
        let own = peers.call("1")[0]["id"]!
        peers.server("a debugging print")
        #expect(peers.taken(.client).isEmpty)
        peers.server(#"{"jsonrpc":"2.0","id":\#(own.serialised()),"result":{"a":1,"a":2}}"#)
        #expect(peers.taken(.client)[0]["error"]?["code"] == -32603)
        #expect(peers.judge.settled.map(\.outcome) == [.failed])
    }

    @Test func `a result that is too large becomes an error`() {
        let peers = Peers { $0.bounds.resultBytes = 5000 }
        peers.list()
        let own = peers.call("1")[0]["id"]!
        peers.reply(own, #"{"content":[{"type":"text","text":"\#(String(repeating: "x", count: 6000))"}]}"#)
        let answer = peers.taken(.client)[0]
        #expect(answer["result"]?["isError"] == true)
        #expect(answer["result"]?["content"]?[0]?["text"]?.asString?.contains("more than the 5000") == true)
    }

    @Test(arguments: 0..<400)
    func `an exchange that breaks off anywhere leaves nobody waiting`(cut: Int) {
        let peers = Peers()
        peers.handshake()
        let own = peers.call("1")[0]["id"]!.serialised()
        peers.call("2")
        let text =
            #"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"# + "\n"
            + #"{"jsonrpc":"2.0","id":\#(own),"result":{"content":[{"type":"text","text":"a longer text so that there is something to cut"}]}}"# + "\n"
        peers.exchange.receive(Array(text.utf8.prefix(cut)), from: .server, at: 0)
        peers.exchange.ended(.server, at: 0)
        let ids = peers.taken(.client).compactMap { $0["id"]?.asInteger }
        #expect(ids == [1, 2])
        #expect(peers.judge.isEven && peers.judge.settled.count == 2)
    }
}

@Suite("what the server receives is what was judged")
struct DifferentialTests {
    /// A small generator, the same each time.
    struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var value = state
            value ^= value >> 33
            value = value &* 0xff51_afd7_ed55_8ccd
            return value ^ value >> 33
        }
    }

    /// Messages of each seed: 2,000 altogether, 100,000 where the soak says so.
    static let rounds = ProcessInfo.processInfo.environment["FUMEHOOD_SOAK"] == nil ? 100 : 5000

    static let pieces = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0061", "\\ud83d\\ude00", "\\ud800", "1", "1.0", "-0", "1e3", "1E400", "9007199254740993", "null", "true",
        "NaN",
        "\"id\":9", "\"name\":\"free\"", "\"arguments\":{}", "\"name\":\"add\"", "\"_meta\":{}", "é", "\u{e9}", "e\u{301}", " ", "\t", "\u{0}", "\u{7f}",
        "\u{2028}",
    ]

    @Test(arguments: 0..<20)
    func `for mutated messages the arguments that arrive are those that were judged`(seed: UInt64) throws {
        let peers = Peers()
        peers.list()
        var dice = Dice(state: seed)
        var passed = 0
        for round in 0..<Self.rounds {
            var text = Array(
                #"{"jsonrpc":"2.0","id":\#(round),"method":"tools/call","params":{"name":"free","arguments":{"a":[1,2.50,"x\u00e9",{"b":null}],"c":-1e2,"d":{"z":1,"y":"\/"}}}}"#
                    .utf8)
            for _ in 0..<Int.random(in: 0...3, using: &dice) {
                let place = Int.random(in: 0..<text.count, using: &dice)
                switch Int.random(in: 0..<4, using: &dice) {
                case 0: text.remove(at: place)
                case 1: text[place] = UInt8.random(in: 0...255, using: &dice)
                case 2: text.insert(contentsOf: Self.pieces.randomElement(using: &dice)!.utf8, at: place)
                default:
                    let other = Int.random(in: 0..<text.count, using: &dice)
                    text.swapAt(place, other)
                }
            }
            text = text.map { $0 == 0x0a ? 0x20 : $0 }
            let before = peers.judge.questions.count
            peers.exchange.receive(text + [0x0a], from: .client, at: peers.now)
            let sent = peers.taken(.server).filter { $0["method"] == "tools/call" }
            #expect(sent.count == peers.judge.questions.count - before)
            #expect(sent.count <= 1)
            guard let line = sent.first, let question = peers.judge.questions.last else { continue }
            passed += 1
            let judged = try Value(parsing: question.canonical!)
            #expect(line["params"]?["arguments"] == judged)
            #expect(question.context["input"] == judged)
            #expect(question.action == "srv__" + line["params"]!["name"]!.asString!)
            // Told by another reading of the same bytes, last one wins, it is the same call: nothing two readers could take differently passes.
            var lenient = ParseOptions()
            lenient.allowsDuplicates = true
            #expect(try Value(parsing: text, options: lenient)["params"]?["arguments"]?.regular() ?? [:] == judged)
            // And so it is by a parser that shares nothing with ours.
            let came = try #require(Self.arguments(text)), went = try #require(Self.arguments(line.serialisedBytes()))
            #expect(came == went)
            peers.reply(line["id"]!)
            _ = peers.taken(.client)
        }
        #expect(passed > Self.rounds / 10)
    }

    private static func arguments(_ text: [UInt8]) throws -> NSDictionary? {
        let params = (try JSONSerialization.jsonObject(with: Data(text)) as? NSDictionary)?["params"] as? NSDictionary
        return params?["arguments"] as? NSDictionary ?? [:]
    }
}

@Suite("many large requests")
struct LargeRequestTests {
    @Test func `requests that are kept are bounded by their bytes too`() {
        let peers = Peers { $0.bounds.inFlightBytes = 50_000 }
        peers.list()
        let text = String(repeating: "x", count: 10_000)
        for id in 0..<20 { peers.client(#"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"free","arguments":{"t":"\#(text)"}}}"#) }
        let sent = peers.taken(.server)
        #expect(sent.count == 5)
        #expect(!peers.exchange.wants(.client))
        for line in sent { peers.reply(line["id"]!) }
        #expect(peers.taken(.server).count == 5)
    }
}
