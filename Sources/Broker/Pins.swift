// SPDX-License-Identifier: Apache-2.0
//
// Pinned tools: the SHA-256 of the RFC 8785 form of what a model is shown of a tool. A tool whose definition changed since it was pinned is
// set aside until a person accepts it; first use pins, unless a reviewed lock says which tools there are.

public import JSON

/// What is pinned, by tool; digests are 64 hexadecimal digits.
public struct Pins: Sendable, Hashable {
    public var digests: [String: String] = [:]
    /// Only the tools of the lock may be used.
    public var reviewed = false
    /// Tools that a person reviewed: without side effects; trusted, so that their results do not taint the session.
    public var readOnly: Set<String> = []
    public var trusted: Set<String> = []

    public init() {}
}

/// A definition that was seen for the first time: of a new tool, or of one that was pinned as something else.
public struct Pin: Sendable, Hashable {
    public let tool: String
    public let digest: String
    /// What is hashed.
    public let definition: Value
}

extension Pins {
    /// The members of a definition that count.
    static let members = ["name", "title", "description", "inputSchema", "outputSchema", "annotations", "icons"]

    /// What is hashed.
    static func counted(_ definition: Object) -> Value {
        var counted = Object()
        for name in members { if let value = definition[name] { counted[name] = value } }
        return .object(counted)
    }

    static func hex(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] { text.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Why a tool with this digest may not be used; nil where it may.
    func objection(to tool: String, _ digest: String) -> String? {
        if let pinned = digests[tool] {
            return pinned == digest ? nil : "its definition changed since it was pinned"
        }
        return reviewed ? "it is not in tools.lock" : nil
    }
}
