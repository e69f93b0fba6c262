// SPDX-License-Identifier: Apache-2.0
//
// The filters that the binary carries: each is what the compiler writes now, and the proof accepts it. `FUMEHOOD_RECORD=1` writes
// them anew.

import Foundation
import Testing

@testable import Syscalls

@Suite struct ProvedFilterTests {
    @Test func `the filters in the binary are those that the compiler writes, and proved`() throws {
        let path = URL(filePath: #filePath).appending(path: "../../../Sources/Syscalls/ProvedPrograms.swift").standardizedFileURL
        let text = try ProvedFilters.generate()
        if ProcessInfo.processInfo.environment["FUMEHOOD_RECORD"] != nil { try text.write(to: path, atomically: true, encoding: .utf8) }
        #expect(try String(contentsOf: path, encoding: .utf8) == text, "FUMEHOOD_RECORD=1 swift test --filter ProvedFilterTests")
    }

    @Test(.enabled(if: Architecture.native == .x86_64, "the programs are those of x86_64"))
    func `a carried filter is proved against the policy that it is given for`() throws {
        let cookie = ExecCookie(0x1234_5678_9ABC_DEF0)!
        for (families, paranoid) in ProvedFilters.builtIn {
            let policy = SyscallPolicy(families: families, paranoid: paranoid)
            let filter = SyscallFilter.of(policy)
            #expect(filter.isProved)
            try FilterProof.check(filter.program(admitting: cookie), policy, canary: filter.canary, cookie: cookie)
            #expect(filter.words(admitting: cookie) == filter.program(admitting: cookie).map(\.word))
        }
        let first = SyscallFilter.ofCellInit
        try FilterProof.check(first.program(admitting: cookie), InitFilter.rules(canary: first.canary))
    }

    @Test func `a policy that differs in anything is compiled at launch`() throws {
        let base = SyscallPolicy(families: [.exec, .spawn, .fsMutate])
        var others = [SyscallPolicy](repeating: base, count: 7)
        others[0].families.insert(.memfd)
        others[1].unsafe.insert(.ptrace)
        others[2].grant(ioctl: 0x1234)
        others[3].grant(prctl: 77)
        others[4].grant(SocketOption(level: 6, option: 1))
        others[5].denials = .errno
        others[6].foreignABI = .enosys
        for policy in others { #expect(!SyscallFilter.of(policy).isProved && SyscallFilter.of(policy) == SyscallFilter(policy)) }
    }
}

enum ProvedFilters {
    /// The families of the built-in profiles, and whether they are paranoid.
    static let builtIn: [(Families, Bool)] = [
        ([.exec, .spawn, .fsMutate], false),  // base, tool, python, git
        ([.exec, .spawn, .fsMutate, .splice], false),  // shell
        ([.exec, .spawn, .fsMutate, .jit, .inotify], false),  // node
        ([.exec, .spawn, .fsMutate, .jit, .inotify, .splice], false),  // build
        ([.exec, .spawn, .fsMutate, .jit, .inotify, .splice, .unixSocket], false),  // agent
        ([], true),  // paranoid
    ]

    static func generate() throws -> String {
        var text = """
            // SPDX-License-Identifier: Apache-2.0
            //
            // GENERATED: programs that were compiled and proved, one word an instruction. Do not edit: `FUMEHOOD_RECORD=1 swift test
            // --filter ProvedFilterTests` writes them anew after a change of the tables, the rules or the compiler.

            enum ProvedPrograms {
                static var all: [ProvedProgram] { [\((0..<builtIn.count).map { "policy\($0)" }.joined(separator: ", "))] }

            """
        let cookie = ExecCookie(0x1234_5678_9ABC_DEF0)!
        for (number, (families, paranoid)) in builtIn.enumerated() {
            let policy = SyscallPolicy(families: families, paranoid: paranoid)
            let filter = SyscallFilter(policy, architecture: .x86_64)
            try FilterProof.check(filter.program(admitting: cookie), policy, canary: filter.canary, cookie: cookie, architecture: .x86_64)
            text += "\n    /// \(paranoid ? "paranoid" : families.elements.map(\.name).joined(separator: ", "))"
            text += declaration("policy\(number)", families.bits, paranoid, filter)
        }
        let first = SyscallFilter.cellInit(architecture: .x86_64)
        try FilterProof.check(first.program(admitting: cookie), InitFilter.rules(for: .x86_64, canary: first.canary))
        text += "\n    /// Of PID 1." + declaration("cellInit", 0, false, first)
        return text + "}\n"
    }

    private static func declaration(_ name: String, _ families: UInt32, _ paranoid: Bool, _ filter: SyscallFilter) -> String {
        let sites = filter.cookieSites.map { "(\($0.low), \($0.high))" } ?? "(-1, -1)"
        var text = "\n    static var \(name): ProvedProgram {\n        ProvedProgram(\n"
        text += "            families: \(families), paranoid: \(paranoid), sites: \(sites), canary: \(filter.canary), words: \(name)Words)\n    }\n"
        text += "    private static let \(name)Words: [UInt64] = ["
        for (index, instruction) in filter.template.enumerated() {
            text += (index % 6 == 0 ? "\n        " : " ") + "0x" + String(instruction.word, radix: 16) + ","
        }
        return text + "\n    ]\n"
    }
}
