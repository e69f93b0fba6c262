// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the exchange stand on: a door that answers as it is told and keeps its books, and two peers that are lines of text.

import Events
import JSON
import Testing

@testable import Broker
@testable import Governance

/// A door that says what the test says, and remembers what it was asked.
final class TestJudge: Judge {
    var decides: (Request) -> Decision = { _ in .verdict(.allow(permit())) }
    /// When the pending calls are over.
    var nextDeadline: Broker.Instant?
    private var pendings: [CallID] = []
    var hidden: Set<String> = []
    var questions: [Request] = []
    var settled: [(call: CallID, outcome: End)] = []
    var learnt: [[String]] = []
    var stands = Standing.written
    var refusals: [Refusal] = []
    var withdrawn: [CallID] = []

    /// How a call ended, in a word.
    enum End { case completed, wrong, failed, cancelled, notForwarded }

    func decide(_ question: Request, at now: Broker.Instant) -> Decision {
        questions.append(question)
        let decision = decides(question)
        if case .pending(_, let until, _) = decision {
            nextDeadline = until
            pendings.append(question.call)
        }
        return decision
    }

    func tick(at now: Broker.Instant) -> [(call: CallID, verdict: Verdict)] {
        defer { (pendings, nextDeadline) = ([], nil) }
        return pendings.map { ($0, .deny(Refusal(.policy, "nobody approved it"))) }
    }

    func standing(of permit: Permit) -> Standing { stands }

    func settle(_ call: CallID, usage: [Cost], end: CallEnd, at now: Broker.Instant) {
        let outcome: End =
            switch end {
            case .answered(_, let isError): isError ? .wrong : .completed
            case .failed: .failed
            case .cancelled: .cancelled
            case .notForwarded: .notForwarded
            }
        used.append(usage)
        settled.append((call, outcome))
    }

    var spends: ([Cost]) -> Refusal? = { _ in nil }
    var used: [[Cost]] = []
    func spent(_ call: CallID, _ usage: [Cost], at now: Broker.Instant) -> Refusal? { spends(usage) }

    func withdraw(_ call: CallID, because reason: String, at now: Broker.Instant) {
        withdrawn.append(call)
        pendings.removeAll { $0 == call }
    }

    func learn(_ tools: [ToolShape], at now: Broker.Instant) { learnt.append(tools.map(\.action)) }

    func refused(_ question: Request, _ refusal: Refusal, at now: Broker.Instant) { refusals.append(refusal) }

    func mayAllow(_ action: String, _ resource: Resource, for principal: Principal) -> Bool { !hidden.contains(action) }

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
    var now: Broker.Instant = 1_000_000_000

    init(_ change: (inout ExchangeSettings) -> Void = { _ in }) {
        var settings = ExchangeSettings(server: "srv", principal: Principal(user: "ann", session: SessionID("s0001")!), seed: 7, sha256: Self.digest)
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
        var bytes: [UInt8] = []
        while true {
            let piece = Array(side == .client ? exchange.toClient.waiting : exchange.toServer.waiting)
            if piece.isEmpty { break }
            if side == .client { exchange.toClient.written(piece.count) } else { exchange.toServer.written(piece.count) }
            bytes += piece
        }
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
        client(
            #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#
        )
        let own = taken(.server)[0]["id"]!.asInteger!
        server(
            #"{"jsonrpc":"2.0","id":\#(own),"result":{"protocolVersion":"\#(version)","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#)
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

let modern =
    #"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#

func permit(redactions: [String] = [], delayUntil: Int64? = nil, notes: [String] = []) -> Permit {
    Permit(call: CallID("k0000")!, lease: nil, policies: ["all"], redactions: redactions, delayUntil: delayUntil, notes: notes, ticket: .none)
}

func pending(_ until: Int64, _ reason: String = "") -> Decision { .pending(PendingID(number: 1, call: CallID("k0000")!), until: until, reason: reason) }

func json(_ text: String) -> Value { try! Value(parsing: text) }
