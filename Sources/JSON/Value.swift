// SPDX-License-Identifier: Apache-2.0
//
// A JSON value in memory (RFC 8259). It holds no positions: see `Document` for those. Strings are equal when their UTF-8 bytes are;
// Swift's own `String ==` is canonical equivalence, another relation, and is never used here.

internal import Glibc

/// One JSON value.
public enum Value: Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits in 64 bits; `-0` is not one.
    case integer(Int64)
    /// Every other number, kept as it was written.
    case number(Number)
    case string(String)
    case array([Value])
    case object(Object)
}

extension Value {
    public var isNull: Bool { if case .null = self { true } else { false } }
    public var asBool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var asInteger: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var asString: String? { if case .string(let value) = self { value } else { nil } }
    public var asArray: [Value]? { if case .array(let value) = self { value } else { nil } }
    public var asObject: Object? { if case .object(let value) = self { value } else { nil } }

    /// The nearest double of an integer or number; nil for other kinds. A number beyond the range of doubles gives an infinity.
    public var asDouble: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value.double
        default: nil
        }
    }

    /// What a message calls this value: `null`, `a boolean`, `an integer`, `a number`, `a string`, `an array`, `an object`.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The member of that name (compared by UTF-8 bytes) where this is an object that has one.
    public subscript(name: String) -> Value? { asObject?[name] }

    /// The element at that index where this is an array that has one.
    public subscript(index: Int) -> Value? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

extension Value: Hashable {
    /// Same kind and same content. Objects are equal when they have equal members in any order; numbers when written alike, so `1` is not `1.0`.
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): sameBytes(a, b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let value): for byte in value.utf8 { hasher.combine(byte) }
        case .array(let elements): hasher.combine(elements)
        case .object(let object): hasher.combine(object)
        }
    }
}

extension Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: Value...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, Value)...) {
        self = .object(Object(elements.map { Member(name: $0.0, value: $0.1) }))
    }
}

/// Whether two strings hold the same UTF-8 bytes.
public func sameBytes(_ left: String, _ right: String) -> Bool {
    let a = left.utf8
    let b = right.utf8
    guard a.count == b.count else { return false }
    // SAFETY: both buffers are of that many bytes.
    let isSame: Bool?? = unsafe a.withContiguousStorageIfAvailable { x in
        unsafe b.withContiguousStorageIfAvailable { y in
            guard let x = x.baseAddress, let y = y.baseAddress else { return true }
            return unsafe memcmp(x, y, a.count) == 0
        }
    }
    return (isSame ?? nil) ?? a.elementsEqual(b)
}

/// Whether the UTF-8 bytes of `left` sort before those of `right`; the order of Unicode scalars.
public func bytesPrecede(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
}
