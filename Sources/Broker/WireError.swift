// SPDX-License-Identifier: Apache-2.0
//
// What can be wrong with a line of a peer, as one type, and the code that JSON-RPC 2.0 section 5.1 gives it.

public import JSON

/// A line that was refused.
public enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
    case json(JSONError)
    case lineTooLong(limit: Int)
    /// The stream ended inside of a line.
    case unfinished
    /// JSON, but no message of JSON-RPC 2.0 as MCP uses it: why not.
    case notAMessage(String)
    /// Arrays of messages are for peers of 2025-03-26.
    case batchRefused(String)

    /// -32700 where the text is not JSON, else -32600.
    public var code: Int64 {
        switch self {
        case .json(let error):
            switch error.reason {
            case .tooManyBytes, .tooDeep, .tooManyMembers, .tooManyValues, .numberTooLong, .numberNotInterchangeable, .duplicateMember: -32600
            default: -32700
            }
        case .lineTooLong, .notAMessage, .batchRefused: -32600
        case .unfinished: -32700
        }
    }

    public var description: String {
        switch self {
        case .json(let error): "\(code == -32700 ? "not JSON" : "refused JSON"): \(error)"
        case .lineTooLong(let limit): "the line is longer than \(limit) bytes"
        case .unfinished: "the stream ended inside of a message"
        case .notAMessage(let why): "not a message: \(why)"
        case .batchRefused(let why): "a batch: \(why)"
        }
    }
}
