// SPDX-License-Identifier: Apache-2.0
// What the calls of a governed server and the ladder of its cell know of one another: how many calls there were, how many of them were refused
// or went in circles; and the other way, how fast they may come, what the agent is to be told, why nothing is answered. It decides nothing.

import Broker
import Events
package import JSON

package final class CallTally {
    private(set) var calls: UInt64 = 0
    private(set) var denials: UInt64 = 0
    private var loops: Int64 = 0
    private var lastLoop: Instant = 0
    /// Calls of the last minute by the second; ``minuteOf`` says which second each stands for.
    private var minute = [UInt32](repeating: 0, count: 60)
    private var minuteOf = [Int64](repeating: -1, count: 60)

    /// Nanoseconds from one call to the next; nil for as they come.
    private(set) var spacing: Int64?
    /// When the next may be taken; nil for at once. Nanoseconds of CLOCK_BOOTTIME, as all times here.
    private(set) var opens: Instant?
    private var lastOpened: Instant = 0
    private var lastHeld: Instant = 0
    private var notes: [String] = []
    var standstill: String?
    /// What is left of the session's budget, for those who show it.
    package var budget: (() -> Value)?

    /// Notes that wait for a result; more of them say nothing more.
    static let mostNotes = 4
    /// Nanoseconds after which a circle counts as left.
    static let loopLasts: Instant = 2_000_000_000

    package init() {}

    // What calls tell ---------------------------------------------------------------------------------------------------

    func took(at now: Instant, isRefused: Bool, isLooped: Bool) {
        calls += 1
        if isRefused { denials += 1 }
        if isLooped {
            loops = now - lastLoop < CallTally.loopLasts ? loops + 1 : 1
            lastLoop = now
        } else {
            loops = 0
        }
        let second = now / 1_000_000_000, place = Int(second % 60)
        if minuteOf[place] != second { (minuteOf[place], minute[place]) = (second, 0) }
        minute[place] += 1
        guard let spacing else { return }
        open(at: now)
        // Taken as soon as it was allowed to: it had waited.
        if now - lastOpened < 50_000_000 { lastHeld = now }
        opens = max(now, opens ?? now) + spacing
    }

    /// A pending call was refused in the end.
    func refused() { denials += 1 }

    /// The time that the next was to wait for has come.
    func open(at now: Instant) { if let time = opens, now >= time { (opens, lastOpened) = (nil, time) } }

    func takesMore(at now: Instant) -> Bool { opens.map { now >= $0 } ?? true }

    func takeNotes() -> [String] {
        defer { notes = [] }
        return notes
    }

    // What the ladder tells ---------------------------------------------------------------------------------------------

    /// - Parameter rate: calls a second; nil for as they come.
    func pace(_ rate: Int64?) {
        spacing = rate.map { 1_000_000_000 / max(1, $0) }
        if rate == nil { opens = nil }
    }

    func tell(_ note: String) { if notes.count < CallTally.mostNotes { notes.append(note) } }

    /// Calls in a row that went in circles.
    func loops(at now: Instant) -> Int64 { now - lastLoop < CallTally.loopLasts ? loops : 0 }

    /// A call had to wait lately: there would be more of them.
    func isHolding(at now: Instant) -> Bool { spacing.map { now - lastHeld < 2 * $0 + 500_000_000 } ?? false }

    /// Calls of the last sixty seconds.
    func lastMinute(at now: Instant) -> Int64 {
        let second = now / 1_000_000_000
        return minute.indices.reduce(0) { $0 + (second - minuteOf[$1] < 60 && minuteOf[$1] >= 0 ? Int64(minute[$1]) : 0) }
    }
}
