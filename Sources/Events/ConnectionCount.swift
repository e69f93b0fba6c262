// SPDX-License-Identifier: Apache-2.0
//
// Connections to one endpoint that a cell made, counted. Their bytes are not: what a cell is handed is a plain socket.

public import JSON

public struct ConnectionCount: Sendable, Hashable {
    /// `host:port`.
    public var endpoint: String
    public var made: Int64 = 0
    /// Permitted, and came to nothing.
    public var failed: Int64 = 0
    /// Refused by policy.
    public var refused: Int64 = 0

    public init(endpoint: String) { self.endpoint = endpoint }

    /// Members `endpoint`, `failed`, `made`, `refused`.
    public var json: Value {
        ["endpoint": .string(endpoint), "failed": .integer(failed), "made": .integer(made), "refused": .integer(refused)]
    }
}
