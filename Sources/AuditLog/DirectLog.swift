// SPDX-License-Identifier: Apache-2.0
//
// A log held by one thread that waits for the disk itself: for a program that writes two groups in its life and must not pay for a writer
// thread. Records are kept until `flush` writes them as one group. The files, the lock and the order among processes are those of `Log`;
// many callers at once are Log's business.

public import Budget
public import Events
internal import JSON
internal import Linux

public final class DirectLog {
    private let folder: String
    private let key: SigningKey
    private let redactor: Redactor
    private let journal: Journal
    private var waiting: [(bytes: [UInt8], isUrgent: Bool)] = []
    private var refused = false

    /// Opens the log in a folder, or begins one where there is none. Signatures of checkpoints are not verified here: whoever can forge
    /// them can only make this refuse, and `LogReader.verify` tells.
    /// - Throws: as `Log.init`.
    public init(folder: String, key: SigningKey, redactor: Redactor = Redactor(), lockMilliseconds: Int = 5000) throws(LogError) {
        self.folder = folder
        self.key = key
        self.redactor = redactor
        var promised: UInt64 = 0
        for name in ["checkpoint", "head"] { promised = max(promised, Self.size(folder, name)) }
        var bounds = Journal.Bounds()
        bounds.lockMilliseconds = lockMilliseconds
        journal = try Journal(folder: folder, origin: key.verifier.name, promised: promised, bounds: bounds)
    }

    /// The second line of a checkpoint; 0 where there is none.
    private static func size(_ folder: String, _ name: String) -> UInt64 {
        guard let bytes = try? Files.read("\(folder)/\(name)", limit: 64 << 10), let start = bytes.firstIndex(of: 0x0a) else { return 0 }
        var size: UInt64 = 0
        for byte in bytes[(start + 1)...].prefix(while: { $0 != 0x0a }) {
            guard byte &- 0x30 < 10, size < .max / 16 else { return 0 }
            size = size * 10 + UInt64(byte - 0x30)
        }
        return size
    }

    /// Takes a record into the next group.
    /// - Throws: `entryTooLarge`.
    public func append(_ record: Record) throws(LogError) {
        waiting.append((try RecordText.entry(record, redactor), record.kind.isUrgent))
    }

    /// Takes a change of the ledger into the next group.
    /// - Throws: `secretInLedger`, `entryTooLarge`.
    public func append(_ change: LedgerRecord, at: Instant, session: SessionID? = nil) throws(LogError) {
        let record = Record(change, at: at, session: session)
        if let data = record.data, redactor.redacted(data) != data { throw LogError(.secretInLedger) }
        try append(record)
    }

    /// Brings what was taken to disk as one group; what was taken is forgotten if that fails.
    /// - Returns: the number of its first record.
    /// - Throws: `busy`, `refusing`, `system`, `damaged`, `vanished`.
    @discardableResult
    public func flush() throws(LogError) -> UInt64 {
        if waiting.isEmpty { return journal.position.edge.size }
        var group = Journal.Group()
        for (bytes, _) in waiting { group.append(entry: bytes) }
        let isUrgent = waiting.allSatisfy(\.isUrgent)
        waiting = []
        do { return try write(group, isUrgent: isUrgent) } catch {
            // The refusal is itself a record, in the space that is kept for it.
            if case .refusing(let cause, _) = error.reason, !refused, !isUrgent {
                refused = true
                var note = Journal.Group()
                note.append(entry: Self.note(.refused, ["cause": .string(cause)]))
                _ = try? write(note, isUrgent: true)
            }
            throw error
        }
    }

    private func write(_ group: Journal.Group, isUrgent: Bool) throws(LogError) -> UInt64 {
        let first = try journal.append(group, isUrgent: isUrgent) { bytes, position in
            Self.note(
                .recovered,
                ["dropped_bytes": .integer(Int64(bytes)), "segment": .string(Segment.name(position.segment)), "place": .integer(Int64(position.place))])
        }
        try journal.synchronise()
        return first
    }

    private static func note(_ kind: Record.Kind, _ data: Value) -> [UInt8] {
        var record = Record(kind, at: Instants().now)
        record.data = data
        return (try? RecordText.entry(record, Redactor())) ?? []
    }

    /// Signs how far the log now goes, so that a log that is cut off shows it.
    public func sign() throws(LogError) {
        let tree = journal.position.edge
        if tree.size == 0 || Self.size(folder, "head") >= tree.size { return }
        let note = try Checkpoint(origin: key.verifier.name, size: tree.size, root: tree.root).signed(by: key)
        let path = "\(folder)/head"
        try refusing { () throws(SystemError) in try Storage.replace(path, with: Array(note.utf8), mode: 0o644, isSynchronised: false) }
    }

    /// The records that this process knows of.
    public var size: UInt64 { journal.position.edge.size }
}
