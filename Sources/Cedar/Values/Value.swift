// SPDX-License-Identifier: Apache-2.0
//
// What an expression evaluates to. Sets and records are kept in one canonical order, so that equality, hash and
// order are those of the members and no two forms of one value exist.

public enum Value: Hashable, Sendable {
    case bool(Bool)
    case long(Int64)
    case string(Text)
    case entity(EntityUID)
    case set(ValueSet)
    case record(Record)
    case `extension`(ExtensionValue)
}

/// A value of an extension type.
public enum ExtensionValue: Hashable, Sendable {
    /// In ten-thousandths.
    case decimal(Int64)
    case ipaddr(IPAddress)
    /// Milliseconds since 1970-01-01T00:00:00Z.
    case datetime(Int64)
    /// Milliseconds.
    case duration(Int64)

    public var type: ExtensionType {
        switch self {
        case .decimal: .decimal
        case .ipaddr: .ipaddr
        case .datetime: .datetime
        case .duration: .duration
        }
    }
}

/// A set: sorted, without duplicates.
public struct ValueSet: Hashable, Sendable {
    public let elements: [Value]

    public init(_ values: [Value]) {
        guard values.count > 1 else {
            elements = values
            return
        }
        var sorted = values.sorted { Value.compare($0, $1) < 0 }
        var kept = 1
        for index in 1..<sorted.count where sorted[index] != sorted[kept - 1] {
            sorted[kept] = sorted[index]
            kept += 1
        }
        sorted.removeSubrange(kept...)
        elements = sorted
    }

    public var isEmpty: Bool { elements.isEmpty }

    public func contains(_ value: Value) -> Bool {
        var low = 0
        var high = elements.count
        while low < high {
            let middle = (low + high) / 2
            let order = Value.compare(elements[middle], value)
            if order == 0 { return true }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return false
    }
}

/// A record: fields sorted by the bytes of their names, names unique.
public struct Record: Hashable, Sendable {
    public struct Field: Hashable, Sendable {
        public let name: Text
        public let value: Value

        public init(_ name: Text, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    public let fields: [Field]

    /// A record of fields in any order; of two with one name the later stands.
    public init(_ fields: [Field]) {
        var sorted = fields
        var inOrder = true
        for index in sorted.indices.dropFirst() where !(sorted[index - 1].name < sorted[index].name) {
            inOrder = false
            break
        }
        if !inOrder {
            sorted = []
            let order = fields.indices.sorted {
                let compared = Text.compare(fields[$0].name, fields[$1].name)
                return compared == 0 ? $0 < $1 : compared < 0
            }
            for index in order {
                if let last = sorted.last, last.name == fields[index].name { sorted.removeLast() }
                sorted.append(fields[index])
            }
        }
        self.fields = sorted
    }

    public static let empty = Record([])
    public var isEmpty: Bool { fields.isEmpty }
    public var count: Int { fields.count }

    public subscript(_ name: Text) -> Value? {
        var low = 0
        var high = fields.count
        while low < high {
            let middle = (low + high) / 2
            let order = Text.compare(fields[middle].name, name)
            if order == 0 { return fields[middle].value }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

extension Value {
    private var rank: Int {
        switch self {
        case .bool: 0
        case .long: 1
        case .string: 2
        case .entity: 3
        case .set: 4
        case .record: 5
        case .extension: 6
        }
    }

    /// A total order that agrees with `==`; it has no meaning in the language.
    static func compare(_ left: Value, _ right: Value) -> Int {
        switch (left, right) {
        case (.bool(let a), .bool(let b)): return order(a ? 1 : 0, b ? 1 : 0)
        case (.long(let a), .long(let b)): return order(a, b)
        case (.string(let a), .string(let b)): return Text.compare(a, b)
        case (.entity(let a), .entity(let b)):
            let types = Text.compare(a.type.text, b.type.text)
            return types == 0 ? Text.compare(a.id, b.id) : types
        case (.set(let a), .set(let b)):
            for (x, y) in zip(a.elements, b.elements) {
                let compared = compare(x, y)
                if compared != 0 { return compared }
            }
            return order(Int64(a.elements.count), Int64(b.elements.count))
        case (.record(let a), .record(let b)):
            for (x, y) in zip(a.fields, b.fields) {
                let names = Text.compare(x.name, y.name)
                if names != 0 { return names }
                let compared = compare(x.value, y.value)
                if compared != 0 { return compared }
            }
            return order(Int64(a.fields.count), Int64(b.fields.count))
        case (.extension(let a), .extension(let b)): return compare(a, b)
        default: return order(Int64(left.rank), Int64(right.rank))
        }
    }

    private static func order<T: Comparable>(_ a: T, _ b: T) -> Int { a == b ? 0 : (a < b ? -1 : 1) }

    private static func compare(_ left: ExtensionValue, _ right: ExtensionValue) -> Int {
        func key(_ value: ExtensionValue) -> (Int, Int64, UInt64, UInt64) {
            switch value {
            case .decimal(let units): (0, units, 0, 0)
            case .datetime(let milliseconds): (1, milliseconds, 0, 0)
            case .duration(let milliseconds): (2, milliseconds, 0, 0)
            case .ipaddr(let address):
                (3, Int64(address.prefix) * 2 + (address.isIPv4 ? 0 : 1), address.high, address.low)
            }
        }
        let (a, b) = (key(left), key(right))
        return a == b ? 0 : (a < b ? -1 : 1)
    }
}

extension Value: CustomStringConvertible {
    /// The value as an expression of the language.
    public var description: String {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .long(let value): String(value)
        case .string(let text): Escape.quoted(text)
        case .entity(let uid): uid.description
        case .set(let set): "[" + set.elements.map(\.description).joined(separator: ", ") + "]"
        case .record(let record):
            "{" + record.fields.map { "\(Escape.quoted($0.name)): \($0.value)" }.joined(separator: ", ") + "}"
        case .extension(let value): value.description
        }
    }

    /// The name of the value's type, for messages.
    public var typeName: String {
        switch self {
        case .bool: "bool"
        case .long: "long"
        case .string: "string"
        case .entity(let uid): "entity of type `\(uid.type)`"
        case .set: "set"
        case .record: "record"
        case .extension(let value): value.type.rawValue
        }
    }
}
