// SPDX-License-Identifier: Apache-2.0
//
// What policies of a session may speak of: the entity types, the system's actions and one action for each tool, as a Cedar schema in text.
// A tool's arguments become a record type as far as its JSON Schema says what they are; what it leaves open, policies cannot see.

internal import Cedar
public import JSON

/// A tool as it was pinned.
public struct ToolShape: Sendable, Hashable {
    /// The server's id in this session, never what it calls itself.
    public let server: String
    public let name: String
    /// The JSON Schema of its arguments.
    public let input: JSON.Value
    /// As a person reviewed it; a tool that nobody reviewed has side effects and is not trusted.
    public let sideEffect: Bool
    public let trusted: Bool

    public init(server: String, name: String, input: JSON.Value, sideEffect: Bool = true, trusted: Bool = false) {
        self.server = server
        self.name = name
        self.input = input
        self.sideEffect = sideEffect
        self.trusted = trusted
    }

    public var action: String { "\(server)__\(name)" }
}

enum Vocabulary {
    /// Nested deeper, arguments are not described.
    static let deepest = 8

    static func schema(_ tools: [ToolShape]) throws(CedarError) -> Schema {
        try Schema(parsing: SourceText(name: "the session's schema", text(tools)))
    }

    static func text(_ tools: [ToolShape]) -> String {
        var text = ground
        // What nothing is in is left out: a policy whose scope names it can match nothing and is set aside, not refused.
        if !tools.isEmpty {
            text += "entity Server;\nentity Tool in [Server] { trusted: Bool };\naction \"Mcp\";\naction \"CallTool\" in [\"Mcp\"];\n"
            if tools.contains(where: \.sideEffect) { text += "action \"SideEffect\" in [\"CallTool\"];\n" }
        }
        for tool in tools {
            let group = tool.sideEffect ? "SideEffect" : "CallTool"
            var input = record(tool.input, 0) ?? "{}"
            input =
                "{ " + (["_lossy?: Set<String>"] + [String(input.dropFirst().dropLast())].filter { !$0.allSatisfy { $0 == " " } }).joined(separator: ", ")
                + " }"
            text +=
                "action \(quoted(tool.action)) in [\(quoted(group))] appliesTo { principal: [Agent], resource: [Tool], context: { input: \(input), \(facts) } };\n"
        }
        return text
    }

    private static let facts = "session: SessionFacts, budget: Budget, system: System, provenance: Provenance, approval?: Approval"

    private static let ground = """
        entity User;
        entity AgentGroup;
        entity Session;
        entity Agent in [AgentGroup, User, Session];
        entity Endpoint;
        entity Cell;
        type SessionFacts = { id: String, calls: Long, denials: Long };
        type Remaining = { usd_micros?: Long, tokens_in?: Long, tokens_out?: Long, calls?: Long, cpu_us?: Long, wall_us?: Long, memory_byte_s?: Long,
            bytes_out?: Long, bytes_written?: Long, processes?: Long, approvals?: Long };
        type Budget = { remaining: Remaining };
        type System = { now: datetime };
        type Provenance = { tainted: Bool, labels: Set<String> };
        type Approval = { by: String, scope: String };
        type Limits = { memory_bytes?: Long, pids?: Long, cpu_millicores?: Long, cpu_time_us?: Long, wall_us?: Long, file_size_bytes?: Long,
            disk_bytes?: Long, inodes?: Long, output_bytes?: Long, open_files?: Long };
        type Sandbox = { profile: String, network: String, writable: Set<String>, limits: Limits, waivers: Set<String>,
            endpoints?: Set<String> };
        type Crossed = { limit: String, bound: Long, reading: Long };
        action "sys__launch" appliesTo { principal: [Agent], resource: [Cell], context: { sandbox: Sandbox, \(facts) } };
        action "sys__connect" appliesTo { principal: [Agent], resource: [Endpoint], context: { host: String, port: Long, \(facts) } };
        action "sys__limit" appliesTo { principal: [Agent], resource: [Cell], context: { crossed: Crossed, \(facts) } };
        action "llm__sample" appliesTo { principal: [Agent], resource: [Endpoint], context: { model?: String, server?: String, max_tokens?: Long, \(facts) } };

        """

    private static func quoted(_ text: String) -> String { Escape.quoted(Text(text)) }

    /// The record type of an object's schema, in braces; nil where it is none.
    private static func record(_ schema: JSON.Value, _ depth: Int) -> String? {
        guard depth < deepest, let properties = schema["properties"]?.asObject else { return nil }
        let required = Set((schema["required"]?.asArray ?? []).compactMap(\.asString))
        var attributes: [String] = []
        for member in properties.members where !member.name.hasPrefix("_") {
            guard let (type, isCertain) = type(member.value, depth + 1) else { continue }
            attributes.append("\(quoted(member.name))\(required.contains(member.name) && isCertain ? "" : "?"): \(type)")
            let count = member.name + "_len"
            if type.hasPrefix("Set<"), properties[count] == nil { attributes.append("\(quoted(count))?: Long") }
        }
        return "{ " + attributes.joined(separator: ", ") + " }"
    }

    /// - Returns: the type, and whether every value that fits the schema has one of that type.
    private static func type(_ schema: JSON.Value, _ depth: Int) -> (String, isCertain: Bool)? {
        var name = schema["type"]?.asString
        var isCertain = true
        if let several = schema["type"]?.asArray?.compactMap(\.asString) {
            let others = several.filter { $0 != "null" }
            if others.count == 1 { name = others[0] }
            isCertain = several.count == 1
        }
        switch name {
        case "string": return ("String", isCertain)
        case "integer": return ("Long", isCertain)
        case "boolean": return ("Bool", isCertain)
        case "number": return ("decimal", false)
        case "array":
            guard depth < deepest, let items = schema["items"], let (type, isWhole) = type(items, depth + 1), isWhole else { return nil }
            return ("Set<\(type)>", isCertain)
        case "object": return record(schema, depth).map { ($0, isCertain) }
        default: return nil
        }
    }
}
