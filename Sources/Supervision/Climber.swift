// SPDX-License-Identifier: Apache-2.0
// One gauge on the ladder: up by one of its rungs when the reading was at the next bound for some samples in a row, down when
// it has stayed below its rung's bound for a while. Pure; time is an argument.

import Events
import Sandbox

struct Climber: Sendable {
    let gauge: Gauge
    private let isStraight: Bool
    private(set) var steps: [LadderRules.Step]
    /// How many of ``steps`` are taken.
    private(set) var level = 0
    /// The reading of the last sample that had one.
    private(set) var reading: Int64 = 0
    /// What a total counts from: a thaw grants as much again.
    private var start: Int64 = 0
    /// The last reading asks for more than is taken, whether or not that counts for now.
    private(set) var wantsMore = false
    private var streak = 0
    private var quietSince: UInt64?
    /// A step that the rules do not have: somebody decided on it, and it goes when it is left.
    private var decided: Rung?
    /// The highest level that a reading of the quiet time asked for.
    private var quietLevel = 0

    /// Bounds above the cap lead to the cap, where the gauge has none of its own there.
    init(_ rule: LadderRules.Rule, cap: Rung) {
        gauge = rule.gauge
        isStraight = rule.isStraight
        steps = rule.steps.filter { $0.rung <= cap }
        if steps.last?.rung != cap, let above = rule.steps.first(where: { $0.rung > cap }) { steps.append(LadderRules.Step(cap, above.bound)) }
    }

    var rung: Rung { level == 0 ? .observe : steps[level - 1].rung }
    /// The bound of the rung that is taken, or of the first.
    var bound: Int64 { steps.isEmpty ? 0 : steps[max(0, level - 1)].bound }

    /// - Parameter ceiling: the rung below which it stays for now.
    mutating func observe(_ value: Int64?, isHeld: Bool, ceiling: Rung?, rules: LadderRules, at now: UInt64) {
        guard let value else { return }
        reading = value
        let measured = value - start
        var asked = 0
        while asked < steps.count, steps[asked].bound <= measured { asked += 1 }
        wantsMore = asked > level
        if isStraight, asked == steps.count, steps.last?.rung == .kill {
            level = asked
            return
        }
        if let ceiling { while asked > level, steps[asked - 1].rung >= ceiling { asked -= 1 } }
        if isHeld { asked = max(asked, level) }
        if asked > level {
            quietSince = nil
            streak += 1
            if streak >= rules.samples {
                level += 1
                streak = 0
            }
            return
        }
        streak = 0
        guard asked < level else {
            quietSince = nil
            return
        }
        guard let since = quietSince else {
            quietSince = now
            quietLevel = asked
            return
        }
        quietLevel = max(quietLevel, asked)
        if now - min(now, since) >= rules.quiet {
            level = quietLevel
            quietSince = nil
            leaveDecided()
        }
    }

    /// Nothing was counted towards another rung.
    var isCalm: Bool { streak == 0 && quietSince == nil }

    /// Back below a rung, with as much again for what only grows.
    mutating func comeDown(below rung: Rung) {
        streak = 0
        quietSince = nil
        guard self.rung >= rung else { return }
        while level > 0, steps[level - 1].rung >= rung { level -= 1 }
        leaveDecided()
        if gauge.isTotal { start = reading }
    }

    private mutating func leaveDecided() {
        guard let rung = decided, self.rung < rung else { return }
        steps.removeAll { $0.rung == rung }
        decided = nil
    }

    /// A new bound in place of an old one from now on, the others in proportion.
    /// - Parameter bound: higher than `old`.
    mutating func raise(to bound: Int64, from old: Int64) {
        for i in steps.indices {
            let (high, low) = steps[i].bound.multipliedFullWidth(by: bound)
            steps[i].bound = old <= 0 ? bound : high >= old ? .max : old.dividingFullWidth((high, low)).quotient
        }
        let measured = reading - start
        while level > 0, steps[level - 1].bound > measured { level -= 1 }
        streak = 0
        quietSince = nil
    }

    /// To a rung that somebody decided on, whether or not it has a bound of its own.
    mutating func go(to rung: Rung) {
        if !steps.contains(where: { $0.rung == rung }) {
            let place = steps.firstIndex { $0.rung > rung } ?? steps.count
            decided = rung
            steps.insert(LadderRules.Step(rung, place > 0 ? steps[place - 1].bound : steps.first?.bound ?? 0), at: place)
        }
        level = (steps.firstIndex { $0.rung == rung } ?? 0) + 1
        streak = 0
        quietSince = nil
    }
}
