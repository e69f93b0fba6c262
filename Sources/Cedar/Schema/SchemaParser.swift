// SPDX-License-Identifier: Apache-2.0
//
// From the text notation of schemas to a `SchemaDocument`. It checks what one declaration or one namespace shows
// (syntax, duplicates, reserved names); what needs all declarations is the resolver's.
// Source: Cedar reference, "Human readable schema grammar".

struct SchemaParser {
    private var cursor: TokenCursor
    private var warnings: [SchemaWarning] = []
    private var depth = 0

    /// Reads a schema text.
    ///
    /// - Throws: `.syntax`, `.schema` for duplicates and reserved names, `.limit`.
    static func document(of source: SourceText) throws(CedarError) -> SchemaDocument {
        var parser = SchemaParser(cursor: try TokenCursor(source))
        return try parser.document()
    }

    private init(cursor: TokenCursor) { self.cursor = cursor }

    private mutating func document() throws(CedarError) -> SchemaDocument {
        var named: [SchemaNamespace] = []
        var seen: [Name: SourceSpan] = [:]
        var empty = SchemaNamespace(name: nil)
        var hasEmpty = false
        while cursor.kind != .end {
            let annotations = try annotations()
            if cursor.isWord("namespace") {
                let start = Int(cursor.advance().span.start)
                let (name, span) = try path()
                try refuseReserved(name, span)
                if seen.updateValue(span, forKey: name) != nil {
                    throw CedarError(
                        .schema, "namespace `\(name)` is declared twice", at: span,
                        help: "move its declarations into one block")
                }
                var namespace = SchemaNamespace(name: name)
                namespace.annotations = annotations
                try cursor.expect(.leftBrace, "`{` and the declarations of the namespace")
                while cursor.kind != .rightBrace {
                    try declaration(try self.annotations(), into: &namespace)
                }
                cursor.advance()
                namespace.span = SourceSpan(start, cursor.lastEnd)
                named.append(namespace)
            } else {
                hasEmpty = true
                try declaration(annotations, into: &empty)
            }
        }
        var result = SchemaDocument(namespaces: (hasEmpty ? [empty] : []) + named)
        for namespace in result.namespaces { try checkDuplicates(namespace) }
        result.warnings = warnings
        return result
    }

    private func checkDuplicates(_ namespace: SchemaNamespace) throws(CedarError) {
        try checkDuplicates(namespace.entityTypes.map { ($0.name, $0.span) }, "entity type")
        try checkDuplicates(namespace.commonTypes.map { ($0.name, $0.span) }, "common type")
        try checkDuplicates(namespace.actions.map { ($0.id, $0.span) }, "action")
    }

    private func checkDuplicates(_ names: [(Text, SourceSpan?)], _ what: String) throws(CedarError) {
        var seen: Set<Text> = []
        for (name, span) in names where !seen.insert(name).inserted {
            throw CedarError(.schema, "\(what) `\(name)` is declared twice", at: span)
        }
    }

    private func refuseReserved(_ name: Name, _ span: SourceSpan) throws(CedarError) {
        guard name.components.contains(Identifier.cedar) else { return }
        throw CedarError(
            .schema, "`\(name)` cannot be declared: `__cedar` belongs to the language", at: span)
    }

    // MARK: Annotations, names

    private mutating func annotations() throws(CedarError) -> [SchemaAnnotation] {
        var result: [SchemaAnnotation] = []
        var keys: Set<Text> = []
        while cursor.take(.at) {
            guard cursor.kind.isWord else { throw cursor.unexpected("the key of an annotation") }
            let token = cursor.advance()
            let key = cursor.text(token)
            guard keys.insert(key).inserted else {
                throw CedarError(.syntax, "annotation `@\(key)` is given twice", at: token.span)
            }
            var value: Text?
            if cursor.take(.leftParenthesis) {
                value = try cursor.unescaped(try cursor.expect(.string, "the value of the annotation, a string"))
                try cursor.expect(.rightParenthesis, "`)`")
            }
            result.append(SchemaAnnotation(key: key, value: value))
        }
        return result
    }

    private mutating func identifier(_ what: String) throws(CedarError) -> (Text, SourceSpan) {
        guard cursor.kind.isWord else { throw cursor.unexpected(what) }
        let token = cursor.token
        let text = cursor.text(token)
        guard !Identifier.isReserved(text) else {
            throw CedarError(
                .syntax, "`\(text)` is a reserved word and cannot be \(what)", at: token.span,
                help: "attributes and actions may be quoted: `\"\(text)\"`")
        }
        cursor.advance()
        return (text, token.span)
    }

    /// `A::B::C`.
    private mutating func path(_ what: String = "a name") throws(CedarError) -> (Name, SourceSpan) {
        let (first, span) = try identifier(what)
        return try path(after: first, span)
    }

    /// The rest of a path, as far as identifiers follow.
    private mutating func path(after first: Text, _ span: SourceSpan) throws(CedarError) -> (Name, SourceSpan) {
        var parts = [first]
        var whole = span
        while cursor.kind == .doubleColon, cursor.kind(ahead: 1) != .string {
            cursor.advance()
            let (part, span) = try identifier("a name after `::`")
            parts.append(part)
            whole = whole.joined(to: span)
        }
        return (Name(path: parts), whole)
    }

    /// An identifier or a string.
    private mutating func label(_ what: String) throws(CedarError) -> (Text, SourceSpan) {
        guard cursor.kind == .string else { return try identifier(what) }
        let token = cursor.advance()
        return (try cursor.unescaped(token), token.span)
    }

    private mutating func separated<T>(
        _ element: (inout SchemaParser) throws(CedarError) -> T
    ) throws(CedarError) -> [T] {
        var result = [try element(&self)]
        while cursor.take(.comma) { result.append(try element(&self)) }
        return result
    }

    // MARK: Declarations

    private mutating func declaration(
        _ annotations: [SchemaAnnotation], into namespace: inout SchemaNamespace
    ) throws(CedarError) {
        if cursor.isWord("entity") {
            try entity(annotations, into: &namespace)
        } else if cursor.isWord("action") {
            try action(annotations, into: &namespace)
        } else if cursor.isWord("type") {
            try commonType(annotations, into: &namespace)
        } else {
            let help: String? =
                cursor.isWord("namespace") ? "namespaces do not nest: write `namespace A::B { .. }` on its own" : nil
            throw cursor.unexpected("`entity`, `action`, `type` or `namespace`", help: help)
        }
    }

    private mutating func commonType(
        _ annotations: [SchemaAnnotation], into namespace: inout SchemaNamespace
    ) throws(CedarError) {
        let start = Int(cursor.advance().span.start)
        let (name, span) = try identifier("the name of a type")
        try refuseReserved(Name(name), span)
        if CommonTypeDeclaration.isReserved(name) {
            throw CedarError(
                .schema, "`\(name)` cannot be declared: it is a word of the schema language", at: span)
        }
        try cursor.expect(.assign, "`=` and the type")
        var declaration = CommonTypeDeclaration(name: name, type: try type())
        try semicolon("the declaration of `\(name)`")
        declaration.annotations = annotations
        declaration.span = SourceSpan(start, cursor.lastEnd)
        namespace.commonTypes.append(declaration)
    }

    private mutating func semicolon(_ after: String) throws(CedarError) {
        try cursor.expect(.semicolon, "`;` at the end of \(after)")
    }

    private mutating func entity(
        _ annotations: [SchemaAnnotation], into namespace: inout SchemaNamespace
    ) throws(CedarError) {
        let start = Int(cursor.advance().span.start)
        let names = try separated { (parser) throws(CedarError) in try parser.identifier("the name of an entity type") }
        for (name, span) in names { try refuseReserved(Name(name), span) }
        let kind: EntityTypeDeclaration.Kind
        if cursor.isWord("enum") {
            cursor.advance()
            try cursor.expect(.leftBracket, "`[` and the ids")
            let ids = try separated { (parser) throws(CedarError) in
                try parser.cursor.unescaped(try parser.cursor.expect(.string, "an id, a string"))
            }
            try cursor.expect(.rightBracket, "`,` or `]`")
            kind = .enumerated(ids)
        } else {
            let parents = cursor.take(.in) ? try entityTypes() : []
            var shape = TypeExpression.emptyRecord
            let assigned = cursor.take(.assign)
            if cursor.kind == .leftBrace {
                shape = .record(try record())
            } else if assigned {
                throw cursor.unexpected("`{` and the attributes")
            }
            var tags: TypeExpression?
            if cursor.isWord("tags") {
                cursor.advance()
                tags = try type()
            }
            kind = .standard(parents: parents, shape: shape, tags: tags)
        }
        try semicolon("the declaration of `\(names[0].0)`")
        let span = SourceSpan(start, cursor.lastEnd)
        for (name, _) in names {
            var declaration = EntityTypeDeclaration(name: name, kind: kind)
            declaration.annotations = annotations
            declaration.span = span
            namespace.entityTypes.append(declaration)
        }
    }

    /// One name or a list in brackets, which may be empty.
    private mutating func entityTypes() throws(CedarError) -> [NameUse] {
        guard cursor.take(.leftBracket) else {
            let (name, span) = try path("an entity type")
            return [NameUse(name, at: span)]
        }
        if cursor.take(.rightBracket) { return [] }
        let names = try separated { (parser) throws(CedarError) in
            let (name, span) = try parser.path("an entity type")
            return NameUse(name, at: span)
        }
        try cursor.expect(.rightBracket, "`,` or `]`")
        return names
    }

    private mutating func action(
        _ annotations: [SchemaAnnotation], into namespace: inout SchemaNamespace
    ) throws(CedarError) {
        let start = Int(cursor.advance().span.start)
        let names = try separated { (parser) throws(CedarError) in try parser.label("the name of an action") }
        var groups: [ActionDeclaration.Group] = []
        if cursor.take(.in) {
            if cursor.take(.leftBracket) {
                groups = try separated { (parser) throws(CedarError) in try parser.group() }
                try cursor.expect(.rightBracket, "`,` or `]`")
            } else {
                groups = [try group()]
            }
        }
        var appliesTo: ActionDeclaration.AppliesTo?
        if cursor.isWord("appliesTo") {
            appliesTo = try self.appliesTo(names[0].0, at: names[0].1)
        }
        if cursor.isWord("attributes") {
            cursor.advance()
            try cursor.expect(.leftBrace, "`{`")
            try cursor.expect(.rightBrace, "`}`", help: "actions have no attributes")
        }
        try semicolon("the declaration of `\(names[0].0)`")
        let span = SourceSpan(start, cursor.lastEnd)
        for (id, _) in names {
            var declaration = ActionDeclaration(id: id)
            declaration.groups = groups
            declaration.appliesTo = appliesTo
            declaration.annotations = annotations
            declaration.span = span
            namespace.actions.append(declaration)
        }
    }

    /// `name`, `"name"` or `A::Action::"name"`.
    private mutating func group() throws(CedarError) -> ActionDeclaration.Group {
        if cursor.kind == .string {
            let token = cursor.advance()
            return ActionDeclaration.Group(type: nil, id: try cursor.unescaped(token), span: token.span)
        }
        let (first, span) = try identifier("the name of an action group")
        guard cursor.kind == .doubleColon else { return ActionDeclaration.Group(type: nil, id: first, span: span) }
        let (type, typeSpan) = try path(after: first, span)
        try cursor.expect(.doubleColon, "`::` and the id of the group")
        let token = try cursor.expect(.string, "the id of the group, a string")
        return ActionDeclaration.Group(
            type: type, id: try cursor.unescaped(token), span: typeSpan.joined(to: token.span))
    }

    private mutating func appliesTo(_ action: Text, at span: SourceSpan) throws(CedarError) -> ActionDeclaration.AppliesTo {
        cursor.advance()
        try cursor.expect(.leftBrace, "`{`")
        var principals: [NameUse]?
        var resources: [NameUse]?
        var context: TypeExpression?
        repeat {
            let token = cursor.token
            func once(_ isSet: Bool, _ what: String) throws(CedarError) {
                guard isSet else { return }
                throw CedarError(.syntax, "`\(what)` of action `\(action)` is given twice", at: token.span)
            }
            func filled(_ types: [NameUse], _ what: String) throws(CedarError) -> [NameUse] {
                guard types.isEmpty else { return types }
                throw CedarError(
                    .schema, "the `\(what)` list of action `\(action)` is empty", at: token.span,
                    help: "leave out `appliesTo` for an action that no request names")
            }
            switch token.kind {
            case .principal:
                try once(principals != nil, "principal")
                try field()
                principals = try filled(try entityTypes(), "principal")
            case .resource:
                try once(resources != nil, "resource")
                try field()
                resources = try filled(try entityTypes(), "resource")
            case .context:
                try once(context != nil, "context")
                try field()
                if cursor.kind == .leftBrace {
                    context = .record(try record())
                } else {
                    let (name, span) = try path("a record or the name of a common type")
                    context = .common(NameUse(name, at: span))
                }
            default:
                throw cursor.unexpected("`principal`, `resource` or `context`")
            }
        } while cursor.take(.comma) && cursor.kind != .rightBrace
        try cursor.expect(.rightBrace, "`,` or `}`")
        func missing(_ what: String) -> CedarError {
            CedarError(
                .schema, "`appliesTo` of action `\(action)` has no `\(what)`", at: span,
                help: "name the \(what) types, or leave out `appliesTo`")
        }
        guard let principals else { throw missing("principal") }
        guard let resources else { throw missing("resource") }
        return ActionDeclaration.AppliesTo(
            principals: principals, resources: resources, context: context ?? .emptyRecord)
    }

    private mutating func field() throws(CedarError) {
        cursor.advance()
        try cursor.expect(.colon, "`:`")
    }

    // MARK: Types

    /// Goes one level deeper into a type; every call is paired with `depth -= 1`.
    private mutating func enter() throws(CedarError) {
        guard depth < TokenCursor.maximumDepth else {
            throw CedarError(
                .limit, "a type nests more than \(TokenCursor.maximumDepth) deep", at: cursor.token.span,
                help: "give inner types a name: `type T = ..;`")
        }
        depth += 1
    }

    private mutating func type() throws(CedarError) -> TypeExpression {
        if cursor.kind == .leftBrace { return .record(try record()) }
        if cursor.isWord("Set"), cursor.kind(ahead: 1) == .less {
            try enter()
            cursor.advance()
            cursor.advance()
            let element = try type()
            try cursor.expect(.greater, "`>`")
            depth -= 1
            return .set(element)
        }
        let (name, span) = try path("a type")
        if cursor.kind == .less {
            throw cursor.unexpected("the end of the type", help: "only `Set` takes a type in `<` `>`")
        }
        return .entityOrCommon(NameUse(name, at: span))
    }

    private mutating func record() throws(CedarError) -> [AttributeDeclaration] {
        try enter()
        cursor.advance()
        var result: [AttributeDeclaration] = []
        var places: [Text: Int] = [:]
        while cursor.kind != .rightBrace {
            let annotations = try annotations()
            let (name, span) = try label("the name of an attribute")
            let isOptional = cursor.take(.question)
            try cursor.expect(.colon, isOptional ? "`:`" : "`:` or `?`")
            var attribute = AttributeDeclaration(name: name, isRequired: !isOptional, type: try type())
            attribute.annotations = annotations
            attribute.span = span
            if let place = places[name] {
                warnings.append(
                    SchemaWarning(
                        "attribute `\(name)` is declared twice, the last declaration counts", at: span,
                        help: "remove one of them"))
                result[place] = attribute
            } else {
                places[name] = result.count
                result.append(attribute)
            }
            guard cursor.take(.comma) else { break }
        }
        try cursor.expect(.rightBrace, "`,` or `}`")
        depth -= 1
        return result
    }
}

extension CommonTypeDeclaration {
    /// The words that JSON schemas use for types and that no common type may take.
    static func isReserved(_ name: Text) -> Bool {
        switch name.string {
        case "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String": true
        default: false
        }
    }
}
