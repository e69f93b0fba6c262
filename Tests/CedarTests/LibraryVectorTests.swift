// SPDX-License-Identifier: Apache-2.0
//
// The vectors of the Agent Governance Toolkit's Cedar library: policies that others write for agents.

import Cedar
import Foundation
import JSON
import Testing

private let library: URL? = sharedData?.deletingLastPathComponent().appendingPathComponent("agt/cedar-lib")

@Suite(.enabled(if: library != nil, "the shared data is absent"))
struct LibraryVectorTests {
    @Test func `every vector of the library gives its decision and reasons`() throws {
        let folder = try #require(library)
        let tests = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix("_test.json") }
        var count = 0
        for name in tests.sorted() {
            let policies = folder.appendingPathComponent(name.replacingOccurrences(of: "_test.json", with: ".cedar"))
            let set = try PolicyParser.policies(
                SourceText(name: name, bytes: [UInt8](try Data(contentsOf: policies))))
            let compiled = CompiledPolicies(set)
            let vectors = try JSON.Value(
                parsing: [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))))
            for vector in vectors.asArray ?? [] {
                let request = try Request(json: #require(vector["request"]))
                let entities = try Entities(json: vector["entities"] ?? [])
                let response = compiled.authorize(request, entities)
                let reasons = response.reasons.map { set.policy($0)?.annotation("id")?.value ?? $0 }
                let expected = (vector["reason"]?.asArray ?? []).compactMap { $0.asString.map { Text($0) } }
                let title = "\(name): \(vector["name"]?.asString ?? "")"
                #expect(response.decision.rawValue == vector["decision"]?.asString, "\(title)")
                #expect(Set(reasons) == Set(expected), "\(title)")
                #expect(response.errors.count == Int(vector["num_errors"]?.asInteger ?? 0), "\(title)")
                #expect(response == set.authorize(request, entities), "\(title)")
                count += 1
            }
        }
        #expect(count == 60)
    }
}
