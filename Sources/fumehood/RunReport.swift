// SPDX-License-Identifier: Apache-2.0
// What a run leaves behind for people and programs: the result record, the event lines, the footer and the exit code.

import Config
import Events
import Glibc
import Governance
import JSON
import Linux
import Sandbox
import Session

struct RunReport {
    var options: RunOptions?
    var protections: [Protection: ProtectionStatus] = [:]
    var nested = false
    private var result: RecordSink?
    private var events: RecordSink?
    /// Nanoseconds that a record waits for its reader.
    var patience: UInt64 = 5_000_000_000
    /// A record that somebody asked for could not be written.
    var isIncomplete: Bool { result?.hasFailed == true || events?.hasFailed == true }
    lazy var session = RunReport.freshID(SessionKind.self)
    lazy var cell = RunReport.freshID(CellKind.self)
    /// The records of the run, once the door has let it go.
    var governing: Governing?
    /// Whether anybody reads the record.
    var isRead: Bool { result != nil || events != nil || governing?.keepsRecords == true }

    /// Opened before anything is started: a result that cannot be written is a refusal, not a surprise at the end.
    mutating func openSinks() throws {
        result = try options?.result.map { sink throws(UsageError) in try RecordSink(sink, flag: "--result") }
        events = try options?.events.map { sink throws(UsageError) in try RecordSink(sink, flag: "--events") }
    }

    /// The files that records go to: the cell is not to write them, whatever it may write around them.
    func protect(in request: inout CellRequest) throws(UsageError) {
        let grants = request.rules.filter { $0.kind == .write }.map { (try? Files.resolve($0.path)) ?? $0.path }
        for (sink, flag) in [(result, "--result"), (events, "--events")] {
            guard let sink, let path = sink.path else { continue }
            try sink.refuseLinked(within: grants)
            request.rules.append(CellRequest.Rule(.protect, path, origin: flag))
        }
    }

    private static func freshID<Kind>(_ kind: Kind.Type) -> ID<Kind> {
        let random = (try? Host.random64()) ?? Clock.wall
        return ID<Kind>(bytes: (0..<6).map { UInt8(truncatingIfNeeded: random >> ($0 * 8)) })!
    }

    // Events ----------------------------------------------------------------------------------------------------------

    private mutating func event(_ kind: Event.Kind, _ data: @autoclosure () -> Value) {
        guard let events else { return }
        let line = Event(
            kind, session: session, cell: cell, call: nil, timeMicroseconds: Int64(Clock.wall / 1000), bootMicroseconds: Int64(Clock.boottime / 1000),
            data: data()
        ).line
        events.write(line, patience: patience, isLast: kind == .cellExited || kind == .cellRefused)
    }

    mutating func begin(command: [String]) {
        event(.cellStarted, ["command": .array(command.map { .string(KernelText.shown($0)) })])
    }

    /// Only where somebody listens: a denial then costs nothing more. This is called in the supervisor's loop, and how many denials
    /// there are is the cell's choice: an event for which the reader has left no room is not written, or a slow reader would keep
    /// deadlines and refusals waiting. The record at the end holds them all.
    var denialSink: (([Denial]) -> Void)? {
        mutating get {
            guard let events else { return nil }
            _ = (session, cell)
            var report = self
            return { denials in for denial in denials where events.isReady { report.event(.denial, denial.json) } }
        }
    }

    /// The same for changes of rung: written where there is room, and all in the record at the end.
    var rungSink: ((RungChange) -> Void)? {
        mutating get {
            guard let events else { return nil }
            _ = (session, cell)
            var report = self
            return { change in if events.isReady { report.event(.rung, change.json) } }
        }
    }

    // Ends ------------------------------------------------------------------------------------------------------------

    /// Nothing was started.
    mutating func refuse(_ text: String, help: String? = nil, code: Int32 = 125, cause: Cause? = nil) -> Int32 {
        Messages.error(text, help: help)
        if !isRead { return code }
        var record = ResultRecord(status: .refused)
        record.session = session
        record.exitCode = code
        record.cause = cause ?? .message(text)
        record.protections = protections
        result?.write(record.line, patience: patience, isLast: true)
        event(.cellRefused, record.json)
        if let governing {
            record.cell = cell
            if let lost = governing.end(record) { Messages.note(lost) }
        }
        return code
    }

    /// The door did not let it go.
    mutating func refuse(_ refusal: Refusal) -> Int32 {
        let by = refusal.policies.isEmpty ? "" : " by policy `\(refusal.policies.joined(separator: "`, `"))`"
        return refuse("refused\(by): \(refusal.reason)", help: refusal.remedy, cause: refusal.policies.first.map { .policy($0) })
    }

    mutating func refuse(_ error: ConfigError) -> Int32 {
        var place = error.file
        if let mark = error.mark { place += ":\(mark)" }
        if !error.path.isEmpty { place += ": \(error.path)" }
        return refuse("\(place): \(error.message)", help: error.help)
    }

    /// The kernel's limit of processor time ends a process by a signal that anybody can send: it was the limit where that much was used.
    private static func judged(_ outcome: Outcome, _ limits: [ResourceLimit]) -> Outcome.End {
        guard case .exited(.signaled(let signal)) = outcome.end, signal == SIGXCPU || signal == SIGKILL, let limit = limits.first(where: { $0.name == "cpu" })
        else {
            return outcome.end
        }
        let used = outcome.usage.userMicroseconds + outcome.usage.systemMicroseconds, bound = limit.soft &* 1_000_000
        // The kernel counts whole ticks for its limit and the true time for its account: they differ by some parts in a hundred.
        if used < bound / 10 * 9 { return outcome.end }
        return .killed(.limit(.cpuTime, bound: Int64(clamping: bound), reading: Int64(clamping: used)))
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
            record.ladder = outcome.ladder
            record.connections = outcome.connections
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
        switch RunReport.judged(outcome, launch.planned.spec.limits) {
        case .exited(.exited(let status)):
            code = status
            record.exitCode = status
        case .exited(.signaled(let signal)):
            code = 128 + signal
            record.status = .signaled
            record.signal = signal
            record.exitCode = code
            if signal == SIGSYS { record.cause = .message("a call by another architecture's convention was killed by the syscall filter") }
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
            result?.write(record.line, patience: patience, isLast: true)
            event(.cellExited, record.json)
        }
        var lost: String?
        if let governing { lost = governing.end(record) }
        if let lost { Messages.note(lost) }
        if options?.quiet != true {
            Footer.write(
                record, isLogged: lost == nil && governing?.keepsRecords == true, unseen: launch.planned.unseen, notes: launch.planned.notes + outcome.notes)
        }
        // Whoever asked for a record goes by it.
        return isIncomplete ? 125 : code
    }
}
