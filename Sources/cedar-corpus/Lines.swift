// SPDX-License-Identifier: Apache-2.0
//
// One JSON object per line in, one per line out: how scripts in other languages ask this engine, to compare it with
// others. `{"op": "authorize", "policies", "links"?, "entities", "requests"}`, `{"op": "parse" | "to_json" | "format", "text"}`,
// `{"op": "from_json", "json"}`.

import Cedar
import Foundation
import JSON

enum Lines {
    static func run() {
        while let line = readLine(strippingNewline: true) {
            let answer: JSON.Value
            do {
                answer = try self.answer(JSON.Value(parsing: Array(line.utf8), options: options))
            } catch {
                answer = ["error": .string("\(error)")]
            }
            // Not `print`: a pipe is buffered, and the other side waits for this line.
            FileHandle.standardOutput.write(Data(answer.serialisedBytes() + [0x0A]))
        }
    }

    private static var options: ParseOptions {
        var options = ParseOptions()
        options.bytes = 64 << 20
        return options
    }

    private static func answer(_ json: JSON.Value) throws -> JSON.Value {
        let text = SourceText(json["text"]?.asString ?? "")
        switch json["op"]?.asString {
        case "parse":
            _ = try PolicyParser.policies(text)
            return ["ok": true]
        case "format": return ["text": .string(try PolicyFormatter.format(text))]
        case "to_json": return try PolicyParser.policies(text).json
        case "from_json": return try PolicySet(json: json["json"] ?? .null).json
        case "authorize": return try authorize(json)
        default:
            if let answer = try ValidationLines.answer(json) { return answer }
            throw Failure("unknown `op`")
        }
    }

    private static func policies(_ json: JSON.Value) throws -> PolicySet {
        var set =
            try json["policies"].map { policies in
                try policies.asString.map { try PolicyParser.policies(SourceText($0)) } ?? PolicySet(json: policies)
            } ?? PolicySet()
        for link in json["links"]?.asArray ?? [] {
            var values: [Slot: EntityUID] = [:]
            for slot in Slot.allCases {
                if let uid = link["values"]?[slot.rawValue] { values[slot] = try EntityUID(json: uid) }
            }
            try set.link(
                template: Text(link["template_id"]?.asString ?? ""), as: Text(link["new_id"]?.asString ?? ""), values)
        }
        return set
    }

    private static func authorize(_ json: JSON.Value) throws -> JSON.Value {
        let set = try policies(json)
        let entities = try Entities(json: json["entities"] ?? [])
        let compiled = CompiledPolicies(set)
        var answers: [JSON.Value] = []
        for json in json["requests"]?.asArray ?? [] {
            do {
                let request = try Request(json: json)
                let response = set.authorize(request, entities)
                let second = compiled.authorize(request, entities)
                guard response == second else {
                    answers.append(["error": .string("the compiled set answers \(second), the plain one \(response)")])
                    continue
                }
                answers.append(Self.json(response))
            } catch {
                answers.append(["error": .string("\(error)")])
            }
        }
        return ["answers": .array(answers)]
    }

    private static func json(_ response: Response) -> JSON.Value {
        [
            "decision": .string(response.decision.rawValue),
            "reasons": .array(response.reasons.map { .string($0.string) }),
            "errors": .array(response.errors.map { .string($0.policy.string) }),
        ]
    }
}
