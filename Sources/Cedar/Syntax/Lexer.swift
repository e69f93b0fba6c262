// SPDX-License-Identifier: Apache-2.0
//
// From bytes to tokens. Blanks (Unicode White_Space) and `//` comments separate tokens and vanish; comments are
// kept on the side for the formatter. Longest match, no state.

public struct Lexer {
    private let bytes: [UInt8]
    private var index = 0
    private var tokens: [Token] = []
    private var comments: [SourceSpan] = []

    /// The bounds of one text.
    public enum Limit {
        /// Bytes of a policy or schema text.
        public static let bytes = 64 << 20
    }

    /// The tokens of a text, closed by one `.end`, and the spans of its comments.
    ///
    /// - Throws: `.syntax` for a character that begins no token, an unclosed string, or bytes that are not UTF-8;
    ///   `.limit` for a text over `Limit.bytes`.
    public static func tokens(of source: SourceText) throws(CedarError) -> (tokens: [Token], comments: [SourceSpan]) {
        guard source.bytes.count <= Limit.bytes else {
            throw CedarError(.limit, "the text is over \(Limit.bytes) bytes")
        }
        do {
            _ = try UTF8Span(validating: source.bytes.span)
        } catch {
            let place = error.byteOffsets
            throw CedarError(.syntax, "the text is not valid UTF-8", at: SourceSpan(place.lowerBound, place.upperBound))
        }
        var lexer = Lexer(source.bytes)
        try lexer.run()
        return (lexer.tokens, lexer.comments)
    }

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        tokens.reserveCapacity(bytes.count / 4 + 1)
    }

    private func byte(_ offset: Int = 0) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }

    private mutating func run() throws(CedarError) {
        while index < bytes.count {
            let start = index
            let current = bytes[index]
            if current == 0x20 || (current >= 0x09 && current <= 0x0D) {
                index += 1
            } else if Identifier.isStart(current) {
                word()
            } else if current &- 0x30 < 10 {
                while byte() &- 0x30 < 10 { index += 1 }
                push(.number, from: start)
            } else if current == UInt8(ascii: "\"") {
                try string()
            } else if current == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "/") {
                while index < bytes.count, byte() != 0x0A, byte() != 0x0D { index += 1 }
                comments.append(SourceSpan(start, index))
            } else if current == UInt8(ascii: "?") {
                index += 1
                guard Identifier.isStart(byte()) else {
                    push(.question, from: start)
                    continue
                }
                while Identifier.isPart(byte()) { index += 1 }
                push(.slot, from: start)
            } else if current >= 0x80 {
                try blankOrError()
            } else {
                try symbol(current)
            }
        }
        tokens.append(Token(.end, SourceSpan(bytes.count, bytes.count)))
    }

    private mutating func push(_ kind: TokenKind, from start: Int) {
        tokens.append(Token(kind, SourceSpan(start, index)))
    }

    private mutating func word() {
        let start = index
        while Identifier.isPart(byte()) { index += 1 }
        push(Self.kind(ofWord: bytes[start..<index]), from: start)
    }

    private static let words: [(word: [UInt8], kind: TokenKind)] = {
        let table: [(String, TokenKind)] = [
            ("true", .true), ("false", .false), ("if", .if), ("then", .then), ("else", .else), ("in", .in),
            ("is", .is), ("has", .has), ("like", .like), ("permit", .permit), ("forbid", .forbid), ("when", .when),
            ("unless", .unless), ("principal", .principal), ("action", .action), ("resource", .resource),
            ("context", .context),
        ]
        return table.map { (Array($0.0.utf8), $0.1) }
    }()

    private static func kind(ofWord word: ArraySlice<UInt8>) -> TokenKind {
        guard word.count >= 2, word.count <= 9 else { return .identifier }
        for entry in words where entry.word.count == word.count && entry.word.elementsEqual(word) { return entry.kind }
        return .identifier
    }

    private mutating func string() throws(CedarError) {
        let start = index
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return push(.string, from: start)
            case UInt8(ascii: "\\"):
                // An escape may hide a quote, never the end of a line.
                guard index + 1 < bytes.count, bytes[index + 1] != 0x0A else {
                    throw CedarError(
                        .syntax, "a string cannot hold a backslash at the end of a line", at: SourceSpan(index, index + 1))
                }
                index += 2
            default:
                index += 1
            }
        }
        throw CedarError(
            .syntax, "this string is not closed", at: SourceSpan(start, start + 1), help: "end it with a `\"`")
    }

    private mutating func blankOrError() throws(CedarError) {
        let scalar = String(decoding: bytes[index..<min(bytes.count, index + 4)], as: UTF8.self).unicodeScalars.first
        guard let scalar else { return }
        let length = UTF8.width(scalar)
        guard scalar.properties.isWhitespace else {
            throw CedarError(
                .syntax, "unexpected character `\(scalar)`", at: SourceSpan(index, index + length),
                help: "identifiers are ASCII; other characters may stand in strings and comments only")
        }
        index += length
    }

    private mutating func symbol(_ current: UInt8) throws(CedarError) {
        let start = index
        let next = byte(1)
        let (kind, length): (TokenKind, Int)
        switch (current, next) {
        case (UInt8(ascii: "@"), _): (kind, length) = (.at, 1)
        case (UInt8(ascii: "."), _): (kind, length) = (.dot, 1)
        case (UInt8(ascii: ","), _): (kind, length) = (.comma, 1)
        case (UInt8(ascii: ";"), _): (kind, length) = (.semicolon, 1)
        case (UInt8(ascii: ":"), UInt8(ascii: ":")): (kind, length) = (.doubleColon, 2)
        case (UInt8(ascii: ":"), _): (kind, length) = (.colon, 1)
        case (UInt8(ascii: "("), _): (kind, length) = (.leftParenthesis, 1)
        case (UInt8(ascii: ")"), _): (kind, length) = (.rightParenthesis, 1)
        case (UInt8(ascii: "{"), _): (kind, length) = (.leftBrace, 1)
        case (UInt8(ascii: "}"), _): (kind, length) = (.rightBrace, 1)
        case (UInt8(ascii: "["), _): (kind, length) = (.leftBracket, 1)
        case (UInt8(ascii: "]"), _): (kind, length) = (.rightBracket, 1)
        case (UInt8(ascii: "="), UInt8(ascii: "=")): (kind, length) = (.equal, 2)
        case (UInt8(ascii: "="), _): (kind, length) = (.assign, 1)
        case (UInt8(ascii: "!"), UInt8(ascii: "=")): (kind, length) = (.notEqual, 2)
        case (UInt8(ascii: "!"), _): (kind, length) = (.bang, 1)
        case (UInt8(ascii: "<"), UInt8(ascii: "=")): (kind, length) = (.lessEqual, 2)
        case (UInt8(ascii: "<"), _): (kind, length) = (.less, 1)
        case (UInt8(ascii: ">"), UInt8(ascii: "=")): (kind, length) = (.greaterEqual, 2)
        case (UInt8(ascii: ">"), _): (kind, length) = (.greater, 1)
        case (UInt8(ascii: "|"), UInt8(ascii: "|")): (kind, length) = (.or, 2)
        case (UInt8(ascii: "&"), UInt8(ascii: "&")): (kind, length) = (.and, 2)
        case (UInt8(ascii: "+"), _): (kind, length) = (.plus, 1)
        case (UInt8(ascii: "-"), _): (kind, length) = (.minus, 1)
        case (UInt8(ascii: "*"), _): (kind, length) = (.star, 1)
        case (UInt8(ascii: "/"), _): (kind, length) = (.slash, 1)
        case (UInt8(ascii: "%"), _): (kind, length) = (.percent, 1)
        default:
            let help: String? =
                switch current {
                case UInt8(ascii: "&"): "write `&&`"
                case UInt8(ascii: "|"): "write `||`"
                case UInt8(ascii: "'"): "strings stand in double quotes"
                default: nil
                }
            throw CedarError(
                .syntax, "unexpected character `\(Escape.shown(current))`", at: SourceSpan(index, index + 1), help: help)
        }
        index += length
        push(kind, from: start)
    }
}
