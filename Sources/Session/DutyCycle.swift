// SPDX-License-Identifier: Apache-2.0
// A share of the processors where no control group gives one: every process of the cell is stopped and let go by signals, many
// times a second. Their own parents can see it. A tree that takes long to walk is stopped less often and for longer, so that
// the supervisor's own work stays a small part.

import Glibc
import Linux

struct DutyCycle {
    /// Thousandths of the time in which the cell runs.
    let share: UInt64
    private(set) var isStopped = false
    private var walk: UInt64 = 0

    /// Nanoseconds of one turn.
    static let period: UInt64 = 100_000_000
    /// Of which a walk is one part in so many, at most.
    static let part: UInt64 = 20

    init(share: Int64) { self.share = UInt64(min(1000, max(10, share))) }

    /// Stops what runs, or lets it go. - Returns: when to come again; nanoseconds of CLOCK_MONOTONIC.
    mutating func turn(root: Int32, proc: borrowing Descriptor) -> UInt64 {
        let began = Clock.monotonic
        signal(isStopped ? SIGCONT : SIGSTOP, root, proc)
        isStopped.toggle()
        let now = Clock.monotonic
        walk = max(walk / 2, now - began)
        let turn = max(DutyCycle.period, walk * DutyCycle.part)
        return now + turn * (isStopped ? 1000 - share : share) / 1000
    }

    mutating func release(root: Int32, proc: borrowing Descriptor) {
        if isStopped { signal(SIGCONT, root, proc) }
        isStopped = false
    }

    private func signal(_ number: Int32, _ root: Int32, _ proc: borrowing Descriptor) { ProcessTree.signal(number, below: root, proc: proc) }
}
