// SPDX-License-Identifier: Apache-2.0
// One door for all the servers of a session: each exchange asks through a part of its own, and hears the verdicts of its own calls, whoever's
// look at the clock brought them.

package import Broker
package import Events
package import Governance
import JSON

package final class SharedJudge {
    private let judge: any Judge
    private var tools: [String: [ToolShape]] = [:]
    /// Which part a call is of that waits.
    private var waiting: [CallID: Int] = [:]
    private var parts: [Int: Part] = [:]
    private var count = 0
    /// Called with each decision.
    private let onDecision: (Governance.Request, Decision) -> Void

    package init(_ judge: any Judge, onDecision: @escaping (Governance.Request, Decision) -> Void = { _, _ in }) {
        self.judge = judge
        self.onDecision = onDecision
    }

    /// For the exchange with one server.
    package func part(of server: String) -> Part {
        count += 1
        let part = Part(self, server, count)
        parts[count] = part
        return part
    }

    /// It asks no more; a yes that comes for it later is given back.
    package func close(_ part: Part) { parts[part.number] = nil }

    /// Hands each verdict to whoever waits for it.
    private func tick(at now: Instant) {
        for (call, verdict) in judge.tick(at: now) {
            if let owner = waiting.removeValue(forKey: call), let part = parts[owner] {
                part.inbox.append((call, verdict))
            } else if case .allow = verdict {
                judge.settle(call, usage: [], end: .notForwarded("whoever asked has gone"), at: now)
            }
        }
    }

    package final class Part: Judge {
        private let shared: SharedJudge
        private let server: String
        fileprivate let number: Int
        fileprivate var inbox: [(call: CallID, verdict: Verdict)] = []

        fileprivate init(_ shared: SharedJudge, _ server: String, _ number: Int) { (self.shared, self.server, self.number) = (shared, server, number) }

        package func decide(_ request: Governance.Request, at now: Instant) -> Decision {
            let decision = shared.judge.decide(request, at: now)
            if case .pending = decision { shared.waiting[request.call] = number }
            shared.onDecision(request, decision)
            return decision
        }

        package func standing(of permit: Permit) -> Standing { shared.judge.standing(of: permit) }

        package func tick(at now: Instant) -> [(call: CallID, verdict: Verdict)] {
            if let due = shared.judge.nextDeadline, now >= due { shared.tick(at: now) }
            defer { inbox = [] }
            return inbox
        }

        package var nextDeadline: Instant? { inbox.isEmpty ? shared.judge.nextDeadline : 0 }

        package func withdraw(_ call: CallID, because reason: String, at now: Instant) {
            shared.waiting[call] = nil
            shared.judge.withdraw(call, because: reason, at: now)
        }

        package func spent(_ call: CallID, _ usage: [Cost], at now: Instant) -> Refusal? { shared.judge.spent(call, usage, at: now) }

        package func settle(_ call: CallID, usage: [Cost], end: CallEnd, at now: Instant) { shared.judge.settle(call, usage: usage, end: end, at: now) }

        package func refused(_ request: Governance.Request, _ refusal: Refusal, at now: Instant) {
            shared.judge.refused(request, refusal, at: now)
            shared.onDecision(request, .verdict(.deny(refusal)))
        }

        package func mayAllow(_ action: String, _ resource: Governance.Resource, for principal: Principal) -> Bool {
            shared.judge.mayAllow(action, resource, for: principal)
        }

        package func learn(_ tools: [ToolShape], at now: Instant) {
            // A server that starts anew for each call lists the same each time: the policies stand then.
            if shared.tools[server] == tools { return }
            shared.tools[server] = tools
            shared.judge.learn(shared.tools.keys.sorted().flatMap { shared.tools[$0] ?? [] }, at: now)
        }
    }
}
