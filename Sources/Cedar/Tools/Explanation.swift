// SPDX-License-Identifier: Apache-2.0
//
// Why a request was decided as it was: for each policy whether it matched, and if not, by what: the parts of its scope that
// the request misses, or its first conjunct that does not hold, with the values found. From these, what would allow the
// request. It evaluates by the plain evaluator and never decides: the outcome is the snapshot's.

public import JSON

/// What kept one policy from matching, or that nothing did.
public struct PolicyAccount: Sendable {
    public enum Status: Sendable {
        /// Scope and conditions hold.
        case matched
        /// Its evaluation failed.
        case failed(EvaluationError)
        /// The scope asks for another request: what it asks for, and what the request has.
        case outside([ScopeMiss])
        /// The scope holds; these conjuncts do not, the first of them decided. `passed` of `total` hold.
        case unmet([UnmetConjunct], passed: Int, total: Int)
        /// The schema keeps it from matching anything.
        case setAside
    }

    public struct ScopeMiss: Sendable {
        public let variable: String
        /// As a policy would write it: `principal in AgentGroup::"clerks"`.
        public let wanted: String
        public let found: EntityUID
    }

    public let id: Text
    public let effect: Effect
    /// Whether it only logs.
    public let logsOnly: Bool
    public let status: Status

    public var isMatched: Bool { if case .matched = status { true } else { false } }
}

/// A conjunct that does not hold.
public struct UnmetConjunct: Sendable {
    public struct Found: Sendable {
        public let expression: String
        /// The value as an expression of the language, or why there is none.
        public let value: String
    }

    /// The source text, as written.
    public let text: String
    /// Whether it stands in an `unless`: it holds, and should not.
    public let isNegated: Bool
    public let found: [Found]
    /// Why it has no value; only a conjunct after the first can fail.
    public let failure: String?
}

/// The whole account of one request.
public struct Explanation: Sendable {
    public let outcome: Outcome
    /// In the order of the set.
    public let accounts: [PolicyAccount]
    /// What would allow the request, one sentence each; empty where it is allowed.
    public let advice: [String]
    private let places: PolicyPlaces

    public init(_ snapshot: PolicySnapshot, places: PolicyPlaces, _ request: Request, _ entities: Entities) {
        outcome = snapshot.decide(request, entities)
        self.places = places
        let explainer = Explainer(request: request, entities: entities, places: places)
        accounts = snapshot.policies.policies.map { policy in
            PolicyAccount(
                id: policy.id, effect: policy.effect, logsOnly: policy.annotation("log_only") != nil,
                status: snapshot.setAside.contains(policy.id) ? .setAside : explainer.status(of: policy))
        }
        advice = Advice(outcome: outcome, accounts: accounts, places: places).sentences
    }

    /// Those that a person wants to see first: matched, failed, then those whose scope holds, nearest first.
    public var near: [PolicyAccount] {
        accounts.filter { if case .unmet = $0.status { true } else { false } }.enumerated().sorted {
            (Advice.distance($0.element), $0.offset) < (Advice.distance($1.element), $1.offset)
        }.map(\.element)
    }

    public func json(_ account: PolicyAccount) -> JSON.Value {
        var members: [JSON.Member] = [
            JSON.Member(name: "policy", value: .string(account.id.string)),
            JSON.Member(name: "place", value: .string(places.place(account.id))),
            JSON.Member(name: "effect", value: .string(account.effect.rawValue)),
            JSON.Member(name: "log_only", value: .bool(account.logsOnly))
        ]
        func add(_ name: String, _ value: JSON.Value) { members.append(JSON.Member(name: name, value: value)) }
        switch account.status {
        case .matched: add("status", "matched")
        case .setAside: add("status", "set_aside")
        case .failed(let error):
            add("status", "failed")
            add("error", .string(error.description))
        case .outside(let misses):
            add("status", "outside")
            add("scope", .array(misses.map { ["wanted": .string($0.wanted), "found": .string($0.found.description)] }))
        case .unmet(let conjuncts, let passed, let total):
            add("status", "unmet")
            add("passed", .integer(Int64(passed)))
            add("total", .integer(Int64(total)))
            add(
                "conjuncts",
                .array(
                    conjuncts.map { conjunct in
                        [
                            "text": .string(conjunct.text), "negated": .bool(conjunct.isNegated),
                            "found": .array(conjunct.found.map { ["expression": .string($0.expression), "value": .string($0.value)] }),
                            "error": conjunct.failure.map { .string($0) } ?? .null
                        ]
                    }))
        }
        return .object(JSON.Object(members))
    }
}

/// Works out the status of policies for one request.
struct Explainer {
    let request: Request
    let entities: Entities
    let places: PolicyPlaces

    func status(of policy: Policy) -> PolicyAccount.Status {
        let misses = misses(policy)
        guard misses.isEmpty else { return .outside(misses) }
        let evaluator = Evaluator(request, entities)
        do throws(EvaluationError) {
            if try evaluator.isSatisfied(policy) { return .matched }
        } catch {
            return .failed(error)
        }
        var unmet: [UnmetConjunct] = []
        let parts = policy.conditions.flatMap { condition in
            Self.conjuncts(condition.body, isWhen: condition.isWhen).map { ($0, condition.isWhen) }
        }
        for (expr, isWhen) in parts {
            var failure: String?
            do throws(EvaluationError) {
                if try evaluator.evaluate(expr).asBool(expr.span) == isWhen { continue }
            } catch {
                failure = String(error.description.prefix { $0 != "\n" })
            }
            unmet.append(
                UnmetConjunct(
                    text: places.text(expr.span, of: policy.id) ?? "a condition", isNegated: !isWhen,
                    found: found(in: expr, evaluator, policy.id), failure: failure))
        }
        return .unmet(unmet, passed: parts.count - unmet.count, total: parts.count)
    }

    /// The parts that must all be true (of a `when`) or all be false (of an `unless`).
    private static func conjuncts(_ expr: Expr, isWhen: Bool) -> [Expr] {
        switch expr.kind {
        case .and(let operands) where isWhen: operands.flatMap { conjuncts($0, isWhen: isWhen) }
        case .or(let operands) where !isWhen: operands.flatMap { conjuncts($0, isWhen: isWhen) }
        default: [expr]
        }
    }

    // MARK: Scope

    private func misses(_ policy: Policy) -> [PolicyAccount.ScopeMiss] {
        var misses: [PolicyAccount.ScopeMiss] = []
        func check(_ variable: String, _ found: EntityUID, _ holds: Bool, _ wanted: String) {
            if !holds { misses.append(PolicyAccount.ScopeMiss(variable: variable, wanted: wanted, found: found)) }
        }
        let nothing = Policy(id: "", effect: .permit)
        var only = nothing
        only.principal = policy.principal
        check("principal", request.principal, Evaluator.isInScope(only, request, entities), policy.principal.written("principal"))
        only = nothing
        only.action = policy.action
        check("action", request.action, Evaluator.isInScope(only, request, entities), policy.action.written)
        only = nothing
        only.resource = policy.resource
        check("resource", request.resource, Evaluator.isInScope(only, request, entities), policy.resource.written("resource"))
        return misses
    }

    // MARK: Values

    /// The values of the paths in an expression, in the order of the text, each once.
    private func found(in expr: Expr, _ evaluator: Evaluator, _ policy: Text) -> [UnmetConjunct.Found] {
        var found: [UnmetConjunct.Found] = []
        func add(_ expr: Expr) {
            guard found.count < Self.mostValues, let text = places.text(expr.span, of: policy),
                !found.contains(where: { sameBytes($0.expression, text) })
            else { return }
            let value: String
            do throws(EvaluationError) {
                value = Self.short(try evaluator.evaluate(expr).description)
            } catch {
                value = String(error.description.prefix { $0 != "\n" })
            }
            found.append(UnmetConjunct.Found(expression: text, value: value))
        }
        func walk(_ expr: Expr) {
            if ProgramBuilder.path(expr) != nil { return add(expr) }
            switch expr.kind {
            case .call(_, let arguments) where ProgramBuilder.constant(expr) == nil && arguments.count > 1: arguments.forEach(walk)
            case .binary(.getTag, let owner, let name):
                add(expr)
                walk(owner)
                walk(name)
            default: expr.kind.children.forEach(walk)
            }
        }
        walk(expr)
        return found
    }

    private static let mostValues = 8

    /// At most 200 characters.
    private static func short(_ text: String) -> String {
        text.unicodeScalars.count > 200 ? String(String.UnicodeScalarView(text.unicodeScalars.prefix(197))) + "..." : text
    }
}

extension ScopeConstraint {
    /// As a policy writes it.
    func written(_ variable: String) -> String {
        func entity(_ reference: EntityReference) -> String { reference.entity?.description ?? "?\(variable)" }
        return switch self {
        case .any: variable
        case .equal(let reference): "\(variable) == \(entity(reference))"
        case .in(let reference): "\(variable) in \(entity(reference))"
        case .isType(let type, _): "\(variable) is \(type)"
        case .isTypeIn(let type, _, let reference): "\(variable) is \(type) in \(entity(reference))"
        }
    }
}

extension ActionConstraint {
    /// As a policy writes it.
    var written: String {
        switch self {
        case .any: "action"
        case .equal(let reference): "action == \(reference.uid)"
        case .in(let reference): "action in \(reference.uid)"
        case .inSet(let references): "action in [\(references.map(\.uid.description).joined(separator: ", "))]"
        }
    }
}
