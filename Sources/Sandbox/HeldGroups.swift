// SPDX-License-Identifier: Apache-2.0
// The control groups of one running cell: made before its clone, read while it runs, frozen and killed as one, removed when
// it is gone. A janitor, a process outside the cell, stands ready before the first of them is made and removes them when the
// launcher is killed; it also lets a frozen cell die then.

import CLinux
import Glibc
package import Linux

package struct HeldGroups: ~Copyable {
    package let plan: GroupPlan
    private var janitor: Pidfd?
    private var release: Descriptor?
    private var memory: UInt

    /// No groups: nothing is made, and every reading is nil.
    package init() { self.init(GroupPlan(), nil, nil, 0) }

    private init(_ plan: GroupPlan, _ janitor: consuming Pidfd?, _ release: consuming Descriptor?, _ memory: UInt) {
        self.plan = plan
        self.janitor = janitor
        self.release = release
        self.memory = memory
    }

    /// - Parameters:
    ///   - link: a file that the janitor unlinks with the groups, which then stands by even without any; empty for none.
    ///   - terminal: whether the terminal at our stdin is to be put back when we are killed; the janitor stands by for that alone, too.
    /// - Throws: what keeps the groups from being made; nothing of them is left behind then.
    package static func made(_ plan: GroupPlan, link: String, terminal: Bool = false) throws(SystemError) -> HeldGroups {
        if plan.isEmpty && link.isEmpty && !terminal { return HeldGroups() }
        let pipe = try Pipe()
        let read = pipe.read.number, write = pipe.write.number
        var number: Int32 = -1
        var area: UnsafeMutableRawPointer?
        let freezer = plan.joined.first { $0.controllers.contains(.freezer) }
        let texts = [plan.unified.map { $0.path + "/cgroup.kill" } ?? "", freezer.map { $0.path + "/freezer.state" } ?? "", link] + plan.all.map(\.path)
        let pid = unsafe CStrings(texts).withPointers { unsafe cl_group_janitor($0, UInt32(texts.count), read, write, terminal ? 1 : 0, &number, &area) }
        if pid < 0 { throw SystemError("clone3", "the janitor of control groups", Int32(-pid)) }
        var held = HeldGroups(plan, Pidfd(Descriptor(owning: number)), pipe.keepWrite(), UInt(bitPattern: area))
        do {
            for group in plan.all { try HeldGroups.make(group) }
        } catch {
            held.remove(wait: true)
            throw error
        }
        return held
    }

    private static func make(_ group: GroupPlan.Group) throws(SystemError) {
        let made = Cgroup(group.path)
        try made.make()
        for setting in group.settings {
            do { try made.set(setting.file, to: setting.value) } catch { if !setting.optional || error.code != ENOENT { throw error } }
        }
    }

    /// Whether a janitor stands by.
    package var isTended: Bool { memory != 0 }

    // Readings ----------------------------------------------------------------------------------------------------------

    private var unified: Cgroup? { plan.unified.map { Cgroup($0.path) } }
    private func old(_ controller: GroupFacts.Controller) -> Cgroup? {
        plan.joined.first { $0.controllers.contains(controller) }.map { Cgroup($0.path) }
    }
    private func new(_ controller: GroupFacts.Controller) -> Cgroup? {
        plan.unified.flatMap { $0.controllers.contains(controller) ? Cgroup($0.path) : nil }
    }

    package var memoryBytes: UInt64? { new(.memory)?.value("memory.current") ?? old(.memory)?.value("memory.usage_in_bytes") }

    /// nil before Linux 5.19 on v2.
    package var memoryPeakBytes: UInt64? { new(.memory)?.value("memory.peak") ?? old(.memory)?.value("memory.max_usage_in_bytes") }

    /// Processes that the kernel killed because the cell was at its limit of memory. v1 says so since Linux 4.13.
    package var memoryKills: UInt64? {
        if let text = new(.memory)?.text("memory.events") { return Cgroup.field("oom_kill", of: text) }
        return old(.memory)?.text("memory.oom_control").flatMap { Cgroup.field("oom_kill", of: $0) }
    }

    /// Processes and threads now, process 1 of ours included.
    package var processes: UInt64? { (new(.pids) ?? old(.pids))?.value("pids.current") }
    package var processesPeak: UInt64? { (new(.pids) ?? old(.pids))?.value("pids.peak") }
    /// Forks that the limit refused.
    package var refusedForks: UInt64? { (new(.pids) ?? old(.pids))?.text("pids.events").flatMap { Cgroup.field("max", of: $0) } }

    /// Microseconds of the tree, dead processes included: all, in user mode, in the kernel.
    package var processorTime: (all: UInt64, user: UInt64, system: UInt64)? {
        guard let text = unified?.text("cpu.stat"), let all = Cgroup.field("usage_usec", of: text) else { return nil }
        return (all, Cgroup.field("user_usec", of: text) ?? all, Cgroup.field("system_usec", of: text) ?? 0)
    }

    /// For how long the limit of cores kept the cell from running.
    package var throttledMicroseconds: UInt64? {
        if let text = new(.cpu)?.text("cpu.stat") { return Cgroup.field("throttled_usec", of: text) }
        return old(.cpu)?.text("cpu.stat").flatMap { Cgroup.field("throttled_time", of: $0) }.map { $0 / 1000 }
    }

    /// Processes that are still there, zombies included; nil where no group says.
    package var members: Int? {
        guard let group = unified ?? plan.joined.first.map({ Cgroup($0.path) }), let text = group.text("cgroup.procs") else { return nil }
        return text.utf8.reduce(0) { $0 + ($1 == 0x0a ? 1 : 0) }
    }

    // Acts --------------------------------------------------------------------------------------------------------------

    /// Kills every process of the cell at once, also one that is being forked. - Returns: false where no group can.
    package func kill() -> Bool {
        guard let unified else { return false }
        return (try? unified.set("cgroup.kill", to: "1")) != nil
    }

    package var canFreeze: Bool { unified != nil || old(.freezer) != nil }

    /// Asks for the cell to stand still, or to go on.
    /// - Returns: false where no group can.
    package func freeze(_ on: Bool) -> Bool {
        if let unified { return (try? unified.set("cgroup.freeze", to: on ? "1" : "0")) != nil }
        if let freezer = old(.freezer) { return (try? freezer.set("freezer.state", to: on ? "FROZEN" : "THAWED")) != nil }
        return false
    }

    /// Whether nothing of it runs any more.
    package var isFrozen: Bool {
        if let text = unified?.text("cgroup.events") { return Cgroup.field("frozen", of: text) == 1 }
        return old(.freezer)?.text("freezer.state") == "FROZEN\n"
    }

    /// Removes the groups of a cell that is gone, and the janitor with them. Where a group will not go yet, the janitor tries on.
    /// - Parameter wait: for a janitor that tries on as well.
    package mutating func remove(wait: Bool) {
        guard let janitor = janitor.take() else { return }
        var allGone = true
        for group in plan.all.reversed() where !Cgroup(group.path).remove() { allGone = false }
        // Ended and reaped here: in a container whose first process reaps nobody, each run would leave one behind.
        if allGone { try? janitor.signal(9) }
        release = nil
        guard wait || allGone else { return }
        _ = try? janitor.waitForEnd(milliseconds: 25_000)
        if (try? janitor.reap(block: false)) != nil, memory != 0 { unsafe cl_group_janitor_gone(UnsafeMutableRawPointer(bitPattern: memory)!) }
        memory = 0
    }
}
