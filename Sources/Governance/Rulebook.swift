// SPDX-License-Identifier: Apache-2.0
//
// The policies in force: all layers as one set with one digest, immutable, replaced as a whole. Where nobody wrote any, the built-in set
// judges without a line of Cedar being read: a launch must not pay for what is not there.

internal import AuditLog
public import Cedar
internal import JSON

/// What `--allow`, `--ask` and `--deny` add: globs over `server__tool`, in which `*` stands for anything.
public struct ToolPatterns: Sendable, Hashable {
    public var allow: [String]
    public var ask: [String]
    public var deny: [String]

    public init(allow: [String] = [], ask: [String] = [], deny: [String] = []) {
        self.allow = allow
        self.ask = ask
        self.deny = deny
    }

    var isEmpty: Bool { allow.isEmpty && ask.isEmpty && deny.isEmpty }

    /// Whether a pattern matches an action, `server__tool`.
    public static func matches(_ pattern: String, _ action: String) -> Bool { Rulebook.matches(action.utf8[...], pattern.utf8[...]) }
}

public struct Rulebook: Sendable {
    enum Judge: Sendable {
        /// Launches, limits, connections and these tools' actions.
        case builtIn(actions: Set<String>)
        case policies(PolicySnapshot, Schema)
    }

    let judge: Judge
    let digest: AuditLog.Digest
    /// SHA-256 of all policies, 64 digits: in every record.
    public var digestText: String { digest.hex }
    /// The layers by name with the SHA-256 of their texts, the built-in ones left out.
    public let layers: [(name: String, digest: String)]
    /// Policies that can match nothing, and what else the validator has to say.
    public let warnings: [String]
    public let tools: [ToolShape]
    /// Whether a policy may read what is left of the budget. A text that could name it in escapes counts as one that does.
    let readsBudget: Bool
    let trusted: Set<String>

    /// The permits that always stand as the lowest layer: only a forbid removes them.
    static let lowest = """
        @id("launch") permit (principal, action == Action::"sys__launch", resource);
        @id("connect") permit (principal, action == Action::"sys__connect", resource);
        @id("limit") permit (principal, action == Action::"sys__limit", resource);

        """
    /// Where there is no policy at all: the pinned tools, each in its cell.
    static let pinned = "@id(\"tools\") permit (principal, action in Action::\"CallTool\", resource);\n"
    static let lowestName = "built-in"

    /// The digests of the built-in sets, without and with `pinned`; a test works them out.
    static let lowestDigest = "13965d72ab27760d03c7f32e113723d5ef5c02cda6135cda522708253ae2a6a6"
    static let pinnedDigest = "e188f31a6f00d7dee2f2f3dd30fd27de3ec35629ce949d1d69c4b4d0bcf08678"

    /// No policy: launches, limits and connections that a cell was given by name are permitted, and the tools that were pinned.
    public static func builtIn(_ tools: [ToolShape] = []) -> Rulebook {
        Rulebook(
            judge: .builtIn(actions: Set(tools.map(\.action))),
            digest: AuditLog.Digest(hex: tools.isEmpty ? lowestDigest : pinnedDigest) ?? AuditLog.Digest(of: []),
            layers: [], warnings: [], tools: tools, readsBudget: false, trusted: [])
    }

    /// What the constants above must be.
    package static func worked(isPinned: Bool) throws -> String {
        let bytes = Array((lowest + (isPinned ? pinned : "")).utf8)
        let snapshot = try PolicySnapshot(
            layers: [PolicyLayer(name: lowestName, bytes: bytes)], schema: try Vocabulary.schema([ToolShape(server: "a", name: "b", input: [:])]), mode: .strict
        )
        return AuditLog.Digest(of: snapshot.canonicalBytes).hex
    }

    private init(
        judge: Judge, digest: AuditLog.Digest, layers: [(name: String, digest: String)], warnings: [String], tools: [ToolShape], readsBudget: Bool,
        trusted: Set<String>
    ) {
        self.judge = judge
        self.digest = digest
        self.layers = layers
        self.warnings = warnings
        self.tools = tools
        self.readsBudget = readsBudget
        self.trusted = trusted
    }

    /// The layers with the built-in one below them.
    /// - Parameters:
    ///   - layers: texts of policies in any order; their names are parts of the policies' ids.
    ///   - tools: those of the session, pinned.
    ///   - isOpen: there may be more tools than these later, so that a pattern may match none of them.
    /// - Throws: every error of every layer. Nothing is loaded then.
    public init(layers: [PolicyLayer], tools: [ToolShape] = [], patterns: ToolPatterns = ToolPatterns(), isOpen: Bool = false) throws(PolicyLoadError) {
        if layers.isEmpty, patterns.isEmpty {
            self = .builtIn(tools)
            return
        }
        let schema: Schema
        do throws(CedarError) { schema = try Vocabulary.schema(tools) } catch {
            throw PolicyLoadError(problems: ["the tools give no schema: \(error)"])
        }
        var all = [PolicyLayer(name: Self.lowestName, bytes: Array((Self.lowest + (layers.isEmpty ? Self.pinned : "")).utf8))] + layers
        if !patterns.isEmpty { all.append(PolicyLayer(name: "flags", bytes: Array(try Self.text(patterns, tools, isOpen).utf8))) }
        let snapshot = try PolicySnapshot(layers: all, schema: schema, mode: .strict)
        let warnings = snapshot.warnings.filter { !$0.policy.string.hasPrefix(Self.lowestName + "#") }.map { "policy `\($0.policy)`: \($0.message)" }
        self.init(
            judge: .policies(snapshot, schema), digest: AuditLog.Digest(of: snapshot.canonicalBytes),
            layers: layers.map { ($0.name, AuditLog.Digest(of: $0.text.bytes).hex) }, warnings: warnings, tools: tools,
            readsBudget: layers.contains { Self.mayName("budget", $0.text.bytes) }, trusted: Set(tools.filter(\.trusted).map { "\($0.server)/\($0.name)" }))
    }

    private static func mayName(_ word: String, _ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        return bytes.contains(0x5c) || text.contains(word)
    }

    /// Policies for the tools that the patterns match.
    private static func text(_ patterns: ToolPatterns, _ tools: [ToolShape], _ isOpen: Bool) throws(PolicyLoadError) -> String {
        var text = ""
        for (flag, list) in [("allow", patterns.allow), ("ask", patterns.ask), ("deny", patterns.deny)] {
            for pattern in list {
                let matched = tools.map(\.action).filter { matches($0.utf8[...], pattern.utf8[...]) }
                if matched.isEmpty, isOpen { continue }
                if matched.isEmpty {
                    throw PolicyLoadError(problems: ["`--\(flag) \(pattern)` matches no tool of this session"])
                }
                let actions = matched.map { "Action::\(Escape.quoted(Text($0)))" }.joined(separator: ", ")
                text += "@id(\(Escape.quoted(Text("\(flag) \(pattern)"))))\n"
                if flag == "ask" { text += "@ask(\(Escape.quoted(Text("--ask \(pattern)"))))\n" }
                text += "\(flag == "deny" ? "forbid" : "permit") (principal, action in [\(actions)], resource);\n"
            }
        }
        return text
    }

    /// A glob in which `*` stands for any bytes.
    static func matches(_ text: Substring.UTF8View.SubSequence, _ pattern: Substring.UTF8View.SubSequence) -> Bool {
        var (text, pattern) = (text, pattern)
        var retry: (text: Substring.UTF8View.SubSequence, pattern: Substring.UTF8View.SubSequence)?
        while true {
            if let next = pattern.first, next == 0x2a {
                pattern = pattern.dropFirst()
                retry = (text, pattern)
            } else if let byte = text.first, pattern.first == byte {
                text = text.dropFirst()
                pattern = pattern.dropFirst()
            } else if text.isEmpty, pattern.isEmpty {
                return true
            } else if let (rest, after) = retry, !rest.isEmpty {
                retry = (rest.dropFirst(), after)
                (text, pattern) = (rest.dropFirst(), after)
            } else {
                return false
            }
        }
    }
}
