// SPDX-License-Identifier: Apache-2.0
//
// The door for programs that are not MCP: JSON lines on a socket that a cell inherited, one request, one reply with the same `id`.
//
//   {"id":1,"op":"decide","tool":"server__tool","arguments":{}}   → verdict, policies, obligations, lease; or why not
//   {"id":2,"op":"settle","lease":"k...","usage":{"tokens_out":7}} → {"id":2}
//   {"id":3,"op":"budget"}                                         → {"id":3,"budget":[...]}
//   {"id":4,"op":"log","note":...}                                 → {"id":4}
//
// `call` runs a tool of a session, and there is none here. Whoever asks is the cell; nothing that it says of itself counts. It decides what a
// program does with a yes: the cell holds, this asks. A state machine like Exchange: no descriptors, no clock, no waiting.

public import Events
public import Governance
public import JSON

public struct DoorLinesSettings: Sendable {
    public var principal: Principal
    public var cell: CellID?
    /// Which account pays; nil where nothing is counted.
    public var account: String?
    /// Nanoseconds from a yes to the end of what it was for.
    public var leaseTime: Int64 = 600_000_000_000
    public var seed: UInt32

    public init(principal: Principal, seed: UInt32) {
        self.principal = principal
        self.seed = seed
    }
}

public final class DoorLines {
    /// Every bound with its number.
    public enum Bounds {
        public static let lineBytes = 1 << 20
        public static let depth = 64
        public static let values = 1 << 16
        /// Questions that have no reply yet; while there are so many, no more input is wanted.
        public static let waiting = 64
        /// Leases that are not settled.
        public static let leases = 1024
        public static let waitingBytes = 256 << 10
        /// Of one run.
        public static let notes = 10_000
        public static let noteBytes = 16 << 10
    }

    private enum State {
        case pending
        case delayed(until: Instant, Permit)
        case recording(Permit)
        case open
    }

    private struct Asked {
        let id: RequestID
        var state: State
        /// When it has to have ended.
        let deadline: Instant
    }

    private let settings: DoorLinesSettings
    private let judge: any Judge
    private let budget: (Instant) -> Value
    private let record: (Value, Instant) -> Refusal?
    private var lines = LineReader(limit: Bounds.lineBytes)
    /// Lines for the cell, which the owner writes.
    public var out = Outbox()
    private var asked: [CallID: Asked] = [:]
    private var waiting: Set<RequestID> = []
    private var shapes = SeenTools()
    private var callCount: UInt32 = 0
    private var notes = 0
    private var now: Instant = 0
    /// Set where a policy ends the cell: why.
    public private(set) var kill: Refusal?
    public private(set) var hasEnded = false

    /// - Parameters:
    ///   - budget: what is left of the budget.
    ///   - record: brings a note to the log, or says why not.
    public init(_ settings: DoorLinesSettings, judge: any Judge, budget: @escaping (Instant) -> Value, record: @escaping (Value, Instant) -> Refusal?) {
        self.settings = settings
        self.judge = judge
        self.budget = budget
        self.record = record
    }

    public var wantsInput: Bool { !hasEnded && waiting.count < Bounds.waiting && out.count < Bounds.waitingBytes }

    public func receive(_ bytes: [UInt8], at now: Instant) {
        lines.append(bytes)
        advance(at: now)
    }

    /// Goes on with what was received, and with what waited for the disk.
    public func advance(at now: Instant) {
        self.now = now
        for (call, one) in asked { if case .recording(let permit) = one.state { go(call, permit) } }
        while wantsInput, let line = lines.next() { take(line) }
    }

    /// The cell has closed its end. What it was allowed and did not settle has failed as far as anybody knows.
    public func ended(at now: Instant) {
        guard !hasEnded else { return }
        self.now = now
        hasEnded = true
        for call in asked.keys.sorted(by: { $0.text < $1.text }) { lose(call, "its cell ended") }
        out.drop()
    }

    private func lose(_ call: CallID, _ why: String) {
        guard let one = asked.removeValue(forKey: call) else { return }
        waiting.remove(one.id)
        switch one.state {
        case .pending: judge.withdraw(call, because: why, at: now)
        case .delayed, .recording: judge.settle(call, usage: [], end: .notForwarded(why), at: now)
        case .open: judge.settle(call, usage: [], end: .failed("it was never settled: \(why)"), at: now)
        }
    }

    // Time --------------------------------------------------------------------------------------------------------------

    public var nextDeadline: Instant? {
        var next = judge.nextDeadline ?? .max
        for one in asked.values {
            next = min(next, one.deadline)
            if case .delayed(let until, _) = one.state { next = min(next, until) }
        }
        return next == .max ? nil : next
    }

    public func tick(at now: Instant) {
        self.now = now
        if let due = judge.nextDeadline, now >= due {
            for (call, verdict) in judge.tick(at: now) { follow(verdict, call) }
        }
        for (call, one) in asked {
            if case .delayed(let until, let permit) = one.state, now >= until { go(call, permit) }
            if now >= one.deadline { lose(call, "its time was over") }
        }
        advance(at: now)
    }

    // Requests ----------------------------------------------------------------------------------------------------------

    private struct Wrong: Error {
        let text: String
    }

    private func take(_ line: Line) {
        guard case .text(let bytes) = line else { return complain(.null, "the line is longer than \(Bounds.lineBytes) bytes") }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) { return }
        var options = ParseOptions()
        (options.bytes, options.depth, options.values) = (Bounds.lineBytes, Bounds.depth, Bounds.values)
        let value: Value
        do throws(JSONError) { value = try Value(parsing: bytes, options: options).regular() } catch { return complain(.null, "not JSON: \(error)") }
        guard let id = value["id"].flatMap({ RequestID($0) }) else { return complain(.null, "`id` must be an integer or a string") }
        do throws(Wrong) { try answer(id, value.asObject ?? Object()) } catch { complain(id.value, error.text) }
    }

    private func complain(_ id: Value, _ text: String) { reply(id, [Member(name: "error", value: .string(text))]) }

    private func reply(_ id: Value, _ members: [Member] = []) {
        out.append(line: Value.object(Object([Member(name: "id", value: id)] + members)).serialisedBytes())
    }

    private static let fields: [String: Set<String>] = [
        "decide": ["tool", "arguments"], "call": ["tool", "arguments"], "settle": ["lease", "usage"], "budget": [], "log": ["note"],
    ]

    private func answer(_ id: RequestID, _ request: Object) throws(Wrong) {
        guard let op = request["op"]?.asString else { throw Wrong(text: "`op` must be one of decide, call, settle, budget, log") }
        guard let known = Self.fields[op] else { throw Wrong(text: "unknown op \(Value.string(op).serialised())") }
        if let strange = request.members.first(where: { !known.contains($0.name) && $0.name != "id" && $0.name != "op" }) {
            throw Wrong(text: "unknown field \(Value.string(strange.name).serialised()) of `\(op)`")
        }
        guard !waiting.contains(id) else { throw Wrong(text: "id \(id) is in use by a request that has no reply yet") }
        switch op {
        case "decide": try decide(id, request)
        case "settle": try settle(id, request)
        case "budget": reply(id.value, [Member(name: "budget", value: budget(now))])
        case "log": try note(id, request)
        default: throw Wrong(text: "`call` runs a tool of a session, and this cell is in none; `decide` asks")
        }
    }

    private func decide(_ id: RequestID, _ request: Object) throws(Wrong) {
        guard let tool = request["tool"]?.asString, let (server, name) = SeenTools.parts(of: tool) else {
            throw Wrong(text: "`tool` must be a name such as `agent__search`: a-z, 0-9 and - before the two underscores")
        }
        let arguments = request["arguments"] ?? [:]
        guard let object = arguments.asObject else { throw Wrong(text: "`arguments` must be an object, found \(arguments.kind)") }
        guard asked.count < Bounds.leases else { throw Wrong(text: "more than \(Bounds.leases) leases are not settled") }
        let canonical: [UInt8]
        do throws(JSONError) { canonical = try arguments.canonical() } catch { throw Wrong(text: "`arguments`: \(error)") }
        callCount += 1
        let question = Request(
            call: CallID(seed: settings.seed, count: callCount), cell: settings.cell, principal: settings.principal, action: tool,
            resource: .tool(server: server, name: name), context: ["input": arguments], canonical: canonical,
            estimate: settings.account == nil ? [] : [Cost("calls", 1)], account: settings.account, deadline: now + settings.leaseTime)
        switch shapes.see(server, name, object) {
        case .known: break
        case .new(let tools): judge.learn(tools, at: now)
        case .unseeable(let why):
            let refusal = Refusal(.schema, "policies cannot see all of the arguments: \(why)")
            judge.refused(question, refusal, at: now)
            return deny(id, "deny", refusal)
        }
        let decision = judge.decide(question, at: now)
        asked[question.call] = Asked(id: id, state: .pending, deadline: question.deadline)
        waiting.insert(id)
        if case .verdict(let verdict) = decision { follow(verdict, question.call) }
    }

    private func follow(_ verdict: Verdict, _ call: CallID) {
        guard let one = asked[call] else { return }
        switch verdict {
        case .allow(let permit):
            if let until = permit.delayUntil, until > now {
                asked[call]!.state = .delayed(until: until, permit)
            } else {
                go(call, permit)
            }
        case .deny(let refusal), .kill(let refusal):
            asked[call] = nil
            waiting.remove(one.id)
            if case .kill = verdict {
                kill = kill ?? refusal
                deny(one.id, "kill", refusal)
            } else {
                deny(one.id, "deny", refusal)
            }
        }
    }

    /// A yes is told when its record is on disk.
    private func go(_ call: CallID, _ permit: Permit) {
        guard let one = asked[call] else { return }
        switch judge.standing(of: permit) {
        case .waiting: asked[call]!.state = .recording(permit)
        case .failed(let refusal):
            judge.settle(call, usage: [], end: .notForwarded(refusal.reason), at: now)
            asked[call] = nil
            waiting.remove(one.id)
            deny(one.id, "deny", refusal)
        case .written:
            asked[call]!.state = .open
            waiting.remove(one.id)
            var obligations = Object()
            if !permit.redactions.isEmpty { obligations["redact"] = .array(permit.redactions.map { .string($0) }) }
            var members = [
                Member(name: "verdict", value: "allow"), Member(name: "lease", value: .string(call.text)),
                Member(name: "policies", value: .array(permit.policies.map { .string($0) })), Member(name: "obligations", value: .object(obligations)),
            ]
            if !permit.notes.isEmpty { members.append(Member(name: "notes", value: .array(permit.notes.map { .string($0) }))) }
            reply(one.id.value, members)
        }
    }

    private func deny(_ id: RequestID, _ verdict: String, _ refusal: Refusal) {
        var members = [
            Member(name: "verdict", value: .string(verdict)), Member(name: "cause", value: .string(refusal.kind.rawValue)),
            Member(name: "reason", value: .string(refusal.text)), Member(name: "policies", value: .array(refusal.policies.map { .string($0) })),
        ]
        if let wait = refusal.retryAfter { members.append(Member(name: "retry_after_ms", value: .integer((wait + 999_999) / 1_000_000))) }
        reply(id.value, members)
    }

    private func settle(_ id: RequestID, _ request: Object) throws(Wrong) {
        guard let lease = request["lease"]?.asString.flatMap({ CallID($0) }), let one = asked[lease], case .open = one.state else {
            throw Wrong(text: "`lease` is none that is open")
        }
        let given = request["usage"] ?? [:]
        guard let object = given.asObject else { throw Wrong(text: "`usage` must be an object, found \(given.kind)") }
        let usage: [Cost]
        do throws(ReportedUsage.Fault) { usage = try ReportedUsage.costs(object) } catch { throw Wrong(text: "`usage`: \(error.text)") }
        asked[lease] = nil
        judge.settle(lease, usage: settings.account == nil ? [] : usage, end: .answered(result: [], isError: false), at: now)
        reply(id.value)
    }

    private func note(_ id: RequestID, _ request: Object) throws(Wrong) {
        guard let note = request["note"] else { throw Wrong(text: "`note` is missing") }
        guard notes < Bounds.notes else { throw Wrong(text: "more than \(Bounds.notes) notes of one run") }
        guard note.serialisedBytes().count <= Bounds.noteBytes else { throw Wrong(text: "`note` is longer than \(Bounds.noteBytes) bytes") }
        notes += 1
        if let refusal = record(note, now) { throw Wrong(text: refusal.reason) }
        reply(id.value)
    }
}

extension CallID {
    /// Unique in a session whose askers have different seeds.
    init(seed: UInt32, count: UInt32) {
        var bytes: [UInt8] = []
        for word in [seed, count] { for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) } }
        self = CallID(bytes: bytes)!
    }
}
