// SPDX-License-Identifier: Apache-2.0
//
// What a wall refused before any policy was asked: it stands in the log like a refusal by policy, under the same digest.

extension Door {
    /// Records a refusal that no policy could have made a permit.
    public func refuseUnasked(_ request: Request, _ refusal: Refusal, at now: Reading) {
        _ = refuse(request, refusal, now, settings.clock?() ?? now.bootNanoseconds)
    }
}
