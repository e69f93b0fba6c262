// SPDX-License-Identifier: Apache-2.0
//
// What would allow a request that was not allowed: which forbids stand in the way, and which permit is nearest and what it
// misses. It is advice for the author of policies: it names what is false, not whether it should be true.

struct Advice {
    let outcome: Outcome
    let accounts: [PolicyAccount]
    let places: PolicyPlaces

    /// How far a policy is from matching: parts of its scope weigh more than conjuncts.
    static func distance(_ account: PolicyAccount) -> Int {
        switch account.status {
        case .matched: 0
        case .failed: 1
        case .unmet(let conjuncts, _, _): conjuncts.count
        case .outside(let misses): misses.count * 100
        case .setAside: .max
        }
    }

    private func name(_ account: PolicyAccount) -> String { name(account.id) }

    private func name(_ id: Text) -> String { "`\(places.short(id))` (\(places.place(id)))" }

    var sentences: [String] {
        var sentences: [String] = []
        guard outcome.verdict >= .ask else { return [] }
        for ask in outcome.asks {
            sentences.append("permit \(name(ask.policy)) asks\(ask.reason.isEmpty ? "" : ": \(ask.reason)"): a person must agree")
        }
        guard outcome.verdict != .ask else { return sentences }
        for account in accounts where account.effect == .forbid && !account.logsOnly {
            if account.isMatched {
                sentences.append("forbid \(name(account)) matches and must not: no permit overrides it")
            } else if case .failed(let error) = account.status, outcome.failedForbids.contains(account.id) {
                let why = error.description.prefix { $0 != "\n" }
                sentences.append("forbid \(name(account)) fails, which denies: \(why)")
            }
        }
        let permits = accounts.filter { $0.effect == .permit && !$0.logsOnly }
        guard !permits.contains(where: \.isMatched) else { return sentences }
        guard let nearest = permits.map(Self.distance).min(), nearest < .max else {
            sentences.append("no permit is in the set: by default everything is denied")
            return sentences
        }
        // More than a few that are equally near say nothing.
        for account in permits.filter({ Self.distance($0) == nearest }).prefix(3) { sentences.append(missing(account)) }
        return sentences
    }

    private func missing(_ account: PolicyAccount) -> String {
        let lead = "the nearest permit is \(name(account))"
        switch account.status {
        case .matched, .setAside: return lead
        case .failed(let error): return "\(lead): it fails: \(error.description.prefix { $0 != "\n" })"
        case .outside(let misses):
            let parts = misses.map { "its scope asks for `\($0.wanted)`, the request has `\($0.found)`" }
            return "\(lead): \(parts.joined(separator: "; "))"
        case .unmet(let conjuncts, _, _):
            let parts = conjuncts.map { "`\($0.text)` is \($0.failure ?? ($0.isNegated ? "true and should be false" : "false"))" }
            return "\(lead): \(parts.joined(separator: "; "))"
        }
    }
}
