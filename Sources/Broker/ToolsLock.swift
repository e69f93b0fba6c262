// SPDX-License-Identifier: Apache-2.0
//
// The text of tools.lock: which tools of which servers are pinned, as what, and what a server offers in place of a pinned one. JSON, so that
// it is YAML as well; sorted, so that a change of one tool is a change of its lines.

public import JSON

/// Why a lock cannot be used.
public struct LockError: Error, Hashable, Sendable {
    public let message: String
}

public struct ToolsLock: Sendable, Hashable {
    public struct Definition: Sendable, Hashable {
        /// 64 hexadecimal digits; see Pins.
        public var digest: String
        /// What is hashed; nil where it was too long to keep.
        public var value: Value?
    }

    public struct Tool: Sendable, Hashable {
        public var pinned: Definition
        /// What the server lists now, where that is something else.
        public var offered: Definition?
        /// As a person reviewed it.
        public var hasSideEffect = true
        public var isTrusted = false
    }

    public struct Server: Sendable, Hashable {
        /// Only these tools may be used.
        public var isReviewed = false
        public var tools: [String: Tool] = [:]
    }

    public var servers: [String: Server] = [:]

    /// Definitions that are longer, in bytes, and more of them for one server are kept as their digests alone: no server fills the file.
    static let longest = 16 << 10
    static let most = 96
    static let mostTools = 4096
    /// Longest text of a lock, in bytes.
    public static let bytes = 8 << 20

    public init() {}

    /// - Throws: what is wrong with the text, and where.
    public init(parsing text: [UInt8]) throws(LockError) {
        let value: Value
        do throws(JSONError) { value = try Value(parsing: text) } catch { throw LockError(message: error.description) }
        guard value["fumehood"] == 1 else { throw LockError(message: "`fumehood: 1` is missing") }
        guard let servers = value["servers"]?.asObject else { throw LockError(message: "`servers` must be an object") }
        for server in servers {
            var entry = Server()
            entry.isReviewed = server.value["reviewed"]?.asBool ?? false
            for tool in server.value["tools"]?.asObject ?? Object() {
                let place = "servers.\(server.name).tools.\(tool.name)"
                guard let pinned = Self.definition(tool.value) else { throw LockError(message: "\(place): `sha256` must have 64 hexadecimal digits") }
                var one = Tool(pinned: pinned)
                one.offered = tool.value["offered"].flatMap(Self.definition)
                one.hasSideEffect = tool.value["side_effect"]?.asBool ?? true
                one.isTrusted = tool.value["trusted"]?.asBool ?? false
                entry.tools[tool.name] = one
            }
            self.servers[server.name] = entry
        }
    }

    private static func definition(_ value: Value) -> Definition? {
        guard let digest = value["sha256"]?.asString, digest.utf8.count == 64,
            digest.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        return Definition(digest: digest, value: value["definition"])
    }

    /// As a file holds it.
    public var text: String {
        var all = Object()
        for (name, server) in servers.sorted(by: { bytesPrecede($0.key, $1.key) }) {
            var tools = Object()
            for (name, tool) in server.tools.sorted(by: { bytesPrecede($0.key, $1.key) }) {
                var object = Self.object(tool.pinned)
                object["side_effect"] = .bool(tool.hasSideEffect)
                object["trusted"] = .bool(tool.isTrusted)
                if let offered = tool.offered { object["offered"] = .object(Self.object(offered)) }
                tools[name] = .object(object)
            }
            all[name] = ["reviewed": .bool(server.isReviewed), "tools": .object(tools)]
        }
        return Value.object(Object([Member(name: "fumehood", value: 1), Member(name: "servers", value: .object(all))])).pretty() + "\n"
    }

    private static func object(_ definition: Definition) -> Object {
        var object = Object([Member(name: "sha256", value: .string(definition.digest))])
        object["definition"] = definition.value
        return object
    }

    /// What an exchange is told of a server.
    public func pins(of server: String) -> Pins {
        var pins = Pins()
        guard let server = servers[server] else { return pins }
        pins.reviewed = server.isReviewed
        for (name, tool) in server.tools {
            pins.digests[name] = tool.pinned.digest
            if !tool.hasSideEffect { pins.readOnly.insert(name) }
            if tool.isTrusted { pins.trusted.insert(name) }
        }
        return pins
    }

    /// Takes what an exchange saw: new tools are pinned, others offered.
    public mutating func take(_ pins: [Pin], of server: String) {
        for pin in pins {
            let tools = servers[server]?.tools ?? [:]
            let isShort = pin.definition.serialisedBytes().count <= Self.longest
            let kept = isShort && (tools.count < Self.most || tools[pin.tool]?.pinned.value != nil) ? pin.definition : nil
            let definition = Definition(digest: pin.digest, value: kept)
            if let known = servers[server]?.tools[pin.tool] {
                servers[server]?.tools[pin.tool]?.offered = known.pinned.digest == pin.digest ? nil : definition
            } else if servers[server]?.isReviewed != true, tools.count < Self.mostTools {
                servers[server, default: Server()].tools[pin.tool] = Tool(pinned: definition)
            }
        }
    }

    /// What a server offers takes the place of what was pinned.
    /// - Returns: the tools that were accepted.
    public mutating func accept(_ server: String, tools: [String]) -> [String] {
        var accepted: [String] = []
        for (name, tool) in servers[server]?.tools ?? [:] where tools.isEmpty || tools.contains(name) {
            guard let offered = tool.offered else { continue }
            servers[server]?.tools[name]?.pinned = offered
            servers[server]?.tools[name]?.offered = nil
            accepted.append(name)
        }
        return accepted.sorted(by: bytesPrecede)
    }
}
