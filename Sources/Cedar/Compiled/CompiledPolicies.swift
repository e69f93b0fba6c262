// SPDX-License-Identifier: Apache-2.0
//
// A policy set made ready to decide: immutable, shared by reference. It answers exactly as the plain evaluator does; the
// time of a decision depends on the policies that may matter to the request, not on their number.

public struct CompiledPolicies: Sendable {
    let storage: Storage

    /// What the set was made of.
    public var source: PolicySet { storage.source }
    public var count: Int { storage.policies.count }

    final class Storage: Sendable {
        let source: PolicySet
        let program: FrozenProgram
        let policies: [CompiledPolicy]
        let conditions: [CompiledPolicy.Condition]
        let index: PolicyIndex

        init(_ set: PolicySet) {
            source = set
            var builder = ProgramBuilder()
            var policies: [CompiledPolicy] = []
            var conditions: [CompiledPolicy.Condition] = []
            policies.reserveCapacity(set.policies.count)
            for policy in set.policies {
                let start = conditions.count
                for condition in policy.conditions {
                    conditions.append(
                        CompiledPolicy.Condition(node: builder.add(condition.body), isWhen: condition.isWhen))
                }
                policies.append(
                    CompiledPolicy(policy, conditions: start..<conditions.count))
            }
            index = PolicyIndex(set.policies, &builder)
            self.policies = policies
            self.conditions = conditions
            program = FrozenProgram(builder.program)
        }
    }

    public init(_ set: PolicySet) { storage = Storage(set) }

    /// Decides as Cedar does.
    public func authorize(_ request: Request, _ entities: Entities) -> Response {
        let matches = matches(request, entities)
        var permits: [Text] = []
        var forbids: [Text] = []
        for number in matches.satisfied {
            let id = storage.source.policies[Int(number)].id
            if storage.policies[Int(number)].isPermit { permits.append(id) } else { forbids.append(id) }
        }
        var errors: [Response.Failure] = []
        for failure in matches.failed {
            errors.append(
                Response.Failure(policy: storage.source.policies[Int(failure.policy)].id, error: failure.error))
        }
        return Response(permits: permits, forbids: forbids, errors: errors)
    }

    func matches(_ request: Request, _ entities: Entities) -> Matches {
        var decider = Decider(storage, request, entities)
        storage.index.candidates(&decider)
        return decider.finished()
    }
}

/// What the decider needs of a policy, beside its nodes.
struct CompiledPolicy: Sendable {
    struct Condition: Sendable {
        let node: Int32
        let isWhen: Bool
    }

    let isPermit: Bool
    /// Whether the scope asks for anything.
    let isScoped: Bool
    /// Its conditions in the list of all.
    let conditions: Range<Int>

    init(_ policy: Policy, conditions: Range<Int>) {
        isPermit = policy.effect == .permit
        self.conditions = conditions
        if case .any = policy.principal, case .any = policy.action, case .any = policy.resource {
            isScoped = false
        } else {
            isScoped = true
        }
    }
}

/// The policies that are satisfied and those that fail, as places in the set, ascending.
struct Matches {
    var satisfied: [Int32] = []
    var failed: [(policy: Int32, error: EvaluationError)] = []
}

/// One decision under way.
struct Decider {
    private let storage: CompiledPolicies.Storage
    var run: Run
    private var matches = Matches()

    /// More candidates than this and the values of paths are kept.
    private static let manyCandidates = 8

    init(_ storage: CompiledPolicies.Storage, _ request: Request, _ entities: Entities) {
        self.storage = storage
        run = Run(storage.program, request, entities)
    }

    /// Evaluates policies that may matter.
    mutating func visit(_ candidates: [Int32]) {
        if candidates.count > Self.manyCandidates { run.remember() }
        for number in candidates {
            guard !storage.policies[Int(number)].isScoped || isInScope(Int(number)) else { continue }
            do throws(EvaluationError) {
                if try holds(Int(number)) { matches.satisfied.append(number) }
            } catch {
                matches.failed.append((number, error))
            }
        }
    }

    private func isInScope(_ number: Int) -> Bool {
        Evaluator.isInScope(storage.source.policies[number], run.request, run.entities)
    }

    private mutating func holds(_ number: Int) throws(EvaluationError) -> Bool {
        for index in storage.policies[number].conditions {
            let condition = storage.conditions[index]
            if try run.bool(condition.node) != condition.isWhen { return false }
        }
        return true
    }

    /// The index may name a policy twice, and names them by key.
    consuming func finished() -> Matches {
        var matches = matches
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
}
