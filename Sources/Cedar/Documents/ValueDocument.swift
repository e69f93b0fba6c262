// SPDX-License-Identifier: Apache-2.0
//
// Values as JSON (Cedar reference, "Entities and context syntax"): JSON's own types, `{"__entity": {"type", "id"}}` and
// `{"__extn": {"fn", "arg"}}`. With a type from a schema, entities may leave out `__entity`, extension values `__extn`.

public import JSON

enum ValueDocument {
    /// How deep values may nest; also the bound of the JSON reader.
    static let maximumDepth = 128

    static func error(_ message: String, in place: String, help: String? = nil) -> CedarError {
        CedarError(.document, "\(place): \(message)", help: help)
    }

    /// The value of a JSON value.
    ///
    /// - Parameters:
    ///   - type: what a schema says it should be; it only decides how the JSON is read, and is not checked.
    ///   - place: what messages call it.
    static func value(
        _ json: JSON.Value, as type: SchemaType? = nil, in place: String
    ) throws(CedarError) -> Value {
        switch json {
        case .bool(let value): return .bool(value)
        case .integer(let value): return .long(value)
        case .string(let string):
            if case .extension(let type) = type {
                return try call(type.constructor, [.string(Text(string))], in: place)
            }
            return .string(Text(string))
        case .array(let elements):
            var element: SchemaType?
            if case .set(let inner) = type { element = inner }
            var values: [Value] = []
            values.reserveCapacity(elements.count)
            for json in elements { values.append(try value(json, as: element, in: place)) }
            return .set(ValueSet(values))
        case .object(let object): return try self.object(object, as: type, in: place)
        case .null: throw error("`null` is no value of the language", in: place)
        case .number(let number):
            // serde reads `-0` as the integer zero; a fraction, an exponent or more than 64 bits is refused.
            if number.text == "-0" { return .long(0) }
            throw error(
                "`\(number.text)` is no integer of 64 bits", in: place,
                help: "write a fraction as {\"__extn\": {\"fn\": \"decimal\", \"arg\": \"..\"}}")
        }
    }

    private static func object(
        _ object: JSON.Object, as type: SchemaType?, in place: String
    ) throws(CedarError) -> Value {
        if object.count == 1, let member = object.members.first {
            if let escaped = try escape(Text(member.name), member.value, as: type, in: place) { return escaped }
        }
        switch type {
        case .entity:
            guard let uid = try typeAndID(.object(object), in: place) else { break }
            return .entity(uid)
        case .extension:
            if let value = try extensionCall(.object(object), isTyped: true, in: place) { return value }
        default: break
        }
        var record: RecordType?
        if case .record(let inner) = type { record = inner }
        var fields: [Record.Field] = []
        fields.reserveCapacity(object.count)
        for member in object.members {
            let name = Text(member.name)
            fields.append(Record.Field(name, try value(member.value, as: record?[name]?.type, in: place)))
        }
        return .record(Record(fields))
    }

    /// The value of a one-member object that is an escape, or nil if it is a plain record.
    private static func escape(
        _ name: Text, _ json: JSON.Value, as type: SchemaType?, in place: String
    ) throws(CedarError) -> Value? {
        if name == "__entity" { return try typeAndID(json, in: place).map(Value.entity) }
        if name == "__extn" {
            var isTyped = false
            if case .extension = type { isTyped = true }
            return try extensionCall(json, isTyped: isTyped, in: place)
        }
        if name == "__expr", case .string = json {
            throw error("`__expr` is no longer part of the format", in: place, help: "use `__entity` or `__extn`")
        }
        return nil
    }

    /// `{"type": .., "id": ..}`; nil if it is something else.
    static func typeAndID(_ json: JSON.Value, in place: String) throws(CedarError) -> EntityUID? {
        guard let type = json["type"]?.asString, let id = json["id"]?.asString else { return nil }
        guard let name = Name.parse(Text(type)) else {
            throw error("`\(type)` is no name of an entity type", in: place)
        }
        return EntityUID(type: name, id: Text(id))
    }

    /// An entity, with or without `__entity`.
    static func entity(_ json: JSON.Value, in place: String) throws(CedarError) -> EntityUID {
        let inner = json.asObject?.count == 1 ? json["__entity"] ?? json : json
        guard let uid = try typeAndID(inner, in: place) else {
            throw error(
                "expected an entity, found \(json.kind)", in: place,
                help: "an entity is {\"type\": \"User\", \"id\": \"alice\"}")
        }
        return uid
    }

    /// - Parameter isTyped: whether a schema asks for an extension value here; then the arguments have types as well.
    private static func extensionCall(
        _ json: JSON.Value, isTyped: Bool, in place: String
    ) throws(CedarError) -> Value? {
        guard let name = json["fn"]?.asString else { return nil }
        let list: [JSON.Value]
        if let argument = json["arg"] {
            list = [argument]
        } else if case .array(let several) = json["args"] {
            list = several
        } else {
            return nil
        }
        guard let function = ExtensionFunction.named(Text(name)) else {
            throw error("there is no extension function `\(name)`", in: place)
        }
        var arguments: [Value] = []
        for (index, argument) in list.enumerated() {
            let type = isTyped && function.isMethod ? SchemaType.extension(function.argumentType(index)) : nil
            arguments.append(try value(argument, as: type, in: place))
        }
        return try call(function, arguments, in: place)
    }

    private static func call(
        _ function: ExtensionFunction, _ arguments: [Value], in place: String
    ) throws(CedarError) -> Value {
        do {
            return try function.call(arguments, at: nil)
        } catch {
            throw self.error(error.description, in: place)
        }
    }

    /// The options under which every document of this module is read.
    static var options: ParseOptions {
        var options = ParseOptions()
        options.bytes = Lexer.Limit.bytes
        options.depth = maximumDepth
        return options
    }

    static func parse(_ bytes: [UInt8]) throws(CedarError) -> JSON.Value {
        do {
            return try JSON.Value(parsing: bytes, options: options)
        } catch {
            let span = error.place.map { SourceSpan($0.offset, $0.offset + 1) }
            throw CedarError(.document, error.message, at: span)
        }
    }
}

extension ExtensionFunction {
    /// The function of that name, compared by bytes.
    static func named(_ name: Text) -> ExtensionFunction? { allCases.first { $0.name == name } }
}

extension ExtensionType {
    /// The function that makes a value of the type from one string.
    var constructor: ExtensionFunction {
        switch self {
        case .ipaddr: .ip
        case .decimal: .decimal
        case .datetime: .datetime
        case .duration: .duration
        }
    }
}

extension Value {
    /// The value in the notation of entities and contexts.
    public var json: JSON.Value {
        switch self {
        case .bool(let value): .bool(value)
        case .long(let value): .integer(value)
        case .string(let text): .string(text.string)
        case .entity(let uid): ["__entity": uid.json]
        case .set(let set): .array(set.elements.map(\.json))
        case .record(let record): record.json
        case .extension(.datetime(let milliseconds)):
            [
                "__extn": [
                    "fn": "offset",
                    "args": [
                        ["__extn": ["fn": "datetime", "arg": "1970-01-01"]],
                        Value.extension(.duration(milliseconds)).json,
                    ],
                ]
            ]
        case .extension(let value):
            ["__extn": ["fn": .string(value.type.constructor.rawValue), "arg": .string(value.argument)]]
        }
    }
}

extension Record {
    public var json: JSON.Value {
        .object(JSON.Object(fields.map { JSON.Member(name: $0.name.string, value: $0.value.json) }))
    }
}

extension EntityUID {
    /// The entity of `{"type": .., "id": ..}`, with or without `__entity` around it.
    ///
    /// - Throws: `.document` for another form.
    public init(json: JSON.Value) throws(CedarError) { self = try ValueDocument.entity(json, in: "entity") }

    /// `{"type": .., "id": ..}`.
    public var json: JSON.Value { ["type": .string(type.text.string), "id": .string(id.string)] }
}
