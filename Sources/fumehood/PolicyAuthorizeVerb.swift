// SPDX-License-Identifier: Apache-2.0
// `fumehood policy authorize`: one request, decided as a session would decide it. Nothing is asked, counted or recorded.

import ArgumentParser
import Cedar
import JSON

struct PolicyAuthorizeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authorize", abstract: "Decides one request: the verdict, the policies that determined it, errors, obligations.",
        discussion: "Exit code 0: the call may go on (allow, throttle). 1: it may not, or not yet (ask, deny, kill). 2: this could not be judged.")

    @OptionGroup var inputs: PolicyInputs
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func run() throws {
        try PolicyJudging.run(json: json) {
            let loaded = try inputs.load()
            let outcome = loaded.snapshot.decide(loaded.request, loaded.entities)
            if json {
                PolicyJudging.write(PolicyReport.document(outcome, adding: []))
            } else {
                Messages.write(PolicyReport.text(outcome, loaded.places), to: 1)
            }
            return outcome.verdict <= .throttle
        }
    }
}

enum PolicyReport {
    static func document(_ outcome: Outcome, adding members: [JSON.Member]) -> JSON.Value {
        .object(JSON.Object([JSON.Member(name: "fumehood", value: 1)] + (outcome.json.asObject?.members ?? []) + members))
    }

    static func text(_ outcome: Outcome, _ places: PolicyPlaces) -> String {
        func name(_ id: Text) -> String { "\(places.short(id)) (\(places.place(id)))" }
        var out = "\(outcome.verdict.rawValue)\n"
        for id in outcome.reasons { out += "  by \(name(id))\n" }
        if outcome.reasons.isEmpty { out += "  by default: no permit matches\n" }
        for failure in outcome.errors {
            let fatal = outcome.failedForbids.contains(failure.policy) ? ", which denies" : ", left out"
            let lines = failure.error.description.split(separator: "\n")
            out += "  error in \(name(failure.policy))\(fatal): \(lines.first ?? "")\n"
            for line in lines.dropFirst() { out += "    \(line)\n" }
        }
        for id in outcome.logOnly { out += "  would have counted, and only logs: \(name(id))\n" }
        for ask in outcome.asks { out += "  ask: \(ask.reason.isEmpty ? "no reason given" : ask.reason.string) (\(places.short(ask.policy)))\n" }
        if let throttle = outcome.throttle { out += "  throttle: \(throttle.written)\n" }
        for field in outcome.redactions { out += "  redact: \(field)\n" }
        if let raise = outcome.raise { out += "  raise: \(raise)\n" }
        return out
    }
}
