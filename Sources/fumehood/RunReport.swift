// SPDX-License-Identifier: Apache-2.0
// What a run leaves behind for people and programs: the result record, the event lines, the footer and the exit code.

import Config
import Events
import Glibc
import JSON
import Linux
import Sandbox
import Session

struct RunReport {
    var options: RunOptions?
    var protections: [Protection: ProtectionStatus] = [:]
    var nested = false
    private var result: Int32?
    private var events: Int32?
    lazy var session = RunReport.freshID(SessionKind.self)
    lazy var cell = RunReport.freshID(CellKind.self)
    /// Whether anybody reads the record; most runs have nobody to write it for.
    var isRead: Bool { result != nil || events != nil }

    /// Opened before anything is started: a result that cannot be written is a refusal, not a surprise at the end.
    mutating func openSinks() throws {
        result = try options?.result.map(RunReport.open)
        events = try options?.events.map(RunReport.open)
    }

    private static func open(_ sink: Sink) throws -> Int32 {
        switch sink {
        case .descriptor(let number):
            guard fcntl(number, F_GETFD) >= 0 else { throw UsageError("descriptor \(number) is not open", help: nil) }
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
            return number
        case .file(let path):
            do {
                return try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, mode: 0o600).release()
            } catch {
                throw UsageError("cannot write `\(path)`: \(errnoText(error.code)) (\(error.name))", help: nil)
            }
        }
    }

    private static func freshID<Kind>(_ kind: Kind.Type) -> ID<Kind> {
        let random = (try? Host.random64()) ?? Clock.wall
        return ID<Kind>(bytes: (0..<6).map { UInt8(truncatingIfNeeded: random >> ($0 * 8)) })!
    }

    private static func write(_ bytes: [UInt8], to number: Int32?) {
        guard let number else { return }
        let target = Descriptor(owning: number)
        do { try target.writeAll(bytes) } catch { Messages.note("a record could not be written: \(errnoText(error.code)) (\(error.name))") }
        _ = target.release()
    }

    // Events ----------------------------------------------------------------------------------------------------------

    private mutating func event(_ kind: Event.Kind, _ data: @autoclosure () -> Value) {
        guard let events else { return }
        let line = Event(
            kind, session: session, cell: cell, call: nil, timeMicroseconds: Int64(Clock.wall / 1000), bootMicroseconds: Int64(Clock.boottime / 1000),
            data: data()
        ).line
        RunReport.write(line, to: events)
    }

    mutating func begin(command: [String]) {
        event(.cellStarted, ["command": .array(command.map { .string($0) })])
    }

    /// Only where somebody listens: a denial then costs nothing more. This is called in the supervisor's loop, and how many denials
    /// there are is the cell's choice: an event for which the reader has left no room is not written, or a slow reader would keep
    /// deadlines and refusals waiting. The record at the end holds them all.
    var denialSink: (([Denial]) -> Void)? {
        mutating get {
            guard let events else { return nil }
            _ = (session, cell)
            var report = self
            return { denials in for denial in denials where Transfer.isWritable(events) { report.event(.denial, denial.json) } }
        }
    }

    // Ends ------------------------------------------------------------------------------------------------------------

    /// Nothing was started.
    mutating func refuse(_ text: String, help: String? = nil, code: Int32 = 125) -> Int32 {
        Messages.error(text, help: help)
        if !isRead { return code }
        var record = ResultRecord(status: .refused)
        record.session = session
        record.exitCode = code
        record.cause = .message(text)
        record.protections = protections
        RunReport.write(record.line, to: result)
        event(.cellRefused, record.json)
        return code
    }

    mutating func refuse(_ error: ConfigError) -> Int32 {
        var place = error.file
        if let mark = error.mark { place += ":\(mark)" }
        if !error.path.isEmpty { place += ": \(error.path)" }
        return refuse("\(place): \(error.message)", help: error.help)
    }

    /// The run is over, however it went.
    mutating func finish(_ outcome: Outcome, _ launch: PreparedLaunch) -> Int32 {
        if case .failed(let error) = outcome.end {
            let code: Int32 =
                switch error.execution {
                case nil: 125
                case ENOENT?: 127
                default: 126
                }
            return refuse(error.message.text, help: error.message.help, code: code)
        }
        var record = ResultRecord(status: .exited)
        record.denials = outcome.denials
        if isRead {
            record.session = session
            record.cell = cell
            record.backend = launch.planned.spec.groups.backend
            record.usage.memoryPeakBytes = outcome.tree.memoryPeakBytes.map { Int64(clamping: $0) }
            record.usage.pidsPeak = outcome.tree.pidsPeak.map { Int64(clamping: $0) }
            record.usage.throttledMicroseconds = outcome.tree.throttledMicroseconds.map { Int64(clamping: $0) }
            record.usage.bytesWritten = outcome.tree.writtenBytes.map { Int64(clamping: $0) }
            record.oomKills = outcome.tree.memoryKills.map { Int64(clamping: $0) }
            record.frozenMicroseconds = Int64(clamping: outcome.frozenMicroseconds)
            record.protections = Protections.after(launch.planned.protections, soft: outcome.soft, plan: launch.plan)
            if nested { record.protections[.seccomp] = .partial(missing: ["explanations off: nested in another seccomp listener"]) }
            record.launch = outcome.launch
        }
        record.kill = outcome.kill
        record.usage.wallMicroseconds = Int64(outcome.wall / 1000)
        record.usage.cpuUserMicroseconds = Int64(clamping: outcome.tree.userMicroseconds ?? outcome.usage.userMicroseconds)
        record.usage.cpuSystemMicroseconds = Int64(clamping: outcome.tree.systemMicroseconds ?? outcome.usage.systemMicroseconds)
        record.usage.bytesIn = Int64(clamping: outcome.bytesIn)
        record.usage.bytesOut = Int64(clamping: outcome.bytesOut)
        let code: Int32
        switch outcome.end {
        case .exited(.exited(let status)):
            code = status
            record.exitCode = status
        case .exited(.signaled(let signal)):
            code = 128 + signal
            record.status = .signaled
            record.signal = signal
            record.exitCode = code
            if signal == SIGSYS { record.cause = .message("a call by another architecture's convention was killed by the syscall filter") }
            if signal == SIGXCPU, let bound = launch.planned.spec.limits.first(where: { $0.name == "cpu" }) {
                record.cause = .limit(.cpuTime, bound: Int64(bound.soft) * 1_000_000, reading: Int64(outcome.usage.userMicroseconds + outcome.usage.systemMicroseconds))
            }
        case .killed(let cause):
            code = 124
            record.status = .killed
            record.cause = cause
            record.exitCode = code
        case .failed: code = 125
        }
        if isRead {
            if let cause = record.cause, case .limit = cause { event(.limitCrossed, cause.json) }
            if let kill = record.kill { event(.killIssued, kill.json) }
            RunReport.write(record.line, to: result)
            event(.cellExited, record.json)
        }
        if options?.quiet != true { Footer.write(record, unseen: launch.planned.unseen, notes: launch.planned.notes + outcome.notes) }
        return code
    }
}
