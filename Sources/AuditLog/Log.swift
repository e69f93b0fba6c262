// SPDX-License-Identifier: Apache-2.0
//
// One process's hold on a log: records are taken into memory, ordered and put on disk in groups by a thread of its own (Writer.swift), and
// whoever asked is told when theirs is there. Any number of processes may hold the same log.

public import JSON
internal import Linux

public final class Log: Sendable {
    /// When an appended record counts as accepted.
    public enum Durability: Sendable, Hashable {
        /// When its group is on disk.
        case strict
        /// At once; it is on disk within 5 ms, if the machine and this process live so long.
        case fast
    }

    /// Bounds, with the defaults that everybody should take.
    public struct Options: Sendable {
        /// For another process's hold on the lock.
        public var lockMilliseconds = 10_000
        /// Bytes that may wait for the disk in memory.
        public var queueBytes = 16 << 20
        /// How long a fast record may wait.
        public var fastMilliseconds = 5
        /// Records after which tiles and checkpoint are published without being asked; 0 for never.
        public var publishEvery: UInt64 = 262_144
        /// Bytes after which the journal goes on in another file.
        public var segmentBytes = 8 << 20
        /// Space that the journal sets aside at once.
        public var allocationBytes = 1 << 20

        public init() {}
    }

    /// What was appended; `outcome` and `wait` tell what became of it.
    public struct Ticket: Sendable {
        let number: UInt64
        /// Of the group that it is in.
        let promise: Promise
    }

    public let folder: String
    public let key: VerifyingKey
    private let redactor: Redactor
    private let options: Options
    let writer: Writer

    /// Opens the log in a folder, or begins one where there is none.
    /// - Parameters:
    ///   - folder: an absolute path; made with mode 0700.
    ///   - key: what the log's checkpoints are signed with; its name is the log's origin.
    /// - Throws: `busy`, `system`, `refusing`; `otherLog`, `note`; `damaged`, `rolledBack` for a log that is not as it was left.
    public init(folder: String, key: SigningKey, redactor: Redactor = Redactor(), options: Options = Options()) throws(LogError) {
        self.folder = folder
        self.key = key.verifier
        self.redactor = redactor
        self.options = options
        writer = try Writer(folder: folder, key: key, options: options)
    }

    /// Takes a record. It is redacted and encoded here, on the caller's thread.
    /// - Throws: `entryTooLarge`, `queueFull`, `closed`.
    public func append(_ record: Record, _ durability: Durability = .strict) throws(LogError) -> Ticket {
        let entry = try RecordText.entry(record, redactor)
        return try writer.append(Writer.Item(entry, digest: nil, isUrgent: record.kind.isUrgent, isStrict: durability == .strict))
    }

    /// Takes a body for the side store: redacted, in its canonical form. Its record comes after it.
    /// - Returns: the digest of what is kept, for the record.
    /// - Throws: `objectTooLarge`, `queueFull`, `closed`; `replay` never.
    public func append(body: Value) throws(LogError) -> Digest {
        let kept = redactor.redacted(body)
        return try append(object: (try? kept.canonical()) ?? kept.serialisedBytes())
    }

    func append(object: [UInt8]) throws(LogError) -> Digest {
        guard object.count <= ObjectStore.largest else { throw LogError(.objectTooLarge(bytes: object.count)) }
        let digest = Digest(of: object)
        if writer.isNew(digest) {
            _ = try writer.append(Writer.Item(object, digest: digest, isUrgent: false, isStrict: false))
        }
        return digest
    }

    /// Whether redaction would alter it.
    func holdsSecret(_ value: Value) -> Bool { redactor.redacted(value) != value }

    /// What became of it: the record's number when it is on disk, nil before.
    /// - Throws: what its group failed by; nothing of it counts as written then.
    public func outcome(of ticket: Ticket) throws(LogError) -> UInt64? { try writer.outcome(of: ticket) }

    /// Waits until it is on disk.
    /// - Throws: what its group failed by; `late`.
    public func wait(for ticket: Ticket, milliseconds: Int = 30_000) throws(LogError) -> UInt64 {
        guard let number = try writer.wait(for: ticket, milliseconds: milliseconds) else { throw LogError(.late) }
        return number
    }

    /// Readable when outcomes have changed since it was last read: an eventfd, for a loop that waits for many things.
    package var readiness: Int32 { writer.readiness.number }

    /// Takes note that outcomes are looked at.
    package func clearReadiness() { writer.readiness.clear() }

    /// The disk's refusal as of the last group; nil while it takes records.
    public var refusal: LogError? { writer.refusal }

    /// The records on disk that this process knows of.
    public var size: UInt64 { writer.tree.size }

    /// Writes what waits, then tiles and a signed checkpoint of all that is on disk, whoever wrote it.
    public func publish() throws(LogError) -> Checkpoint {
        try writer.flush()
        return try writer.publish(isFresh: true)
    }

    /// Writes what waits and signs how far the log now goes, so that a log that is cut off shows it. Nothing is taken after it.
    public func close() throws(LogError) { try writer.close() }

    deinit { try? writer.close() }
}
