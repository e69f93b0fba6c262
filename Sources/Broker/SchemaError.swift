// SPDX-License-Identifier: Apache-2.0
//
// Why a JSON Schema cannot be held a value against: the tool that brings it is set aside by name, for what is not understood must not pass.

/// A schema that was refused.
public struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the schema, as a JSON pointer.
    public let place: String
    public let message: String
    public var description: String { place.isEmpty ? message : "\(place): \(message)" }
}

/// Why a value does not fit.
public struct SchemaFinding: Hashable, Sendable, CustomStringConvertible {
    /// Where in the value, as a JSON pointer; empty for the whole.
    public let place: String
    public let message: String
    public var description: String { place.isEmpty ? message : "`\(place)`: \(message)" }
}
