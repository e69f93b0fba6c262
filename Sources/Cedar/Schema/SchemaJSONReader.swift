// SPDX-License-Identifier: Apache-2.0
//
// From the JSON notation of schemas to a `SchemaDocument`. Every member must be one that is known; names are
// identifiers without blanks.
// Source: Cedar reference, "Schema format" (JSON).

internal import JSON

struct SchemaJSONReader {
    /// Reads a schema in JSON; the places in errors are those of the text.
    ///
    /// - Throws: `.syntax` where it is no JSON, `.document`, `.schema`, `.limit`.
    static func document(of source: SourceText) throws(CedarError) -> SchemaDocument {
        let json: JSON.Document
        do throws(JSONError) {
            json = try JSON.Document(parsing: source.bytes, options: ValueDocument.options)
        } catch {
            let offset = error.place?.offset ?? 0
            throw CedarError(.syntax, error.message, at: SourceSpan(offset, offset + 1))
        }
        var result = SchemaDocument()
        for (name, node) in try members(json.root, "a schema: an object of namespaces") {
            result.namespaces.append(try namespace(name, node))
        }
        return result
    }

    // MARK: Shapes

    private static func span(_ node: JSON.Located) -> SourceSpan { SourceSpan(node.span.lowerBound, node.span.upperBound) }

    private static func mismatch(_ node: JSON.Located, _ what: String) -> CedarError {
        CedarError(.document, "expected \(what), found \(node.value.kind)", at: span(node))
    }

    private static func members(_ node: JSON.Located, _ what: String) throws(CedarError) -> [(name: String, node: JSON.Located)] {
        guard let object = node.value.asObject else { throw mismatch(node, what) }
        return Array(zip(object.members.map(\.name), node.children))
    }

    /// The members of an object by their names, all of which must be among `known`.
    private static func fields(
        _ node: JSON.Located, _ what: String, known: [String], help: String? = nil
    ) throws(CedarError) -> [String: JSON.Located] {
        var result: [String: JSON.Located] = [:]
        for (name, child) in try members(node, what) {
            guard known.contains(where: { sameBytes($0, name) }) else {
                throw CedarError(
                    .document, "\(what) has no member `\(name)`", at: span(child),
                    help: help ?? Suggestion.help(for: name, among: known)
                        ?? "its members are " + known.map { "`\($0)`" }.joined(separator: ", "))
            }
            result[name] = child
        }
        return result
    }

    private static func string(_ node: JSON.Located, _ what: String) throws(CedarError) -> Text {
        guard let string = node.value.asString else { throw mismatch(node, what) }
        return Text(string)
    }

    private static func elements(_ node: JSON.Located, _ what: String) throws(CedarError) -> [JSON.Located] {
        guard node.value.asArray != nil else { throw mismatch(node, what) }
        return node.children
    }

    private static func required(
        _ fields: [String: JSON.Located], _ name: String, _ what: String, in node: JSON.Located
    ) throws(CedarError) -> JSON.Located {
        guard let field = fields[name] else {
            throw CedarError(.document, "\(what) lacks the member `\(name)`", at: span(node))
        }
        return field
    }

    // MARK: Names

    /// A name as it may be used; `__cedar` may stand in it.
    private static func use(_ node: JSON.Located, _ what: String) throws(CedarError) -> NameUse {
        let text = try string(node, what)
        return NameUse(try name(text, at: node, what), at: span(node))
    }

    private static func name(_ text: Text, at node: JSON.Located, _ what: String) throws(CedarError) -> Name {
        let parts = Name(text).components
        guard Name(path: parts).text == text,
            parts.allSatisfy({ Identifier.isIdentifier($0) && !Identifier.isReserved($0) })
        else {
            throw CedarError(
                .document, "`\(text)` is not \(what)", at: span(node),
                help: "names are identifiers joined by `::`, without blanks")
        }
        return Name(text)
    }

    /// A name as it may be declared.
    private static func declared(_ string: String, at node: JSON.Located, _ what: String) throws(CedarError) -> Text {
        let text = Text(string)
        guard Identifier.isIdentifier(text), !Identifier.isReserved(text) else {
            throw CedarError(.document, "`\(text)` is not a name for \(what)", at: span(node))
        }
        guard text != Identifier.cedar else { throw reserved(text, node) }
        return text
    }

    private static func reserved(_ text: Text, _ node: JSON.Located) -> CedarError {
        CedarError(.schema, "`\(text)` cannot be declared: `__cedar` belongs to the language", at: span(node))
    }

    private static func annotations(_ node: JSON.Located?) throws(CedarError) -> [SchemaAnnotation] {
        guard let node else { return [] }
        var result: [SchemaAnnotation] = []
        for (key, value) in try members(node, "annotations: an object of strings") {
            guard Identifier.isIdentifier(Text(key)) else {
                throw CedarError(.document, "`\(key)` is not the key of an annotation", at: span(value))
            }
            let text = value.value.isNull ? nil : try string(value, "the value of an annotation, a string or null")
            result.append(SchemaAnnotation(key: Text(key), value: text))
        }
        return result
    }

    // MARK: Declarations

    private static func namespace(_ key: String, _ node: JSON.Located) throws(CedarError) -> SchemaNamespace {
        var result = SchemaNamespace(name: nil)
        if !key.isEmpty {
            let name = try name(Text(key), at: node, "the name of a namespace")
            guard !name.components.contains(Identifier.cedar) else { throw reserved(name.text, node) }
            result.name = name
        }
        result.span = span(node)
        let what = "a namespace"
        let fields = try fields(
            node, what, known: ["commonTypes", "entityTypes", "actions", "annotations"],
            help: key == "entityTypes" || key == "actions"
                ? "a schema is an object of namespaces: write `{\"\": {..}}` for the empty one" : nil)
        result.annotations = try annotations(fields["annotations"])
        if result.name == nil, let node = fields["annotations"], !result.annotations.isEmpty {
            throw CedarError(.document, "the empty namespace has no annotations", at: span(node))
        }
        if let types = fields["commonTypes"] {
            for (name, node) in try members(types, "an object of common types") {
                result.commonTypes.append(try commonType(name, node))
            }
        }
        for (name, node) in try members(
            try required(fields, "entityTypes", what, in: node), "an object of entity types")
        {
            result.entityTypes.append(try entityType(name, node))
        }
        for (name, node) in try members(try required(fields, "actions", what, in: node), "an object of actions") {
            result.actions.append(try action(name, node))
        }
        return result
    }

    private static func commonType(_ key: String, _ node: JSON.Located) throws(CedarError) -> CommonTypeDeclaration {
        let name = try declared(key, at: node, "a common type")
        guard !CommonTypeDeclaration.isReserved(name) else {
            throw CedarError(
                .schema, "`\(name)` cannot be declared: it is a word of the schema language", at: span(node))
        }
        let (type, extra) = try type(node, and: ["annotations"])
        var result = CommonTypeDeclaration(name: name, type: type)
        result.annotations = try annotations(extra["annotations"])
        result.span = span(node)
        return result
    }

    private static func entityType(_ key: String, _ node: JSON.Located) throws(CedarError) -> EntityTypeDeclaration {
        let name = try declared(key, at: node, "an entity type")
        let fields = try fields(
            node, "an entity type", known: ["memberOfTypes", "shape", "tags", "enum", "annotations"])
        let kind: EntityTypeDeclaration.Kind
        if let choices = fields["enum"] {
            for other in ["memberOfTypes", "shape", "tags"] {
                guard let node = fields[other] else { continue }
                throw CedarError(
                    .document, "entity type `\(name)` has both `enum` and `\(other)`", at: span(node),
                    help: "an enumerated type has ids and nothing else")
            }
            var ids: [Text] = []
            for id in try elements(choices, "an array of ids") { ids.append(try string(id, "an id, a string")) }
            guard !ids.isEmpty else {
                throw CedarError(.document, "entity type `\(name)` lists no id", at: span(choices))
            }
            kind = .enumerated(ids)
        } else {
            kind = .standard(
                parents: try fields["memberOfTypes"].map { (node) throws(CedarError) in try uses(node) } ?? [],
                shape: try fields["shape"].map { (node) throws(CedarError) in try type(node) } ?? .emptyRecord,
                tags: try fields["tags"].map { (node) throws(CedarError) in try type(node) })
        }
        var result = EntityTypeDeclaration(name: name, kind: kind)
        result.annotations = try annotations(fields["annotations"])
        result.span = span(node)
        return result
    }

    private static func uses(_ node: JSON.Located) throws(CedarError) -> [NameUse] {
        var result: [NameUse] = []
        for element in try elements(node, "an array of entity types") {
            result.append(try use(element, "the name of an entity type"))
        }
        return result
    }

    private static func action(_ key: String, _ node: JSON.Located) throws(CedarError) -> ActionDeclaration {
        let all = try fields(node, "an action", known: ["appliesTo", "memberOf", "attributes", "annotations"])
        let fields = all.filter { $0.key == "annotations" || !$0.value.value.isNull }
        if let attributes = fields["attributes"] {
            throw CedarError(
                .unsupported, "action `\(key)` has attributes", at: span(attributes),
                help: "actions have no attributes: remove the member")
        }
        var result = ActionDeclaration(id: Text(key))
        if let groups = fields["memberOf"] {
            for group in try elements(groups, "an array of action groups") {
                let parts = try self.fields(group, "an action group", known: ["id", "type"])
                let type = parts["type"].flatMap { $0.value.isNull ? nil : $0 }
                result.groups.append(
                    ActionDeclaration.Group(
                        type: try type.map { (node) throws(CedarError) in
                            try use(node, "the name of a type of actions").name
                        },
                        id: try string(try required(parts, "id", "an action group", in: group), "an id, a string"),
                        span: span(group)))
            }
        }
        if let appliesTo = fields["appliesTo"] {
            let what = "`appliesTo`"
            let parts = try self.fields(appliesTo, what, known: ["principalTypes", "resourceTypes", "context"])
            result.appliesTo = ActionDeclaration.AppliesTo(
                principals: try uses(try required(parts, "principalTypes", what, in: appliesTo)),
                resources: try uses(try required(parts, "resourceTypes", what, in: appliesTo)),
                context: try parts["context"].map { (node) throws(CedarError) in try type(node) } ?? .emptyRecord)
        }
        result.annotations = try annotations(fields["annotations"])
        result.span = span(node)
        return result
    }

    // MARK: Types

    private static func type(_ node: JSON.Located) throws(CedarError) -> TypeExpression { try type(node, and: []).0 }

    /// A type, and the members of its object that are not the type's but in `others`.
    private static func type(
        _ node: JSON.Located, and others: [String]
    ) throws(CedarError) -> (TypeExpression, [String: JSON.Located]) {
        let what = "a type"
        let all = try fields(
            node, what, known: ["type", "element", "attributes", "additionalAttributes", "name"] + others)
        let extra = all.filter { others.contains($0.key) }
        let fields = all.filter { !others.contains($0.key) }
        let word = try required(fields, "type", what, in: node)
        let kind = try string(word, "the name of a type")
        func only(_ allowed: [String]) throws(CedarError) {
            for (name, node) in fields.sorted(by: { $0.value.span.lowerBound < $1.value.span.lowerBound })
            where name != "type" && !allowed.contains(name) {
                throw CedarError(.document, "a type `\(kind)` has no member `\(name)`", at: span(node))
            }
        }
        func named() throws(CedarError) -> NameUse {
            try only(["name"])
            return try use(try required(fields, "name", "a type `\(kind)`", in: node), "the name of a type")
        }
        switch kind.string {
        case "Boolean":
            try only([])
            return (.boolean, extra)
        case "Long":
            try only([])
            return (.long, extra)
        case "String":
            try only([])
            return (.string, extra)
        case "Set":
            try only(["element"])
            return (.set(try type(try required(fields, "element", "a type `Set`", in: node))), extra)
        case "Record":
            try only(["attributes", "additionalAttributes"])
            if let open = fields["additionalAttributes"] {
                guard let isOpen = open.value.asBool else { throw mismatch(open, "true or false") }
                if isOpen {
                    throw CedarError(
                        .unsupported, "records with attributes that are not declared", at: span(open),
                        help: "declare the attributes, or remove `additionalAttributes`")
                }
            }
            var attributes: [AttributeDeclaration] = []
            for (name, node) in try members(
                try required(fields, "attributes", "a type `Record`", in: node), "an object of attributes")
            {
                attributes.append(try attribute(name, node))
            }
            return (.record(attributes), extra)
        case "Entity": return (.entity(try named()), extra)
        case "EntityOrCommon": return (.entityOrCommon(try named()), extra)
        case "Extension": return (.extension(try named()), extra)
        default:
            try only([])
            return (.common(try use(word, "the name of a type")), extra)
        }
    }

    private static func attribute(_ name: String, _ node: JSON.Located) throws(CedarError) -> AttributeDeclaration {
        let (type, extra) = try type(node, and: ["required", "annotations"])
        var isRequired = true
        if let required = extra["required"] {
            guard let value = required.value.asBool else { throw mismatch(required, "true or false") }
            isRequired = value
        }
        var result = AttributeDeclaration(name: Text(name), isRequired: isRequired, type: type)
        result.annotations = try annotations(extra["annotations"])
        result.span = span(node)
        return result
    }
}

extension SchemaDocument {
    /// Reads a schema in the JSON notation, without resolving its names.
    ///
    /// - Throws: `.syntax` where the text is no JSON, `.document`, `.schema`, `.unsupported`.
    public init(json source: SourceText) throws(CedarError) {
        self = try SchemaJSONReader.document(of: source)
    }
}

extension Schema {
    /// Reads a schema in the JSON notation.
    ///
    /// - Throws: `.syntax` where the text is no JSON, `.document`, `.schema`, `.unsupported`, `.limit`.
    public init(json source: SourceText) throws(CedarError) {
        try self.init(SchemaDocument(json: source))
    }
}
