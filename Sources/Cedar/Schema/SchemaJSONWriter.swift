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

/// An object without the members that are nil.
private func object(_ members: [(String, JSON.Value?)]) -> JSON.Value {
    .object(Object(members.compactMap { name, value in value.map { Member(name: name, value: $0) } }))
}

/// The value, or nothing where it would say nothing. (A bare `nil` would be JSON's null.)
private func member(unless isEmpty: Bool, _ value: @autoclosure () -> JSON.Value) -> JSON.Value? {
    isEmpty ? Optional.none : value()
}

private func json(_ annotations: [SchemaAnnotation]) -> JSON.Value? {
    member(
        unless: annotations.isEmpty,
        .object(
            Object(annotations.map { Member(name: $0.key.string, value: $0.value.map { .string($0.string) } ?? .null) })))
}

private func json(_ uses: [NameUse]) -> JSON.Value { .array(uses.map { .string($0.name.description) }) }

extension SchemaNamespace {
    fileprivate var json: JSON.Value {
        let types = commonTypes.map { Member(name: $0.name.string, value: $0.json) }
        return object([
            ("annotations", Cedar.json(annotations)),
            ("commonTypes", member(unless: types.isEmpty, .object(Object(types)))),
            ("entityTypes", .object(Object(entityTypes.map { Member(name: $0.name.string, value: $0.json) }))),
            ("actions", .object(Object(actions.map { Member(name: $0.id.string, value: $0.json) }))),
        ])
    }
}

extension CommonTypeDeclaration {
    fileprivate var json: JSON.Value { type.json(with: [("annotations", Cedar.json(annotations))]) }
}

extension EntityTypeDeclaration {
    fileprivate var json: JSON.Value {
        switch kind {
        case .enumerated(let ids):
            object([("annotations", Cedar.json(annotations)), ("enum", .array(ids.map { .string($0.string) }))])
        case .standard(let parents, let shape, let tags):
            object([
                ("annotations", Cedar.json(annotations)),
                ("memberOfTypes", member(unless: parents.isEmpty, Cedar.json(parents))),
                ("shape", member(unless: shape == .emptyRecord, shape.json())),
                ("tags", tags.map { $0.json() }),
            ])
        }
    }
}

extension ActionDeclaration {
    fileprivate var json: JSON.Value {
        object([
            ("annotations", Cedar.json(annotations)),
            ("memberOf", member(unless: groups.isEmpty, .array(groups.map(\.json)))),
            ("appliesTo", appliesTo.map(\.json)),
        ])
    }
}

extension ActionDeclaration.Group {
    fileprivate var json: JSON.Value {
        object([("type", type.map { .string($0.description) }), ("id", .string(id.string))])
    }
}

extension ActionDeclaration.AppliesTo {
    fileprivate var json: JSON.Value {
        object([
            ("principalTypes", Cedar.json(principals)), ("resourceTypes", Cedar.json(resources)),
            ("context", member(unless: context == .emptyRecord, context.json())),
        ])
    }
}

extension TypeExpression {
    fileprivate func json(with extra: [(String, JSON.Value?)] = []) -> JSON.Value {
        let members: [(String, JSON.Value?)]
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
        return object(members + extra)
    }
}

extension AttributeDeclaration {
    fileprivate var json: JSON.Value {
        type.json(with: [
            ("required", member(unless: isRequired, false)), ("annotations", Cedar.json(annotations)),
        ])
    }
}
