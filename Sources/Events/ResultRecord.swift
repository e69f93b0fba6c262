// SPDX-License-Identifier: Apache-2.0
//
// The result record: what `--result` writes and the log's exit record holds. Other programs build on it, so that names and meanings stay: the
// interface's section "Result record". Every member is always there; null means that it does not apply or was not measured.

public import JSON

public struct ResultRecord: Sendable, Hashable {
    public enum Status: String, Sendable, Hashable, CaseIterable { case exited, signaled, killed, refused }

    /// How limits are read and held on this machine.
    public enum Backend: String, Sendable, Hashable, CaseIterable { case v2, hybrid, v1, none }

    /// A kill, proved.
    public struct Kill: Sendable, Hashable {
        /// Microseconds of CLOCK_BOOTTIME, as in events.
        public var issuedMicroseconds: Int64
        /// When the last process was gone; nil where some were left.
        public var allGoneMicroseconds: Int64?
        /// Processes that were still there when waiting ended.
        public var left: Int64

        public init(issuedMicroseconds: Int64, allGoneMicroseconds: Int64?, left: Int64) {
            self.issuedMicroseconds = issuedMicroseconds
            self.allGoneMicroseconds = allGoneMicroseconds
            self.left = left
        }
    }

    /// One stage of a launch and how long it took.
    public struct Stage: Sendable, Hashable {
        /// snake_case, stable.
        public var name: String
        public var microseconds: Int64

        public init(name: String, microseconds: Int64) {
            self.name = name
            self.microseconds = microseconds
        }
    }

    public var session: SessionID?
    public var cell: CellID?
    public var status: Status
    /// The command's own, with status `exited`.
    public var exitCode: Int32?
    /// The signal's number, with status `signaled`, or `killed` where one ended it.
    public var signal: Int32?
    public var cause: Cause?
    public var usage = Usage()
    public var oomKills: Int64?
    public var denials: [Denial] = []
    public var protections: [Protection: ProtectionStatus] = [:]
    public var backend = Backend.none
    /// In the order of the launch; a name occurs once.
    public var launch: [Stage] = []
    public var kill: Kill?
    /// How long the cell stood frozen.
    public var frozenMicroseconds: Int64 = 0
    /// The changes of rung, the first ones of many; nil for a cell without a ladder.
    public var ladder: [RungChange]?
    /// By endpoint; nil for a cell that reaches nothing by name.
    public var connections: [ConnectionCount]?

    public init(status: Status) { self.status = status }

    /// One object with sorted members; see the interface for each.
    public var json: Value {
        let protections = Protection.allCases.compactMap { protection in
            self.protections[protection].map { (protection.rawValue, $0.json) }
        }
        let members: [(String, Value)] = [
            ("fumehood", 1), ("session", .text(session?.text)), ("cell", .text(cell?.text)),
            ("status", .string(status.rawValue)), ("exit_code", .count(exitCode.map(Int64.init))), ("signal", .count(signal.map(Int64.init))),
            ("cause", cause?.json ?? .null), ("oom_kills", .count(oomKills)), ("denials", .array(denials.map(\.json))),
            ("protections", sorted(protections)), ("backend", .string(backend.rawValue)),
            ("launch_us", sorted(launch.map { ($0.name, .integer($0.microseconds)) })), ("kill", kill?.json ?? .null),
            ("frozen_us", .integer(frozenMicroseconds)), ("ladder", ladder.map { .array($0.map(\.json)) } ?? .null),
            ("connections", connections.map { .array($0.map(\.json)) } ?? .null),
        ]
        return sorted(members + usage.members)
    }

    /// The JSON form and a line feed.
    public var line: [UInt8] { json.serialisedBytes() + [0x0a] }
}

extension ProtectionStatus {
    /// `{"status":"on"}`, or with `missing`, a list, where something is.
    public var json: Value {
        missing.isEmpty ? ["status": .string(word)] : ["missing": .array(missing.map(Value.string)), "status": .string(word)]
    }
}

extension ResultRecord.Kill {
    /// Members `all_gone_us`, `issued_us`, `left`.
    public var json: Value {
        ["all_gone_us": .count(allGoneMicroseconds), "issued_us": .integer(issuedMicroseconds), "left": .integer(left)]
    }
}
