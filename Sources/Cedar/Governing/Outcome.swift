// SPDX-License-Identifier: Apache-2.0
//
// From the policies that matched to one verdict, strictest wins: kill > deny > ask > throttle > allow. A pure function
// of the matches; who asks, waits, counts or records is elsewhere.

/// A verdict with what it was made of.
public struct Outcome: Hashable, Sendable {
    public struct Ask: Hashable, Sendable {
        public let policy: Text
        public let reason: Text

        public init(policy: Text, reason: Text) {
            self.policy = policy
            self.reason = reason
        }
    }

    /// What the policies say.
    public let verdict: Verdict
    /// What is to be done: the verdict, or allow where the whole engine only logs.
    public let enforced: Verdict
    /// The policies that determined the verdict: of a deny the forbids (or the forbids that failed), else the permits.
    public let reasons: [Text]
    /// Those whose evaluation failed.
    public let errors: [Response.Failure]
    /// The forbids that failed and therefore deny.
    public let failedForbids: [Text]
    /// The satisfied policies that only log.
    public let logOnly: [Text]
    public let asks: [Ask]
    /// The strictest rate of all.
    public let throttle: Throttle?
    /// The fields to redact, without repetitions.
    public let redactions: [Text]
    /// The smallest new limit.
    public let raise: Int64?
}

extension Outcome {
    /// One matched policy.
    struct Match {
        let id: Text
        let effect: Effect
        let obligations: Obligations
        /// nil if it is satisfied.
        let error: EvaluationError?
    }

    /// Combines what matched.
    ///
    /// - Parameters:
    ///   - failedForbidDenies: whether a forbid that fails denies (the launcher's way) or is left out (Cedar's).
    ///   - logOnly: whether the whole engine only logs.
    init(_ matches: [Match], failedForbidDenies: Bool, logOnly isLogging: Bool) {
        var errors: [Response.Failure] = []
        var failedForbids: [Text] = []
        var logged: [Text] = []
        var forbids: [Match] = []
        var permits: [Match] = []
        for match in matches {
            if let error = match.error {
                errors.append(Response.Failure(policy: match.id, error: error))
                if failedForbidDenies, match.effect == .forbid, !match.obligations.logOnly {
                    failedForbids.append(match.id)
                }
            } else if match.obligations.logOnly {
                logged.append(match.id)
            } else if match.effect == .forbid {
                forbids.append(match)
            } else {
                permits.append(match)
            }
        }
        let isDenied = !forbids.isEmpty || !failedForbids.isEmpty || permits.isEmpty
        let determining = isDenied ? forbids : permits
        let strictest = determining.map { $0.obligations.verdict($0.effect) }.max()
        verdict = isDenied ? max(strictest ?? .deny, .deny) : strictest ?? .deny
        enforced = isLogging ? .allow : verdict
        reasons = determining.map(\.id) + failedForbids
        self.errors = errors
        self.failedForbids = failedForbids
        self.logOnly = logged
        // What comes with a permission has no meaning where there is none.
        let granted = isDenied ? [] : permits
        asks = granted.compactMap { match in match.obligations.ask.map { Ask(policy: match.id, reason: $0) } }
        throttle = granted.compactMap(\.obligations.throttle).reduce(nil) { best, next in
            best.map { next.isStricter(than: $0) ? next : $0 } ?? next
        }
        var fields: [Text] = []
        for field in granted.compactMap(\.obligations.redact) where !fields.contains(field) { fields.append(field) }
        redactions = fields
        raise = granted.compactMap(\.obligations.raise).min()
    }
}
