// SPDX-License-Identifier: Apache-2.0
//
// A message of JSON-RPC 2.0 as MCP uses it: ids are strings or integers, parameters are objects, unknown members are not passed on. What is
// written is made from the parsed values, never from the bytes that came.

public import JSON

/// An id or a progress token: a string or an integer, kept as what it is. `1` is not `"1"`, and strings are told apart by their bytes.
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    public let value: Value

    /// Nil for every other kind of value, and for a string longer than `limit` bytes.
    public init?(_ value: Value, limit: Int = 1024) {
        switch value {
        case .integer: break
        case .string(let text) where text.utf8.count <= limit: break
        default: return nil
        }
        self.value = value
    }

    init(_ number: Int64) { value = .integer(number) }

    public var description: String { value.serialised() }
}

/// What a request came to.
enum Reply: Hashable, Sendable {
    case result(Value)
    /// An object with `code`, `message` and perhaps `data`.
    case error(Value)

    static func failure(_ code: Int64, _ message: String) -> Reply { .error(["code": .integer(code), "message": .string(message)]) }
}

enum Message: Hashable, Sendable {
    case request(RequestID, method: String, params: Object?)
    case notification(method: String, params: Object?)
    case response(RequestID, Reply)
    /// An error about a message whose id the peer could not read.
    case complaint(Value)

    init(_ value: Value, idBytes: Int) throws(WireError) {
        guard let object = value.asObject else { throw .notAMessage("expected an object, found \(value.kind)") }
        guard object["jsonrpc"] == "2.0" else { throw .notAMessage("`jsonrpc` must be \"2.0\"") }
        var id: RequestID?
        if let value = object["id"], !(value.isNull && object["error"] != nil) {
            guard let known = RequestID(value, limit: idBytes) else {
                throw .notAMessage("`id` must be a string of at most \(idBytes) bytes or an integer, found \(value.kind)")
            }
            id = known
        }
        if let method = object["method"] {
            guard let method = method.asString else { throw .notAMessage("`method` must be a string, found \(method.kind)") }
            if object["result"] != nil || object["error"] != nil { throw .notAMessage("both a request and a response") }
            var params: Object?
            if let value = object["params"] {
                guard let given = value.asObject else { throw .notAMessage("`params` must be an object, found \(value.kind)") }
                params = given
            }
            self = if let id { .request(id, method: method, params: params) } else { .notification(method: method, params: params) }
            return
        }
        switch (object["result"], object["error"]) {
        case (let result?, nil):
            guard let id else { throw .notAMessage("a response without `id`") }
            guard result.asObject != nil else { throw .notAMessage("`result` must be an object, found \(result.kind)") }
            self = .response(id, .result(result))
        case (nil, let error?):
            guard error["code"]?.asInteger != nil, error["message"]?.asString != nil else {
                throw .notAMessage("`error` must have an integer `code` and a string `message`")
            }
            self = if let id { .response(id, .error(error)) } else { .complaint(error) }
        case (nil, nil): throw .notAMessage("neither `method` nor `result` nor `error`")
        case (_?, _?): throw .notAMessage("both `result` and `error`")
        }
    }

    var value: Value {
        var object = Object()
        object["jsonrpc"] = "2.0"
        switch self {
        case .request(let id, let method, let params):
            object["id"] = id.value
            object["method"] = .string(method)
            object["params"] = params.map { .object($0) }
        case .notification(let method, let params):
            object["method"] = .string(method)
            object["params"] = params.map { .object($0) }
        case .response(let id, .result(let result)):
            object["id"] = id.value
            object["result"] = result
        case .response(let id, .error(let error)):
            object["id"] = id.value
            object["error"] = error
        case .complaint(let error):
            object["error"] = error
        }
        return .object(object)
    }
}
