// SPDX-License-Identifier: Apache-2.0
// `run` reads its arguments by a table, and ArgumentParser describes them for help and completion: both know the same flags.

import ArgumentParser
import Testing

@testable import fumehood

@Suite("the flags of run")
struct FlagTests {
    static let help = RunHelp.helpMessage(columns: 400)

    /// Flags as help spells them, at the beginning of their lines.
    static let described: Set<String> = {
        var names: Set<String> = []
        for line in help.split(separator: "\n") where line.hasPrefix("  -") {
            for word in line.split(whereSeparator: { " ,".contains($0) }).prefix(while: { $0.hasPrefix("-") }) { names.insert(String(word)) }
        }
        return names
    }()

    @Test func `help names every flag that is read, and no other`() {
        let read = Set(CellFlag.all.flatMap(\.names))
        #expect(read == Self.described.subtracting(["-h", "--help", "--version"]))
    }

    @Test(arguments: CellFlag.all)
    func `help says of a flag what the table says`(flag: CellFlag) {
        #expect(Self.help.contains(flag.help))
    }

    @Test(arguments: CellFlag.all)
    func `a flag takes a value exactly where help shows one`(flag: CellFlag) throws {
        let name = flag.names.last!
        let line = try #require(Self.help.split(separator: "\n").first { $0.split(whereSeparator: { " ,".contains($0) }).contains { $0 == name } })
        #expect(line.contains("\(name) <") == (flag.value != nil))
    }
}
