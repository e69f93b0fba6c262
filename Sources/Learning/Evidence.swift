// SPDX-License-Identifier: Apache-2.0
// What all learning runs of one command have shown together, and how sure that makes us. Pure; runs only ever add to it.
//
// How sure: Good-Turing. The chance that the next run needs a word that no run needed yet is about the number of words that exactly one run
// needed, divided by the number of runs. A run counts when its arguments, its folder or its files differ from those of every earlier
// one: repeating a run shows nothing. Failed runs are kept apart, for what a failing program does is not what it is for.
// Source: I. J. Good, The population frequencies of species (1953).

package import Events
import Sandbox

package struct Evidence: Equatable, Sendable {
    /// How the grants came to stand as they are.
    package enum Promotion: String, CaseIterable, Sendable { case no, yes, forced }

    /// Promotion needs so many runs with distinct inputs, and no greater chance of something new.
    package static let leastRuns = 5
    package static let greatestUnseen = 0.1
    /// Inputs that are remembered; runs with further ones no longer count.
    package static let inputBound = 256
    package static let nameBound = 256

    /// What a profile grants.
    package struct Grants: Equatable, Sendable {
        package var words: Set<String> = []
        package var reads: Set<String> = []
        package var writes: Set<String> = []
        package var network = "none"
        package var passes: Set<String> = []
        /// In the unit of each.
        package var limits: [Limit: Int64] = [:]
        package init() {}
    }

    /// Grows by one whenever the grants change.
    package var version = 0
    /// The command and its first argument, for people.
    package let command: String
    /// The command's program; runs of another one are not merged.
    package let program: String
    /// The profile that all runs were made under.
    package let extends: String
    package var promotion = Promotion.no
    /// Runs that succeeded, repeated ones included.
    package var runs = 0
    package var failed = 0
    package var inputs: Set<String> = []
    package var seen: [String: Sighting] = [:]
    package var granted = Grants()
    package var programs: Set<String> = []
    package var addresses: Set<String> = []
    package var changes: Set<String> = []
    package var wanted: Set<String> = []
    package var secrets: Set<String> = []
    package var refused: Set<String> = []
    /// By tool, of an MCP server.
    package var calls: [String: CallNeeds] = [:]
    /// Words that only failed runs needed, and grants that came after the promotion: kept, and not granted.
    package var candidates: Set<String> = []

    package init(command: String, program: String, extends: String) {
        self.command = command
        self.program = program
        self.extends = extends
    }

    /// Runs with distinct inputs.
    package var distinct: Int { inputs.count }
    /// Words that exactly one of them needed.
    package var singletons: Int { seen.values.count { $0.runs <= 1 } }

    /// The chance that the next run needs a new word, 0 to 1; nil without a run.
    package var unseen: Double? { distinct == 0 ? nil : min(1, Double(singletons) / Double(distinct)) }

    /// Why it should not be promoted; nil where it may be.
    package var doubt: String? {
        if distinct < Evidence.leastRuns {
            return "\(distinct) distinct input\(distinct == 1 ? "" : "s"), \(Evidence.leastRuns) are needed"
        }
        let chance = unseen ?? 1
        return chance > Evidence.greatestUnseen
            ? "the next run needs something new with a chance of \(Evidence.text(chance)), \(Evidence.text(Evidence.greatestUnseen)) is the most" : nil
    }

    /// With one or two digits.
    package static func text(_ chance: Double) -> String {
        let hundredths = Int((chance * 100).rounded(.up))
        if hundredths % 10 == 0 { return "\(hundredths / 100).\(hundredths / 10 % 10)" }
        return "\(hundredths / 100).\(hundredths < 10 ? "0" : "")\(hundredths % 100)"
    }

    /// What a run with this input need not be asked about: its calls run as fast as under the profile.
    /// Of a known input nothing is counted. Of a new one, what only one run needed decides how sure we are, and is looked at until another did.
    package func released(for input: String) -> Set<String> {
        if inputs.contains(input) { return granted.words }
        if distinct < Evidence.leastRuns { return [] }
        return granted.words.filter { (seen[$0]?.runs ?? 0) >= 2 }
    }

    /// Adds one run.
    package mutating func add(_ run: LearnedRun) {
        let before = granted
        func bounded(_ old: Set<String>, _ new: Set<String>) -> Set<String> { Set(old.union(new).sorted().prefix(Evidence.nameBound)) }
        wanted = bounded(wanted, run.wanted)
        secrets = bounded(secrets, run.secrets)
        refused = bounded(refused, run.refused)
        guard run.succeeded else {
            failed += 1
            candidates = bounded(candidates, Set(run.grants.keys.filter { seen[$0] == nil }))
            return
        }
        runs += 1
        let counts = !inputs.contains(run.input) && inputs.count < Evidence.inputBound
        if counts { inputs.insert(run.input) }
        for (word, new) in run.grants {
            var old = seen[word] ?? Sighting(runs: 0, phase: new.phase, calls: [])
            if counts || old.runs == 0 { old.runs += 1 }
            old.phase = min(old.phase, new.phase)
            old.calls = bounded(old.calls, new.calls)
            seen[word] = old
        }
        programs = bounded(programs, run.programs)
        addresses = bounded(addresses, run.addresses)
        changes = bounded(changes, run.changes)
        var wider = granted
        wider.words.formUnion(seen.keys)
        wider.writes.formUnion(run.writes)
        wider.reads = wider.reads.union(run.reads).subtracting(wider.writes)
        if Evidence.networks.firstIndex(of: run.network) ?? 0 > Evidence.networks.firstIndex(of: wider.network) ?? 0 { wider.network = run.network }
        wider.passes.formUnion(run.passes)
        for (limit, peak) in run.peaks {
            wider.limits[limit] = LearnedLimits.proposed(limit, peak: peak, old: wider.limits[limit], bound: run.bounds[limit])
        }
        take(run.calls)
        if promotion == .no { granted = wider } else { candidates = bounded(candidates, Evidence.additions(from: granted, to: wider)) }
        candidates.subtract(granted.words)
        if granted != before || version == 0 { version += 1 }
    }

    private mutating func take(_ new: [String: CallNeeds]) {
        for (tool, needs) in new.sorted(by: { before($0.key, $1.key) }) where calls[tool] != nil || calls.count < Evidence.nameBound {
            calls[tool, default: CallNeeds()].formUnion(needs)
        }
    }

    static let networks = ["none", "loopback", "host"]

    /// What the second grants and the first does not, in words.
    private static func additions(from old: Grants, to new: Grants) -> Set<String> {
        var all = new.words.subtracting(old.words)
        all.formUnion(new.reads.subtracting(old.reads).subtracting(old.writes).map { "read \($0)" })
        all.formUnion(new.writes.subtracting(old.writes).map { "write \($0)" })
        if new.network != old.network { all.insert("network \(new.network)") }
        all.formUnion(new.passes.subtracting(old.passes).map { "environment \($0)" })
        for (limit, value) in new.limits where old.limits[limit].map({ $0 < value }) ?? false {
            all.insert("limit \(limit.rawValue) \(LearnedLimits.text(limit, value))")
        }
        return all
    }

    /// Makes the grants stand: later runs only add candidates. A second promotion takes the candidates that were seen.
    /// - Throws: ``LearningError/doubtful(_:_:)`` unless it is forced.
    package mutating func promote(named name: String, forced: Bool) throws(LearningError) {
        if let doubt, !forced { throw .doubtful(name, doubt) }
        if promotion != .no {
            let before = granted
            for candidate in candidates {
                if seen[candidate] != nil { granted.words.insert(candidate) }
                if candidate.hasPrefix("read /") { granted.reads.insert(String(candidate.dropFirst(5))) }
                if candidate.hasPrefix("write /") { granted.writes.insert(String(candidate.dropFirst(6))) }
                if candidate.hasPrefix("network ") { granted.network = String(candidate.dropFirst(8)) }
                if candidate.hasPrefix("environment ") { granted.passes.insert(String(candidate.dropFirst(12))) }
                let words = candidate.split(separator: " ")
                if words.count == 3, words[0] == "limit", let limit = Limit(rawValue: String(words[1])), let value = try? limit.bound(String(words[2])) {
                    granted.limits[limit] = max(granted.limits[limit] ?? value, value)
                }
            }
            granted.reads.subtract(granted.writes)
            candidates = candidates.filter { seen[$0] == nil && !$0.contains(" ") }
            if granted != before { version += 1 }
        }
        promotion = doubt == nil ? .yes : .forced
    }

    /// Puts the evidence of another place beside this one: nothing is lost, what both saw counts for both where their inputs differ.
    /// - Throws: where they are of different programs or of runs under different profiles.
    package mutating func merge(_ other: Evidence, named name: String) throws(LearningError) {
        try check(program: other.program, extends: other.extends, name: name)
        let new = other.inputs.subtracting(inputs).count
        for (word, theirs) in other.seen {
            guard var mine = seen[word] else {
                seen[word] = theirs
                continue
            }
            mine.runs = max(mine.runs, min(mine.runs + min(theirs.runs, new), distinct + new))
            mine.phase = min(mine.phase, theirs.phase)
            mine.calls.formUnion(theirs.calls)
            seen[word] = mine
        }
        let before = granted
        inputs = Set(inputs.union(other.inputs).sorted().prefix(Evidence.inputBound))
        runs += other.runs
        failed += other.failed
        for path in [\Evidence.programs, \.addresses, \.changes, \.wanted, \.secrets, \.refused, \.candidates] {
            self[keyPath: path] = Set(self[keyPath: path].union(other[keyPath: path]).sorted().prefix(Evidence.nameBound))
        }
        var wider = granted
        wider.words.formUnion(other.granted.words)
        wider.writes.formUnion(other.granted.writes)
        wider.reads = wider.reads.union(other.granted.reads).subtracting(wider.writes)
        wider.passes.formUnion(other.granted.passes)
        if Evidence.networks.firstIndex(of: other.granted.network) ?? 0 > Evidence.networks.firstIndex(of: wider.network) ?? 0 {
            wider.network = other.granted.network
        }
        wider.limits.merge(other.granted.limits) { max($0, $1) }
        take(other.calls)
        if promotion == .no { granted = wider } else { candidates.formUnion(Evidence.additions(from: granted, to: wider)) }
        candidates.subtract(granted.words)
        if granted != before { version += 1 }
    }

    /// Whether a run of this program under this profile belongs here.
    package func check(program: String, extends: String, name: String) throws(LearningError) {
        if program != self.program { throw .otherProgram(name, old: self.program, new: program) }
        if extends != self.extends { throw .otherProfile(name, old: self.extends, new: extends) }
    }
}
