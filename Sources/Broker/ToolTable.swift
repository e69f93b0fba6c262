// SPDX-License-Identifier: Apache-2.0
//
// The tools of one server as they were listed last: definition, pin, compiled schema, and why one is set aside.

import Governance
import JSON

struct Tool {
    let name: String
    let definition: Object
    /// 64 hexadecimal digits; see Pins.
    let digest: String
    /// Nil where the tool is set aside for its schema.
    var schema: Schema?
    /// Why it may not be used.
    var quarantine: String?
}

struct ToolTable {
    private var tools: [String: Tool] = [:]
    /// What a listing that goes on has seen.
    private var seen: Set<String> = []
    /// What this session saw first: a tool that changes while it runs is set aside as well.
    private var first: [String: String] = [:]
    private var newPins: [Pin] = []
    private var seenPins: Set<String> = []
    /// A listing came to its end.
    private(set) var isComplete = false
    /// The server said that its list changed.
    var isStale = false

    subscript(name: String) -> Tool? {
        // Bytes decide, where Swift's strings would be equal by canonical equivalence.
        guard let tool = tools[name], sameBytes(tool.name, name) else { return nil }
        return tool
    }

    /// Those that may be used, in the order of their names.
    func shapes(of server: String, pins: Pins) -> [ToolShape] {
        tools.values.filter { $0.quarantine == nil }.sorted { bytesPrecede($0.name, $1.name) }.map { tool in
            ToolShape(
                server: server, name: tool.name, input: tool.definition["inputSchema"] ?? [:], sideEffect: !pins.readOnly.contains(tool.name),
                trusted: pins.trusted.contains(tool.name))
        }
    }

    mutating func takePins() -> [Pin] {
        defer { newPins = [] }
        return newPins
    }

    /// One page of a list.
    /// - Returns: for each definition its tool, nil where it is none; and sentences about what was set aside.
    mutating func page(_ definitions: [Value], isFirst: Bool, isLast: Bool, settings: ExchangeSettings) -> (tools: [Tool?], notes: [String]) {
        if isFirst { seen = [] }
        var notes: [String] = []
        var page: [String?] = []
        var named: Set<String> = []
        for definition in definitions {
            guard let object = definition.asObject, let name = object["name"]?.asString, Self.isName(name) else {
                page.append(nil)
                notes.append("a tool without a usable name is left out: \(Value.string(definition["name"]?.asString ?? "").serialised())")
                continue
            }
            guard seen.count < settings.bounds.tools else {
                page.append(nil)
                notes.append("tool `\(name)` is left out: there are more than \(settings.bounds.tools)")
                continue
            }
            var tool = admit(name, object, settings)
            seen.insert(name)
            if !named.insert(name).inserted { tool.quarantine = "two tools have this name" }
            if let why = tool.quarantine, tools[name]?.quarantine == nil { notes.append("tool `\(name)` is set aside: \(why)") }
            tools[name] = tool
            page.append(name)
        }
        if isLast {
            for name in tools.keys where !seen.contains(name) { tools[name] = nil }
            isComplete = true
            isStale = false
        }
        // One that came twice is set aside at both of its places.
        return (page.map { $0.flatMap { tools[$0] } }, notes)
    }

    private mutating func admit(_ name: String, _ definition: Object, _ settings: ExchangeSettings) -> Tool {
        let digest: String
        let counted = Pins.counted(definition)
        do { digest = Pins.hex(settings.sha256(try counted.canonical())) } catch {
            return Tool(name: name, definition: definition, digest: "", schema: nil, quarantine: "its definition has no canonical form: \(error.message)")
        }
        if let known = tools[name], known.digest == digest, known.quarantine == nil { return known }
        var tool = Tool(name: name, definition: definition, digest: digest)
        if let why = settings.pins.objection(to: name, digest) {
            tool.quarantine = why
        } else if let before = first[name], before != digest {
            tool.quarantine = "its definition changed during this session"
        }
        if first[name] == nil {
            if first.count >= 4 * settings.bounds.tools {
                tool.quarantine = "more than \(4 * settings.bounds.tools) tools came and went"
                return tool
            }
            first[name] = digest
        }
        if first[name] != digest || settings.pins.digests[name] != digest, seenPins.insert(name + digest).inserted {
            newPins.append(Pin(tool: name, digest: digest, definition: counted))
        }
        do throws(SchemaError) {
            tool.schema = try Schema(compiling: definition["inputSchema"] ?? [:])
        } catch {
            tool.quarantine = tool.quarantine ?? "its inputSchema: \(error)"
        }
        return tool
    }

    /// What names a tool: it becomes part of an action's name, so it is plain.
    static func isName(_ name: String) -> Bool {
        1...128 ~= name.utf8.count
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || [0x5f, 0x2d, 0x2e, 0x2f].contains($0)
            }
    }
}
