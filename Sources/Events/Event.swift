// SPDX-License-Identifier: Apache-2.0
//
// Everything that happens is one `Event`. Its JSON form is stable: one line, snake_case, members sorted, integers with their unit in the name,
// `fumehood: 1` for the version. Times are given by the caller; nothing here reads a clock.

public import JSON

public struct Event: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case sessionStarted = "session_started"
        case sessionEnded = "session_ended"
        case cellStarted = "cell_started"
        /// The data is a result record.
        case cellExited = "cell_exited"
        /// A cell that was not built; the data is a result record.
        case cellRefused = "cell_refused"
        /// The data is a denial.
        case denial
        /// A limit was crossed; the data is a cause.
        case limitCrossed = "limit_crossed"
        case killIssued = "kill_issued"
        /// The cell took another rung of its ladder; the data is a change of rung.
        case rung
    }

    public let kind: Kind
    public let session: SessionID
    public let cell: CellID?
    public let call: CallID?
    /// Microseconds since 1970-01-01 UTC.
    public let timeMicroseconds: Int64
    /// Microseconds of CLOCK_BOOTTIME.
    public let bootMicroseconds: Int64
    /// What the kind has to say.
    public let data: Value

    public init(
        _ kind: Kind, session: SessionID, cell: CellID? = nil, call: CallID? = nil, timeMicroseconds: Int64, bootMicroseconds: Int64,
        data: Value = .object(Object())
    ) {
        self.kind = kind
        self.session = session
        self.cell = cell
        self.call = call
        self.timeMicroseconds = timeMicroseconds
        self.bootMicroseconds = bootMicroseconds
        self.data = data
    }

    /// Members `boot_us`, `call`, `cell`, `data`, `fumehood`, `kind`, `session`, `time_us`; `call` and `cell` only where there is one.
    public var json: Value {
        var members: [(String, Value)] = [
            ("fumehood", 1), ("kind", .string(kind.rawValue)), ("session", .string(session.text)), ("time_us", .integer(timeMicroseconds)),
            ("boot_us", .integer(bootMicroseconds)), ("data", data),
        ]
        if let cell { members.append(("cell", .string(cell.text))) }
        if let call { members.append(("call", .string(call.text))) }
        return sorted(members)
    }

    /// The JSON form and a line feed. Control characters within are escaped, so that it is one line and safe to print.
    public var line: [UInt8] { json.serialisedBytes() + [0x0a] }
}
