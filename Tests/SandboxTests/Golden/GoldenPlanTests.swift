// SPDX-License-Identifier: Apache-2.0
// The plans of cells on machines of every kind, kept as text in `plans/`: a change of what a launch does shows in review. Two
// stand there whole, root's and an ordinary user's; each other is what differs from one of them. FUMEHOOD_RECORD=1 writes them anew.

import Foundation
import Linux
import Testing

@testable import Sandbox

@Suite("plans stay as they are")
struct GoldenPlanTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("plans")
    static let records = ProcessInfo.processInfo.environment["FUMEHOOD_RECORD"] == "1"

    static let root = PlannedCase(name: "root")
    static let user = PlannedCase(name: "user", facts: .ordinary)

    static func write(_ request: inout CellRequest) {
        request.rules.append(.init(.write, "/home/u/project", origin: "-w"))
        for name in [".git/hooks", ".git/config", ".claude", ".vscode"] { request.rules.append(.init(.protect, "/home/u/project/" + name, origin: "p")) }
    }

    /// Each with the name of the plan that it is compared with.
    static let variants: [(base: PlannedCase, variant: PlannedCase)] = {
        var list: [(PlannedCase, PlannedCase)] = []
        for abi in [0, 1, 2, 3, 7] {
            list.append((root, PlannedCase(name: "root-landlock-\(abi)", facts: .root.with { $0.landlockABI = abi })))
            list.append((user, PlannedCase(name: "user-landlock-\(abi)", facts: .ordinary.with { $0.landlockABI = abi })))
        }
        list.append((user, PlannedCase(name: "one-mapped-id", facts: .root.mapping([.init(inside: 0, outside: 1001, count: 1)]))))
        list.append(
            (
                root,
                PlannedCase(
                    name: "rootless", facts: .root.mapping([.init(inside: 0, outside: 1001, count: 1), .init(inside: 1, outside: 100_000, count: 65536)]))
            ))
        for (who, base, facts) in [("root", root, HostFacts.root), ("user", user, .ordinary)] {
            list.append((base, PlannedCase(name: "\(who)-cgroup-v2", facts: facts.with { $0.groups = .v2 })))
            list.append(
                (
                    base,
                    PlannedCase(
                        name: "\(who)-cgroup-v1",
                        facts: facts.with {
                            $0.groups = .v1
                        })
                ))
            list.append((base, PlannedCase(name: "\(who)-cgroup-hybrid", facts: facts.with { $0.groups = .hybrid })))
            list.append((base, PlannedCase(name: "\(who)-write", facts: facts, change: { write(&$0) })))
            list.append(
                (
                    base,
                    PlannedCase(
                        name: "\(who)-kernel-5.4",
                        facts: facts.with {
                            $0.kernel = .init(5, 4)
                            $0.landlockABI = 0
                            $0.namespaces["time"] = nil
                        })
                ))
            list.append(
                (
                    base,
                    PlannedCase(
                        name: "\(who)-kernel-6.1",
                        facts: facts.with {
                            $0.kernel = .init(6, 1)
                            $0.landlockABI = 2
                        })
                ))
        }
        for (name, network) in [("none", CellSpec.Network.none), ("loopback", .loopback), ("named", .named), ("host", .host)] {
            list.append((root, PlannedCase(name: "network-\(name)", change: { $0.network = network })))
        }
        for waiver in Waiver.allCases where waiver != .user {
            list.append(
                (
                    root,
                    PlannedCase(
                        name: "waive-\(waiver.rawValue)",
                        change: {
                            $0.waived = [waiver]
                            if waiver == .net { $0.network = .host }
                        })
                ))
        }
        list.append((root, PlannedCase(name: "terminal", terminal: true)))
        list.append((root, PlannedCase(name: "require-all", strict: true)))
        for profile in BuiltinProfiles.names { list.append((root, PlannedCase(name: "profile-\(profile)", profile: profile))) }
        return list
    }()

    static let every: [PlannedCase] = [root, user] + variants.map(\.variant)

    private func check(_ name: String, _ text: String) throws {
        let file = Self.folder.appendingPathComponent(name + ".txt")
        if Self.records { try Data(text.utf8).write(to: file) }
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(text == expected, "the plan `\(name)` is another one: if it should be, FUMEHOOD_RECORD=1 records it")
    }

    @Test(arguments: [root, user])
    func `a plan stands there whole`(cell: PlannedCase) throws {
        try check(cell.name, try cell.plan().lines.joined(separator: "\n") + "\n")
    }

    @Test(arguments: variants.indices)
    func `a plan differs from the whole one as recorded`(place: Int) throws {
        let (base, variant) = Self.variants[place]
        try check(variant.name, "against \(base.name)\n" + difference(try base.plan().lines, try variant.plan().lines))
    }

    @Test func `no recorded plan is without its case`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { $0.hasSuffix(".txt") }
        #expect(Set(files) == Set(Self.every.map { $0.name + ".txt" }))
        #expect(Set(Self.every.map(\.name)).count == Self.every.count)
    }

    @Test func `the same machine gives the same plan`() throws {
        #expect(try Self.root.plan() == Self.root.plan())
    }
}

/// Changed lines with one line around them; `...` for what is the same.
private func difference(_ old: [String], _ new: [String]) -> String {
    let changes = new.difference(from: old)
    if changes.isEmpty { return "the same\n" }
    let removed = Set(changes.removals.map { if case .remove(let at, _, _) = $0 { at } else { -1 } })
    let inserted = Set(changes.insertions.map { if case .insert(let at, _, _) = $0 { at } else { -1 } })
    var merged: [(mark: String, line: String)] = []
    var i = 0, j = 0
    while i < old.count || j < new.count {
        if i < old.count, removed.contains(i) {
            merged.append(("-", old[i]))
            i += 1
        } else if j < new.count, inserted.contains(j) {
            merged.append(("+", new[j]))
            j += 1
        } else {
            merged.append((" ", new[j]))
            i += 1
            j += 1
        }
    }
    var text = ""
    var skipping = false
    for (k, item) in merged.enumerated() {
        let near = merged[max(0, k - 1)...min(merged.count - 1, k + 1)].contains { $0.mark != " " }
        if near { text += item.mark + item.line + "\n" } else if !skipping { text += "...\n" }
        skipping = !near
    }
    return text
}
