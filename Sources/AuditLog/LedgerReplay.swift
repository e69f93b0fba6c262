// SPDX-License-Identifier: Apache-2.0
//
// The ledger's records in the log, and the ledger from the log. A change of the ledger is a record like any other, with LedgerRecord's own
// JSON as its data; replayed in the log's order they give the ledger back exactly. A snapshot, kept as a body, shortens the way: a replay
// begins with the last. Nothing here decides anything about budgets.

public import Budget
public import Events
internal import JSON
internal import Linux

extension Record {
    /// - Parameters:
    ///   - at: its time in the log; the ledger goes by the one in `change`.
    ///   - session: whose ledger it is; nil for that of the accounts that persist. Each ledger is replayed from its own records.
    public init(_ change: LedgerRecord, at: Instant, session: SessionID? = nil) {
        let kind: Kind =
            switch change.change {
            case .reserve: .reserve
            case .settle: .settle
            case .release: .release
            case .expire: .expire
            default: .account
            }
        self.init(kind, at: at)
        self.session = session
        lease = change.lease?.number
        data = change.json
    }
}

extension Log {
    /// Takes a change of the ledger.
    /// - Throws: `secretInLedger` where redaction would alter it, so that it could not be replayed; as `append(_:_:)`.
    public func append(_ change: LedgerRecord, at: Instant, session: SessionID? = nil, _ durability: Durability = .strict) throws(LogError) -> Ticket {
        let record = Record(change, at: at, session: session)
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
    /// - Parameters:
    ///   - empty: what the log began with, its dimensions defined.
    ///   - session: whose; nil for the accounts that persist.
    /// - Throws: `replay` with the record that does not follow from those before it; as `read`.
    public func ledger(startingWith empty: Ledger = Ledger(), of session: SessionID? = nil) throws(LogError) -> Ledger {
        var ledger = empty
        try read(from: session == nil ? try lastSnapshot() ?? 0 : 0) { (number, entry) throws(LogError) in
            guard let record = try? Value(parsing: Array(entry)), let kind = record["kind"]?.asString, let data = record["data"],
                ["reserve", "settle", "release", "expire", "account"].contains(kind),
                record["session"]?.asString == session?.text
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

    /// The number of the last record of a snapshot, looked for from the end.
    private func lastSnapshot() throws(LogError) -> UInt64? {
        var found: UInt64?
        let published = try checkpoint()?.size ?? 0
        try read(from: published) { (number, entry) throws(LogError) in if Self.isSnapshot(entry) { found = number } }
        if let found { return found }
        let tiles = Tiles(folder: folder, size: published)
        for bundle in stride(from: Int((published + TilePath.width - 1) / TilePath.width) - 1, through: 0, by: -1) {
            let bytes = try tiles.bundle(UInt64(bundle))
            let ranges = TilePath.entries(in: bytes).ranges.prefix(Int(tiles.width(level: 0, UInt64(bundle))))
            if let index = ranges.lastIndex(where: { Self.isSnapshot(bytes[$0]) }) { return UInt64(bundle) * TilePath.width + UInt64(index) }
        }
        return nil
    }

    /// A quotation mark within a text is escaped, so that only the member itself has these bytes.
    private static func isSnapshot(_ entry: ArraySlice<UInt8>) -> Bool {
        let text = Array("\"data\":{\"kind\":\"snapshot\",".utf8)
        var place = entry.startIndex
        while let at = entry[place...].firstIndex(of: text[0]) {
            if entry[at...].starts(with: text) { return true }
            place = at + 1
        }
        return false
    }
}
