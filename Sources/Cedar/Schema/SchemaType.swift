// SPDX-License-Identifier: Apache-2.0
//
// The types of Cedar's validator in strict mode, with their subtyping and least upper bounds. Names are resolved
// and common types expanded. Types of entity sets ("A or B") do not exist here: strict mode never forms one.
// Source: Cedar reference, "Validation"; RFC 19 (strict validation).

/// The type of a value.
public indirect enum SchemaType: Hashable, Sendable {
    case bool
    /// The type of what is always true.
    case `true`
    /// The type of what is always false.
    case `false`
    case long
    case string
    case entity(EntityType)
    case set(SchemaType)
    case record(RecordType)
    case `extension`(ExtensionType)

    var isBool: Bool {
        switch self {
        case .bool, .true, .false: true
        default: false
        }
    }

    static func literal(_ value: Bool) -> SchemaType { value ? .true : .false }

    func isSubtype(of other: SchemaType) -> Bool {
        switch (self, other) {
        case (.true, .bool), (.false, .bool), (.bool, .bool), (.true, .true), (.false, .false): true
        case (.long, .long), (.string, .string): true
        case (.entity(let left), .entity(let right)): left == right
        case (.extension(let left), .extension(let right)): left == right
        case (.set(let left), .set(let right)): left.isSubtype(of: right)
        case (.record(let left), .record(let right)):
            left.pairs(with: right) { $0.isRequired == $1.isRequired && $0.type.isSubtype(of: $1.type) }
        default: false
        }
    }

    /// The least type that both are subtypes of, or nil: strict mode joins only what differs in `true` and `false`.
    func leastUpperBound(_ other: SchemaType) -> SchemaType? {
        switch (self, other) {
        case (.true, .true): return .true
        case (.false, .false): return .false
        case _ where isBool && other.isBool: return .bool
        case (.set(let left), .set(let right)):
            return left.leastUpperBound(right).map { .set($0) }
        case (.record(let left), .record(let right)):
            guard left.attributes.count == right.attributes.count else { return nil }
            var joined: [RecordType.Attribute] = []
            joined.reserveCapacity(left.attributes.count)
            for (one, two) in zip(left.attributes, right.attributes) {
                guard one.name == two.name, one.isRequired == two.isRequired,
                    let type = one.type.leastUpperBound(two.type)
                else { return nil }
                joined.append(RecordType.Attribute(name: one.name, type: type, isRequired: one.isRequired))
            }
            return .record(RecordType(sorted: joined))
        default: return self == other ? self : nil
        }
    }
}

extension ExtensionType {
    /// Whether `<`, `<=`, `>`, `>=` compare values of the type.
    var isOrdered: Bool { self == .datetime || self == .duration }
}

/// The type of a record: closed, its attributes in order of their names.
public struct RecordType: Hashable, Sendable {
    public struct Attribute: Hashable, Sendable {
        public let name: Text
        public let type: SchemaType
        public let isRequired: Bool
    }

    /// Sorted by the bytes of the name, no name twice.
    public let attributes: [Attribute]

    public static let empty = RecordType(sorted: [])

    init(sorted attributes: [Attribute]) { self.attributes = attributes }

    /// Sorts the attributes; their names must differ.
    init(_ attributes: [Attribute]) { self.attributes = attributes.sorted { $0.name < $1.name } }

    public subscript(name: Text) -> Attribute? {
        var low = 0
        var high = attributes.count
        while low < high {
            let middle = (low + high) / 2
            let order = Text.compare(attributes[middle].name, name)
            if order == 0 { return attributes[middle] }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// Whether both have the same names and `relation` holds for each pair.
    func pairs(with other: RecordType, _ relation: (Attribute, Attribute) -> Bool) -> Bool {
        attributes.count == other.attributes.count
            && zip(attributes, other.attributes).allSatisfy { $0.name == $1.name && relation($0, $1) }
    }
}

extension SchemaType: CustomStringConvertible {
    /// The type as schemas write it. Long records are cut: the text is for messages.
    public var description: String { shown(depth: 0) }

    private func shown(depth: Int) -> String {
        switch self {
        case .bool: return "Bool"
        case .true: return "Bool (always true)"
        case .false: return "Bool (always false)"
        case .long: return "Long"
        case .string: return "String"
        case .entity(let type): return type.description
        case .extension(let type): return type.rawValue
        case .set(let element): return depth < 8 ? "Set<\(element.shown(depth: depth + 1))>" : "Set<..>"
        case .record(let record):
            guard depth < 3 else { return "{..}" }
            let shown = record.attributes.prefix(8).map { attribute in
                "\(attribute.name)\(attribute.isRequired ? "" : "?"): \(attribute.type.shown(depth: depth + 1))"
            }
            return "{\((shown + (record.attributes.count > 8 ? [".."] : [])).joined(separator: ", "))}"
        }
    }
}
