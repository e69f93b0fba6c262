// SPDX-License-Identifier: Apache-2.0
//
// The request and decision vectors of the Agent Governance Toolkit's Cedar libraries: ten sets, sixty vectors. Their
// reasons are the `@id` of the determining policies.

import Cedar
import Foundation
import JSON
import Testing

private let library: URL? = {
    let folder = sharedData?.deletingLastPathComponent().appendingPathComponent("agt/cedar-lib")
    return folder.flatMap { FileManager.default.fileExists(atPath: $0.path) ? $0 : nil }
}()

@Suite(.enabled(if: library != nil, "the shared data is absent"))
struct AGTVectorTests {
    static let sets = [
        "agt_default", "approval", "budgets", "confidence", "content_hash", "drift", "egress", "ifc", "patterns", "redact"
    ]

    private func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: try #require(library).appendingPathComponent(name)))
    }

    private func vectors(_ name: String) throws -> [JSON.Value] {
        try #require(try JSON.Value(parsing: bytes("\(name)_test.json")).asArray)
    }

    @Test func `there are sixty vectors`() throws {
        #expect(try Self.sets.reduce(0) { $0 + (try vectors($1).count) } == 60)
    }

    @Test(arguments: sets)
    func `every vector gives its decision, its reasons and its errors`(_ name: String) throws {
        let set = try PolicyParser.policies(SourceText(name: name, bytes: bytes("\(name).cedar")))
        let compiled = CompiledPolicies(set)
        for vector in try vectors(name) {
            let title = vector["name"]?.asString ?? "unnamed"
            let request = try Request(json: try #require(vector["request"]))
            let entities = try Entities(json: try #require(vector["entities"]))
            let response = compiled.authorize(request, entities)
            #expect(response == set.authorize(request, entities), "\(title)")
            #expect(response.decision.rawValue == vector["decision"]?.asString, "\(title)")
            let reasons = response.reasons.map { set.policy($0)?.annotation("id")?.value ?? $0 }
            let expected = try #require(vector["reason"]?.asArray).compactMap { $0.asString.map { Text($0) } }
            #expect(Set(reasons) == Set(expected), "\(title)")
            #expect(response.errors.count == Int(vector["num_errors"]?.asInteger ?? -1), "\(title)")
        }
    }
}
