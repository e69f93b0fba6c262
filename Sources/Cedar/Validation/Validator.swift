// SPDX-License-Identifier: Apache-2.0
//
// Validates policies against a schema: what they name must be in it, their scope must be one that some request can
// meet, and their conditions must have types in every request environment they can be evaluated in. A set without an
// error raises no error of type, attribute or tag when it is evaluated on requests and entities of the schema.
// Source: Cedar reference, "Validation".

/// Validates policies against one schema.
public struct Validator: Sendable {
    public let schema: Schema
    /// One environment for all that differ in nothing but the action: enough where no condition looks at it.
    private let distinct: [RequestEnvironment]
    /// For each action a number that is the same for actions with the same context.
    private let contextClasses: [EntityUID: Int]

    public init(schema: Schema) {
        self.schema = schema
        var numbers: [RecordType: Int] = [:]
        var classes: [EntityUID: Int] = [:]
        var seen: Set<EnvironmentKey> = []
        var distinct: [RequestEnvironment] = []
        for uid in schema.actionOrder {
            guard let action = schema.actions[uid] else { continue }
            let number = numbers[action.context] ?? numbers.count
            numbers[action.context] = number
            classes[uid] = number
            for environment in Self.environments(of: action)
            where seen.insert(EnvironmentKey(environment, number)).inserted { distinct.append(environment) }
        }
        contextClasses = classes
        self.distinct = distinct
    }

    private struct EnvironmentKey: Hashable {
        let principal: EntityType
        let resource: EntityType
        let context: Int

        init(_ environment: RequestEnvironment, _ context: Int) {
            principal = environment.principal
            resource = environment.resource
            self.context = context
        }
    }

    private static func environments(of action: Schema.ActionDefinition) -> [RequestEnvironment] {
        action.principals.flatMap { principal in
            action.resources.map { resource in
                RequestEnvironment(
                    principal: principal, action: action.uid, resource: resource, context: action.context)
            }
        }
    }

    /// What there is to say of the policies, templates and links of a set, in their order.
    public func validate(_ policies: PolicySet, mode: ValidationMode) -> [ValidationFinding] {
        var findings: [ValidationFinding] = []
        var setAside: Set<Text> = []
        var groups = Groups()
        for policy in policies.policies {
            let found =
                policy.link == nil ? validate(policy, mode: mode, &groups) : validate(link: policy, mode: mode)
            if found.contains(where: { $0.kind == .setAside }) { setAside.insert(policy.id) }
            findings += found
        }
        for template in policies.templates { findings += validate(template.body, mode: mode, &groups) }
        if mode == .strict {
            let active = policies.policies.filter { !setAside.contains($0.id) }
            findings += StaticChecks(schema: schema).findings(active)
        }
        return findings
    }

    /// What there is to say of one policy or template, for itself.
    public func validate(_ policy: Policy, mode: ValidationMode) -> [ValidationFinding] {
        var groups = Groups()
        return validate(policy, mode: mode, &groups)
    }

    private func validate(_ written: Policy, mode: ValidationMode, _ groups: inout Groups) -> [ValidationFinding] {
        var policy = written
        var findings: [ValidationFinding] = []
        if mode == .strict {
            let scope = ScopeCheck(schema: schema, policy: policy)
            if let finding = scope.setAside() { return [finding] }
            findings += scope.dropUnknownActions(from: &policy)
        }
        let arena: ConditionArena
        let parts: Parts
        do throws(CedarError) {
            (arena, parts) = try Self.write(policy)
        } catch {
            return findings + [
                ValidationFinding(.limit, .error, policy: policy.id, error.message, at: error.span, help: error.help)
            ]
        }
        let scope = ScopeCheck(schema: schema, policy: policy)
        findings += scope.names(in: arena)
        findings += scope.applicability()
        findings += typecheck(policy, arena, parts, isSound: findings.isValid, &groups)
        if mode == .strict { findings += StaticChecks.misleadingText(policy.id, arena) }
        return findings
    }

    /// A linked policy: its template is validated for itself, so only what the link brings is looked at.
    private func validate(link policy: Policy, mode: ValidationMode) -> [ValidationFinding] {
        let scope = ScopeCheck(schema: schema, policy: policy)
        if mode == .strict, let finding = scope.setAside() { return [finding] }
        return scope.linkedTypes() + scope.applicability()
    }

    // MARK: Environments

    /// The conjuncts of a policy: those of the scope but the action's, the action's where its type must be checked, and
    /// the conditions.
    private struct Parts {
        var principal: ConditionArena.Index?
        var action: ConditionArena.Index?
        var resource: ConditionArena.Index?
        var conditions: [ConditionArena.Index] = []

        var all: [ConditionArena.Index] { [principal, action, resource].compactMap { $0 } + conditions }
    }

    private static func write(_ policy: Policy) throws(CedarError) -> (ConditionArena, Parts) {
        var arena = ConditionArena()
        var parts = Parts()
        parts.principal = try arena.add(policy.principal, on: .principal, span: policy.span)
        // The actions of a list of one type are those whose environments are checked, nothing more needs to be
        // known of them; a list of several types has no type.
        if case .inSet(let references) = policy.action, Set(references.map(\.uid.type)).count > 1 {
            parts.action = try arena.add(actionIn: references, span: policy.span)
        }
        parts.resource = try arena.add(policy.resource, on: .resource, span: policy.span)
        parts.conditions = try arena.add(conditionsOf: policy)
        return (arena, parts)
    }

    /// The environments of the groups that policies have named so far, `distinct` ones.
    private typealias Groups = [EntityUID: [RequestEnvironment]]

    /// The environments in which the scope's constraint on the action holds; where no condition looks at the action,
    /// only such as differ in something else.
    private func environments(
        for policy: Policy, mentionsAction: Bool, _ groups: inout Groups
    ) -> [RequestEnvironment] {
        if mentionsAction {
            let allowed = ScopeCheck(schema: schema, policy: policy).actions()
            return schema.actionOrder.lazy.filter { allowed?.contains($0) != false }
                .flatMap { schema.actions[$0].map(Self.environments) ?? [] }
        }
        switch policy.action {
        case .any: return distinct
        case .equal(let reference): return schema.actions[reference.uid].map(Self.environments) ?? []
        case .in(let reference): return environments(in: reference.uid, &groups)
        case .inSet(let references):
            var seen: Set<EnvironmentKey> = []
            return references.flatMap { environments(in: $0.uid, &groups) }
                .filter { seen.insert(EnvironmentKey($0, contextClasses[$0.action] ?? -1)).inserted }
        }
    }

    private func environments(in uid: EntityUID, _ groups: inout Groups) -> [RequestEnvironment] {
        guard let group = schema.actions[uid] else { return [] }
        if group.descendants.isEmpty { return Self.environments(of: group) }
        if let known = groups[uid] { return known }
        var seen: Set<EnvironmentKey> = []
        var result: [RequestEnvironment] = []
        for member in schema.actionOrder where member == uid || group.descendants.contains(member) {
            guard let action = schema.actions[member], let context = contextClasses[member] else { continue }
            result += Self.environments(of: action).filter { seen.insert(EnvironmentKey($0, context)).inserted }
        }
        groups[uid] = result
        return result
    }

    private func typecheck(
        _ policy: Policy, _ arena: ConditionArena, _ parts: Parts, isSound: Bool, _ groups: inout Groups
    ) -> [ValidationFinding] {
        let environments = environments(
            for: policy, mentionsAction: arena.mentionsAction || parts.action != nil, &groups)
        let conjuncts = parts.all
        var isPossible = false
        var findings: [ValidationFinding] = []
        if let first = environments.first {
            var checker = TypeChecker(schema: schema, arena: arena, policy: policy.id, environment: first)
            for environment in environments {
                for principalSlot in slotTypes(policy.principal, environment.principal) {
                    for resourceSlot in slotTypes(policy.resource, environment.resource) {
                        checker.environment = environment
                        checker.environment.principalSlot = principalSlot
                        checker.environment.resourceSlot = resourceSlot
                        if checker.check(conjuncts) != .false { isPossible = true }
                    }
                }
            }
            findings = checker.findings
        }
        if !isPossible, isSound, findings.isEmpty {
            return [
                ValidationFinding(
                    .impossible, .warning, policy: policy.id, "the policy is false for every request", at: policy.span,
                    help: "look at its scope and conditions: something in them can never be true")
            ]
        }
        return findings
    }

    /// The types of the entities that may fill the slot of a constraint; one nil where there is none.
    private func slotTypes(_ constraint: ScopeConstraint, _ type: EntityType) -> [EntityType?] {
        guard constraint.hasSlot else { return [nil] }
        if case .equal = constraint { return [type] }
        let ancestors = schema.entityTypes.values.filter { $0.descendants.contains(type) }.map(\.type)
        return (ancestors.contains(type) ? [] : [type]) + ancestors.sorted()
    }
}
