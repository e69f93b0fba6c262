// SPDX-License-Identifier: Apache-2.0
//
// One test of the corpus: what it asks for and what the engine gives. The plain and the compiled evaluator are both
// asked and must agree.

import Cedar
import JSON

/// What was compared, and how often it differed.
struct Tally: Sendable {
    var tests = 0
    var failedTests = 0
    var requests = 0
    var decision = 0
    var reasons = 0
    var errors = 0
    var validation = 0
    var requestValidation = 0
    var unreadable = 0
    var messages: [String] = []

    mutating func add(_ other: Tally) {
        tests += other.tests
        failedTests += other.failedTests
        requests += other.requests
        decision += other.decision
        reasons += other.reasons
        errors += other.errors
        validation += other.validation
        requestValidation += other.requestValidation
        unreadable += other.unreadable
        messages += other.messages
    }
}

struct Check {
    let files: Files
    var tally = Tally()

    init(_ files: Files) { self.files = files }

    mutating func run(_ name: String, _ test: JSON.Value) {
        tally.tests += 1
        let before = tally.messages.count
        do {
            try compare(name, test)
        } catch {
            tally.unreadable += 1
            tally.messages.append("\(name): \(error)")
        }
        if tally.messages.count > before { tally.failedTests += 1 }
    }

    private func file(_ test: JSON.Value, _ key: String, _ name: String) throws -> SourceText {
        guard let path = test[key]?.asString else { throw Failure("the test has no `\(key)`") }
        guard let bytes = files.find(path, from: name) else { throw Failure("there is no `\(path)`") }
        return SourceText(name: path, bytes: bytes)
    }

    private mutating func compare(_ name: String, _ test: JSON.Value) throws {
        let policies = try PolicyParser.policies(file(test, "policies", name))
        let schema = try Schema(parsing: file(test, "schema", name))
        let entities = try Entities(json: file(test, "entities", name).bytes, schema: schema)
        if let expected = test["shouldValidate"]?.asBool {
            let found = Validator(schema: schema).validate(policies, mode: .exact)
            if found.isValid != expected {
                tally.validation += 1
                tally.messages.append(
                    "\(name): validation \(expected ? "should pass: \(found.map(\.message))" : "should fail")")
            }
        }
        let compiled = CompiledPolicies(policies)
        for (index, request) in (test["requests"]?.asArray ?? []).enumerated() {
            tally.requests += 1
            try compare("\(name), request \(index)", request, policies, compiled, schema, entities)
        }
    }

    private mutating func compare(
        _ name: String, _ json: JSON.Value, _ policies: PolicySet, _ compiled: CompiledPolicies,
        _ schema: Schema, _ entities: Entities
    ) throws {
        let request = try Request(json: json, schema: schema)
        if json["validateRequest"]?.asBool ?? true {
            do {
                try schema.validateRequest(request)
            } catch {
                tally.requestValidation += 1
                tally.messages.append("\(name): the request does not fit the schema: \(error)")
            }
        }
        let response = policies.authorize(request, entities)
        let second = compiled.authorize(request, entities)
        if second != response { tally.messages.append("\(name): the compiled set answers \(second)") }
        if response.decision.rawValue != json["decision"]?.asString {
            tally.decision += 1
            tally.messages.append("\(name): decision \(response.decision)")
        }
        let reasons = Set((json["reason"]?.asArray ?? []).compactMap { $0.asString.map { Text($0) } })
        if Set(response.reasons) != reasons {
            tally.reasons += 1
            tally.messages.append("\(name): reasons \(response.reasons)")
        }
        let errors = Set((json["errors"]?.asArray ?? []).compactMap { $0.asString.map { Text($0) } })
        if Set(response.errors.map(\.policy)) != errors {
            tally.errors += 1
            tally.messages.append("\(name): errors \(response.errors.map { "\($0.policy): \($0.error)" })")
        }
    }
}
