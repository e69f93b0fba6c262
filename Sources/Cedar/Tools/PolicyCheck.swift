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
            "help": help.map { .string($0) } ?? .null,
        ]
    }
}

/// What a check found.
public struct PolicyCheck: Sendable {
    /// In the order of the files; at most `maximumProblems`, errors before warnings if there are more.
    public let problems: [PolicyProblem]
    /// How many policies and templates were read; 0 if any text has an error.
    public let count: Int
    /// How many were found, told or not.
    public let errors: Int
    public let warnings: Int

    /// How many problems of one check are told; each costs a look at its line.
    public static let maximumProblems = 1000

    /// A problem before it is rendered.
    private struct Found {
        let severity: ValidationFinding.Severity
        let kind: String
        var policy: Text?
        let error: CedarError
        let source: SourceText
    }

    /// Checks layers as one set.
    ///
    /// - Parameters:
    ///   - schema: nil to look at the texts alone, which only mode `exact` allows.
    public init(_ layers: [PolicyLayer], schema: Schema?, mode: PolicySnapshot.Mode) {
        let (set, sources, texts) = Self.read(layers)
        var found = texts
        count = found.isEmpty ? set.policies.count + set.templates.count : 0
        if found.isEmpty {
            func source(_ id: Text) -> SourceText { sources[id] ?? SourceText(name: id.string, "") }
            if let schema {
                for finding in Validator(schema: schema).validate(set, mode: mode == .strict ? .strict : .exact) {
                    found.append(
                        Found(
                            severity: finding.severity, kind: finding.kind.rawValue, policy: finding.policy, error: finding.error,
                            source: source(finding.policy)))
                }
            }
            if mode == .strict {
                for policy in set.policies {
                    do throws(CedarError) { _ = try Obligations(policy) } catch {
                        found.append(Found(severity: .error, kind: "annotation", policy: policy.id, error: error, source: source(policy.id)))
                    }
                }
            }
            if !found.contains(where: { $0.severity == .error }) { found += Self.load(layers, schema: schema, mode: mode) }
        }
        errors = found.count { $0.severity == .error }
        warnings = found.count - errors
        if found.count > Self.maximumProblems {
            found = Array((found.filter { $0.severity == .error } + found.filter { $0.severity == .warning }).prefix(Self.maximumProblems))
        }
        let told = found.map { PolicyProblem($0.severity, $0.kind, policy: $0.policy, $0.error, in: $0.source) }
        let order = Dictionary(layers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        problems = told.enumerated().sorted { left, right in
            let a = (order[left.element.file] ?? .max, left.element.position?.line ?? 0, left.offset)
            return a < (order[right.element.file] ?? .max, right.element.position?.line ?? 0, right.offset)
        }.map(\.element)
    }

    /// The set of all layers, the text of each policy, and the errors of the texts.
    private static func read(_ layers: [PolicyLayer]) -> (PolicySet, [Text: SourceText], [Found]) {
        var set = PolicySet()
        var sources: [Text: SourceText] = [:]
        var found: [Found] = []
        for layer in layers {
            let errors = PolicyParser.errors(layer.text)
            found += errors.map { Found(severity: .error, kind: "syntax", error: $0, source: layer.text) }
            guard errors.isEmpty else { continue }
            do throws(CedarError) {
                let read = try PolicyParser.policies(layer.text)
                for var policy in read.policies + read.templates.map(\.body) {
                    policy.id = PolicySnapshot.id(policy, in: layer)
                    sources[policy.id] = layer.text
                    if policy.slots.isEmpty { try set.add(policy) } else { try set.add(Template(policy)) }
                }
            } catch {
                found.append(Found(severity: .error, kind: "load", error: error, source: layer.text))
            }
        }
        return (set, sources, found)
    }

    /// What only loading finds.
    private static func load(_ layers: [PolicyLayer], schema: Schema?, mode: PolicySnapshot.Mode) -> [Found] {
        do throws(PolicyLoadError) {
            _ = try PolicySnapshot(layers: layers, schema: schema, mode: mode)
            return []
        } catch {
            let whole = SourceText(name: layers.count == 1 ? layers[0].name : "the set", "")
            return error.problems.map { Found(severity: .error, kind: "load", error: CedarError(.data, $0), source: whole) }
        }
    }
}
