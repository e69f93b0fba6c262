// SPDX-License-Identifier: Apache-2.0
//
// The circuit breaker of one tool: closed while it works, open while it fails, half-open to try it with a few calls. Times are nanoseconds
// of CLOCK_BOOTTIME within one boot; a new boot begins with a new breaker.

public struct Breaker: Sendable {
    public struct Settings: Sendable, Hashable {
        /// Over which failures are counted; at least 1 ns. Ten sub-buckets: an outcome counts for 1 to 1.1 spans.
        public var span: Int64 = 60_000_000_000
        /// Fewer outcomes than this in the span never open it; at least 1.
        public var minimum: Int64 = 10
        /// Opens at this share of failures, in percent, 1...100.
        public var percent: Int64 = 50
        /// How long it stays open.
        public var open: Int64 = 30_000_000_000
        /// Calls let through when half-open; all must succeed to close it. At least 1.
        public var probes = 1
        /// A probe that has not been reported by then counts as failed.
        public var probeWait: Int64 = 60_000_000_000

        public init() {}

        var isLegal: Bool {
            1...Window.longestSpan ~= span && minimum >= 1 && 1...100 ~= percent && 1...Window.longestSpan ~= open && 1...1024 ~= probes
                && 1...Window.longestSpan ~= probeWait
        }
    }

    public enum State: String, Sendable, Hashable {
        case closed, open
        case halfOpen = "half_open"
    }

    /// A call that was let through; its outcome is reported with it, once.
    public struct Permit: Sendable, Hashable {
        let era: UInt64
        let isProbe: Bool
    }

    public enum Answer: Sendable, Hashable {
        case allowed(Permit)
        /// Ask again after so many nanoseconds.
        case denied(retryAfter: Int64)
    }

    private let settings: Settings
    private var outcomes: BucketRing
    /// One more with each change of state: an outcome of an earlier era says nothing about this one.
    private var era: UInt64 = 0
    public private(set) var state: State = .closed
    /// Open: when it becomes half-open. Half-open: when a probe is overdue.
    private var until: Int64 = 0
    private var probesOut = 0
    private var probesGood = 0

    /// - Throws: `setting`.
    public init(_ settings: Settings = Settings()) throws(BudgetError) {
        guard settings.isLegal else { throw BudgetError(.setting("the settings of a breaker are out of range")) }
        self.settings = settings
        outcomes = BucketRing(span: settings.span, buckets: 10)
    }

    /// Whether a call may go through now.
    public mutating func ask(at time: Int64) -> Answer {
        switch state {
        case .closed: return .allowed(Permit(era: era, isProbe: false))
        case .open:
            if time < until { return .denied(retryAfter: until - time) }
            enter(.halfOpen, until: saturating(time, settings.probeWait))
        case .halfOpen:
            // A lost probe must not hold the tool closed for ever.
            if probesOut > 0, time >= until {
                enter(.open, until: saturating(time, settings.open))
                return .denied(retryAfter: settings.open)
            }
        }
        guard probesOut + probesGood < settings.probes else { return .denied(retryAfter: max(1, until - time)) }
        probesOut += 1
        until = saturating(time, settings.probeWait)
        return .allowed(Permit(era: era, isProbe: true))
    }

    /// The outcome of a call that was let through.
    /// - Returns: the state that it led to, if another.
    public mutating func report(_ permit: Permit, failed: Bool, at time: Int64) -> State? {
        guard permit.era == era else { return nil }
        switch state {
        case .closed:
            outcomes.add(bad: failed, at: time)
            let (bad, all) = outcomes.counts(at: time)
            guard all >= settings.minimum, bad * 100 >= all * settings.percent else { return nil }
            enter(.open, until: saturating(time, settings.open))
            return .open
        case .halfOpen:
            guard permit.isProbe, probesOut > 0 else { return nil }
            probesOut -= 1
            if failed {
                enter(.open, until: saturating(time, settings.open))
                return .open
            }
            probesGood += 1
            guard probesGood >= settings.probes else { return nil }
            enter(.closed, until: 0)
            return .closed
        case .open: return nil
        }
    }

    /// A call that was let through and then not made: it says nothing, and another probe may go.
    public mutating func withdraw(_ permit: Permit) {
        if permit.era == era, permit.isProbe, state == .halfOpen, probesOut > 0 { probesOut -= 1 }
    }

    private mutating func enter(_ state: State, until: Int64) {
        self.state = state
        self.until = until
        era += 1
        probesOut = 0
        probesGood = 0
        outcomes.clear()
    }
}
