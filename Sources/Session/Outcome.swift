// SPDX-License-Identifier: Apache-2.0
// What a run came to, and the bounds that the loop itself watches: values that go into the supervisor and come out of it.

package import Events
package import Linux
package import Sandbox

/// What a run came to, before it is written as a record.
package struct Outcome: Sendable {
    package enum End: Equatable, Sendable {
        case exited(WaitStatus)
        /// We ended it.
        case killed(Cause)
        case failed(LaunchError)
    }

    package var end: End
    package var usage = Report.Usage()
    package var bytesOut: UInt64 = 0
    package var bytesIn: UInt64 = 0
    package var denials: [Denial] = []
    /// Nanoseconds from the command's start to its end.
    package var wall: UInt64 = 0
    package var soft: [Report.SoftFailure] = []
    /// When the run began, the clone was asked for and the command was known to run; nanoseconds of CLOCK_MONOTONIC.
    package var began: UInt64 = 0
    package var cloneBegan: UInt64 = 0
    package var started: UInt64 = 0
    package var stages = Report.StageTimes()
    package var kill: ResultRecord.Kill?
    package var tree = TreeUsage()
    package var frozenMicroseconds: UInt64 = 0
    /// The changes of rung; nil for a cell without a ladder.
    package var ladder: [RungChange]?
    /// By endpoint; nil for a cell that reaches nothing by name.
    package var connections: [ConnectionCount]?
    package var notes: [String] = []
}

/// Bounds that the loop itself watches.
package struct LoopLimits: Sendable {
    /// Nanoseconds from the command's start; nil for none.
    package var wall: UInt64?
    /// Bytes of stdout and stderr together; nil for any number.
    package var output: UInt64?
    /// Thousandths of a core, which groups hold; for those who show it.
    package var cores: UInt64?
    /// What is measured while the cell runs.
    package var measured = MeasuredLimits()
    /// Whether anybody reads what the cell used.
    package var accounts = true
    /// Nanoseconds that building the cell may take.
    package var launch: UInt64 = 20_000_000_000

    package init(wall: UInt64?, output: UInt64?) {
        self.wall = wall
        self.output = output
    }
}

extension Outcome {
    /// What each stage of the launch took.
    package var launch: [ResultRecord.Stage] {
        if started == 0 { return [] }
        var list = [ResultRecord.Stage(name: "prepared", microseconds: Int64((cloneBegan - began) / 1000))]
        var last = cloneBegan
        for stage in Stage.allCases {
            let time = stages[stage]
            guard time >= last else { continue }
            list.append(ResultRecord.Stage(name: stage.name, microseconds: Int64((time - last) / 1000)))
            last = time
        }
        list.append(ResultRecord.Stage(name: "running", microseconds: Int64((started - min(last, started)) / 1000)))
        return list
    }
}
