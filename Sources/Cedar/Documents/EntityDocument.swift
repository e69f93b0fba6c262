// SPDX-License-Identifier: Apache-2.0
//
// Entities, contexts and requests as JSON: a list of `{"uid", "attrs", "parents", "tags"?}`, a record, and
// `{"principal", "action", "resource", "context"?}`.

public import JSON

extension Entities {
    /// The entities of a JSON text. With a schema, its types decide how values are read (they are not checked here), and
    /// its actions are added.
    ///
    /// - Throws: `.document` for another form, `.data` for cycles and contradictions.
    public init(json bytes: [UInt8], schema: Schema? = nil) throws(CedarError) {
        try self.init(json: try ValueDocument.parse(bytes), schema: schema)
    }

    public init(json: JSON.Value, schema: Schema? = nil) throws(CedarError) {
        guard case .array(let list) = json else {
            throw CedarError(.document, "expected a list of entities, found \(json.kind)")
        }
        var entities: [Entity] = []
        entities.reserveCapacity(list.count)
        for (index, item) in list.enumerated() { entities.append(try Entity(json: item, index: index, schema: schema)) }
        if let schema {
            let present = Set(entities.map(\.uid))
            entities += schema.actionEntities.filter { !present.contains($0.uid) }
        }
        try self.init(entities)
    }
}

extension Entity {
    init(json: JSON.Value, index: Int, schema: Schema?) throws(CedarError) {
        let place = "entity \(index)"
        guard case .object(let object) = json, let identity = object["uid"] else {
            throw ValueDocument.error(
                "expected an object with `uid`, found \(json.kind)", in: place,
                help: "an entity is {\"uid\": {\"type\", \"id\"}, \"attrs\": {}, \"parents\": []}")
        }
        let uid = try ValueDocument.entity(identity, in: "\(place), `uid`")
        let name = "entity `\(uid)`"
        guard case .array(let list) = object["parents"] else {
            throw ValueDocument.error("`parents` must be a list", in: name)
        }
        var parents: [EntityUID] = []
        parents.reserveCapacity(list.count)
        for parent in list {
            let parent = try ValueDocument.entity(parent, in: "\(name), `parents`")
            guard !uid.type.isAction || parent.type.isAction else {
                throw ValueDocument.error("an action cannot have the parent `\(parent)`, which is none", in: name)
            }
            parents.append(parent)
        }
        guard case .object(let attributes) = object["attrs"] else {
            throw ValueDocument.error("`attrs` must be an object", in: name)
        }
        var tags = JSON.Object()
        if let json = object["tags"] {
            guard case .object(let given) = json else { throw ValueDocument.error("`tags` must be an object", in: name) }
            tags = given
        }
        let type = schema?.entityTypes[uid.type]
        self.init(
            uid,
            attributes: try Record(json: attributes, in: name) { type?.attributes[$0]?.type },
            tags: try Record(json: tags, in: name) { _ in type?.tags },
            parents: parents)
    }
}

extension Record {
    /// A record of an object; `type` gives what a schema knows of a field.
    init(json object: JSON.Object, in place: String, type: (Text) -> SchemaType?) throws(CedarError) {
        var fields: [Field] = []
        fields.reserveCapacity(object.count)
        for member in object.members {
            let name = Text(member.name)
            let value = try ValueDocument.value(member.value, as: type(name), in: "\(place), `\(name)`")
            fields.append(Field(name, value))
        }
        self.init(fields)
    }

    /// A context. With a schema, the type of the action's context decides how values are read.
    public init(
        context json: JSON.Value, action: EntityUID? = nil, schema: Schema? = nil
    ) throws(CedarError) {
        guard case .object(let object) = json else {
            throw CedarError(.document, "the context must be an object, found \(json.kind)")
        }
        let type = action.flatMap { schema?.actions[$0] }?.context
        let value = try ValueDocument.value(.object(object), as: type.map { .record($0) }, in: "the context")
        guard case .record(let record) = value else {
            throw CedarError(.document, "the context must be a record, found \(value.typeName)")
        }
        self = record
    }
}

extension Request {
    /// A request; without `context` it is empty.
    public init(json: JSON.Value, schema: Schema? = nil) throws(CedarError) {
        func entity(_ name: String) throws(CedarError) -> EntityUID {
            guard let value = json[name] else { throw CedarError(.document, "the request has no `\(name)`") }
            if let text = value.asString { return try PolicyParser.entity(SourceText(name: name, text)) }
            return try ValueDocument.entity(value, in: "`\(name)`")
        }
        let action = try entity("action")
        self.init(
            principal: try entity("principal"), action: action, resource: try entity("resource"),
            context: try json["context"].map { json throws(CedarError) in
                try Record(context: json, action: action, schema: schema)
            } ?? .empty)
    }
}
