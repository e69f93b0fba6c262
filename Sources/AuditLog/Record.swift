// SPDX-License-Identifier: Apache-2.0
//
// What a log is made of: who did what, when, and what came of it. One JSON object a record, members sorted, on one line of at most 65,535
// bytes. A record's number is its place in the tree and is not part of it: many processes write, and the lock orders them.

public import Events
public import JSON

/// When something happened, by both clocks.
public struct Instant: Sendable, Hashable {
    /// /proc/sys/kernel/random/boot_id.
    public let boot: String
    /// CLOCK_BOOTTIME.
    public let bootNanoseconds: Int64
    /// Since 1970 in UTC.
    public let wallNanoseconds: Int64

    public init(boot: String, bootNanoseconds: Int64, wallNanoseconds: Int64) {
        self.boot = boot
        self.bootNanoseconds = bootNanoseconds
        self.wallNanoseconds = wallNanoseconds
    }
}

/// One record, before it is written.
public struct Record: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case launch, exit, request, decision, response, denial, rung, kill, policy, pin, approval
        /// Changes of the ledger: LedgerRecord, in `data`.
        case reserve, settle, release, expire, account
        /// Bytes of a torn write were dropped.
        case recovered
        /// The disk refused, and took records again.
        case refused, resumed

        /// Whether it may take of the space that is kept for a full disk: what has happened must be said, what is asked can be denied.
        var isUrgent: Bool {
            switch self {
            case .exit, .kill, .denial, .settle, .release, .expire, .recovered, .refused, .resumed: true
            default: false
            }
        }
    }

    public var kind: Kind
    public var at: Instant
    public var session: SessionID?
    public var cell: CellID?
    public var call: CallID?
    public var principal: String?
    public var tool: String?
    /// Of the canonical arguments, as they were.
    public var argumentsDigest: Digest?
    /// The body in the side store: the canonical, redacted request or result.
    public var body: Digest?
    public var policySet: Digest?
    /// Those that determined the decision.
    public var policies: [String] = []
    public var errors: [String] = []
    public var obligations: [String] = []
    public var lease: UInt64?
    public var latencyNanoseconds: Int64?
    public var outcome: String?
    /// What the kind has to say beyond that.
    public var data: Value?

    public init(_ kind: Kind, at: Instant) {
        self.kind = kind
        self.at = at
    }
}
