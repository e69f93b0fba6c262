// SPDX-License-Identifier: Apache-2.0
//
// What looks wrong in policies that are valid one by one: permits that a forbid always overrides, conditions that
// contradict themselves, text that looks like what it is not. Warnings, by what is written alone: they find the plain
// cases and never claim one that is not there.

struct StaticChecks {
    let schema: Schema

    private struct Entry {
        let policy: Policy
        /// The shapes of all conjuncts of the conditions.
        let conjuncts: Set<ConditionArena.Shape>
    }

    func findings(_ policies: [Policy]) -> [ValidationFinding] {
        var arena = ConditionArena()
        var permits: [Entry] = []
        var forbids: [Entry] = []
        var findings: [ValidationFinding] = []
        for policy in policies {
            // A condition that is too deep has been reported.
            guard let conditions = try? arena.add(conditionsOf: policy) else { continue }
            let conjuncts = conditions.flatMap { Self.conjuncts($0, arena) }
            if let finding = Self.contradiction(policy, conjuncts, arena) { findings.append(finding) }
            let entry = Entry(policy: policy, conjuncts: Set(conjuncts.map { arena.shape($0) }))
            if policy.effect == .permit { permits.append(entry) } else { forbids.append(entry) }
        }
        return findings + shadowed(permits, by: forbids)
    }

    private static func conjuncts(_ index: ConditionArena.Index, _ arena: ConditionArena) -> [ConditionArena.Index] {
        if case .and(let parts) = arena[index].kind { return parts.flatMap { conjuncts($0, arena) } }
        return [index]
    }

    // MARK: Contradictions

    private static func contradiction(
        _ policy: Policy, _ conjuncts: [ConditionArena.Index], _ arena: ConditionArena
    ) -> ValidationFinding? {
        func finding(_ index: ConditionArena.Index) -> ValidationFinding {
            ValidationFinding(
                .impossible, .warning, policy: policy.id, "this contradicts another condition: the policy is never true",
                at: arena[index].span)
        }
        let shapes = Set(conjuncts.map { arena.shape($0) })
        var values: [ConditionArena.Shape: Literal] = [:]
        for index in conjuncts {
            switch arena[index].kind {
            case .not(let operand) where shapes.contains(arena.shape(operand)): return finding(index)
            case .binary(.equal, let left, let right):
                for (place, value) in [(left, right), (right, left)] {
                    guard case .literal(let literal) = arena[value].kind else { continue }
                    if let other = values.updateValue(literal, forKey: arena.shape(place)), other != literal {
                        return finding(index)
                    }
                }
            default: break
            }
        }
        return nil
    }

    // MARK: Shadowed permits

    /// What a forbid is filed under: an action it names (nil: any) and one of its conjuncts (-1: it has none). A permit it
    /// shadows is found under one of its own actions and conjuncts.
    private struct Key: Hashable {
        let action: EntityUID?
        let conjunct: ConditionArena.Shape
    }

    private func shadowed(_ permits: [Entry], by forbids: [Entry]) -> [ValidationFinding] {
        var filed: [Key: [Entry]] = [:]
        // A forbid that only logs denies nothing.
        for forbid in forbids where forbid.policy.annotation("log_only") == nil {
            let conjunct = forbid.conjuncts.min() ?? -1
            let actions: [EntityUID?] =
                if case .any = forbid.policy.action { [nil] } else { forbid.policy.action.references.map(\.uid) }
            for action in Set(actions) {
                filed[Key(action: action, conjunct: conjunct), default: []].append(forbid)
            }
        }
        guard !filed.isEmpty else { return [] }
        return permits.compactMap { permit in
            guard let forbid = shadow(permit, filed) else { return nil }
            return ValidationFinding(
                .shadowed, .warning, policy: permit.policy.id,
                "the permit has no effect: forbid `\(forbid.policy.id)` denies all that it permits", at: permit.policy.span,
                help: "narrow the forbid, or remove the permit")
        }
    }

    private func shadow(_ permit: Entry, _ filed: [Key: [Entry]]) -> Entry? {
        // A forbid covers a list of actions only if it covers its first.
        var actions: [EntityUID?] = [nil]
        if let first = permit.policy.action.references.first?.uid {
            actions.append(first)
            actions += schema.actions[first].map { $0.ancestors.sorted() } ?? []
        }
        for conjunct in [-1] + permit.conjuncts.sorted() {
            for action in actions {
                for forbid in filed[Key(action: action, conjunct: conjunct)] ?? [] where covers(forbid, permit) {
                    return forbid
                }
            }
        }
        return nil
    }

    /// Whether the first is true whenever the second is.
    private func covers(_ wide: Entry, _ narrow: Entry) -> Bool {
        wide.conjuncts.isSubset(of: narrow.conjuncts)
            && Self.covers(wide.policy.principal, narrow.policy.principal)
            && Self.covers(wide.policy.resource, narrow.policy.resource)
            && covers(wide.policy.action, narrow.policy.action)
    }

    private static func covers(_ wide: ScopeConstraint, _ narrow: ScopeConstraint) -> Bool {
        let named = narrow.reference?.entity
        switch wide {
        case .any: return true
        case .equal(let reference):
            guard case .equal = narrow else { return false }
            return named != nil && named == reference.entity
        case .in(let reference): return named != nil && named == reference.entity
        case .isType(let type, _):
            switch narrow {
            case .equal: return named?.type == type
            case .isType(let other, _), .isTypeIn(let other, _, _): return other == type
            case .any, .in: return false
            }
        case .isTypeIn(let type, _, let reference):
            guard named != nil, named == reference.entity else { return false }
            switch narrow {
            case .equal: return named?.type == type
            case .isTypeIn(let other, _, _): return other == type
            case .any, .in, .isType: return false
            }
        }
    }

    private func covers(_ wide: ActionConstraint, _ narrow: ActionConstraint) -> Bool {
        if case .any = wide { return true }
        let references = narrow.references.map(\.uid)
        guard !references.isEmpty else { return false }
        if case .equal(let only) = wide {
            guard references.allSatisfy({ $0 == only.uid }) else { return false }
            if case .equal = narrow { return true }
            return schema.actions[only.uid]?.descendants.isEmpty == true
        }
        let groups = Set(wide.references.map(\.uid))
        return references.allSatisfy { uid in
            groups.contains(uid) || schema.actions[uid].map { !groups.isDisjoint(with: $0.ancestors) } == true
        }
    }

    // MARK: Text

    /// Text whose order on a screen is not that of its characters.
    static func misleadingText(_ policy: Text, _ arena: ConditionArena) -> [ValidationFinding] {
        arena.nodes.compactMap { node in
            let text: Text
            switch node.kind {
            case .literal(.string(let value)): text = value
            case .literal(.entity(let uid)): text = uid.id
            case .attribute(_, let name), .has(_, let name, _): text = name
            default: return nil
            }
            guard let mark = text.string.unicodeScalars.first(where: isDirectionMark) else { return nil }
            return ValidationFinding(
                .misleadingText, .warning, policy: policy,
                "the text holds U+\(String(mark.value, radix: 16, uppercase: true)), which changes the order in which it is shown",
                at: node.span, help: "write it as an escape, `\\u{\(String(mark.value, radix: 16))}`, if it is meant")
        }
    }

    private static func isDirectionMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
