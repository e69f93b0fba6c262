// SPDX-License-Identifier: Apache-2.0
//
// Claude Code's permission lists as a set of policies: deny becomes forbid, ask a permit that asks, allow a permit, and the
// strictest verdict of all that match is what the first of deny, ask, allow gives. Rules that can never fit, and rules
// that policies cannot say, are left out and reported, each with its reason.
// Source: code.claude.com/docs, "Configure permissions".

public import JSON

/// One rule in the report.
public struct PermissionEntry: Sendable {
    public enum Status: String, Sendable {
        case translated
        /// It fits no call, or another rule always comes first.
        case never
        /// Policies cannot say it.
        case untranslated
    }

    public let rule: PermissionRule
    public let status: Status
    /// Why it was left out.
    public let reason: String?
    /// Where the policies differ from what a reader may expect.
    public let notes: [String]
    /// The ids of its policies.
    public let policies: [String]

    public var json: JSON.Value {
        [
            "file": .string(rule.file), "list": .string(rule.list.rawValue), "rule": .string(rule.text), "status": .string(status.rawValue),
            "reason": reason.map { .string($0) } ?? .null, "notes": .array(notes.map { .string($0) }),
            "policies": .array(policies.map { .string($0) })
        ]
    }
}

/// The rules of settings files, in the order in which the files were given.
public struct PermissionList: Sendable {
    public private(set) var rules: [PermissionRule] = []
    /// Settings of the files that are no rules and change what a call needs: named, not taken over.
    public private(set) var settings: [String] = []
    private var roots: [String: PatternRoots] = [:]

    public init() {}

    /// Adds the rules of one settings file.
    ///
    /// - Throws: `.document` where it is no settings file.
    public mutating func add(_ json: JSON.Value, file: String, roots: PatternRoots) throws(CedarError) {
        guard case .object(let object) = json else {
            throw CedarError(.document, "expected an object with `permissions`, found \(json.kind)")
        }
        self.roots[file] = roots
        guard let permissions = object["permissions"] else { return }
        guard case .object(let lists) = permissions else {
            throw CedarError(.document, "`permissions` must be an object, found \(permissions.kind)")
        }
        for member in lists.members {
            guard let list = PermissionRule.List.allCases.first(where: { sameBytes($0.rawValue, member.name) }) else {
                settings.append("\(file): `permissions.\(member.name)` is no rule and is not taken over")
                continue
            }
            guard case .array(let entries) = member.value else {
                throw CedarError(.document, "`permissions.\(list.rawValue)` must be a list, found \(member.value.kind)")
            }
            for (index, entry) in entries.enumerated() {
                guard let text = entry.asString else {
                    throw CedarError(.document, "`permissions.\(list.rawValue)[\(index)]` must be a string, found \(entry.kind)")
                }
                rules.append(PermissionRule(text, list: list, file: file))
            }
        }
    }

    /// The policies, their schema and the report.
    ///
    /// - Parameter server: what the agent's own tools are the tools of, such as `claude-code`.
    public func policies(server: String) throws(CedarError) -> PermissionPolicies {
        var entries: [PermissionEntry] = []
        var kept: [PermissionRule] = []
        var writer = PermissionWriter(server: server)
        var counts: [PermissionRule.List: Int] = [:]
        let ordered = rules.enumerated().sorted { ($0.element.list.rank, $0.offset) < ($1.element.list.rank, $1.offset) }
        for (_, rule) in ordered {
            counts[rule.list, default: 0] += 1
            func add(_ status: PermissionEntry.Status, _ reason: String?, notes: [String] = [], policies: [String] = []) {
                entries.append(PermissionEntry(rule: rule, status: status, reason: reason, notes: notes, policies: policies))
            }
            let fallback = PatternRoots(home: "/", directory: "/", settings: "/")
            switch PermissionTranslator(roots: roots[rule.file] ?? fallback).translate(rule) {
            case .never(let reason): add(.never, reason)
            case .untranslated(let reason):
                add(.untranslated, rule.list == .deny ? "\(reason); what it denies is not denied by these policies" : reason)
            case .clauses(let clauses, let notes):
                if let first = kept.first(where: { $0.covers(rule) && sameRoots($0, rule) }) {
                    let same = first.list == rule.list
                    add(.never, same ? "`\(first.text)` says it already" : "the \(first.list.rawValue) rule `\(first.text)` comes first")
                    continue
                }
                kept.append(rule)
                let name = "\(rule.list.rawValue)-\(counts[rule.list] ?? 0)"
                add(.translated, nil, notes: notes, policies: writer.write(rule, clauses, name: name))
            }
        }
        let header = Self.header(files: rules.reduce(into: []) { if !$0.contains($1.file) { $0.append($1.file) } }, server: server)
        let text = try PolicyFormatter.format(SourceText(name: "import", header + writer.text))
        return PermissionPolicies(policies: text, schema: writer.schema, entries: entries, settings: settings)
    }

    /// Relative patterns of files with other roots are about other paths.
    private func sameRoots(_ left: PermissionRule, _ right: PermissionRule) -> Bool {
        guard left.specifier != nil, left.tool == "Read" || left.tool == "Edit" else { return true }
        return left.file == right.file
    }

    private static func header(files: [String], server: String) -> String {
        let names = files.map { Escape.quoted(Text($0)) }.joined(separator: ", ")
        return """
            // Policies made from the permission lists of \(names.isEmpty ? "no file" : names).
            //
            // A deny rule is a forbid, an ask rule a permit that asks, an allow rule a permit. The strictest verdict wins, so the
            // first of deny, ask and allow with a rule that fits decides. What no rule names is denied: there is no mode here
            // that would ask instead.
            // The agent's own tools are the actions `\(server)__NAME`; `mcp__server__tool` is the action `server__tool`.
            // A command that runs several, or redirects, is never permitted by a pattern; a deny or ask pattern also fits inside it.
            // A path pattern of a deny or ask rule may fit more than gitignore's (a star crosses `/`), of an allow rule it may fit
            // less. Paths must be absolute and plain (no `.`, `..`, `//`) where any rule is about them. Symbolic links are not
            // followed: policies see the argument, not the file; what a program can open is the cell's affair.


            """
    }
}

/// What an import gives.
public struct PermissionPolicies: Sendable {
    public let policies: String
    public let schema: String
    /// Every rule, in the order in which the lists are asked.
    public let entries: [PermissionEntry]
    public let settings: [String]

    public var translated: Int { entries.count { $0.status == .translated } }
    public var left: [PermissionEntry] { entries.filter { $0.status != .translated } }
}
