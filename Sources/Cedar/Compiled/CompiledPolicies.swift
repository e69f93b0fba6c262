// SPDX-License-Identifier: Apache-2.0
//
// A policy set made ready to decide: immutable, shared by value. It answers exactly as the plain evaluator does; the
// time of a decision depends on the policies that may matter to the request, not on their number.

public struct CompiledPolicies: Sendable {
    /// What the set was made of.
    public let source: PolicySet
    let program: Program
    private let policies: [Compiled]
    private let index: PolicyIndex

    struct Compiled: Sendable {
        let effect: Effect
        let principal: ScopeConstraint
        let action: ActionConstraint
        let resource: ScopeConstraint
        /// Nodes of the conditions, with whether it is a `when`.
        let conditions: [(node: Int32, isWhen: Bool)]
    }

    public init(_ set: PolicySet) {
        source = set
        var builder = ProgramBuilder()
        var compiled: [Compiled] = []
        compiled.reserveCapacity(set.policies.count)
        for policy in set.policies {
            var conditions: [(node: Int32, isWhen: Bool)] = []
            for condition in policy.conditions { conditions.append((builder.add(condition.body), condition.isWhen)) }
            compiled.append(
                Compiled(
                    effect: policy.effect, principal: policy.principal, action: policy.action,
                    resource: policy.resource, conditions: conditions))
        }
        index = PolicyIndex(set.policies, &builder)
        policies = compiled
        program = builder.program
    }

    public var count: Int { policies.count }

    /// More candidates than this and the values of paths are kept.
    private static let manyCandidates = 8

    /// The policies that are satisfied and those that fail, as places in `source.policies`, ascending.
    struct Matches {
        var satisfied: [Int32] = []
        var failed: [(policy: Int32, error: EvaluationError)] = []
    }

    /// Decides as Cedar does.
    public func authorize(_ request: Request, _ entities: Entities) -> Response {
        let matches = matches(request, entities)
        var permits: [Text] = []
        var forbids: [Text] = []
        for number in matches.satisfied {
            let id = source.policies[Int(number)].id
            if policies[Int(number)].effect == .permit { permits.append(id) } else { forbids.append(id) }
        }
        var errors: [Response.Failure] = []
        for failure in matches.failed {
            errors.append(Response.Failure(policy: source.policies[Int(failure.policy)].id, error: failure.error))
        }
        return Response(permits: permits, forbids: forbids, errors: errors)
    }

    func matches(_ request: Request, _ entities: Entities) -> Matches {
        var run = Run(program, request, entities)
        var matches = Matches()
        let evaluator = Evaluator(request, entities)
        index.candidates(request, entities, &run) { candidates, run in
            if candidates.count > Self.manyCandidates { run.remember() }
            for number in candidates {
                let policy = policies[Int(number)]
                guard evaluator.matches(policy.principal, request.principal), evaluator.matches(policy.action),
                    evaluator.matches(policy.resource, request.resource)
                else { continue }
                do throws(EvaluationError) {
                    if try Self.holds(policy, &run) { matches.satisfied.append(number) }
                } catch {
                    matches.failed.append((number, error))
                }
            }
        }
        // The index may name a policy twice, and names them by key.
        if matches.satisfied.count > 1 {
            matches.satisfied.sort()
            matches.satisfied = Self.unique(matches.satisfied) { $0 }
        }
        if matches.failed.count > 1 {
            matches.failed.sort { $0.policy < $1.policy }
            matches.failed = Self.unique(matches.failed, \.policy)
        }
        return matches
    }

    private static func unique<Element>(_ sorted: [Element], _ number: (Element) -> Int32) -> [Element] {
        var last: Int32 = -1
        return sorted.filter { element in
            defer { last = number(element) }
            return number(element) != last
        }
    }

    private static func holds(_ policy: Compiled, _ run: inout Run) throws(EvaluationError) -> Bool {
        for condition in policy.conditions where try run.bool(condition.node) != condition.isWhen { return false }
        return true
    }
}
