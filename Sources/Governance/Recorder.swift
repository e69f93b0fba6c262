// SPDX-License-Identifier: Apache-2.0
//
// Where the door's records go: the log, nowhere (`--no-log`), or an array in tests. What counts as written is the recorder's to say.

public import AuditLog
public import Budget
public import Events
public import JSON

/// A record on its way.
public enum Ticket: Sendable {
    /// Nothing is kept, or it is kept already.
    case none
    case log(Log.Ticket)
}

public protocol Recorder {
    /// Takes a record.
    func append(_ record: AuditLog.Record, isStrict: Bool) throws(LogError) -> Ticket
    /// Takes a change of the ledger.
    func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) throws(LogError) -> Ticket
    /// Takes a body; its record comes after it. Nil where bodies are not kept.
    func append(body: JSON.Value) throws(LogError) -> AuditLog.Digest?
    /// Whether it is on disk.
    /// - Throws: what it failed by.
    func isWritten(_ ticket: Ticket) throws(LogError) -> Bool
    /// Waits until it is.
    func wait(for ticket: Ticket, milliseconds: Int) throws(LogError)
    /// What the disk refused the last records by; nil while it takes them.
    var refusal: LogError? { get }
}

extension Recorder {
    public var refusal: LogError? { nil }
}

extension Log: Recorder {
    public func append(_ record: AuditLog.Record, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        .log(try append(record, isStrict ? Durability.strict : .fast))
    }

    public func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        .log(try append(change, at: at, session: session, isStrict ? Durability.strict : .fast))
    }

    public func append(body: JSON.Value) throws(LogError) -> AuditLog.Digest? {
        let digest: AuditLog.Digest = try append(body: body)
        return digest
    }

    public func isWritten(_ ticket: Governance.Ticket) throws(LogError) -> Bool {
        guard case .log(let ticket) = ticket else { return true }
        return try outcome(of: ticket) != nil
    }

    public func wait(for ticket: Governance.Ticket, milliseconds: Int) throws(LogError) {
        guard case .log(let ticket) = ticket else { return }
        let number: UInt64 = try wait(for: ticket, milliseconds: milliseconds)
        _ = number
    }
}

/// Keeps nothing: `--no-log`.
public struct NoRecorder: Recorder, Sendable {
    public init() {}
    public func append(_ record: AuditLog.Record, isStrict: Bool) -> Ticket { .none }
    public func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) -> Ticket { .none }
    public func append(body: JSON.Value) -> AuditLog.Digest? { nil }
    public func isWritten(_ ticket: Ticket) -> Bool { true }
    public func wait(for ticket: Ticket, milliseconds: Int) {}
}
