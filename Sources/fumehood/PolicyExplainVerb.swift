// SPDX-License-Identifier: Apache-2.0
// `fumehood policy explain`: the verdict of one request, policy by policy, and what would allow it.

import ArgumentParser
import Cedar
import JSON

struct PolicyExplainVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explains one request: which policies match, what keeps the near ones from it, what would allow it.",
        discussion: "Exit code 0: it is explained, whatever the verdict. 2: it could not be judged.")

    @OptionGroup var inputs: PolicyInputs
    @Flag(name: .customLong("all"), help: "also the policies whose scope is about other requests") var all = false
    @Flag(name: .customLong("json"), help: "as one JSON object, with all policies") var json = false

    func run() throws {
        try PolicyJudging.run(json: json) {
            let loaded = try inputs.load()
            let explanation = Explanation(loaded.snapshot, places: loaded.places, loaded.request, loaded.entities)
            if json {
                PolicyJudging.write(
                    PolicyReport.document(
                        explanation.outcome,
                        adding: [
                            JSON.Member(name: "policies", value: .array(explanation.accounts.map { explanation.json($0) })),
                            JSON.Member(name: "advice", value: .array(explanation.advice.map { .string($0) }))
                        ]))
            } else {
                Messages.write(text(explanation, loaded.places), to: 1)
            }
            return true
        }
    }

    private func text(_ explanation: Explanation, _ places: PolicyPlaces) -> String {
        var out = PolicyReport.text(explanation.outcome, places)
        func line(_ account: PolicyAccount, _ tail: String) -> String {
            "  \(account.effect.rawValue) \(places.short(account.id)) (\(places.place(account.id)))\(account.logsOnly ? ", only logs" : "")\(tail)\n"
        }
        func section(_ title: String, _ lines: [String]) {
            if !lines.isEmpty { out += "\n\(title)\n" + lines.joined() }
        }
        section("matched", explanation.accounts.filter(\.isMatched).map { line($0, "") })
        section(
            "near: the scope fits, a condition does not",
            explanation.near.map { account in
                guard case .unmet(let conjuncts, let passed, let total) = account.status, let first = conjuncts.first else { return "" }
                var text = line(account, ", \(passed) of \(total) conditions")
                let why = first.failure ?? (first.isNegated ? "true, and stands in `unless`" : "false")
                text += "    \(first.text)\n      is \(why)\n"
                for found in first.found { text += "      \(found.expression) is \(found.value)\n" }
                if conjuncts.count > 1 { text += "    and \(conjuncts.count - 1) more after it\n" }
                return text
            })
        let outside = explanation.accounts.filter { if case .outside = $0.status { true } else { false } }
        if all {
            section(
                "about other requests",
                outside.map { account in
                    guard case .outside(let misses) = account.status else { return "" }
                    return line(account, "") + misses.map { "    \($0.wanted)\n      the request has \($0.found)\n" }.joined()
                })
        } else if !outside.isEmpty {
            out += "\n\(outside.count) \(outside.count == 1 ? "policy is" : "policies are") about other requests (--all shows them)\n"
        }
        let aside = explanation.accounts.filter { if case .setAside = $0.status { true } else { false } }
        section("set aside: the schema lacks what they name", aside.map { line($0, "") })
        section("to allow it", explanation.advice.map { "  \($0)\n" })
        return out
    }
}
