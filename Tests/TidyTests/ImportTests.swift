// SPDX-License-Identifier: Apache-2.0
// The direction of imports, which SwiftPM does not hold: a module imports only what its row names. The rows are the map of
// ARCHITECTURE.md; a new module gets one, or the first test fails.

import Foundation
import Testing

@Suite("imports point one way")
struct ImportTests {
    /// What each module may import of ours.
    static let rows: [String: Set<String>] = [
        "JSON": [],
        "Config": ["CYaml"],
        "Events": ["JSON"],
        "Linux": ["CLinux", "CCap"],
        "Syscalls": ["JSON", "Config"],
        "Egress": [],
        "Sandbox": ["JSON", "Config", "Events", "CLinux", "Linux", "Syscalls", "Egress"],
        "Cedar": ["JSON"],
        "Budget": ["JSON"],
        "AuditLog": ["JSON", "Events", "Linux", "Budget", "CNettle"],
        "Governance": ["JSON", "Config", "Events", "Cedar", "Budget", "AuditLog"],
        "Broker": ["JSON", "Config", "Events", "Linux", "Cedar", "Budget", "Governance"],
        "Supervision": ["JSON", "Config", "Events", "Linux", "Syscalls", "Sandbox", "Budget", "Governance"],
        "Learning": ["JSON", "Config", "Events", "Linux", "Syscalls", "Sandbox"],
        "Session": [
            "JSON", "Config", "Events", "Linux", "Syscalls", "Sandbox", "Cedar", "Budget", "AuditLog", "Governance", "Broker", "Supervision", "Learning",
            "Egress",
        ],
    ]
    /// Programs compose: they import any module, but no C library.
    static let programs: Set<String> = ["fumehood", "cedar-corpus", "audit-log-writer", "door-bench"]
    static let system: Set<String> = ["CLinux", "CSeccomp", "CCap", "CYaml", "CNettle"]
    /// Not ours, and allowed anywhere.
    static let ground: Set<String> = ["Glibc", "FoundationEssentials", "Synchronization"]
    /// Not ours, and allowed in programs alone.
    static let programsOnly: Set<String> = ["ArgumentParser"]
    /// Foundation would triple the binary that is shipped; a program of the tests may have it.
    static let ofTests: Set<String> = ["cedar-corpus"]

    static let modules = Set(Repository.sources.filter { $0.path.hasSuffix(".swift") }.map { String($0.path.split(separator: "/")[1]) })

    static func imports(_ file: SourceFile) -> [String] {
        file.lines.compactMap { line in
            guard line.contains("import "),
                let match = line.firstMatch(
                    of:
                        /^(?:@\w+(?:\(\w+\))? +)*(?:(?:public|package|internal|fileprivate|private) +)?import +(?:(?:struct|class|enum|protocol|func|var|let|typealias) +)?([A-Za-z_]\w*)/
                )
            else { return nil }
            return String(match.1)
        }
    }

    @Test func `every module has a row`() {
        #expect(Self.modules.subtracting(Self.rows.keys).subtracting(Self.programs).isEmpty)
        #expect(Self.modules.count > 7, "the sources were not found")
    }

    @Test(arguments: Repository.sources.filter { $0.path.hasSuffix(".swift") })
    func `a file imports what its module may`(file: SourceFile) {
        let module = String(file.path.split(separator: "/")[1])
        let allowed: Set<String> =
            Self.programs.contains(module)
            ? Set(Self.rows.keys).union(Self.ground).union(Self.programsOnly).union(Self.ofTests.contains(module) ? ["Foundation"] : [])
            : Self.rows[module, default: []].union(Self.ground)
        for name in Self.imports(file) { #expect(allowed.contains(name), "\(file.path) imports \(name)") }
    }

    @Test func `the rows have no circle`() {
        var done: Set<String> = Self.system
        var left = Self.rows
        while true {
            let ready = left.filter { $0.value.isSubset(of: done) }.map(\.key)
            if ready.isEmpty { break }
            done.formUnion(ready)
            for name in ready { left[name] = nil }
        }
        #expect(left.isEmpty)
    }
}
