// SPDX-License-Identifier: Apache-2.0
//
// The scope of a policy: `principal`, `action`, `resource` and what each may be constrained to.

extension PolicyParser {
    mutating func scope(_ slot: Slot) throws(CedarError) -> ScopeConstraint {
        let name = slot == .principal ? "principal" : "resource"
        try scopeVariable(slot == .principal ? .principal : .resource, name)
        var type: (EntityType, SourceSpan)?
        if cursor.take(.is) { type = try typeName() }
        switch cursor.kind {
        case .equal:
            guard type == nil else {
                throw CedarError(
                    .syntax, "`is` and `==` cannot stand together in the scope", at: cursor.token.span,
                    help: "an entity literal names its type: leave out the `is`")
            }
            cursor.advance()
            return .equal(try entityReference(slot: slot))
        case .in:
            cursor.advance()
            let reference = try entityReference(slot: slot)
            guard cursor.kind != .is else {
                throw CedarError(
                    .syntax, "`is` cannot follow `in` in the scope", at: cursor.token.span,
                    help: "write `\(name) is T in e`")
            }
            return type.map { .isTypeIn($0.0, $0.1, reference) } ?? .in(reference)
        default:
            if type == nil { try refuseOperator("`==`, `in` or `is`") }
            return type.map { .isType($0.0, $0.1) } ?? .any
        }
    }

    mutating func actionScope() throws(CedarError) -> ActionConstraint {
        try scopeVariable(.action, "action")
        switch cursor.kind {
        case .equal:
            cursor.advance()
            return .equal(try actionReference())
        case .in:
            cursor.advance()
            return try actionList()
        case .is:
            throw CedarError(
                .syntax, "`is` cannot stand in the scope of the action", at: cursor.token.span,
                help: "use `action == A::\"..\"` or `action in [..]`, or move it into `when { }`")
        default:
            try refuseOperator("`==` or `in`")
            return .any
        }
    }

    private mutating func scopeVariable(_ kind: TokenKind, _ name: String) throws(CedarError) {
        try cursor.expect(kind, "`\(name)`", help: "the scope has `principal`, `action`, `resource`, in this order")
        if cursor.kind == .colon {
            throw CedarError(
                .syntax, "a type cannot follow `:` in the scope", at: cursor.token.span,
                help: "write `\(name) is T`")
        }
    }

    private func refuseOperator(_ allowed: String) throws(CedarError) {
        switch cursor.kind {
        case .assign:
            throw CedarError(.syntax, "`=` is not an operator", at: cursor.token.span, help: "write `==`")
        case .notEqual, .less, .lessEqual, .greater, .greaterEqual, .has, .like:
            throw CedarError(
                .syntax, "\(cursor.shown(cursor.token)) cannot stand in the scope", at: cursor.token.span,
                help: "the scope takes \(allowed); move other conditions into `when { }`")
        default: break
        }
    }

    /// An entity literal or the slot (nil: none is allowed), perhaps in parentheses.
    mutating func entityReference(slot: Slot?) throws(CedarError) -> EntityReference {
        let token = cursor.token
        switch token.kind {
        case .leftParenthesis:
            try cursor.enter()
            cursor.advance()
            let inner = try entityReference(slot: slot)
            try cursor.expect(.rightParenthesis, "`)`")
            cursor.leave()
            return inner
        case .slot:
            guard let slot, cursor.word(token) == slot.rawValue else {
                let allowed = slot.map { "the slot here is `\($0.rawValue)`" } ?? "no slot can stand here"
                throw CedarError(.syntax, "unexpected slot `\(cursor.word(token))`", at: token.span, help: allowed)
            }
            cursor.advance()
            return .slot(token.span)
        case .leftBracket:
            throw CedarError(
                .syntax, "a set of entities cannot stand here", at: token.span,
                help: "only `action in` takes a set; write one policy for each entity, or use `when { }`")
        default:
            guard token.kind.isWord else {
                let isBare = token.kind == .string
                throw cursor.unexpected(
                    "an entity such as `User::\"alice\"`", help: isBare ? "an id stands behind its type: `User::\"..\"`, `Action::\"..\"`" : nil)
            }
            let (name, span) = try path()
            guard cursor.take(.doubleColon) else {
                let quoted = name.namespace.map { ", did you mean `\($0)::\(Escape.quoted(name.base))`?" }
                throw CedarError(
                    .syntax, "`\(name)` is not an entity", at: span,
                    help: "an entity has an id in quotes" + (quoted ?? ", `\(name)::\"..\"`; to ask for a type use `is \(name)`"))
            }
            return try entity(name, from: span)
        }
    }

    /// The rest of an entity literal after its type and `::`.
    mutating func entity(_ type: Name, from span: SourceSpan) throws(CedarError) -> EntityReference {
        let id = try cursor.expect(.string, "the entity's id, a string")
        return .entity(EntityUID(type: type, id: try cursor.unescaped(id)), span.joined(to: id.span))
    }

    private mutating func actionReference() throws(CedarError) -> ActionConstraint.Reference {
        guard case .entity(let uid, let span) = try entityReference(slot: nil) else {
            throw cursor.unexpected("an entity")
        }
        guard uid.type.isAction else {
            throw CedarError(
                .syntax, "`\(uid)` is not an action", at: span, help: "the type of an action is named `Action`")
        }
        return ActionConstraint.Reference(uid, span)
    }

    private mutating func actionList() throws(CedarError) -> ActionConstraint {
        if cursor.kind == .leftParenthesis, listInParentheses() {
            try cursor.enter()
            cursor.advance()
            let inner = try actionList()
            try cursor.expect(.rightParenthesis, "`)`")
            cursor.leave()
            return inner
        }
        guard cursor.take(.leftBracket) else { return .in(try actionReference()) }
        var references: [ActionConstraint.Reference] = []
        while !cursor.take(.rightBracket) {
            references.append(try actionReference())
            if !cursor.take(.comma) {
                try cursor.expect(.rightBracket, "`,` or `]`")
                break
            }
        }
        return .inSet(references)
    }

    /// Whether the parentheses that begin here hold a list.
    private func listInParentheses() -> Bool {
        var ahead = 0
        while cursor.kind(ahead: ahead) == .leftParenthesis, ahead <= TokenCursor.maximumDepth { ahead += 1 }
        return cursor.kind(ahead: ahead) == .leftBracket
    }

    /// The name after `is`.
    mutating func typeName() throws(CedarError) -> (EntityType, SourceSpan) {
        guard cursor.kind.isWord else {
            throw cursor.unexpected("the name of an entity type", help: "for example `principal is User`")
        }
        let (name, span) = try path()
        guard cursor.kind != .doubleColon else {
            throw CedarError(
                .syntax, "expected an entity type after `is`, found an entity", at: span,
                help: "to ask for one entity use `==`")
        }
        return (name, span)
    }

    /// Words joined by `::`; a last `::` before a string is left.
    mutating func path() throws(CedarError) -> (Name, SourceSpan) {
        var parts: [Text] = []
        let first = cursor.token
        while true {
            parts.append(try identifier())
            guard cursor.kind == .doubleColon, cursor.kind(ahead: 1).isWord else { break }
            cursor.advance()
        }
        return (Name(path: parts), SourceSpan(Int(first.span.start), cursor.lastEnd))
    }

    /// A word that is no reserved one.
    mutating func identifier() throws(CedarError) -> Text {
        let token = cursor.token
        guard token.kind.isWord else { throw cursor.unexpected("an identifier") }
        let text = cursor.text(token)
        if Identifier.isReserved(text) {
            throw CedarError(
                .syntax, "`\(text)` is a reserved word", at: token.span,
                help: "an attribute of this name is reached by `[\"\(text)\"]` or `has \"\(text)\"`")
        }
        if text == Identifier.cedar {
            throw CedarError(.syntax, "the name `__cedar` is reserved", at: token.span)
        }
        cursor.advance()
        return text
    }
}
