// SPDX-License-Identifier: Apache-2.0
//
// Lists of tools: what the client is shown of one, and the list that we ask for ourselves where a client calls before it lists.

import Events
import Governance
import JSON

extension Exchange {
    /// A page as the client sees it: without tools that are set aside, and without those that no arguments would allow.
    func shown(_ result: Object, of call: Call) -> Object {
        guard let definitions = result["tools"]?.asArray else { return result }
        let tools = read(definitions, result, of: call)
        var kept: [Value] = []
        for (definition, tool) in zip(definitions, tools) {
            guard let tool, tool.quarantine == nil,
                judge.mayAllow(settings.server + "__" + tool.name, .tool(server: settings.server, name: tool.name), for: settings.principal)
            else { continue }
            kept.append(definition)
        }
        var result = result
        result["tools"] = .array(kept)
        return result
    }

    private func read(_ definitions: [Value], _ result: Object, of call: Call) -> [Tool?] {
        let (tools, notes) = table.page(
            definitions, isFirst: call.params?["cursor"] == nil, isLast: result["nextCursor"]?.asString == nil, settings: settings)
        for text in notes { note(text) }
        let usable = table.shapes(of: settings.server, pins: settings.pins)
        if usable != known {
            known = usable
            judge.learn(usable, at: now)
        }
        return tools
    }

    // Our own list ------------------------------------------------------------------------------------------------------

    /// Parks a call until it is known which tools there are.
    func listFirst(_ call: Call) {
        var call = call
        call.state = .listing
        if let timeout = settings.callTimeout { call.deadline = now + timeout }
        wake(at: call.deadline)
        calls[call.own] = call
        if !calls.values.contains(where: { $0.id == nil }) { askForTools(like: call.params, cursor: nil, page: 1) }
    }

    private func askForTools(like params: Object?, cursor: Value?, page: Int64) {
        var asked = Object()
        if let meta = params?["_meta"]?.asObject, meta[MetaKey.version] != nil {
            // A stateless server wants to know again whom it speaks with.
            asked["_meta"] = .object(Object(meta.members.filter { [MetaKey.version, MetaKey.capabilities, MetaKey.client].contains($0.name) }))
        }
        asked["cursor"] = cursor
        var call = Call(own: newID(), id: nil, method: "tools/list", params: asked, batch: nil, token: nil, count: 0)
        call.waits = page
        call.deadline = now + (settings.callTimeout ?? 60_000_000_000)
        calls[call.own] = call
        wake(at: call.deadline)
        write(.request(RequestID(call.own), method: call.method, params: asked.isEmpty ? nil : asked), to: .server)
    }

    /// A page of our own list.
    func listed(_ call: Call, _ result: Object) {
        finish(call.own, nil)
        guard let definitions = result["tools"]?.asArray else { return listingFailed(call, "its list of tools is no list") }
        _ = read(definitions, result, of: call)
        if let cursor = result["nextCursor"], cursor.asString != nil {
            guard call.waits < settings.bounds.pages else { return listingFailed(call, "its list of tools has more than \(settings.bounds.pages) pages") }
            return askForTools(like: call.params, cursor: cursor, page: call.waits + 1)
        }
        for waiting in parked { callTool(waiting) }
    }

    /// Which tools there are cannot be known: what waited for it is refused.
    func listingFailed(_ call: Call, _ why: String) {
        finish(call.own, nil)
        for waiting in parked {
            let refusal = Refusal(.pin, "the tools of server `\(settings.server)` are not known: \(why)")
            finish(waiting.own, denial(refusal, modern: waiting.isModern))
        }
    }

    private var parked: [Call] {
        calls.values.filter { if case .listing = $0.state { $0.id != nil && $0.tool == nil } else { false } }.sorted { $0.own < $1.own }
    }
}
