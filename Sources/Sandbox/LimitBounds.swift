// SPDX-License-Identifier: Apache-2.0
// Limits that cannot be kept, or that no cell could live under, refused where somebody wrote them: too small for any program,
// above the machine, in contradiction to one another. The defaults of built-in profiles are not held against the machine:
// what they leave open a small one bounds by itself.

import Config
package import Events
import Linux

/// How large the machine is.
package enum Machine: Equatable, Sendable {
    case unknown
    case known(memoryBytes: Int64, cores: Int)

    package static func current() -> Machine { .known(memoryBytes: Int64(clamping: Host.memoryBytes()), cores: Host.processors()) }
}

extension Limit {
    /// Bytes in which a process can start at all.
    static let leastMemory: Int64 = 1 << 20
    /// A hundredth of a core: the kernel hands out no less than a millisecond of each hundred.
    static let leastCores: Int64 = 10
    /// A hundred years, microseconds.
    static let longestTime: Int64 = 876_000 * 3_600_000_000
    /// The standard streams, and one file.
    static let leastFiles: Int64 = 4

    /// Why this bound cannot be; nil for one that can. - Parameter text: as it was written.
    func fault(_ bound: Int64, _ text: String, on machine: Machine) -> ProfileFault? {
        switch self {
        case .memory where bound < Limit.leastMemory:
            return ProfileFault(message: "\(quoted(text)) of memory is too little for any program", help: "`1M` is the least")
        case .cpu where bound < Limit.leastCores:
            return ProfileFault(message: "\(quoted(text)) of a core is too little to be kept", help: "`0.01` is the least")
        case .openFiles where bound < Limit.leastFiles:
            return ProfileFault(
                message: "\(quoted(text)) open files are too few for any program", help: "`4` is the least: the three standard streams and one file")
        case .wall where bound > Limit.longestTime, .cpuTime where bound > Limit.longestTime:
            return ProfileFault(message: "\(quoted(text)) is longer than time can be counted here", help: "`876000h`, a hundred years, is the most")
        default: break
        }
        guard case .known(let memory, let cores) = machine else { return nil }
        switch self {
        case .memory where bound > memory:
            return ProfileFault(message: "\(quoted(text)) of memory is more than this machine has", help: "it has \(memory >> 20)M")
        case .cpu where bound > Int64(cores) * 1000:
            return ProfileFault(message: "\(quoted(text)) cores are more than this machine has", help: "it has \(cores)")
        case .pids where bound > Limit.mostProcesses:
            return ProfileFault(message: "\(quoted(text)) processes are more than any Linux machine can have", help: "\(Limit.mostProcesses) is the most")
        default: return nil
        }
    }

    /// Kernel: PID_MAX_LIMIT.
    static let mostProcesses: Int64 = 4_194_304

    /// A limit that another one of the same place makes void, with the sentence that says so.
    package static func contradiction(_ bounds: [Limit: Int64], on machine: Machine) -> (limit: Limit, message: String, help: String)? {
        if let file = bounds[.fileSize], let disk = bounds[.disk], file > disk {
            return (.fileSize, "a file of `file_size` would be larger than all that `disk` lets be written", "lower `file_size`, or raise `disk`")
        }
        if let time = bounds[.cpuTime], let wall = bounds[.wall] {
            var cores = bounds[.cpu] ?? .max
            if case .known(_, let count) = machine { cores = min(cores, Int64(count) * 1000) }
            let (most, overflow) = wall.multipliedReportingOverflow(by: cores)
            if cores != .max, !overflow, time > most / 1000 {
                return (
                    .cpuTime, "so much processor time cannot be used within the time that the cell has", "lower the processor time, or raise the time limit"
                )
            }
        }
        return nil
    }
}
