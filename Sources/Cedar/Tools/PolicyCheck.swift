// SPDX-License-Identifier: Apache-2.0
//
// Everything that there is to say of policies before they are used, each with its place: errors of the text, of the schema's
// types, of annotations, and the warnings of the static checks. It reports; loading, which either succeeds as a whole or
// not at all, is `PolicySnapshot`'s, and a check without an error is a set that loads.

public import JSON

/// One thing found in policies.
public struct PolicyProblem: Hashable, Sendable {
    /// The layer, usually the path of the file.
    public let file: String
    /// Nil where the whole set is meant.
    public let position: Position?
    public let severity: ValidationFinding.Severity
    /// `syntax`, `annotation`, `load`, or the raw value of a `ValidationFinding.Kind`.
    public let kind: String
    /// The policy's id in the set; nil in a text that cannot be read.
    public let policy: Text?
    public let message: String
    public let help: String?
    /// The problem with its line and a caret, as a person reads it.
    public let rendered: String

    init(
        _ severity: ValidationFinding.Severity, _ kind: String, policy: Text?, _ error: CedarError, in source: SourceText
    ) {
        file = source.name
        position = error.span.map { source.position(of: Int($0.start)) }
        self.severity = severity
        self.kind = kind
        self.policy = policy
        message = error.message
        help = error.help
        let shown = severity == .warning ? CedarError(error.kind, "warning: \(error.message)", at: error.span, help: error.help) : error
        rendered = shown.rendered(in: source)
    }

    public var json: JSON.Value {
        [
            "file": .string(file), "line": position.map { .integer(Int64($0.line)) } ?? .null,
            "column": position.map { .integer(Int64($0.column)) } ?? .null, "severity": .string(severity.rawValue),
            "kind": .string(kind), "policy": policy.map { .string($0.string) } ?? .null, "message": .string(message),
            "help": help.map { .string($0) } ?? .null
        ]
    }
}

/// What a check found.
public struct PolicyCheck: Sendable {
    public let problems: [PolicyProblem]
    /// How many policies and templates were read; 0 if any text has an error.
    public let count: Int

    public var errors: Int { problems.count { $0.severity == .error } }
    public var warnings: Int { problems.count - errors }

    /// Checks layers as one set.
    ///
    /// - Parameters:
    ///   - schema: nil to look at the texts alone, which only mode `exact` allows.
    public init(_ layers: [PolicyLayer], schema: Schema?, mode: PolicySnapshot.Mode) {
        var problems: [PolicyProblem] = []
        var set = PolicySet()
        var sources: [Text: SourceText] = [:]
        for layer in layers {
            let errors = PolicyParser.errors(layer.text)
            problems += errors.map { PolicyProblem(.error, "syntax", policy: nil, $0, in: layer.text) }
            guard errors.isEmpty else { continue }
            do throws(CedarError) {
                let read = try PolicyParser.policies(layer.text)
                for var policy in read.policies + read.templates.map(\.body) {
                    policy.id = PolicySnapshot.id(policy, in: layer)
                    sources[policy.id] = layer.text
                    if policy.slots.isEmpty { try set.add(policy) } else { try set.add(Template(policy)) }
                }
            } catch {
                problems.append(PolicyProblem(.error, "load", policy: nil, error, in: layer.text))
            }
        }
        guard problems.isEmpty else {
            self.problems = problems
            count = 0
            return
        }
        func source(_ id: Text) -> SourceText { sources[id] ?? SourceText(name: id.string, "") }
        if let schema {
            for finding in Validator(schema: schema).validate(set, mode: mode == .strict ? .strict : .exact) {
                problems.append(
                    PolicyProblem(
                        finding.severity, finding.kind.rawValue, policy: finding.policy, finding.error, in: source(finding.policy)))
            }
        }
        if mode == .strict {
            for policy in set.policies {
                do throws(CedarError) { _ = try Obligations(policy) } catch {
                    problems.append(PolicyProblem(.error, "annotation", policy: policy.id, error, in: source(policy.id)))
                }
            }
        }
        if !problems.contains(where: { $0.severity == .error }) {
            do throws(PolicyLoadError) {
                _ = try PolicySnapshot(layers: layers, schema: schema, mode: mode)
            } catch {
                for text in error.problems {
                    let whole = SourceText(name: layers.count == 1 ? layers[0].name : "the set", "")
                    problems.append(PolicyProblem(.error, "load", policy: nil, CedarError(.data, text), in: whole))
                }
            }
        }
        let order = Dictionary(layers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.problems = problems.enumerated().sorted { left, right in
            let a = (order[left.element.file] ?? .max, left.element.position?.line ?? 0, left.offset)
            return a < (order[right.element.file] ?? .max, right.element.position?.line ?? 0, right.offset)
        }.map(\.element)
        count = set.policies.count + set.templates.count
    }
}
