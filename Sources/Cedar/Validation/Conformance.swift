// SPDX-License-Identifier: Apache-2.0
//
// Whether a request and entities fit a schema: types, required and optional attributes, tags, ancestors, ids of enumerated
// types, and actions as the schema declares them.
// Source: Cedar reference, "Validation", "Entities and context syntax".

extension Schema {
    /// The entities of the actions, with their groups.
    public var actionEntities: [Entity] {
        actionOrder.compactMap { actions[$0] }.map { action in
            Entity(action.uid, parents: action.parents.sorted())
        }
    }

    // MARK: Requests

    /// Checks a request.
    ///
    /// - Throws: `.data` for an action or a type that the schema lacks, a principal or resource that the action does not
    ///   take, an id that an enumerated type lacks, a context of another type.
    public func validateRequest(_ request: Request) throws(CedarError) {
        for (what, uid) in [("principal", request.principal), ("resource", request.resource)] {
            guard entityTypes[uid.type] != nil else {
                throw CedarError(.data, "the \(what) `\(uid)` is of a type that is not in the schema")
            }
            try validateIdentity(uid)
        }
        guard let action = actions[request.action] else {
            throw CedarError(
                .data, "action `\(request.action)` is not in the schema",
                help: Suggestion.help(for: request.action.id.string, among: actionOrder.map(\.id.string)))
        }
        for (what, uid, types) in [
            ("principal", request.principal, action.principals), ("resource", request.resource, action.resources),
        ] where !types.contains(uid.type) {
            let allowed = types.prefix(8).map { "`\($0)`" }.joined(separator: ", ")
            throw CedarError(
                .data, "action `\(action.uid)` does not take the \(what) `\(uid)`",
                help: types.isEmpty ? "it takes no \(what)" : "its \(what) types are \(allowed)")
        }
        try validateContext(request.context, of: action)
    }

    private func validateContext(_ context: Record, of action: ActionDefinition) throws(CedarError) {
        let place = "the context of action `\(action.uid)`"
        try validateIdentities(in: .record(context), place)
        try check(.record(context), .record(action.context), place)
    }

    // MARK: Entities

    /// Checks entities, each for itself.
    ///
    /// - Throws: `.data`, with the entity and the attribute.
    public func validateEntities(_ entities: Entities) throws(CedarError) {
        for entity in entities.all.sorted(by: { $0.uid < $1.uid }) { try validateEntity(entity) }
    }

    /// Checks one entity with the ancestors it has.
    ///
    /// - Throws: `.data`, with the attribute.
    public func validateEntity(_ entity: Entity) throws(CedarError) {
        let uid = entity.uid
        let place = "entity `\(uid)`"
        if uid.type.isAction {
            guard let action = actions[uid] else {
                throw CedarError(.data, "action `\(uid)` is not in the schema")
            }
            guard entity.ancestors == action.ancestors, entity.attributes.isEmpty, entity.tags.isEmpty else {
                throw CedarError(
                    .data, "action `\(uid)` is not as the schema declares it",
                    help: "leave actions out of the entities: the schema gives them")
            }
            return
        }
        guard let definition = entityTypes[uid.type] else {
            throw CedarError(
                .data, "\(place) is of a type that is not in the schema",
                help: Suggestion.help(for: uid.type.description, among: entityTypes.keys.map(\.description).sorted()))
        }
        try validateIdentity(uid)
        try check(.record(entity.attributes), .record(definition.attributes), place)
        try validateIdentities(in: .record(entity.attributes), place)
        for ancestor in entity.ancestors.sorted() {
            try validateIdentity(ancestor)
            guard entityTypes[ancestor.type]?.descendants.contains(uid.type) == true else {
                throw CedarError(.data, "\(place) is in `\(ancestor)`, which its type does not allow")
            }
        }
        if let first = entity.tags.fields.first, definition.tags == nil {
            throw CedarError(.data, "\(place) has the tag `\(first.name)`, and its type has no tags")
        }
        for tag in entity.tags.fields {
            let place = "\(place), tag `\(tag.name)`"
            if let type = definition.tags { try check(tag.value, type, place) }
            try validateIdentities(in: tag.value, place)
        }
    }

    /// Checks the id of an enumerated type, and that an action exists.
    private func validateIdentity(_ uid: EntityUID) throws(CedarError) {
        if let definition = entityTypes[uid.type], let ids = definition.ids, !definition.allows(uid.id) {
            let shown = ids.prefix(8).map { Escape.quoted($0) }.joined(separator: ", ")
            throw CedarError(
                .data, "`\(uid)` does not exist: entity type `\(uid.type)` is enumerated",
                help: "its ids are \(shown)\(ids.count > 8 ? ", .." : "")")
        }
        if uid.type.isAction, actions[uid] == nil {
            throw CedarError(.data, "action `\(uid)` is not in the schema")
        }
    }

    private func validateIdentities(in value: Value, _ place: String) throws(CedarError) {
        switch value {
        case .bool, .long, .string, .extension: break
        case .entity(let uid):
            do throws(CedarError) {
                try validateIdentity(uid)
            } catch {
                throw CedarError(.data, "\(place): \(error.message)", help: error.help)
            }
        case .set(let set): for element in set.elements { try validateIdentities(in: element, place) }
        case .record(let record): for field in record.fields { try validateIdentities(in: field.value, place) }
        }
    }

    // MARK: Values

    /// Checks that a value is of a type.
    private func check(_ value: Value, _ type: SchemaType, _ place: String) throws(CedarError) {
        switch (value, type) {
        case (.bool, .bool), (.bool(true), .true), (.bool(false), .false), (.long, .long), (.string, .string): return
        case (.entity(let uid), .entity(let type)) where uid.type == type: return
        case (.extension(let value), .extension(let type)) where value.type == type: return
        case (.set(let set), .set(let type)):
            for element in set.elements { try check(element, type, place) }
            return
        case (.record(let record), .record(let type)):
            for attribute in type.attributes where attribute.isRequired && record[attribute.name] == nil {
                throw CedarError(.data, "\(place): attribute `\(attribute.name)` is missing")
            }
            for field in record.fields {
                guard let attribute = type[field.name] else {
                    throw CedarError(
                        .data, "\(place): there is no attribute `\(field.name)` in the schema",
                        help: Suggestion.help(
                            for: field.name.string, among: type.attributes.map(\.name.string)))
                }
                try check(field.value, attribute.type, "\(place), `\(field.name)`")
            }
            return
        default: throw CedarError(.data, "\(place): expected `\(type)`, found \(value.typeName)")
        }
    }
}
