// SPDX-License-Identifier: Apache-2.0
//
// The policies in force: read from layers, checked as a whole, immutable, replaced as a whole. What does not load gives an
// error and leaves the old snapshot where it is. It is not the door: it knows no session and no clock.

import JSON

/// One text of policies; all layers together are one set, so a forbid of any of them counts.
public struct PolicyLayer: Sendable {
    /// Unique among the layers, usually the path. Ids of its policies are `name#id`.
    public let name: String
    public let text: SourceText

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        text = SourceText(name: name, bytes: bytes)
    }
}

/// Why policies were not loaded: every cause, each with its text.
public struct PolicyLoadError: Error, Sendable, CustomStringConvertible {
    public let problems: [String]

    public init(problems: [String]) { self.problems = problems }

    public var description: String { problems.joined(separator: "\n") }
}

/// An immutable set of policies, ready to decide.
public struct PolicySnapshot: Sendable {
    /// How strict loading and deciding are.
    public enum Mode: String, Hashable, Sendable {
        /// Cedar's semantics: no schema is needed, a policy that fails is left out.
        case exact
        /// Where agents are governed: a schema is needed and every policy must fit it, a forbid that fails denies, and a
        /// policy whose scope names what the schema lacks is set aside.
        case strict
    }

    public let mode: Mode
    /// All policies, also those that were set aside: what the digest is of.
    public let policies: PolicySet
    /// The policies that decide.
    public let active: CompiledPolicies
    /// What the validator found: warnings only.
    public let warnings: [ValidationFinding]
    /// The ids of the policies that the schema keeps from matching anything.
    public let setAside: Set<Text>
    private let obligations: [Obligations]

    /// Loads the layers.
    ///
    /// - Throws: all errors of all layers: of syntax, of the schema, of annotations.
    public init(layers: [PolicyLayer], schema: Schema?, mode: Mode) throws(PolicyLoadError) {
        var problems: [String] = []
        var set = PolicySet()
        var sources: [Text: SourceText] = [:]
        for layer in layers {
            do throws(CedarError) {
                let read: PolicySet
                do throws(CedarError) {
                    read = try PolicyParser.policies(layer.text)
                } catch {
                    // Read once more, for the errors of all its policies.
                    problems += PolicyParser.errors(layer.text).map { $0.rendered(in: layer.text) }
                    continue
                }
                for var policy in read.policies {
                    policy.id = Self.id(policy, in: layer)
                    sources[policy.id] = layer.text
                    try set.add(policy)
                }
                for template in read.templates {
                    var body = template.body
                    body.id = Self.id(body, in: layer)
                    sources[body.id] = layer.text
                    try set.add(Template(body))
                }
            } catch {
                problems.append(error.rendered(in: layer.text))
            }
        }
        guard problems.isEmpty else { throw PolicyLoadError(problems: problems) }
        try self.init(set, schema: schema, mode: mode, sources: sources)
    }

    /// A snapshot of a set.
    ///
    /// - Parameter sources: the texts of the policies, for messages.
    public init(
        _ set: PolicySet, schema: Schema?, mode: Mode, sources: [Text: SourceText] = [:]
    ) throws(PolicyLoadError) {
        var problems: [String] = []
        var findings: [ValidationFinding] = []
        if let schema {
            findings = Validator(schema: schema).validate(set, mode: mode == .strict ? .strict : .exact)
            if mode == .strict {
                for finding in findings.lazy.filter({ $0.severity == .error }).prefix(PolicyCheck.maximumProblems) {
                    let shown = sources[finding.policy].map { finding.error.rendered(in: $0) }
                    problems.append(shown ?? "policy `\(finding.policy)`: \(finding.message)")
                }
            }
        } else if mode == .strict {
            problems.append("policies cannot be loaded without a schema\nhelp: name one, or load in mode `exact`")
        }
        let aside = Set(findings.lazy.filter { $0.kind == .setAside }.map(\.policy))
        var active = PolicySet()
        var obligations: [Obligations] = []
        for policy in set.policies {
            do throws(CedarError) {
                let read = mode == .strict ? try Obligations(policy) : (try? Obligations(policy)) ?? Obligations()
                guard !aside.contains(policy.id) else { continue }
                try active.add(policy)
                obligations.append(read)
            } catch {
                problems.append(sources[policy.id].map { error.rendered(in: $0) } ?? error.description)
            }
        }
        guard problems.isEmpty else { throw PolicyLoadError(problems: problems) }
        self.mode = mode
        policies = set
        self.active = CompiledPolicies(active)
        warnings = findings.filter { mode == .exact || $0.severity == .warning }
        setAside = aside
        self.obligations = obligations
    }

    /// The id of a policy in the whole set: the layer and its `@id`, or its number.
    static func id(_ policy: Policy, in layer: PolicyLayer) -> Text {
        Text("\(layer.name)#\(policy.annotation("id")?.value ?? policy.id)")
    }

    /// Decides, with obligations.
    ///
    /// - Parameter logOnly: whether the whole engine only logs.
    public func decide(_ request: Request, _ entities: Entities, logOnly: Bool = false) -> Outcome {
        let found = active.matches(request, entities)
        var matches: [Outcome.Match] = []
        matches.reserveCapacity(found.satisfied.count + found.failed.count)
        for number in found.satisfied { matches.append(match(number, nil)) }
        for failure in found.failed { matches.append(match(failure.policy, failure.error)) }
        return Outcome(matches, failedForbidDenies: mode == .strict, logOnly: logOnly)
    }

    private func match(_ number: Int32, _ error: EvaluationError?) -> Outcome.Match {
        let policy = active.storage.source.policies[Int(number)]
        return Outcome.Match(
            id: policy.id, effect: policy.effect, obligations: obligations[Int(number)], error: error)
    }

    /// What the digest is taken of: the ids and JSON forms of all policies and templates, sorted by id. It does not depend
    /// on blanks, comments or the order of layers and policies.
    public var canonicalBytes: [UInt8] {
        let written = policies.policies + policies.templates.map(\.body)
        let list = written.sorted { $0.id < $1.id }.map { policy -> JSON.Value in
            ["id": .string(policy.id.string), "mode": .string(mode.rawValue), "policy": policy.json]
        }
        return JSON.Value.array(list).serialisedBytes()
    }

    /// The digest of the set.
    ///
    /// - Parameter hash: a hash function, such as SHA-256; this module has none.
    public func digest(_ hash: ([UInt8]) -> [UInt8]) -> [UInt8] { hash(canonicalBytes) }
}
