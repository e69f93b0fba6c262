// SPDX-License-Identifier: Apache-2.0
//
// A request that has no answer yet, and the one way to its end: settled with the door where it was allowed, taken out of every table,
// answered once.

import Events
import Governance
import JSON

/// A request of the client, or our own question which tools there are.
struct Call {
    enum State {
        /// Waits until it is known which tools there are.
        case listing
        case pending(nextProgress: Instant, reason: String)
        /// Throttled.
        case delayed(until: Instant)
        /// Waits for its record to be on disk.
        case recording
        case sent
    }

    /// What the server sees.
    let own: Int64
    /// What the client sees; nil for our own.
    let id: RequestID?
    let method: String
    var params: Object?
    let batch: Int64?
    let token: RequestID?
    /// The length of its line in bytes.
    let count: Int
    var state = State.sent
    var deadline: Instant?
    var tool: Asked?
    /// How often we said that it waits.
    var waits: Int64 = 0

    /// A tool call that the door was asked about.
    struct Asked {
        let name: String
        /// Without its context; without its arguments, too, once they were sent.
        var question: Request
        /// See ``Exchange/argumentsIdentity(_:)``.
        let identity: [UInt8]
        var permit: Permit?
    }

    /// It says of itself that it is stateless.
    var isModern: Bool { Call.isModern(method, params) }

    static func isModern(_ method: String, _ params: Object?) -> Bool {
        method == "server/discover" || params?["_meta"]?[MetaKey.version]?.asString != nil
    }

    var isSent: Bool { if case .sent = state { true } else { false } }
}

/// The keys of `_meta` since 2026-07-28.
enum MetaKey {
    static let version = "io.modelcontextprotocol/protocolVersion"
    static let capabilities = "io.modelcontextprotocol/clientCapabilities"
    static let client = "io.modelcontextprotocol/clientInfo"
    static let subscription = "io.modelcontextprotocol/subscriptionId"
}

/// Answers that go out as one array.
struct Batch {
    var open: Int
    var answers: [Value] = []
}

extension Exchange {
    /// Puts a request of the client into the tables; nil where its id is in use.
    func open(_ id: RequestID, _ method: String, _ params: Object?, count: Int, batch: Int64?) -> Call? {
        guard callsOfClient[id] == nil else { return nil }
        let token = params?["_meta"]?["progressToken"].flatMap { RequestID($0, limit: settings.bounds.idBytes) }
        let call = Call(own: newID(), id: id, method: method, params: params, batch: batch, token: token, count: count)
        calls[call.own] = call
        callBytes += count
        callsOfClient[id] = call.own
        if let token { callsByToken[token] = call.own }
        return call
    }

    /// Sends a request on under our id.
    func forward(_ call: Call, _ params: Object?) {
        var call = call
        call.state = .sent
        if call.method != "subscriptions/listen", let timeout = settings.callTimeout, call.deadline == nil { call.deadline = now + timeout }
        calls[call.own] = call
        wake(at: call.deadline)
        write(.request(RequestID(call.own), method: call.method, params: params), to: .server)
    }

    /// Answers a request and forgets it; nil where no answer is wanted any more.
    func finish(_ own: Int64, _ reply: Reply?) {
        guard let call = calls.removeValue(forKey: own) else { return }
        callBytes -= call.count
        if let token = call.token, callsByToken[token] == own { callsByToken[token] = nil }
        if let asked = call.tool {
            callsOfDoor[asked.question.call] = nil
            if case .pending = call.state { judge.withdraw(asked.question.call, because: reply == nil ? "it was cancelled" : "it ended", at: now) }
        }
        guard let id = call.id else { return }
        callsOfClient[id] = nil
        answer(id, reply, batch: call.batch)
    }

    /// One answer to the client, alone or in its array.
    func answer(_ id: RequestID, _ reply: Reply?, batch number: Int64?) {
        guard let number, var batch = batches[number] else {
            if let reply { write(.response(id, reply), to: .client) }
            return
        }
        batch.open -= 1
        if let reply { batch.answers.append(Message.response(id, reply).value) }
        if batch.open > 0 {
            batches[number] = batch
        } else {
            batches[number] = nil
            if !batch.answers.isEmpty { write(line: Value.array(batch.answers).serialisedBytes(), to: .client) }
        }
    }

    /// Tells the door what an allowed call came to; nothing for any other.
    /// - Parameters:
    ///   - bytes: of its answer.
    ///   - reported: what the server says that it spent.
    func settle(_ call: Call, _ end: CallEnd, bytes: Int = 0, reported: [Cost] = []) {
        guard let asked = call.tool, asked.permit != nil else { return }
        let usage = call.isSent ? meterEnds(call, bytes: bytes, reported: reported) : []
        judge.settle(asked.question.call, usage: usage, end: call.isSent ? end : .notForwarded("it ended before it was passed on"), at: now)
    }

    /// The server is gone.
    func lose(_ own: Int64, _ reason: String) {
        guard let call = calls[own] else { return }
        settle(call, .failed("the server has ended"))
        finish(own, .failure(-32000, "server `\(settings.server)` has ended: \(reason)"))
    }

    /// What time brings to one call.
    func look(at call: Call) {
        if let deadline = call.deadline, now >= deadline { return expire(call) }
        wake(at: call.deadline)
        switch call.state {
        case .pending(let nextProgress, let reason): if now >= nextProgress { progress(call, reason) } else { wake(at: nextProgress) }
        case .delayed(let until):
            if now >= until { sendWhenRecorded(call) } else { wake(at: until) }
        case .sent: meter(call)
        case .listing, .recording: break
        }
    }

    /// The client hears that its call waits, so that it does not give up.
    private func progress(_ call: Call, _ reason: String) {
        let next = now + 5_000_000_000
        calls[call.own]!.state = .pending(nextProgress: next, reason: reason)
        calls[call.own]!.waits += 1
        wake(at: next)
        guard let token = call.token else { return }
        // Small steps, as what the server says of its own progress begins at 0 or 1.
        let step = Number(Double(call.waits + 1) / 1_000_000).map { Value.number($0) } ?? 0
        write(
            .notification(
                method: "notifications/progress",
                params: Object([
                    Member(name: "progressToken", value: token.value), Member(name: "progress", value: step),
                    Member(name: "message", value: .string("waiting for approval: \(reason)")),
                ])), to: .client)
    }

    /// Nobody waits for the answer any more.
    func tellServer(_ call: Call, _ reason: String) {
        write(
            .notification(
                method: "notifications/cancelled",
                params: Object([Member(name: "requestId", value: .integer(call.own)), Member(name: "reason", value: .string(reason))])), to: .server)
    }

    private func expire(_ call: Call) {
        let seconds = Double(settings.callTimeout ?? 0) / 1e9
        let refusal = Refusal(
            .deadline, "`\(call.tool?.name ?? call.method)` did not answer within \(seconds) s", remedy: "--timeout sets the time of one call")
        if call.isSent, call.method != "initialize" { tellServer(call, "it took too long") }
        settle(call, .failed("no answer in time"))
        if call.id == nil { return listingFailed(call, refusal.reason) }
        finish(call.own, call.method == "tools/call" ? denial(refusal, modern: call.isModern) : .failure(-32001, refusal.reason))
    }

    /// A denial as the result of a tool, so that the model reads it.
    func denial(_ refusal: Refusal, modern: Bool) -> Reply {
        var result: Object = Object([
            Member(name: "content", value: [["type": "text", "text": .string(refusal.text)]]), Member(name: "isError", value: true),
        ])
        if modern { result["resultType"] = "complete" }
        return .result(.object(result))
    }
}
