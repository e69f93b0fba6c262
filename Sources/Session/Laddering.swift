// SPDX-License-Identifier: Apache-2.0
// The ladder of a running cell: samples at the supervisor's looks, rungs from the rules or from whoever decides instead, and
// what each rung does and takes back. Which rung it is to be is Supervision's.

package import Events
import Glibc
import Linux
package import Sandbox
package import Supervision

/// What a ladder needs of whoever starts the cell.
package struct LadderOrder {
    package var rules: LadderRules
    /// The cell's own limit of cores in thousandths.
    package var cores: UInt64?
    /// Decides on steps up instead of the rules; nil for the rules.
    package var judge: (any LimitJudge)?
    /// Hears of each change when it has been acted on. On the loop's thread: it must not wait.
    package var onChange: ((RungChange) -> Void)?

    package init(_ rules: LadderRules, cores: UInt64? = nil, judge: (any LimitJudge)? = nil, onChange: ((RungChange) -> Void)? = nil) {
        self.rules = rules
        self.cores = cores
        self.judge = judge
        self.onChange = onChange
    }
}

final class Laddering {
    let order: LadderOrder
    var ladder: Ladder
    let steering: Steering
    /// Made at the first look: a cell that is over sooner opens nothing.
    var sampler: LadderSampler?
    /// Refused system calls, counted by who answers them.
    var denials: UInt64 = 0
    /// The first changes; ``changed`` counts all.
    private(set) var changes: [RungChange] = []
    private(set) var changed: UInt64 = 0
    /// Asked to end: what ended the cell, however it then goes.
    private(set) var ending: RungChange?
    private(set) var last: RungChange?
    /// The change that is being acted on, or was last.
    var cause: RungChange?
    var pause = LimitWatch.interval
    var actions = LadderActions()

    /// Changes that the record holds.
    static let recorded = 64
    init(_ order: LadderOrder, _ plan: GroupPlan) {
        self.order = order
        ladder = Ladder(order.rules)
        steering = Steering(plan, cores: order.cores)
    }

    /// Whether the ladder lets a still cell be passed over: nothing moves, and no rule is of the clock alone.
    var mayRest: Bool { sampler != nil && ladder.isCalm && order.rules.rule(.wall) == nil }

    func note(_ change: RungChange) {
        changed += 1
        last = change
        if changes.count < Laddering.recorded { changes.append(change) }
        if change.to == .terminate { ending = change }
        order.onChange?(change)
    }
}

extension Supervisor {
    /// One sample, and the rung that follows from it.
    func climb(_ laddering: Laddering) {
        let now = Clock.monotonic
        var counts = LadderSampler.Counts()
        counts.output = streams.passed.out
        let tally = streams.tally, moment = Int64(Clock.boottime)
        (counts.calls, counts.denials) = (tally?.calls ?? 0, laddering.denials + (tally?.denials ?? 0))
        (counts.processor, counts.refusedForks) = (meter.processorNow, meter.refusedNow)
        counts.loops = tally?.loops(at: moment)
        (counts.tree, counts.written) = (meter.tree, meter.usage.writtenBytes)
        guard let sampler = laddering.sampler else {
            let sampler = LadderSampler(laddering.order.rules, groups.plan, writesDisk: limits.measured.writesDisk)
            sampler.begin(counts, at: now)
            laddering.sampler = sampler
            meter.wantsTree = sampler.needsTree
            return
        }
        if laddering.ladder.awaitsAnswer, let answer = laddering.order.judge?.answer() {
            switch answer {
            case .goOn: approve()
            case .end:
                if let change = laddering.ladder.refuse(at: now, since: started) {
                    act(on: change, laddering)
                    note(change, laddering)
                }
            }
            return
        }
        // Who stands still for a person is not judged: nothing that it reads is its own doing.
        if isFrozen && laddering.ladder.rung != .freeze { return }
        var readings = sampler.sample(counts, started: started, at: now)
        laddering.actions.markHeld(&readings, laddering.order.rules, isPressureOwn: sampler.isPressureOwn, at: now)
        if tally?.isHolding(at: moment) == true { for gauge in [Gauge.callRate, .denialRate, .callLoops] { readings.hold(gauge) } }
        if let change = laddering.ladder.observe(readings, at: now, since: started) { take(change, laddering, at: now) }
        let isIdle = laddering.ladder.isCalm && sampler.activity.used * 100 < sampler.activity.passed
        laddering.pause = isIdle ? min(laddering.pause * 2, LimitWatch.longestPause) : LimitWatch.interval
    }

    private func take(_ change: RungChange, _ laddering: Laddering, at now: UInt64) {
        var change = change
        // The seam of `sys__limit`: the rules propose, whoever decides may raise, throttle, freeze or kill instead.
        if let judge = laddering.order.judge, change.to > .warn, change.to > change.from, !change.from.isFinal {
            guard let decided = laddering.ladder.decide(judge.decide(change), on: change, at: now) else { return }
            change = decided
        }
        act(on: change, laddering)
        note(change, laddering)
    }

    /// Told to whoever hears of changes, and to the agent with the next result of its tool.
    private func note(_ change: RungChange, _ laddering: Laddering) {
        laddering.note(change)
        if change.to > change.from { streams.tally?.tell("this tool's cell went from \(change.from.name) to \(change.to.name): \(change.cause)") }
    }

    private func act(on change: RungChange, _ laddering: Laddering) {
        laddering.cause = change
        laddering.actions.aim(laddering.ladder)
        if change.from == .freeze && change.to != .freeze { thaw() }
        perform(laddering)
        switch change.to {
        case .freeze: freeze()
        case .terminate: signal(SIGTERM)
        case .kill: kill(.ladder(change))
        default: break
        }
    }

    /// Somebody thawed what the ladder froze.
    func approve() {
        guard let laddering, let change = laddering.ladder.thaw(.person, at: Clock.monotonic, since: started) else { return }
        act(on: change, laddering)
        note(change, laddering)
        setTimer()
    }

    /// It is dying, and needs its processor for that.
    func restore(_ laddering: Laddering) {
        laddering.actions.leave()
        perform(laddering)
    }

    /// The command has ended: what it wrote may pass.
    func leaveLadder() {
        guard let laddering else { return }
        laddering.actions.leave()
        streams.pace(bytesPerTurn: nil)
        streams.tally?.pace(nil)
        if let ending = laddering.ending { outcome.end = .killed(.ladder(ending)) }
    }
}
