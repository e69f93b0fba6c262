// SPDX-License-Identifier: Apache-2.0
// Limits from what runs used: the most that was measured, with head-room, rounded up to a power of two of a floor, so that the same runs give
// the same bytes although no two runs use the same. Never wider than the profile that the runs were made under. Not a prediction: a larger input
// may need more, is ended with the limit's name, and can be learned.

package import Events
import Sandbox

package enum LearnedLimits {
    /// How many times the peak a limit is at least, and what it is at least, in its unit.
    private struct HeadRoom {
        let factor: Int64
        let floor: Int64
    }

    /// Limits that are proposed: what is measured over the whole tree.
    package static let all: [Limit] = [.cpuTime, .disk, .memory, .output, .pids, .wall]

    private static func headRoom(_ limit: Limit) -> HeadRoom? {
        switch limit {
        case .memory: HeadRoom(factor: 4, floor: 256 << 20)
        case .pids: HeadRoom(factor: 4, floor: 64)
        case .cpuTime: HeadRoom(factor: 10, floor: 60_000_000)
        case .wall: HeadRoom(factor: 20, floor: 300_000_000)
        case .disk: HeadRoom(factor: 4, floor: 64 << 20)
        case .output: HeadRoom(factor: 8, floor: 8 << 20)
        default: nil
        }
    }

    /// What a limit should be.
    /// - Parameters:
    ///   - old: what it is already: kept while half of it holds the peak, or it would change with every other run.
    ///   - bound: of the profile above; nil for none.
    package static func proposed(_ limit: Limit, peak: Int64, old: Int64?, bound: Int64?) -> Int64? {
        guard let room = headRoom(limit), peak >= 0 else { return nil }
        if let old, peak <= old / 2 || old == bound { return old }
        var value = room.floor
        while value / room.factor < peak, value < Int64.max / 4 { value *= 2 }
        return max(old ?? 0, min(value, bound ?? .max))
    }

    /// As a profile writes it.
    package static func text(_ limit: Limit, _ value: Int64) -> String {
        switch limit.unit {
        case "us": value % 1_000_000 == 0 ? "\(value / 1_000_000)s" : "\(value)us"
        case "bytes": value % (1 << 20) == 0 ? "\(value >> 20)M" : value % 1024 == 0 ? "\(value >> 10)K" : "\(value)B"
        default: "\(value)"
        }
    }
}
