// SPDX-License-Identifier: Apache-2.0
// What the cells of a session have in common: one door with its policies and budgets, one log, one history. Composition only.

import AuditLog
import Budget
import Cedar
import Events
import Glibc
import Governance
import JSON
import Linux
import Sandbox
import Session

/// What a session is told when it is made; who joins it later agrees or says nothing.
struct SessionRules: Equatable {
    var policies: [String] = []
    /// The log's folder, absolute.
    var log: String?
    var noLog = false
    /// Of all calls together.
    var limits: [AccountLimit] = []
    /// Of the calls of single servers.
    var tools: [(name: String, limits: [AccountLimit])] = []
    /// Nanoseconds that a call waits for a person.
    var approvalWait: Int64?
    /// Values that stand in no record.
    var secrets: [String] = []

    static func == (left: SessionRules, right: SessionRules) -> Bool {
        left.policies == right.policies && left.log == right.log && left.noLog == right.noLog && left.limits == right.limits
    }
}

/// What was decided in a session, in numbers.
struct SessionTally {
    var calls: Int64 = 0
    var allowed: Int64 = 0
    var denied: Int64 = 0
    /// Of the denied ones, those for want of budget.
    var overBudget: Int64 = 0
    /// The first denials, in words.
    var reasons: [(action: String, agent: String, reason: String, count: Int64)] = []

    static let mostReasons = 20

    mutating func count(_ request: Governance.Request, _ decision: Governance.Decision) {
        calls += 1
        switch decision {
        case .verdict(.allow): allowed += 1
        case .pending: break
        case .verdict(.deny(let refusal)), .verdict(.kill(let refusal)): deny(request, refusal)
        }
    }

    mutating func deny(_ request: Governance.Request, _ refusal: Refusal) {
        if refusal.kind == .budget { overBudget += 1 } else { denied += 1 }
        let who = request.principal.agent
        if let place = reasons.firstIndex(where: { $0.action == request.action && $0.agent == who && $0.reason == refusal.reason }) {
            reasons[place].count += 1
        } else if reasons.count < Self.mostReasons {
            reasons.append((request.action, who, refusal.reason, 1))
        }
    }
}

final class SessionDoor {
    let id: SessionID
    let name: String
    let rules: SessionRules
    let door: Door
    /// nil without a log.
    let records: LaunchRecords?
    let place: LogPlace?
    let boot: String
    let user: String
    let layers: [PolicyLayer]
    private(set) var tally = SessionTally()
    private var patterns: [String: ToolPatterns] = [:]
    private(set) lazy var judge: SharedJudge = makeJudge()
    /// Sentences for people that belong to no cell.
    var say: (String) -> Void = { _ in }

    /// - Throws: as for one run: without a log and policies that load, nothing is started.
    init(_ name: String, _ rules: SessionRules, environment: [String: String], user: UInt32, home: String?) throws {
        (self.name, self.rules) = (name, rules)
        let random = (try? Host.random64()) ?? Clock.wall
        id = SessionID(bytes: (0..<6).map { UInt8(truncatingIfNeeded: random >> ($0 * 8)) })!
        do {
            place = try LogPlace(environment: environment, user: user, home: home, folder: rules.log)
        } catch {
            guard rules.noLog else { throw error }
            place = nil
        }
        layers = try Governing.layers(named: rules.policies, place: place)
        // What tools there are the servers say when they run. Until then one that is never called stands for them, so that rules about tools load.
        let rulebook = try Rulebook(layers: layers, tools: layers.isEmpty ? [] : [ToolShape(server: "session", name: "", input: [:])])
        records = rules.noLog ? nil : place.map { LaunchRecords($0, secrets: rules.secrets) }
        var settings = Settings()
        settings.canAsk = environment["CI"] != "true" && records != nil
        settings.clock = { Int64(clamping: Clock.boottime) }
        settings.decisionTime = 1_000_000_000
        if let wait = rules.approvalWait { settings.approvalWait = wait }
        let text = (try? Files.text("/proc/sys/kernel/random/boot_id", limit: 100)) ?? "unknown"
        boot = String(text.prefix { $0 != "\n" })
        // Money and tokens are somebody's word.
        var ledger = Ledger(dimensions: Dimension.standard(reported: ["usd", "tokens_in", "tokens_out"]))
        var changes: [LedgerRecord] = []
        let now = Reading(boot: boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallNanoseconds: Int64(clamping: Clock.wall))
        let moment = Moment(boot: boot, bootNanoseconds: now.bootNanoseconds, wallSeconds: now.wallNanoseconds / 1_000_000_000)
        if let began = try ledger.begin(at: moment) { changes.append(began) }
        let accounts =
            [AccountDefinition(Governing.account, kind: .session, limits: rules.limits)]
            + rules.tools.map { AccountDefinition("tool/" + $0.name, kind: .tool, parent: Governing.account, limits: $0.limits) }
        changes += try ledger.define(accounts, at: moment)
        door = try Door(session: id, rulebook: rulebook, ledger: ledger, recorder: records ?? NoRecorder() as any Recorder, settings: settings)
        self.user = Governing.name(of: user)
        try records?.beginCalls()
        let instant = Instant(boot: boot, bootNanoseconds: now.bootNanoseconds, wallNanoseconds: now.wallNanoseconds)
        for change in changes { _ = try records?.append(change, at: instant, session: id, isStrict: false) }
    }

    private func makeJudge() -> SharedJudge {
        let judge = DoorJudge(
            door, boot: boot, approvals: place.map { [boot] in Approvals($0, boot: boot) }, rulebook: { [unowned self] in try rulebook($0) },
            say: { [unowned self] in say($0) })
        return SharedJudge(judge) { [unowned self] request, decision in tally.count(request, decision) }
    }

    /// The account that pays for the calls of a server.
    func account(of server: String) -> String {
        rules.tools.contains { $0.name == server } ? "tool/" + server : Governing.account
    }

    /// What its calls are counted against, its own and the session's.
    func limits(of server: String) -> [AccountLimit] { rules.limits + (rules.tools.first { $0.name == server }?.limits ?? []) }

    /// What flags say of a server's tools, from when it is known which it has.
    func add(_ patterns: ToolPatterns, of server: String) { self.patterns[server] = patterns }

    private func rulebook(_ tools: [ToolShape]) throws -> Rulebook {
        var all = ToolPatterns()
        for (server, own) in patterns.sorted(by: { $0.key < $1.key }) {
            // What is said of a server that has not listed its tools yet says nothing today.
            func known(_ list: [String]) -> [String] {
                list.filter { pattern in pattern.hasPrefix(server + "__") ? tools.contains { $0.server == server } : isMatched(pattern, tools) }
            }
            all.allow += known(own.allow)
            all.ask += known(own.ask)
            all.deny += known(own.deny)
        }
        do throws(PolicyLoadError) { return try Rulebook(layers: layers, tools: tools, patterns: all) } catch { throw PolicyLoadFailure(error.problems) }
    }

    private func isMatched(_ pattern: String, _ tools: [ToolShape]) -> Bool { tools.contains { ToolPatterns.matches(pattern, $0.action) } }

    /// Signs how far the log goes. - Returns: what is to be said.
    func close() -> String? {
        do {
            try records?.flush(isLast: true)
            return nil
        } catch { return error.message }
    }
}
