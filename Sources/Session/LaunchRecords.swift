// SPDX-License-Identifier: Apache-2.0
// The records of one run: taken when the launch is decided, on disk before its command runs, ended with what became of it. The log is opened
// while the cell is being built, on the same thread: one that must wait for the disk anyway needs no other.

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
    private var log: DirectLog?
    private var items: [Item] = []

    package init(_ place: LogPlace, secrets: [String]) {
        self.place = place
        redactor = Redactor(values: secrets)
    }

    package func append(_ record: AuditLog.Record, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        items.append(.record(record))
        return .none
    }

    package func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) throws(LogError) -> Governance.Ticket {
        items.append(.change(change, at, session))
        return .none
    }

    /// Bodies are of tool calls; a launch has none.
    package func append(body: JSON.Value) throws(LogError) -> AuditLog.Digest? { nil }

    package func isWritten(_ ticket: Governance.Ticket) throws(LogError) -> Bool { items.isEmpty }
    package func wait(for ticket: Governance.Ticket, milliseconds: Int) throws(LogError) {}

    /// Brings everything that was taken to disk, and signs how far the log goes.
    /// - Parameter isLast: whether nothing comes after it.
    package func flush(isLast: Bool) throws(LogPlaceError) {
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
