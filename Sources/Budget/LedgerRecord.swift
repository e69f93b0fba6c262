// SPDX-License-Identifier: Apache-2.0
//
// Everything that ever changes a ledger, as values: replaying the records of a log in their order restores the ledger exactly. Denials
// change nothing and are no records of this kind. This file holds their form and their JSON; Applying.swift holds what they do.

public import JSON

/// The number of a lease, never used twice in one log.
public struct LeaseID: Sendable, Hashable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public var description: String { "\(number)" }
}

/// The kinds of accounts, from the root down. An account stands below one of its own kind or of a kind before it.
public enum AccountKind: String, Sendable, Hashable, CaseIterable {
    case org, team, project, agent, session, tool
    var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// An account as it is defined.
public struct AccountDefinition: Sendable, Hashable {
    /// 1 to 256 characters, unique in the ledger.
    public let name: String
    public let kind: AccountKind
    /// Nil for a root.
    public let parent: String?
    public let limits: [AccountLimit]

    public init(_ name: String, kind: AccountKind, parent: String? = nil, limits: [AccountLimit] = []) {
        self.name = name
        self.kind = kind
        self.parent = parent
        self.limits = limits
    }
}

/// One change of a ledger.
public struct LedgerRecord: Sendable, Hashable {
    /// An amount under the dimension's record name: `usd_pico` for money, the name itself for the rest. Their order means nothing.
    public struct Entry: Sendable, Hashable {
        public let dimension: String
        public let amount: Int64

        public init(dimension: String, amount: Int64) {
            self.dimension = dimension
            self.amount = amount
        }
    }

    public enum Change: Sendable, Hashable {
        /// The host was booted; leases of earlier boots are dead.
        case boot
        case dimension(Dimension)
        /// Defined, or given other limits.
        case account(AccountDefinition)
        case forget(account: String)
        /// A new lease, or another slice of one that is open. The deadline is in nanoseconds of the record's boot.
        case reserve(lease: LeaseID, account: String, amounts: [Entry], deadline: Int64, holder: String)
        /// `excess` is what was spent above the reservation of a hard dimension: told, not charged.
        case settle(lease: LeaseID, charged: [Entry], excess: [Entry])
        case release(lease: LeaseID)
        case expire(lease: LeaseID, charged: [Entry])
        /// Spent without a lease.
        case charge(account: String, amounts: [Entry])
        /// What is settled in this account is forgotten; nil for all its dimensions.
        case reset(account: String, dimension: String?)
    }

    public let at: Moment
    public let change: Change

    public init(at: Moment, _ change: Change) {
        self.at = at
        self.change = change
    }

    /// `boot`, `dimension`, `account`, `forget`, `reserve`, `settle`, `release`, `expire`, `charge` or `reset`.
    public var kind: String {
        switch change {
        case .boot: "boot"
        case .dimension: "dimension"
        case .account: "account"
        case .forget: "forget"
        case .reserve: "reserve"
        case .settle: "settle"
        case .release: "release"
        case .expire: "expire"
        case .charge: "charge"
        case .reset: "reset"
        }
    }

    /// The lease that it is about; nil for those that are about none.
    public var lease: LeaseID? {
        switch change {
        case .reserve(let lease, _, _, _, _), .settle(let lease, _, _), .release(let lease), .expire(let lease, _): lease
        default: nil
        }
    }
}

extension LedgerRecord {
    /// One object; `init(json:)` gives the record back. Integers beyond 2^53 are strings of digits, so that the canonical form exists.
    public var json: Value {
        var members: [(String, Value)] = [
            ("kind", .string(kind)), ("boot_id", .string(at.boot)), ("boot_ns", .exact(at.bootNanoseconds)), ("wall_s", .exact(at.wallSeconds)),
        ]
        if let lease { members.append(("lease", .exact(Int64(clamping: lease.number)))) }
        switch change {
        case .boot, .release: break
        case .dimension(let dimension): members += dimension.members
        case .account(let account): members += account.members
        case .forget(let account): members.append(("account", .string(account)))
        case .reserve(_, let account, let amounts, let deadline, let holder):
            members += [
                ("account", .string(account)), ("amounts", .amounts(amounts)), ("deadline_ns", .exact(deadline)), ("holder", .string(holder)),
            ]
        case .settle(_, let charged, let excess):
            members.append(("charged", .amounts(charged)))
            if !excess.isEmpty { members.append(("excess", .amounts(excess))) }
        case .expire(_, let charged): members.append(("charged", .amounts(charged)))
        case .charge(let account, let amounts): members += [("account", .string(account)), ("amounts", .amounts(amounts))]
        case .reset(let account, let dimension):
            members.append(("account", .string(account)))
            if let dimension { members.append(("dimension", .string(dimension))) }
        }
        return .sorted(members)
    }

    /// - Throws: `document` with the member that is missing, of another kind, or unknown.
    public init(json: Value) throws(BudgetError) {
        var fields = try Fields(json, "record")
        let kind = try fields.string("kind")
        let at = Moment(
            boot: try fields.string("boot_id"), bootNanoseconds: try fields.integer("boot_ns"), wallSeconds: try fields.integer("wall_s"))
        switch kind {
        case "boot": self.init(at: at, .boot)
        case "dimension": self.init(at: at, .dimension(try Dimension(&fields)))
        case "account": self.init(at: at, .account(try AccountDefinition(&fields)))
        case "forget": self.init(at: at, .forget(account: try fields.string("account")))
        case "reserve":
            self.init(
                at: at,
                .reserve(
                    lease: try fields.lease(), account: try fields.string("account"), amounts: try fields.amounts("amounts"),
                    deadline: try fields.integer("deadline_ns"), holder: try fields.string("holder")))
        case "settle":
            self.init(
                at: at,
                .settle(
                    lease: try fields.lease(), charged: try fields.amounts("charged"),
                    excess: fields.has("excess") ? try fields.amounts("excess") : []))
        case "release": self.init(at: at, .release(lease: try fields.lease()))
        case "expire": self.init(at: at, .expire(lease: try fields.lease(), charged: try fields.amounts("charged")))
        case "charge": self.init(at: at, .charge(account: try fields.string("account"), amounts: try fields.amounts("amounts")))
        case "reset":
            self.init(
                at: at, .reset(account: try fields.string("account"), dimension: fields.has("dimension") ? try fields.string("dimension") : nil))
        default: throw BudgetError(.document(member: "kind", problem: "\(quoted(kind)) is no kind of record"))
        }
        try fields.end()
    }
}
