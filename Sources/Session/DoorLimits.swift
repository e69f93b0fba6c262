// SPDX-License-Identifier: Apache-2.0
// A cell's crossed bounds brought to the door as `sys__limit`, with the clocks that it does not read, and its answers as what the ladder does:
// a policy raises the bound, throttles, freezes until a person agrees (`@ask`), ends (a forbid) or kills (`@kill`); a plain permit leaves it to the
// profile's rules. Where the door itself fails, the rules decide: they never let a cell do more.

package import Events
package import Governance
import JSON
import Linux
package import Supervision

package final class DoorLimits: LimitJudge {
    private let door: Door
    private let boot: String
    private let approvals: Approvals?
    private let principal: Principal
    private let cell: CellID
    private let name: String
    /// Whether nobody else asks the door what time brings.
    private let isAlone: Bool
    private let prepare: () throws -> Void
    private let say: (String) -> Void
    private var waiting: PendingID?
    private var told: LimitAnswer?

    /// - Parameters:
    ///   - boot: the boot's id.
    ///   - name: the cell's, for policies.
    ///   - isAlone: false where a ``DoorJudge`` tells the door the time, and passes on what is not its own.
    ///   - prepare: asked before each question: from here on records go to disk while the cell runs.
    ///   - say: sentences for people.
    package init(
        _ door: Door, boot: String, approvals: Approvals?, principal: Principal, cell: CellID, name: String, isAlone: Bool,
        prepare: @escaping () throws -> Void,
        say: @escaping (String) -> Void
    ) {
        (self.door, self.boot, self.approvals, self.principal) = (door, boot, approvals, principal)
        (self.cell, self.name, self.isAlone, self.prepare, self.say) = (cell, name, isAlone, prepare, say)
    }

    private var now: Reading { Reading(boot: boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallNanoseconds: Int64(clamping: Clock.wall)) }

    package func decide(_ crossing: RungChange) -> LimitDecision {
        do { try prepare() } catch {
            say("a crossed limit cannot be recorded, and the profile's rules decide: \((error as? LogPlaceError)?.message ?? "\(error)")")
            return .byRules
        }
        told = nil
        waiting = nil
        switch door.decide(question(crossing), at: now) {
        case .verdict(let verdict): return decision(verdict)
        case .pending(let id, _, let reason):
            waiting = id
            say("the cell stands still, `\(crossing.gauge.name)` read \(crossing.reading), bound \(crossing.bound): \(reason); fumehood approve \(id.call)")
            return .ask
        }
    }

    private func decision(_ verdict: Verdict) -> LimitDecision {
        switch verdict {
        case .allow(let permit):
            door.settle(permit.call, usage: [], end: .answered(result: [], isError: false), at: now)
            return permit.raise.map { .raise($0) } ?? (permit.isThrottled ? .throttle : .byRules)
        case .deny(let refusal): return refusal.kind == .policy || refusal.kind == .approval ? .terminate : .byRules
        case .kill: return .kill
        }
    }

    package func answer() -> LimitAnswer? {
        if let id = waiting {
            let digest = door.waiting.first { $0.id == id }?.digest
            var verdicts: [(call: CallID, verdict: Verdict)] = []
            if let digest, let approval = approvals?.take(digest, at: now.bootNanoseconds) { verdicts = door.answer(id, .approved(approval), at: now) }
            if isAlone { verdicts += door.tick(now) }
            for item in verdicts { _ = take(item.call, item.verdict) }
        }
        defer { told = nil }
        return told
    }

    /// What the door came to say of a question that waited. - Returns: whether it was of ours.
    package func take(_ call: CallID, _ verdict: Verdict) -> Bool {
        guard waiting?.call == call else { return false }
        waiting = nil
        if case .allow(let permit) = verdict {
            door.settle(permit.call, usage: [], end: .answered(result: [], isError: false), at: now)
            told = .goOn
        } else {
            told = .end
        }
        return true
    }

    /// A person's yes is for this cell and this very reading.
    private func question(_ crossing: RungChange) -> Governance.Request {
        let crossed: JSON.Value = [
            "bound": .integer(crossing.bound), "from": .string(crossing.from.name), "limit": .string(crossing.gauge.name),
            "reading": .integer(crossing.reading),
            "rung": .string(crossing.to.name),
        ]
        let random = (try? Host.random64()) ?? Clock.wall
        let call = CallID(bytes: (0..<4).map { UInt8(truncatingIfNeeded: random >> ($0 * 8)) })!
        let shown: JSON.Value = ["cell": .string(cell.text), "crossed": crossed]
        return Governance.Request(
            call: call, cell: cell, principal: principal, action: SystemAction.limit, resource: .cell(name), context: ["crossed": crossed],
            canonical: try? shown.canonical(), deadline: now.bootNanoseconds &+ 86_400_000_000_000)
    }
}
