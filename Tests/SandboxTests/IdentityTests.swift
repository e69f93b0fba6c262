// SPDX-License-Identifier: Apache-2.0
// Who a cell is on the host: a property over maps of every shape. And the status of walls on machines of every age.

import Events
import Linux
import Testing

@testable import Sandbox

private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

private func holds(_ map: [Identity.MapRange], _ id: UInt32) -> Bool {
    map.contains { UInt64($0.inside) <= UInt64(id) && UInt64(id) < UInt64($0.inside) + UInt64($0.count) }
}

@Suite("who a cell is")
struct IdentityTests {
    @Test(arguments: 1...20)
    func `a cell of root's has a user that is mapped and is not root`(seed: UInt64) {
        var random = Random(state: seed)
        for _ in 0..<200 {
            func map() -> [Identity.MapRange] {
                var list = [Identity.MapRange(inside: 0, outside: .random(in: 0...100_000, using: &random), count: 1)]
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let starts: [UInt32] = [1, 2, 1000, 65_536, 1_879_048_000, 1_883_242_400, 4_294_967_000, .max - 1]
                    let inside = starts.randomElement(using: &random)!
                    let count = min([UInt32(1), 2, 100, 65_536, 4_194_304, .max].randomElement(using: &random)!, .max - inside)
                    if count > 0 { list.append(.init(inside: inside, outside: .random(in: 1...100_000, using: &random), count: count)) }
                }
                return list.shuffled(using: &random)
            }
            var facts = HostFacts.root
            facts.userMap = map()
            facts.groupMap = map()
            facts.process = .random(in: 1...4_194_304, using: &random)
            switch facts.identity(ordinal: .random(in: 0...10_000, using: &random)) {
            case .dedicated(let user, let group):
                #expect(user != 0 && group != 0 && user != .max && group != .max)
                #expect(holds(facts.userMap, user), "\(user) of \(facts.userMap)")
                #expect(holds(facts.groupMap, group), "\(group) of \(facts.groupMap)")
            case .caller(let user, let group):
                #expect(user == 0 && group == 0)
                // Only where there is no choice.
                #expect(facts.userMap.allSatisfy { $0.inside == 0 && $0.count == 1 } || facts.groupMap.allSatisfy { $0.inside == 0 && $0.count == 1 })
            }
        }
    }

    @Test func `on a plain host the user comes from the high range and differs from cell to cell`() {
        var seen: Set<UInt32> = []
        for ordinal: UInt32 in 0..<1000 {
            guard case .dedicated(let user, let group) = HostFacts.root.identity(ordinal: ordinal) else { return }
            #expect(HostFacts.cellUsers.contains(user) && user == group)
            seen.insert(user)
        }
        #expect(seen.count == 1000)
        #expect(HostFacts.root.identity(ordinal: 0) != HostFacts.root.with { $0.process = 101 }.identity(ordinal: 0))
    }

    @Test func `an ordinary user stays who it is`() {
        #expect(HostFacts.ordinary.identity(ordinal: 7) == .caller(user: 1001, group: 1001))
    }

    @Test func `a small map gives its highest id`() {
        let facts = HostFacts.root.mapping([.init(inside: 0, outside: 1001, count: 1), .init(inside: 1, outside: 100_000, count: 65_536)])
        #expect(facts.identity(ordinal: 3) == .dedicated(user: 65_536, group: 65_536))
    }

    @Test(arguments: [
        ("         0          0 4294967295\n", [Identity.MapRange(inside: 0, outside: 0, count: .max)]), ("", []), ("0 0\n", []), ("0 0 -1\n", []),
        ("0 0 1 x\n", [.init(inside: 0, outside: 0, count: 1)]),
        ("0 1000 1\n1 100000 65536\n", [.init(inside: 0, outside: 1000, count: 1), .init(inside: 1, outside: 100_000, count: 65_536)]),
        ("0 0 4294967296\n", []),
    ])
    func `a map is read as the kernel writes it`(text: String, expected: [Identity.MapRange]) {
        #expect(Identity.parseMap(text) == expected)
    }
}

@Suite("the status of each wall")
struct ProtectionsTests {
    private func status(_ facts: HostFacts, _ change: @escaping @Sendable (inout CellRequest) -> Void = { _ in }) throws -> [Protection: ProtectionStatus] {
        try PlannedCase(name: "x", facts: facts, change: change).planned().protections
    }

    static let lacking: [(Int, ProtectionStatus)] = {
        let names = [
            "renames across folders (ABI 2)", "truncate (ABI 3)", "TCP ports (ABI 4)", "ioctl on devices (ABI 5)", "abstract sockets and signals (ABI 6)",
        ]
        return [(0, .absent(missing: ["Landlock (Linux 5.13)"]))] + (1...5).map { ($0, .partial(missing: Array(names.dropFirst($0 - 1)))) } + [
            (6, .on), (7, .on), (8, .on),
        ]
    }()

    @Test(arguments: lacking)
    func `each Landlock ABI says what it lacks`(abi: Int, expected: ProtectionStatus) throws {
        #expect(try status(.root.with { $0.landlockABI = abi })[.landlock] == expected)
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6, 7])
    func `no right is asked for that the ABI does not know`(abi: Int) throws {
        for facts in [HostFacts.root, .ordinary] {
            let plan = try PlannedCase(name: "x", facts: facts.with { $0.landlockABI = abi }, change: { GoldenPlanTests.write(&$0) }).plan()
            let known = Landlock.Access.handled(abi: abi)
            for rule in plan.rules { #expect(rule.access.isSubset(of: known)) }
            for case .landlockRule(_, let access) in plan.steps.map(\.operation) { #expect(access.isSubset(of: known) && !access.isEmpty) }
            if abi == 0 { #expect(plan.rules.isEmpty && !plan.steps.contains { $0.operation == .landlockRestrict } && !plan.inherited.contains(.ruleset)) }
        }
    }

    @Test func `first walls are on whatever the machine`() throws {
        for facts in [HostFacts.root, .ordinary, .root.with { $0.landlockABI = 0 }] {
            for (wall, status) in try status(facts) where wall.isFirst { #expect(status == .on, "\(wall)") }
        }
    }

    @Test func `every wall has a status`() throws {
        #expect(Set(try status(.root).keys) == Set(Protection.allCases))
    }

    @Test(arguments: Waiver.allCases.filter { $0 != .user })
    func `a waived wall is said to be waived and no other is`(waiver: Waiver) throws {
        let found = try status(.root) { $0.waived = [waiver] }
        for (wall, status) in found where wall.isFirst { #expect((status == .waived) == (wall.rawValue == waiver.rawValue), "\(wall)") }
    }

    @Test func `the user namespace is not waived by word alone`() throws {
        let profile = try load("fumehood: 1\nextends: tool\nwaive: [user]\n")
        #expect(throws: CellError.badValue("a cell without a user namespace is not available yet: `user` cannot be waived")) {
            try CellRequest(profile, command: ["sh"], places: places, environment: [:])
        }
    }

    @Test func `the host's network is a wall waived`() throws {
        #expect(try status(.root) { $0.network = .host }[.net] == .waived)
    }

    @Test func `an ordinary user keeps groups and says so`() throws {
        #expect(try status(.ordinary.with { $0.supplementaryGroups = 3 })[.groups] == .partial(missing: ["3 supplementary groups of the caller are kept"]))
        #expect(try status(.root.with { $0.supplementaryGroups = 3 })[.groups] == .on)
    }

    @Test func `without time namespaces the wall is absent`() throws {
        #expect(try status(.root.with { $0.namespaces["time"] = nil })[.timeNamespace] == .absent(missing: ["time namespaces (Linux 5.6)"]))
    }

    @Test func `what the child could not do takes its wall down a step`() throws {
        let cell = PlannedCase(name: "v1", facts: .root.with { $0.groups = .v1 })
        let plan = try cell.plan()
        func step(_ operation: Operation) throws -> Report.SoftFailure {
            let at = try #require(plan.steps.firstIndex { $0.operation == operation })
            return Report.SoftFailure(step: at, code: 122)
        }
        let soft = [try step(.joinKeyring), try step(.unshare(.time)), try step(.unshare(.cgroup)), Report.SoftFailure(step: 10_000, code: 1)]
        let after = Protections.after(try cell.planned().protections, soft: soft, plan: plan)
        #expect(after[.keyring] == .partial(missing: ["no new session keyring: disk quota exceeded (EDQUOT); the filter refuses key calls"]))
        #expect(after[.timeNamespace] == .absent(missing: ["disk quota exceeded (EDQUOT)"]))
        #expect(after[.cgroupNamespace] == .absent(missing: ["disk quota exceeded (EDQUOT)"]))
        #expect(Protections.incomplete(after) == [.cgroupNamespace, .keyring, .timeNamespace])
    }
}
