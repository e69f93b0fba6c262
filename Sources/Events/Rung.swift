// SPDX-License-Identifier: Apache-2.0
//
// The ladder by name: its rungs, what is read of a running cell, and one change of rung with the reading that caused it. When a rung is taken
// is not known here.

public import JSON

/// A step of the ladder, from nothing to the kill.
public enum Rung: Int, Sendable, Hashable, CaseIterable, Comparable {
    case observe, warn, slow, throttle, freeze, terminate, kill

    /// As profiles and records write it.
    public var name: String {
        switch self {
        case .observe: "observe"
        case .warn: "warn"
        case .slow: "slow"
        case .throttle: "throttle"
        case .freeze: "freeze"
        case .terminate: "terminate"
        case .kill: "kill"
        }
    }

    public init?(name: String) {
        guard let rung = Rung.allCases.first(where: { $0.name == name }) else { return nil }
        self = rung
    }

    public static func < (a: Rung, b: Rung) -> Bool { a.rawValue < b.rawValue }

    /// Nobody comes down from here.
    public var isFinal: Bool { self >= .terminate }
}

/// What is read of a running cell. The raw value is its place in tables.
public enum Gauge: Int, Sendable, Hashable, CaseIterable {
    case cpu, cpuTime, memory, pids, refusedForks, pressureCPU, pressureMemory, pressureIO, output, outputRate, disk, writeRate, wall, callRate, denialRate
    case callLoops

    /// As profiles and records write it.
    public var name: String {
        switch self {
        case .cpu: "cpu"
        case .cpuTime: "cpu_time"
        case .memory: "memory"
        case .pids: "pids"
        case .refusedForks: "refused_forks"
        case .pressureCPU: "pressure_cpu"
        case .pressureMemory: "pressure_memory"
        case .pressureIO: "pressure_io"
        case .output: "output"
        case .outputRate: "output_rate"
        case .disk: "disk"
        case .writeRate: "write_rate"
        case .wall: "wall"
        case .callRate: "call_rate"
        case .denialRate: "denial_rate"
        case .callLoops: "call_loops"
        }
    }

    public init?(name: String) {
        guard let gauge = Gauge.allCases.first(where: { $0.name == name }) else { return nil }
        self = gauge
    }

    /// The unit of its bounds and readings, as record names end. Rates are by the second.
    public var unit: String {
        switch self {
        case .cpu: "millicores"
        case .cpuTime, .wall: "us"
        case .memory, .output, .outputRate, .disk, .writeRate: "bytes"
        case .pids, .refusedForks, .callRate, .denialRate, .callLoops: "count"
        case .pressureCPU, .pressureMemory, .pressureIO: "percent"
        }
    }

    /// Only ever grows: nothing that is done to the cell lets it fall.
    public var isTotal: Bool {
        switch self {
        case .cpuTime, .output, .disk, .wall: true
        default: false
        }
    }

    /// The limit of the same quantity, which a bound in percent is of.
    public var limit: Limit? {
        switch self {
        case .cpu: .cpu
        case .cpuTime: .cpuTime
        case .memory: .memory
        case .pids: .pids
        case .output: .output
        case .disk: .disk
        case .wall: .wall
        default: nil
        }
    }
}

/// A change of rung, up or down, and what caused it.
public struct RungChange: Sendable, Hashable {
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The reading, by the profile's rules.
        case reading
        /// A policy decided on the crossing.
        case policy
        /// The time that a rung lasts is over.
        case time
        /// A person.
        case person
    }

    public var from: Rung
    public var to: Rung
    public var reason: Reason
    public var gauge: Gauge
    /// Both in the gauge's unit. The bound is that of the higher of both rungs.
    public var bound: Int64
    public var reading: Int64
    /// Microseconds since the command's start.
    public var wallMicroseconds: Int64

    public init(from: Rung, to: Rung, reason: Reason, gauge: Gauge, bound: Int64, reading: Int64, wallMicroseconds: Int64) {
        self.from = from
        self.to = to
        self.reason = reason
        self.gauge = gauge
        self.bound = bound
        self.reading = reading
        self.wallMicroseconds = wallMicroseconds
    }

    /// `cpu` read 1200 millicores, bound 800.
    public var cause: String { "`\(gauge.name)` read \(reading)\(gauge.unit == "count" ? "" : " " + gauge.unit), bound \(bound)" }

    /// Members `bound_UNIT`, `from`, `gauge`, `reading_UNIT`, `reason`, `rung`, `wall_us`.
    public var json: Value {
        sorted([
            ("rung", .string(to.name)), ("from", .string(from.name)), ("reason", .string(reason.rawValue)), ("gauge", .string(gauge.name)),
            ("bound_" + gauge.unit, .integer(bound)), ("reading_" + gauge.unit, .integer(reading)), ("wall_us", .integer(wallMicroseconds)),
        ])
    }
}
