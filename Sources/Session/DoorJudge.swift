// SPDX-License-Identifier: Apache-2.0
// The exchange's questions brought to the door, with the clocks that neither of them reads, and the yes of persons brought back: it lies in
// a folder that no cell sees. Whoever lays it there is outside.

import Broker
package import Events
package import Governance
import JSON
import Linux

package final class DoorJudge: Judge {
    private let door: Door
    private let boot: String
    private let approvals: Approvals?
    private let rulebook: ([ToolShape]) throws -> Rulebook
    private let say: (String) -> Void
    /// When the folder of approvals is looked at again; CLOCK_BOOTTIME.
    private var nextLook: Int64?

    /// Nanoseconds between looks for a person's answer.
    static let pause: Int64 = 300_000_000

    /// - Parameters:
    ///   - boot: the boot's id.
    ///   - rulebook: the policies in force for these tools.
    ///   - say: sentences for people.
    package init(_ door: Door, boot: String, approvals: Approvals?, rulebook: @escaping ([ToolShape]) throws -> Rulebook, say: @escaping (String) -> Void) {
        self.door = door
        self.boot = boot
        self.approvals = approvals
        self.rulebook = rulebook
        self.say = say
    }

    private func reading(_ now: Int64) -> Reading { Reading(boot: boot, bootNanoseconds: now, wallNanoseconds: Int64(clamping: Clock.wall)) }

    package func decide(_ request: Governance.Request, at now: Int64) -> Decision {
        let decision = door.decide(request, at: reading(now))
        if case .pending(let id, _, let reason) = decision {
            nextLook = now + Self.pause
            say("call \(id.call) waits for a person: \(reason); fumehood approve \(id.call)")
        }
        return decision
    }

    package func standing(of permit: Permit) -> Standing { door.standing(of: permit.ticket) }

    package var nextDeadline: Int64? {
        switch (door.nextDeadline, nextLook) {
        case (let one?, let two?): min(one, two)
        case (let one, let two): one ?? two
        }
    }

    package func tick(at now: Int64) -> [(call: CallID, verdict: Verdict)] {
        var verdicts = door.tick(reading(now))
        guard nextLook != nil else { return verdicts }
        let waiting = door.waiting
        for item in waiting {
            if let approval = approvals?.take(item.digest, at: now) { verdicts += door.answer(item.id, .approved(approval), at: reading(now)) }
        }
        nextLook = waiting.isEmpty ? nil : now + Self.pause
        return verdicts
    }

    package func withdraw(_ call: CallID, because reason: String, at now: Int64) { door.withdraw(call, because: reason, at: reading(now)) }

    package func settle(_ call: CallID, usage: [Cost], end: CallEnd, at now: Int64) { door.settle(call, usage: usage, end: end, at: reading(now)) }

    package func spent(_ call: CallID, _ usage: [Cost], at now: Int64) -> Refusal? { door.spent(call, usage, at: reading(now)) }

    package func refused(_ request: Governance.Request, _ refusal: Refusal, at now: Int64) {
        var note = Note(.denial, session: request.principal.session, cell: request.cell, call: request.call)
        (note.tool, note.outcome) = (request.action, "deny")
        note.data = ["cause": .string(refusal.kind.rawValue), "reason": .string(refusal.reason), "resource": .string(request.resource.name)]
        door.note(note, at: reading(now))
    }

    package func mayAllow(_ action: String, _ resource: Governance.Resource, for principal: Principal) -> Bool {
        door.mayAllow(action, resource, for: principal)
    }

    package func learn(_ tools: [ToolShape], at now: Int64) {
        do {
            let rules = try rulebook(tools)
            for warning in rules.warnings { say(warning) }
            _ = door.replace(rules, at: reading(now))
        } catch {
            // The policies of before stand, which know no tool that is new.
            say(
                "the policies do not load for these tools, so none of them is permitted: \((error as? PolicyLoadFailure)?.problems.joined(separator: "; ") ?? "\(error)")"
            )
        }
    }
}

/// Why policies do not load, in sentences.
package struct PolicyLoadFailure: Error {
    package let problems: [String]
    package init(_ problems: [String]) { self.problems = problems }
}
