// SPDX-License-Identifier: Apache-2.0
//
// A place in a list of tokens: what every parser of this module (policies, schemas) reads from. It owns the bound
// on nesting, so that no text makes a parser recurse without end.

public struct TokenCursor {
    public let source: SourceText
    public let comments: [SourceSpan]
    private let tokens: [Token]
    private var index = 0
    private var depth = 0

    /// How deep brackets, conditions and types may nest. The corpus of the Cedar project reaches 65.
    public static let maximumDepth = 256

    /// Reads all tokens of the text.
    public init(_ source: SourceText) throws(CedarError) {
        self.source = source
        (tokens, comments) = try Lexer.tokens(of: source)
    }

    public var token: Token { tokens[index] }
    public var kind: TokenKind { tokens[index].kind }

    /// The kind of a token further on.
    public func kind(ahead count: Int) -> TokenKind { tokens[min(index + count, tokens.count - 1)].kind }
    public func token(ahead count: Int) -> Token { tokens[min(index + count, tokens.count - 1)] }

    /// The end of the last token that was taken.
    public var lastEnd: Int { index == 0 ? 0 : Int(tokens[index - 1].span.end) }

    /// Takes the current token; the end stays.
    @discardableResult
    public mutating func advance() -> Token {
        let token = tokens[index]
        if index < tokens.count - 1 { index += 1 }
        return token
    }

    /// Takes the current token if it is of this kind.
    public mutating func take(_ kind: TokenKind) -> Bool {
        guard tokens[index].kind == kind else { return false }
        advance()
        return true
    }

    /// Takes a token of this kind or throws that `what` was expected.
    @discardableResult
    public mutating func expect(_ kind: TokenKind, _ what: String, help: String? = nil) throws(CedarError) -> Token {
        guard tokens[index].kind == kind else { throw unexpected(what, help: help) }
        return advance()
    }

    /// The error that `what` should stand here.
    public func unexpected(_ what: String, help: String? = nil) -> CedarError {
        CedarError(.syntax, "expected \(what), found \(shown(token))", at: token.span, help: help)
    }

    /// A token as a message shows it.
    public func shown(_ token: Token) -> String {
        if token.kind == .end { return "the end of the text" }
        let text = word(token)
        return text.utf8.count > 40 ? "`\(text.prefix(37))...`" : "`\(text)`"
    }

    /// The source of a token.
    public func word(_ token: Token) -> String {
        String(decoding: source.bytes[Int(token.span.start)..<Int(token.span.end)], as: UTF8.self)
    }

    /// The source of a word as a text.
    public func text(_ token: Token) -> Text { Text(word(token)) }

    /// The value of a string token.
    public func unescaped(_ token: Token) throws(CedarError) -> Text {
        try Escape.unescape(source.bytes, token.span)
    }

    /// Whether the current token is this word.
    public func isWord(_ word: String) -> Bool {
        let token = tokens[index]
        return token.kind.isWord && Int(token.span.end - token.span.start) == word.utf8.count
            && source.bytes[Int(token.span.start)..<Int(token.span.end)].elementsEqual(word.utf8)
    }

    /// Goes one level deeper; every call is paired with `leave()`.
    ///
    /// - Throws: `.limit` past `maximumDepth`.
    public mutating func enter() throws(CedarError) {
        guard depth < Self.maximumDepth else {
            throw CedarError(
                .limit, "nested more than \(Self.maximumDepth) deep", at: token.span,
                help: "split the expression into several policies")
        }
        depth += 1
    }

    public mutating func leave() { depth -= 1 }

    /// Back to the outermost level, after an error was caught.
    mutating func leaveAll() { depth = 0 }
}
