// SPDX-License-Identifier: Apache-2.0
//
// The tokens of policies and of schemas, which share their lexical grammar (Cedar reference, "Grammar").

/// The kind of a token. Words of the schema language are plain identifiers here.
public enum TokenKind: UInt8, Hashable, Sendable {
    case identifier
    // The words of the policy language; each of them is an identifier, too.
    case `true`, `false`, `if`, then, `else`, `in`, `is`, has, like
    case permit, forbid, when, unless, principal, action, resource, context
    /// `?name`.
    case slot
    /// Decimal digits.
    case number
    /// A string with its quotes and escapes.
    case string
    case at, dot, comma, semicolon, colon, doubleColon, question
    case leftParenthesis, rightParenthesis, leftBrace, rightBrace, leftBracket, rightBracket
    case equal, notEqual, less, lessEqual, greater, greaterEqual, assign
    case or, and, plus, minus, star, slash, percent, bang
    /// The end of the text.
    case end

    /// Whether the token is a word, reserved or not.
    public var isWord: Bool { rawValue <= TokenKind.context.rawValue }
}

/// One token with its place.
public struct Token: Sendable {
    public let kind: TokenKind
    public let span: SourceSpan

    public init(_ kind: TokenKind, _ span: SourceSpan) {
        self.kind = kind
        self.span = span
    }
}
