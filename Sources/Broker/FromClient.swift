// SPDX-License-Identifier: Apache-2.0
//
// What becomes of the client's messages. Methods that MCP does not know are not passed on: behind one of them could stand a tool that no
// policy was asked about.

import Events
import Governance
import JSON

extension Exchange {
    /// Requests that are passed on as they are, beside tools/call and tools/list.
    private static let passed: Set<String> = [
        "initialize", "ping", "server/discover", "logging/setLevel", "completion/complete", "prompts/list", "prompts/get", "resources/list",
        "resources/templates/list", "resources/read", "resources/subscribe", "resources/unsubscribe", "subscriptions/listen", "tools/list",
        "tasks/get", "tasks/result", "tasks/list", "tasks/cancel", "tasks/update",
    ]

    func fromClient(_ message: Message, count: Int, batch: Int64?) {
        switch message {
        case .request(let id, let method, let params): request(id, method, params, count: count, batch: batch)
        case .notification(let method, let params): notification(method, params)
        case .response(let id, let reply): answered(id, reply)
        case .complaint(let error): note("the client complains: \(error["message"]?.asString ?? "")")
        }
    }

    private func request(_ id: RequestID, _ method: String, _ params: Object?, count: Int, batch: Int64?) {
        func refuse(_ code: Int64, _ text: String) { answer(id, .failure(code, text), batch: batch) }
        guard serverEnd == nil else { return refuse(-32000, "server `\(settings.server)` has ended: \(serverEnd!)") }
        let isCall = method == "tools/call"
        guard isCall || Self.passed.contains(method) else { return refuse(-32601, "method \(Value.string(method).serialised()) is not passed on") }
        if let token = params?["_meta"]?["progressToken"], RequestID(token, limit: settings.bounds.idBytes) == nil {
            return refuse(-32602, "`progressToken` must be a string of at most \(settings.bounds.idBytes) bytes or an integer")
        }
        if method == "initialize" {
            if initializes { return refuse(-32600, "initialize is sent once") }
            initializes = true
        }
        guard let call = open(id, method, params, count: count, batch: batch) else {
            return refuse(-32600, "id \(id) is in use by a request that has no answer yet")
        }
        if isCall { return callTool(call) }
        do throws(BadParameters) {
            forward(call, try withInputs(call, takes: true))
        } catch {
            finish(call.own, .failure(-32602, error.text))
        }
    }

    private func notification(_ method: String, _ params: Object?) {
        switch method {
        case "notifications/cancelled": cancel(params)
        case "notifications/progress":
            // For a request of the server's, which named the token itself.
            write(.notification(method: method, params: params), to: .server)
        case "notifications/initialized", "notifications/roots/list_changed", "notifications/tasks/status":
            write(.notification(method: method, params: params), to: .server)
        default: note("a notification of the client is not passed on: \(Value.string(method).serialised())")
        }
    }

    private func cancel(_ params: Object?) {
        guard let id = params?["requestId"].flatMap({ RequestID($0) }), let own = callsOfClient[id], let call = calls[own],
            call.method != "initialize"
        else { return }
        switch call.state {
        case .sent:
            var params = params!
            params["requestId"] = .integer(own)
            write(.notification(method: "notifications/cancelled", params: params), to: .server)
        case .listing, .pending, .delayed, .recording: break
        }
        settle(call, .cancelled)
        finish(own, nil)
    }
}

/// Why the parameters of a request are not passed on.
struct BadParameters: Error {
    let text: String
}
