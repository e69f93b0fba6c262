// SPDX-License-Identifier: Apache-2.0
// How `fumehood run` goes through the door: which policies are in force, what is asked of them, and the records of the run. Composition only:
// Governance decides, Session/LaunchRecords.swift keeps.

import AuditLog
import Budget
import Cedar
import Egress
import Events
import Glibc
import Governance
import JSON
import Linux
import Sandbox
import Session

/// A launch that the door did not permit.
struct LaunchRefused: Error {
    let refusal: Refusal
}

final class Governing {
    let door: Door
    /// nil under `--no-log`.
    let records: LaunchRecords?
    let place: LogPlace?
    let boot: String
    private let agent: String
    private let user: String
    private var groups: [String] = []
    /// The log goes on when this run ends, and others write to it.
    private let isShared: Bool
    private var ticket: Governance.Ticket?
    private let layers: [PolicyLayer]
    private let patterns: ToolPatterns
    /// Nobody knows beforehand which tools there are: patterns may match none of those that were seen.
    private let isOpen: Bool
    /// Nobody wrote a policy: then nothing asks either.
    private let isBuiltIn: Bool
    private var call: CallID?
    private var isConnecting = false
    let session: SessionID
    let cell: CellID

    /// Whether the result record is kept, whoever asked for it.
    var keepsRecords: Bool { records != nil }

    /// - Throws: `LogPlaceError` where there can be no log, `PolicyLoadError` and `PolicyFailure` for policies that do not load: nothing is started then.
    init(_ options: RunOptions, environment: [String: String], user: UInt32, places: Places, session: SessionID, cell: CellID) throws {
        (self.session, self.cell) = (session, cell)
        let folder = options.log.map { Paths.absolute($0, from: places.directory) }
        do {
            place = try LogPlace(environment: environment, user: user, home: places.home, folder: folder)
        } catch {
            guard options.noLog || options.dryRun else { throw error }
            place = nil
        }
        layers = try Governing.layers(named: options.policies, place: place)
        patterns = options.patterns
        // What a server's tools are it says when it runs. Until then one that is never called stands for them, so that rules about tools load.
        let isAsked = options.verb == .mcp || options.govern
        isOpen = options.govern
        let rulebook = try Rulebook(
            layers: layers, tools: isAsked && !layers.isEmpty ? [ToolShape(server: options.serverName, name: "", input: [:])] : [])
        records = options.noLog ? nil : place.map { LaunchRecords($0, secrets: Governing.secrets(options, environment)) }
        var settings = Settings()
        if !isAsked {
            settings.loops = nil
            settings.breaker = nil
        }
        settings.canAsk = environment["CI"] != "true" && records != nil
        settings.clock = { Int64(clamping: Clock.boottime) }
        // Policies that were read for the first time may take a while.
        settings.decisionTime = 1_000_000_000
        let text = (try? Files.text("/proc/sys/kernel/random/boot_id", limit: 100)) ?? "unknown"
        boot = String(text.prefix { $0 != "\n" })
        isBuiltIn = rulebook.layers.isEmpty && patterns == ToolPatterns()
        door = try Door(
            session: session, rulebook: rulebook, ledger: try Governing.ledger(options.budgets, boot: boot), recorder: records ?? NoRecorder() as any Recorder,
            settings: settings)
        agent = options.agent ?? "local"
        self.user = Governing.name(of: user)
        isShared = false
    }

    /// Values that flags pass under a secret's name.
    static func secrets(_ options: RunOptions, _ environment: [String: String]) -> [String] {
        let given =
            options.environment.filter { !$0.contains("=") }.map { ($0, environment[$0] ?? "") }
            + options.environment.compactMap { text in text.firstIndex(of: "=").map { (String(text[..<$0]), String(text[text.index(after: $0)...])) } }
        let known = Redactor()
        return given.filter { known.isSecret(name: $0.0) }.map(\.1)
    }

    /// One cell of a session.
    init(in session: SessionDoor, _ options: RunOptions, groups: [String], cell: CellID) {
        (self.session, self.cell, self.groups) = (session.id, cell, groups)
        (door, records, place, boot, user) = (session.door, session.records, session.place, session.boot, session.user)
        (layers, patterns, isBuiltIn, isOpen) = (session.layers, options.patterns, session.layers.isEmpty, false)
        agent = options.agent ?? "local"
        isShared = true
    }

    /// The machine's policies, the user's, and those that were named: one set.
    static func rulebook(named: [String], place: LogPlace?) throws -> Rulebook { try Rulebook(layers: try layers(named: named, place: place)) }

    static func layers(named: [String], place: LogPlace?) throws -> [PolicyLayer] {
        var layers: [PolicyLayer] = []
        for folder in place?.policyFolders ?? ["/etc/fumehood/policy.d"] where Files.exists(folder) {
            for file in try PolicyFiles.list(folder, ".cedar") { layers.append(PolicyLayer(name: file, bytes: try PolicyFiles.read(file).bytes)) }
        }
        for layer in try PolicyFiles.policies(named) where !layers.contains(where: { sameBytes($0.name, layer.name) }) { layers.append(layer) }
        return layers
    }

    /// The policies in force for tools of a server.
    func rulebook(_ tools: [ToolShape]) throws -> Rulebook {
        do throws(PolicyLoadError) { return try Rulebook(layers: layers, tools: tools, patterns: patterns, isOpen: isOpen) } catch {
            throw PolicyLoadFailure(error.problems)
        }
    }

    /// Whether somebody wrote a policy.
    var hasPolicy: Bool { !layers.isEmpty || patterns != ToolPatterns() }

    var principal: Principal { Principal(agent: agent, user: user, groups: groups, session: session) }

    // MARK: budgets

    /// The account that a session's calls are counted in.
    static let account = "session"

    private static func ledger(_ limits: [AccountLimit], boot: String) throws -> Ledger {
        // Money and tokens are somebody's word.
        var ledger = Ledger(dimensions: Dimension.standard(reported: ["usd", "tokens_in", "tokens_out"]))
        if limits.isEmpty { return ledger }
        let now = Moment(boot: boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallSeconds: Int64(clamping: Clock.wall / 1_000_000_000))
        _ = try ledger.begin(at: now)
        _ = try ledger.define(AccountDefinition(account, kind: .session, limits: limits), at: now)
        return ledger
    }

    /// Of /etc/passwd: a static program has no name service. Bytes, not characters: this is on the way of every launch.
    static func name(of user: UInt32) -> String {
        let wanted = Array(":\(user):".utf8)
        guard let bytes = try? Files.read("/etc/passwd") else { return "\(user)" }
        var line = 0
        while line < bytes.count {
            let end = bytes[line...].firstIndex(of: 0x0a) ?? bytes.count
            // NAME:PASSWORD:NUMBER:...
            if let first = bytes[line..<end].firstIndex(of: 0x3a), let second = bytes[(first + 1)..<end].firstIndex(of: 0x3a),
                bytes[second..<end].starts(with: wanted)
            {
                return String(decoding: bytes[line..<first], as: UTF8.self)
            }
            line = end + 1
        }
        return "\(user)"
    }

    var now: Reading {
        Reading(boot: boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallNanoseconds: Int64(clamping: Clock.wall))
    }

    // MARK: before

    /// Folders of ours that a grant covers are hidden in it; they are made first, so that nothing stands in for them.
    /// - Throws: where a grant names something inside of them.
    func hide(in request: inout CellRequest) throws(UsageError) {
        guard let place else { return }
        let grants = request.rules.filter { ($0.kind == .read || $0.kind == .write) && !$0.builtin }
        if grants.isEmpty { return }
        let running: String? = isShared ? RunningCells.folder : nil
        let granted = grants.flatMap { rule in [rule.path] + ((try? Files.resolve(rule.path)).map { [$0] } ?? []) }
        for path in [place.log, place.configuration, place.state, running].compactMap({ $0 }) {
            let names = [path] + ((try? Files.resolve(path)).map { [$0] } ?? [])
            for name in names {
                if let inside = granted.first(where: { Paths.contains(name, $0) }) {
                    throw UsageError("`\(inside)` cannot be granted: the log, its key and the policies are in no cell", help: nil)
                }
                guard granted.contains(where: { Paths.contains($0, name) }) else { continue }
                if path == running && !Files.exists(path) { continue }
                if records != nil, path != running { try? Storage.makeFolders(path) }
                request.rules.append(.init(.hide, name, origin: "the log, its key and policies", builtin: true))
            }
        }
    }

    /// Asks the door about this launch.
    /// - Throws: `LaunchRefused`, with the denial in the log.
    func decide(_ profile: Profile, _ planned: PlannedCell, command: [String]) throws {
        let context: JSON.Value = ["command": .array(command.map { .string($0) }), "sandbox": Governing.sandbox(profile, planned)]
        let canonical = try? context.canonical()
        let question = request(context, canonical, command)
        let digest = door.approvalDigest(of: question)
        if !isBuiltIn, let place, let approval = Approvals(place, boot: boot).take(digest, at: now.bootNanoseconds) {
            door.admit(approval, session: session, agent: agent, action: SystemAction.launch)
        }
        let decision = door.decide(question, at: now)
        switch decision {
        case .verdict(.allow(let permit)):
            call = permit.call
            ticket = permit.ticket
            if let until = permit.delayUntil { pause(until) }
        case .verdict(.deny(let refusal)), .verdict(.kill(let refusal)):
            try? finish()  // it stands, whether the log takes it or not
            throw LaunchRefused(refusal: refusal)
        case .pending(let id, _, let reason):
            try finish()
            throw LaunchRefused(
                refusal: Refusal(
                    .approval, reason, policies: door.policies(of: id), remedy: "a person may agree with: fumehood approve \(id.call); then run it again"))
        }
    }

    private func request(_ context: JSON.Value, _ canonical: [UInt8]?, _ command: [String]) -> Governance.Request {
        let random = (try? Host.random64()) ?? Clock.wall
        let call = CallID(bytes: (0..<4).map { UInt8(truncatingIfNeeded: random >> ($0 * 8)) })!
        let name = command.first?.split(separator: "/").last.map(String.init) ?? "command"
        return Governance.Request(
            call: call, cell: cell, principal: principal, action: SystemAction.launch, resource: .cell(name),
            context: context, canonical: canonical, deadline: now.bootNanoseconds + 60_000_000_000)
    }

    /// A throttled launch goes later.
    private func pause(_ until: Int64) {
        while now.bootNanoseconds < until { usleep(UInt32(clamping: min(100_000, (until - now.bootNanoseconds) / 1000 + 1))) }
    }

    /// What policies see of a cell.
    static func sandbox(_ profile: Profile, _ planned: PlannedCell) -> JSON.Value {
        var writable: [String] = []
        for entry in planned.spec.view { if case .bind(let source, _, .write, _) = entry { writable.append(source.path) } }
        var limits: [Member] = []
        for limit in Limit.ofProfiles {
            guard let bound = profile.limits[limit] else { continue }
            limits.append(Member(name: limit.unit == "count" ? limit.rawValue : "\(limit.rawValue)_\(limit.unit)", value: .integer(bound)))
        }
        let waivers = Set(profile.waived.map(\.rawValue) + (profile.network == .host ? [Protection.net.rawValue] : []))
        var sandbox: [Member] = [
            Member(name: "limits", value: .object(Object(limits))),
            Member(name: "network", value: .string(profile.endpoints.isEmpty ? profile.network.rawValue : "named")),
            Member(name: "profile", value: .string(profile.name)), Member(name: "waivers", value: .array(waivers.sorted().map { .string($0) })),
            Member(name: "writable", value: .array(writable.sorted().map { .string($0) })),
        ]
        if !profile.endpoints.isEmpty {
            sandbox.insert(Member(name: "endpoints", value: .array(profile.endpoints.map(\.text).sorted().map { .string($0) })), at: 0)
        }
        return .object(Object(sandbox))
    }

    /// The launch's record is on disk when this returns. Called while the cell is being built.
    func recordLaunch() throws {
        if isShared {
            guard records != nil, let ticket, case .failed(let refusal) = door.wait(for: ticket, milliseconds: 10_000) else { return }
            throw LaunchRefused(refusal: refusal)
        }
        // Where records follow while the cell runs, a thread writes them.
        if isConnecting { try records?.beginCalls() } else { try records?.flush(isLast: false) }
    }

    /// Who decides on what a cell reaches by name; nil for one that reaches nothing so.
    func connections(_ profile: Profile) -> (any ConnectionJudge)? {
        if profile.endpoints.isEmpty { return nil }
        isConnecting = true
        return DoorConnections(door, boot: boot, principal: principal, cell: cell)
    }

    // MARK: after

    /// What became of it: denials, the limit, the kill, the end. A log that cannot be written any more is said, and changes nothing of what was done.
    /// - Returns: what is to be said.
    func end(_ record: ResultRecord) -> String? {
        guard records != nil else { return nil }
        let at = now
        func note(_ kind: Note.Kind, _ outcome: String?, _ data: JSON.Value) {
            var note = Note(kind, session: session, cell: cell, call: call)
            (note.outcome, note.data) = (outcome, data)
            door.note(note, at: at)
        }
        for denial in record.denials { note(.denial, nil, denial.json.tagged(["ASI02", "ASI05"])) }
        for change in record.ladder ?? [] { note(.rung, change.to.name, change.json) }
        if case .limit? = record.cause, let cause = record.cause { note(.rung, record.status == .killed ? "kill" : "told", cause.json.tagged(["ASI08"])) }
        if let kill = record.kill { note(.kill, record.status.rawValue, kill.json) }
        note(.exit, record.status.rawValue, record.json)
        if let call { door.settle(call, usage: [], end: .answered(result: [], isError: record.exitCode != 0), at: at) }
        do {
            try finish()
            return nil
        } catch { return (error as? LogPlaceError)?.message ?? "\(error)" }
    }

    private func finish() throws { if !isShared { try records?.flush(isLast: true) } }
}

extension JSON.Value {
    /// With the agentic risks that it is an instance of, as OWASP numbers them.
    func tagged(_ risks: [String]) -> JSON.Value {
        guard var object = asObject else { return self }
        object["owasp"] = .array(risks.map { .string($0) })
        return .object(object)
    }
}
