// SPDX-License-Identifier: Apache-2.0
//
// The wire: lines of a client, of a server and of a program at the door, in any order. What comes out is JSON-RPC; a call that a server gets is
// one that was judged, byte for byte; each is settled once, and nothing is open when both sides have ended.

import Broker
import Events
import Governance
import JSON

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe run(start, count, check) }

/// Allows, denies, delays or lets wait, as the arguments' length says.
private final class Dice: Judge {
    var allowed: [CallID: [UInt8]] = [:]
    var judged: [(tool: String, arguments: [UInt8])] = []
    var waiting: Set<CallID> = []

    func decide(_ request: Request, at now: Instant) -> Decision {
        let canonical = request.canonical ?? []
        switch (canonical.count + request.action.utf8.count) % 5 {
        case 0: return .verdict(.deny(Refusal(.policy, "no")))
        case 1:
            waiting.insert(request.call)
            return .pending(PendingID(number: 1, call: request.call), until: now + 10, reason: "ask")
        default:
            allow(request.call, request.resource, canonical)
            return .verdict(.allow(permit(request.call, canonical.count % 7 == 0 ? now + 3 : nil)))
        }
    }

    private func allow(_ call: CallID, _ resource: Resource, _ canonical: [UInt8]) {
        claim(allowed[call] == nil, "a call is allowed once")
        allowed[call] = canonical
        if case .tool(_, let name) = resource { judged.append((name, canonical)) }
    }

    private func permit(_ call: CallID, _ until: Int64?) -> Permit {
        Permit(call: call, lease: nil, policies: [], redactions: ["secret"], delayUntil: until, notes: [], ticket: .none)
    }

    func standing(of permit: Permit) -> Standing { .written }
    var nextDeadline: Instant? { waiting.isEmpty ? nil : 0 }
    func tick(at now: Instant) -> [(call: CallID, verdict: Verdict)] {
        defer { waiting = [] }
        return waiting.map { ($0, .deny(Refusal(.approval, "nobody"))) }
    }
    func withdraw(_ call: CallID, because reason: String, at now: Instant) { waiting.remove(call) }
    func settle(_ call: CallID, usage: [Cost], end: CallEnd, at now: Instant) {
        claim(allowed.removeValue(forKey: call) != nil, "what is settled was allowed, and is settled once")
    }
    func spent(_ call: CallID, _ usage: [Cost], at now: Instant) -> Refusal? { nil }
    func refused(_ request: Request, _ refusal: Refusal, at now: Instant) {}
    func mayAllow(_ action: String, _ resource: Resource, for principal: Principal) -> Bool { true }
    func learn(_ tools: [ToolShape], at now: Instant) {}
}

private let principal = Principal(user: "ann", session: SessionID("s0001")!)
private let greeting: [(Exchange.Side, String)] = [
    (
        .client,
        #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#
    ),
    (.server, #"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#),
    (.client, #"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#),
    (
        .server,
        #"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"add","inputSchema":{"type":"object","properties":{"a":{"type":"integer"},"t":{"type":"string","pattern":"^a*b?$"}},"required":["a"]}},{"name":"free","inputSchema":{"type":"object"}}]}}"#
    ),
]

/// Each line of the input goes to the client's side (`c`), the server's (`s`) or a program's at the door (`d`), after its first character;
/// `C` and `S` without a line feed; anything else is time.
private func check(_ bytes: [UInt8]) {
    let judge = Dice()
    var settings = ExchangeSettings(server: "srv", principal: principal, seed: 7, sha256: { [UInt8($0.count & 255)] })
    settings.callTimeout = 1000
    settings.bounds.lineBytes = 2048
    let exchange = Exchange(settings, judge: judge)
    let asked = Dice()
    var door = DoorLinesSettings(principal: principal, seed: 9)
    door.leaseTime = 50
    let lines = DoorLines(door, judge: asked, budget: { _ in [] }, record: { _, _ in nil })
    var now: Instant = 1
    var sent = 0
    func drain() {
        for value in taken(&exchange.toClient) { message(value) }
        for value in taken(&exchange.toServer) {
            message(value)
            guard value["method"] == "tools/call" else { continue }
            let arguments = (try? value["params"]?["arguments"]?.canonical()) ?? []
            let name = value["params"]?["name"]?.asString ?? ""
            claim(
                judge.judged.contains { sameBytes($0.tool, name) && $0.arguments == arguments }, "a call that the server gets was judged: \(value.serialised())"
            )
            sent += 1
        }
        claim(sent <= judge.judged.count, "no call is sent twice")
        for value in taken(&lines.out) { claim(value["id"] != nil, "a reply has an id") }
        exchange.advance(at: now)
        _ = exchange.takeNotes()
    }
    for (side, line) in greeting { exchange.receive(Array((line + "\n").utf8), from: side, at: now) }
    for line in bytes.split(separator: 0x0a, maxSplits: 200) {
        now += 1
        let text = Array(line.dropFirst())
        switch line.first {
        case 0x63: exchange.receive(text + [0x0a], from: .client, at: now)
        case 0x73: exchange.receive(text + [0x0a], from: .server, at: now)
        case 0x43: exchange.receive(text, from: .client, at: now)
        case 0x53: exchange.receive(text, from: .server, at: now)
        case 0x64: lines.receive(text + [0x0a], at: now)
        default:
            now += Int64(line.first ?? 0)
            exchange.tick(at: now)
            lines.tick(at: now)
        }
        drain()
    }
    exchange.ended(.client, at: now)
    drain()
    exchange.ended(.server, at: now)
    drain()
    lines.ended(at: now)
    claim(judge.allowed.isEmpty && judge.waiting.isEmpty, "every call is settled in the end")
    claim(asked.allowed.isEmpty && asked.waiting.isEmpty, "every lease is settled in the end")
}

private func taken(_ box: inout Outbox) -> [Value] {
    var bytes: [UInt8] = []
    while !box.isEmpty {
        let piece = Array(box.waiting)
        box.written(piece.count)
        bytes += piece
    }
    claim(bytes.isEmpty || bytes.last == 0x0a, "lines are whole")
    return bytes.split(separator: 0x0a).map { line in
        guard let value = attempt({ try Value(parsing: Array(line)) }) else {
            claim(false, "what comes out is JSON: \(String(decoding: line, as: UTF8.self))")
            return .null
        }
        return value
    }
}

private func message(_ value: Value) {
    if let list = value.asArray { return list.forEach(message) }
    claim(value["jsonrpc"] == "2.0", "a message is of JSON-RPC 2.0: \(value.serialised())")
    let kinds = ["method", "result", "error"].filter { value[$0] != nil }
    claim(kinds.count == 1, "a message is of one kind: \(value.serialised())")
}
