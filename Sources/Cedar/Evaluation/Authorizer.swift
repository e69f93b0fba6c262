// SPDX-License-Identifier: Apache-2.0
//
// From the policies' values to the decision: some permit satisfied and no forbid satisfied. A policy that fails is
// left out and reported (Cedar reference, "Authorization").

public enum Decision: String, Hashable, Sendable {
    case allow, deny
}

/// The answer to a request.
public struct Response: Hashable, Sendable {
    public struct Failure: Hashable, Sendable {
        public let policy: Text
        public let error: EvaluationError

        public init(policy: Text, error: EvaluationError) {
            self.policy = policy
            self.error = error
        }
    }

    public let decision: Decision
    /// The policies that determined it: on deny the satisfied forbids, on allow the satisfied permits; in the set's order.
    public let reasons: [Text]
    /// The policies whose evaluation failed, in the set's order.
    public let errors: [Failure]

    public init(decision: Decision, reasons: [Text], errors: [Failure]) {
        self.decision = decision
        self.reasons = reasons
        self.errors = errors
    }

    init(permits: [Text], forbids: [Text], errors: [Failure]) {
        let allowed = forbids.isEmpty && !permits.isEmpty
        self.init(decision: allowed ? .allow : .deny, reasons: allowed ? permits : forbids, errors: errors)
    }
}

extension PolicySet {
    /// Decides by the plain evaluator, policy by policy.
    public func authorize(_ request: Request, _ entities: Entities) -> Response {
        let evaluator = Evaluator(request, entities)
        var permits: [Text] = []
        var forbids: [Text] = []
        var errors: [Response.Failure] = []
        for policy in policies {
            do {
                guard try evaluator.isSatisfied(policy) else { continue }
                if policy.effect == .permit { permits.append(policy.id) } else { forbids.append(policy.id) }
            } catch {
                errors.append(Response.Failure(policy: policy.id, error: error))
            }
        }
        return Response(permits: permits, forbids: forbids, errors: errors)
    }
}
