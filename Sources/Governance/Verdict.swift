// SPDX-License-Identifier: Apache-2.0
//
// The door's answers: go, go later, no, or ask a person. What an answer obliges to is part of it.

public import Events

/// What becomes of a request.
public enum Verdict: Sendable {
    case allow(Permit)
    case deny(Refusal)
    /// No, and the cell that asked is to be killed.
    case kill(Refusal)
}

/// What the door says at once.
public enum Decision: Sendable {
    case verdict(Verdict)
    /// A person is to be asked. The call waits under this id, at most until that CLOCK_BOOTTIME; equal calls wait under the same.
    case pending(PendingID, until: Int64, reason: String)
}

/// Calls that wait for a person.
public struct PendingID: Sendable, Hashable, CustomStringConvertible {
    public let number: UInt64
    /// The first call that asked: what people name it by.
    public let call: CallID
    public var description: String { call.text }

    package init(number: UInt64, call: CallID) {
        self.number = number
        self.call = call
    }
}

/// A call that may go, and on what terms. It is settled exactly once.
public struct Permit: Sendable {
    public let call: CallID
    /// The number of its lease in the ledger, where something is reserved.
    public let lease: UInt64?
    /// The policies that permit it.
    public let policies: [String]
    /// Fields of the arguments and the result that nobody but the tool may see.
    public internal(set) var redactions: [String] = []
    /// A new bound, for a crossed limit.
    public internal(set) var raise: Int64?
    /// CLOCK_BOOTTIME before which it must not go; nil for at once.
    public internal(set) var delayUntil: Int64?
    /// What the caller is to be told with the result: that it goes in circles.
    public internal(set) var notes: [String] = []
    /// Of its record. Nothing is done before `Door.standing` says that it is written.
    public let ticket: Ticket

    package init(
        call: CallID, lease: UInt64?, policies: [String], redactions: [String] = [], raise: Int64? = nil, delayUntil: Int64? = nil, notes: [String] = [],
        ticket: Ticket
    ) {
        self.call = call
        self.lease = lease
        self.policies = policies
        self.redactions = redactions
        self.raise = raise
        self.delayUntil = delayUntil
        self.notes = notes
        self.ticket = ticket
    }
}

/// Why not.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case policy, budget, loop, breaker, log, schema, pin, deadline, approval
        case `internal`
    }

    public let kind: Kind
    /// One sentence for people and models, lower case.
    public let reason: String
    /// Those that determined it.
    public internal(set) var policies: [String] = []
    public internal(set) var remedy: String?
    /// Nanoseconds after which the same may be allowed.
    public internal(set) var retryAfter: Int64?

    public init(_ kind: Kind, _ reason: String, policies: [String] = [], remedy: String? = nil, retryAfter: Int64? = nil) {
        self.kind = kind
        self.reason = reason
        self.policies = policies
        self.remedy = remedy
        self.retryAfter = retryAfter
    }

    public var description: String { remedy.map { "\(reason)\nhelp: \($0)" } ?? reason }
}

/// How a permitted call ended.
public enum CallEnd: Sendable, Hashable {
    /// - Parameter result: its bytes without what differs each time (ids, times), for telling that nothing progresses.
    case answered(result: [UInt8], isError: Bool)
    /// The tool failed: it ended, it said nothing in time.
    case failed(String)
    case cancelled
    /// It never left us: nothing was spent.
    case notForwarded(String)
}

/// A person's yes to one exact call.
public struct Approval: Sendable, Hashable {
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        /// This call and no other, once.
        case once
        /// The same call, as often as this session makes it.
        case session
        /// Every call of this tool in this session.
        case tool
    }

    /// SHA-256 of the canonical call that was shown, 64 digits.
    public let digest: String
    public let scope: Scope
    /// Who said so.
    public let by: String
    /// CLOCK_BOOTTIME after which it counts no more.
    public let expires: Int64

    public init(digest: String, scope: Scope = .once, by: String, expires: Int64) {
        self.digest = digest
        self.scope = scope
        self.by = by
        self.expires = expires
    }
}
