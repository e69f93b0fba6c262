// SPDX-License-Identifier: Apache-2.0
// The session file's decoder and its published schema know the same keys.

import Foundation
import JSON
import Testing

@testable import fumehood

@Suite("the session file")
struct SessionFileTests {
    private static let schema = try? Value(
        parsing: String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Profiles/session.schema.json"), encoding: .utf8))

    private func keys(_ path: String...) -> Set<String> {
        var value = Self.schema
        for step in path { value = value?[step] }
        return Set(value?["properties"]?.asObject?.members.map(\.name) ?? [])
    }

    @Test func `its schema and its decoder know the same keys`() {
        #expect(keys() == Set(SessionKeys.top))
        #expect(keys("$defs", "agent") == Set(SessionKeys.agent))
        #expect(keys("$defs", "tool") == Set(SessionKeys.tool))
        #expect(keys("$defs", "limits") == Set(SessionKeys.limits))
        #expect(keys("properties", "budget") == Set(SessionKeys.budget))
        #expect(keys("properties", "budget", "properties", "session") == Set(SessionKeys.dimensions + SessionKeys.clocks))
        #expect(keys("properties", "budget", "properties", "tools", "additionalProperties") == Set(SessionKeys.toolDimensions))
    }

    @Test(arguments: [
        ("session: a\nagents: {}\n", "the version line is missing"), ("fumehood: 1\nsession: a\n", "key `agents` is missing"),
        ("fumehood: 1\nsession: a\nagents: { a: { command: [] } }\n", "the command is empty"),
        ("fumehood: 1\nsession: a\nagents: { a: { command: [x], tools: [none] } }\n", "there is no tool `none`"),
        ("fumehood: 1\nsession: a\nagents: { a: { command: [x], secrets: { K: plain } } }\n", "expected `env:NAME` or `file:PATH`"),
    ]) func `what is wrong is said`(text: String, said: String) {
        do {
            _ = try SessionFile(parsing: Array(text.utf8), file: "f.yaml")
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains(said), "\(error)")
        }
    }
}
