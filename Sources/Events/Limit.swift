// SPDX-License-Identifier: Apache-2.0
//
// The limits by name, what was read of each, and why a cell was ended: the table "Limits: one name each" of the interface.

public import JSON

/// A limit. The raw value is its key in a profile and, with hyphens, its flag.
public enum Limit: String, Sendable, Hashable, CaseIterable {
    case wall, memory, pids, cpu
    case cpuTime = "cpu_time"
    case disk, inodes
    case fileSize = "file_size"
    case openFiles = "open_files"
    case output
    case usd
    case tokensIn = "tokens_in"
    case tokensOut = "tokens_out"
    case calls

    /// The unit of its bound and readings, as record names end.
    public var unit: String {
        switch self {
        case .wall, .cpuTime: "us"
        case .memory, .disk, .fileSize, .output: "bytes"
        case .cpu: "millicores"
        case .usd: "micros"
        case .pids, .inodes, .openFiles, .tokensIn, .tokensOut, .calls: "count"
        }
    }
}

/// What one cell used. Nil where nothing was measured, which the record shows as null.
public struct Usage: Sendable, Hashable {
    public var wallMicroseconds: Int64?
    public var memoryPeakBytes: Int64?
    /// Processes and threads at once.
    public var pidsPeak: Int64?
    public var throttledMicroseconds: Int64?
    public var cpuUserMicroseconds: Int64?
    public var cpuSystemMicroseconds: Int64?
    public var bytesWritten: Int64?
    /// Passed to the command's stdin.
    public var bytesIn: Int64?
    /// stdout and stderr together.
    public var bytesOut: Int64?
    /// Millionths of a dollar, rounded up.
    public var usdMicros: Int64?
    public var tokensIn: Int64?
    public var tokensOut: Int64?
    public var calls: Int64?

    public init() {}

    /// The record names of the interface, each with its value.
    var members: [(String, Value)] {
        [
            ("wall_us", .count(wallMicroseconds)), ("memory_peak_bytes", .count(memoryPeakBytes)), ("pids_peak", .count(pidsPeak)),
            ("throttled_us", .count(throttledMicroseconds)), ("cpu_user_us", .count(cpuUserMicroseconds)),
            ("cpu_system_us", .count(cpuSystemMicroseconds)), ("bytes_written", .count(bytesWritten)), ("bytes_in", .count(bytesIn)),
            ("bytes_out", .count(bytesOut)),
            ("usd_micros", .count(usdMicros)), ("tokens_in", .count(tokensIn)), ("tokens_out", .count(tokensOut)), ("calls", .count(calls)),
        ]
    }
}

/// Why a cell ended other than by itself, or was not built.
public enum Cause: Sendable, Hashable {
    /// A limit with its bound and the reading that crossed it, both in the limit's unit.
    case limit(Limit, bound: Int64, reading: Int64)
    /// The ladder ended it, with the reading that did.
    case ladder(RungChange)
    /// The id of the policy that decided.
    case policy(String)
    /// Walls that could not be built.
    case missing([Protection])
    /// Anything else, in a sentence: a wrong flag, a file that is not there.
    case message(String)

    /// One object: `limit` with `limit_UNIT` and `reading_UNIT`; or `ladder`, a change of rung; or `policy`; or `missing`; or `message`.
    public var json: Value {
        switch self {
        case .limit(let limit, let bound, let reading):
            sorted([
                ("limit", .string(limit.rawValue)), ("limit_\(limit.unit)", .integer(bound)), ("reading_\(limit.unit)", .integer(reading)),
            ])
        case .ladder(let change): ["ladder": change.json]
        case .policy(let id): ["policy": .string(id)]
        case .missing(let walls): ["missing": .array(walls.map { .string($0.rawValue) })]
        case .message(let message): ["message": .string(message)]
        }
    }
}
