// SPDX-License-Identifier: Apache-2.0
//
// The door as the exchange sees it: a question, a decision, a record that must be on disk first, and exactly one settlement for each call
// that was allowed. The exchange never decides anything itself; what it refuses on its own (a malformed argument, a tool that changed) it
// tells the door.

public import Events
public import Governance

/// Nanoseconds of CLOCK_BOOTTIME.
public typealias Instant = Int64

/// Who answers. Called on the one thread that owns the exchange; never waits.
public protocol Judge: AnyObject {
    func decide(_ request: Request, at now: Instant) -> Decision
    /// Whether the record of an allowed call is on disk. It is not passed on before.
    func standing(of permit: Permit) -> Standing
    /// What time brings: the verdicts of pending calls that nobody answered.
    func tick(at now: Instant) -> [(call: CallID, verdict: Verdict)]
    /// When ``tick(at:)`` has something to do; nil while nothing waits.
    var nextDeadline: Instant? { get }
    /// A pending call whose answer nobody waits for any more.
    func withdraw(_ call: CallID, because reason: String, at now: Instant)
    /// Once for each call that was allowed, also where it was pending first.
    func settle(_ call: CallID, usage: [Cost], end: CallEnd, at now: Instant)
    /// What a running call has spent so far: more is reserved for it. - Returns: why it is to be stopped.
    func spent(_ call: CallID, _ usage: [Cost], at now: Instant) -> Refusal?
    /// The exchange refused a call on its own.
    func refused(_ request: Request, _ refusal: Refusal, at now: Instant)
    /// Whether there are arguments with which the tool could be allowed; when in doubt, yes.
    func mayAllow(_ action: String, _ resource: Resource, for principal: Principal) -> Bool
    /// The tools of the server that may be used, from now on.
    func learn(_ tools: [ToolShape], at now: Instant)
}

extension Refusal {
    /// As the client reads it.
    var text: String {
        let by = policies.isEmpty ? "" : " by policy " + policies.map { "`\($0)`" }.joined(separator: ", ")
        let wait = retryAfter.map { "; again in \(($0 + 999_999_999) / 1_000_000_000) s" } ?? ""
        return "denied\(by): \(reason)\(wait)" + (remedy.map { "; \($0)" } ?? "")
    }
}
