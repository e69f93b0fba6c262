// SPDX-License-Identifier: Apache-2.0
//
// A JSON Schema (2020-12, with the array form of `items`, `additionalItems` and `dependencies` of draft 7) made ready: a flat list of nodes,
// references resolved to places in it. References stay within the schema; `format` and other annotations say nothing. Bounded: so many
// nodes, so deep.

public import JSON

public struct Schema: Sendable {
    /// One schema object, or true or false.
    struct Node: Sendable {
        var never = false
        var reference: [Int] = []
        var types: Types?
        var values: [Value]?
        var multipleOf: Value?
        var minimum: Value?
        var maximum: Value?
        var exclusiveMinimum: Value?
        var exclusiveMaximum: Value?
        var length: ClosedRange<Int>?
        var pattern: Pattern?
        var patternText = ""
        var itemCount: ClosedRange<Int>?
        var unique = false
        var prefix: [Int] = []
        var items: Int?
        var contains: Int?
        var containsCount = 1...Int.max
        var memberCount: ClosedRange<Int>?
        var required: [String] = []
        var properties: [(name: String, node: Int)] = []
        var patterns: [(pattern: Pattern, node: Int)] = []
        var additional: Int?
        var names: Int?
        var dependentRequired: [(name: String, needs: [String])] = []
        var dependentSchemas: [(name: String, node: Int)] = []
        var all: [Int] = []
        var any: [Int] = []
        var one: [Int] = []
        var not: Int?
        var condition: Int?
        var then: Int?
        var otherwise: Int?
        var unevaluatedItems: Int?
        var unevaluatedProperties: Int?
    }

    struct Types: OptionSet, Sendable {
        let rawValue: UInt8
        static let null = Types(rawValue: 1)
        static let boolean = Types(rawValue: 2)
        static let integer = Types(rawValue: 4)
        static let number = Types(rawValue: 8)
        static let string = Types(rawValue: 16)
        static let array = Types(rawValue: 32)
        static let object = Types(rawValue: 64)
        static let names: [(String, Types)] = [
            ("null", .null), ("boolean", .boolean), ("integer", .integer), ("number", .number), ("string", .string), ("array", .array), ("object", .object),
        ]
    }

    var nodes: [Node]
    let root: Int
    /// Whether any node asks what others have looked at.
    let tracks: Bool

    static let greatest = 20_000

    /// Makes a schema ready.
    /// - Throws: what of it is not understood, and where.
    public init(compiling schema: Value) throws(SchemaError) {
        var compiler = SchemaCompiler(document: schema)
        root = try compiler.node(schema, "")
        try compiler.finishReferences()
        nodes = compiler.nodes
        tracks = compiler.tracks
    }
}

/// The making of a Schema.
struct SchemaCompiler {
    let document: Value
    var nodes: [Schema.Node] = []
    var tracks = false
    /// Nodes by pointer, so that a reference to what was made already is that, and circles end.
    private var known: [String: Int] = [:]
    private var anchors: [String: String]?
    private var open: [(node: Int, target: String, place: String)] = []
    private var depth = 0

    init(document: Value) { self.document = document }

    mutating func node(_ schema: Value, _ place: String) throws(SchemaError) -> Int {
        if let made = known[place] { return made }
        guard nodes.count < Schema.greatest else { throw SchemaError(place: place, message: "more than \(Schema.greatest) schemas") }
        depth += 1
        defer { depth -= 1 }
        guard depth <= 128 else { throw SchemaError(place: place, message: "nested deeper than 128") }
        let index = nodes.count
        nodes.append(Schema.Node())
        known[place] = index
        switch schema {
        case .bool(let value): nodes[index].never = !value
        case .object(let object): nodes[index] = try read(object, index, place)
        default: throw SchemaError(place: place, message: "expected a schema, found \(schema.kind)")
        }
        return index
    }

    private mutating func read(_ object: Object, _ index: Int, _ place: String) throws(SchemaError) -> Schema.Node {
        var node = Schema.Node()
        for member in object {
            let (value, at) = (member.value, place + "/" + Self.escaped(member.name))
            switch member.name {
            case "$ref", "$dynamicRef", "$recursiveRef":
                guard let target = value.asString else { throw SchemaError(place: at, message: "expected a string") }
                guard target.utf8.first == 0x23 else { throw SchemaError(place: at, message: "a reference out of the schema: `\(target)`") }
                open.append((index, target, at))
            case "$id" where !place.isEmpty: throw SchemaError(place: at, message: "a schema with its own base is not understood")
            case "type": node.types = try types(value, at)
            case "enum":
                guard let values = value.asArray else { throw SchemaError(place: at, message: "expected an array") }
                node.values = values
            case "const": node.values = node.values.map { $0.filter { $0 == value } } ?? [value]
            case "multipleOf":
                guard let number = value.asDouble, number > 0 else { throw SchemaError(place: at, message: "expected a number above 0") }
                node.multipleOf = value
            case "minimum": node.minimum = try number(value, at)
            case "maximum": node.maximum = try number(value, at)
            case "exclusiveMinimum": node.exclusiveMinimum = try number(value, at)
            case "exclusiveMaximum": node.exclusiveMaximum = try number(value, at)
            case "minLength": node.length = try raised(node.length, value, at)
            case "maxLength": node.length = try lowered(node.length, value, at)
            case "minItems": node.itemCount = try raised(node.itemCount, value, at)
            case "maxItems": node.itemCount = try lowered(node.itemCount, value, at)
            case "minProperties": node.memberCount = try raised(node.memberCount, value, at)
            case "maxProperties": node.memberCount = try lowered(node.memberCount, value, at)
            case "minContains": node.containsCount = try count(value, at)...node.containsCount.upperBound
            case "maxContains": node.containsCount = min(node.containsCount.lowerBound, try count(value, at))...(try count(value, at))
            case "pattern":
                node.patternText = value.asString ?? ""
                node.pattern = try pattern(value, at)
            case "uniqueItems": node.unique = value == true
            case "prefixItems": node.prefix = try list(value, at)
            case "items":
                if value.asArray != nil { node.prefix = try list(value, at) } else { node.items = try self.node(value, at) }
            case "additionalItems": if object["items"]?.asArray != nil { node.items = try self.node(value, at) }
            case "contains": node.contains = try self.node(value, at)
            case "required": node.required = try strings(value, at)
            case "properties": node.properties = try map(value, at)
            case "patternProperties":
                for (name, made) in try map(value, at) { node.patterns.append((try pattern(.string(name), at + "/" + Self.escaped(name)), made)) }
            case "additionalProperties": node.additional = try self.node(value, at)
            case "propertyNames": node.names = try self.node(value, at)
            case "dependentRequired": for part in try members(value, at) { node.dependentRequired.append((part.name, try strings(part.value, at))) }
            case "dependentSchemas": node.dependentSchemas = try map(value, at)
            case "dependencies":
                for part in try members(value, at) {
                    if part.value.asArray != nil {
                        node.dependentRequired.append((part.name, try strings(part.value, at)))
                    } else {
                        node.dependentSchemas.append((part.name, try self.node(part.value, at + "/" + Self.escaped(part.name))))
                    }
                }
            case "allOf": node.all = try list(value, at)
            case "anyOf": node.any = try list(value, at)
            case "oneOf": node.one = try list(value, at)
            case "not": node.not = try self.node(value, at)
            case "if": node.condition = try self.node(value, at)
            case "then": node.then = try self.node(value, at)
            case "else": node.otherwise = try self.node(value, at)
            case "unevaluatedItems":
                node.unevaluatedItems = try self.node(value, at)
                tracks = true
            case "unevaluatedProperties":
                node.unevaluatedProperties = try self.node(value, at)
                tracks = true
            default: break  // annotations, definitions, and words that the specification does not know
            }
        }
        return node
    }

    /// References may point forwards: they are resolved when all else stands, and may bring further ones.
    mutating func finishReferences() throws(SchemaError) {
        while let (index, target, place) = open.popLast() {
            let pointer = try pointer(target, place)
            guard let schema = try? find(pointer) else { throw SchemaError(place: place, message: "`\(target)` is not in the schema") }
            nodes[index].reference.append(try node(schema, pointer))
        }
    }

    private mutating func pointer(_ target: String, _ place: String) throws(SchemaError) -> String {
        let fragment = String(target.dropFirst())
        if fragment.isEmpty { return "" }
        if fragment.hasPrefix("/") {
            guard let decoded = Self.percentDecoded(fragment) else { throw SchemaError(place: place, message: "`\(target)` is no reference") }
            return decoded
        }
        if anchors == nil {
            var found: [String: String] = [:]
            Self.collectAnchors(document, "", &found, 0)
            anchors = found
        }
        guard let pointer = anchors?[fragment] else { throw SchemaError(place: place, message: "`\(target)` is not in the schema") }
        return pointer
    }

    private static func collectAnchors(_ value: Value, _ place: String, _ found: inout [String: String], _ depth: Int) {
        switch value {
        case .object(let object):
            for name in ["$anchor", "$dynamicAnchor"] { if let anchor = object[name]?.asString { found[anchor] = place } }
            for member in object { collectAnchors(member.value, place + "/" + escaped(member.name), &found, depth + 1) }
        case .array(let elements):
            for (number, element) in elements.enumerated() { collectAnchors(element, place + "/\(number)", &found, depth + 1) }
        default: break
        }
    }

    private func find(_ pointer: String) throws -> Value? {
        var value: Value? = document
        for part in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
            value =
                switch value {
                case .object(let object): object[name]
                case .array: Int(name).flatMap { value?[$0] }
                default: nil
                }
        }
        guard value != nil else { throw SchemaError(place: pointer, message: "absent") }
        return value
    }

    static func escaped(_ name: String) -> String {
        name.utf8.contains { $0 == 0x7e || $0 == 0x2f } ? name.replacing("~", with: "~0").replacing("/", with: "~1") : name
    }

    private static func percentDecoded(_ text: String) -> String? {
        guard text.utf8.contains(0x25) else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte != 0x25 {
                bytes.append(byte)
            } else {
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
                rest = rest.dropFirst(2)
                bytes.append(value)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    // Parts -------------------------------------------------------------------------------------------------------------

    private func types(_ value: Value, _ place: String) throws(SchemaError) -> Schema.Types {
        var types = Schema.Types()
        for name in value.asArray ?? [value] {
            guard let known = Schema.Types.names.first(where: { .string($0.0) == name }) else { throw SchemaError(place: place, message: "an unknown type") }
            types.insert(known.1)
        }
        return types
    }

    private func number(_ value: Value, _ place: String) throws(SchemaError) -> Value {
        guard value.asDouble != nil else { throw SchemaError(place: place, message: "expected a number, found \(value.kind)") }
        return value
    }

    private func count(_ value: Value, _ place: String) throws(SchemaError) -> Int {
        guard let number = value.asInteger, number >= 0 else { throw SchemaError(place: place, message: "expected a count, found \(value.kind)") }
        return Int(number)
    }

    /// A range whose ends contradict each other lets nothing through: kept as the empty hope that it is, by its upper end.
    private func raised(_ range: ClosedRange<Int>?, _ value: Value, _ place: String) throws(SchemaError) -> ClosedRange<Int> {
        let least = try count(value, place)
        let most = range?.upperBound ?? .max
        guard least <= most else { throw SchemaError(place: place, message: "more than the greatest") }
        return least...most
    }

    private func lowered(_ range: ClosedRange<Int>?, _ value: Value, _ place: String) throws(SchemaError) -> ClosedRange<Int> {
        let most = try count(value, place)
        let least = range?.lowerBound ?? 0
        guard least <= most else { throw SchemaError(place: place, message: "less than the least") }
        return least...most
    }

    private func pattern(_ value: Value, _ place: String) throws(SchemaError) -> Pattern {
        guard let text = value.asString else { throw SchemaError(place: place, message: "expected a string, found \(value.kind)") }
        do throws(PatternError) { return try Pattern(text) } catch {
            throw SchemaError(place: place, message: "unsupported pattern `\(text)`: \(error.message)")
        }
    }

    private func members(_ value: Value, _ place: String) throws(SchemaError) -> [Member] {
        guard let object = value.asObject else { throw SchemaError(place: place, message: "expected an object, found \(value.kind)") }
        return object.members
    }

    private func strings(_ value: Value, _ place: String) throws(SchemaError) -> [String] {
        // Draft 4 and careless generators write `required: true` in a property: an annotation at most.
        guard let elements = value.asArray else { throw SchemaError(place: place, message: "expected an array, found \(value.kind)") }
        var texts: [String] = []
        for element in elements {
            guard let text = element.asString else { throw SchemaError(place: place, message: "expected strings, found \(element.kind)") }
            texts.append(text)
        }
        return texts
    }

    private mutating func list(_ value: Value, _ place: String) throws(SchemaError) -> [Int] {
        guard let elements = value.asArray else { throw SchemaError(place: place, message: "expected an array, found \(value.kind)") }
        var made: [Int] = []
        for (number, element) in elements.enumerated() { made.append(try node(element, place + "/\(number)")) }
        return made
    }

    private mutating func map(_ value: Value, _ place: String) throws(SchemaError) -> [(name: String, node: Int)] {
        var made: [(String, Int)] = []
        for member in try members(value, place) { made.append((member.name, try node(member.value, place + "/" + Self.escaped(member.name)))) }
        return made
    }
}
