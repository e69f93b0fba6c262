// SPDX-License-Identifier: Apache-2.0
//
// How strict one door is: what it waits for, what it counts as a loop or a failing tool, whether anybody can be asked.

public import Budget

public struct Settings {
    /// Nanoseconds that a call may wait for a person.
    public var approvalWait: Int64 = 120_000_000_000
    /// Calls that may wait for a person at once; more are denied.
    public var pendingCalls = 64
    /// Whether a person can be asked. In CI nobody can: an ask is a deny.
    public var canAsk = true
    /// Policies are evaluated and recorded and decide nothing; budgets hold all the same.
    public var logOnly = false
    public var loops: LoopDetector.Settings? = LoopDetector.Settings()
    public var breaker: Breaker.Settings? = Breaker.Settings()
    /// The hardest answer to a loop.
    public var loopCap: LoopRung = .freeze
    /// Nanoseconds by which a looping call is delayed.
    public var loopDelay: Int64 = 1_000_000_000
    /// CLOCK_BOOTTIME, read again when a decision is made: for its latency, and so that one that took too long is a deny. The door reads no
    /// clock itself.
    public var clock: (() -> Int64)?
    /// Nanoseconds that a decision may take.
    public var decisionTime: Int64 = 50_000_000
    /// Who will spend what is reserved, as the ledger's recovery knows it: the supervisor's process.
    public var holder = "supervisor"

    public init() {}
}
