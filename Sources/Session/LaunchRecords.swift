// SPDX-License-Identifier: Apache-2.0
// The records of one run: taken when the launch is decided, on disk before its command runs, ended with what became of it. The log is opened
// while the cell is being built, on the same thread: one that must wait for the disk anyway needs no other. Where calls follow the launch,
// the log goes on with a thread of its own, and nobody waits for the disk but the call itself.

package import AuditLog
package import Budget
package import Events
package import Governance
package import JSON
import Linux

/// Keeps records until the log is there.
package final class LaunchRecords: Recorder {
    private enum Item {
        case record(AuditLog.Record)
        case change(LedgerRecord, Instant, SessionID)
    }

    private let place: LogPlace
    private let redactor: Redactor
    /// Of secrets that came up later.
    private var later: Redactor?
    private var secrets: Set<String>
    private var log: DirectLog?
    /// From the first call on.
    private var calls: Log?
    /// Why there is none, where calls followed all the same.
    private var failure: LogError?
    private var items: [Item] = []

    package init(_ place: LogPlace, secrets: [String]) {
        self.place = place
        redactor = Redactor(values: secrets)
        self.secrets = Set(secrets)
    }

    /// These values are to stand in no record either, from now on.
    package func learn(_ values: [String]) {
        let before = secrets.count
        secrets.formUnion(values)
        if secrets.count > before { later = Redactor(values: Array(secrets)) }
    }

    package func append(_ record: AuditLog.Record, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        var record = record
        if let later {
            record.data = record.data.map { later.redacted($0) }
            record.errors = record.errors.map { later.redacted($0) }
        }
        if let calls { return try calls.append(record, isStrict: isStrict) }
        items.append(.record(record))
        return .none
    }

    package func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        if let calls { return try calls.append(change, at: at, session: session, isStrict: isStrict) }
        items.append(.change(change, at, session))
        return .none
    }

    /// Bodies are of tool calls; a launch has none.
    package func append(body: JSON.Value) throws(LogError) -> AuditLog.Digest? { try calls?.append(body: later?.redacted(body) ?? body) }

    package func isWritten(_ ticket: Governance.Ticket) throws(LogError) -> Bool {
        if let failure { throw failure }
        guard let calls else { return items.isEmpty }
        return try calls.isWritten(ticket)
    }
    package var refusal: LogError? { failure ?? calls?.refusal }
    package func wait(for ticket: Governance.Ticket, milliseconds: Int) throws(LogError) { try calls?.wait(for: ticket, milliseconds: milliseconds) }

    /// Calls follow: from here on records go to a thread that writes them in groups.
    package func beginCalls() throws(LogPlaceError) {
        if calls != nil { return }
        try flush(isLast: false)
        do {
            calls = try Log(folder: place.log, key: try place.signingKey(), redactor: redactor)
            log = nil
        } catch let error as LogPlaceError {
            throw error
        } catch let error as LogError {
            failure = error
            throw LogPlaceError(error, folder: place.log)
        } catch {
            throw LogPlaceError(LogError(.system("\(error)", code: 0)), folder: place.log)
        }
    }

    /// Readable when records have come to disk; nil before the first call.
    package var readiness: Int32? { calls?.readiness }
    package func clearReadiness() { calls?.clearReadiness() }

    /// Brings everything that was taken to disk, and signs how far the log goes.
    /// - Parameter isLast: whether nothing comes after it.
    package func flush(isLast: Bool) throws(LogPlaceError) {
        if let calls {
            do throws(LogError) { if isLast { try calls.close() } } catch { throw LogPlaceError(error, folder: place.log) }
            return
        }
        if items.isEmpty { return }
        do {
            if log == nil {
                let key = try place.signingKey()
                log = try DirectLog(folder: place.log, key: key, redactor: redactor)
            }
            for item in items {
                switch item {
                case .record(let record): try log?.append(record)
                case .change(let change, let at, let session): try log?.append(change, at: at, session: session)
                }
            }
            items = []
            try log?.flush()
            if isLast { try log?.sign() }
        } catch let error as LogPlaceError {
            throw error
        } catch let error as LogError {
            throw LogPlaceError(error, folder: place.log)
        } catch {
            throw LogPlaceError(LogError(.system("\(error)", code: 0)), folder: place.log)
        }
    }
}
