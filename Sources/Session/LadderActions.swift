// SPDX-License-Identifier: Apache-2.0
// What the rungs slow and throttle do to a cell, and how it is taken back: weight and quota of control groups where there are
// any, niceness or a duty cycle of signals where there are none, memory that is reclaimed above a bound, output that is read at
// a pace. It also says which readings are of its own making.

import Events
import Glibc
import Linux
import Sandbox
import Supervision

struct LadderActions {
    /// What is to be.
    private(set) var isSlow = false
    private(set) var sharesProcessors = false
    private(set) var reclaims = false
    private(set) var pacesOutput = false
    private(set) var pacesCalls = false

    /// What is.
    fileprivate var done = (slow: false, shares: false, reclaims: false, paces: false, calls: false)
    fileprivate var duty: DutyCycle?
    fileprivate var dutyDue: UInt64?
    /// Niceness before, by thread.
    fileprivate var niceness: [Int32: Int32] = [:]
    fileprivate var pace = OutputPace()

    /// Thousandths of the time that a slowed cell runs where it can only be stopped and let go.
    static let slowShare: Int64 = 500
    /// Percent of the time in which something waits for a processor, from which a slowed cell counts as waiting.
    static let waiting: Int64 = 10

    mutating func aim(_ ladder: Ladder) {
        let rung = ladder.rung
        isSlow = rung >= .slow && !rung.isFinal
        let causes = ladder.gauges(atLeast: .throttle)
        let isThrottled = rung == .throttle || rung == .freeze
        let output: Set<Gauge> = [.output, .outputRate]
        pacesOutput = isThrottled && causes.contains(where: output.contains)
        reclaims = isThrottled && causes.contains(.memory)
        pacesCalls = isThrottled
        let calls: Set<Gauge> = [.callRate, .callLoops]
        sharesProcessors = isThrottled && (causes.isEmpty || causes.contains { !output.contains($0) && !calls.contains($0) })
    }

    /// The cell has ended: nothing is waited for any more.
    mutating func leave() {
        (isSlow, sharesProcessors, reclaims, pacesOutput, pacesCalls) = (false, false, false, false, false)
        (duty, dutyDue) = (nil, nil)
        pace.end()
    }

    /// Readings that would be higher without what was done.
    func markHeld(_ readings: inout Readings, _ rules: LadderRules, isPressureOwn: Bool, at now: UInt64) {
        let share = sharesProcessors ? rules.throttledCores : duty != nil ? LadderActions.slowShare : nil
        // What has the least weight and waits for a processor would use more of it. Where only the machine says that somebody waits,
        // it must at least have had a little.
        let waits = isSlow && (readings[.pressureCPU] ?? 0) >= LadderActions.waiting && (isPressureOwn || (readings[.cpu] ?? 0) > 0)
        if waits || share.map({ (readings[.cpu] ?? 0) >= $0 / 2 }) == true {
            for gauge in [Gauge.cpu, .refusedForks, .outputRate, .writeRate, .callRate, .denialRate] { readings.hold(gauge) }
        }
        if reclaims, let bytes = readings[.memory], let bound = LadderActions.reclaimBound(rules), bytes >= bound / 10 * 9 { readings.hold(.memory) }
        if pace.isHolding(at: now) { readings.hold(.outputRate) }
    }

    static func reclaimBound(_ rules: LadderRules) -> Int64? {
        rules.rule(.memory)?.steps.last { $0.rung <= .throttle }?.bound ?? rules.rule(.memory)?.steps.first?.bound
    }

    /// When it wants to be asked again; nanoseconds of CLOCK_MONOTONIC.
    var due: UInt64? {
        guard let dutyDue, let paceDue = pace.due else { return dutyDue ?? pace.due }
        return min(dutyDue, paceDue)
    }
}

/// What a cell may still write before it has to wait: so many bytes a second, a tenth of them at once.
struct OutputPace {
    private(set) var rate: Int64?
    private var credit: Int64 = 0
    private var time: UInt64 = 0
    private var passed: UInt64 = 0
    /// When it may go on; nil while it may.
    private(set) var due: UInt64?
    private var lastHeld: UInt64 = 0

    var burst: Int { Int(max(4096, (rate ?? 0) / 10)) }

    mutating func begin(_ rate: Int64, passed: UInt64, at now: UInt64) {
        (self.rate, credit, time, self.passed, due) = (rate, 0, now, passed, nil)
        lastHeld = now
    }

    mutating func end() { (rate, due) = (nil, nil) }

    /// It had to wait within the last half second.
    func isHolding(at now: UInt64) -> Bool { rate != nil && (due != nil || now - min(now, lastHeld) < 500_000_000) }

    /// - Parameter total: bytes that have passed so far.
    /// - Returns: how many it may pass in the next turn.
    mutating func settle(_ total: UInt64, at now: UInt64) -> Int? {
        guard let rate else { return nil }
        let elapsed = Int64(clamping: min(now - min(now, time), 1_000_000_000) / 1000)
        credit =
            min(Int64(burst), credit + rate.multipliedReportingOverflow(by: elapsed).partialValue / 1_000_000) - Int64(clamping: total - min(total, passed))
        (time, passed) = (now, total)
        if credit >= 0 {
            due = nil
            return burst
        }
        due = now + UInt64(-credit) * 1_000_000_000 / UInt64(max(1, rate)) + 1_000_000
        lastHeld = now
        return 0
    }
}

extension Supervisor {
    /// Brings what is to what is to be.
    func perform(_ laddering: Laddering) {
        let aim = laddering.actions, rules = laddering.order.rules, done = laddering.actions.done
        if aim.isSlow != done.slow {
            if let write = laddering.steering.slow(aim.isSlow) { _ = write.perform() } else if Identity.user == 0 { renice(laddering, aim.isSlow) }
        }
        if aim.sharesProcessors != done.shares, let write = laddering.steering.throttle(aim.sharesProcessors ? UInt64(rules.throttledCores) : nil) {
            _ = write.perform()
        }
        if aim.reclaims != done.reclaims,
            let write = laddering.steering.reclaim(above: aim.reclaims ? LadderActions.reclaimBound(rules).map { UInt64($0) } : nil)
        {
            _ = write.perform()
        }
        if laddering.steering.throttle(nil) == nil { cycle(laddering) }
        if aim.pacesOutput != done.paces {
            if aim.pacesOutput {
                laddering.actions.pace.begin(rules.throttledOutput, passed: streams.passed.out, at: Clock.monotonic)
                streams.pace(bytesPerTurn: laddering.actions.pace.burst)
            } else {
                laddering.actions.pace.end()
                streams.pace(bytesPerTurn: nil)
            }
        }
        if aim.pacesCalls != done.calls {
            streams.tally?.pace(aim.pacesCalls ? rules.throttledCalls : nil)
            if !aim.pacesCalls { streams.due() }
        }
        laddering.actions.done = (aim.isSlow, aim.sharesProcessors, aim.reclaims, aim.pacesOutput, aim.pacesCalls)
    }

    /// Without groups: the share that the rung asks for, by stopping and letting go. A frozen cell stands still as it is.
    private func cycle(_ laddering: Laddering) {
        let actions = laddering.actions
        let byNiceness = Identity.user == 0
        let share = actions.sharesProcessors ? laddering.order.rules.throttledCores : actions.isSlow && !byNiceness ? LadderActions.slowShare : nil
        let wanted = laddering.ladder.rung == .freeze ? nil : share
        if wanted.map({ UInt64($0) }) == laddering.actions.duty?.share { return }
        laddering.actions.duty?.release(root: cell.pid, proc: proc)
        laddering.actions.duty = wanted.map { DutyCycle(share: $0) }
        laddering.actions.dutyDue = wanted == nil ? nil : Clock.monotonic
    }

    /// Nicer for all that runs, and back to what each was: only root may take it back.
    private func renice(_ laddering: Laddering, _ on: Bool) {
        let tree = ProcessTree(root: cell.pid, proc: proc, counts: false)
        for process in tree.processes where process != cell.pid {
            for thread in Niceness.threads(of: process, proc: proc) {
                if on {
                    laddering.actions.niceness[thread] = Niceness.of(thread: thread)
                    Niceness.set(19, thread: thread)
                } else {
                    Niceness.set(laddering.actions.niceness[thread] ?? laddering.actions.niceness.values.min() ?? 0, thread: thread)
                }
            }
        }
        if !on { laddering.actions.niceness = [:] }
    }

    /// The time has come for another turn of the duty cycle, or for more output.
    func actOnTime(_ laddering: Laddering, at now: UInt64) {
        if let due = laddering.actions.dutyDue, now >= due {
            laddering.actions.dutyDue = isFrozen ? now + DutyCycle.period : laddering.actions.duty?.turn(root: cell.pid, proc: proc)
        }
        if let due = laddering.actions.pace.due, now >= due { settleOutput(laddering) }
    }

    /// After output has passed, or as time has.
    func settleOutput(_ laddering: Laddering) {
        guard laddering.actions.pace.rate != nil else { return }
        streams.pace(bytesPerTurn: laddering.actions.pace.settle(streams.passed.out, at: Clock.monotonic))
        if laddering.actions.pace.due != nil { setTimer() }
    }
}
