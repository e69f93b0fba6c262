// SPDX-License-Identifier: Apache-2.0
//
// The validator's verdict on the hand-written tests of the Cedar project and on a part of its corpus, with the requests
// and entities checked against their schemas. The whole corpus is the `cedar-corpus` tool's.

import Cedar
import Foundation
import JSON
import Testing

/// Where the shared data is; nil where there is none.
let sharedData: URL? = {
    let path = ProcessInfo.processInfo.environment["FUMEHOOD_SHARED"]
    let root =
        path.map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("../shared").standardized
    let cedar = root.appendingPathComponent("data/cedar")
    return FileManager.default.fileExists(atPath: cedar.path) ? cedar : nil
}()

@Suite(.enabled(if: sharedData != nil, "the shared data is absent"), .timeLimit(.minutes(5)))
struct ValidationCorpusTests {
    private func bytes(_ url: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

    /// What differs from what a test expects.
    private func differences(_ file: URL, root: URL) throws -> [String] {
        let test = try JSON.Value(parsing: bytes(file))
        func text(_ key: String) throws -> SourceText {
            let path = try #require(test[key]?.asString)
            return SourceText(name: path, bytes: try bytes(root.appendingPathComponent(path)))
        }
        let schema = try Schema(parsing: text("schema"))
        var result: [String] = []
        let findings = Validator(schema: schema).validate(try PolicyParser.policies(text("policies")), mode: .exact)
        if findings.isValid != test["shouldValidate"]?.asBool {
            result.append("\(file.lastPathComponent): \(findings.map(\.message))")
        }
        do {
            try schema.validateEntities(Entities(json: text("entities").bytes, schema: schema))
            for request in test["requests"]?.asArray ?? [] {
                try schema.validateRequest(Request(json: request, schema: schema))
            }
        } catch {
            result.append("\(file.lastPathComponent): \(error)")
        }
        // Both notations give the same verdict.
        let again = try Schema(json: SourceText(schema.document.json.serialised()))
        if try again.document.json != SchemaDocument(parsing: SourceText(schema.document.text())).json {
            result.append("\(file.lastPathComponent): the schema is not the same in text and JSON")
        }
        return result
    }

    @Test func `the hand-written tests validate`() throws {
        let root = try #require(sharedData).appendingPathComponent("hand-written")
        let files = FileManager.default.enumerator(at: root.appendingPathComponent("tests"), includingPropertiesForKeys: nil)
        let tests = (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "json" }
        #expect(tests.count == 22)
        #expect(try tests.flatMap { try differences($0, root: root) } == [])
    }

    @Test func `a part of the corpus has the verdict it expects`() throws {
        let archive = try #require(sharedData).appendingPathComponent("corpus.tar.gz")
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("cedar-corpus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "xzf", archive.path, "-C", root.path, "--wildcards", "corpus-tests/3*"]
        try tar.run()
        tar.waitUntilExit()
        try #require(tar.terminationStatus == 0)
        let files = try FileManager.default.contentsOfDirectory(
            at: root.appendingPathComponent("corpus-tests"), includingPropertiesForKeys: nil)
        let tests = files.filter { $0.pathExtension == "json" && !$0.lastPathComponent.hasSuffix(".entities.json") }
        #expect(tests.count > 300)
        #expect(try tests.flatMap { try differences($0, root: root) } == [])
    }
}
