// SPDX-License-Identifier: Apache-2.0
//
// One rule of Claude Code's permission lists: `Tool` or `Tool(specifier)`, in the list deny, ask or allow of a settings file.
// Here it is only taken apart; what it means as a policy is `PermissionTranslation`'s.
// Source: code.claude.com/docs, "Configure permissions".

/// A rule as written.
public struct PermissionRule: Hashable, Sendable {
    /// The lists, in the order in which they are asked: the first list with a rule that fits decides.
    public enum List: String, Hashable, Sendable, CaseIterable {
        case deny, ask, allow

        var rank: Int { self == .deny ? 0 : self == .ask ? 1 : 2 }
    }

    public let list: List
    public let text: String
    /// The settings file it stands in.
    public let file: String
    let tool: String
    /// Nil for every use of the tool, however that was written.
    let specifier: String?
    /// Whether the parentheses do not fit together.
    let isMalformed: Bool

    public init(_ text: String, list: List, file: String) {
        self.list = list
        self.text = text
        self.file = file
        guard let open = text.firstIndex(of: "(") else {
            tool = text
            specifier = nil
            isMalformed = text.isEmpty || text.contains(")")
            return
        }
        tool = String(text[..<open])
        let inner = text[text.index(after: open)...]
        isMalformed = tool.isEmpty || inner.last != ")" || inner.count < 2
        let given = String(inner.dropLast())
        specifier = given == "*" || given == ":*" ? nil : given
    }

    /// `mcp__server__tool` as its parts; the tool is nil for all tools of the server, the server nil for `mcp__*`.
    var mcp: (server: String?, tool: String?)? {
        guard tool.hasPrefix("mcp__") else { return nil }
        let rest = String(tool.dropFirst(5))
        if rest == "*" { return (nil, nil) }
        var split = rest.startIndex
        while split < rest.endIndex, !rest[split...].hasPrefix("__") { split = rest.index(after: split) }
        let server = String(rest[..<split])
        let name = String(rest[split...].dropFirst(2))
        return (server, name.isEmpty || name == "*" ? nil : name)
    }

    /// Whether every call that fits the other rule is certain to fit this one, by what is written alone.
    func covers(_ other: PermissionRule) -> Bool {
        if tool == "*" { return true }
        if let mine = mcp, let theirs = other.mcp {
            guard let server = mine.server else { return true }
            guard let name = mine.tool else { return theirs.server == server }
            return theirs.server == server && theirs.tool == name
        }
        guard tool == other.tool else { return false }
        guard let specifier else { return true }
        guard let theirs = other.specifier else { return false }
        if specifier == theirs { return true }
        guard tool == "Bash", let mine = CommandPattern(specifier), let wanted = CommandPattern(theirs) else { return false }
        return mine.covers(wanted)
    }
}

/// The pattern of a command: `*` stands for any text; `:*` at the end is ` *`; a last ` *` may also be absent.
struct CommandPattern: Hashable {
    let elements: [Pattern.Element]

    /// Nil where the pattern is empty.
    init?(_ specifier: String) {
        var elements: [Pattern.Element] = []
        var isEscaped = false
        let text = specifier.hasSuffix(":*") ? String(specifier.dropLast(2)) + " *" : specifier
        for scalar in text.unicodeScalars {
            if !isEscaped, scalar == "\\" {
                isEscaped = true
                continue
            }
            if isEscaped, scalar != "*", scalar != "\\" { elements.append(.scalar("\\")) }
            elements.append(scalar == "*" && !isEscaped ? .wildcard : .scalar(scalar))
            isEscaped = false
        }
        if isEscaped { elements.append(.scalar("\\")) }
        guard !elements.isEmpty else { return nil }
        self.elements = elements
    }

    var wildcards: Int { elements.count { $0 == .wildcard } }
    private var endsInWord: Bool { elements.suffix(2) == [.scalar(" "), .wildcard] }

    /// The patterns of `like` that it stands for.
    var alternatives: [Pattern] {
        endsInWord && wildcards == 1 ? [Pattern(Array(elements.dropLast(2))), Pattern(elements)] : [Pattern(elements)]
    }

    /// What a command must hold for the pattern to be anywhere in it: the pattern without the optional end.
    var core: [Pattern.Element] { endsInWord ? Array(elements.dropLast(2)) : elements }

    /// Only for prefixes and whole commands; false where it is not plain.
    func covers(_ other: CommandPattern) -> Bool {
        guard wildcards == 1, elements.last == .wildcard else { return false }
        let prefix = Array(elements.dropLast())
        let theirs = other.elements
        if theirs.starts(with: prefix) { return true }
        return endsInWord && theirs == Array(prefix.dropLast())
    }

    /// The characters that end one command and begin another, or run one inside another.
    static let separators: [String] = [";", "&", "|", "\n", "\r", "`", "$("]

    /// Whether the literal parts hold one of these.
    func holds(_ parts: [String]) -> Bool {
        var text = ""
        for element in elements {
            if case .scalar(let scalar) = element { text.unicodeScalars.append(scalar) } else { text.unicodeScalars.append("\u{0}") }
        }
        return parts.contains { text.contains($0) }
    }
}
