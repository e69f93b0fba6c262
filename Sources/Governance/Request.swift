// SPDX-License-Identifier: Apache-2.0
//
// One question to the door, and the time at which it is asked: who wants to do what to which thing, what is known of it, what it may cost.
// Plain values: the same type for a tool call, a launch, a connection and a crossed limit. Source: the entity model of the policy language.

internal import AuditLog
internal import Budget
public import Events
public import JSON

/// One reading of the clocks. The door has none of its own.
public struct Reading: Sendable, Hashable {
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

    /// Later by so many nanoseconds.
    public func after(_ nanoseconds: Int64) -> Reading {
        Reading(boot: boot, bootNanoseconds: bootNanoseconds &+ nanoseconds, wallNanoseconds: wallNanoseconds &+ nanoseconds)
    }

    var instant: Instant { Instant(boot: boot, bootNanoseconds: bootNanoseconds, wallNanoseconds: wallNanoseconds) }
    var moment: Moment {
        let (seconds, rest) = wallNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Moment(boot: boot, bootNanoseconds: bootNanoseconds, wallSeconds: rest < 0 ? seconds - 1 : seconds)
    }
}

/// Who asks: an agent, for a user, in a session. The kernel or the session's file says so, never the agent.
public struct Principal: Sendable, Hashable {
    public let agent: String
    public let user: String
    public let groups: [String]
    public let session: SessionID

    public init(agent: String = "local", user: String, groups: [String] = [], session: SessionID) {
        self.agent = agent
        self.user = user
        self.groups = groups
        self.session = session
    }
}

/// What it is done to.
public enum Resource: Sendable, Hashable {
    case tool(server: String, name: String)
    /// `host:port`.
    case endpoint(String)
    /// The cell's name, not its id: the same in each session.
    case cell(String)

    /// As records and messages name it: `server/name`, `host:port`, the cell's name.
    public var name: String {
        switch self {
        case .tool(let server, let name): "\(server)/\(name)"
        case .endpoint(let name), .cell(let name): name
        }
    }
}

/// The actions that are not a tool's.
public enum SystemAction {
    public static let launch = "sys__launch"
    public static let connect = "sys__connect"
    public static let limit = "sys__limit"
    public static let sample = "llm__sample"
}

/// An amount of a dimension by its name, in its own unit.
public struct Cost: Sendable, Hashable {
    public let dimension: String
    public let amount: Int64
    /// Measured for several calls together, and this is its part.
    public let isShared: Bool

    public init(_ dimension: String, _ amount: Int64, isShared: Bool = false) {
        self.dimension = dimension
        self.amount = amount
        self.isShared = isShared
    }
}

/// One question.
public struct Request: Sendable {
    /// Unique in the session; everything that the call causes is recorded under it.
    public var call: CallID
    public var cell: CellID?
    public var principal: Principal
    /// `server__tool`, or one of `SystemAction`.
    public var action: String
    public var resource: Resource
    /// An object: what the asker knows (`input`, `sandbox`, `provenance`). The door adds `session`, `budget`, `system` and `approval`.
    public var context: Value
    /// What is judged in its canonical form (RFC 8785). Its SHA-256 is the call's digest, to which approvals are bound; kept, redacted.
    public var canonical: [UInt8]?
    /// Reserved in the account and in all above it, or in none.
    public var estimate: [Cost]
    /// Reserved as well, as far as there is anything left: what cannot be known beforehand. `Door.spent` reserves more.
    public var slices: [Cost]
    /// The account that pays; nil where nothing is counted.
    public var account: String?
    /// CLOCK_BOOTTIME by which the call must have ended: its lease ends then, and so does waiting for an answer.
    public var deadline: Int64
    /// Whether the record may still be on its way to the disk when the call goes: for tools that only read.
    public var isFast: Bool

    public init(
        call: CallID, cell: CellID? = nil, principal: Principal, action: String, resource: Resource, context: Value, canonical: [UInt8]? = nil,
        estimate: [Cost] = [], slices: [Cost] = [], account: String? = nil, deadline: Int64, isFast: Bool = false
    ) {
        self.call = call
        self.cell = cell
        self.principal = principal
        self.action = action
        self.resource = resource
        self.context = context
        self.canonical = canonical
        self.estimate = estimate
        self.slices = slices
        self.account = account
        self.deadline = deadline
        self.isFast = isFast
    }

    /// Whether it is a call of a tool: those can loop, fail and be answered.
    var isTool: Bool { if case .tool = resource { true } else { false } }
}
