// SPDX-License-Identifier: Apache-2.0
//
// Policies to JSON (Cedar reference, "JSON policy format"). Reading it back gives the same policies, but for places.

public import JSON

extension PolicySet {
    public var json: JSON.Value {
        var links: [JSON.Value] = []
        var policies = JSON.Object()
        for policy in self.policies {
            if let link = policy.link {
                var values = JSON.Object()
                for slot in Slot.allCases {
                    if let uid = link.values[slot] { values[slot.rawValue] = ["__entity": uid.json] }
                }
                links.append([
                    "templateId": .string(link.template.string), "newId": .string(policy.id.string),
                    "values": .object(values),
                ])
            } else {
                policies[policy.id.string] = policy.json
            }
        }
        var templates = JSON.Object()
        for template in self.templates { templates[template.id.string] = template.body.json }
        return [
            "templates": .object(templates), "staticPolicies": .object(policies), "templateLinks": .array(links),
        ]
    }
}

extension Policy {
    public var json: JSON.Value {
        var object = JSON.Object()
        object["effect"] = .string(effect.rawValue)
        object["principal"] = principal.json(.principal)
        object["action"] = action.json
        object["resource"] = resource.json(.resource)
        object["conditions"] = .array(
            conditions.map { ["kind": .string($0.isWhen ? "when" : "unless"), "body": $0.body.json] })
        if !annotations.isEmpty {
            let members = annotations.sorted { $0.key < $1.key }.map {
                JSON.Member(name: $0.key.string, value: $0.value.map { .string($0.string) } ?? .null)
            }
            object["annotations"] = .object(JSON.Object(members))
        }
        return .object(object)
    }
}

extension ScopeConstraint {
    fileprivate func json(_ slot: Slot) -> JSON.Value {
        func member(_ reference: EntityReference) -> (String, JSON.Value) {
            reference.entity.map { ("entity", $0.json) } ?? ("slot", .string(slot.rawValue))
        }
        var object = JSON.Object()
        switch self {
        case .any: object["op"] = "All"
        case .equal(let reference), .in(let reference):
            if case .equal = self { object["op"] = "==" } else { object["op"] = "in" }
            let (name, value) = member(reference)
            object[name] = value
        case .isType(let type, _):
            object["op"] = "is"
            object["entity_type"] = .string(type.text.string)
        case .isTypeIn(let type, _, let reference):
            object["op"] = "is"
            object["entity_type"] = .string(type.text.string)
            let (name, value) = member(reference)
            object["in"] = .object(JSON.Object([JSON.Member(name: name, value: value)]))
        }
        return .object(object)
    }
}

extension ActionConstraint {
    fileprivate var json: JSON.Value {
        switch self {
        case .any: ["op": "All"]
        case .equal(let reference): ["op": "==", "entity": reference.uid.json]
        case .in(let reference): ["op": "in", "entity": reference.uid.json]
        // A list of one is written as the one, as Cedar does.
        case .inSet(let references) where references.count == 1: ["op": "in", "entity": references[0].uid.json]
        case .inSet(let references): ["op": "in", "entities": .array(references.map(\.uid.json))]
        }
    }
}

extension Expr {
    private static func object(_ name: String, _ value: JSON.Value) -> JSON.Value {
        .object(JSON.Object([JSON.Member(name: name, value: value)]))
    }

    private static func pair(_ name: String, _ left: JSON.Value, _ right: JSON.Value) -> JSON.Value {
        object(name, ["left": left, "right": right])
    }

    private static func chain(_ name: String, _ operands: [JSON.Value]) -> JSON.Value {
        guard var result = operands.first else { return .null }
        for operand in operands.dropFirst() { result = pair(name, result, operand) }
        return result
    }

    public var json: JSON.Value {
        switch kind {
        case .literal(let literal): Self.object("Value", literal.value.json)
        case .variable(let variable): Self.object("Var", .string(variable.name.string))
        case .not(let operand): Self.object("!", ["arg": operand.json])
        case .negate(let operand): Self.object("neg", ["arg": operand.json])
        case .isEmpty(let operand): Self.object("isEmpty", ["arg": operand.json])
        case .and(let operands): Self.chain("&&", operands.map(\.json))
        case .or(let operands): Self.chain("||", operands.map(\.json))
        case .conditional(let test, let then, let otherwise):
            Self.object("if-then-else", ["if": test.json, "then": then.json, "else": otherwise.json])
        case .binary(let symbol, let left, let right): Self.pair(symbol.symbol, left.json, right.json)
        case .attribute(let owner, let name):
            Self.object(".", ["left": owner.json, "attr": .string(name.string)])
        case .has(let owner, let names): Self.has(owner.json, names)
        case .like(let operand, let pattern):
            Self.object("like", ["left": operand.json, "pattern": .array(pattern.elements.map(\.json))])
        case .isType(let operand, let type, let ancestor):
            Self.isType(operand.json, type, ancestor?.json)
        case .set(let elements): Self.object("Set", .array(elements.map(\.json)))
        case .record(let fields):
            Self.object(
                "Record",
                .object(JSON.Object(fields.map { JSON.Member(name: $0.name.string, value: $0.value.json) })))
        case .call(let function, let arguments): Self.object(function.rawValue, .array(arguments.map(\.json)))
        }
    }

    /// `e has a.b` is written out: `e has a && e.a has b`.
    private static func has(_ owner: JSON.Value, _ names: [Text]) -> JSON.Value {
        var tests: [JSON.Value] = []
        var current = owner
        for name in names {
            let member: JSON.Value = ["left": current, "attr": .string(name.string)]
            tests.append(object("has", member))
            current = object(".", member)
        }
        return chain("&&", tests)
    }

    private static func isType(_ operand: JSON.Value, _ type: EntityType, _ ancestor: JSON.Value?) -> JSON.Value {
        var object = JSON.Object()
        object["left"] = operand
        object["entity_type"] = .string(type.text.string)
        if let ancestor { object["in"] = ancestor }
        return Self.object("is", .object(object))
    }
}

extension Pattern.Element {
    fileprivate var json: JSON.Value {
        switch self {
        case .wildcard: "Wildcard"
        case .scalar(let scalar): ["Literal": .string(String(scalar))]
        }
    }
}
