// SPDX-License-Identifier: Apache-2.0
//
// Policies laid out: the same tokens and the same comments, other blanks. It works on tokens, so nothing that the author
// wrote is lost or changed; formatting twice gives what formatting once gave.

/// Lays out policy texts.
public enum PolicyFormatter {
    /// Columns that a line should not pass.
    public static let width = 100
    static let step = 2

    /// The text in the one layout.
    ///
    /// - Throws: what the parser throws; a text with an error is not laid out.
    public static func format(_ source: SourceText) throws(CedarError) -> String {
        _ = try PolicyParser.policies(source)
        let items = try FormatItem.items(of: source)
        var layout = Layout()
        var index = 0
        while index < items.count, items[index].kind != .end {
            if !layout.isEmpty, items[index].leading.first != "" { layout.blankLine() }
            policy(items, &index, &layout)
        }
        if index < items.count, !items[index].leading.isEmpty { layout.comments(items[index].leading) }
        return layout.finished()
    }

    private static func policy(_ items: [FormatItem], _ index: inout Int, _ layout: inout Layout) {
        while items[index].kind == .at {
            let start = index
            index += 2
            if items[index].kind == .leftParenthesis { index += 3 }
            layout.line(FormatNode.tree(items[start..<index]), indent: 0, keepsBlankLines: true)
        }
        let start = index
        while items[index].kind != .semicolon, items[index].kind != .leftBrace, !isCondition(items, index, start) {
            index += 1
        }
        layout.line(FormatNode.tree(items[start..<index]), indent: 0, keepsBlankLines: true)
        while items[index].kind != .semicolon {
            let start = index
            index += 1
            var depth = 0
            repeat {
                switch items[index].kind {
                case .leftBrace: depth += 1
                case .rightBrace: depth -= 1
                default: break
                }
                index += 1
            } while depth > 0
            layout.line(FormatNode.tree(items[start..<index]), indent: 0, keepsBlankLines: false)
        }
        layout.append(items[index])
        index += 1
    }

    private static func isCondition(_ items: [FormatItem], _ index: Int, _ start: Int) -> Bool {
        index > start && (items[index].kind == .when || items[index].kind == .unless)
            && items[index + 1].kind == .leftBrace
    }
}

/// A token with the comments at it.
struct FormatItem {
    let kind: TokenKind
    let text: String
    /// Comments on lines of their own before it; "" is a blank line.
    var leading: [String] = []
    /// A comment on its line, after it.
    var trailing: String?

    static func items(of source: SourceText) throws(CedarError) -> [FormatItem] {
        let (tokens, comments) = try Lexer.tokens(of: source)
        var items: [FormatItem] = []
        items.reserveCapacity(tokens.count)
        var comment = 0
        var end = 0
        func slice(_ from: Int, _ to: Int) -> String {
            String(decoding: source.bytes[from..<max(from, to)], as: UTF8.self)
        }
        func breaks(_ from: Int, _ to: Int) -> Int {
            source.bytes[from..<max(from, to)].reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
        }
        for token in tokens {
            var item = FormatItem(
                kind: token.kind, text: slice(Int(token.span.start), Int(token.span.end)))
            while comment < comments.count, comments[comment].start < token.span.start || token.kind == .end {
                let span = comments[comment]
                var text = slice(Int(span.start), Int(span.end))
                while let last = text.unicodeScalars.last, last.properties.isWhitespace {
                    text.unicodeScalars.removeLast()
                }
                let lines = breaks(end, Int(span.start))
                if lines == 0, !items.isEmpty, items[items.count - 1].trailing == nil, item.leading.isEmpty {
                    items[items.count - 1].trailing = text
                } else {
                    if lines > 1 { item.leading.append("") }
                    item.leading.append(text)
                }
                end = Int(span.end)
                comment += 1
            }
            if breaks(end, Int(token.span.start)) > 1, token.kind != .end { item.leading.append("") }
            end = Int(token.span.end)
            items.append(item)
        }
        return items
    }

    var hasComment: Bool { trailing != nil || leading.contains { !$0.isEmpty } }
    var comments: [String] { leading.filter { !$0.isEmpty } }

    /// Whether a value may end with it, so that what follows is an operator.
    var endsValue: Bool {
        switch kind {
        case .number, .string, .slot, .rightParenthesis, .rightBracket, .rightBrace: true
        case .if, .then, .else, .in, .is, .has, .like: false
        default: kind.isWord
        }
    }
}

/// Tokens by their brackets.
indirect enum FormatNode {
    case leaf(FormatItem)
    case group(FormatItem, [FormatNode], FormatItem)

    static func tree(_ items: ArraySlice<FormatItem>) -> [FormatNode] {
        var stack: [(open: FormatItem, nodes: [FormatNode])] = []
        var nodes: [FormatNode] = []
        for item in items {
            switch item.kind {
            case .leftParenthesis, .leftBracket, .leftBrace:
                stack.append((item, nodes))
                nodes = []
            case .rightParenthesis, .rightBracket, .rightBrace:
                guard let top = stack.popLast() else { continue }
                nodes = top.nodes + [.group(top.open, nodes, item)]
            default: nodes.append(.leaf(item))
            }
        }
        return nodes
    }

    var first: FormatItem {
        switch self {
        case .leaf(let item), .group(let item, _, _): item
        }
    }

    var last: FormatItem {
        switch self {
        case .leaf(let item), .group(_, _, let item): item
        }
    }

    var hasComment: Bool {
        switch self {
        case .leaf(let item): item.hasComment
        case .group(let open, let nodes, let close):
            open.hasComment || close.hasComment || nodes.contains(where: \.hasComment)
        }
    }
}
