// SPDX-License-Identifier: Apache-2.0
//
// Cases: requests with what should come of them. Running them says which hold, and which policies no case ever needed. How
// they are written in a file is the reader's affair.

public import JSON

/// One request and what is expected of it. What is nil is not looked at.
public struct PolicyCase: Sendable {
    public var name: String
    public var request: Request
    public var entities: Entities
    /// Ids of policies that must match (be satisfied), and of those that must not.
    public var match: [Text] = []
    public var notMatch: [Text] = []
    public var decision: Decision?
    public var verdict: Verdict?
    /// Ids of policies whose evaluation must fail; all of them.
    public var errors: [Text]?
    public var ask: Text?
    public var throttle: Throttle?
    public var redact: [Text]?
    public var raise: Int64?

    public init(name: String, request: Request, entities: Entities) {
        self.name = name
        self.request = request
        self.entities = entities
    }
}

/// How one case went.
public struct CaseResult: Sendable {
    public let name: String
    public let outcome: Outcome
    /// What differs from what was expected, one sentence each.
    public let differences: [String]

    public var isPassed: Bool { differences.isEmpty }
}

/// How often the policies of a set were needed by cases.
public struct PolicyCoverage: Sendable {
    public let ids: [Text]
    private var determined: [Text: Int] = [:]
    private var matched: [Text: Int] = [:]

    init(_ ids: [Text]) { self.ids = ids }

    mutating func note(_ outcome: Outcome, matched policies: [Text]) {
        for id in outcome.reasons { determined[id, default: 0] += 1 }
        for id in policies { matched[id, default: 0] += 1 }
    }

    /// In how many cases the policy decided.
    public func determining(_ id: Text) -> Int { determined[id] ?? 0 }
    /// In how many cases it matched, deciding or not.
    public func matching(_ id: Text) -> Int { matched[id] ?? 0 }
    /// Those that decided nothing.
    public var unused: [Text] { ids.filter { determining($0) == 0 } }
}

/// Runs cases against one snapshot.
public struct CaseRun: Sendable {
    public let snapshot: PolicySnapshot
    public let places: PolicyPlaces
    public private(set) var results: [CaseResult] = []
    public private(set) var coverage: PolicyCoverage

    public init(_ snapshot: PolicySnapshot, places: PolicyPlaces) {
        self.snapshot = snapshot
        self.places = places
        coverage = PolicyCoverage(places.ids)
    }

    public mutating func run(_ test: PolicyCase) {
        let outcome = snapshot.decide(test.request, test.entities)
        let found = snapshot.active.matches(test.request, test.entities)
        let matched = found.satisfied.map { snapshot.active.source.policies[Int($0)].id }
        coverage.note(outcome, matched: matched)
        results.append(CaseResult(name: test.name, outcome: outcome, differences: differences(test, outcome, matched)))
    }

    private func differences(_ test: PolicyCase, _ outcome: Outcome, _ matched: [Text]) -> [String] {
        var differences: [String] = []
        func expect(_ what: String, _ wanted: String, _ found: String) {
            if !sameBytes(wanted, found) { differences.append("\(what) should be \(wanted) and is \(found)") }
        }
        func list(_ ids: [Text]) -> String {
            ids.isEmpty ? "none" : Set(ids).sorted().map { "`\(places.short($0))`" }.joined(separator: ", ")
        }
        for id in test.match where !matched.contains(id) { differences.append("`\(places.short(id))` should match and does not") }
        for id in test.notMatch where matched.contains(id) { differences.append("`\(places.short(id))` should not match and does") }
        let before = differences.count
        if let decision = test.decision {
            expect("the decision", decision.rawValue, outcome.verdict >= .deny ? "deny" : "allow")
        }
        if let verdict = test.verdict { expect("the verdict", verdict.rawValue, outcome.verdict.rawValue) }
        if differences.count > before {
            var why = [outcome.reasons.isEmpty ? "no permit matches" : "by " + list(outcome.reasons)]
            why += outcome.errors.map { "`\(places.short($0.policy))` fails: \($0.error.description.prefix { $0 != "\n" })" }
            for index in before..<differences.count { differences[index] += ": " + why.joined(separator: "; ") }
        }
        if let errors = test.errors { expect("the policies that fail", list(errors), list(outcome.errors.map(\.policy))) }
        if let ask = test.ask {
            let reasons = outcome.asks.map(\.reason)
            if !reasons.contains(ask) {
                differences.append("`\(ask)` should be asked and \(reasons.isEmpty ? "nothing is" : reasons.map { "`\($0)`" }.joined(separator: ", ") + " is")")
            }
        }
        if let throttle = test.throttle { expect("the rate", throttle.written, outcome.throttle?.written ?? "none") }
        if let redact = test.redact { expect("the redacted fields", list(redact), list(outcome.redactions)) }
        if let raise = test.raise { expect("the new limit", String(raise), outcome.raise.map { String($0) } ?? "none") }
        return differences
    }
}

extension Throttle {
    /// As an annotation writes it, with the largest unit that fits.
    public var written: String {
        let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        let (unit, size) = units.first { windowMilliseconds % $0.1 == 0 } ?? ("ms", 1)
        return "\(count)/\(windowMilliseconds / size)\(unit)"
    }
}

extension Outcome {
    /// The outcome as JSON, without its `fumehood` line.
    public var json: JSON.Value {
        [
            "decision": .string(verdict >= .deny ? "deny" : "allow"), "verdict": .string(verdict.rawValue),
            "reasons": .array(reasons.map { .string($0.string) }),
            "errors": .array(errors.map { ["policy": .string($0.policy.string), "message": .string($0.error.description)] }),
            "failed_forbids": .array(failedForbids.map { .string($0.string) }), "log_only": .array(logOnly.map { .string($0.string) }),
            "obligations": [
                "ask": .array(asks.map { ["policy": .string($0.policy.string), "reason": .string($0.reason.string)] }),
                "throttle": throttle.map { .string($0.written) } ?? .null,
                "redact": .array(redactions.map { .string($0.string) }), "raise": raise.map { .integer($0) } ?? .null,
            ],
        ]
    }
}
