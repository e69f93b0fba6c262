// SPDX-License-Identifier: Apache-2.0
//
// Requests of a legacy server to its client. Sampling is spend by the server and a question to the door; elicitation that asks for secrets
// is declined; roots are the cell's own, whatever the client would have said.

import Events
import Governance
import JSON

/// A request of the server that the client has not answered.
struct ServerRequest {
    enum State {
        case pending
        case sent
    }

    let id: RequestID
    let method: String
    var params: Object?
    /// What the door calls it, where it is sampling.
    var sampling: CallID?
    var state = State.sent
    /// Sampling that was allowed, to be settled.
    var allowed: CallID?

    var isSent: Bool { if case .sent = state { true } else { false } }
}

extension Exchange {
    func requested(_ id: RequestID, _ method: String, _ params: Object?) {
        func answer(_ reply: Reply) {
            // A server that asks without end and never reads would fill us up.
            guard toServer.count < 2 * settings.bounds.waitingBytes else {
                return note("a request of server `\(settings.server)` was dropped: it does not read")
            }
            write(.response(id, reply), to: .server)
        }
        guard requestsOfServer[id] == nil else { return answer(.failure(-32600, "id \(id) is in use by a request that has no answer yet")) }
        guard serverRequests.count < settings.bounds.serverRequests else {
            return answer(.failure(-32000, "more than \(settings.bounds.serverRequests) requests without an answer"))
        }
        switch method {
        case "roots/list": answer(.result(rootsResult))
        case "ping", "tasks/get", "tasks/result", "tasks/list", "tasks/cancel": ask(ServerRequest(id: id, method: method, params: params))
        case "elicitation/create":
            if let why = Elicitation.objection(to: params.map { .object($0) }) {
                note("an elicitation of server `\(settings.server)` was declined: \(why)")
                return answer(.result(["action": "decline"]))
            }
            ask(ServerRequest(id: id, method: method, params: params))
        case "sampling/createMessage":
            let own = newID()
            let (call, decision) = askSampling(params ?? Object())
            serverRequests[own] = ServerRequest(id: id, method: method, params: capped(params ?? Object()), sampling: call)
            requestsOfServer[id] = own
            switch decision {
            case .verdict(let verdict): follow(verdict, serverRequest: own)
            case .pending:
                serverRequests[own]!.state = .pending
                callsOfDoor[call] = own
            }
        default: answer(.failure(-32601, "method \(Value.string(method).serialised()) is not passed on"))
        }
    }

    private func ask(_ request: ServerRequest) {
        let own = newID()
        requestsOfServer[request.id] = own
        send(request, own)
    }

    private func send(_ request: ServerRequest, _ own: Int64) {
        serverRequests[own] = request
        serverRequests[own]!.state = .sent
        write(.request(RequestID(own), method: request.method, params: request.params.map { cleaned(.object($0)).asObject! }), to: .client)
    }

    /// Sampling with what the server may ask for at most: so many tokens, and nothing of what the client talked about elsewhere.
    func capped(_ params: Object) -> Object {
        var params = params
        params["includeContext"] = nil
        params["maxTokens"] = .integer(min(params["maxTokens"]?.asInteger ?? settings.samplingTokens, settings.samplingTokens))
        return params
    }

    func askSampling(_ params: Object) -> (call: CallID, decision: Decision) {
        let tokens = min(params["maxTokens"]?.asInteger ?? settings.samplingTokens, settings.samplingTokens)
        let canonical = (try? Value.object(capped(params)).canonical()) ?? []
        var request = request("llm__sample", .endpoint("client"), ["max_tokens": .integer(tokens), "server": .string(settings.server)], canonical)
        // The server spends, not the agent that called it.
        let agent = settings.principal
        request.principal = Principal(agent: "server/\(settings.server)", user: agent.user, groups: [], session: agent.session)
        request.slices = []
        request.estimate.append(Cost("tokens_out", tokens))
        return (request.call, judge.decide(request, at: now))
    }

    /// The client answers a request of the server.
    func answered(_ id: RequestID, _ reply: Reply) {
        guard let own = id.value.asInteger, let request = serverRequests[own], request.isSent else {
            return note("an answer of the client that nobody waits for was dropped")
        }
        forget(own)
        if let call = request.allowed {
            let failed = if case .error = reply { true } else { false }
            judge.settle(call, usage: [], end: .answered(result: [], isError: failed), at: now)
        }
        write(.response(request.id, reply), to: .server)
    }

    private func forget(_ own: Int64) {
        guard let request = serverRequests.removeValue(forKey: own) else { return }
        requestsOfServer[request.id] = nil
        if let call = request.sampling {
            callsOfDoor[call] = nil
            if !request.isSent { judge.withdraw(call, because: "it was cancelled", at: now) }
        }
    }

    /// Nobody wants the answer any more.
    func withdraw(serverRequest own: Int64) {
        guard let request = serverRequests[own] else { return }
        if let call = request.allowed { judge.settle(call, usage: [], end: .cancelled, at: now) }
        forget(own)
    }

    /// Sampling was decided.
    func follow(_ verdict: Verdict, serverRequest own: Int64) {
        guard var request = serverRequests[own] else { return }
        switch verdict {
        case .allow:
            request.allowed = request.sampling
            send(request, own)
        case .deny(let refusal):
            forget(own)
            write(.response(request.id, .failure(-1, refusal.text)), to: .server)
        case .kill(let refusal):
            follow(.deny(refusal), serverRequest: own)
            kill = kill ?? refusal
        }
    }
}
