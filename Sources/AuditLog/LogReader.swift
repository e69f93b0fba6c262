// SPDX-License-Identifier: Apache-2.0
//
// Reading a log without writing to it: its records in order, first from the published bundles, then from the journal; its bodies; its
// checkpoints and proofs. It takes what is there and checks frames only; Verifier.swift is what checks hashes.

internal import Linux

/// A log that is read.
public struct LogReader: Sendable {
    public let folder: String
    public let key: VerifyingKey

    /// - Parameter folder: an absolute path.
    public init(folder: String, key: VerifyingKey) {
        self.folder = folder
        self.key = key
    }

    /// The published checkpoint; nil before the first.
    /// - Throws: `note`, `system`.
    public func checkpoint() throws(LogError) -> Checkpoint? { try Publisher.checkpoint(folder, "checkpoint", by: key) }

    /// What the last process to close the log signed, published or not.
    func head() throws(LogError) -> Checkpoint? { try Publisher.checkpoint(folder, "head", by: key) }

    /// Each record's number and entry from `first` on, in order, as far as the journal goes.
    public func read(from first: UInt64 = 0, _ body: (UInt64, ArraySlice<UInt8>) throws(LogError) -> Void) throws(LogError) {
        let published = try checkpoint()?.size ?? 0
        var next = first
        if next < published {
            let tiles = Tiles(folder: folder, size: published)
            while next < published {
                let number = next / TilePath.width
                let bundle = try tiles.bundle(number)
                let ranges = TilePath.entries(in: bundle).ranges
                let end = min(published, (number + 1) * TilePath.width)
                while next < end {
                    let index = Int(next % TilePath.width)
                    guard index < ranges.count else { throw LogError(.damaged(file: tiles.entriesPath(number), record: next, problem: "ends early")) }
                    try body(next, bundle[ranges[index]])
                    next += 1
                }
            }
        }
        try readJournal(from: next) { (number, entry) throws(LogError) in
            if number >= next {
                try body(number, entry)
                next = number + 1
            }
        }
    }

    private func readJournal(from first: UInt64, _ body: (UInt64, ArraySlice<UInt8>) throws(LogError) -> Void) throws(LogError) {
        guard Files.exists("\(folder)/journal") else { return }
        for segment in try segments(from: first) {
            let segment = try Segment(folder: folder, first: segment, isWritten: false)
            var groups = try GroupReader(beginning: segment, origin: key.name, isHashing: false)
            reading: while true {
                // What is not yet a whole group is not read.
                var entries: [(UInt64, ArraySlice<UInt8>)] = []
                switch try groups.next(entry: { (number, entry) throws(LogError) in if number >= first { entries.append((number, entry)) } }) {
                case .group: for (number, entry) in entries { try body(number, entry) }
                case .continued, .end, .torn: break reading
                }
            }
        }
    }

    /// Those that hold the record with that number and all after it.
    func segments(from first: UInt64) throws(LogError) -> [UInt64] {
        let all = try Segment.all(folder)
        return Array(all[(all.lastIndex { $0 <= first } ?? all.startIndex)...])
    }

    /// A body by the digest that a record names.
    /// - Throws: `noObject` where it was erased or never kept; `damaged`.
    public func body(_ digest: Digest) throws(LogError) -> [UInt8] {
        if let body = try ObjectStore.read(folder, digest) { return body }
        var found: [UInt8]?
        for first in try Segment.all(folder) where found == nil {
            let segment = try Segment(folder: folder, first: first, isWritten: false)
            var groups = try GroupReader(beginning: segment, origin: key.name, isHashing: false)
            while case .group = try groups.next(
                entry: { _, _ throws(LogError) in }, object: { (name, body) throws(LogError) in if name == digest { found = Array(body) } })
            {}
        }
        guard let found, Digest(of: found) == digest else { throw LogError(.noObject(digest)) }
        return found
    }

    /// That a record is in the tree of the published checkpoint.
    public func inclusion(of record: UInt64) throws(LogError) -> (proof: Proof, checkpoint: Checkpoint) {
        guard let checkpoint = try checkpoint() else { throw LogError(.noRecord(record, size: 0)) }
        return (try Tiles(folder: folder, size: checkpoint.size).inclusion(of: record), checkpoint)
    }

    /// That the published checkpoint's tree begins with that of an older one.
    public func consistency(with older: Checkpoint) throws(LogError) -> (proof: Proof, checkpoint: Checkpoint) {
        guard let checkpoint = try checkpoint(), checkpoint.size >= older.size else {
            throw LogError(.rolledBack(found: try self.checkpoint()?.size ?? 0, promised: older.size))
        }
        return (try Tiles(folder: folder, size: checkpoint.size).consistency(with: older.size), checkpoint)
    }
}
