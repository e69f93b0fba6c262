// SPDX-License-Identifier: Apache-2.0
//
// From a request to what the policies say of it, in words and obligations. Pure: no budget, no record, no clock.

internal import Cedar
internal import Events
internal import JSON

/// What the policies say.
struct Judgement {
    var verdict: Cedar.Verdict
    var policies: [String]
    var reason: String
    var errors: [String] = []
    /// Policies that matched and only log.
    var logged: [String] = []
    var throttle: Throttle?
    var redactions: [String] = []
    var raise: Int64?

    /// As records name them.
    var obligations: [String] {
        var list = redactions.map { "redact(\($0))" }
        if let throttle { list.append("throttle(\(throttle.count)/\(throttle.windowMilliseconds)ms)") }
        if let raise { list.append("raise(\(raise))") }
        if verdict == .ask { list.append("ask") }
        return list + logged.map { "log_only(\($0))" }
    }
}

extension Rulebook {
    /// - Parameter context: the asker's with the door's own part.
    /// - Throws: where the context is not what the schema demands of the action.
    func judge(_ request: Request, _ context: JSON.Object, _ entities: inout EntityCache, logOnly: Bool) throws(Misfit) -> Judgement {
        switch judge {
        case .builtIn(let actions):
            let id: String? =
                switch request.action {
                case SystemAction.launch: "launch"
                case SystemAction.connect: "connect"
                case SystemAction.limit: "limit"
                case let action where actions.contains(action): "tools"
                default: nil
                }
            guard let id else {
                return Judgement(verdict: logOnly ? .allow : .deny, policies: [], reason: "no policy permits `\(request.action)`")
            }
            return Judgement(verdict: .allow, policies: ["\(Self.lowestName)#\(id)"], reason: "")
        case .policies(let snapshot, let schema):
            guard let (action, shape) = entities.action(request.action, schema, tools) else {
                return Judgement(verdict: .deny, policies: [], reason: "this session has no action `\(request.action)`")
            }
            let record = try Conversion.record(context, shape)
            let (principal, resource, store) = try entities.entities(request, schema, trusted)
            let asked = Cedar.Request(principal: principal, action: action, resource: resource, context: record)
            let outcome = snapshot.decide(asked, store, logOnly: logOnly)
            return judgement(outcome, snapshot, request)
        }
    }

    private func judgement(_ outcome: Outcome, _ snapshot: PolicySnapshot, _ request: Request) -> Judgement {
        var result = Judgement(verdict: outcome.enforced, policies: outcome.reasons.map(\.string), reason: "")
        if !outcome.errors.isEmpty { result.errors = outcome.errors.map { "\($0.policy): \($0.error)" } }
        if !outcome.logOnly.isEmpty { result.logged = outcome.logOnly.map(\.string) }
        switch outcome.enforced {
        case .deny, .kill:
            if let failed = outcome.failedForbids.first, outcome.reasons.count == outcome.failedForbids.count {
                result.reason = "policy `\(failed)` could not be evaluated, and a forbid that fails denies"
            } else if let first = outcome.reasons.first {
                let said = snapshot.policies.policy(first)?.annotation("reason")?.value?.string
                result.reason = said.flatMap { $0.isEmpty ? nil : $0 } ?? "policy `\(first)` forbids it"
            } else {
                result.reason = "no policy permits `\(request.action)`"
            }
        case .ask:
            result.policies = outcome.asks.map(\.policy.string)
            result.reason = outcome.asks.lazy.map(\.reason.string).first { !$0.isEmpty } ?? "policy `\(outcome.asks.first?.policy.string ?? "")` asks"
        case .allow, .throttle: break
        }
        if outcome.verdict != .deny, outcome.verdict != .kill {
            result.throttle = outcome.throttle
            result.redactions = outcome.redactions.map(\.string)
            result.raise = outcome.raise
        }
        return result
    }
}

/// The entities of each pair of a principal and a resource, and the shape of each action's context, made once: they do not change while a
/// session has its tools.
struct EntityCache {
    /// More pairs than this are made anew.
    static let capacity = 1024

    private struct Key: Hashable {
        let principal: Principal
        let resource: Resource
    }

    private var stores: [Key: (EntityUID, EntityUID, Entities)] = [:]

    private var actions: [String: (EntityUID, ContextShape)] = [:]

    mutating func clear() {
        stores = [:]
        actions = [:]
    }

    /// Nil where the session has no such action: those that it has are as many as its tools.
    mutating func action(_ name: String, _ schema: Schema, _ tools: [ToolShape]) -> (EntityUID, ContextShape)? {
        if let known = actions[name], sameBytes(known.0.id.string, name) { return known }
        let uid = EntityUID(type: Name("Action"), id: Text(name))
        guard let definition = schema.actions[uid] else { return nil }
        // Of all attributes of a context only `input` was made of a tool's schema.
        let declared = tools.first { sameBytes($0.action, name) }.map { tool -> JSON.Value in ["properties": ["input": tool.input]] }
        let found = (uid, ContextShape(definition.context, declared: declared))
        actions[name] = found
        return found
    }

    mutating func entities(_ request: Request, _ schema: Schema, _ trusted: Set<String>) throws(Misfit) -> (
        principal: EntityUID, resource: EntityUID, store: Entities
    ) {
        let key = Key(principal: request.principal, resource: request.resource)
        if let known = stores[key] { return known }
        func uid(_ type: String, _ id: String) -> EntityUID { EntityUID(type: Name(type), id: Text(id)) }
        let who = request.principal
        let user = uid("User", who.user)
        let session = uid("Session", who.session.text)
        let groups = who.groups.map { uid("AgentGroup", $0) }
        let principal = uid("Agent", who.agent)
        var list = [Entity(user), Entity(session), Entity(principal, parents: [user, session] + groups)] + groups.map { Entity($0) }
        let resource: EntityUID
        switch request.resource {
        case .tool(let server, let name):
            let parent = uid("Server", server)
            resource = uid("Tool", "\(server)/\(name)")
            let attributes = Record([.init("trusted", .bool(trusted.contains("\(server)/\(name)")))])
            list += [Entity(parent), Entity(resource, attributes: attributes, parents: [parent])]
        case .endpoint(let name):
            resource = uid("Endpoint", name)
            list.append(Entity(resource))
        case .cell(let name):
            resource = uid("Cell", name)
            list.append(Entity(resource))
        }
        let store: Entities
        do throws(CedarError) { store = try Entities(list + schema.actionEntities) } catch {
            throw Misfit(path: "principal or resource", problem: error.message)
        }
        if stores.count >= Self.capacity { stores = [:] }
        stores[key] = (principal, resource, store)
        return (principal, resource, store)
    }
}

extension Rulebook {
    /// Whether there is any context in which the action could be permitted; when in doubt, yes.
    func mayAllow(_ request: Request, _ entities: inout EntityCache, logOnly: Bool) -> Bool {
        switch judge {
        case .builtIn(let actions): return logOnly || actions.contains(request.action)
        case .policies(let snapshot, let schema):
            let action = EntityUID(type: Name("Action"), id: Text(request.action))
            guard schema.actions[action] != nil else { return false }
            guard let (principal, resource, store) = try? entities.entities(request, schema, trusted) else { return true }
            return snapshot.mayAllow(principal: principal, action: action, resource: resource, store, logOnly: logOnly)
        }
    }

    /// What these policies say of a question that was recorded: `allow`, `throttle`, `ask`, `deny`, `kill`, and which of them said so.
    public func judged(_ request: Request) -> (word: String, policies: [String], reason: String) {
        guard let context = request.context.asObject else { return ("deny", [], "the context is no object") }
        var cache = EntityCache()
        do throws(Misfit) {
            let judgement = try judge(request, context, &cache, logOnly: false)
            return (judgement.verdict.rawValue, judgement.policies, judgement.reason)
        } catch {
            return ("deny", [], "`\(error.path)` of `\(request.action)` \(error.problem)")
        }
    }
}
