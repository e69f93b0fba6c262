// SPDX-License-Identifier: Apache-2.0
//
// The plain evaluator: a walk over the tree, nothing cached, nothing skipped. It is the reference that the compiled
// sets are compared with, and what conformance is shown on.

/// Evaluates expressions for one request.
public struct Evaluator {
    let request: Request
    let entities: Entities

    public init(_ request: Request, _ entities: Entities) {
        self.request = request
        self.entities = entities
    }

    /// Whether the policy's scope and all its conditions hold.
    public func isSatisfied(_ policy: Policy) throws(EvaluationError) -> Bool {
        guard Self.isInScope(policy, request, entities) else { return false }
        for condition in policy.conditions {
            let holds = try evaluate(condition.body).asBool(condition.body.span)
            if holds != condition.isWhen { return false }
        }
        return true
    }

    /// Whether the scope holds; it cannot fail. An unfilled slot matches nothing.
    static func isInScope(_ policy: Policy, _ request: Request, _ entities: Entities) -> Bool {
        matches(policy.action, request.action, entities) && matches(policy.principal, request.principal, entities)
            && matches(policy.resource, request.resource, entities)
    }

    private static func matches(_ constraint: ScopeConstraint, _ uid: EntityUID, _ entities: Entities) -> Bool {
        switch constraint {
        case .any: true
        case .equal(let reference): reference.entity == uid
        case .in(let reference): reference.entity.map { entities.isIn(uid, $0) } ?? false
        case .isType(let type, _): uid.type == type
        case .isTypeIn(let type, _, let reference):
            uid.type == type && reference.entity.map { entities.isIn(uid, $0) } ?? false
        }
    }

    private static func matches(_ constraint: ActionConstraint, _ action: EntityUID, _ entities: Entities) -> Bool {
        switch constraint {
        case .any: true
        case .equal(let reference): reference.uid == action
        case .in(let reference): entities.isIn(action, reference.uid)
        case .inSet(let references): references.contains { entities.isIn(action, $0.uid) }
        }
    }

    /// The value of an expression.
    public func evaluate(_ expr: Expr) throws(EvaluationError) -> Value {
        switch expr.kind {
        case .literal(let literal): return literal.value
        case .variable(let variable): return value(variable)
        case .not(let operand): return .bool(!(try evaluate(operand).asBool(operand.span)))
        case .negate(let operand): return try Operators.negate(try evaluate(operand), at: expr.span)
        case .and(let operands):
            for operand in operands where !(try evaluate(operand).asBool(operand.span)) { return .bool(false) }
            return .bool(true)
        case .or(let operands):
            for operand in operands where try evaluate(operand).asBool(operand.span) { return .bool(true) }
            return .bool(false)
        case .conditional(let test, let then, let otherwise):
            return try evaluate(try evaluate(test).asBool(test.span) ? then : otherwise)
        case .binary(let symbol, let left, let right):
            let first = try evaluate(left)
            return try Operators.apply(symbol, first, try evaluate(right), entities, at: expr.span)
        case .attribute(let owner, let name):
            return try Operators.attribute(name, of: try evaluate(owner), entities, at: expr.span)
        case .has(let owner, let path):
            var value = try evaluate(owner)
            for name in path {
                guard let next = try Operators.optionalAttribute(name, of: value, entities, at: expr.span) else {
                    return .bool(false)
                }
                value = next
            }
            return .bool(true)
        case .like(let operand, let pattern):
            return .bool(pattern.matches(try evaluate(operand).asString(operand.span)))
        case .isType(let operand, let type, let ancestor):
            let value = try evaluate(operand)
            guard try value.asEntity(operand.span).type == type else { return .bool(false) }
            guard let ancestor else { return .bool(true) }
            return .bool(try Operators.isIn(value, try evaluate(ancestor), entities, at: expr.span))
        case .isEmpty(let operand): return .bool(try evaluate(operand).asSet(operand.span).isEmpty)
        case .set(let elements): return .set(ValueSet(try all(elements)))
        case .record(let fields):
            var values: [Record.Field] = []
            values.reserveCapacity(fields.count)
            for field in fields { values.append(Record.Field(field.name, try evaluate(field.value))) }
            return .record(Record(values))
        case .call(let function, let arguments): return try function.call(try all(arguments), at: expr.span)
        }
    }

    private func all(_ expressions: [Expr]) throws(EvaluationError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(expressions.count)
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private func value(_ variable: Variable) -> Value {
        switch variable {
        case .principal: .entity(request.principal)
        case .action: .entity(request.action)
        case .resource: .entity(request.resource)
        case .context: .record(request.context)
        }
    }
}

extension Literal {
    var value: Value {
        switch self {
        case .bool(let value): .bool(value)
        case .long(let value): .long(value)
        case .string(let text): .string(text)
        case .entity(let uid): .entity(uid)
        }
    }
}
