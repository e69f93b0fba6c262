// SPDX-License-Identifier: Apache-2.0
// What a cell's PID 1 says on the control socket. Wire form: cl_report in CLinux/include/clinux.h.

import CLinux
package import Linux

package enum Report: Equatable, Sendable {
    /// An operation of the plan failed; the cell is gone.
    case failed(step: Int, code: Int32)
    /// The command runs. Optional steps that failed, and the times of the stages in nanoseconds of CLOCK_MONOTONIC.
    case launched(soft: [SoftFailure], stages: StageTimes)
    /// The cell's terminal was made; its master comes with the packet.
    case terminal
    /// The resolver's socket was made; it comes with the packet.
    case resolver
    /// The command has ended and nothing is left of the cell but PID 1.
    case exited(WaitStatus, Usage)

    package struct SoftFailure: Equatable, Sendable {
        package let step: Int
        package let code: Int32
    }

    /// Nanoseconds of CLOCK_MONOTONIC; 0 for a stage that was not come to.
    package struct StageTimes: Equatable, Sendable {
        private let times: [UInt64]
        package init(_ times: [UInt64] = []) { self.times = times }
        package subscript(stage: Stage) -> UInt64 { times.indices.contains(Int(stage.rawValue)) ? times[Int(stage.rawValue)] : 0 }
    }

    /// Of the whole tree, dead children included.
    package struct Usage: Equatable, Sendable {
        package var userMicroseconds: UInt64 = 0
        package var systemMicroseconds: UInt64 = 0
        /// The largest resident set of any one process.
        package var peakKibibytes: UInt64 = 0
        /// Sent to disks; files in memory (tmpfs) are not counted.
        package var writtenBytes: UInt64 = 0
        package init() {}
    }

    /// - Returns: nil for a packet that is not a report.
    package init?(_ packet: [UInt8]) {
        guard packet.count == MemoryLayout<cl_report>.size else { return nil }
        let raw = unsafe packet.withUnsafeBytes { unsafe $0.loadUnaligned(as: cl_report.self) }
        switch raw.kind {
        case .CL_REPORT_FAILED: self = .failed(step: Int(raw.op), code: raw.error)
        case .CL_REPORT_LAUNCHED:
            var soft: [SoftFailure] = []
            unsafe withUnsafeBytes(of: raw.soft) { bytes in
                for i in 0..<min(Int(raw.soft_count), Int(CL_SOFT)) {
                    soft.append(
                        SoftFailure(
                            step: Int(unsafe bytes.load(fromByteOffset: 8 * i, as: UInt32.self)),
                            code: unsafe bytes.load(fromByteOffset: 8 * i + 4, as: Int32.self)))
                }
            }
            let times = unsafe withUnsafeBytes(of: raw.stage_ns) { unsafe Array($0.bindMemory(to: UInt64.self)) }
            self = .launched(soft: soft, stages: StageTimes(times))
        case .CL_REPORT_TERMINAL: self = .terminal
        case .CL_REPORT_RESOLVER: self = .resolver
        case .CL_REPORT_EXITED:
            var usage = Usage()
            usage.userMicroseconds = raw.user_us
            usage.systemMicroseconds = raw.system_us
            usage.peakKibibytes = raw.max_rss_kib
            usage.writtenBytes = raw.written_bytes
            self = .exited(WaitStatus(word: raw.status), usage)
        }
    }

    /// Bytes of one packet.
    package static let size = MemoryLayout<cl_report>.size
}
