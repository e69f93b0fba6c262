// SPDX-License-Identifier: Apache-2.0
//
// What a policy names, against what the schema declares: entity types, actions, ids of enumerated types, and whether
// some action of the scope takes a principal and a resource of the scope.

struct ScopeCheck {
    let schema: Schema
    let policy: Policy

    private func error(
        _ kind: ValidationFinding.Kind, _ message: String, at span: SourceSpan, help: String?
    ) -> ValidationFinding {
        ValidationFinding(kind, .error, policy: policy.id, message, at: span, help: help)
    }

    // MARK: Names

    /// All names of the policy that the schema lacks, wherever they stand.
    func names(in arena: ConditionArena) -> [ValidationFinding] {
        var findings: [ValidationFinding] = []
        for reference in policy.action.references { findings += self.entity(reference.uid, reference.span) }
        for node in arena.nodes {
            guard findings.count < TypeChecker.maximumFindings else { break }
            switch node.kind {
            case .literal(.entity(let uid)): findings += entity(uid, node.span)
            case .isType(_, let type): findings += self.type(type, node.span)
            default: break
            }
        }
        var seen: Set<ValidationFinding> = []
        return findings.filter { seen.insert($0).inserted }
    }

    private func type(_ type: EntityType, _ span: SourceSpan) -> [ValidationFinding] {
        guard !schema.knows(type) else { return [] }
        let known = schema.entityTypes.keys.map(\.description).sorted()
        return [
            error(
                .unknownEntityType, "entity type `\(type)` is not in the schema", at: span,
                help: Suggestion.help(for: type.description, among: known)
                    ?? known.first { Name($0).base == type.base }.map { "did you mean `\($0)`?" })
        ]
    }

    private func entity(_ uid: EntityUID, _ span: SourceSpan) -> [ValidationFinding] {
        if uid.type.isAction {
            guard schema.actions[uid] == nil else { return [] }
            return [
                error(
                    .unknownAction, "action `\(uid)` is not in the schema", at: span, help: Self.help(uid, schema))
            ]
        }
        guard let definition = schema.entityTypes[uid.type] else { return type(uid.type, span) }
        guard let ids = definition.ids, !definition.allows(uid.id) else { return [] }
        let shown = ids.prefix(8).map { Escape.quoted($0) }.joined(separator: ", ")
        return [
            error(
                .unknownID, "`\(uid)` does not exist: entity type `\(uid.type)` is enumerated", at: span,
                help: "its ids are \(shown)\(ids.count > 8 ? ", .." : "")")
        ]
    }

    private static func help(_ uid: EntityUID, _ schema: Schema) -> String? {
        if let other = schema.actionOrder.first(where: { $0.id == uid.id }) { return "did you mean `\(other)`?" }
        let near = Suggestion.nearest(to: uid.id.string, among: schema.actionOrder.lazy.map(\.id.string))
        return near.flatMap { near in schema.actionOrder.first { $0.id == Text(near) } }
            .map { "did you mean `\($0)`?" }
    }

    /// The types of the entities a link fills slots with.
    func linkedTypes() -> [ValidationFinding] {
        guard let link = policy.link else { return [] }
        return link.values.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { slot, uid in
            type(uid.type, .none)
        }
    }

    // MARK: Application

    /// The declared actions the scope lets through; nil for all.
    func actions() -> Set<EntityUID>? {
        switch policy.action {
        case .any: return nil
        case .equal(let reference): return [reference.uid]
        case .in(let reference): return schema.within(reference.uid)
        case .inSet(let references):
            // A list of several types has no type, which every environment can show.
            if Set(references.map(\.uid.type)).count > 1 { return nil }
            return references.reduce(into: []) { $0.formUnion(schema.within($1.uid)) }
        }
    }

    /// An error if no action of the scope takes a principal and a resource of the scope.
    func applicability() -> [ValidationFinding] {
        let principals = types(policy.principal)
        let resources = types(policy.resource)
        func applies(_ uid: EntityUID) -> Bool {
            guard let action = schema.actions[uid] else { return false }
            return action.principals.contains { principals.contains($0, schema) }
                && action.resources.contains { resources.contains($0, schema) }
        }
        func appliesWithin(_ uid: EntityUID) -> Bool {
            applies(uid) || schema.actions[uid]?.descendants.contains(where: applies) == true
        }
        let references = policy.action.references.map(\.uid)
        let isMet: Bool =
            switch policy.action {
            case .any: schema.actionOrder.contains(where: applies)
            case .equal(let reference): applies(reference.uid)
            case .in(let reference): appliesWithin(reference.uid)
            // One unknown action in a list leaves nothing of it, as Cedar has it.
            case .inSet: references.allSatisfy { schema.actions[$0] != nil } && references.contains(where: appliesWithin)
            }
        guard !isMet else { return [] }
        return [
            error(
                .inapplicable, "no action in the scope takes its principal and resource", at: policy.span,
                help: help(references))
        ]
    }

    private func help(_ uids: [EntityUID]) -> String? {
        guard uids.count == 1, let action = schema.actions[uids[0]] else { return nil }
        func list(_ types: [EntityType]) -> String {
            types.isEmpty ? "none" : types.prefix(8).map { "`\($0)`" }.joined(separator: ", ")
        }
        return "`\(action.uid)` takes the principals \(list(action.principals)), the resources \(list(action.resources))"
    }

    /// The entity types a constraint lets through.
    private enum Types {
        case all
        case exactly(EntityType)
        case within(EntityType)
        case typeWithin(EntityType, EntityType)

        func contains(_ type: EntityType, _ schema: Schema) -> Bool {
            switch self {
            case .all: true
            case .exactly(let only): type == only
            case .within(let group): Self.isIn(type, group, schema)
            case .typeWithin(let only, let group): type == only && Self.isIn(type, group, schema)
            }
        }

        private static func isIn(_ type: EntityType, _ group: EntityType, _ schema: Schema) -> Bool {
            type == group || schema.entityTypes[group]?.descendants.contains(type) == true
        }
    }

    private func types(_ constraint: ScopeConstraint) -> Types {
        switch constraint {
        case .any, .equal(.slot), .in(.slot): .all
        case .equal(.entity(let uid, _)): .exactly(uid.type)
        case .in(.entity(let uid, _)): .within(uid.type)
        case .isType(let type, _), .isTypeIn(let type, _, .slot): .exactly(type)
        case .isTypeIn(let type, _, .entity(let uid, _)): .typeWithin(type, uid.type)
        }
    }

    // MARK: Setting aside

    /// A warning if the schema lacks what the scope asks for, so that the policy matches nothing.
    func setAside() -> ValidationFinding? {
        func finding(_ message: String, _ span: SourceSpan, _ help: String?) -> ValidationFinding {
            ValidationFinding(
                .setAside, .warning, policy: policy.id, "\(message): the policy matches nothing and is set aside",
                at: span, help: help)
        }
        let references = policy.action.references
        if !references.isEmpty, references.allSatisfy({ schema.actions[$0.uid] == nil }) {
            let first = references[0]
            return finding("action `\(first.uid)` is not in the schema", first.span, Self.help(first.uid, schema))
        }
        for constraint in [policy.principal, policy.resource] {
            var found: [ValidationFinding] = []
            switch constraint {
            case .isType(let type, let span): found = self.type(type, span)
            case .isTypeIn(let type, let span, _): found = self.type(type, span)
            default: break
            }
            if let uid = constraint.reference?.entity, let span = constraint.reference?.span {
                found += entity(uid, span)
            }
            if let first = found.first { return finding(first.message, first.span ?? .none, first.help) }
        }
        return nil
    }

    /// Takes out of the scope's list the actions that the schema lacks: they match nothing, the others stay.
    func dropUnknownActions(from policy: inout Policy) -> [ValidationFinding] {
        guard case .inSet(let references) = policy.action else { return [] }
        let unknown = references.filter { schema.actions[$0.uid] == nil }
        guard !unknown.isEmpty else { return [] }
        policy.action = .inSet(references.filter { schema.actions[$0.uid] != nil })
        return unknown.map {
            ValidationFinding(
                .unknownAction, .warning, policy: policy.id, "action `\($0.uid)` is not in the schema and matches nothing",
                at: $0.span, help: Self.help($0.uid, schema))
        }
    }
}
