// SPDX-License-Identifier: Apache-2.0
//
// The tables against the written-out kernel headers, and against libseccomp's names. `FUMEHOOD_RECORD=1` writes
// SyscallTables.swift anew from the headers' lists.

import CSeccomp
import Foundation
import Testing

@testable import Syscalls

enum Shared {
    static let root =
        ProcessInfo.processInfo.environment["FUMEHOOD_SHARED"]
        ?? URL(filePath: #filePath).appending(path: "../../../../shared").standardizedFileURL.path
    static let seccomp = root + "/data/seccomp"
    static let isThere = FileManager.default.fileExists(atPath: seccomp)
}

@Suite struct TableTests {
    @Test(.enabled(if: Shared.isThere, "the shared data is absent"), arguments: Architecture.allCases)
    func `every line of the kernel's table is in ours, and no other`(architecture: Architecture) throws {
        let lines = try Self.lines(architecture)
        for (number, name) in lines {
            #expect(architecture.syscall(number)?.rawValue == name)
            let syscall = try #require(Syscall(rawValue: name))
            #expect(architecture.number(of: syscall) == number)
        }
        #expect(architecture.table.compactMap { $0 }.count == lines.count)
    }

    @Test func `numbers outside of the table are no syscall`() {
        for number in [-1, .min, 337, 423, 473, 512, .max] as [Int32] { #expect(Architecture.x86_64.syscall(number) == nil) }
    }

    @Test(.enabled(if: Architecture.native == .x86_64, "libseccomp resolves native names"))
    func `libseccomp knows the same numbers by the same names`() throws {
        var known = 0
        for syscall in Syscall.allCases {
            guard let number = Architecture.x86_64.number(of: syscall) else { continue }
            let theirs = unsafe syscall.rawValue.withCString { unsafe seccomp_syscall_resolve_name($0) }
            // It ends at 456 and calls what it does not know __NR_SCMP_ERROR.
            if theirs < 0 { continue }
            #expect(theirs == number, "\(syscall.rawValue)")
            known += 1
        }
        #expect(known > 340)
    }

    @Test(.enabled(if: Shared.isThere, "the shared data is absent"))
    func `the generated file is what the headers' lists say`() throws {
        let path = URL(filePath: #filePath).appending(path: "../../../Sources/Syscalls/SyscallTables.swift").standardizedFileURL
        let generated = try Self.generate()
        if ProcessInfo.processInfo.environment["FUMEHOOD_RECORD"] == "1" {
            try generated.write(to: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == generated)
    }

    private static func lines(_ architecture: Architecture) throws -> [(Int32, String)] {
        try String(contentsOfFile: "\(Shared.seccomp)/syscalls-\(architecture.rawValue).tsv", encoding: .utf8)
            .split(separator: "\n").compactMap { line in
                let fields = line.split(separator: "\t")
                return fields.count == 2 ? Int32(fields[0]).map { ($0, String(fields[1])) } : nil
            }
    }

    private static func generate() throws -> String {
        let tables = try Architecture.allCases.map { ($0, Dictionary(uniqueKeysWithValues: try lines($0))) }
        var text = """
            // SPDX-License-Identifier: Apache-2.0
            //
            // GENERATED: the syscalls of x86_64 and aarch64 and their numbers, from the kernel's own headers as written out in
            // syscalls-x86_64.tsv and syscalls-aarch64.tsv. Do not edit: `FUMEHOOD_RECORD=1 swift test --filter TableTests` writes
            // it anew. x32 is left out. Numbers are never used twice, so every older kernel's table is a subset.

            /// The kernel headers that the tables were written from; part of every cache key.
            public let tableVersion = "\(tableVersion)"

            /// A syscall by name. The raw value is the kernel's name.
            public enum Syscall: String, Hashable, Sendable, CaseIterable {

            """
        let names = Set(tables.flatMap(\.1.values)).sorted()
        text += wrapped(names, first: "    case ", width: 128) { "\n    case " }
        text += "\n}\n"
        for (architecture, table) in tables {
            let name = architecture == .x86_64 ? "X86_64" : "Aarch64"
            text += "\n@usableFromInline let tableOf\(name): [Syscall?] = [\n"
            let items = (0...(table.keys.max() ?? 0)).map { table[$0].map { "." + $0 } ?? "nil" }
            text += wrapped(items, first: "    ", width: 128) { ",\n    " }
            text += ",\n]\n"
        }
        return text
    }

    private static func wrapped(_ items: [String], first: String, width: Int, turn: () -> String) -> String {
        var text = first
        var column = first.count
        for (index, item) in items.enumerated() {
            if index > 0 {
                if column + item.count + 2 > width {
                    text += turn()
                    column = first.count
                } else {
                    text += ", "
                    column += 2
                }
            }
            text += item
            column += item.count
        }
        return text
    }
}
