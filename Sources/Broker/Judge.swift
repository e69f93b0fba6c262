// SPDX-License-Identifier: Apache-2.0
//
// The door as the exchange sees it: a question, a decision, and exactly one settlement for each call that was allowed. The exchange never
// decides anything itself; what it refuses on its own (a malformed argument, a tool that changed) it tells the door.

public import Events
public import JSON

/// Nanoseconds of CLOCK_BOOTTIME.
public typealias Instant = Int64

/// What a question is about.
public enum Resource: Sendable, Hashable {
    case tool(server: String, name: String)
    case endpoint(String)
}

/// One question to the door.
public struct Question: Sendable {
    public var call: CallID
    /// Such as `inventory__query` or `llm__sample`.
    public var action: String
    public var resource: Resource
    /// An object: what the exchange knows (`input`, `provenance`, ...).
    public var context: Value
    /// RFC 8785 bytes of what is judged, which are those that are passed on.
    public var canonical: [UInt8]
    /// What is reserved, by record name.
    public var estimate: [(dimension: String, amount: Int64)]
    /// When the call is over, whatever it does.
    public var deadline: Instant
}

/// A call may go on.
public struct Permit: Sendable, Hashable {
    /// Members to take out of the result, by name.
    public var redact: [String]
    /// The policies that determined it.
    public var policies: [String]
    /// A throttle: not before.
    public var delayUntil: Instant?

    public init(redact: [String] = [], policies: [String] = [], delayUntil: Instant? = nil) {
        self.redact = redact
        self.policies = policies
        self.delayUntil = delayUntil
    }
}

/// A call may not go on.
public struct Refusal: Sendable, Hashable {
    public enum Kind: String, Sendable { case policy, budget, loop, breaker, log, schema, pin, deadline, `internal` }
    public var kind: Kind
    /// One sentence, for people and models.
    public var reason: String
    public var policies: [String]
    public var remedy: String?

    public init(_ kind: Kind, _ reason: String, policies: [String] = [], remedy: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.policies = policies
        self.remedy = remedy
    }

    /// As the client reads it.
    public var text: String {
        let by = policies.isEmpty ? "" : " by policy " + policies.map { "`\($0)`" }.joined(separator: ", ")
        return "denied\(by): \(reason)" + (remedy.map { "; \($0)" } ?? "")
    }
}

public enum Verdict: Sendable {
    case allow(Permit)
    case deny(Refusal)
    /// Denied, and the server's cell ends.
    case kill(Refusal)
}

public enum Decision: Sendable {
    case verdict(Verdict)
    /// Somebody is asked; the answer comes until then, or is a no.
    case pending(until: Instant, reason: String)
}

/// What an allowed call came to.
public enum CallOutcome: String, Sendable {
    case completed
    /// The tool said that it failed, or the server answered with an error.
    case failed
    case cancelled
    case expired
    /// The server was gone before it answered.
    case lost
    /// The server asks for input; the client tries again with a new call.
    case inputRequired
    /// Allowed too late: it never left us.
    case withdrawn
}

/// Who answers. Called on the one thread that owns the exchange; never waits.
public protocol Judge: AnyObject {
    func decide(_ question: Question, at now: Instant) -> Decision
    /// What time brings: the verdicts of pending calls that nobody answered.
    func tick(at now: Instant) -> [(call: CallID, verdict: Verdict)]
    /// When ``tick(at:)`` has something to do; nil while nothing waits.
    var nextDeadline: Instant? { get }
    /// Once for each call that was allowed, also where it was pending first.
    func settle(_ call: CallID, outcome: CallOutcome, bytesIn: Int64, bytesOut: Int64, at now: Instant)
    /// A pending call ended before it was answered. An answer that comes all the same is settled as `withdrawn`.
    func withdraw(_ call: CallID, at now: Instant)
    /// The exchange refused a call on its own.
    func refused(_ question: Question, _ refusal: Refusal, at now: Instant)
    /// Whether there are arguments with which the tool could be allowed; when in doubt, yes.
    func mayAllow(action: String, resource: Resource) -> Bool
}
