// SPDX-License-Identifier: Apache-2.0
// Control groups as values: which machine offers what, which groups a cell then gets, what is said to be missing.

import Events
import Linux
import Testing

@testable import Sandbox

/// A machine's answers to what finding control groups asks.
private struct Machine: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var own: String
    var mounts: [String: Cgroup.Mount]
    var writable: Set<String>
    var texts: [String: String] = [:]
    var absent: Set<String> = []
    let expected: GroupFacts

    var facts: GroupFacts {
        GroupFacts(
            own: own,
            GroupFacts.Questions(
                mount: { mounts[$0] ?? .other }, text: { texts[$0] }, exists: { !absent.contains($0) }, isWritable: { writable.contains($0) }))
    }

    private static let user = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice"
    private static let place = GroupFacts.place
    private static let four: [String: Cgroup.Mount] = [
        place + "/memory": .v1, place + "/pids": .v1, place + "/cpu,cpuacct": .v1, place + "/freezer": .v1, place + "/unified": .v2,
    ]
    private static let oldOwn = "9:name=systemd:/\n8:pids:/\n6:freezer:/\n4:memory:/s/7\n2:cpu,cpuacct:/\n0::/\n"
    private static let all: Set<String> = [
        place + "/memory/s/7", place + "/pids", place + "/cpu,cpuacct", place + "/freezer", place + "/unified", place + "/unified/cgroup.procs",
    ]
    private static let old: [GroupFacts.Controller: String] = [
        .memory: place + "/memory/s/7", .pids: place + "/pids", .cpu: place + "/cpu,cpuacct", .freezer: place + "/freezer",
    ]

    static let every: [Machine] = [
        Machine(
            testDescription: "systemd's user, in a scope", own: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n",
            mounts: [place: .v2],
            writable: [user, user + "/cgroup.procs", user + "/run-1.scope"], texts: [user + "/cgroup.subtree_control": "memory pids\n"],
            expected: GroupFacts(backend: .v2, unified: user, controllers: [.memory, .pids])),
        Machine(
            testDescription: "a user's login session", own: "0::/user.slice/user-1000.slice/session-3.scope\n", mounts: [place: .v2], writable: [],
            expected: .none("the control groups here (v2) are not delegated to this user")),
        Machine(
            testDescription: "root of v2, in no group", own: "0::/\n", mounts: [place: .v2], writable: [place, place + "/cgroup.procs"],
            texts: [place + "/cgroup.subtree_control": "cpuset cpu io memory hugetlb pids rdma misc\n"],
            expected: GroupFacts(backend: .v2, unified: place, controllers: [.cpu, .memory, .pids])),
        Machine(
            testDescription: "a container that sees its own group alone", own: "0::/\n", mounts: [place: .v2], writable: [place, place + "/cgroup.procs"],
            texts: [place + "/cgroup.subtree_control": "\n"], expected: GroupFacts(backend: .v2, unified: place)),
        Machine(
            testDescription: "a group outside our namespace", own: "0::/../other\n", mounts: [place: .v2], writable: [],
            expected: .none("the control groups here (v2) are not delegated to this user")),
        Machine(
            testDescription: "the folder is ours, cloning into it is not", own: "0::/a/b\n", mounts: [place: .v2], writable: [place + "/a"],
            expected: .none("the control groups here (v2) are not delegated to this user")),
        Machine(
            testDescription: "hybrid, root", own: oldOwn, mounts: four, writable: all,
            expected: GroupFacts(backend: .hybrid, unified: place + "/unified", old: old)),
        Machine(
            testDescription: "v1 alone", own: oldOwn.replacing("0::/\n", with: ""), mounts: four, writable: all, expected: GroupFacts(backend: .v1, old: old)),
        Machine(
            testDescription: "v1 in a container: the mount begins at our group", own: "4:memory:/docker/ab\n", mounts: [place + "/memory": .v1],
            writable: [place + "/memory"], absent: [place + "/memory/docker/ab"], expected: GroupFacts(backend: .v1, old: [.memory: place + "/memory"])),
        Machine(
            testDescription: "hybrid, an ordinary user", own: oldOwn, mounts: four, writable: [],
            expected: .none("the control groups here (v1) are not writable for this user")),
        Machine(
            testDescription: "nothing mounted", own: oldOwn, mounts: [:], writable: all, expected: .none("no control groups are mounted at /sys/fs/cgroup")),
        Machine(
            testDescription: "an empty file", own: "", mounts: [place: .v2], writable: all, expected: .none("this process stands in no control group of v2")),
        Machine(
            testDescription: "lines of nonsense", own: ":\n::\nx\n4:memory\n0:\n", mounts: four, writable: all,
            expected: .none("no control groups are mounted at /sys/fs/cgroup")),
    ]
}

@Suite("control groups")
struct GroupTests {
    @Test(arguments: Machine.every)
    fileprivate func `a machine offers what its files say`(machine: Machine) { #expect(machine.facts == machine.expected) }

    private func limits(_ change: (inout CellRequest.Limits) -> Void) -> CellRequest.Limits {
        var limits = CellRequest.Limits()
        change(&limits)
        return limits
    }

    private func lines(_ plan: GroupPlan) -> [String] {
        plan.all.flatMap { group in [group.path] + group.settings.map { "  \($0.file) \($0.value)\($0.optional ? " (if it is there)" : "")" } }
    }

    @Test func `each back-end holds memory, cores and processes by its own files`() {
        let wanted = limits {
            $0.memory = 1 << 20
            $0.processes = 10
            $0.cpuMillicores = 500
        }
        #expect(
            lines(GroupPlan(.v2, limits: wanted, name: "c")) == [
                "/sys/fs/cgroup/cells/c", "  cpu.max 50000 100000", "  memory.max 1048576", "  memory.swap.max 0 (if it is there)",
                "  memory.oom.group 1 (if it is there)", "  pids.max 11",
            ])
        let old = [
            "/sys/fs/cgroup/cpu,cpuacct/c", "  cpu.cfs_period_us 100000", "  cpu.cfs_quota_us 50000", "/sys/fs/cgroup/memory/cells/c",
            "  memory.limit_in_bytes 1048576", "  memory.memsw.limit_in_bytes 1048576 (if it is there)", "/sys/fs/cgroup/pids/c", "  pids.max 11",
        ]
        #expect(lines(GroupPlan(.hybrid, limits: wanted, name: "c")) == ["/sys/fs/cgroup/unified/c"] + old)
        #expect(lines(GroupPlan(.v1, limits: wanted, name: "c")) == old + ["/sys/fs/cgroup/freezer/c"])
        for facts in [GroupFacts.v2, .hybrid, .v1] { #expect(GroupPlan(facts, limits: wanted, name: "c").missing == []) }
    }

    @Test func `no group is made for a cell without a limit that needs one`() {
        for facts in [GroupFacts.v2, .hybrid, .v1, .none("x")] {
            let plan = GroupPlan(facts, limits: limits { $0.openFiles = 3 }, name: "c")
            #expect(plan.isEmpty && plan.missing == [] && plan.backend == .none)
        }
    }

    @Test func `what is not held is said`() {
        let wanted = limits {
            $0.memory = 1
            $0.processes = 1
            $0.cpuMillicores = 1
        }
        var facts = GroupFacts.v2
        facts.controllers = [.memory]
        let partial = GroupPlan(facts, limits: wanted, name: "c")
        #expect(partial.missing.map { $0.prefix { $0 != ":" } } == ["cpu", "pids"])
        #expect(Protections.groupLimits(partial) == .partial(missing: partial.missing))
        let none = GroupPlan(.none("why"), limits: wanted, name: "c")
        #expect(none.missing.map { $0.prefix { $0 != ":" } } == ["why", "cpu", "memory", "pids"])
        #expect(Protections.groupLimits(none) == .absent(missing: none.missing))
        #expect(Protections.groupLimits(GroupPlan(.hybrid, limits: wanted, name: "c")) == .on)
    }

    @Test func `one process may have one process, and the builder's helper finds room`() {
        let plan = GroupPlan(.v2, limits: limits { $0.processes = 1 }, name: "c")
        #expect(plan.unified?.settings.map(\.value) == ["3"])
    }

    @Test func `controllers that are mounted together make one group`() {
        let facts = GroupFacts(backend: .v1, old: [.memory: "/x", .pids: "/x", .cpu: "/y"])
        let plan = GroupPlan(
            facts,
            limits: limits {
                $0.memory = 1; $0.processes = 1; $0.cpuMillicores = 1
            }, name: "c")
        #expect(plan.joined.map(\.path) == ["/y/c", "/x/c"] && plan.joined[1].controllers == [.memory, .pids])
    }

    @Test(
        arguments: [
            ("oom_kill 3\nlow 1\n", "oom_kill", 3), ("oom_kill_disable 1\noom_kill 4\n", "oom_kill", 4), ("max 9", "max", 9), ("oom 1\n", "oom_kill", nil),
            ("", "max", nil),
        ] as [(String, String, UInt64?)])
    func `a field is found by its whole name`(text: String, key: String, value: UInt64?) { #expect(Cgroup.field(key, of: text) == value) }
}
