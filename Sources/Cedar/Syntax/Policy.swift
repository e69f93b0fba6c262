// SPDX-License-Identifier: Apache-2.0
//
// A policy as it is written: annotations, effect, scope, conditions. The same structure is a template while a slot
// is left in its scope; `Template.link` fills the slots and gives a policy.

public enum Effect: String, Hashable, Sendable {
    case permit, forbid
}

/// A slot of a template.
public enum Slot: String, Hashable, Sendable, CaseIterable {
    case principal = "?principal"
    case resource = "?resource"
}

/// `@key("value")` or `@key`.
public struct Annotation: Sendable {
    public let key: Text
    /// nil where the annotation has no parentheses; it then means the empty string.
    public let value: Text?
    public let span: SourceSpan

    public init(key: Text, value: Text?, span: SourceSpan = .none) {
        self.key = key
        self.value = value
        self.span = span
    }
}

/// An entity or the slot that stands for one.
public enum EntityReference: Sendable {
    case entity(EntityUID, SourceSpan)
    case slot(SourceSpan)

    public var entity: EntityUID? {
        if case .entity(let uid, _) = self { uid } else { nil }
    }

    public var span: SourceSpan {
        switch self {
        case .entity(_, let span), .slot(let span): span
        }
    }
}

/// What the scope asks of the principal or of the resource.
public enum ScopeConstraint: Sendable {
    case any
    case equal(EntityReference)
    case `in`(EntityReference)
    case isType(EntityType, SourceSpan)
    case isTypeIn(EntityType, SourceSpan, EntityReference)

    public var reference: EntityReference? {
        switch self {
        case .any, .isType: nil
        case .equal(let reference), .in(let reference), .isTypeIn(_, _, let reference): reference
        }
    }

    public var hasSlot: Bool {
        if case .slot = reference { true } else { false }
    }
}

/// What the scope asks of the action. Every entity is of a type named `Action`.
public enum ActionConstraint: Sendable {
    public struct Reference: Sendable {
        public let uid: EntityUID
        public let span: SourceSpan

        public init(_ uid: EntityUID, _ span: SourceSpan = .none) {
            self.uid = uid
            self.span = span
        }
    }

    case any
    case equal(Reference)
    case `in`(Reference)
    /// `in [..]`, also with no element: that matches nothing.
    case inSet([Reference])

    /// All entities it names.
    public var references: [Reference] {
        switch self {
        case .any: []
        case .equal(let reference), .in(let reference): [reference]
        case .inSet(let references): references
        }
    }
}

/// `when { body }` or `unless { body }`.
public struct Condition: Sendable {
    public let isWhen: Bool
    public let body: Expr
    public let span: SourceSpan

    public init(isWhen: Bool, body: Expr, span: SourceSpan = .none) {
        self.isWhen = isWhen
        self.body = body
        self.span = span
    }
}

/// A policy. Its condition is: principal && action && resource constraint && every condition, in this order.
public struct Policy: Sendable {
    public var id: Text
    public var effect: Effect
    /// In the order of the source; keys are unique.
    public var annotations: [Annotation]
    public var principal: ScopeConstraint
    public var action: ActionConstraint
    public var resource: ScopeConstraint
    public var conditions: [Condition]
    public var span: SourceSpan
    /// The template and the values it was linked with, for a policy that was made by linking.
    public var link: TemplateLink?

    public init(
        id: Text, effect: Effect, annotations: [Annotation] = [], principal: ScopeConstraint = .any,
        action: ActionConstraint = .any, resource: ScopeConstraint = .any, conditions: [Condition] = [],
        span: SourceSpan = .none, link: TemplateLink? = nil
    ) {
        self.id = id
        self.effect = effect
        self.annotations = annotations
        self.principal = principal
        self.action = action
        self.resource = resource
        self.conditions = conditions
        self.span = span
        self.link = link
    }

    /// The slots of the scope.
    public var slots: [Slot] {
        (principal.hasSlot ? [.principal] : []) + (resource.hasSlot ? [.resource] : [])
    }

    public func annotation(_ key: Text) -> Annotation? { annotations.first { $0.key == key } }
}

/// How a policy was made from a template.
public struct TemplateLink: Sendable {
    public let template: Text
    public let values: [Slot: EntityUID]

    public init(template: Text, values: [Slot: EntityUID]) {
        self.template = template
        self.values = values
    }
}

/// A policy with at least one slot (or none, where a document says it is a template). It decides nothing by itself.
public struct Template: Sendable {
    public let body: Policy

    public init(_ body: Policy) { self.body = body }

    public var id: Text { body.id }

    /// The policy with its slots filled.
    ///
    /// - Throws: `.data` if the values are not exactly those of the slots.
    public func link(id: Text, _ values: [Slot: EntityUID]) throws(CedarError) -> Policy {
        for slot in body.slots where values[slot] == nil {
            throw CedarError(.data, "the link `\(id)` of template `\(body.id)` lacks a value for `\(slot.rawValue)`")
        }
        for slot in Slot.allCases where values[slot] != nil && !body.slots.contains(slot) {
            throw CedarError(.data, "the link `\(id)` gives `\(slot.rawValue)`, which template `\(body.id)` lacks")
        }
        var policy = body
        policy.id = id
        policy.principal = body.principal.filled(values[.principal])
        policy.resource = body.resource.filled(values[.resource])
        policy.link = TemplateLink(template: body.id, values: values)
        return policy
    }
}

extension ScopeConstraint {
    fileprivate func filled(_ value: EntityUID?) -> ScopeConstraint {
        guard let value else { return self }
        func fill(_ reference: EntityReference) -> EntityReference {
            if case .slot(let span) = reference { .entity(value, span) } else { reference }
        }
        return switch self {
        case .any, .isType: self
        case .equal(let reference): .equal(fill(reference))
        case .in(let reference): .in(fill(reference))
        case .isTypeIn(let type, let span, let reference): .isTypeIn(type, span, fill(reference))
        }
    }
}
