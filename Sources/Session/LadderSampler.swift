// SPDX-License-Identifier: Apache-2.0
// One sample of a running cell for its ladder: only what its rules read, from the one file of a control group that says it,
// kept open; where there is none, from the look at the tree that the limits took. Rates are between two samples.

import Events
import Linux
import Sandbox
import Supervision

final class LadderSampler {
    private let asked: Set<Gauge>
    private let memoryBound: UInt64
    private let processor: KeptFile?
    private let memory: KeptFile?
    private let memoryParts: KeptFile?
    private let inactive: StaticString
    private let processes: KeptFile?
    private let forks: KeptFile?
    private let cpuPressure: KeptFile?
    private let memoryPressure: KeptFile?
    private let ioPressure: KeptFile?
    /// Whether the tree itself has to be looked at.
    let needsTree: Bool
    /// Whether pressure is the cell's own, not the machine's.
    let isPressureOwn: Bool
    private var last = Last()

    /// What rates are counted from.
    private struct Last {
        var time: UInt64 = 0
        var processor: UInt64 = 0
        var forks: UInt64 = 0
        var output: UInt64 = 0
        var written: UInt64 = 0
        var calls: UInt64 = 0
        var denials: UInt64 = 0
        var cpuPressure: UInt64 = 0
        var memoryPressure: UInt64 = 0
        var ioPressure: UInt64 = 0
        var tree: UInt64 = 0
    }

    /// What the supervisor counts itself.
    struct Counts {
        var output: UInt64 = 0
        var calls: UInt64 = 0
        var denials: UInt64 = 0
        /// nil where nobody calls.
        var loops: Int64?
        /// Read at this look already: microseconds of the tree, forks refused so far.
        var processor: UInt64?
        var refusedForks: UInt64?
        var tree: LimitWatch.Tree?
        var written: UInt64?
    }

    init(_ rules: LadderRules, _ plan: GroupPlan, writesDisk: Bool) {
        let asked = Set(rules.rules.map(\.gauge))
        func kept(_ folder: String?, _ file: String, for gauge: Gauge? = nil) -> KeptFile? {
            guard let folder, gauge.map(asked.contains) ?? true else { return nil }
            return KeptFile(folder + "/" + file)
        }
        self.asked = asked
        memoryBound = UInt64(rules.rule(.memory)?.steps.first?.bound ?? .max)
        let memoryPlace = plan.place(of: .memory), processesPlace = plan.place(of: .pids)
        // Always: whether a cell does anything at all is told by it.
        let processor = kept(plan.unified?.path, "cpu.stat")
        let memory = kept(memoryPlace?.path, memoryPlace?.isOld == true ? "memory.usage_in_bytes" : "memory.current", for: .memory)
        let processes = kept(processesPlace?.path, "pids.current", for: .pids)
        var needsTree = writesDisk && (asked.contains(.disk) || asked.contains(.writeRate))
        if processor == nil { needsTree = true }
        if memory == nil && asked.contains(.memory) { needsTree = true }
        if processes == nil && asked.contains(.pids) { needsTree = true }
        self.needsTree = needsTree
        self.processor = processor
        self.memory = memory
        self.processes = processes
        memoryParts = kept(memoryPlace?.path, "memory.stat", for: .memory)
        inactive = memoryPlace?.isOld == true ? "total_inactive_file" : "inactive_file"
        forks = kept(processesPlace?.path, "pids.events", for: .refusedForks)
        let unified = plan.unified?.path
        func pressure(_ name: String, _ gauge: Gauge) -> KeptFile? {
            // Of the cell where the kernel counts it so, else of the machine.
            guard asked.contains(gauge) || (gauge == .pressureCPU && rules.slows) else { return nil }
            if let unified, let own = KeptFile("\(unified)/\(name).pressure") { return own }
            return KeptFile("/proc/pressure/" + name)
        }
        cpuPressure = pressure("cpu", .pressureCPU)
        isPressureOwn = unified.map { Files.exists($0 + "/cpu.pressure") } ?? false
        memoryPressure = pressure("memory", .pressureMemory)
        ioPressure = pressure("io", .pressureIO)
    }

    /// Microseconds of processor time that the last sample added, by those that passed.
    private(set) var activity: (used: UInt64, passed: UInt64) = (0, 0)

    /// What the first rates are counted from.
    func begin(_ counts: Counts, at now: UInt64) {
        last.time = now
        last.processor = processor?.field("usage_usec") ?? counts.tree?.cpuMicroseconds ?? 0
        last.tree = counts.tree?.time ?? 0
        last.forks = forks?.field("max") ?? 0
        (last.output, last.calls, last.denials, last.written) = (counts.output, counts.calls, counts.denials, counts.written ?? 0)
        last.cpuPressure = cpuPressure?.field("total") ?? 0
        last.memoryPressure = memoryPressure?.field("total") ?? 0
        last.ioPressure = ioPressure?.field("total") ?? 0
    }

    func sample(_ counts: Counts, started: UInt64, at now: UInt64) -> Readings {
        var readings = Readings()
        let passed = max(1, (now - min(now, last.time)) / 1000)
        // A tree is looked at less often; what was seen before is no new reading.
        let tree = counts.tree.flatMap { $0.time > last.tree ? $0 : nil }
        let passedForTree = max(1, ((tree?.time ?? now) - min(tree?.time ?? now, last.tree)) / 1000)
        func rate(_ new: UInt64, _ old: inout UInt64, over microseconds: UInt64) -> Int64 {
            defer { old = new }
            return Int64(clamping: (new - min(new, old)).multipliedFullWidth(by: 1_000_000).high > 0 ? .max : (new - min(new, old)) * 1_000_000 / microseconds)
        }
        if let time = counts.processor ?? processor?.field("usage_usec") {
            activity = (time - min(time, last.processor), passed)
            readings[.cpuTime] = Int64(clamping: time)
            readings[.cpu] = rate(time, &last.processor, over: passed) / 1000
        } else if let tree {
            activity = (tree.cpuMicroseconds - min(tree.cpuMicroseconds, last.processor), passedForTree)
            readings[.cpuTime] = Int64(clamping: tree.cpuMicroseconds)
            readings[.cpu] = rate(tree.cpuMicroseconds, &last.processor, over: passedForTree) / 1000
        }
        if asked.contains(.memory) { readings[.memory] = memoryInUse(tree).map { Int64(clamping: $0) } }
        if let count = processes?.number() { readings[.pids] = Int64(clamping: count) - 1 } else if let tree { readings[.pids] = Int64(tree.threads) - 1 }
        if asked.contains(.refusedForks), let refused = counts.refusedForks ?? forks?.field("max") {
            readings[.refusedForks] = rate(refused, &last.forks, over: passed)
        }
        if let total = cpuPressure?.field("total") { readings[.pressureCPU] = min(100, rate(total, &last.cpuPressure, over: passed) / 10_000) }
        if let total = memoryPressure?.field("total") { readings[.pressureMemory] = min(100, rate(total, &last.memoryPressure, over: passed) / 10_000) }
        if let total = ioPressure?.field("total") { readings[.pressureIO] = min(100, rate(total, &last.ioPressure, over: passed) / 10_000) }
        readings[.output] = Int64(clamping: counts.output)
        readings[.outputRate] = rate(counts.output, &last.output, over: passed)
        if let written = counts.written, tree != nil {
            readings[.disk] = Int64(clamping: written)
            readings[.writeRate] = rate(written, &last.written, over: passedForTree)
        }
        readings[.wall] = Int64(clamping: (now - min(now, started)) / 1000)
        readings[.callRate] = rate(counts.calls, &last.calls, over: passed)
        readings[.denialRate] = rate(counts.denials, &last.denials, over: passed)
        readings[.callLoops] = counts.loops
        if let tree { last.tree = tree.time }
        last.time = now
        return readings
    }

    /// What can be given back at once is not counted, and asked about only where it decides.
    private func memoryInUse(_ tree: LimitWatch.Tree?) -> UInt64? {
        guard let bytes = memory?.number() else { return tree?.residentBytes }
        guard bytes >= memoryBound, let cached = memoryParts?.field(inactive) else { return bytes }
        return bytes - min(bytes, cached)
    }
}
