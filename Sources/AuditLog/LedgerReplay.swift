// SPDX-License-Identifier: Apache-2.0
//
// The ledger's records in the log, and the ledger from the log. A change of the ledger is a record like any other, with LedgerRecord's own
// JSON as its data; replayed in the log's order they give the ledger back exactly. A snapshot, kept as a body, shortens the way: a replay
// begins with the last. Nothing here decides anything about budgets.

public import Budget
internal import JSON
internal import Linux

extension Record {
    /// - Parameter at: its time in the log; the ledger goes by the one in `change`.
    public init(_ change: LedgerRecord, at: Instant) {
        let kind: Kind =
            switch change.change {
            case .reserve: .reserve
            case .settle: .settle
            case .release: .release
            case .expire: .expire
            default: .account
            }
        self.init(kind, at: at)
        lease = change.lease?.number
        data = change.json
    }
}

extension Log {
    /// Takes a change of the ledger.
    /// - Throws: `secretInLedger` where redaction would alter it, so that it could not be replayed; as `append(_:_:)`.
    public func append(_ change: LedgerRecord, at: Instant, _ durability: Durability = .strict) throws(LogError) -> Ticket {
        let record = Record(change, at: at)
        if let data = record.data, holdsSecret(data) { throw LogError(.secretInLedger) }
        return try append(record, durability)
    }

    /// Takes the whole ledger; a replay begins with the last of these. The ledger must be as it is after all records appended before.
    public func append(snapshot ledger: Ledger, at: Instant) throws(LogError) -> Ticket {
        let value = ledger.snapshot
        if holdsSecret(value) { throw LogError(.secretInLedger) }
        let digest = try append(object: value.serialisedBytes())
        var record = Record(.account, at: at)
        record.data = ["kind": "snapshot", "snapshot_sha256": .string(digest.hex)]
        return try append(record)
    }
}

extension LogReader {
    /// The ledger as the log's records leave it. What no longer lives is for `Ledger.recover` to end.
    /// - Parameter empty: what the log began with, its dimensions defined.
    /// - Throws: `replay` with the record that does not follow from those before it; as `read`.
    public func ledger(startingWith empty: Ledger = Ledger()) throws(LogError) -> Ledger {
        var ledger = empty
        try read { (number, entry) throws(LogError) in
            guard Self.isLedgers(entry) else { return }
            guard let record = try? Value(parsing: Array(entry)), let kind = record["kind"]?.asString, let data = record["data"],
                ["reserve", "settle", "release", "expire", "account"].contains(kind)
            else { return }
            if data["kind"]?.asString == "snapshot" {
                guard let digest = data["snapshot_sha256"]?.asString.flatMap({ Digest(hex: $0) }), let value = try? Value(parsing: try body(digest))
                else { throw LogError(.replay(record: number, problem: "its snapshot is not there")) }
                do throws(BudgetError) { ledger = try Ledger(snapshot: value) } catch { throw LogError(.replay(record: number, problem: error.message)) }
                return
            }
            do throws(BudgetError) { try ledger.apply(try LedgerRecord(json: data)) } catch {
                throw LogError(.replay(record: number, problem: error.message))
            }
        }
        return ledger
    }

    /// A first look without parsing: all that are not the ledger's have one of the other kinds.
    private static func isLedgers(_ entry: ArraySlice<UInt8>) -> Bool {
        let key = Array("\"data\":{".utf8)
        guard let first = key.first else { return true }
        var place = entry.startIndex
        while let at = entry[place...].firstIndex(of: first) {
            if entry[at...].starts(with: key) { return true }
            place = at + 1
        }
        return false
    }
}
