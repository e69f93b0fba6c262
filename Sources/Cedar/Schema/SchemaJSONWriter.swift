// SPDX-License-Identifier: Apache-2.0
//
// A schema as written, in the JSON notation. Reading it back gives the same document but for places in the text.
// Source: Cedar reference, "Schema format" (JSON).

public import JSON

extension SchemaDocument {
    /// The schema as JSON, in the order of its declarations.
    public var json: JSON.Value {
        .object(Object(namespaces.map { Member(name: $0.name?.description ?? "", value: $0.json) }))
    }
}

/// The members of an object with those left out that say nothing.
private func object(_ members: (String, JSON.Value?)...) -> JSON.Value {
    .object(Object(members.compactMap { name, value in value.map { Member(name: name, value: $0) } }))
}

private func json(_ annotations: [SchemaAnnotation]) -> JSON.Value? {
    annotations.isEmpty
        ? nil
        : .object(
            Object(annotations.map { Member(name: $0.key.string, value: $0.value.map { .string($0.string) } ?? .null) }))
}

private func json(_ uses: [NameUse]) -> JSON.Value { .array(uses.map { .string($0.name.description) }) }

extension SchemaNamespace {
    fileprivate var json: JSON.Value {
        object(
            ("annotations", Cedar.json(annotations)),
            (
                "commonTypes",
                commonTypes.isEmpty
                    ? nil
                    : .object(Object(commonTypes.map { Member(name: $0.name.string, value: $0.json) }))
            ),
            ("entityTypes", .object(Object(entityTypes.map { Member(name: $0.name.string, value: $0.json) }))),
            ("actions", .object(Object(actions.map { Member(name: $0.id.string, value: $0.json) }))))
    }
}

extension CommonTypeDeclaration {
    fileprivate var json: JSON.Value { type.json(with: [("annotations", Cedar.json(annotations))]) }
}

extension EntityTypeDeclaration {
    fileprivate var json: JSON.Value {
        switch kind {
        case .enumerated(let ids):
            object(("annotations", Cedar.json(annotations)), ("enum", .array(ids.map { .string($0.string) })))
        case .standard(let parents, let shape, let tags):
            object(
                ("annotations", Cedar.json(annotations)),
                ("memberOfTypes", parents.isEmpty ? nil : Cedar.json(parents)),
                ("shape", shape == .emptyRecord ? nil : shape.json()),
                ("tags", tags?.json()))
        }
    }
}

extension ActionDeclaration {
    fileprivate var json: JSON.Value {
        object(
            ("annotations", Cedar.json(annotations)),
            ("memberOf", groups.isEmpty ? nil : .array(groups.map(\.json))),
            ("appliesTo", appliesTo?.json))
    }
}

extension ActionDeclaration.Group {
    fileprivate var json: JSON.Value {
        object(("type", type.map { .string($0.description) }), ("id", .string(id.string)))
    }
}

extension ActionDeclaration.AppliesTo {
    fileprivate var json: JSON.Value {
        object(
            ("principalTypes", Cedar.json(principals)), ("resourceTypes", Cedar.json(resources)),
            ("context", context == .emptyRecord ? nil : context.json()))
    }
}

extension TypeExpression {
    fileprivate func json(with extra: [(String, JSON.Value?)] = []) -> JSON.Value {
        var members: [(String, JSON.Value?)]
        switch self {
        case .boolean: members = [("type", "Boolean")]
        case .long: members = [("type", "Long")]
        case .string: members = [("type", "String")]
        case .set(let element): members = [("type", "Set"), ("element", element.json())]
        case .record(let attributes):
            members = [
                ("type", "Record"),
                (
                    "attributes",
                    .object(Object(attributes.map { Member(name: $0.name.string, value: $0.json) }))
                ),
            ]
        case .extension(let use): members = [("type", "Extension"), ("name", .string(use.name.description))]
        case .entity(let use): members = [("type", "Entity"), ("name", .string(use.name.description))]
        case .common(let use): members = [("type", .string(use.name.description))]
        case .entityOrCommon(let use):
            members = [("type", "EntityOrCommon"), ("name", .string(use.name.description))]
        }
        members += extra
        return .object(Object(members.compactMap { name, value in value.map { Member(name: name, value: $0) } }))
    }
}

extension AttributeDeclaration {
    fileprivate var json: JSON.Value {
        type.json(with: [
            ("required", isRequired ? nil : false), ("annotations", Cedar.json(annotations)),
        ])
    }
}
