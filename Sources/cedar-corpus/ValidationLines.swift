// SPDX-License-Identifier: Apache-2.0
//
// The questions about schemas that the line mode answers: `{"op": "schema", "schema"}`, `{"op": "validate", "schema",
// "policies", "mode"?}`, `{"op": "conform", "schema", "entities", "request"?}`. A schema is a string in the text notation
// or an object in JSON.

import Cedar
import JSON

enum ValidationLines {
    /// The answer, or nil if the question is about something else.
    static func answer(_ json: JSON.Value) throws -> JSON.Value? {
        switch json["op"]?.asString {
        case "schema":
            let schema = try schema(json)
            let text = (try? schema.document.text()).map { JSON.Value.string($0) } ?? .null
            return ["ok": true, "json": schema.document.json, "text": text]
        case "validate": return try validate(json)
        case "conform": return try conform(json)
        default: return nil
        }
    }

    private static func schema(_ json: JSON.Value) throws -> Schema {
        guard let given = json["schema"] else { throw Failure("no `schema`") }
        if let text = given.asString { return try Schema(parsing: SourceText(name: "schema", text)) }
        return try Schema(json: SourceText(name: "schema", given.serialised()))
    }

    private static func validate(_ json: JSON.Value) throws -> JSON.Value {
        let schema = try schema(json)
        let policies = try PolicyParser.policies(SourceText(json["policies"]?.asString ?? ""))
        let mode = json["mode"]?.asString.flatMap { ValidationMode(rawValue: $0) } ?? .exact
        let findings = Validator(schema: schema).validate(policies, mode: mode)
        return [
            "valid": .bool(findings.isValid),
            "findings": .array(
                findings.map {
                    [
                        "kind": .string($0.kind.rawValue), "severity": .string($0.severity.rawValue),
                        "policy": .string($0.policy.string), "message": .string($0.message),
                        "help": $0.help.map { .string($0) } ?? .null,
                    ]
                }),
        ]
    }

    private static func conform(_ json: JSON.Value) throws -> JSON.Value {
        let schema = try schema(json)
        func outcome(_ body: () throws -> Void) -> JSON.Value {
            do {
                try body()
                return true
            } catch {
                return .string("\(error)")
            }
        }
        let entities = outcome {
            try schema.validateEntities(Entities(json: json["entities"] ?? [], schema: schema))
        }
        let request = outcome {
            if let given = json["request"] { try schema.validateRequest(Request(json: given, schema: schema)) }
        }
        return ["entities": entities, "request": request]
    }
}
