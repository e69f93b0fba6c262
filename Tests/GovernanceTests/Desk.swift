// SPDX-License-Identifier: Apache-2.0
// A door with a clock that stands still until it is moved, and a recorder that keeps everything in an array and can be told to refuse.

import AuditLog
import Budget
import Cedar
import Events
import Governance
import JSON

/// Keeps records in the order in which they came.
final class Shelf: Recorder {
    private(set) var records: [AuditLog.Record] = []
    private(set) var bodies: [JSON.Value] = []
    var refusal: LogError?
    /// Whether what was taken is on disk.
    var isFlushed = true

    func append(_ record: AuditLog.Record, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        if let refusal { throw refusal }
        records.append(record)
        return .none
    }

    func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        try append(AuditLog.Record(change, at: at, session: session), isStrict: isStrict)
    }

    func append(body: JSON.Value) throws(LogError) -> AuditLog.Digest? {
        bodies.append(body)
        return AuditLog.Digest(of: body.serialisedBytes())
    }

    func isWritten(_ ticket: Governance.Ticket) throws(LogError) -> Bool {
        if let refusal { throw refusal }
        return isFlushed
    }

    func wait(for ticket: Governance.Ticket, milliseconds: Int) throws(LogError) { if let refusal { throw refusal } }

    /// The kinds and outcomes in order: `decision allow`.
    var story: [String] { records.map { record in record.outcome.map { "\(record.kind.rawValue) \($0)" } ?? record.kind.rawValue } }
}

/// A door with two tools, four accounts above each other, and time.
struct Desk {
    static let tools = [
        ToolShape(
            server: "inventory", name: "query",
            input: [
                "type": "object", "required": ["sql"], "properties": ["sql": ["type": "string"], "limit": ["type": "integer"], "ratio": ["type": "number"]],
            ],
            sideEffect: false),
        ToolShape(
            server: "mail", name: "send",
            input: [
                "type": "object",
                "properties": [
                    "to": ["type": "array", "items": ["type": "string"]], "options": ["type": "object", "properties": ["urgent": ["type": "boolean"]]],
                ],
            ], trusted: true),
    ]

    let door: Door
    let shelf = Shelf()
    var now = Reading(boot: "boot", bootNanoseconds: 1_000_000_000_000, wallNanoseconds: 1_800_000_000_000_000_000)
    private var calls: UInt16 = 0
    static let session = SessionID("s0001")!

    init(_ policies: String? = nil, limits: [AccountLimit] = [], patterns: ToolPatterns = ToolPatterns(), settings: Settings = Settings()) throws {
        let layers = policies.map { [PolicyLayer(name: "p", bytes: Array($0.utf8))] } ?? []
        var ledger = Ledger()
        _ = try ledger.begin(at: Moment(boot: "boot", bootNanoseconds: 1_000_000_000_000, wallSeconds: 1_800_000_000))
        _ = try ledger.define(
            [
                AccountDefinition("org", kind: .org, limits: limits), AccountDefinition("agent", kind: .agent, parent: "org"),
                AccountDefinition("session", kind: .session, parent: "agent"), AccountDefinition("tool", kind: .tool, parent: "session"),
            ], at: Moment(boot: "boot", bootNanoseconds: 1_000_000_000_000, wallSeconds: 1_800_000_000))
        door = try Door(
            session: Self.session, rulebook: try Rulebook(layers: layers, tools: Self.tools, patterns: patterns), ledger: ledger, recorder: shelf,
            settings: settings)
    }

    mutating func pass(_ seconds: Double) { now = now.after(Int64(seconds * 1e9)) }

    /// A call of a tool; each has its own id.
    mutating func request(_ action: String = "inventory__query", _ input: JSON.Value = ["sql": "SELECT 1"], cost: [Cost] = [], seconds: Int64 = 60)
        -> Governance.Request
    {
        calls += 1
        let parts = action.split(separator: "__").map(String.init)
        return Governance.Request(
            call: CallID(bytes: [0, UInt8(calls >> 8), UInt8(truncatingIfNeeded: calls)])!,
            principal: Principal(user: "ann", groups: ["clerks"], session: Self.session),
            action: action, resource: .tool(server: parts[0], name: parts[1]), context: ["input": input], canonical: try? input.canonical(), estimate: cost,
            account: "tool", deadline: now.bootNanoseconds + seconds * 1_000_000_000)
    }

    mutating func launch(_ sandbox: JSON.Value = Self.sandbox()) -> Governance.Request {
        calls += 1
        return Governance.Request(
            call: CallID(bytes: [1, UInt8(calls >> 8), UInt8(truncatingIfNeeded: calls)])!, principal: Principal(user: "ann", session: Self.session),
            action: SystemAction.launch,
            resource: .cell("python3"), context: ["sandbox": sandbox], canonical: try? sandbox.canonical(), deadline: now.bootNanoseconds + 60_000_000_000)
    }

    static func sandbox(network: String = "none", writable: [String] = []) -> JSON.Value {
        [
            "profile": "base", "network": .string(network), "writable": .array(writable.map { .string($0) }), "limits": ["memory_bytes": 1024], "waivers": [],
        ]
    }

    @discardableResult
    mutating func ask(_ request: Governance.Request? = nil) -> Governance.Decision {
        let request = request ?? self.request()
        return door.decide(request, at: now)
    }

    /// Asks and ends it at once.
    @discardableResult
    mutating func call(_ request: Governance.Request? = nil, result: String = "ok", isError: Bool = false, usage: [Cost] = []) -> Governance.Decision {
        let request = request ?? self.request()
        let decision = door.decide(request, at: now)
        if decision.permit != nil { door.settle(request.call, usage: usage, end: .answered(result: Array(result.utf8), isError: isError), at: now) }
        return decision
    }
}

extension Governance.Decision {
    var permit: Governance.Permit? { if case .verdict(.allow(let permit)) = self { permit } else { nil } }

    var refusal: Refusal? {
        switch self {
        case .verdict(.deny(let refusal)), .verdict(.kill(let refusal)): refusal
        default: nil
        }
    }

    var pending: PendingID? { if case .pending(let id, _, _) = self { id } else { nil } }

    /// `allow`, `throttle`, `ask`, `deny`, `kill`.
    var word: String {
        switch self {
        case .verdict(.allow(let permit)): permit.delayUntil == nil ? "allow" : "throttle"
        case .verdict(.deny): "deny"
        case .verdict(.kill): "kill"
        case .pending: "ask"
        }
    }
}
