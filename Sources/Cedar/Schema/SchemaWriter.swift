// SPDX-License-Identifier: Apache-2.0
//
// A schema as written, in the text notation. What came from JSON and the text notation cannot say is an error:
// an entity type that a common type of the same name hides.
// Source: Cedar reference, "Human readable schema grammar".

struct SchemaWriter {
    private let document: SchemaDocument
    private var out = ""
    private var indent = 0
    private var namespace: Name?

    static func text(of document: SchemaDocument) throws(CedarError) -> String {
        var writer = SchemaWriter(document: document)
        var isFirst = true
        for namespace in document.namespaces {
            if !isFirst { writer.out += "\n" }
            isFirst = false
            try writer.write(namespace)
        }
        return writer.out
    }

    private init(document: SchemaDocument) { self.document = document }

    private mutating func line(_ text: String) {
        out += String(repeating: "  ", count: indent) + text + "\n"
    }

    private mutating func write(_ annotations: [SchemaAnnotation]) {
        for annotation in annotations {
            line("@\(annotation.key)" + (annotation.value.map { "(\(Escape.quoted($0)))" } ?? ""))
        }
    }

    private mutating func write(_ declarations: SchemaNamespace) throws(CedarError) {
        namespace = declarations.name
        if let name = declarations.name {
            write(declarations.annotations)
            line("namespace \(name) {")
            indent += 1
        }
        for declaration in declarations.commonTypes {
            write(declaration.annotations)
            line("type \(declaration.name) = \(try text(declaration.type));")
        }
        for declaration in declarations.entityTypes { try write(declaration) }
        for declaration in declarations.actions { try write(declaration) }
        if declarations.name != nil {
            indent -= 1
            line("}")
        }
    }

    private mutating func write(_ declaration: EntityTypeDeclaration) throws(CedarError) {
        write(declaration.annotations)
        var text = "entity \(declaration.name)"
        switch declaration.kind {
        case .enumerated(let ids):
            text += " enum [\(ids.map(Escape.quoted).joined(separator: ", "))]"
        case .standard(let parents, let shape, let tags):
            if !parents.isEmpty { text += " in [\(parents.map(\.name.description).joined(separator: ", "))]" }
            if shape != .emptyRecord {
                guard case .record = shape else {
                    throw CedarError(
                        .unsupported, "the shape of entity type `\(declaration.name)` is the name of a type",
                        at: declaration.span, help: "in the text notation a shape is a record: write it out")
                }
                text += " \(try self.text(shape))"
            }
            if let tags { text += " tags \(try self.text(tags))" }
        }
        line(text + ";")
    }

    private mutating func write(_ declaration: ActionDeclaration) throws(CedarError) {
        write(declaration.annotations)
        var text = "action \(Escape.quoted(declaration.id))"
        if !declaration.groups.isEmpty {
            let groups = declaration.groups.map { group in
                group.type.map { "\($0)::\(Escape.quoted(group.id))" } ?? Escape.quoted(group.id)
            }
            text += " in [\(groups.joined(separator: ", "))]"
        }
        // Without a principal or a resource no request names the action: the text notation leaves all of it out.
        if let appliesTo = declaration.appliesTo, !appliesTo.principals.isEmpty, !appliesTo.resources.isEmpty {
            func list(_ uses: [NameUse]) -> String { uses.map(\.name.description).joined(separator: ", ") }
            text += " appliesTo {\n"
            indent += 1
            let lead = String(repeating: "  ", count: indent)
            text += "\(lead)principal: [\(list(appliesTo.principals))],\n"
            text += "\(lead)resource: [\(list(appliesTo.resources))]"
            switch appliesTo.context {
            case .record(let attributes) where attributes.isEmpty: break
            case .record: text += ",\n\(lead)context: \(try self.text(appliesTo.context))"
            case .common(let use): text += ",\n\(lead)context: \(use.name)"
            case .entityOrCommon(let use): text += ",\n\(lead)context: \(use.name)"
            default:
                throw CedarError(
                    .schema, "the context of action `\(declaration.id)` is not a record", at: declaration.span)
            }
            indent -= 1
            text += "\n\(String(repeating: "  ", count: indent))}"
        }
        line(text + ";")
    }

    // MARK: Types

    private mutating func text(_ type: TypeExpression) throws(CedarError) -> String {
        switch type {
        case .boolean: return "__cedar::Bool"
        case .long: return "__cedar::Long"
        case .string: return "__cedar::String"
        case .extension(let use): return "__cedar::\(use.name)"
        case .common(let use), .entityOrCommon(let use): return use.name.description
        case .entity(let use):
            try refuseIfHidden(use)
            return use.name.description
        case .set(let element): return "Set<\(try text(element))>"
        case .record(let attributes):
            guard !attributes.isEmpty else { return "{}" }
            var result = "{\n"
            indent += 1
            let lead = String(repeating: "  ", count: indent)
            for attribute in attributes {
                for annotation in attribute.annotations {
                    result += "\(lead)@\(annotation.key)"
                    result += (annotation.value.map { "(\(Escape.quoted($0)))" } ?? "") + "\n"
                }
                let name =
                    Identifier.isIdentifier(attribute.name) && !Identifier.isReserved(attribute.name)
                    ? attribute.name.string : Escape.quoted(attribute.name)
                result += "\(lead)\(name)\(attribute.isRequired ? "" : "?"): \(try text(attribute.type)),\n"
            }
            indent -= 1
            return result + String(repeating: "  ", count: indent) + "}"
        }
    }

    /// Refuses the name of an entity type where the text notation would take it for a common type.
    private func refuseIfHidden(_ use: NameUse) throws(CedarError) {
        let places = use.name.isQualified ? [use.name.namespace] : (namespace.map { [$0, nil] } ?? [nil])
        let base = use.name.base
        for declarations in document.namespaces
        where places.contains(declarations.name) && declarations.commonTypes.contains(where: { $0.name == base }) {
            throw CedarError(
                .unsupported, "the text notation cannot name the entity type `\(use.name)`: a common type hides it",
                at: use.span, help: "rename one of them")
        }
    }
}

extension SchemaDocument {
    /// The schema in the text notation, in the order of its declarations.
    ///
    /// - Throws: `.unsupported` for what only the JSON notation can say.
    public func text() throws(CedarError) -> String { try SchemaWriter.text(of: self) }
}
