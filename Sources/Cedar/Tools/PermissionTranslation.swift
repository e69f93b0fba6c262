// SPDX-License-Identifier: Apache-2.0
//
// What one permission rule says as policies: the actions it is about and the condition on their arguments. Where policies
// cannot say exactly the same, a rule that refuses is made wider and a rule that allows narrower, never the other way.

/// What became of one rule.
enum PermissionTranslation {
    /// What a policy's scope asks for.
    enum Scope: Hashable {
        /// A tool of the agent's own.
        case own(String)
        case tool(server: String, name: String)
        case server(String)
        /// Every tool of every other server.
        case others
        case everything
    }

    struct Clause {
        let scope: Scope
        /// Nil for no condition.
        let condition: String?
    }

    case clauses([Clause], notes: [String])
    /// The rule fits no call, also not where it comes from.
    case never(String)
    case untranslated(String)
}

/// The agent's own tools, as far as permission rules are about them.
enum OwnTool {
    /// Tool and the arguments that rules ask for.
    static let arguments: [(tool: String, names: [String])] = [
        ("Agent", ["subagent_type"]), ("AskUserQuestion", []), ("Bash", ["command"]), ("BashOutput", []), ("Edit", ["file_path"]),
        ("ExitPlanMode", []), ("Glob", ["path"]), ("Grep", ["path"]), ("KillShell", []), ("LS", ["path"]), ("LSP", []),
        ("MultiEdit", ["file_path"]), ("NotebookEdit", ["notebook_path"]), ("NotebookRead", ["notebook_path"]), ("PowerShell", ["command"]),
        ("Read", ["file_path"]), ("Skill", []), ("SlashCommand", []), ("Task", ["subagent_type"]), ("TodoWrite", []),
        ("WebFetch", ["url"]), ("WebSearch", []), ("Write", ["file_path"])
    ]

    static let readers = ["Read", "NotebookRead", "Grep", "Glob", "LS"]
    static let editors = ["Edit", "MultiEdit", "Write", "NotebookEdit"]

    static func argument(_ tool: String) -> String? { arguments.first { $0.tool == tool }?.names.first }
    static func isKnown(_ tool: String) -> Bool { arguments.contains { $0.tool == tool } }
}

struct PermissionTranslator {
    let roots: PatternRoots

    func translate(_ rule: PermissionRule) -> PermissionTranslation {
        if rule.isMalformed { return .untranslated("it is not of the form `Tool` or `Tool(specifier)`") }
        if rule.tool == "*" {
            guard rule.specifier == nil else { return .untranslated("`*` takes no specifier") }
            guard rule.list != .allow else { return .never("an allow rule must name a tool or a server: `*` is passed over") }
            return .clauses([.init(scope: .everything, condition: nil)], notes: [])
        }
        if let mcp = rule.mcp { return self.mcp(rule, mcp.server, mcp.tool) }
        guard OwnTool.isKnown(rule.tool) else {
            let near = Suggestion.nearest(to: rule.tool, among: OwnTool.arguments.map(\.tool))
            return .untranslated("`\(rule.tool)` is no tool that is known here" + (near.map { "; did you mean `\($0)`?" } ?? ""))
        }
        guard let specifier = rule.specifier else { return bare(rule) }
        if specifier.isEmpty { return .untranslated("the parentheses are empty") }
        switch rule.tool {
        case "Bash", "PowerShell": return command(rule, specifier)
        case "Read": return path(rule, specifier, OwnTool.readers)
        case "Edit": return path(rule, specifier, OwnTool.editors)
        case "Write", "MultiEdit", "NotebookEdit":
            return .never("paths of files that are changed are looked up in `Edit(..)` rules only; write `Edit(\(specifier))`")
        case "Grep", "Glob", "LS", "NotebookRead":
            return .never("paths of files that are read are looked up in `Read(..)` rules only; write `Read(\(specifier))`")
        case "WebFetch": return domain(rule, specifier)
        case "WebSearch": return .never("`WebSearch` takes no specifier")
        case "Agent", "Task":
            let condition = "context.input has subagent_type && context.input.subagent_type == \(Escape.quoted(Text(specifier)))"
            guard !specifier.contains("*") else { return .untranslated("the name of an agent with a wildcard") }
            return .clauses(["Agent", "Task"].map { .init(scope: .own($0), condition: condition) }, notes: [])
        default: return .untranslated("what `\(rule.tool)` takes in parentheses is no argument of the call by that name")
        }
    }

    /// Every use of a tool. A rule for reading or editing is one for every tool that does so.
    private func bare(_ rule: PermissionRule) -> PermissionTranslation {
        let tools =
            switch rule.tool {
            case "Read": OwnTool.readers
            case "Edit": OwnTool.editors
            case "Agent", "Task": ["Agent", "Task"]
            default: [rule.tool]
            }
        return .clauses(tools.map { .init(scope: .own($0), condition: nil) }, notes: [])
    }

    private func mcp(_ rule: PermissionRule, _ server: String?, _ tool: String?) -> PermissionTranslation {
        guard rule.specifier == nil else { return .untranslated("a rule for a tool of an MCP server takes no specifier") }
        guard let server else {
            guard rule.list != .allow else { return .never("an allow rule must name its server: `mcp__*` is passed over") }
            return .clauses([.init(scope: .others, condition: nil)], notes: [])
        }
        if server.isEmpty { return .untranslated("it names no server") }
        guard !server.contains("*"), !(tool ?? "").contains("*") else {
            return .untranslated("an action has no pattern in Cedar: name the tools one by one, or the whole server with `mcp__\(server.prefix { $0 != "*" })`")
        }
        var notes: [String] = []
        if !server.utf8.allSatisfy({ ($0 | 0x20) &- 0x61 < 26 && $0 >= 0x61 || $0 &- 0x30 < 10 || $0 == 0x2D }) {
            notes.append("the server's name `\(server)` must be given to it here (names are [a-z0-9-]): the rule fits nothing until a server has it")
        }
        let scope: PermissionTranslation.Scope = tool.map { .tool(server: server, name: $0) } ?? .server(server)
        return .clauses([.init(scope: scope, condition: nil)], notes: notes)
    }

    // MARK: Commands

    private static let command = "context.input.command"
    private static func holds(_ parts: [String]) -> String {
        parts.map { part in
            "\(command) like \(Pattern([.wildcard] + part.unicodeScalars.map { .scalar($0) } + [.wildcard]).quoted)"
        }.joined(separator: " || ")
    }
    private static let redirections = ["<", ">"]
    /// Programs that run the command after them; rules look through these.
    private static let wrappers = ["timeout", "time", "nice", "nohup", "stdbuf"]

    private func command(_ rule: PermissionRule, _ specifier: String) -> PermissionTranslation {
        if specifier.hasPrefix("command:"), specifier != "command:*" {
            return .never("a rule names the command itself, without `command:`")
        }
        guard let pattern = CommandPattern(specifier) else { return .untranslated("the pattern is empty") }
        var notes: [String] = []
        if specifier.dropLast(2).contains(":*") { notes.append("`:*` means a prefix only at the end; here the colon stands for itself") }
        func fits(_ pattern: Pattern) -> String {
            pattern.elements.contains(.wildcard)
                ? "\(Self.command) like \(pattern.quoted)" : "\(Self.command) == \(Escape.quoted(Self.text(pattern)))"
        }
        let plain = pattern.alternatives.map(fits).joined(separator: " || ")
        let guarded = "context.input has command"
        if rule.list == .allow {
            if pattern.holds(CommandPattern.separators) {
                return .never("a line of several commands is taken apart before rules are asked, so none with a separator can fit")
            }
            if pattern.holds(Self.redirections) { return .untranslated("no command with a redirection is allowed by a pattern here") }
            let single = "!(\(Self.holds(CommandPattern.separators + Self.redirections)))"
            return .clauses([.init(scope: .own(rule.tool), condition: "\(guarded) && (\(plain)) && \(single)")], notes: notes)
        }
        let wrapped = Self.wrappers.map { "\(Self.command) like \"\($0) *\"" }.joined(separator: " || ")
        let within = ["", " ", ";", "&", "|", "\n", "(", "`"].map { before in
            let lead: [Pattern.Element] = before.isEmpty ? [] : [.wildcard] + before.unicodeScalars.map { .scalar($0) }
            return "\(Self.command) like \(Pattern(lead + pattern.core + [.wildcard]).quoted)"
        }.joined(separator: " || ")
        let several = "(\(Self.holds(CommandPattern.separators)) || \(wrapped))"
        return .clauses(
            [.init(scope: .own(rule.tool), condition: "\(guarded) && (\(plain) || (\(several) && (\(within))))")], notes: notes)
    }

    private static func text(_ pattern: Pattern) -> Text {
        var text = ""
        for element in pattern.elements { if case .scalar(let scalar) = element { text.unicodeScalars.append(scalar) } }
        return Text(text)
    }

    // MARK: Paths

    private func path(_ rule: PermissionRule, _ specifier: String, _ tools: [String]) -> PermissionTranslation {
        let pattern: PathPattern
        do throws(PathPattern.Refusal) {
            pattern = try PathPattern(specifier, roots, widens: rule.list != .allow)
        } catch {
            return .untranslated(error.reason)
        }
        let clauses = tools.compactMap { tool -> PermissionTranslation.Clause? in
            guard let argument = OwnTool.argument(tool) else { return nil }
            let fits = pattern.condition("context.input.\(argument)", isExact: rule.list == .allow)
            return .init(scope: .own(tool), condition: "context.input has \(argument) && (\(fits))")
        }
        // A search that names no folder begins where the agent is, which only the cell can bound.
        let isPartial = rule.list == .deny && rule.tool == "Read"
        return .clauses(clauses, notes: isPartial ? ["a search (Grep, Glob) that names no path is not denied by it"] : [])
    }

    // MARK: Domains

    private func domain(_ rule: PermissionRule, _ specifier: String) -> PermissionTranslation {
        guard specifier.hasPrefix("domain:"), specifier.count > 7 else {
            return .never("`WebFetch` asks for `domain:NAME`")
        }
        let name = String(specifier.dropFirst(7))
        if name == "*" { return bare(rule) }
        let url = "context.input.url"
        func like(_ text: String) -> String {
            let elements = text.unicodeScalars.map { $0 == "*" ? Pattern.Element.wildcard : .scalar($0) }
            return "\(url) like \(Pattern(elements).quoted)"
        }
        let test: String
        var notes: [String] = []
        if rule.list != .allow {
            // Anywhere in the address: user names, ports and redirecting addresses included.
            test = like("*\(name.hasPrefix("*.") ? String(name.dropFirst(1)) : name)*")
            notes.append("an address with the domain in capitals is another text and is not refused by it")
        } else {
            let inside = name.contains("*")
            let ends = ["", "/*", "?*", "#*"]
            let fits = ["https://", "http://"].flatMap { scheme in ends.map { like("\(scheme)\(name)\($0)") } }.joined(separator: " || ")
            // A wildcard must stay inside the host's name.
            let suffix = name.hasPrefix("*.") ? String(name.dropFirst(1)) : name
            let outside = ["/", "?", "#", "@", "\\"].map { like("*://*\($0)*\(suffix)*") }.joined(separator: " || ")
            test = inside ? "(\(fits)) && !(\(outside))" : fits
        }
        return .clauses([.init(scope: .own(rule.tool), condition: "context.input has url && (\(test))")], notes: notes)
    }
}
