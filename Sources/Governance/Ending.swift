// SPDX-License-Identifier: Apache-2.0
//
// What comes after a decision: a person's answer, the end of a call, what time brings, and what was done without being asked.

internal import AuditLog
internal import Budget
public import Events
public import JSON

/// What a person said, or that nobody did.
public enum Answer: Sendable, Hashable {
    case approved(Approval)
    case refused(by: String)
    case timedOut
}

/// Whether a permit's record is on disk.
public enum Standing: Sendable, Hashable {
    case waiting
    case written
    /// It cannot be written: the call must not go. Settle it as not forwarded.
    case failed(Refusal)
}

/// Something that was done, not asked.
public struct Note: Sendable {
    public enum Kind: String, Sendable, Hashable, CaseIterable { case launch, exit, denial, rung, kill, pin, request, response }

    public var kind: Kind
    public var session: SessionID?
    public var cell: CellID?
    public var call: CallID?
    public var tool: String?
    public var outcome: String?
    public var data: Value?
    public var errors: [String] = []

    public init(_ kind: Kind, session: SessionID? = nil, cell: CellID? = nil, call: CallID? = nil) {
        self.kind = kind
        self.session = session
        self.cell = cell
        self.call = call
    }
}

extension Door {
    // MARK: persons

    /// What becomes of the calls that wait under an id. A yes for once lets the first go; those that came after it go on waiting. An
    /// approval of something else than what waits changes nothing.
    public func answer(_ pending: PendingID, _ answer: Answer, at now: Reading) -> [(call: CallID, verdict: Verdict)] {
        guard let item = pendings.waiting[pending.number] else { return [] }
        switch answer {
        case .approved(let approval):
            guard sameBytes(approval.digest, item.digest), approval.expires > now.bootNanoseconds, let first = item.requests.first?.request else { return [] }
            // Recorded before it is used; where that fails nobody agreed.
            var record = self.record(.approval, first, now, nil)
            record.outcome = "granted"
            record.data = [
                "by": .string(approval.by), "call_sha256": .string(approval.digest), "expires_ns": .integer(approval.expires),
                "scope": .string(approval.scope.rawValue),
            ]
            do throws(LogError) { _ = try recorder.append(record, isStrict: true) } catch {
                return ended(pending, Refusal(.log, error.message, policies: item.policies, remedy: error.help), now)
            }
            if approval.scope == .once {
                guard let request = pendings.takeFirst(pending.number) else { return [] }
                return [(request.call, verdict(request, approval, now))]
            }
            pendings.keep(approval, for: first)
            return (pendings.take(pending.number)?.requests ?? []).map { ($0.request.call, verdict($0.request, approval, now)) }
        case .refused(let by): return ended(pending, Refusal(.approval, "`\(by)` said no: \(item.reason)", policies: item.policies), now)
        case .timedOut: return ended(pending, Refusal(.approval, "nobody agreed in time: \(item.reason)", policies: item.policies), now)
        }
    }

    /// Nobody wants the answer to a call that waits for a person any more. Nothing was reserved for it, and a yes that comes later finds
    /// nothing. A call that does not wait is left as it is.
    public func withdraw(_ call: CallID, because reason: String, at now: Reading) {
        guard let (request, digest) = pendings.forget(call) else { return }
        var record = self.record(.approval, request, now, request.canonical.map { AuditLog.Digest(of: $0) })
        record.outcome = "withdrawn"
        record.data = ["call_sha256": .string(digest), "reason": .string(reason)]
        _ = try? recorder.append(record, isStrict: false)
    }

    /// Takes a yes that was given before the call is made again, as for a launch that was refused with an ask.
    public func admit(_ approval: Approval, session: SessionID, agent: String, action: String) {
        pendings.keep(approval, session.text, agent, action)
    }

    /// The digest that a person agrees to.
    public func approvalDigest(of request: Request) -> String { callDigest(request, request.canonical.map { AuditLog.Digest(of: $0) }) }

    /// The calls that wait, for whoever asks persons.
    public var waiting: [(id: PendingID, digest: String, reason: String, request: Request, count: Int)] {
        pendings.waiting.values.sorted { $0.id.number < $1.id.number }.compactMap { item in
            item.requests.first.map { (item.id, item.digest, item.reason, $0.request, item.requests.count) }
        }
    }

    /// Those that asked for a person.
    public func policies(of pending: PendingID) -> [String] { pendings.waiting[pending.number]?.policies ?? [] }

    private func verdict(_ request: Request, _ approval: Approval, _ now: Reading) -> Verdict {
        let began = settings.clock?() ?? now.bootNanoseconds
        if now.bootNanoseconds >= request.deadline {
            guard case .verdict(let verdict) = refuse(request, Refusal(.deadline, "the call's deadline has passed"), now, began) else {
                return .deny(Self.lost)
            }
            return verdict
        }
        guard case .verdict(let verdict) = decide(request, approval: approval, at: now, began) else { return .deny(Self.lost) }
        return verdict
    }

    private static let lost = Refusal(.internal, "the call was asked about twice")

    private func ended(_ pending: PendingID, _ refusal: Refusal, _ now: Reading) -> [(call: CallID, verdict: Verdict)] {
        (pendings.take(pending.number)?.requests ?? []).map { ($0.request.call, refused($0.request, refusal, now)) }
    }

    private func refused(_ request: Request, _ refusal: Refusal, _ now: Reading) -> Verdict {
        if case .verdict(let verdict) = refuse(
            request, refusal, now, settings.clock?() ?? now.bootNanoseconds, request.canonical.map { AuditLog.Digest(of: $0) })
        {
            return verdict
        }
        return .deny(refusal)
    }

    // MARK: ends

    /// Whether the record is on disk. Nothing is forwarded before it is.
    public func standing(of ticket: Ticket) -> Standing {
        do throws(LogError) { return try recorder.isWritten(ticket) ? .written : .waiting } catch {
            return .failed(Refusal(.log, error.message, remedy: error.help))
        }
    }

    /// Waits until it is.
    public func wait(for ticket: Ticket, milliseconds: Int) -> Standing {
        do throws(LogError) {
            try recorder.wait(for: ticket, milliseconds: milliseconds)
            return .written
        } catch { return .failed(Refusal(.log, error.message, remedy: error.help)) }
    }

    /// Ends a permitted call, exactly once; a second time is nothing.
    /// - Parameter usage: what was spent, dimensions that are not named as estimated.
    /// - Returns: the dimensions of which more was spent than reserved and than can be charged: the call was to be stopped.
    @discardableResult
    public func settle(_ id: CallID, usage: [Cost], end: CallEnd, at now: Reading) -> [Cost] {
        guard let before = open[id] else { return [] }
        cover(id, before, usage, now)
        guard let call = open.removeValue(forKey: id) else { return [] }
        var record = self.record(.response, call.request, now, call.digest)
        record.lease = call.lease?.number
        record.latencyNanoseconds = now.bootNanoseconds - call.at
        var spent = true
        switch end {
        case .answered(let result, let isError):
            record.outcome = isError ? "error" : "answered"
            record.data = ["result_bytes": .integer(Int64(result.count)), "result_sha256": .string(AuditLog.Digest(of: result).hex)]
            report(call, failed: isError, result: result, now)
        case .failed(let why):
            record.outcome = "failed"
            record.errors = [why]
            report(call, failed: true, result: Array(why.utf8), now)
        case .cancelled:
            record.outcome = "cancelled"
            withdraw(call)
        case .notForwarded(let why):
            record.outcome = "not_forwarded"
            record.errors = [why]
            spent = false
            withdraw(call)
        }
        var excess: [Cost] = []
        if let lease = call.lease {
            do throws(BudgetError) {
                if spent {
                    var amounts: [Amount] = []
                    for cost in usage {
                        guard let dimension = ledger.dimension(cost.dimension) else { throw BudgetError(.unknownDimension(cost.dimension)) }
                        amounts.append(Amount(dimension, cost.amount))
                    }
                    let settlement = try ledger.settle(lease, amounts, at: now.moment)
                    excess = settlement.excess.map { Cost($0.dimension, $0.amount) }
                    keep(settlement.record, now)
                } else {
                    keep(try ledger.release(lease, at: now.moment), now)
                }
            } catch {
                record.errors.append(error.message)
                // Whatever was wrong with the figures: what was reserved is what it cost.
                if let change = try? ledger.expire(lease, at: now.moment) { keep(change, now) }
            }
        }
        if !usage.isEmpty { record.data = told(usage, excess, in: record.data) }
        // A launch is answered by the record of its cell's end.
        if call.request.action != SystemAction.launch { _ = try? recorder.append(record, isStrict: false) }
        return excess
    }

    /// What was spent, what of it somebody else said, and what was measured for several calls together.
    private func told(_ usage: [Cost], _ excess: [Cost], in data: Value?) -> Value {
        func shown(_ cost: Cost) -> Member {
            let dimension = ledger.definedDimensions.first { sameBytes($0.name, cost.dimension) }
            return Member(name: dimension?.shownName ?? cost.dimension, value: .integer(dimension?.shown(cost.amount) ?? cost.amount))
        }
        func isReported(_ cost: Cost) -> Bool { ledger.definedDimensions.contains { sameBytes($0.name, cost.dimension) && $0.firmness == .soft } }
        var object = data?.asObject ?? Object()
        object["usage"] = .object(Object(usage.map(shown)))
        let reported = usage.filter { isReported($0) && $0.amount > 0 }
        if !reported.isEmpty { object["reported"] = .array(reported.map { .string(shown($0).name) }) }
        if usage.contains(where: \.isShared) { object["shared"] = .array(usage.filter(\.isShared).map { .string($0.dimension) }) }
        if !excess.isEmpty { object["excess"] = .object(Object(excess.map { Member(name: $0.dimension, value: .integer($0.amount)) })) }
        return .object(object)
    }

    /// Whether a call was permitted and has not ended.
    public func isOpen(_ call: CallID) -> Bool { open[call] != nil }

    /// Records what was done.
    /// - Returns: its ticket, or why it cannot be recorded.
    @discardableResult
    public func note(_ note: Note, isStrict: Bool = false, at now: Reading) -> Result<Ticket, Refusal> {
        let kind: Record.Kind =
            switch note.kind {
            case .launch: .launch
            case .exit: .exit
            case .denial: .denial
            case .rung: .rung
            case .kill: .kill
            case .pin: .pin
            case .request: .request
            case .response: .response
            }
        var record = Record(kind, at: now.instant)
        (record.session, record.cell, record.call) = (note.session, note.cell, note.call)
        (record.tool, record.outcome, record.data, record.errors) = (note.tool, note.outcome, note.data, note.errors)
        record.policySet = rulebook.digest
        do throws(LogError) { return .success(try recorder.append(record, isStrict: isStrict)) } catch {
            return .failure(Refusal(.log, error.message, remedy: error.help))
        }
    }

    // MARK: time

    /// What is due: leases that have expired, calls for which nobody agreed.
    /// - Returns: the verdicts of those that waited.
    public func tick(_ now: Reading) -> [(call: CallID, verdict: Verdict)] {
        expire(now)
        return pendings.overdue(at: now.bootNanoseconds).map { item in
            (
                item.request.call,
                refused(item.request, Refusal(.approval, "nobody agreed in time: \(item.waiting.reason)", policies: item.waiting.policies), now)
            )
        }
    }

    /// CLOCK_BOOTTIME when `tick` has something to do; nil while nothing waits.
    public var nextDeadline: Int64? {
        switch (ledger.nextDeadline, pendings.nextDeadline) {
        case (let one?, let two?): min(one, two)
        case (let one, let two): one ?? two
        }
    }

    func expire(_ now: Reading) {
        for change in (try? ledger.expire(at: now.moment)) ?? [] { keep(change, now) }
    }

    private func keep(_ change: LedgerRecord, _ now: Reading) { _ = try? recorder.append(change, at: now.instant, session: session, isStrict: false) }
}
