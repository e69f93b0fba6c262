// SPDX-License-Identifier: Apache-2.0
//
// Names with namespaces, and the identity of an entity. A `Name` from a policy text is well-formed and not reserved;
// one made by `init(_:)` is taken as it is, `Name.parse` checks.

/// A name with its namespaces, `A::B::C`, held as one text.
public struct Name: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: Text

    /// The name as given, unchecked.
    public init(_ text: Text) { self.text = text }
    public init(_ string: String) { self.text = Text(string) }

    /// Joins identifiers by `::`.
    public init(path: [Text]) {
        self.text = path.count == 1 ? path[0] : Text(path.map(\.string).joined(separator: "::"))
    }

    /// The identifiers between the `::`.
    public var components: [Text] {
        var parts: [Text] = []
        var current: [UInt8] = []
        var colons = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: ":") {
                colons += 1
                if colons == 2 {
                    parts.append(Text(String(decoding: current, as: UTF8.self)))
                    current.removeAll(keepingCapacity: true)
                    colons = 0
                }
            } else {
                current.append(byte)
            }
        }
        parts.append(Text(String(decoding: current, as: UTF8.self)))
        return parts
    }

    /// The last identifier.
    public var base: Text { components[components.count - 1] }

    /// All but the last identifier, or nil where there is no namespace.
    public var namespace: Name? {
        let parts = components
        return parts.count == 1 ? nil : Name(path: Array(parts.dropLast()))
    }

    public var isQualified: Bool { text.utf8.contains(UInt8(ascii: ":")) }

    /// Whether the last identifier is `Action`: only such types are types of actions.
    public var isAction: Bool {
        let bytes = Array("Action".utf8)
        guard text.utf8.count >= bytes.count, text.utf8.suffix(bytes.count).elementsEqual(bytes) else { return false }
        return text.utf8.count == bytes.count || text.utf8.dropLast(bytes.count).last == UInt8(ascii: ":")
    }

    public static func < (left: Name, right: Name) -> Bool { left.text < right.text }
    public var description: String { text.string }

    /// Parses a name strictly: identifiers joined by `::` without blanks, none of them a reserved word or `__cedar`.
    public static func parse(_ text: Text) -> Name? {
        let parts = Name(text).components
        guard parts.allSatisfy({ Identifier.isIdentifier($0) && !Identifier.isReserved($0) && $0 != Identifier.cedar })
        else { return nil }
        let name = Name(path: parts)
        return name.text == text ? name : nil
    }
}

/// The type of an entity.
public typealias EntityType = Name

/// What an identifier may be.
public enum Identifier {
    /// The namespace that belongs to the language.
    public static let cedar: Text = "__cedar"

    /// Whether the text matches `[_a-zA-Z][_a-zA-Z0-9]*`.
    public static func isIdentifier(_ text: Text) -> Bool {
        var first = true
        for byte in text.utf8 {
            guard first ? isStart(byte) : isPart(byte) else { return false }
            first = false
        }
        return !first
    }

    static func isStart(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
    }

    static func isPart(_ byte: UInt8) -> Bool { isStart(byte) || byte &- UInt8(ascii: "0") < 10 }

    /// The words that are never an identifier of an attribute, a variable or a name.
    public static func isReserved(_ text: Text) -> Bool {
        switch text.string {
        case "true", "false", "if", "then", "else", "in", "is", "like", "has": true
        default: false
        }
    }
}

/// The identity of an entity: its type and its id, any string.
public struct EntityUID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let type: EntityType
    public let id: Text

    public init(type: EntityType, id: Text) {
        self.type = type
        self.id = id
    }

    public static func < (left: EntityUID, right: EntityUID) -> Bool {
        left.type == right.type ? left.id < right.id : left.type < right.type
    }

    /// The literal of the policy language, its id escaped.
    public var description: String { "\(type)::\(Escape.quoted(id))" }
}
