// SPDX-License-Identifier: Apache-2.0
//
// Programs at the door: replies, leases that end once, tools whose shapes only grow; and what calls of a server spend.

import Events
import JSON
import Testing

@testable import Broker
@testable import Governance

@Suite("programs at the door")
struct DoorLinesTests {
    let judge = TestJudge()
    let lines: DoorLines
    var now: Broker.Instant = 1_000_000_000

    init() {
        lines = DoorLines(
            DoorLinesSettings(principal: Principal(user: "ann", session: SessionID("s0001")!), seed: 3), judge: judge, budget: { _ in ["all"] },
            record: { note, _ in note == "full" ? Refusal(.log, "the disk is full") : nil })
    }

    func ask(_ line: String) -> [Value] {
        lines.receive(Array((line + "\n").utf8), at: now)
        return taken()
    }

    func taken() -> [Value] {
        var bytes: [UInt8] = []
        while !lines.out.isEmpty {
            let piece = Array(lines.out.waiting)
            lines.out.written(piece.count)
            bytes += piece
        }
        return bytes.split(separator: 0x0a).map { try! Value(parsing: Array($0)) }
    }

    @Test func `a yes has a lease that is settled once`() {
        let reply = ask(#"{"id":"a","op":"decide","tool":"agent__x","arguments":{"n":1}}"#)[0]
        #expect(reply["id"] == "a" && reply["verdict"] == "allow")
        let lease = reply["lease"]!.asString!
        let settle = #"{"id":1,"op":"settle","lease":"\#(lease)","usage":{"tokens_in":3}}"#
        #expect(ask(settle) == [["id": 1]])
        #expect(ask(settle)[0]["error"] != nil)
        #expect(judge.settled.map(\.outcome) == [.completed])
    }

    @Test(arguments: [
        #"{"id":1,"op":"settle","lease":"x","usage":{}}"#, #"{"id":1,"op":"decide","tool":"llm__sample","arguments":{}}"#,
        #"{"id":1,"op":"decide","tool":"a__b","arguments":{},"principal":"root"}"#, #"{"id":1,"op":"log","note":"full"}"#, #"{"id":1}"#,
        #"{"id":1.5,"op":"budget"}"#,
    ])
    func `what is none is an error and asks nothing`(line: String) {
        #expect(ask(line)[0]["error"]?.asString?.isEmpty == false)
        #expect(judge.questions.isEmpty)
    }

    @Test func `what reports more than anybody spends is not taken`() {
        let lease = ask(#"{"id":1,"op":"decide","tool":"a__b","arguments":{}}"#)[0]["lease"]!.asString!
        for usage in [#"{"calls":1}"#, #"{"tokens_in":-1}"#, #"{"usd_micros":9223372036854775807}"#, #"{"tokens_out":1.5}"#, "[]"] {
            #expect(ask(#"{"id":1,"op":"settle","lease":"\#(lease)","usage":\#(usage)}"#)[0]["error"] != nil)
        }
        #expect(ask(#"{"id":1,"op":"settle","lease":"\#(lease)"}"#) == [["id": 1]])
    }

    @Test func `a shape only grows, and another type is refused`() {
        for arguments in [#"{"a":1}"#, #"{"a":2}"#, #"{"b":["x"]}"#, #"{"b":[]}"#, #"{"a":1.5}"#, #"{"c":{"d":true}}"#] {
            #expect(ask(#"{"id":1,"op":"decide","tool":"t__u","arguments":\#(arguments)}"#)[0]["verdict"] == "allow", "\(arguments)")
        }
        #expect(judge.learnt.count == 4)
        for arguments in [#"{"a":"1"}"#, #"{"b":[1]}"#, #"{"b":["x",1]}"#, #"{"_x":1}"#, #"{"c":[1,2.5]}"#, #"{"d":[null]}"#] {
            let reply = ask(#"{"id":1,"op":"decide","tool":"t__u","arguments":\#(arguments)}"#)[0]
            #expect(reply["verdict"] == "deny" && reply["cause"] == "schema", "\(arguments)")
        }
        #expect(judge.questions.count == 6 && judge.refusals.count == 6)
    }

    @Test func `its end withdraws what waits and ends what was allowed`() {
        _ = ask(#"{"id":1,"op":"decide","tool":"a__b","arguments":{}}"#)
        judge.decides = { _ in pending(.max, "") }
        #expect(ask(#"{"id":2,"op":"decide","tool":"a__b","arguments":{}}"#).isEmpty)
        #expect(ask(#"{"id":2,"op":"budget"}"#)[0]["error"] != nil)
        lines.ended(at: now)
        #expect(judge.withdrawn.count == 1 && judge.settled.map(\.outcome) == [.failed])
    }
}

@Suite("what calls spend")
struct MeteringTests {
    static let dimensions = [Cost("wall_us", 1), Cost("cpu_us", 1), Cost("bytes_out", 1)]

    @Test func `processor time is shared by the calls that ran meanwhile, and none of it is lost`() {
        var metering = Metering()
        metering.begin(1, at: 0, processor: 100)
        metering.look(160)
        metering.begin(2, at: 10_000, processor: 161)
        metering.look(262)
        let (one, two) = (metering.usage(of: 1, Self.dimensions, bytes: 7, at: 20_000), metering.usage(of: 2, Self.dimensions, bytes: 0, at: 20_000))
        #expect(one == [Cost("wall_us", 20), Cost("cpu_us", 61 + 51, isShared: true), Cost("bytes_out", 7)])
        #expect(two == [Cost("wall_us", 10), Cost("cpu_us", 50, isShared: true), Cost("bytes_out", 0)])
        metering.end(1)
        metering.end(2)
        // What is spent between calls is nobody's.
        metering.begin(3, at: 0, processor: 1000)
        metering.look(1001)
        #expect(metering.usage(of: 3, Self.dimensions, bytes: 0, at: 0)[1] == Cost("cpu_us", 1))
    }

    @Test func `a running call that the door stops is an error, is taken back at the server, and its answer is dropped`() {
        let peers = Peers { settings in
            settings.account = "session"
            settings.slices = [Cost("wall_us", 1000)]
        }
        peers.handshake()
        let own = peers.call("1")[0]["id"]!
        peers.judge.spends = { usage in (usage.first?.amount ?? 0) > 500_000 ? Refusal(.budget, "no wall clock is left") : nil }
        peers.pass(200_000_000)
        #expect(peers.taken(.client).isEmpty)
        peers.pass(400_000_000)
        #expect(peers.taken(.client)[0]["result"]?["content"]?[0]?["text"] == "denied: stopped: no wall clock is left")
        #expect(peers.taken(.server)[0]["params"]?["requestId"] == own)
        peers.reply(own)
        #expect(peers.taken(.client).isEmpty && peers.judge.settled.map(\.outcome) == [.failed])
        #expect(peers.judge.used[0] == [Cost("wall_us", 600_000)])
    }

    @Test func `what a server reports is counted as far as it is money or tokens`() {
        let peers = Peers { settings in
            settings.account = "session"
            settings.slices = [Cost("tokens_out", 1), Cost("usd", 1)]
        }
        peers.handshake()
        for (usage, told) in [
            (#"{"tokens_out":5}"#, [Cost("tokens_out", 5), Cost("usd", 0)]), (#"{"tokens_out":5,"calls":-3}"#, [Cost("tokens_out", 0), Cost("usd", 0)]),
            ("7", [Cost("tokens_out", 0), Cost("usd", 0)]),
        ] {
            peers.judge.used = []
            let own = peers.call("1")[0]["id"]!
            peers.reply(own, #"{"content":[],"_meta":{"fumehood/usage":\#(usage)}}"#)
            _ = peers.taken(.client)
            #expect(peers.judge.used == [told], "\(usage)")
        }
    }
}
