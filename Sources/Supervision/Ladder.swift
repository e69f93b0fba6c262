// SPDX-License-Identifier: Apache-2.0
// The ladder of one cell: samples go in, changes of rung come out, each with the reading that caused it. The cell's rung is
// the highest that any of its gauges asks for. Pure: time is an argument, and the acts are the caller's.
//
// A frozen cell is read no more: it is thawed when its time is over or somebody says so, and then has the quiet time to come
// down by itself. One that is to be frozen again before it was ever back at the bottom is ended, where the cap allows it.
// From terminate there is no way down; kill follows when the grace is over.

package import Events
package import Sandbox

package struct Ladder: Sendable {
    package let rules: LadderRules
    package private(set) var rung = Rung.observe
    private var climbers: [Climber]
    /// The gauge that led to ``rung``.
    private var cause = 0
    /// When ``rung`` was taken.
    private var since: UInt64 = 0
    private var hasFrozen = false
    private var reprieve: UInt64 = 0
    /// Since when no reading asks for more, after a thaw.
    private var calmSince: UInt64 = 0
    /// Frozen until a person has answered, however long that takes.
    package private(set) var awaitsAnswer = false
    /// A policy ends it: the kill follows, whatever the cap.
    private var isCondemned = false

    package init(_ rules: LadderRules) {
        self.rules = rules
        climbers = rules.rules.map { Climber($0, cap: rules.cap) }
    }

    /// One sample.
    /// - Parameters:
    ///   - now: nanoseconds, never going back.
    ///   - start: when the command began; for the change's own time.
    package mutating func observe(_ readings: Readings, at now: UInt64, since start: UInt64 = 0) -> RungChange? {
        switch rung {
        case .kill: return nil
        case .terminate: return now - since >= rules.grace && mayKill ? move(to: .kill, cause, .time, now, start) : nil
        case .freeze:
            guard !awaitsAnswer, now - since >= rules.freezeLasts else { return nil }
            return rules.afterFreeze == .kill ? end(cause, .time, now, start) ?? thaw(.time, at: now, since: start) : thaw(.time, at: now, since: start)
        default: break
        }
        let ceiling: Rung? = now < reprieve ? .freeze : nil
        for i in climbers.indices {
            let gauge = climbers[i].gauge
            climbers[i].observe(readings[gauge], isHeld: readings.isHeld(gauge), ceiling: ceiling, rules: rules, at: now)
        }
        if climbers.contains(where: \.wantsMore) { calmSince = now }
        if rung == .observe, hasFrozen, now - min(now, calmSince) >= rules.quiet { hasFrozen = false }
        return settle(.reading, now, start)
    }

    /// Takes the rung that the gauges ask for.
    private mutating func settle(_ reason: RungChange.Reason, _ now: UInt64, _ start: UInt64) -> RungChange? {
        var highest = 0
        for i in climbers.indices where climbers[i].rung > climbers[highest].rung { highest = i }
        guard !climbers.isEmpty else { return nil }
        let asked = climbers[highest].rung
        if asked == .freeze, hasFrozen, rung < .freeze, let ended = end(highest, reason, now, start) { return ended }
        if asked > rung { return move(to: asked, highest, reason, now, start) }
        if asked == rung, climbers[cause].rung < rung { (cause, heldBound) = (highest, climbers[highest].bound) }
        // Down: by the gauge that held it up, and now reads less.
        return asked < rung ? move(to: asked, cause, reason, now, start, new: highest) : nil
    }

    private mutating func move(to rung: Rung, _ climber: Int, _ reason: RungChange.Reason, _ now: UInt64, _ start: UInt64, new: Int? = nil) -> RungChange {
        let reader = climbers[climber]
        let change = RungChange(
            from: self.rung, to: rung, reason: reason, gauge: reader.gauge, bound: rung < self.rung ? heldBound : reader.bound, reading: reader.reading,
            wallMicroseconds: Int64((now - min(now, start)) / 1000))
        self.rung = rung
        cause = new ?? climber
        heldBound = rung > change.from ? change.bound : climbers[cause].bound
        since = now
        // Thawed to the bottom it has still to show that it stays there.
        if rung == .observe, change.from < .freeze { hasFrozen = false }
        return change
    }

    /// The bound of the rung that is taken, as it was when it was taken.
    private var heldBound: Int64 = 0

    /// Terminate, or kill where the cap is not in the way; nil where it is.
    private mutating func end(_ climber: Int, _ reason: RungChange.Reason, _ now: UInt64, _ start: UInt64) -> RungChange? {
        rules.cap >= .terminate ? move(to: .terminate, climber, reason, now, start) : nil
    }

    // Decisions ---------------------------------------------------------------------------------------------------------

    /// A frozen cell goes on. - Returns: nil for one that the ladder did not freeze.
    package mutating func thaw(_ reason: RungChange.Reason, at now: UInt64, since start: UInt64 = 0) -> RungChange? {
        guard rung == .freeze else { return nil }
        awaitsAnswer = false
        for i in climbers.indices { climbers[i].comeDown(below: .freeze) }
        hasFrozen = true
        calmSince = now
        reprieve = now + rules.quiet
        return settle(reason, now, start)
    }

    /// Nobody agreed that a frozen cell goes on. - Returns: nil for one that waits for no answer.
    package mutating func refuse(at now: UInt64, since start: UInt64 = 0) -> RungChange? {
        guard rung == .freeze, awaitsAnswer else { return nil }
        (awaitsAnswer, isCondemned) = (false, true)
        return move(to: .terminate, cause, .policy, now, start)
    }

    private var mayKill: Bool { rules.cap == .kill || isCondemned }

    /// What somebody decided on a change just made by the rules; the cap holds for the rules, not for them.
    /// - Returns: the change to act on instead; nil where nothing is left to do.
    package mutating func decide(_ decision: LimitDecision, on change: RungChange, at now: UInt64) -> RungChange? {
        guard let climber = climbers.firstIndex(where: { $0.gauge == change.gauge }) else { return change }
        var other = change
        switch decision {
        case .byRules: return change
        case .raise(let bound):
            let bound = bound ?? (change.bound.multipliedReportingOverflow(by: 2).overflow ? .max : change.bound * 2)
            if bound <= change.bound { return change }
            climbers[climber].raise(to: bound, from: change.bound)
            var highest = 0
            for i in climbers.indices where climbers[i].rung > climbers[highest].rung { highest = i }
            (rung, cause) = (climbers[highest].rung, highest)
            if rung == change.from { return nil }
            other.to = rung
        case .throttle, .freeze, .ask, .terminate, .kill:
            other.to =
                switch decision {
                case .throttle: .throttle
                case .freeze, .ask: .freeze
                case .terminate: .terminate
                default: .kill
                }
            awaitsAnswer = decision == .ask
            isCondemned = decision == .terminate
            climbers[climber].go(to: other.to)
            (rung, cause) = (other.to, climber)
        }
        other.reason = .policy
        since = now
        return other
    }

    /// When time alone brings the next change; nanoseconds, nil for never.
    package var deadline: UInt64? {
        switch rung {
        case .freeze: awaitsAnswer ? nil : since + rules.freezeLasts
        case .terminate where mayKill: since + rules.grace
        default: nil
        }
    }

    /// The gauges that ask for a rung or a higher one: what a throttle is to act on.
    package func gauges(atLeast rung: Rung) -> [Gauge] { climbers.filter { $0.rung >= rung }.map(\.gauge) }

    /// Whether a reading is on its way up or down: looks come more seldom only where nothing moves.
    package var isCalm: Bool { rung == .observe && climbers.allSatisfy { $0.isCalm } }
}
