// SPDX-License-Identifier: Apache-2.0
// The control groups of one cell as data: which folders are made, what is written into them, how the cell gets in, and which
// limits the kernel then holds for the whole tree. Pure; making them is HeldGroups.swift's. Groups are only made for a limit
// that needs one: a cell without such limits is started without.

package import Events

package struct GroupPlan: Equatable, Sendable {
    package struct Setting: Equatable, Sendable {
        package let file: String
        package let value: String
        /// A kernel without this file has nothing to be set there (swap).
        package let optional: Bool
    }

    package struct Group: Equatable, Sendable {
        package let path: String
        package let controllers: [GroupFacts.Controller]
        package var settings: [Setting]
    }

    package var backend = ResultRecord.Backend.none
    /// The cell is cloned into this one (CLONE_INTO_CGROUP).
    package var unified: Group?
    /// The cell's process 1 joins these by their `tasks`, while it is alone.
    package var joined: [Group] = []
    /// What is asked for and not held, with the reason.
    package var missing: [String] = []

    package init() {}

    package var isEmpty: Bool { unified == nil && joined.isEmpty }
    package var all: [Group] { (unified.map { [$0] } ?? []) + joined }
    package func holds(_ controller: GroupFacts.Controller) -> Bool { all.contains { $0.controllers.contains(controller) } }

    /// - Parameter name: of the cell's groups, in every hierarchy; nobody else's.
    package init(_ facts: GroupFacts, limits: CellRequest.Limits, name: String) {
        var wanted: [GroupFacts.Controller] = []
        if limits.cpuMillicores != nil { wanted.append(.cpu) }
        if limits.memory != nil { wanted.append(.memory) }
        if limits.processes != nil { wanted.append(.pids) }
        let limited = wanted
        for controller in limits.steers.sorted() where !wanted.contains(controller) { wanted.append(controller) }
        if wanted.isEmpty { return }
        if facts.backend == .none {
            if !limited.isEmpty { missing = [facts.reason ?? "no control groups"] + limited.map(GroupPlan.without) }
            return
        }
        backend = facts.backend
        if facts.backend == .v2 {
            let held = wanted.filter { facts.controllers.contains($0) }
            unified = facts.unified.map {
                Group(path: $0 + "/" + name, controllers: held, settings: held.flatMap { GroupPlan.settings($0, limits, old: false) })
            }
        } else {
            unified = facts.unified.map { Group(path: $0 + "/" + name, controllers: [], settings: []) }
            // Without cgroup.freeze the v1 freezer is the one that no process can run away from.
            if unified == nil { wanted.append(.freezer) }
            for controller in wanted {
                guard let folder = facts.old[controller] else { continue }
                let settings = GroupPlan.settings(controller, limits, old: true)
                // Controllers may be mounted together (cpu,cpuacct).
                if let i = joined.firstIndex(where: { $0.path == folder + "/" + name }) {
                    joined[i] = Group(path: joined[i].path, controllers: joined[i].controllers + [controller], settings: joined[i].settings + settings)
                } else {
                    joined.append(Group(path: folder + "/" + name, controllers: [controller], settings: settings))
                }
            }
        }
        for controller in limited where !holds(controller) { missing.append(GroupPlan.without(controller)) }
    }

    private static func without(_ controller: GroupFacts.Controller) -> String {
        switch controller {
        case .memory: "memory: no writable controller: each process is bounded, and the supervisor sums the tree and ends it"
        case .pids: "pids: no writable controller: held by RLIMIT_NPROC of the cell's user namespace"
        case .cpu: "cpu: no writable controller: the share is not held"
        case .freezer: "freezer: no writable controller: processes are stopped one by one"
        }
    }

    static func settings(_ controller: GroupFacts.Controller, _ limits: CellRequest.Limits, old: Bool) -> [Setting] {
        func set(_ file: String, _ value: UInt64, optional: Bool = false) -> Setting { Setting(file: file, value: "\(value)", optional: optional) }
        switch controller {
        case .memory:
            guard let bytes = limits.memory else { return [] }
            return old
                ? [set("memory.limit_in_bytes", bytes), set("memory.memsw.limit_in_bytes", bytes, optional: true)]
                : [set("memory.max", bytes), set("memory.swap.max", 0, optional: true), set("memory.oom.group", 1, optional: true)]
        case .pids:
            // Process 1 is ours; while it builds the cell it has a helper thread.
            guard let count = limits.processes else { return [] }
            return [set("pids.max", max(count + 1, 3))]
        case .cpu:
            guard let cores = limits.cpuMillicores else { return [] }
            let quota = max(1000, cores * 100)
            return old
                ? [set("cpu.cfs_period_us", 100_000), set("cpu.cfs_quota_us", quota)]
                : [Setting(file: "cpu.max", value: "\(quota) 100000", optional: false)]
        case .freezer: return []
        }
    }
}
