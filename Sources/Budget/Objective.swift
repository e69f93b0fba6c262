// SPDX-License-Identifier: Apache-2.0
//
// A service level objective as a burn rate over two windows: how many times faster than allowed the error budget is being spent. It fires
// when both the long and the short window burn at the threshold: the long one says that it matters, the short one that it still goes on.
// All in integers; a burn rate is in thousandths.

public struct Objective: Sendable {
    public struct Settings: Sendable, Hashable {
        /// Good outcomes per million, 1...999,999: 99 % is 990,000.
        public var goodPerMillion: Int64
        /// Nanoseconds, the short one not longer than the long one.
        public var long: Int64
        public var short: Int64
        /// At which it fires, in thousandths: 14.4 is 14,400.
        public var burnThousandths: Int64

        public init(goodPerMillion: Int64, long: Int64, short: Int64, burnThousandths: Int64) {
            self.goodPerMillion = goodPerMillion
            self.long = long
            self.short = short
            self.burnThousandths = burnThousandths
        }
    }

    public struct Reading: Sendable, Hashable {
        /// In thousandths, rounded down; 1,000 spends the budget exactly in its period.
        public let long: Int64
        public let short: Int64
        public let isFiring: Bool
    }

    private let settings: Settings
    private var longRing: BucketRing
    private var shortRing: BucketRing

    /// - Throws: `setting`.
    public init(_ settings: Settings) throws(BudgetError) {
        guard 1...999_999 ~= settings.goodPerMillion, 1...Window.longestSpan ~= settings.long, 1...settings.long ~= settings.short,
            1...1_000_000_000 ~= settings.burnThousandths
        else { throw BudgetError(.setting("the settings of an objective are out of range")) }
        self.settings = settings
        longRing = BucketRing(span: settings.long, buckets: 60)
        shortRing = BucketRing(span: settings.short, buckets: 60)
    }

    public mutating func count(bad: Bool, at time: Int64) {
        longRing.add(bad: bad, at: time)
        shortRing.add(bad: bad, at: time)
    }

    public func reading(at time: Int64) -> Reading {
        let long = burn(longRing.counts(at: time))
        let short = burn(shortRing.counts(at: time))
        return Reading(long: long, short: short, isFiring: long >= settings.burnThousandths && short >= settings.burnThousandths)
    }

    /// The share of bad outcomes over the share that is allowed: (bad / all) / ((10^6 - good) / 10^6), in thousandths. Both are shares.
    private func burn(_ counts: (bad: Int64, all: Int64)) -> Int64 {
        guard counts.all > 0 else { return 0 }
        return Int64(clamping: Int128(counts.bad) * 1_000_000_000 / (Int128(counts.all) * Int128(1_000_000 - settings.goodPerMillion)))
    }
}
