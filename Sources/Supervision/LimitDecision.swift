// SPDX-License-Identifier: Apache-2.0
// The seam at which somebody other than the profile's rules decides on a crossed bound: the policy door's `sys__limit`. Without
// one, the rules do.

package import Events

package enum LimitDecision: Equatable, Sendable {
    /// As the profile says.
    case byRules
    /// Twice the bounds of this gauge from now on.
    case raise
    case throttle, freeze, kill
}

/// Asked once for each step up that the rules would take, before anything is done. On the loop's thread: it answers at once.
package protocol LimitJudge: AnyObject {
    func decide(_ crossing: RungChange) -> LimitDecision
}
