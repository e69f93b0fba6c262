// SPDX-License-Identifier: Apache-2.0
//
// What becomes of the server's messages: answers find the request that they belong to, or are dropped; notifications keep to what was asked
// for; results lose what is hidden in them and what is too much.

import Events
import Governance
import JSON

extension Exchange {
    func fromServer(_ message: Message, count: Int) {
        switch message {
        case .response(let id, let reply): response(id, reply, count: count)
        case .request(let id, let method, let params): requested(id, method, params)
        case .notification(let method, let params): notified(method, params)
        case .complaint(let error): note("server `\(settings.server)` complains: \(error["message"]?.asString ?? "")")
        }
    }

    private func response(_ id: RequestID, _ reply: Reply, count: Int) {
        guard let own = id.value.asInteger, let call = calls[own], call.isSent else {
            // Late, doubled, or an answer to nothing.
            return note("an answer of server `\(settings.server)` that nobody waits for was dropped")
        }
        switch reply {
        case .error(let error):
            if call.id == nil { return listingFailed(call, error["message"]?.asString ?? "") }
            if call.method == "initialize" { initializes = false }
            settle(call, .failed(error["message"]?.asString ?? "an error"))
            finish(own, .error(cleaned(error)))
        case .result(let result): succeeded(call, result.asObject ?? Object(), count: count)
        }
    }

    private func succeeded(_ call: Call, _ result: Object, count: Int) {
        if count > settings.bounds.resultBytes {
            settle(call, .failed("its result is too large"))
            let why = "the result of `\(call.tool?.name ?? call.method)` has \(count) bytes, more than the \(settings.bounds.resultBytes) that are passed on"
            if call.id == nil { return listingFailed(call, why) }
            return finish(call.own, call.method == "tools/call" ? failedResult(why, modern: call.isModern) : .failure(-32603, why))
        }
        var result = result
        switch call.method {
        case "tools/list":
            if call.id == nil { return listed(call, result) }
            result = shown(result, of: call)
        case "initialize": version = result["protocolVersion"]?.asString
        default: break
        }
        let redact = call.tool?.permit?.redactions ?? []
        if !redact.isEmpty { result = Redaction.taken(redact, from: .object(result)).asObject! }
        var value = cleaned(.object(result))
        if result["resultType"] == "input_required" {
            do throws(BadParameters) {
                value = .object(try checkedInputs(value.asObject!, of: call))
                settle(call, .answered(result: Array("input_required".utf8), isError: false))
                return finish(call.own, .result(value))
            } catch {
                settle(call, .failed("it asked for input that is not passed on"))
                let why = "server `\(settings.server)` asked for input that is not passed on: \(error.text)"
                return finish(call.own, call.method == "tools/call" ? denial(Refusal(.policy, why), modern: true) : .failure(-32603, why))
            }
        }
        if let tool = call.tool {
            if !settings.pins.trusted.contains(tool.name) { isTainted = true }
            // What differs each time is no progress either.
            var told = value.asObject ?? Object()
            told["_meta"] = nil
            let bytes = Value.object(told).serialisedBytes()
            let (reported, fault) = ReportedUsage.reported(by: result)
            if let fault { note("what server `\(settings.server)` says that it spent is not counted: \(fault)") }
            settle(call, .answered(result: bytes, isError: result["isError"] == true), bytes: count, reported: reported)
            if let notes = tool.permit?.notes, !notes.isEmpty {
                value = Self.told(notes, value)
            } else if call.batch == nil, let id = call.id, told.count == value.asObject?.count {
                // The usual one: what was settled is what is sent, written once.
                finish(call.own, nil)
                return write(id, result: bytes)
            }
        } else if call.method == "resources/read" || call.method == "prompts/get" || call.method == "tasks/result" {
            isTainted = true
        }
        finish(call.own, .result(value))
    }

    private func write(_ id: RequestID, result: [UInt8]) {
        var line: [UInt8] = []
        line.reserveCapacity(result.count + 64)
        line += #"{"jsonrpc":"2.0","id":"#.utf8
        line += id.value.serialisedBytes()
        line += #","result":"#.utf8
        line += result
        line.append(0x7d)
        write(line: line, to: .client)
    }

    /// A result with what the door wants the caller to know.
    private static func told(_ notes: [String], _ value: Value) -> Value {
        guard var object = value.asObject, let content = object["content"]?.asArray else { return value }
        object["content"] = .array(content + notes.map { ["type": "text", "text": .string("note: \($0)")] })
        return .object(object)
    }

    /// An error that the model reads, of a call that was not denied.
    private func failedResult(_ text: String, modern: Bool) -> Reply {
        var result = Object([Member(name: "content", value: [["type": "text", "text": .string(text)]]), Member(name: "isError", value: true)])
        if modern { result["resultType"] = "complete" }
        return .result(.object(result))
    }

    /// Without hidden characters.
    func cleaned(_ value: Value) -> Value {
        let (cleaned, removed) = HiddenText.cleaned(value)
        if removed > 0 { note("\(removed) hidden characters of server `\(settings.server)` were removed") }
        return cleaned
    }

    private func notified(_ method: String, _ params: Object?) {
        switch method {
        case "notifications/progress":
            // Only of a call that the server works at.
            guard let token = params?["progressToken"].flatMap({ RequestID($0, limit: settings.bounds.idBytes) }),
                let own = callsByToken[token], let call = calls[own], call.isSent
            else { return }
        case "notifications/cancelled": return cancelledByServer(params)
        case "notifications/tools/list_changed": table.isStale = true
        case "notifications/message", "notifications/resources/list_changed", "notifications/resources/updated", "notifications/prompts/list_changed",
            "notifications/subscriptions/acknowledged", "notifications/elicitation/complete", "notifications/tasks/status", "notifications/tasks":
            break
        default: return note("a notification of server `\(settings.server)` is not passed on: \(Value.string(method).serialised())")
        }
        guard var params else { return write(.notification(method: method, params: nil), to: .client) }
        if var meta = params["_meta"]?.asObject, let subscription = meta[MetaKey.subscription] {
            guard let id = subscription.asInteger.flatMap({ calls[$0]?.id }) else { return }
            meta[MetaKey.subscription] = id.value
            params["_meta"] = .object(meta)
        }
        write(.notification(method: method, params: cleaned(.object(params)).asObject), to: .client)
    }

    /// A server takes back its own request, or ends a subscription.
    private func cancelledByServer(_ params: Object?) {
        guard var params, let id = params["requestId"].flatMap({ RequestID($0) }) else { return }
        if let own = requestsOfServer[id] {
            params["requestId"] = .integer(own)
            if serverRequests[own]?.isSent == true { write(.notification(method: "notifications/cancelled", params: params), to: .client) }
            withdraw(serverRequest: own)
        } else if let own = id.value.asInteger, let call = calls[own], call.method == "subscriptions/listen", let id = call.id {
            params["requestId"] = id.value
            write(.notification(method: "notifications/cancelled", params: params), to: .client)
            finish(own, nil)
        }
    }
}
