// SPDX-License-Identifier: Apache-2.0
//
// Policies from JSON (Cedar reference, "JSON policy format"). Names, operators and bounds are those of the text form;
// members that are not part of the format are refused.

public import JSON

extension PolicySet {
    /// A set from `{"staticPolicies": {id: policy}, "templates": {id: policy}, "templateLinks": [..]}`.
    ///
    /// - Throws: `.document` for another form, `.data` for ids that occur twice and links that do not fit.
    public init(json bytes: [UInt8]) throws(CedarError) {
        try self.init(json: try PolicyReader.parse(bytes))
    }

    public init(json: JSON.Value) throws(CedarError) {
        self.init()
        let reader = PolicyReader(place: "the policy set")
        let object = try reader.members(json, ["staticPolicies", "templates", "templateLinks"])
        for name in ["staticPolicies", "templates"] {
            guard case .object(let policies) = object[name] else { throw reader.error("`\(name)` must be an object") }
            for member in policies.members {
                let policy = try Policy(json: member.value, id: Text(member.name))
                if name == "templates" {
                    try add(Template(policy))
                } else {
                    guard policy.slots.isEmpty else {
                        throw reader.error("the static policy `\(policy.id)` has a slot")
                    }
                    try add(policy)
                }
            }
        }
        guard case .array(let links) = object["templateLinks"] else {
            throw reader.error("`templateLinks` must be a list")
        }
        for link in links {
            let members = try PolicyReader(place: "a template link").members(link, ["templateId", "newId", "values"])
            guard let template = members["templateId"]?.asString, let id = members["newId"]?.asString,
                let given = members["values"]?.asObject
            else { throw reader.error("a link has `templateId`, `newId` and `values`") }
            var values: [Slot: EntityUID] = [:]
            for member in given.members {
                guard let slot = Slot.allCases.first(where: { Text($0.rawValue) == Text(member.name) }) else {
                    throw reader.error("there is no slot `\(member.name)`")
                }
                values[slot] = try ValueDocument.entity(member.value, in: "link `\(id)`")
            }
            try self.link(template: Text(template), as: Text(id), values)
        }
    }
}

extension Policy {
    /// A policy or template from its JSON form.
    public init(json: JSON.Value, id: Text) throws(CedarError) {
        let reader = PolicyReader(place: "policy `\(id)`")
        let object = try reader.members(
            json, ["effect", "principal", "action", "resource", "conditions", "annotations"])
        guard
            let effect = object["effect"]?.asString.flatMap({ name in
                [Effect.permit, .forbid].first { Text($0.rawValue) == Text(name) }
            })
        else { throw reader.error("`effect` must be `permit` or `forbid`") }
        guard case .array(let conditions) = object["conditions"] else {
            throw reader.error("`conditions` must be a list")
        }
        self.init(
            id: id, effect: effect, annotations: try reader.annotations(object["annotations"]),
            principal: try reader.scope(object["principal"], .principal),
            action: try reader.action(object["action"]), resource: try reader.scope(object["resource"], .resource))
        for condition in conditions { self.conditions.append(try reader.condition(condition)) }
    }
}

struct PolicyReader {
    let place: String

    /// Operators nest twice as deep in JSON as in text.
    static func parse(_ bytes: [UInt8]) throws(CedarError) -> JSON.Value {
        var options = ValueDocument.options
        options.depth = 2 * Int(Expr.maximumHeight) + 32
        do {
            return try JSON.Value(parsing: bytes, options: options)
        } catch {
            throw CedarError(
                .document, error.message, at: error.place.map { SourceSpan($0.offset, $0.offset + 1) })
        }
    }

    func error(_ message: String) -> CedarError { ValueDocument.error(message, in: place) }

    /// The members of an object that has no others than these.
    func members(_ json: JSON.Value?, _ allowed: [String]) throws(CedarError) -> JSON.Object {
        guard case .object(let object) = json else {
            throw error("expected an object, found \(json?.kind ?? "nothing")")
        }
        for member in object.members where !allowed.contains(where: { sameBytes($0, member.name) }) {
            throw ValueDocument.error(
                "unexpected `\(member.name)`", in: place,
                help: "expected \(allowed.map { "`\($0)`" }.joined(separator: ", "))")
        }
        return object
    }

    func annotations(_ json: JSON.Value?) throws(CedarError) -> [Annotation] {
        guard let json else { return [] }
        guard case .object(let object) = json else { throw error("`annotations` must be an object") }
        var annotations: [Annotation] = []
        for member in object.members {
            let key = Text(member.name)
            guard Identifier.isIdentifier(key) else { throw error("`\(key)` is no name of an annotation") }
            switch member.value {
            case .null: annotations.append(Annotation(key: key, value: nil))
            case .string(let value): annotations.append(Annotation(key: key, value: Text(value)))
            default: throw error("the annotation `\(key)` must be a string or null")
            }
        }
        return annotations
    }

    private func type(_ json: JSON.Value?) throws(CedarError) -> EntityType {
        guard let text = json?.asString, let name = Name.parse(Text(text)) else {
            throw error("`entity_type` must be the name of an entity type")
        }
        return name
    }

    private func reference(_ object: JSON.Object, _ slot: Slot) throws(CedarError) -> EntityReference {
        if let entity = object["entity"] { return .entity(try ValueDocument.entity(entity, in: place), .none) }
        guard let name = object["slot"]?.asString else { throw error("the scope needs an `entity` or a `slot`") }
        guard Text(name) == Text(slot.rawValue) else {
            throw error("unexpected slot `\(name)`: here only `\(slot.rawValue)` can stand")
        }
        return .slot(.none)
    }

    func scope(_ json: JSON.Value?, _ slot: Slot) throws(CedarError) -> ScopeConstraint {
        let object = try members(json, ["op", "entity", "slot", "entity_type", "in"])
        switch object["op"]?.asString {
        case "All", "all": return .any
        case "==": return .equal(try reference(object, slot))
        case "in": return .in(try reference(object, slot))
        case "is":
            let type = try type(object["entity_type"])
            guard object["entity"] == nil, object["slot"] == nil else {
                throw ValueDocument.error(
                    "`is` takes its entity or slot in `in`", in: place,
                    help: "write {\"op\": \"is\", \"entity_type\": \"\(type)\", \"in\": {\"entity\": ..}}")
            }
            guard let ancestor = object["in"], ancestor != .null else { return .isType(type, .none) }
            return .isTypeIn(type, .none, try reference(try members(ancestor, ["entity", "slot"]), slot))
        default: throw error("`op` of the scope must be `All`, `==`, `in` or `is`")
        }
    }

    func action(_ json: JSON.Value?) throws(CedarError) -> ActionConstraint {
        let object = try members(json, ["op", "entity", "entities"])
        func one(_ json: JSON.Value) throws(CedarError) -> ActionConstraint.Reference {
            let uid = try ValueDocument.entity(json, in: place)
            guard uid.type.isAction else { throw error("`\(uid)` is not an action") }
            return ActionConstraint.Reference(uid)
        }
        switch object["op"]?.asString {
        case "All", "all": return .any
        case "==":
            guard let entity = object["entity"] else { throw error("the scope of the action needs an `entity`") }
            return .equal(try one(entity))
        case "in":
            if let entity = object["entity"] { return .in(try one(entity)) }
            guard case .array(let list) = object["entities"] else {
                throw error("the scope of the action needs `entity` or `entities`")
            }
            var references: [ActionConstraint.Reference] = []
            for json in list { references.append(try one(json)) }
            return .inSet(references)
        default: throw error("`op` of the action's scope must be `All`, `==` or `in`")
        }
    }

    func condition(_ json: JSON.Value) throws(CedarError) -> Condition {
        let object = try members(json, ["kind", "body"])
        guard let body = object["body"] else { throw error("a condition needs a `body`") }
        switch object["kind"]?.asString {
        case "when": return Condition(isWhen: true, body: try ExprReader(reader: self).expression(body))
        case "unless": return Condition(isWhen: false, body: try ExprReader(reader: self).expression(body))
        default: throw error("`kind` of a condition must be `when` or `unless`")
        }
    }
}
