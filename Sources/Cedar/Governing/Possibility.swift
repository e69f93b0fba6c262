// SPDX-License-Identifier: Apache-2.0
//
// Whether any context at all could make a request allowed: what a list of tools is filtered by. Conditions are evaluated as far as they go
// without the context; what depends on it counts as possible. An over-approximation: "no" is certain, "yes" is not.

extension PolicySnapshot {
    /// Sets of more policies are not looked through: every tool counts as possible.
    public static let mostPoliciesLookedThrough = 1024

    /// - Parameter logOnly: whether the whole engine only logs.
    public func mayAllow(
        principal: EntityUID, action: EntityUID, resource: EntityUID, _ entities: Entities, logOnly: Bool = false
    ) -> Bool {
        let policies = active.source.policies
        guard !logOnly, policies.count <= Self.mostPoliciesLookedThrough else { return true }
        let request = Request(principal: principal, action: action, resource: resource, context: Record([]))
        let evaluator = Evaluator(request, entities)
        var isPermitted = false
        for policy in policies where Evaluator.isInScope(policy, request, entities) && policy.annotation("log_only") == nil {
            let results = Results(of: policy, evaluator)
            switch policy.effect {
            case .forbid: if !results.mayBeFalse, mode == .strict || !results.mayFail { return false }
            case .permit: isPermitted = isPermitted || results.mayBeTrue
            }
        }
        return isPermitted
    }
}

/// What an expression may come to, over all contexts.
private struct Results {
    var mayBeTrue = false
    var mayBeFalse = false
    var mayFail = false

    static let any = Results(mayBeTrue: true, mayBeFalse: true, mayFail: true)

    init(mayBeTrue: Bool = false, mayBeFalse: Bool = false, mayFail: Bool = false) {
        (self.mayBeTrue, self.mayBeFalse, self.mayFail) = (mayBeTrue, mayBeFalse, mayFail)
    }

    /// Whether all its conditions hold.
    init(of policy: Policy, _ evaluator: Evaluator) {
        self.init(all: policy.conditions.map { $0.isWhen ? Results(of: $0.body, evaluator) : Results(of: $0.body, evaluator).negated })
    }

    init(of expr: Expr, _ evaluator: Evaluator) {
        switch expr.kind {
        case .and(let operands): self.init(all: operands.map { Results(of: $0, evaluator) })
        case .or(let operands): self = Results(all: operands.map { Results(of: $0, evaluator).negated }).negated
        case .not(let operand): self = Results(of: operand, evaluator).negated
        case .conditional(let test, let then, let otherwise):
            let test = Results(of: test, evaluator)
            self.init(mayFail: test.mayFail)
            if test.mayBeTrue { add(Results(of: then, evaluator)) }
            if test.mayBeFalse { add(Results(of: otherwise, evaluator)) }
        default:
            if Self.readsContext(expr) {
                self = .any
            } else {
                do throws(EvaluationError) {
                    let value = try evaluator.evaluate(expr).asBool(expr.span)
                    self.init(mayBeTrue: value, mayBeFalse: !value)
                } catch { self.init(mayFail: true) }
            }
        }
    }

    /// One after another, until one is false or fails.
    private init(all parts: [Results]) {
        self.init(mayBeTrue: true)
        for part in parts where mayBeTrue {
            mayBeFalse = mayBeFalse || part.mayBeFalse
            mayFail = mayFail || part.mayFail
            mayBeTrue = part.mayBeTrue
        }
    }

    private var negated: Results { Results(mayBeTrue: mayBeFalse, mayBeFalse: mayBeTrue, mayFail: mayFail) }

    private mutating func add(_ other: Results) {
        mayBeTrue = mayBeTrue || other.mayBeTrue
        mayBeFalse = mayBeFalse || other.mayBeFalse
        mayFail = mayFail || other.mayFail
    }

    private static func readsContext(_ expr: Expr) -> Bool {
        if case .variable(.context) = expr.kind { return true }
        return expr.kind.children.contains(where: readsContext)
    }
}
