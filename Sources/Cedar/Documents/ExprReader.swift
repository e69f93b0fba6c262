// SPDX-License-Identifier: Apache-2.0
//
// Expressions from JSON: an object with one member, named for the operator.

import JSON

struct ExprReader {
    let reader: PolicyReader

    func expression(_ json: JSON.Value) throws(CedarError) -> Expr {
        guard case .object(let object) = json, object.count == 1, let member = object.members.first else {
            throw reader.error("an expression is an object with one member, found \(json.kind)")
        }
        return try Expr(try kind(Text(member.name), member.value)).checked()
    }

    private static let binary: [Text: BinaryOperator] = Dictionary(
        uniqueKeysWithValues: BinaryOperator.allCases.map { (Text($0.symbol), $0) })

    private func kind(_ name: Text, _ json: JSON.Value) throws(CedarError) -> Expr.Kind {
        if let symbol = Self.binary[name] {
            let object = try reader.members(json, ["left", "right"])
            return .binary(symbol, try operand(object, "left"), try operand(object, "right"))
        }
        if let function = ExtensionFunction.named(name) { return .call(function, try list(json)) }
        switch name.string {
        case "Value": return try value(json).kind
        case "Var":
            guard let name = json.asString, let variable = Variable.allCases.first(where: { $0.name == Text(name) })
            else { throw reader.error("`Var` must name a variable") }
            return .variable(variable)
        case "Slot": throw reader.error("a slot cannot stand in a condition")
        case "!": return .not(try operand(try reader.members(json, ["arg"]), "arg"))
        case "neg": return .negate(try operand(try reader.members(json, ["arg"]), "arg"))
        case "isEmpty": return .isEmpty(try operand(try reader.members(json, ["arg"]), "arg"))
        case "&&": return .and(try chain(json, "&&"))
        case "||": return .or(try chain(json, "||"))
        case ".":
            let object = try reader.members(json, ["left", "attr"])
            return .attribute(try operand(object, "left"), try text(object["attr"], "attr"))
        case "has": return try has(json)
        case "like":
            let object = try reader.members(json, ["left", "pattern"])
            return .like(try operand(object, "left"), try pattern(object["pattern"]))
        case "is":
            let object = try reader.members(json, ["left", "entity_type", "in"])
            guard let type = Name.parse(try text(object["entity_type"], "entity_type")) else {
                throw reader.error("`entity_type` must be the name of an entity type")
            }
            let ancestor = object["in"].map { $0 == .null } ?? true ? nil : try operand(object, "in")
            return .isType(try operand(object, "left"), type, in: ancestor)
        case "if-then-else":
            let object = try reader.members(json, ["if", "then", "else"])
            return .conditional(
                try operand(object, "if"), then: try operand(object, "then"), otherwise: try operand(object, "else"))
        case "Set": return .set(try list(json))
        case "Record":
            guard case .object(let object) = json else { throw reader.error("`Record` must be an object") }
            var fields: [Expr.Field] = []
            for member in object.members {
                fields.append(Expr.Field(Text(member.name), try expression(member.value)))
            }
            return .record(fields)
        default: throw reader.error("there is no operator or function `\(name)`")
        }
    }

    private func operand(_ object: JSON.Object, _ name: String) throws(CedarError) -> Expr {
        guard let json = object[name] else { throw reader.error("an operator lacks its `\(name)`") }
        return try expression(json)
    }

    private func text(_ json: JSON.Value?, _ name: String) throws(CedarError) -> Text {
        guard let string = json?.asString else { throw reader.error("`\(name)` must be a string") }
        return Text(string)
    }

    private func list(_ json: JSON.Value) throws(CedarError) -> [Expr] {
        guard case .array(let elements) = json else { throw reader.error("expected a list, found \(json.kind)") }
        var expressions: [Expr] = []
        for element in elements { expressions.append(try expression(element)) }
        return expressions
    }

    /// The operands of a chain whose left sides are the same operator again.
    private func chain(_ json: JSON.Value, _ name: String) throws(CedarError) -> [Expr] {
        var operands: [Expr] = []
        var current = json
        while true {
            let object = try reader.members(current, ["left", "right"])
            operands.append(try operand(object, "right"))
            guard let left = object["left"] else { throw reader.error("an operator lacks its `left`") }
            if let inner = left.asObject, inner.count == 1, let next = inner[name] {
                current = next
            } else {
                operands.append(try expression(left))
                return operands.reversed()
            }
        }
    }

    private func has(_ json: JSON.Value) throws(CedarError) -> Expr.Kind {
        let object = try reader.members(json, ["left", "attr"])
        let owner = try operand(object, "left")
        guard case .array(let list) = object["attr"] else { return .has(owner, [try text(object["attr"], "attr")]) }
        guard !list.isEmpty, list.count <= Int(Expr.maximumHeight) else {
            throw reader.error("`attr` must have 1 to \(Expr.maximumHeight) names")
        }
        var names: [Text] = []
        for name in list { names.append(try text(name, "attr")) }
        return .has(owner, names)
    }

    private func pattern(_ json: JSON.Value?) throws(CedarError) -> Pattern {
        guard case .array(let list) = json else { throw reader.error("`pattern` must be a list") }
        var elements: [Pattern.Element] = []
        for item in list {
            if item.asString == "Wildcard" {
                elements.append(.wildcard)
            } else if let object = item.asObject, object.count == 1, let literal = object["Literal"]?.asString {
                elements += literal.unicodeScalars.map(Pattern.Element.scalar)
            } else {
                throw reader.error("an element of `pattern` is \"Wildcard\" or {\"Literal\": \"..\"}")
            }
        }
        return Pattern(elements)
    }

    /// A constant in the notation of entities and contexts. A call stays a call: it is evaluated, and may fail, later.
    private func value(_ json: JSON.Value) throws(CedarError) -> Expr {
        switch json {
        case .array(let elements):
            var values: [Expr] = []
            for element in elements { values.append(try value(element)) }
            return try Expr(.set(values)).checked()
        case .object(let object):
            if object.count == 1, let inner = object["__extn"], let call = try call(inner) { return try call.checked() }
            let isEscape = object.count == 1 && (object["__entity"]?["type"] != nil || object["__expr"] != nil)
            guard !isEscape else { return try literal(json) }
            var fields: [Expr.Field] = []
            for member in object.members { fields.append(Expr.Field(Text(member.name), try value(member.value))) }
            return try Expr(.record(fields)).checked()
        default: return try literal(json)
        }
    }

    private func literal(_ json: JSON.Value) throws(CedarError) -> Expr {
        switch try ValueDocument.value(json, in: reader.place) {
        case .bool(let value): return Expr(.literal(.bool(value)))
        case .long(let value): return Expr(.literal(.long(value)))
        case .string(let text): return Expr(.literal(.string(text)))
        case .entity(let uid): return Expr(.literal(.entity(uid)))
        // An object that only looks like an escape.
        case .record(let record):
            var fields: [Expr.Field] = []
            for field in record.fields { fields.append(Expr.Field(field.name, try value(field.value.json))) }
            return try Expr(.record(fields)).checked()
        case .set, .extension: throw reader.error("expected a constant, found \(json.kind)")
        }
    }

    private func call(_ json: JSON.Value) throws(CedarError) -> Expr? {
        guard let name = json["fn"]?.asString else { return nil }
        var arguments: [Expr] = []
        if let argument = json["arg"] {
            arguments = [try value(argument)]
        } else if case .array(let list) = json["args"] {
            for argument in list { arguments.append(try value(argument)) }
        } else {
            return nil
        }
        guard let function = ExtensionFunction.named(Text(name)) else {
            throw reader.error("there is no extension function `\(name)`")
        }
        return Expr(.call(function, arguments))
    }
}
