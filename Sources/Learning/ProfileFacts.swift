// SPDX-License-Identifier: Apache-2.0
// What a profile lets a cell do, as facts that two profiles can be compared by: words first, one kind after another. Of a learned profile
// the evidence belongs to it: a tool that executes another program than before does more, even where the profile allows it to.

package import Events
package import JSON
package import Sandbox
package import Syscalls

package struct ProfileFacts: Equatable, Sendable {
    package let name: String
    package let chain: [String]
    /// Families and requests.
    package let words: Set<String>
    package let unsafe: Set<String>
    package let reads: Set<String>
    package let writes: Set<String>
    package let hidden: Set<String>
    package let network: String
    package let passes: Set<String>
    package let waived: Set<String>
    /// In the unit of each.
    package let limits: [Limit: Int64]
    package let evidence: Evidence?
    /// Calls of the tables that are allowed, at least with some arguments.
    package let allowedCalls: Int

    /// - Parameters:
    ///   - profile: resolved.
    ///   - bytes: of its file, which may hold evidence; nil for a built-in one.
    package init(_ profile: Profile, policy: SyscallPolicy, evidence: Evidence?) {
        name = profile.name
        chain = profile.chain
        words = Set(policy.families.elements.map(\.name)).union(profile.syscalls.filter { $0.contains(":") })
        unsafe = Set(profile.unsafeSyscalls)
        func paths(_ kind: FileRule.Kind) -> Set<String> {
            Set(profile.files.rules.filter { $0.kind == kind }.map { $0.source == $0.path ? $0.path : "\($0.source):\($0.path)" })
        }
        reads = paths(.read)
        writes = paths(.write)
        hidden = paths(.hide)
        network = profile.network.rawValue
        passes = Set(profile.environment.pass)
        waived = Set(profile.waived.map(\.rawValue))
        limits = profile.limits
        self.evidence = evidence
        allowedCalls = policy.allowedCount
    }
}

/// One thing that one of two profiles does and the other does not.
package struct ProfileChange: Equatable, Sendable {
    /// The second does more by it.
    package let isMore: Bool
    package let text: String

    package var json: Value { ["more": .bool(isMore), "what": .string(text)] }
}

extension ProfileFacts {
    /// What `other` does more, then less. Sorted.
    package func changes(to other: ProfileFacts) -> [ProfileChange] {
        var changes: [ProfileChange] = []
        func compare(_ left: Set<String>, _ right: Set<String>, _ verb: String, moreWhenGone: Bool = false) {
            for word in right.subtracting(left).sorted(by: before) { changes.append(ProfileChange(isMore: !moreWhenGone, text: "\(verb) \(word)")) }
            for word in left.subtracting(right).sorted(by: before) { changes.append(ProfileChange(isMore: moreWhenGone, text: "\(verb) \(word)")) }
        }
        func covered(_ paths: Set<String>, by wider: Set<String>) -> Set<String> {
            // What lies below a folder that is granted anyway is nothing new.
            paths.filter { path in !wider.contains { $0 != path && Paths.contains($0, path) } }
        }
        compare(words, other.words, "syscalls:")
        compare(unsafe, other.unsafe, "unsafe:")
        compare(covered(reads, by: other.reads.union(other.writes)), covered(other.reads, by: reads.union(writes)), "reads")
        compare(covered(writes, by: other.writes), covered(other.writes, by: writes), "writes")
        compare(hidden, other.hidden, "hides", moreWhenGone: true)
        if network != other.network {
            let ranks = Evidence.networks
            changes.append(
                ProfileChange(
                    isMore: (ranks.firstIndex(of: other.network) ?? 0) > (ranks.firstIndex(of: network) ?? 0), text: "network: \(other.network), was \(network)"
                ))
        }
        compare(passes, other.passes, "environment:")
        compare(waived, other.waived, "goes without the wall")
        for limit in Limit.ofProfiles where limits[limit] != other.limits[limit] {
            let (old, new) = (limits[limit], other.limits[limit])
            func text(_ value: Int64?) -> String { value.map { LearnedLimits.text(limit, $0) } ?? "none" }
            // Measured ones are told and not judged: where what was used lies at the edge of a step, the next run may take the other side of it.
            changes.append(
                ProfileChange(isMore: other.evidence == nil && (new ?? .max) > (old ?? .max), text: "limit \(limit.rawValue): \(text(new)), was \(text(old))"))
        }
        if let mine = evidence, let theirs = other.evidence {
            func needs(_ side: Evidence) -> Set<String> {
                Set(
                    side.calls.flatMap { tool, needs in
                        needs.words.map { "\(tool): \($0)" } + needs.programs.map { "\(tool): executes \($0)" }
                            + needs.changes.map { "\(tool): changes files in \($0)" }
                    })
            }
            compare(needs(mine), needs(theirs), "a call of")
            compare(mine.programs, theirs.programs, "executes")
            compare(mine.addresses, theirs.addresses, "connects to")
            compare(mine.changes, theirs.changes, "changes files in")
            compare(mine.wanted, theirs.wanted, "asks for")
            compare(mine.secrets, theirs.secrets, "asks for the hidden")
            compare(mine.refused, theirs.refused, "tries")
            compare(mine.candidates.subtracting(mine.granted.words), theirs.candidates.subtracting(theirs.granted.words), "candidate:")
        }
        return changes.filter(\.isMore) + changes.filter { !$0.isMore }
    }

    /// The profile in sentences, the first of which says most.
    package func sentences(home: String?) -> [String] {
        func list(_ names: some Collection<String>, _ most: Int = 12) -> String {
            let all = names.map { Evidence.contracted($0, home: home) }.sorted(by: before)
            return all.prefix(most).joined(separator: ", ") + (all.count > most ? " and \(all.count - most) more" : "")
        }
        let system = reads.filter { ["/usr", "/bin", "/sbin", "/lib", "/lib64"].contains($0) || $0.hasPrefix("/etc/") }
        let own = reads.subtracting(system)
        var first = words.isEmpty ? "the base alone" : words.sorted(by: before).joined(separator: " ")
        first += own.isEmpty ? "; reads system programs only" : "; reads \(list(own, 4))"
        first += writes.isEmpty ? "; writes nothing" : "; writes \(list(writes, 4))"
        first += network == "none" ? "; no network" : "; network \(network)"
        var lines = ["\(name): \(first)", "profile: \(chain.joined(separator: " -> "))"]
        for word in words.sorted(by: before) {
            let reason = Family(named: word)?.reason ?? "one request by itself"
            lines.append("grants \(word): \(reason)\(evidence?.seen[word].map { "; \(Evidence.words(of: $0))" } ?? "")")
        }
        for word in unsafe.sorted(by: before) { lines.append("unsafe \(word): \(Forbidden(named: word)?.reason ?? "")") }
        if !own.isEmpty { lines.append("reads \(list(own))") }
        if !system.isEmpty { lines.append("reads, of the system, \(list(system, 20))") }
        if !writes.isEmpty { lines.append("writes \(list(writes))") }
        lines.append("hides \(hidden.count) places of secrets")
        let bounds = Limit.ofProfiles.compactMap { limit in limits[limit].map { "\(limit.rawValue) \(LearnedLimits.text(limit, $0))" } }
        if !bounds.isEmpty { lines.append("limits \(bounds.joined(separator: ", "))") }
        if !waived.isEmpty { lines.append("goes without the walls \(list(waived))") }
        lines.append("allows \(allowedCalls) system calls, the base \(SyscallPolicy().allowedCount); Docker's default allows 308 (x86_64, no capability)")
        guard let evidence else { return lines }
        lines.append(
            "learned from \(evidence.program): \(evidence.runs) run\(evidence.runs == 1 ? "" : "s"), \(evidence.distinct) distinct input\(evidence.distinct == 1 ? "" : "s")\(evidence.failed > 0 ? ", \(evidence.failed) failed and kept apart" : ""); version \(evidence.version)"
        )
        lines.append(
            "something new in the next run: \(evidence.unseen.map(Evidence.text) ?? "1.0")\(evidence.doubt.map { "; not sure yet: \($0)" } ?? "; sure enough")")
        switch evidence.promotion {
        case .no: lines.append("not promoted: the next run may still widen it")
        case .yes: lines.append("promoted: runs add candidates only")
        case .forced: lines.append("promoted by force: runs add candidates only")
        }
        for (tool, needs) in evidence.calls.sorted(by: { before($0.key, $1.key) }) {
            let parts =
                (needs.words.isEmpty ? [] : [needs.words.sorted(by: before).joined(separator: " ")])
                + (needs.programs.isEmpty ? [] : ["executes \(list(needs.programs, 4))"]) + (needs.changes.isEmpty ? [] : ["changes \(list(needs.changes, 4))"])
            lines.append(
                "\(tool == CallSeen.between ? "between calls" : "call \(tool)"): \(parts.isEmpty ? "nothing beyond the base" : parts.joined(separator: "; "))")
        }
        for (what, names) in [
            ("executes", evidence.programs), ("connects to", evidence.addresses), ("changes files in", evidence.changes),
            ("asked for, exists, not granted:", evidence.wanted), ("asked for, hidden, never granted:", evidence.secrets),
            ("refused, and never learned:", evidence.refused), ("candidates:", evidence.candidates),
        ] where !names.isEmpty { lines.append("\(what) \(list(names))") }
        return lines
    }

    package var json: Value {
        func array(_ names: Set<String>) -> Value { .array(names.sorted(by: before).map { .string($0) }) }
        var members: [Member] = [
            Member(name: "fumehood", value: 1), Member(name: "profile", value: .string(name)), Member(name: "chain", value: .array(chain.map { .string($0) })),
            Member(name: "syscalls", value: array(words)), Member(name: "unsafe", value: array(unsafe)), Member(name: "reads", value: array(reads)),
            Member(name: "writes", value: array(writes)), Member(name: "hides", value: array(hidden)), Member(name: "network", value: .string(network)),
            Member(name: "environment", value: array(passes)), Member(name: "waived", value: array(waived)),
            Member(name: "allowed_calls", value: .integer(Int64(allowedCalls))),
        ]
        members.append(
            Member(
                name: "limits",
                value: .object(
                    Object(
                        limits.sorted { before($0.key.rawValue, $1.key.rawValue) }.map {
                            Member(name: $0.key.unit == "count" ? $0.key.rawValue : "\($0.key.rawValue)_\($0.key.unit)", value: .integer($0.value))
                        }))))
        if let evidence { members.append(Member(name: "learned", value: evidence.json)) }
        return .object(Object(members))
    }
}

extension Evidence {
    /// `seen in 3 runs at start-up: execve; inferred: execveat`
    static func words(of sighting: Sighting) -> String {
        let inferred = Evidence.inferred(from: sighting.calls)
        return
            "seen in \(sighting.runs) run\(sighting.runs == 1 ? "" : "s"), \(sighting.phase.rawValue): \(sighting.calls.sorted(by: before).joined(separator: " "))"
            + (inferred.isEmpty ? "" : "; inferred: \(inferred.sorted(by: before).joined(separator: " "))")
    }

    package var json: Value {
        func array(_ names: Set<String>) -> Value { .array(names.sorted(by: before).map { .string($0) }) }
        return [
            "version": .integer(Int64(version)), "command": .string(command), "program": .string(program), "promoted": .string(promotion.rawValue),
            "runs": .integer(Int64(runs)), "distinct": .integer(Int64(distinct)), "failed": .integer(Int64(failed)),
            "unseen": unseen.map { .string(Evidence.text($0)) } ?? .null, "doubt": doubt.map { .string($0) } ?? .null,
            "grants": .array(
                seen.sorted { before($0.key, $1.key) }.map { word, sighting in
                    [
                        "word": .string(word), "runs": .integer(Int64(sighting.runs)), "phase": .string(sighting.phase.rawValue), "seen": array(sighting.calls),
                        "inferred": array(Evidence.inferred(from: sighting.calls)),
                    ]
                }),
            "executes": array(programs), "addresses": array(addresses), "changes": array(changes), "wanted": array(wanted), "secrets": array(secrets),
            "refused": array(refused), "candidates": array(candidates),
            "calls": .array(
                calls.sorted { before($0.key, $1.key) }.map { tool, needs in
                    ["tool": .string(tool), "needs": array(needs.words), "executes": array(needs.programs), "changes": array(needs.changes)]
                }),
        ]
    }
}
