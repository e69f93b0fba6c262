// SPDX-License-Identifier: Apache-2.0
// What a ladder does to a running cell through its control groups, as data: which file gets which value for less weight, a
// smaller share of the processors, a bound at which memory is reclaimed; and the value that takes it back. Writing is the caller's.
// Kernel: Documentation/admin-guide/cgroup-v2 (cpu.weight, cpu.max, memory.high), v1 cpu.shares and cpu.cfs_quota_us.

import Events
import Linux

package struct Steering: Equatable, Sendable {
    package struct Write: Equatable, Sendable {
        package let path: String
        package let file: String
        package let value: String

        /// - Returns: whether the kernel took it.
        package func perform() -> Bool { (try? Cgroup(path).set(file, to: value)) != nil }
    }

    private let cpu: (path: String, isOld: Bool)?
    private let memory: (path: String, isOld: Bool)?
    private let cores: UInt64?

    /// - Parameter cores: the cell's own limit in thousandths, which restoration goes back to.
    package init(_ plan: GroupPlan, cores: UInt64?) {
        cpu = plan.place(of: .cpu)
        memory = plan.place(of: .memory)
        self.cores = cores
    }

    package static func == (a: Steering, b: Steering) -> Bool {
        a.cpu?.path == b.cpu?.path && a.memory?.path == b.memory?.path && a.cores == b.cores
    }

    /// The least weight of v2, in v1 that of niceness 19, or the usual one; nil where no group has it.
    package func slow(_ on: Bool) -> Write? {
        cpu.map {
            $0.isOld ? Write(path: $0.path, file: "cpu.shares", value: on ? "15" : "1024") : Write(path: $0.path, file: "cpu.weight", value: on ? "1" : "100")
        }
    }

    /// A share of the processors in thousandths of one, never more than the cell's own limit; nil takes it back.
    package func throttle(_ share: UInt64?) -> Write? {
        guard let cpu else { return nil }
        let least = [share, cores].compactMap(\.self).min()
        let quota = least.map { max(1000, $0 * 100) }
        return cpu.isOld
            ? Write(path: cpu.path, file: "cpu.cfs_quota_us", value: quota.map { "\($0)" } ?? "-1")
            : Write(path: cpu.path, file: "cpu.max", value: "\(quota.map { "\($0)" } ?? "max") 100000")
    }

    /// Bytes above which the cell waits for what it takes until as much is reclaimed; nil takes it back. v1 has nothing like it.
    package func reclaim(above bytes: UInt64?) -> Write? {
        guard let memory, !memory.isOld else { return nil }
        return Write(path: memory.path, file: "memory.high", value: bytes.map { "\($0)" } ?? "max")
    }
}

extension GroupPlan {
    /// The group that has a controller, and whether it is of v1.
    package func place(of controller: GroupFacts.Controller) -> (path: String, isOld: Bool)? {
        if let unified, unified.controllers.contains(controller) { return (unified.path, false) }
        return joined.first { $0.controllers.contains(controller) }.map { ($0.path, true) }
    }
}

extension LadderLayer {
    /// Groups that are made for the ladder: what it reads, and what it acts on.
    var steers: Set<GroupFacts.Controller> {
        var controllers: Set<GroupFacts.Controller> = [.cpu]
        if bounds[.memory] != nil { controllers.insert(.memory) }
        if bounds[.pids] != nil || bounds[.refusedForks] != nil { controllers.insert(.pids) }
        return controllers
    }
}
