// SPDX-License-Identifier: Apache-2.0
//
// Expressions, by precedence climbing: `||`, `&&`, one relation, `+ -`, `*`, then `! -` before a member. A relation
// does not chain. `/`, `%` and `=` are read only to be refused by name.

extension PolicyParser {
    private enum Level {
        static let or = 1
        static let and = 2
        static let relation = 3
        static let add = 4
        static let multiply = 5
    }

    mutating func expression() throws(CedarError) -> Expr {
        try cursor.enter()
        defer { cursor.leave() }
        guard cursor.kind == .if, cursor.kind(ahead: 1) != .doubleColon else { return try binary(Level.or) }
        let start = cursor.advance().span
        let test = try expression()
        try cursor.expect(.then, "`then`")
        let then = try expression()
        try cursor.expect(.else, "`else`", help: "every `if` has an `else`")
        let otherwise = try expression()
        return try Expr(
            .conditional(test, then: then, otherwise: otherwise), start.joined(to: otherwise.span)
        ).checked()
    }

    private func level(_ kind: TokenKind) -> Int {
        switch kind {
        case .or: Level.or
        case .and: Level.and
        case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .assign, .in, .has, .like, .is:
            Level.relation
        case .plus, .minus: Level.add
        case .star, .slash, .percent: Level.multiply
        default: 0
        }
    }

    private mutating func binary(_ minimum: Int) throws(CedarError) -> Expr {
        var left = try unary()
        while true {
            let token = cursor.token
            let level = level(token.kind)
            guard level >= minimum, level > 0 else { return left }
            switch level {
            case Level.or, Level.and:
                var operands = [left]
                while cursor.take(token.kind) { operands.append(try binary(level + 1)) }
                let span = left.span.joined(to: operands[operands.count - 1].span)
                left = try Expr(level == Level.or ? .or(operands) : .and(operands), span).checked()
            case Level.relation:
                cursor.advance()
                left = try relation(left, token).checked()
                if self.level(cursor.kind) >= Level.relation {
                    throw CedarError(
                        .syntax, "\(cursor.shown(cursor.token)) cannot follow another comparison",
                        at: cursor.token.span, help: "comparisons do not chain: use parentheses or `&&`")
                }
            default:
                cursor.advance()
                let right = try binary(level + 1)
                left = try Expr(.binary(try arithmetic(token), left, right), left.span.joined(to: right.span)).checked()
            }
        }
    }

    private func arithmetic(_ token: Token) throws(CedarError) -> BinaryOperator {
        switch token.kind {
        case .plus: return .add
        case .minus: return .subtract
        case .star: return .multiply
        default:
            let name = token.kind == .slash ? "division" : "the remainder"
            throw CedarError(.syntax, "\(name) is not part of the language", at: token.span)
        }
    }

    private mutating func relation(_ left: Expr, _ token: Token) throws(CedarError) -> Expr {
        let from = left.span
        switch token.kind {
        case .has:
            let path = try hasPath()
            return Expr(.has(left, path), SourceSpan(Int(from.start), cursor.lastEnd))
        case .like:
            let literal = try cursor.expect(.string, "a pattern, a string", help: "for example `like \"*.txt\"`")
            let pattern = try Pattern.unescape(cursor.source.bytes, literal.span)
            return Expr(.like(left, pattern), from.joined(to: literal.span))
        case .is:
            let (type, _) = try typeName()
            let ancestor = cursor.take(.in) ? try binary(Level.add) : nil
            return Expr(.isType(left, type, in: ancestor), SourceSpan(Int(from.start), cursor.lastEnd))
        default:
            let right = try binary(Level.add)
            let symbol: BinaryOperator
            switch token.kind {
            case .equal: symbol = .equal
            case .notEqual: symbol = .notEqual
            case .less: symbol = .less
            case .lessEqual: symbol = .lessEqual
            case .greater: symbol = .greater
            case .greaterEqual: symbol = .greaterEqual
            case .in: symbol = .in
            default:
                throw CedarError(.syntax, "`=` is not an operator", at: token.span, help: "write `==`")
            }
            return Expr(.binary(symbol, left, right), from.joined(to: right.span))
        }
    }

    /// `"any name"` or `a.b.c`.
    private mutating func hasPath() throws(CedarError) -> [Text] {
        if cursor.kind == .string { return [try cursor.unescaped(cursor.advance())] }
        guard cursor.kind.isWord else {
            throw cursor.unexpected("the name of an attribute", help: "for example `has a`, `has a.b` or `has \"a b\"`")
        }
        var names = [try identifier()]
        while cursor.take(.dot) { names.append(try identifier()) }
        guard names.count <= Int(Expr.maximumHeight) else {
            throw CedarError(.limit, "a path of more than \(Expr.maximumHeight) attributes", at: cursor.token.span)
        }
        return names
    }

    private mutating func unary() throws(CedarError) -> Expr {
        let first = cursor.token
        guard first.kind == .bang || first.kind == .minus else { return try member() }
        var count = 0
        while cursor.take(first.kind) { count += 1 }
        guard count <= 4 else {
            throw CedarError(
                .syntax, "more than four `\(cursor.word(first))` in a row",
                at: SourceSpan(Int(first.span.start), cursor.lastEnd))
        }
        var operand: Expr
        if first.kind == .minus, cursor.kind == .number, !isAccess(cursor.kind(ahead: 1)) {
            let token = cursor.advance()
            let magnitude = try number(token)
            guard magnitude <= UInt64(Int64.max) + 1 else { throw tooLarge(token) }
            let value = Int64(truncatingIfNeeded: 0 &- magnitude)
            operand = Expr(.literal(.long(value)), SourceSpan(Int(token.span.start) - 1, Int(token.span.end)))
            count -= 1
        } else {
            operand = try member()
        }
        for _ in 0..<count {
            let span = first.span.joined(to: operand.span)
            operand = Expr(first.kind == .bang ? .not(operand) : .negate(operand), span)
        }
        return try operand.checked()
    }

    private func isAccess(_ kind: TokenKind) -> Bool {
        kind == .dot || kind == .leftParenthesis || kind == .leftBracket
    }

    private func number(_ token: Token) throws(CedarError) -> UInt64 {
        guard let value = UInt64(cursor.word(token)) else { throw tooLarge(token) }
        return value
    }

    private func tooLarge(_ token: Token) -> CedarError {
        CedarError(
            .syntax, "the integer \(cursor.shown(token)) is out of range", at: token.span,
            help: "integers have 64 bits: -9223372036854775808 to 9223372036854775807")
    }

    private mutating func member() throws(CedarError) -> Expr {
        var expr = try primary()
        while true {
            switch cursor.kind {
            case .dot:
                cursor.advance()
                let token = cursor.token
                let name = try identifier()
                if cursor.kind == .leftParenthesis {
                    let arguments = try arguments()
                    expr = try method(expr, name, arguments, at: token.span)
                } else {
                    expr = Expr(.attribute(expr, name), SourceSpan(Int(expr.span.start), cursor.lastEnd))
                }
            case .leftBracket:
                cursor.advance()
                let literal = try cursor.expect(
                    .string, "the name of an attribute, a string", help: "an index is a string literal")
                let name = try cursor.unescaped(literal)
                try cursor.expect(.rightBracket, "`]`")
                expr = Expr(.attribute(expr, name), SourceSpan(Int(expr.span.start), cursor.lastEnd))
            case .leftParenthesis:
                throw CedarError(.syntax, "only functions and methods can be called", at: cursor.token.span)
            default:
                return expr
            }
            expr = try expr.checked()
        }
    }

    private mutating func primary() throws(CedarError) -> Expr {
        let token = cursor.token
        switch token.kind {
        case .number:
            cursor.advance()
            let magnitude = try number(token)
            guard let value = Int64(exactly: magnitude) else { throw tooLarge(token) }
            return Expr(.literal(.long(value)), token.span)
        case .string:
            cursor.advance()
            return Expr(.literal(.string(try cursor.unescaped(token))), token.span)
        case .leftParenthesis:
            cursor.advance()
            let inner = try expression()
            try cursor.expect(.rightParenthesis, "an operator or `)`")
            return Expr(inner.kind, SourceSpan(Int(token.span.start), cursor.lastEnd))
        case .leftBracket:
            let elements = try list(.leftBracket, .rightBracket, "`]`")
            return try Expr(.set(elements), SourceSpan(Int(token.span.start), cursor.lastEnd)).checked()
        case .leftBrace:
            return try record().checked()
        case .slot:
            throw CedarError(
                .syntax, "the slot `\(cursor.word(token))` cannot stand in a condition", at: token.span,
                help: "slots stand in the scope: `principal == ?principal`, `resource in ?resource`")
        case .true, .false:
            if cursor.kind(ahead: 1) == .doubleColon { return try named() }
            cursor.advance()
            return Expr(.literal(.bool(token.kind == .true)), token.span)
        case .if where cursor.kind(ahead: 1) != .doubleColon:
            throw cursor.unexpected("an operand", help: "put `if` in parentheses")
        case .bang, .minus:
            throw cursor.unexpected("an operand", help: "`!` and `-` do not mix: use parentheses")
        default:
            guard token.kind.isWord else { throw cursor.unexpected("an expression") }
            return try named()
        }
    }

    /// What begins with a name: a variable, an entity, a call.
    private mutating func named() throws(CedarError) -> Expr {
        let first = cursor.token
        let (name, span) = try path()
        switch cursor.kind {
        case .doubleColon:
            cursor.advance()
            guard case .entity(let uid, let whole) = try entity(name, from: span) else {
                throw cursor.unexpected("an entity")
            }
            return Expr(.literal(.entity(uid)), whole)
        case .leftParenthesis where variable(first.kind) == nil || name.isQualified:
            return try function(name, try arguments(), at: span)
        default:
            if let variable = variable(first.kind), !name.isQualified { return Expr(.variable(variable), span) }
            throw CedarError(
                .syntax, "`\(name)` is not a variable", at: span,
                help: cursor.kind == .dot || name.isQualified
                    ? "the variables are `principal`, `action`, `resource`, `context`"
                    : "did you mean a string, `\"\(name)\"`, or one of `principal`, `action`, `resource`, `context`?")
        }
    }

    private func variable(_ kind: TokenKind) -> Variable? {
        switch kind {
        case .principal: .principal
        case .action: .action
        case .resource: .resource
        case .context: .context
        default: nil
        }
    }

    private mutating func arguments() throws(CedarError) -> [Expr] {
        try list(.leftParenthesis, .rightParenthesis, "`)`")
    }

    private mutating func list(
        _ open: TokenKind, _ close: TokenKind, _ shown: String
    ) throws(CedarError) -> [Expr] {
        try cursor.expect(open, "a list")
        var elements: [Expr] = []
        while !cursor.take(close) {
            elements.append(try expression())
            if !cursor.take(.comma) {
                try cursor.expect(close, "an operator, `,` or \(shown)")
                break
            }
        }
        return elements
    }

    private mutating func record() throws(CedarError) -> Expr {
        let start = cursor.advance().span
        var fields: [Expr.Field] = []
        var names: Set<Text> = []
        while !cursor.take(.rightBrace) {
            let token = cursor.token
            let name: Text
            switch token.kind {
            case .string: name = try cursor.unescaped(cursor.advance())
            default:
                guard token.kind.isWord else { throw cursor.unexpected("the name of a field") }
                name = try identifier()
            }
            try cursor.expect(.colon, "`:`")
            guard names.insert(name).inserted else {
                throw CedarError(.syntax, "the record has `\(name)` twice", at: token.span)
            }
            fields.append(Expr.Field(name, try expression()))
            if !cursor.take(.comma) {
                try cursor.expect(.rightBrace, "an operator, `,` or `}`")
                break
            }
        }
        return Expr(.record(fields), SourceSpan(Int(start.start), cursor.lastEnd))
    }
}
