// SPDX-License-Identifier: Apache-2.0
//
// The tools of a program that lists none: their shapes as its questions show them. A shape only grows, so that whatever a question holds is
// described when policies judge it; what cannot be described is refused, or a policy about it would silently not match.

import Governance
import JSON

struct SeenTools {
    enum Seen {
        case known
        case new([ToolShape])
        case unseeable(String)
    }

    /// Tools of one program, and attributes of one tool.
    static let most = 256
    static let mostAttributes = 256
    /// Changes of shapes: each loads the policies anew.
    static let mostChanges = 2048
    static let deepest = 6

    private indirect enum Shape: Equatable {
        case bool, integer, number, string
        /// nil: only empty ones were seen.
        case array(Shape?)
        case object([String: Shape])
    }

    private var tools: [String: (server: String, name: String, shape: [String: Shape])] = [:]
    private var changes = 0

    /// `server__tool` in its parts; nil where it is none.
    static func parts(of tool: String) -> (server: String, name: String)? {
        let bytes = Array(tool.utf8)
        guard bytes.count <= 160, let place = bytes.indices.dropLast().first(where: { bytes[$0] == 0x5f && bytes[$0 + 1] == 0x5f }) else { return nil }
        let server = String(decoding: bytes[..<place], as: UTF8.self)
        let name = String(decoding: bytes[(place + 2)...], as: UTF8.self)
        guard 1...64 ~= place, bytes[..<place].allSatisfy({ 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2d }), !["sys", "llm"].contains(server),
            ToolTable.isName(name)
        else { return nil }
        return (server, name)
    }

    mutating func see(_ server: String, _ name: String, _ arguments: Object) -> Seen {
        let key = server + "__" + name
        let known = tools[key]?.shape
        guard known != nil || tools.count < Self.most else { return .unseeable("more than \(Self.most) tools") }
        var shape = known ?? [:]
        do throws(Fault) { try Self.add(arguments, to: &shape, "", 0) } catch { return .unseeable(error.text) }
        if shape == known { return .known }
        guard changes < Self.mostChanges else { return .unseeable("arguments took more than \(Self.mostChanges) forms") }
        changes += 1
        tools[key] = (server, name, shape)
        return .new(
            tools.sorted { bytesPrecede($0.key, $1.key) }.map {
                ToolShape(server: $0.value.server, name: $0.value.name, input: Self.schema(.object($0.value.shape)))
            })
    }

    private struct Fault: Error {
        let text: String
    }

    private static func add(_ object: Object, to shape: inout [String: Shape], _ path: String, _ depth: Int) throws(Fault) {
        for member in object where !member.value.isNull {
            let place = path + member.name
            guard member.name.utf8.first != 0x5f, member.name.utf8.count <= 128 else { throw Fault(text: "the name \(Value.string(place).serialised())") }
            let merged = try union(shape[member.name], try of(member.value, place, depth + 1), place)
            if shape[member.name] == nil, shape.count >= mostAttributes { throw Fault(text: "more than \(mostAttributes) attributes") }
            shape[member.name] = merged
        }
    }

    private static func of(_ value: Value, _ path: String, _ depth: Int) throws(Fault) -> Shape {
        guard depth <= deepest else { throw Fault(text: "`\(path)` is nested too deeply") }
        switch value {
        case .bool: return .bool
        case .integer: return .integer
        case .number: return .number
        case .string: return .string
        case .array(let elements):
            var inner: Shape?
            for element in elements {
                if element.isNull { throw Fault(text: "null in the list `\(path)`") }
                inner = try union(inner, try of(element, path, depth + 1), path)
            }
            // A list of numbers that are not all whole has no form that policies see whole.
            if inner == .number { throw Fault(text: "fractions in the list `\(path)`") }
            return .array(inner)
        case .object(let object):
            var shape: [String: Shape] = [:]
            try add(object, to: &shape, path + ".", depth)
            return .object(shape)
        case .null: throw Fault(text: "null at `\(path)`")
        }
    }

    private static func union(_ one: Shape?, _ other: Shape, _ path: String) throws(Fault) -> Shape {
        guard let one, one != other else { return other }
        switch (one, other) {
        case (.integer, .number), (.number, .integer): return .number
        case (.array(let a), .array(let b)):
            guard let a, let b else { return .array(a ?? b) }
            return .array(try union(a, b, path))
        case (.object(let a), .object(let b)):
            var all = a
            for (name, shape) in b { all[name] = try union(all[name], shape, path + "." + name) }
            return .object(all)
        default: throw Fault(text: "`\(path)` was of another type before")
        }
    }

    private static func schema(_ shape: Shape) -> Value {
        switch shape {
        case .bool: return ["type": "boolean"]
        case .integer: return ["type": "integer"]
        case .number: return ["type": "number"]
        case .string: return ["type": "string"]
        case .array(let inner): return ["type": "array", "items": schema(inner ?? .string)]
        case .object(let members):
            return [
                "type": "object",
                "properties": .object(Object(members.sorted { bytesPrecede($0.key, $1.key) }.map { Member(name: $0.key, value: schema($0.value)) })),
            ]
        }
    }
}
