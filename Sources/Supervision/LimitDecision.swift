// SPDX-License-Identifier: Apache-2.0
// The seam at which somebody other than the profile's rules decides on a crossed bound: the policy door's `sys__limit`. Without
// one, the rules do.

package import Events

package enum LimitDecision: Equatable, Sendable {
    /// As the profile says.
    case byRules
    /// This bound from now on, in the gauge's unit, and the gauge's others in proportion; nil for twice as much. One that is not higher than
    /// the bound that was crossed raises nothing: the rules decide.
    case raise(Int64?)
    case throttle, freeze
    /// Frozen until a person agrees.
    case ask
    /// SIGTERM, and the kill when the grace is over, whatever the rules' cap.
    case terminate
    case kill
}

/// What came of a question to a person.
package enum LimitAnswer: Equatable, Sendable {
    case goOn
    /// No, or nobody agreed in time.
    case end
}

/// Asked once for each step up that the rules would take, before anything is done. On the loop's thread: it answers at once.
package protocol LimitJudge: AnyObject {
    func decide(_ crossing: RungChange) -> LimitDecision
    /// What came of the last ``LimitDecision/ask``; nil while nobody has said anything. Told once.
    func answer() -> LimitAnswer?
}
