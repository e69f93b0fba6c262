// SPDX-License-Identifier: Apache-2.0
//
// The text of imported policies and of the schema that they fit. Nothing that a settings file says is written outside a
// string literal.

struct PermissionWriter {
    let server: String
    private(set) var text = ""
    /// Actions of other servers that rules name.
    private var named: [String] = []
    /// Tools for which the paths are checked already.
    private var plain: Set<String> = []

    init(server: String) { self.server = server }

    private func action(_ server: String, _ tool: String) -> String { "Action::\(Escape.quoted(Text("\(server)__\(tool)")))" }

    /// Writes the policies of one rule. - Returns: their ids.
    mutating func write(_ rule: PermissionRule, _ clauses: [PermissionTranslation.Clause], name: String) -> [String] {
        var ids: [String] = []
        for clause in clauses {
            let id = clauses.count == 1 ? name : "\(name)-\(suffix(clause.scope))"
            ids.append(id)
            text += "@id(\(Escape.quoted(Text(id))))\n@rule(\(Escape.quoted(Text(rule.text))))\n"
            if rule.list == .ask { text += "@ask(\(Escape.quoted(Text("the rule \(rule.text) asks"))))\n" }
            text += "\(rule.list == .deny ? "forbid" : "permit") \(scope(clause.scope))"
            if let condition = clause.condition { text += "\nwhen { \(condition) }" }
            if case .others = clause.scope { text += "\nunless { resource in Server::\(Escape.quoted(Text(server))) }" }
            text += ";\n\n"
            guard case .own(let tool) = clause.scope, let argument = OwnTool.argument(tool), clause.condition != nil,
                OwnTool.readers.contains(tool) || OwnTool.editors.contains(tool), plain.insert(tool).inserted
            else { continue }
            writePlainness(tool, argument)
        }
        return ids
    }

    private func suffix(_ scope: PermissionTranslation.Scope) -> String { if case .own(let tool) = scope { tool } else { "all" } }

    /// A path that is written another way would pass every pattern.
    private mutating func writePlainness(_ tool: String, _ argument: String) {
        let path = "context.input.\(argument)"
        let tests = ["*/../*", "*/..", "*/./*", "*/.", "*//*"].map { "\(path) like \"\($0)\"" }.joined(separator: " || ")
        text += "@id(\"plain-paths-\(tool)\")\nforbid (principal, action == \(action(server, tool)), resource)\n"
        text += "when { context.input has \(argument) && (!(\(path) like \"/*\") || \(tests)) };\n\n"
    }

    private mutating func scope(_ scope: PermissionTranslation.Scope) -> String {
        switch scope {
        case .own(let tool): return "(principal, action == \(action(server, tool)), resource)"
        case .tool(let server, let name):
            let action = action(server, name)
            if !named.contains(action) { named.append(action) }
            return "(principal, action == \(action), resource)"
        case .server(let name): return "(principal, action in Action::\"CallTool\", resource in Server::\(Escape.quoted(Text(name))))"
        case .others, .everything: return "(principal, action in Action::\"CallTool\", resource)"
        }
    }

    /// Entities and actions as sessions have them, as far as these policies speak of them.
    var schema: String {
        var out = """
            // What the imported policies speak of. A session's own schema, made from what its servers offer, takes its place.
            entity User;
            entity AgentGroup;
            entity Agent in [AgentGroup, User];
            entity Server;
            entity Tool in [Server];
            action "Mcp";
            action "CallTool" in ["Mcp"];

            """
        func declare(_ name: String, _ input: String) {
            out += "action \(name) in [\"CallTool\"] appliesTo { principal: [Agent], resource: [Tool], context: { input: {\(input)} } };\n"
        }
        for (tool, names) in OwnTool.arguments {
            declare(Escape.quoted(Text("\(server)__\(tool)")), names.isEmpty ? "" : " " + names.map { "\($0)?: String" }.joined(separator: ", ") + " ")
        }
        let own = Set(OwnTool.arguments.map { action(server, $0.tool) })
        for action in named where !own.contains(action) { declare(String(action.dropFirst(8)), "") }
        return out
    }
}
