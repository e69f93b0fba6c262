// SPDX-License-Identifier: Apache-2.0
// The order that works, as rules over every plan: each line is a trap that cost somebody a day. A rule says what must stand
// before what; where either is missing in a plan (no Landlock, a waived wall) the rule says nothing of it.

import Events
import Linux
import Testing

@testable import Sandbox

private typealias Match = @Sendable (Operation) -> Bool

struct OrderRule: Sendable, CustomTestStringConvertible {
    let name: String
    /// Every one of these
    fileprivate let first: Match
    /// stands before every one of these.
    fileprivate let second: Match
    var testDescription: String { name }

    fileprivate init(_ name: String, _ first: @escaping Match, _ second: @escaping Match) {
        self.name = name
        self.first = first
        self.second = second
    }

    private static let mounts: Match = {
        switch $0 {
        case .tmpfs, .proc, .devpts, .openTree, .copyOfRoot, .attachRoot, .attach, .attachInProc, .setAttributes, .makePrivate: true
        default: false
        }
    }
    private static let changesRoot: Match = {
        switch $0 {
        case .makeDirectory, .makeSymlink, .makeFile, .attach, .attachInProc, .openInRoot, .copyOfRoot: true
        default: false
        }
    }
    private static let maps: Match = {
        switch $0 {
        case .waitForMaps: true
        case .write(_, let path, _): path.hasPrefix("self/") && path.hasSuffix("_map")
        default: false
        }
    }
    private static func write(_ name: String) -> Match { { if case .write(_, let path, _) = $0 { path.hasSuffix(name) } else { false } } }
    private static let prove: Match = { if case .prove = $0 { true } else { false } }
    private static let filter: Match = { if case .commandFilter = $0 { true } else { false } }
    private static let canary: Match = { if case .canary = $0 { true } else { false } }
    private static let execute: Match = { if case .execute = $0 { true } else { false } }
    private static let spawn: Match = { if case .spawnCommand = $0 { true } else { false } }
    private static let becomes: Match = { if case .identity = $0 { true } else { false } }
    private static let pivot: Match = { $0 == .pivot }
    private static let landlockRule: Match = { if case .landlockRule = $0 { true } else { false } }
    private static let capabilities: Match = { $0 == .dropCapabilities }
    private static let rootReadOnly: Match = { if case .setAttributes(.root, _, _) = $0 { true } else { false } }
    private static let procMount: Match = { if case .proc = $0 { true } else { false } }
    private static let handOver: Match = { if case .handOver = $0 { true } else { false } }
    private static let initFilter: Match = { if case .initFilter = $0 { true } else { false } }

    static let all: [OrderRule] = [
        OrderRule("the maps come before the identity", maps, becomes),
        OrderRule("the maps come before any mount", maps, mounts),
        OrderRule("the identity comes before any mount: EOVERFLOW else", becomes, mounts),
        OrderRule("the death signal comes after the identity, which clears it", becomes, { $0 == .deathSignal }),
        OrderRule("the death signal comes before any mount", { $0 == .deathSignal }, mounts),
        OrderRule("clock offsets belong to root: before the identity", write("timens_offsets"), becomes),
        OrderRule("the time namespace comes before its offsets", { $0 == .unshare(.time) }, write("timens_offsets")),
        OrderRule("setgroups is denied before gid_map", write("setgroups"), write("gid_map")),
        OrderRule("gid_map before uid_map", write("gid_map"), write("uid_map")),
        OrderRule("v1 groups are joined before their namespace is made", { if case .joinGroup = $0 { true } else { false } }, { $0 == .unshare(.cgroup) }),
        OrderRule("nested user namespaces are off before the pivot takes /proc away", write("max_user_namespaces"), pivot),
        OrderRule("mounts are private before the first is made", { $0 == .makePrivate }, { mounts($0) && $0 != .makePrivate }),
        OrderRule("the root is attached before it is filled", { if case .attachRoot = $0 { true } else { false } }, changesRoot),
        OrderRule("a fresh /proc comes before the pivot: EPERM else", procMount, pivot),
        OrderRule("masks of /proc come after it", procMount, { if case .attachInProc = $0 { true } else { false } }),
        OrderRule("everything is in place before the root is read-only", changesRoot, rootReadOnly),
        OrderRule("the root is read-only before the pivot", rootReadOnly, pivot),
        OrderRule("no mount after the pivot", mounts, pivot),
        OrderRule("the working directory is taken in the new root", pivot, { if case .changeDirectory = $0 { true } else { false } }),
        OrderRule("the network namespace is begun before it is joined", { $0 == .beginNetwork }, { $0 == .joinNetwork }),
        OrderRule("loopback is raised in the cell's own network", { $0 == .joinNetwork }, { $0 == .loopbackUp }),
        OrderRule("the resolver is opened on a loopback that is up", { $0 == .loopbackUp }, { $0 == .openResolver }),
        OrderRule("the resolver takes its low port while there are capabilities", { $0 == .openResolver }, capabilities),
        OrderRule("all mounts are made while there are capabilities", mounts, capabilities),
        OrderRule("the network is joined while there are capabilities", { $0 == .joinNetwork || $0 == .loopbackUp }, capabilities),
        OrderRule("the host name is set while there are capabilities", { if case .hostname = $0 { true } else { false } }, capabilities),
        OrderRule("no_new_privs comes before any filter", { $0 == .noNewPrivileges }, { filter($0) || initFilter($0) || $0 == .landlockRestrict }),
        OrderRule("capabilities are gone before the command shares our memory", capabilities, spawn),
        OrderRule("process 1 is non-dumpable before the command shares its memory", { $0 == .nonDumpable }, spawn),
        OrderRule("standard streams are in place before the command is spawned", { if case .duplicate = $0 { true } else { false } }, spawn),
        OrderRule("all rules stand before Landlock restricts", landlockRule, { $0 == .landlockRestrict }),
        OrderRule("Landlock restricts before the proofs", { $0 == .landlockRestrict }, prove),
        OrderRule("descriptors are closed on exec before that is proved", { if case .closeOnExec = $0 { true } else { false } }, prove),
        OrderRule("limits are set before the filter refuses prlimit", { if case .limit = $0 { true } else { false } }, filter),
        OrderRule("the proofs come before the filter, which would answer for the walls", prove, filter),
        OrderRule("the filter comes before its canary", filter, canary),
        OrderRule("the canary comes before the command", canary, execute),
        OrderRule("the command is started before process 1 hands over", execute, handOver),
        OrderRule("the listener is handed over before process 1 closes everything", handOver, { $0 == .seal }),
        OrderRule("process 1 closes everything before its own filter", { $0 == .seal }, initFilter),
        OrderRule("process 1 is filtered before it reaps", initFilter, { $0 == .reap }),
    ]

    /// The first pair in the wrong order.
    func violation(_ operations: [Operation]) -> String? {
        guard let last = operations.lastIndex(where: first), let early = operations.firstIndex(where: second), early < last else { return nil }
        return "`\(operations[early].text)` stands before `\(operations[last].text)`"
    }

    func applies(_ operations: [Operation]) -> Bool { operations.contains(where: first) && operations.contains(where: second) }
}

@Suite("the order that works")
struct OrderTests {
    static let cases =
        GoldenPlanTests.every + [
            PlannedCase(name: "named as a user", facts: .ordinary, change: { $0.network = .named }),
            PlannedCase(name: "loopback as a user", facts: .ordinary, change: { $0.network = .loopback }),
            PlannedCase(name: "v1 as a user with a terminal", facts: .ordinary.with { $0.groups = .v1 }, terminal: true),
        ]

    /// Planned once: there are many rules.
    static let operations = Result { try cases.map { (name: $0.name, operations: try $0.plan().steps.map(\.operation)) } }

    @Test(arguments: OrderRule.all)
    func `an order holds in every plan`(rule: OrderRule) throws {
        var used = 0
        for (name, operations) in try Self.operations.get() {
            #expect(rule.violation(operations) == nil, "\(name): \(rule.name)")
            if rule.applies(operations) { used += 1 }
        }
        #expect(used > 0, "no plan has both sides of it")
    }

    /// The rules themselves can fail: swapping neighbours of the true plan is seen.
    @Test func `a plan turned round breaks nearly every rule`() throws {
        let turned = Array(try GoldenPlanTests.root.plan().steps.map(\.operation).reversed())
        let user = Array(try GoldenPlanTests.user.plan().steps.map(\.operation).reversed())
        for rule in OrderRule.all where rule.applies(turned) { #expect(rule.violation(turned) != nil, "\(rule.name)") }
        for rule in OrderRule.all where rule.applies(user) { #expect(rule.violation(user) != nil, "\(rule.name)") }
    }

    @Test(arguments: cases)
    func `what no plan may lack is there once`(cell: PlannedCase) throws {
        let operations = try cell.plan().steps.map(\.operation)
        for wanted: Operation in [
            .deathSignal, .makePrivate, .pivot, .dropCapabilities, .noNewPrivileges, .nonDumpable, .forgetArguments, .seal, .reap, .resetSignals,
        ] {
            #expect(operations.count { $0 == wanted } == 1, "\(wanted.text)")
        }
        #expect(operations.count { if case .commandFilter = $0 { true } else { false } } == 1)
        #expect(operations.count { if case .canary = $0 { true } else { false } } == 1)
        #expect(operations.count { if case .execute = $0 { true } else { false } } == 1)
        #expect(operations.last == .reap)
    }

    @Test(arguments: cases)
    func `only second walls are optional`(cell: PlannedCase) throws {
        for step in try cell.plan().steps where step.optional {
            switch step.operation {
            case .unshare(.time), .unshare(.cgroup), .joinKeyring, .nice: break
            case .write(_, let path, _) where path.hasSuffix("timens_offsets"): break
            default: Issue.record("`\(step.operation.text)` may fail")
            }
            if cell.strict { #expect(step.operation == .nice(0), "`\(step.operation.text)` may fail under require: all") }
        }
    }

    @Test(arguments: cases)
    func `the clone makes what it can, and neither time nor network`(cell: PlannedCase) throws {
        let plan = try cell.plan()
        #expect(plan.cloned.isSuperset(of: [.user, .mount, .pid]))
        #expect(plan.cloned.isDisjoint(with: [.time, .net]))
        #expect(plan.cloned.contains(.cgroup) == (cell.facts.groups.backend == .none))
    }

    @Test(arguments: cases)
    func `each tree of the parent is attached once and closed`(cell: PlannedCase) throws {
        let plan = try cell.plan()
        for case .tree(let slot, _, _, _) in plan.inherited {
            #expect(plan.steps.count { if case .attach(slot, _, _) = $0.operation { true } else { false } } == 1)
            #expect(plan.steps.count { $0.operation == .close(slot) } == 1)
        }
    }

    @Test(arguments: cases)
    func `the command's operations end with its execution`(cell: PlannedCase) throws {
        let operations = try cell.plan().steps.map(\.operation)
        let at = try #require(operations.firstIndex { if case .spawnCommand = $0 { true } else { false } })
        guard case .spawnCommand(let count) = operations[at] else { return }
        #expect(operations[at + count] == .execute("/usr/bin/python3"))
    }

    @Test(arguments: cases)
    func `every first wall has its proof or its waiver`(cell: PlannedCase) throws {
        let spec = try cell.planned().spec
        let proofs = LaunchPlan(for: spec).steps.compactMap { if case .prove(let proof) = $0.operation { proof } else { nil } }
        for wanted: Proof in [
            .childOfFirst, .noNewPrivileges, .capabilitiesEmpty, .capability, .identity, .descriptorsCloseOnExec, .unshareUser, .mount,
            .create("/.fumehood-proof"),
            .absent("/sys/kernel"),
        ] { #expect(proofs.contains(wanted), "\(wanted.text)") }
        let proc = !spec.waived.contains(.proc)
        func namespace(_ name: String) -> Bool { proofs.contains { if case .namespace(let path, _) = $0 { path == "/proc/self/ns/" + name } else { false } } }
        #expect(namespace("user") == proc && namespace("mnt") == proc && namespace("pid") == proc)
        #expect(namespace("net") == (proc && spec.network != .host))
        #expect(namespace("ipc") == (proc && !spec.waived.contains(.ipc)))
        #expect(namespace("uts") == (proc && !spec.waived.contains(.uts)))
        #expect(proofs.contains(.hostname) == !spec.waived.contains(.uts))
        #expect(proofs.contains(.openForWriting("/proc/sys/kernel/core_pattern")) == proc)
    }
}
