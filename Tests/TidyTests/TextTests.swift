// SPDX-License-Identifier: Apache-2.0
// What the text of the repository must and must not hold: licence lines, lengths, words that have no place in it.

import Foundation
import Testing

@Suite("the text is tidy")
struct TextTests {
    static let longest = 600
    /// Spelled in halves, so that this file does not hold them itself.
    static let unfinished = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK"]
    static let traps = ["fatal" + "Error(", "try" + "!", " as" + "! "]

    @Test func `the files are found`() {
        #expect(Repository.sources.count > 50)
        #expect(Repository.written.count > Repository.sources.count)
    }

    @Test(arguments: Repository.written)
    func `the licence stands first`(file: SourceFile) {
        let first = file.lines.prefix(2).first { !$0.hasPrefix("#!") && !$0.hasPrefix("// swift-tools-version") } ?? ""
        #expect(first.contains("SPDX-License-Identifier: Apache-2.0"))
    }

    @Test(arguments: Repository.sources)
    func `a source says what it is`(file: SourceFile) {
        guard !file.path.hasSuffix("shim.h") else { return }
        #expect(file.lines.count > 1 && file.lines[1].hasPrefix("//"), "after the licence a file opens with what it is, what it is not, what it follows")
    }

    @Test(arguments: Repository.written)
    func `no file is longer than six hundred lines`(file: SourceFile) {
        #expect(file.lines.count <= Self.longest + 1)
    }

    @Test(arguments: Repository.everything)
    func `nothing is left to do`(file: SourceFile) {
        for word in Self.unfinished { #expect(!file.text.contains(word)) }
    }

    @Test(arguments: Repository.everything)
    func `no path of one machine is written down`(file: SourceFile) {
        #expect(!file.text.contains("/wo" + "rk/"))
    }

    @Test(arguments: Repository.sources)
    func `shipped code has no trap that is called by hand`(file: SourceFile) {
        for word in Self.traps { #expect(!file.text.contains(word)) }
    }

    @Test(arguments: Repository.files(["Sources/Cedar", "Sources/Budget"], suffixes: [".swift"]))
    func `a pure module is safe`(file: SourceFile) {
        guard file.text.contains("nsafe") else { return }
        for line in file.lines where !line.drop(while: { $0 == " " }).hasPrefix("//") {
            #expect(line.firstMatch(of: /\bunsafe\b|\bUnsafe\w*Pointer\b|withUnsafe/) == nil, "\(line)")
        }
    }

    @Test(arguments: Repository.sources.filter { $0.path.hasSuffix(".swift") })
    func `Swift forks nothing`(file: SourceFile) {
        guard file.text.contains("fork(") else { return }
        for line in file.lines where !line.drop(while: { $0 == " " }).hasPrefix("//") {
            #expect(line.firstMatch(of: /\bv?fork\(/) == nil, "\(line)")
        }
    }

    @Test(arguments: Repository.sources.filter { $0.path.hasSuffix(".swift") && !$0.path.hasPrefix("Sources/cedar-corpus/") })
    func `Foundation stays out of the binary`(file: SourceFile) {
        #expect(!ImportTests.imports(file).contains("Foundation"))
    }
}
