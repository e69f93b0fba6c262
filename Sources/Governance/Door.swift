// SPDX-License-Identifier: Apache-2.0
//
// The one door: every call, launch, connection and crossed limit is decided here, in one order: loop and breaker, policy, obligations,
// reservation on all accounts, record. It answers at once, with a verdict or with who is to be asked; it knows no pipe, no kernel and no
// clock. Whatever goes wrong is a deny with its reason. One thread uses it.
//
// INVARIANT: what is reserved is given back on every way out that is no permit.

internal import AuditLog
public import Budget
internal import Cedar
public import Events
public import JSON

public final class Door {
    public private(set) var rulebook: Rulebook
    public internal(set) var ledger: Ledger
    public let settings: Settings
    let recorder: any Recorder
    /// Whose ledger it is.
    let session: SessionID
    var open: [CallID: OpenCall] = [:]
    var pendings = Pendings()
    private var entities = EntityCache()
    private var loops: LoopDetector?
    private var escalation: Escalation?
    /// Found when a call was answered; it counts when that call, or any, is made again.
    private var found: (loop: Loop, key: CallKey?)?
    private var breakers: [String: Breaker] = [:]
    private var throttles: [String: Int64] = [:]
    private(set) var calls: Int64 = 0
    private(set) var denials: Int64 = 0

    /// Breakers and throttles of more tools than this are forgotten, the oldest state with them.
    static let mostTools = 4096

    /// A call that was let through and has not ended.
    struct OpenCall {
        /// Without what was judged.
        let request: Request
        let key: CallKey?
        let lease: LeaseID?
        let breaker: Breaker.Permit?
        let at: Int64
        let digest: AuditLog.Digest?
        /// Of its slices so far, by dimension.
        var reserved: [String: Int64] = [:]
    }

    /// - Parameters:
    ///   - ledger: its boot begun, its accounts defined.
    ///   - recorder: the log, or none.
    /// - Throws: settings that are out of range.
    public init(session: SessionID, rulebook: Rulebook, ledger: Ledger, recorder: any Recorder, settings: Settings = Settings()) throws(BudgetError) {
        self.session = session
        self.rulebook = rulebook
        self.ledger = ledger
        self.recorder = recorder
        self.settings = settings
        if let loops = settings.loops {
            self.loops = try LoopDetector(loops)
            escalation = try Escalation(cap: settings.loopCap)
        }
        if let breaker = settings.breaker { _ = try Breaker(breaker) }
    }

    /// SHA-256 of the policies in force, 64 digits.
    public var snapshotDigest: String { rulebook.digestText }

    // MARK: deciding

    /// Answers one question. An allow is settled exactly once, by `settle`.
    public func decide(_ request: Request, at now: Reading) -> Decision {
        let began = settings.clock?() ?? now.bootNanoseconds
        if open[request.call] != nil || pendings.holds(request.call) {
            return refuse(request, Refusal(.internal, "call `\(request.call)` was decided on already"), now, began)
        }
        if now.bootNanoseconds >= request.deadline {
            return refuse(request, Refusal(.deadline, "the call's deadline has passed"), now, began)
        }
        calls += 1
        return decide(request, approval: nil, at: now, began)
    }

    /// - Parameter approval: a person's yes to this very call, recorded already.
    func decide(_ request: Request, approval: Approval?, at now: Reading, _ began: Int64) -> Decision {
        let digest = request.canonical.map { AuditLog.Digest(of: $0) }
        var grant = approval
        var notes: [String] = []
        var delay: Int64?
        // Loops and breakers are of tools: a launch that is repeated is no loop.
        var key: CallKey?
        var permit: Breaker.Permit?
        if request.isTool {
            if let digest, let arguments = Budget.Digest(digest.bytes) { key = CallKey(tool: request.action, arguments: arguments) }
            if approval == nil, let key, let (rung, loop) = looked(key, now.bootNanoseconds) {
                let words = Self.words(loop)
                switch rung {
                case .none: break
                case .note: notes.append(words)
                case .delay:
                    notes.append(words)
                    delay = now.bootNanoseconds &+ settings.loopDelay
                case .deny: return refuse(request, Refusal(.loop, words, remedy: "do something else than before"), now, began, digest)
                case .freeze:
                    if let granted = use(request, digest, now) { grant = granted } else { return ask(request, words, [], digest, now, began) }
                case .terminate, .kill: return refuse(request, Refusal(.loop, words), now, began, digest, kills: true)
                }
            }
            switch breaker(request.action, now.bootNanoseconds) {
            case .allowed(let given)?: permit = given
            case .denied(let wait)?:
                return refuse(
                    request, Refusal(.breaker, "tool `\(request.resource.name)` failed too often and rests", retryAfter: wait), now, began, digest)
            case nil: break
            }
        }

        let context = context(of: request, grant, now)
        var judgement: Judgement
        do throws(Misfit) { judgement = try rulebook.judge(request, context, &entities, logOnly: settings.logOnly) } catch {
            giveBack(permit, request, now)
            return refuse(request, Refusal(.schema, "`\(error.path)` of `\(request.action)` \(error.problem)"), now, began, digest, context: context)
        }
        switch judgement.verdict {
        case .deny, .kill:
            giveBack(permit, request, now)
            let refusal = Refusal(.policy, judgement.reason, policies: judgement.policies)
            return refuse(request, refusal, now, began, digest, judgement, context: context, kills: judgement.verdict == .kill)
        case .ask where grant == nil:
            if let granted = use(request, digest, now) {
                grant = granted
            } else {
                giveBack(permit, request, now)
                return ask(request, judgement.reason, judgement.policies, digest, now, began, judgement)
            }
        default: break
        }
        var throttled: (key: String, until: Int64)?
        if let throttle = judgement.throttle {
            let (until, name) = self.delay(throttle, request, now.bootNanoseconds)
            if until.wait > 0 {
                let goes = now.bootNanoseconds &+ until.wait
                if goes >= request.deadline {
                    giveBack(permit, request, now)
                    let refusal = Refusal(
                        .policy, "`\(request.action)` is throttled to \(throttle.count) in \(throttle.windowMilliseconds) ms", policies: judgement.policies,
                        retryAfter: until.wait)
                    return refuse(request, refusal, now, began, digest, judgement, context: context)
                }
                delay = max(delay ?? goes, goes)
            }
            throttled = (name, until.arrival)
        }

        let lease: LeaseID?
        let change: LedgerRecord?
        var slices: [String: Int64] = [:]
        switch reserve(request, grant, now, &slices) {
        case .success(let reserved): (lease, change) = (reserved?.lease, reserved?.record)
        case .failure(let refusal):
            giveBack(permit, request, now)
            return refuse(request, refusal, now, began, digest, judgement, context: context)
        }
        func undo(_ refusal: Refusal) -> Decision {
            if let lease, let record = try? ledger.release(lease, at: now.moment) {
                _ = try? recorder.append(record, at: now.instant, session: session, isStrict: false)
            }
            giveBack(permit, request, now)
            return refuse(request, refusal, now, began, digest, judgement, context: context)
        }
        let ended = settings.clock?() ?? now.bootNanoseconds
        if ended - began > settings.decisionTime { return undo(Refusal(.deadline, "the decision took longer than \(settings.decisionTime / 1_000_000) ms")) }

        let ticket: Ticket
        // A disk that refused the last records has to take this one first.
        let isStrict = !request.isFast || recorder.refusal != nil
        do throws(LogError) {
            var record = self.record(request.action == SystemAction.launch ? .launch : .decision, request, now, digest)
            record.outcome = "allow"
            record.policies = judgement.policies
            record.errors = judgement.errors
            record.obligations = judgement.obligations
            record.lease = lease?.number
            if request.isTool { record.body = try recorder.append(body: body(request, context)) }
            record.latencyNanoseconds = ended - began
            record.data = data(request, grant, delay, notes)
            var last = try recorder.append(record, isStrict: isStrict)
            if let change { last = try recorder.append(change, at: now.instant, session: session, isStrict: isStrict) }
            ticket = isStrict ? last : .none
        } catch {
            return undo(Refusal(.log, error.message, remedy: error.help))
        }
        if let throttled { throttles[throttled.key] = throttled.until }
        var kept = request
        (kept.context, kept.canonical) = ([:], nil)
        open[request.call] = OpenCall(request: kept, key: key, lease: lease, breaker: permit, at: now.bootNanoseconds, digest: digest, reserved: slices)
        return .verdict(
            .allow(
                Permit(
                    call: request.call, lease: lease?.number, policies: judgement.policies, redactions: judgement.redactions, raise: judgement.raise,
                    delayUntil: delay, notes: notes, ticket: ticket)))
    }

    /// Whether there are arguments with which the tool could be permitted to this principal, by the policies alone: what a list of tools is
    /// filtered by. When in doubt, yes: each call is decided all the same.
    public func mayAllow(_ action: String, _ resource: Resource, for principal: Principal) -> Bool {
        let request = Request(call: CallID(bytes: [0, 0, 0])!, principal: principal, action: action, resource: resource, context: [:], deadline: 0)
        return rulebook.mayAllow(request, &entities, logOnly: settings.logOnly)
    }

    // MARK: ways out

    /// A denial, recorded if the log takes it: it stands in any case.
    func refuse(
        _ request: Request, _ refusal: Refusal, _ now: Reading, _ began: Int64, _ digest: AuditLog.Digest? = nil, _ judgement: Judgement? = nil,
        context: Object? = nil, kills: Bool = false
    ) -> Decision {
        denials += 1
        var record = self.record(.decision, request, now, digest)
        record.outcome = kills ? "kill" : "deny"
        record.policies = refusal.policies
        record.errors = (judgement?.errors ?? []) + [refusal.reason]
        record.obligations = judgement?.obligations ?? []
        record.latencyNanoseconds = (settings.clock?() ?? now.bootNanoseconds) - began
        var members = described(request)
        members.append(Member(name: "cause", value: .string(refusal.kind.rawValue)))
        record.data = .object(Object(members))
        if request.isTool, let context { record.body = try? recorder.append(body: body(request, context)) }
        _ = try? recorder.append(record, isStrict: false)
        return .verdict(kills ? .kill(refusal) : .deny(refusal))
    }

    private func ask(
        _ request: Request, _ reason: String, _ policies: [String], _ digest: AuditLog.Digest?, _ now: Reading, _ began: Int64, _ judgement: Judgement? = nil
    ) -> Decision {
        guard settings.canAsk else {
            return refuse(
                request, Refusal(.approval, "a person must agree, and nobody can be asked here: \(reason)", policies: policies), now, began, digest, judgement,
                context: context(of: request, nil, now))
        }
        let until = min(request.deadline, now.bootNanoseconds &+ settings.approvalWait)
        guard let id = pendings.add(request, digest: callDigest(request, digest), reason: reason, policies: policies, until: until, most: settings.pendingCalls)
        else { return refuse(request, Refusal(.approval, "too many calls wait for a person already", policies: policies), now, began, digest, judgement) }
        var record = self.record(.decision, request, now, digest)
        record.outcome = "ask"
        record.policies = policies
        record.obligations = judgement?.obligations ?? ["ask"]
        record.latencyNanoseconds = (settings.clock?() ?? now.bootNanoseconds) - began
        var members = described(request)
        members += [
            Member(name: "call_sha256", value: .string(callDigest(request, digest))), Member(name: "reason", value: .string(reason)),
            Member(name: "until_ns", value: .integer(until)), Member(name: "waits_with", value: .string(id.call.text)),
        ]
        record.data = .object(Object(members))
        do throws(LogError) {
            if request.isTool { record.body = try recorder.append(body: body(request, context(of: request, nil, now))) }
            _ = try recorder.append(record, isStrict: true)
        } catch {
            pendings.forget(request.call)
            return refuse(request, Refusal(.log, error.message, remedy: error.help), now, began, digest, judgement)
        }
        return .pending(id, until: until, reason: reason)
    }

    /// A grant for this call that a person gave before; it is spent here, and recorded before it is.
    private func use(_ request: Request, _ digest: AuditLog.Digest?, _ now: Reading) -> Approval? {
        guard let grant = pendings.grant(for: callDigest(request, digest), request, at: now.bootNanoseconds) else { return nil }
        var record = self.record(.approval, request, now, digest)
        record.outcome = "used"
        record.data = ["by": .string(grant.by), "call_sha256": .string(grant.digest), "scope": .string(grant.scope.rawValue)]
        guard (try? recorder.append(record, isStrict: true)) != nil else { return nil }
        pendings.spend(grant)
        return grant
    }

    // MARK: parts of a decision

    private func looked(_ key: CallKey, _ time: Int64) -> (LoopRung, Loop)? {
        guard loops != nil, escalation != nil else { return nil }
        var loop = loops?.asked(key, at: time).first
        if let (last, of) = found, of == nil || of == key {
            loop = loop ?? last
            found = nil
        }
        guard let loop, let rung = escalation?.tripped(at: time) else {
            escalation?.settle(at: time)
            return nil
        }
        return (rung, loop)
    }

    private static func words(_ loop: Loop) -> String {
        switch loop {
        case .repeated(let key, let count): "`\(key.tool)` was called \(count) times with the same arguments"
        case .cycle(let period, let rounds): "the last calls are \(rounds) rounds of the same \(period)"
        case .noProgress(let key, let count): "`\(key.tool)` gave the same result \(count) times"
        case .errors(let count): "the last \(count) calls were errors"
        }
    }

    private func breaker(_ tool: String, _ time: Int64) -> Breaker.Answer? {
        guard let settings = settings.breaker else { return nil }
        if breakers[tool] == nil {
            if breakers.count >= Self.mostTools { breakers = [:] }
            breakers[tool] = try? Breaker(settings)
        }
        return breakers[tool]?.ask(at: time)
    }

    /// A probe that was not sent says nothing of the tool; it must not count as lost.
    private func giveBack(_ permit: Breaker.Permit?, _ request: Request, _ now: Reading) {
        guard let permit else { return }
        breakers[request.action]?.withdraw(permit)
    }

    func report(_ call: OpenCall, failed: Bool, result: [UInt8]?, _ now: Reading) {
        if let permit = call.breaker { _ = breakers[call.request.action]?.report(permit, failed: failed, at: now.bootNanoseconds) }
        guard let key = call.key, let result, let digest = Budget.Digest(AuditLog.Digest(of: result).bytes) else { return }
        guard let loop = loops?.answered(key, result: digest, isError: failed, at: now.bootNanoseconds).first else { return }
        if case .errors = loop { found = (loop, nil) } else { found = (loop, key) }
    }

    func withdraw(_ call: OpenCall) {
        if let permit = call.breaker { breakers[call.request.action]?.withdraw(permit) }
    }

    /// When a throttled call may go, by the generic cell rate algorithm: a burst of the whole count.
    private func delay(_ throttle: Throttle, _ request: Request, _ time: Int64) -> ((wait: Int64, arrival: Int64), key: String) {
        let key = "\(request.principal.agent) \(request.action)"
        let window = throttle.windowMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        let span = window.overflow ? Int64.max / 4 : min(window.partialValue, .max / 4)
        let step = max(1, span / throttle.count)
        if throttles.count >= Self.mostTools { throttles = [:] }
        let arrival = max(time, throttles[key] ?? time) &+ step
        return ((max(0, arrival - span - time), arrival), key)
    }

    struct Reserved {
        let lease: LeaseID
        let record: LedgerRecord
    }

    private func reserve(_ request: Request, _ grant: Approval?, _ now: Reading, _ slices: inout [String: Int64]) -> Result<Reserved?, Refusal> {
        guard let name = request.account else { return .success(nil) }
        do throws(BudgetError) {
            guard let account = ledger.account(name) else { throw BudgetError(.unknownAccount(name)) }
            var amounts: [Amount] = []
            amounts.reserveCapacity(request.estimate.count + 1)
            for cost in request.estimate {
                guard let dimension = ledger.dimension(cost.dimension) else { throw BudgetError(.unknownDimension(cost.dimension)) }
                amounts.append(Amount(dimension, cost.amount))
            }
            for slice in request.slices {
                guard let dimension = ledger.dimension(slice.dimension) else { throw BudgetError(.unknownDimension(slice.dimension)) }
                let amount = max(1, min(slice.amount, left(name, dimension, now)))
                slices[slice.dimension] = amount
                amounts.append(Amount(dimension, amount))
            }
            if grant != nil, let dimension = ledger.dimension("approvals") { amounts.append(Amount(dimension, 1)) }
            if amounts.isEmpty { return .success(nil) }
            var answer = try ledger.reserve(account, amounts, at: now.moment, deadline: request.deadline, holder: settings.holder)
            if case .denied = answer, let due = ledger.nextDeadline, due <= now.bootNanoseconds {
                // What is overdue may be what is in the way.
                expire(now)
                answer = try ledger.reserve(account, amounts, at: now.moment, deadline: request.deadline, holder: settings.holder)
            }
            switch answer {
            case .granted(let lease, let record): return .success(Reserved(lease: lease, record: record))
            case .denied(let denial):
                let wait: Int64? =
                    switch denial.cause.refill {
                    case .after(let nanoseconds): nanoseconds
                    case .at(let second): max(0, second &* 1_000_000_000 &- now.wallNanoseconds)
                    case .whenReleased, .never: nil
                    }
                return .failure(Refusal(.budget, denial.description, retryAfter: wait))
            }
        } catch {
            return .failure(Refusal(.budget, error.message, remedy: error.help))
        }
    }

    /// The asker's context with the door's own part. The asker cannot bring these members.
    private func context(of request: Request, _ grant: Approval?, _ now: Reading) -> Object {
        var members = request.context.asObject?.members ?? []
        members.removeAll { member in Self.own.contains { sameBytes($0, member.name) } }
        if !members.contains(where: { $0.name == "provenance" }) { members.append(Member(name: "provenance", value: Self.untainted)) }
        let facts = [
            Member(name: "id", value: .string(request.principal.session.text)), Member(name: "calls", value: .integer(calls)),
            Member(name: "denials", value: .integer(denials)),
        ]
        members.append(Member(name: "session", value: .object(Object(distinct: facts))))
        members.append(Member(name: "budget", value: rulebook.readsBudget ? remaining(request, now) : Self.unread))
        members.append(Member(name: "system", value: .object(Object(distinct: [Member(name: "now", value: .integer(now.wallNanoseconds / 1_000_000))]))))
        if let grant { members.append(Member(name: "approval", value: ["by": .string(grant.by), "scope": .string(grant.scope.rawValue)])) }
        return Object(distinct: members)
    }

    /// What the door says itself, whatever the asker says.
    private static let own = ["session", "budget", "system", "approval"]
    private static let untainted: JSON.Value = ["tainted": false, "labels": []]
    private static let unread: JSON.Value = ["remaining": .object(Object())]

    /// The least that is left of each dimension on the way from the account to its root.
    private func remaining(_ request: Request, _ now: Reading) -> JSON.Value {
        var least: [(String, Int64)] = []
        var name = request.account
        while let account = name.flatMap({ ledger.account($0) }) {
            for standing in (try? ledger.standings(account, at: now.moment)) ?? [] {
                let shown = standing.dimension.unit == .money ? standing.left / 1_000_000 : standing.left
                if let place = least.firstIndex(where: { sameBytes($0.0, standing.dimension.shownName) }) {
                    least[place].1 = min(least[place].1, shown)
                } else {
                    least.append((standing.dimension.shownName, shown))
                }
            }
            name = (try? ledger.definition(of: account))?.parent
        }
        return ["remaining": .object(Object(least.map { Member(name: $0.0, value: .integer($0.1)) }))]
    }

    /// The limits on the way from an account to its root, with what is left of each.
    public func budget(of account: String, at now: Reading) -> JSON.Value {
        var rows: [JSON.Value] = []
        var name: String? = account
        while let known = name, let account = ledger.account(known) {
            for standing in (try? ledger.standings(account, at: now.moment)) ?? [] {
                let dimension = standing.dimension
                rows.append([
                    "account": .string(known), "dimension": .string(dimension.shownName), "limit": .string(standing.window.written(for: dimension)),
                    "left": .integer(max(0, dimension.unit == .money ? standing.left / 1_000_000 : standing.left)),
                    "measured": .bool(dimension.firmness == .hard),
                ])
            }
            name = (try? ledger.definition(of: account))?.parent
        }
        return .array(rows)
    }

    // MARK: records

    func record(_ kind: AuditLog.Record.Kind, _ request: Request, _ now: Reading, _ digest: AuditLog.Digest?) -> AuditLog.Record {
        var record = AuditLog.Record(kind, at: now.instant)
        record.session = request.principal.session
        record.cell = request.cell
        record.call = request.call
        record.principal = request.principal.agent
        record.tool = request.action
        record.argumentsDigest = digest
        record.policySet = rulebook.digest
        return record
    }

    private func data(_ request: Request, _ grant: Approval?, _ delay: Int64?, _ notes: [String]) -> JSON.Value {
        var members = described(request)
        if let grant { members.append(Member(name: "approved_by", value: .string(grant.by))) }
        if let delay { members.append(Member(name: "delay_until_ns", value: .integer(delay))) }
        if !notes.isEmpty { members.append(Member(name: "notes", value: .array(notes.map { .string($0) }))) }
        return .object(Object(members))
    }

    /// The question as far as it stands in the record itself: of a launch or a limit all of it, of a tool's call the name; its body has the rest.
    private func described(_ request: Request) -> [Member] {
        var members = [Member(name: "resource", value: request.isTool ? .string(request.resource.name) : request.resource.json)]
        if !request.isTool {
            members += request.context.asObject?.members ?? []
            members.append(Member(name: "user", value: .string(request.principal.user)))
        }
        return members
    }

    /// What replay judges again: the whole question, with the context that was judged.
    private func body(_ request: Request, _ context: Object) -> JSON.Value {
        let who = request.principal
        let principal = [
            Member(name: "agent", value: .string(who.agent)), Member(name: "groups", value: .array(who.groups.map { .string($0) })),
            Member(name: "session", value: .string(who.session.text)), Member(name: "user", value: .string(who.user)),
        ]
        return .object(
            Object(distinct: [
                Member(name: "action", value: .string(request.action)), Member(name: "context", value: .object(context)),
                Member(name: "principal", value: .object(Object(distinct: principal))), Member(name: "resource", value: request.resource.json),
            ]))
    }

    /// What an approval is bound to: the agent, the action, the resource and the exact arguments.
    func callDigest(_ request: Request, _ digest: AuditLog.Digest?) -> String {
        let parts = [request.principal.agent, request.action, request.resource.name, digest?.hex ?? ""].map { "\($0.utf8.count):\($0)" }
        return AuditLog.Digest(of: Array(parts.joined(separator: "\n").utf8)).hex
    }

    // MARK: policies

    /// Other policies from now on, as a whole; calls that are under way keep their verdicts. Those that wait are judged by the new ones.
    public func replace(_ rulebook: Rulebook, at now: Reading) -> Ticket {
        self.rulebook = rulebook
        entities.clear()
        var record = AuditLog.Record(.policy, at: now.instant)
        record.policySet = rulebook.digest
        record.outcome = "loaded"
        record.data = [
            "layers": .array(rulebook.layers.map { ["name": .string($0.name), "sha256": .string($0.digest)] }),
            "warnings": .array(rulebook.warnings.map { .string($0) }),
        ]
        return (try? recorder.append(record, isStrict: true)) ?? .none
    }
}

extension Resource {
    var json: JSON.Value {
        switch self {
        case .tool(let server, let name): ["kind": "tool", "name": .string(name), "server": .string(server)]
        case .endpoint(let name): ["kind": "endpoint", "name": .string(name)]
        case .cell(let name): ["kind": "cell", "name": .string(name)]
        }
    }

    /// From a stored question.
    public init?(json: JSON.Value) {
        guard let kind = json["kind"]?.asString, let name = json["name"]?.asString else { return nil }
        switch kind {
        case "tool":
            guard let server = json["server"]?.asString else { return nil }
            self = .tool(server: server, name: name)
        case "endpoint": self = .endpoint(name)
        case "cell": self = .cell(name)
        default: return nil
        }
    }
}
