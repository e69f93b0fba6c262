// SPDX-License-Identifier: Apache-2.0
// `fumehood policy replay`: the calls that a log holds, judged by other policies: which verdicts would change. Nothing is written.

import ArgumentParser
import AuditLog
import Cedar
import Events
import Governance
import JSON
import Linux

struct PolicyReplayVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Judges the recorded calls of a log by other policies, and lists those whose verdict changes.",
        discussion: """
            Launches are judged from their records, calls of tools from the bodies that are kept beside the log, with the types that their arguments \
            have there. Budgets, loops and deadlines are not replayed. Exit code 0: no verdict changes. 1: some do. 2: this could not be judged.
            """)
    @OptionGroup var options: LogOptions
    @Option(name: .customLong("policy"), help: ArgumentHelp("the policies to judge by: a file or a folder of *.cedar (repeatable)", valueName: "file|dir"))
    var policies: [String]
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    /// One recorded question with what became of it.
    private struct Recorded {
        let number: UInt64
        let request: Governance.Request
        let outcome: String
    }

    func run() throws {
        try PolicyJudging.run(json: json) {
            do {
                return try judge()
            } catch let error as LogFailure {
                throw PolicyFailure(error.text, help: error.help)
            } catch let error as LogError {
                throw PolicyFailure(error.message, help: error.help)
            }
        }
    }

    private func judge() throws -> Bool {
        let layers = try PolicyFiles.policies(policies)
        let reader = try options.reader()
        var recorded: [Recorded] = []
        var lacking = 0
        try reader.read { (number, entry) throws(LogError) in
            let record = ShownRecord(number: number, entry: entry)
            guard let value = record.value, record.kind == "launch" || record.kind == "decision", let outcome = value["outcome"]?.asString,
                value["data"]?["cause"] == nil || ["policy", "approval"].contains(value["data"]?["cause"]?.asString ?? "")
            else { return }
            guard let request = try Self.request(value, reader) else {
                lacking += 1
                return
            }
            recorded.append(Recorded(number: number, request: request, outcome: outcome))
        }
        let rulebook = try Rulebook(layers: layers, tools: Self.tools(recorded.map(\.request)))
        var changes: [JSON.Value] = []
        for item in recorded {
            let (word, by, reason) = rulebook.judged(item.request)
            let now = word == "throttle" ? "allow" : word
            if now == item.outcome { continue }
            changes.append([
                "number": .integer(Int64(clamping: item.number)), "call": .string(item.request.call.text), "tool": .string(item.request.action),
                "was": .string(item.outcome),
                "is": .string(now), "policies": .array(by.map { .string($0) }), "reason": .string(reason),
            ])
            if !json {
                let why = reason.isEmpty ? by.joined(separator: ", ") : reason
                Messages.write(
                    "\(item.number) \(item.request.call) \(item.request.action) \(item.request.resource.name): \(item.outcome) -> \(now) (\(why))\n", to: 1)
            }
        }
        if json {
            PolicyJudging.write([
                "fumehood": 1, "judged": .integer(Int64(recorded.count)), "changes": .array(changes), "without_body": .integer(Int64(lacking)),
                "warnings": .array(rulebook.warnings.map { .string($0) }),
            ])
        } else {
            for warning in rulebook.warnings { Messages.note(warning) }
            let left = lacking > 0 ? "; \(lacking) have no body and were not judged" : ""
            Messages.write("\(recorded.count) calls judged, \(changes.count) verdict\(changes.count == 1 ? "" : "s") would change\(left)\n", to: 1)
        }
        return changes.isEmpty
    }

    private static func request(_ value: JSON.Value, _ reader: LogReader) throws(LogError) -> Governance.Request? {
        guard let call = value["call"]?.asString.flatMap({ CallID($0) }), let session = value["session"]?.asString.flatMap({ SessionID($0) }),
            let action = value["tool"]?.asString
        else { return nil }
        func request(_ who: Principal, _ resource: Resource?, _ context: JSON.Value?) -> Governance.Request? {
            guard let resource, let context else { return nil }
            return Governance.Request(call: call, principal: who, action: action, resource: resource, context: context, deadline: .max)
        }
        if let digest = value["body_sha256"]?.asString.flatMap({ AuditLog.Digest(hex: $0) }) {
            let bytes: [UInt8]
            do throws(LogError) { bytes = try reader.body(digest) } catch {
                if case .noObject = error.reason { return nil }
                throw error
            }
            guard let body = try? JSON.Value(parsing: bytes), let who = body["principal"] else { return nil }
            let principal = Principal(
                agent: who["agent"]?.asString ?? "local", user: who["user"]?.asString ?? "", groups: (who["groups"]?.asArray ?? []).compactMap(\.asString),
                session: session)
            return request(principal, body["resource"].flatMap { Resource(json: $0) }, body["context"])
        }
        guard let data = value["data"], case .object(var context) = data else { return nil }
        context["session"] = ["id": .string(session.text), "calls": 1, "denials": 0]
        context["budget"] = ["remaining": .object(Object())]
        context["system"] = ["now": .integer((value["time_ns"]?.asInteger ?? 0) / 1_000_000)]
        context["provenance"] = ["tainted": false, "labels": []]
        let principal = Principal(agent: value["principal"]?.asString ?? "local", user: data["user"]?.asString ?? "", session: session)
        return request(principal, data["resource"].flatMap { Resource(json: $0) }, JSON.Value.object(context))
    }

    /// The tools as far as their calls show them: what has one type in all calls is described.
    private static func tools(_ requests: [Governance.Request]) -> [ToolShape] {
        var types: [String: (server: String, name: String, members: [String: JSON.Value])] = [:]
        for request in requests {
            guard case .tool(let server, let name) = request.resource else { continue }
            var known = types[request.action] ?? (server, name, [:])
            for member in request.context["input"]?.asObject?.members ?? [] {
                let type = shape(member.value)
                known.members[member.name] = known.members[member.name].map { $0 == type ? type : [:] } ?? type
            }
            types[request.action] = known
        }
        return types.values.sorted { ($0.server, $0.name) < ($1.server, $1.name) }.map { tool in
            ToolShape(
                server: tool.server, name: tool.name,
                input: ["type": "object", "properties": .object(Object(tool.members.sorted { $0.key < $1.key }.map { Member(name: $0.key, value: $0.value) }))])
        }
    }

    private static func shape(_ value: JSON.Value) -> JSON.Value {
        switch value {
        case .string: ["type": "string"]
        case .integer: ["type": "integer"]
        case .number: ["type": "number"]
        case .bool: ["type": "boolean"]
        case .array(let elements): ["type": "array", "items": elements.first.map(shape) ?? ["type": "string"]]
        case .object(let object): ["type": "object", "properties": .object(Object(object.members.map { Member(name: $0.name, value: shape($0.value)) }))]
        case .null: [:]
        }
    }
}
