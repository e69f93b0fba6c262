// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the exchange stand on: a door that answers as it is told and keeps its books, and two peers that are lines of text.

import Events
import JSON
import Testing

@testable import Broker

/// A door that says what the test says, and remembers what it was asked.
final class TestJudge: Judge {
    var decides: (Question) -> Decision = { _ in .verdict(.allow(Permit(policies: ["all"]))) }
    /// When the pending calls are over.
    var nextDeadline: Instant?
    private var pendings: [CallID] = []
    var hidden: Set<String> = []
    var questions: [Question] = []
    var settled: [(call: CallID, outcome: CallOutcome)] = []
    var withdrawn: [CallID] = []
    var refusals: [Refusal] = []

    func decide(_ question: Question, at now: Instant) -> Decision {
        questions.append(question)
        let decision = decides(question)
        if case .pending(let until, _) = decision {
            nextDeadline = until
            pendings.append(question.call)
        }
        return decision
    }

    func tick(at now: Instant) -> [(call: CallID, verdict: Verdict)] {
        defer { (pendings, nextDeadline) = ([], nil) }
        return pendings.map { ($0, .deny(Refusal(.policy, "nobody approved it"))) }
    }

    func settle(_ call: CallID, outcome: CallOutcome, bytesIn: Int64, bytesOut: Int64, at now: Instant) { settled.append((call, outcome)) }

    func withdraw(_ call: CallID, at now: Instant) { withdrawn.append(call) }

    func refused(_ question: Question, _ refusal: Refusal, at now: Instant) { refusals.append(refusal) }

    func mayAllow(action: String, resource: Resource) -> Bool { !hidden.contains(action) }

    /// Every call that was allowed is settled, and once.
    var isEven: Bool {
        let outcomes = Dictionary(grouping: settled, by: \.call)
        return outcomes.values.allSatisfy { $0.count == 1 }
    }
}

/// One exchange with both peers in the test's hands.
final class Peers {
    let judge = TestJudge()
    let exchange: Exchange
    var now: Instant = 1_000_000_000

    init(_ change: (inout ExchangeSettings) -> Void = { _ in }) {
        var settings = ExchangeSettings(server: "srv", seed: 7, sha256: Self.digest)
        change(&settings)
        exchange = Exchange(settings, judge: judge)
    }

    /// FNV in four lanes: the tests need a digest that changes with its bytes, not one that nobody can forge.
    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for lane in 0..<4 as Range<UInt64> {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325 &+ lane
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            for shift in stride(from: 56, through: 0, by: -8) { result.append(UInt8(truncatingIfNeeded: hash >> UInt64(shift))) }
        }
        return result
    }

    func client(_ line: String) { exchange.receive(Array((line + "\n").utf8), from: .client, at: now) }
    func server(_ line: String) { exchange.receive(Array((line + "\n").utf8), from: .server, at: now) }

    /// What waits for a side, as values; taken.
    func taken(_ side: Exchange.Side) -> [Value] {
        let bytes = Array(side == .client ? exchange.toClient.waiting : exchange.toServer.waiting)
        if side == .client { exchange.toClient.written(bytes.count) } else { exchange.toServer.written(bytes.count) }
        exchange.advance(at: now)
        return bytes.split(separator: 0x0a).map { try! Value(parsing: Array($0)) }
    }

    func pass(_ nanoseconds: Int64) {
        now += nanoseconds
        exchange.tick(at: now)
    }

    static let tools = """
        [{"name":"add","description":"adds","inputSchema":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"number"}},"required":["a"]}},\
        {"name":"free","inputSchema":{"type":"object"}}]
        """

    /// A legacy session after its handshake, with the tools listed.
    func handshake(version: String = "2025-06-18", tools: String = Peers.tools) {
        client(#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#)
        let own = taken(.server)[0]["id"]!.asInteger!
        server(#"{"jsonrpc":"2.0","id":\#(own),"result":{"protocolVersion":"\#(version)","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#)
        client(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        list(tools)
    }

    /// Lists the tools.
    /// - Returns: what the client sees.
    @discardableResult
    func list(_ tools: String = Peers.tools) -> [Value] {
        client(#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#)
        let own = taken(.server).last!["id"]!.asInteger!
        server(#"{"jsonrpc":"2.0","id":\#(own),"result":{"tools":\#(tools)}}"#)
        return taken(.client).last!["result"]!["tools"]!.asArray!
    }

    /// A call of the client; the lines that the server gets.
    @discardableResult
    func call(_ id: String, _ tool: String = "free", _ arguments: String = "{}", meta: String? = nil) -> [Value] {
        let meta = meta.map { #","_meta":\#($0)"# } ?? ""
        client(#"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"\#(tool)","arguments":\#(arguments)\#(meta)}}"#)
        return taken(.server)
    }

    func reply(_ own: Value, _ result: String = #"{"content":[{"type":"text","text":"ok"}]}"#) {
        server(#"{"jsonrpc":"2.0","id":\#(own.serialised()),"result":\#(result)}"#)
    }
}

let modern = #"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#

func json(_ text: String) -> Value { try! Value(parsing: text) }
