// SPDX-License-Identifier: Apache-2.0
//
// Questions of a stateless server to its client (2026-07-28): a result of `resultType: "input_required"` with requests in it, which the
// client answers by trying again with a new id. The requests inside are held to the same rules as those of a legacy server, and a retry is
// passed on only where this server asked, for the same call.

import Events
import Governance
import JSON

/// What a server asked for and nobody has brought yet.
struct OpenInput {
    let method: String
    /// The call without what changes from one try to the next.
    let call: [UInt8]
    let state: String?
    /// What was asked, by key; true where we answer it ourselves.
    let keys: [(name: String, isRoots: Bool)]
}

extension Exchange {
    private func identity(_ call: Call) -> [UInt8]? {
        var params = call.params ?? Object()
        let arguments = params["arguments"] ?? [:]
        for name in ["_meta", "inputResponses", "requestState", "arguments"] { params[name] = nil }
        guard let rest = try? Value.object(params).canonical() else { return nil }
        guard let told = call.tool?.identity ?? (try? arguments.canonical()).map(argumentsIdentity) else { return nil }
        return rest + [0x0a] + told
    }

    /// Arguments as they are told apart: themselves where they are short, else their digest. No canonical form begins with a zero.
    func argumentsIdentity(_ canonical: [UInt8]) -> [UInt8] { canonical.count <= 4096 ? canonical : [0] + settings.sha256(canonical) }

    /// The parameters of a request as they are passed on: answers to questions are those of a question that was asked.
    /// - Parameter takes: the question counts as answered now.
    func withInputs(_ call: Call, takes: Bool = false) throws(BadParameters) -> Object? {
        guard var params = call.params, params["requestState"] != nil || params["inputResponses"] != nil else { return call.params }
        let state = params["requestState"]?.asString
        guard params["requestState"] == nil || state != nil else { throw BadParameters(text: "`requestState` must be a string") }
        let responses = params["inputResponses"] ?? [:]
        guard let given = responses.asObject else { throw BadParameters(text: "`inputResponses` must be an object, found \(responses.kind)") }
        guard let identity = identity(call),
            let place = openInputs.lastIndex(where: { open in
                open.call == identity && sameBytes(open.method, call.method)
                    && (open.state.map { one in state.map { sameBytes(one, $0) } ?? false } ?? (state == nil))
            })
        else { throw BadParameters(text: "`requestState` and `inputResponses` answer nothing that server `\(settings.server)` asked for this call") }
        let open = openInputs[place]
        if let unknown = given.members.first(where: { member in !open.keys.contains { sameBytes($0.name, member.name) } }) {
            throw BadParameters(text: "`inputResponses` has \(Value.string(unknown.name).serialised()), which was not asked for")
        }
        if !open.keys.isEmpty {
            var answers = given
            for key in open.keys where key.isRoots { answers[key.name] = rootsResult }
            params["inputResponses"] = .object(answers)
        }
        if takes { openInputs.remove(at: place) }
        return params
    }

    var rootsResult: Value {
        ["roots": .array(settings.roots.map { ["uri": .string($0.uri), "name": .string($0.name)] })]
    }

    /// Looks at a result that asks for input: the result as it is passed on, or why it is not.
    func checkedInputs(_ result: Object, of call: Call) throws(BadParameters) -> Object {
        guard let identity = identity(call) else { return result }
        var result = result
        var keys: [(name: String, isRoots: Bool)] = []
        var requests = result["inputRequests"]?.asObject ?? Object()
        for member in requests {
            guard let method = member.value["method"]?.asString else { throw BadParameters(text: "a request without a method") }
            switch method {
            case "roots/list": keys.append((member.name, true))
            case "elicitation/create":
                if let why = Elicitation.objection(to: member.value["params"]) { throw BadParameters(text: why) }
                keys.append((member.name, false))
            case "sampling/createMessage":
                let (sampling, decision) = askSampling(member.value["params"]?.asObject ?? Object())
                if case .pending = decision { judge.withdraw(sampling, because: "a person cannot be asked inside of a result", at: now) }
                guard case .verdict(.allow) = decision else { throw BadParameters(text: "sampling is not allowed here") }
                judge.settle(sampling, usage: [], end: .answered(result: [], isError: false), at: now)
                requests[member.name] = .object(
                    Object(
                        member.value.asObject!.members.map { part in
                            sameBytes(part.name, "params") ? Member(name: "params", value: .object(capped(part.value.asObject ?? Object()))) : part
                        }))
                keys.append((member.name, false))
            default: throw BadParameters(text: "a request of method \(Value.string(method).serialised())")
            }
        }
        if result["inputRequests"] != nil { result["inputRequests"] = .object(requests) }
        openInputs.append(OpenInput(method: call.method, call: identity, state: result["requestState"]?.asString, keys: keys))
        if openInputs.count > settings.bounds.openInputs { openInputs.removeFirst() }
        return result
    }
}
