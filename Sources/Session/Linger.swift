// SPDX-License-Identifier: Apache-2.0
// Whether to look once more before sleeping. Waking a thread that sleeps costs 40 us and more on a virtual machine, a message that passes
// pays it on its way there and back, and what a tool answers at once is there sooner than that. So the loop yields and looks for a moment,
// but only after events that were soon followed by another: a predictor for each source, whose mistakes cost it twice as much each time.
// Where nothing comes soon nothing is spent.

package struct Linger {
    /// Nanoseconds that are spent looking at most.
    package static let longest: UInt64 = 400_000
    /// What comes sooner than this after falling asleep may be seen by looking: most of that time is waking others, and ourselves.
    static let soon: UInt64 = 2_000_000
    private static let sources = 64
    private static let cheapest: Int32 = 2
    private static let dearest: Int32 = 1024

    private struct Source {
        /// Times in a row that something came soon, and how many it takes.
        var credit: Int32 = 0
        var price: Int32 = 2
    }

    private var sources = [Source](repeating: Source(), count: Linger.sources)
    private var last = 0

    package init() {}

    /// After what came last, the next is likely to come at once.
    package var isWorth: Bool { sources[last].credit >= sources[last].price }

    /// Something came.
    /// - Parameters:
    ///   - nanoseconds: since the loop had nothing more to do.
    ///   - wasLooked: it was looked for, whether or not it came in that time.
    ///   - source: from where; the guess about the next goes by it.
    package mutating func came(after nanoseconds: UInt64, wasLooked: Bool, from source: Int) {
        var known = sources[last]
        if nanoseconds <= (wasLooked ? Linger.longest : Linger.soon) {
            known.credit = min(known.credit + 1, Linger.dearest)
            if wasLooked { known.price = max(known.price / 2, Linger.cheapest) }
        } else {
            known.credit = 0
            if wasLooked { known.price = min(known.price * 2, Linger.dearest) }
        }
        sources[last] = known
        last = source & (Linger.sources - 1)
    }
}
