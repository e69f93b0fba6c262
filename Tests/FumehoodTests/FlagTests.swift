// SPDX-License-Identifier: Apache-2.0
// `run` and `mcp` read their arguments by a table, and ArgumentParser describes them for help and completion: both know the same flags.

import ArgumentParser
import Testing

@testable import fumehood

@Suite("the flags of run and mcp")
struct FlagTests {
    /// A flag of a verb.
    struct Case: Sendable {
        let verb: CellVerb
        let flag: CellFlag
    }

    static let cases = [CellVerb.run, .mcp].flatMap { verb in verb.flags.map { Case(verb: verb, flag: $0) } }

    static func help(_ verb: CellVerb) -> String { verb == .run ? RunHelp.helpMessage(columns: 400) : McpHelp.helpMessage(columns: 400) }

    /// Flags as help spells them, at the beginning of their lines.
    static func described(_ help: String) -> Set<String> {
        var names: Set<String> = []
        for line in help.split(separator: "\n") where line.hasPrefix("  -") {
            for word in line.split(whereSeparator: { " ,".contains($0) }).prefix(while: { $0.hasPrefix("-") }) { names.insert(String(word)) }
        }
        return names
    }

    @Test(arguments: [CellVerb.run, .mcp])
    func `help names every flag that is read, and no other`(verb: CellVerb) {
        let read = Set(verb.flags.flatMap(\.names))
        #expect(read == Self.described(Self.help(verb)).subtracting(["-h", "--help", "--version"]))
    }

    @Test(arguments: cases)
    func `help says of a flag what the table says`(of: Case) {
        #expect(Self.help(of.verb).contains(of.flag.help))
    }

    @Test(arguments: cases)
    func `a flag takes a value exactly where help shows one`(of: Case) throws {
        let flag = of.flag
        let name = flag.names.last!
        let lines = Self.help(of.verb).split(separator: "\n").filter { $0.hasPrefix("  -") }
        let line = try #require(lines.first { $0.split(whereSeparator: { " ,".contains($0) }).contains { $0 == name } })
        #expect(line.contains("\(name) <") == (flag.value != nil))
    }
}
