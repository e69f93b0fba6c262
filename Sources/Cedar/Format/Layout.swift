// SPDX-License-Identifier: Apache-2.0
//
// Where lines break: what fits stays on one line; else a list has one element per line, a chain of `||` or `&&` one
// operand per line, an `if` one part per line. A comment always ends its line.

struct Layout {
    private var out = ""
    private var column = 0
    private var indent = 0
    /// The last token of the line, nil at its start.
    private var last: FormatItem?
    private var lastIsUnary = false
    private var mustBreak = false

    var isEmpty: Bool { out.isEmpty }

    func finished() -> String {
        out.isEmpty || out.utf8.last == 0x0A ? out : out + "\n"
    }

    mutating func blankLine() {
        newline()
        if !out.hasSuffix("\n\n") { out += "\n" }
    }

    /// Comments on lines of their own.
    mutating func comments(_ comments: [String]) {
        for comment in comments {
            newline()
            if comment.isEmpty {
                if !out.isEmpty, !out.hasSuffix("\n\n") { out += "\n" }
            } else {
                start()
                out += comment
                column += comment.unicodeScalars.count
                mustBreak = true
            }
        }
        if !comments.isEmpty { newline() }
    }

    /// Nodes from the start of a new line.
    mutating func line(_ nodes: [FormatNode], indent: Int, keepsBlankLines: Bool) {
        self.indent = indent
        newline()
        if keepsBlankLines, let first = nodes.first { comments(first.first.leading) }
        lay(nodes, skipsFirstComments: keepsBlankLines)
    }

    /// One more token on the line.
    mutating func append(_ item: FormatItem) { token(item) }

    private mutating func newline() {
        mustBreak = false
        last = nil
        guard column > 0 else { return }
        out += "\n"
        column = 0
    }

    private mutating func start() {
        guard column == 0 else { return }
        out += String(repeating: " ", count: indent)
        column = indent
    }

    private mutating func token(_ item: FormatItem, skipsComments: Bool = false) {
        if !skipsComments, !item.comments.isEmpty { comments(item.comments) }
        if mustBreak { newline() }
        start()
        let isUnary = (item.kind == .minus || item.kind == .bang) && !(last?.endsValue ?? false)
        if let last, Self.isSpaced(last, item, lastIsUnary) {
            out += " "
            column += 1
        }
        out += item.text
        column += item.text.unicodeScalars.count
        last = item
        lastIsUnary = isUnary
        if let trailing = item.trailing {
            out += " " + trailing
            mustBreak = true
        }
    }

    private static func isSpaced(_ left: FormatItem, _ right: FormatItem, _ leftIsUnary: Bool) -> Bool {
        if leftIsUnary { return false }
        switch left.kind {
        case .leftParenthesis, .leftBracket, .dot, .doubleColon, .at: return false
        case .leftBrace: return false
        default: break
        }
        switch right.kind {
        case .comma, .semicolon, .rightParenthesis, .rightBracket, .rightBrace, .dot, .doubleColon, .colon: return false
        case .leftParenthesis: return left.kind == .permit || left.kind == .forbid || !left.endsValue
        case .leftBracket: return !left.endsValue
        default: return true
        }
    }

    // MARK: Trees

    private func flat(_ nodes: [FormatNode]) -> String? {
        // A comment after the last token is no reason to break before it.
        let bare = Self.withoutLastComment(nodes)
        guard !bare.contains(where: \.hasComment) else { return nil }
        var line = Layout()
        line.last = last
        line.lastIsUnary = lastIsUnary
        line.column = 1
        line.flatten(bare)
        return line.out
    }

    private mutating func flatten(_ nodes: [FormatNode]) {
        for node in nodes {
            switch node {
            case .leaf(let item): token(item, skipsComments: true)
            case .group(let open, let inner, let close):
                let isCondition = isCondition(open)
                token(open, skipsComments: true)
                if isCondition { out += " " }
                flatten(inner)
                if isCondition { out += " " }
                token(close, skipsComments: true)
            }
        }
    }

    /// Whether the brace opens the body of a condition rather than a record.
    private func isCondition(_ open: FormatItem) -> Bool {
        open.kind == .leftBrace && (last?.kind == .when || last?.kind == .unless)
    }

    private mutating func lay(_ nodes: [FormatNode], skipsFirstComments: Bool = false) {
        if mustBreak { newline() }
        let nodes = skipsFirstComments ? Self.withoutLeading(nodes) : nodes
        if let line = flat(nodes), max(column, indent) + line.unicodeScalars.count < PolicyFormatter.width {
            start()
            flatten(nodes)
            return
        }
        broken(nodes)
    }

    private static func withoutLastComment(_ nodes: [FormatNode]) -> [FormatNode] {
        guard let last = nodes.last, last.last.trailing != nil else { return nodes }
        var copy = nodes
        switch last {
        case .leaf(var item):
            item.trailing = nil
            copy[copy.count - 1] = .leaf(item)
        case .group(let open, let inner, var close):
            close.trailing = nil
            copy[copy.count - 1] = .group(open, inner, close)
        }
        return copy
    }

    private static func withoutLeading(_ nodes: [FormatNode]) -> [FormatNode] {
        guard let first = nodes.first else { return nodes }
        var copy = nodes
        switch first {
        case .leaf(var item):
            item.leading = []
            copy[0] = .leaf(item)
        case .group(var open, let inner, let close):
            open.leading = []
            copy[0] = .group(open, inner, close)
        }
        return copy
    }

    private mutating func broken(_ nodes: [FormatNode]) {
        if let parts = Self.parts(nodes) {
            for (index, part) in parts.enumerated() {
                if index > 0 { newline() }
                lay(part)
            }
            return
        }
        for node in nodes {
            switch node {
            case .leaf(let item): token(item)
            case .group(let open, let inner, let close):
                if !mustBreak, let line = flat([node]), column + line.unicodeScalars.count < PolicyFormatter.width {
                    start()
                    flatten([node])
                    continue
                }
                token(open)
                guard !inner.isEmpty || !close.comments.isEmpty else {
                    token(close)
                    continue
                }
                indent += PolicyFormatter.step
                newline()
                if !inner.isEmpty { lay(inner) }
                if !close.comments.isEmpty { comments(close.comments) }
                indent -= PolicyFormatter.step
                newline()
                token(close, skipsComments: true)
            }
        }
    }

    /// The nodes cut at what binds least, or nil if nothing separates them.
    private static func parts(_ nodes: [FormatNode]) -> [[FormatNode]]? {
        func kind(_ node: FormatNode) -> TokenKind? {
            if case .leaf(let item) = node { item.kind } else { nil }
        }
        for separator in [TokenKind.comma, .else, .or, .and] {
            guard nodes.contains(where: { kind($0) == separator }) else { continue }
            if separator == .else, kind(nodes[0]) != .if { continue }
            var parts: [[FormatNode]] = [[]]
            var depth = 0
            for node in nodes {
                let kind = kind(node)
                if separator == .else {
                    if kind == .if { depth += 1 }
                    if depth == 1, kind == .then || kind == .else { parts.append([]) }
                    if kind == .else { depth -= 1 }
                    parts[parts.count - 1].append(node)
                } else {
                    parts[parts.count - 1].append(node)
                    if kind == separator { parts.append([]) }
                }
            }
            if parts.last?.isEmpty == true { parts.removeLast() }
            return parts.count > 1 ? parts : nil
        }
        return nil
    }
}
