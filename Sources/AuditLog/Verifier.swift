// SPDX-License-Identifier: Apache-2.0
//
// Whether a log is what its signed checkpoints say, wholly or from a trusted checkpoint on: every entry against its hash, every tile against
// the one above, the root against the signature, the journal against both, and the size against every checkpoint that is known. The first
// thing that is wrong is named with its record.

internal import Linux

/// What a verification went through.
public struct Verification: Sendable, Hashable {
    /// The published checkpoint; nil before the first.
    public let checkpoint: Checkpoint?
    /// All records, those in the journal alone included.
    public let size: UInt64
    /// Of `size` records.
    public let root: Digest
    /// Records whose hashes were computed.
    public let checked: UInt64
    /// Bytes after the journal's last group that a writer's end tore; the next writer says so in the log.
    public let tornBytes: Int
}

extension LogReader {
    /// - Parameter trusted: a checkpoint of this log that was kept elsewhere. With it, rollback and rewriting show.
    /// - Parameter isWhole: whether records that a trusted checkpoint covers are read again too.
    /// - Throws: `damaged`, `rolledBack`, `rewritten`, `note`, `otherLog`: what is wrong; `system`: what could not be read.
    public func verify(against trusted: Checkpoint? = nil, isWhole: Bool = true) throws(LogError) -> Verification {
        if let trusted, !sameText(trusted.origin, key.name) { throw LogError(.otherLog(found: trusted.origin, expected: key.name)) }
        let checkpoint = try checkpoint()
        let published = checkpoint?.size ?? 0
        var run = TileCheck(tiles: Tiles(folder: folder, size: published), folder: folder)
        if let trusted, !isWhole, trusted.size <= published, trusted.size > 0 {
            try run.begin(trusted)
        }
        let from = run.edge.size
        if let checkpoint { try run.check(checkpoint, trusted) }
        if let trusted, trusted.size == published, checkpoint.map({ $0.root != trusted.root }) ?? false { throw LogError(.rewritten(before: trusted.size)) }
        try checkSide()
        let journal = try checkJournal(after: run.edge, trusted)
        let promised = max(try head()?.size ?? 0, trusted?.size ?? 0, published)
        if journal.edge.size < promised { throw LogError(.rolledBack(found: journal.edge.size, promised: promised)) }
        return Verification(
            checkpoint: checkpoint, size: journal.edge.size, root: journal.edge.root, checked: journal.edge.size - from, tornBytes: journal.torn)
    }

    /// The journal from its first segment on: its records against the published ones, then those that only it has.
    private func checkJournal(after published: Edge, _ trusted: Checkpoint?) throws(LogError) -> (edge: Edge, torn: Int) {
        let head = try head()
        guard Files.exists("\(folder)/journal") else {
            if published.size > 0 { throw LogError(.damaged(file: "\(folder)/journal", record: published.size, problem: "is gone")) }
            return (published, 0)
        }
        let tiles = Tiles(folder: folder, size: published.size)
        var (edge, torn) = (published, 0)
        let all = try Segment.all(folder)
        guard let first = all.first else { throw LogError(.damaged(file: "\(folder)/journal", record: published.size, problem: "is empty")) }
        if first > published.size { throw LogError(.damaged(file: Segment.path(folder, published.size), record: published.size, problem: "is gone")) }
        var expected = first
        for (place, first) in all.enumerated() {
            if first != expected { throw LogError(.damaged(file: Segment.path(folder, expected), record: expected, problem: "is gone")) }
            let segment = try Segment(folder: folder, first: first, isWritten: false)
            var groups = try GroupReader(beginning: segment, origin: key.name, isHashing: true)
            if first > 0, first <= published.size, try Tiles(folder: folder, size: first).edgeWithin(published.size) != groups.position.edge {
                throw LogError(.damaged(file: segment.path, record: first, problem: "begins with another tree than the published one"))
            }
            var known: (number: UInt64, hashes: [Digest])?
            var step = GroupReader.Step.group
            var whole = edge
            while case .group = step {
                whole = edge
                step = try groups.next(
                    leaf: { (number, leaf) throws(LogError) in
                        if number < published.size {
                            let tile = number / TilePath.width
                            if known?.number != tile { known = (tile, try tiles.hashes(level: 0, tile)) }
                            if known?.hashes[Int(number % TilePath.width)] != leaf {
                                throw LogError(.damaged(file: segment.path, record: number, problem: "holds another than the one that is published"))
                            }
                        } else if number == edge.size {
                            edge.append(leaf)
                            for promise in [head, trusted] where promise?.size == edge.size && promise?.root != edge.root {
                                throw LogError(.rewritten(before: edge.size))
                            }
                        }
                    },
                    object: { (digest, body) throws(LogError) in
                        if Digest(of: Array(body)) != digest {
                            throw LogError(.damaged(file: segment.path, record: edge.size, problem: "holds a body that is not what its digest says"))
                        }
                    })
            }
            // Records whose group has no end are none.
            edge = whole
            expected = groups.position.edge.size
            switch step {
            case .torn(let bytes):
                if place + 1 < all.count { throw LogError(.damaged(file: segment.path, record: expected, problem: "is damaged after its last whole group")) }
                torn = bytes
            case .continued where place + 1 == all.count:
                throw LogError(.damaged(file: Segment.path(folder, expected), record: expected, problem: "is gone"))
            case .end where place + 1 < all.count:
                throw LogError(.damaged(file: segment.path, record: expected, problem: "ends early"))
            default: break
            }
        }
        // A journal that goes less far than what is published was cut off, whatever the tiles say.
        if expected < published.size { throw LogError(.rolledBack(found: expected, promised: published.size)) }
        return (edge, torn)
    }

    /// Every body of the side store against its name. One that is missing was erased.
    private func checkSide() throws(LogError) {
        guard Files.exists("\(folder)/side") else { return }
        let folder = folder
        for part in try asked({ () throws(SystemError) in try Files.list("\(folder)/side") }).sorted() {
            for rest in try asked({ () throws(SystemError) in try Files.list("\(folder)/side/\(part)", limit: 10_000_000) }).sorted() {
                if let digest = Digest(hex: part + rest) { _ = try ObjectStore.read(folder, digest) }
            }
        }
    }
}

/// The published tiles, gone through from left to right.
struct TileCheck {
    private let tiles: Tiles
    private let folder: String
    private(set) var edge = Edge()
    /// Computed hashes of the tile of each level that is under way.
    private var tails: [[Digest]] = []

    init(tiles: Tiles, folder: String) {
        self.tiles = tiles
        self.folder = folder
    }

    /// Goes on from a checkpoint that is trusted: what the tiles hold before it must have its root.
    mutating func begin(_ trusted: Checkpoint) throws(LogError) {
        tails = []
        for level in TilePath.levels(trusted.size) {
            let count = trusted.size >> UInt64(8 * level)
            tails.append(count % TilePath.width == 0 ? [] : Array(try tiles.hashes(level: level, count / TilePath.width).prefix(Int(count % TilePath.width))))
        }
        guard let edge = Edge(size: trusted.size, hashes: Tiles.edge(tails)), edge.root == trusted.root else {
            throw LogError(.rewritten(before: trusted.size))
        }
        self.edge = edge
    }

    mutating func check(_ checkpoint: Checkpoint, _ trusted: Checkpoint?) throws(LogError) {
        while edge.size < checkpoint.size {
            let number = edge.size / TilePath.width
            try check(bundle: number, trusted)
        }
        guard edge.root == checkpoint.root else { throw try blame(checkpoint) }
        // The last tiles of the upper levels.
        for level in TilePath.levels(checkpoint.size).dropFirst() where !tails[level].isEmpty {
            try compare(level, checkpoint.size >> UInt64(8 * level + 8), tails[level])
        }
    }

    private mutating func check(bundle number: UInt64, _ trusted: Checkpoint?) throws(LogError) {
        let bundle = try tiles.bundle(number)
        let (ranges, isWhole) = TilePath.entries(in: bundle)
        let stored = try tiles.hashes(level: 0, number)
        let path = tiles.entriesPath(number)
        for index in Int(edge.size % TilePath.width)..<stored.count {
            let record = number * TilePath.width + UInt64(index)
            guard index < ranges.count else { throw LogError(.damaged(file: path, record: record, problem: "ends early")) }
            let leaf = unsafe Digest(leaf: bundle.span.bytes.extracting(ranges[index]))
            if leaf != stored[index] { throw try blame(record, leaf, stored, number) }
            edge.append(leaf)
            if let trusted, trusted.size == edge.size, trusted.root != edge.root { throw LogError(.rewritten(before: trusted.size)) }
            if tails.isEmpty { tails.append([]) }
            tails[0].append(leaf)
        }
        // A full bundle may stand for a partial one and then holds more.
        if !isWhole || ranges.count > Int(TilePath.width) { throw LogError(.damaged(file: path, record: edge.size, problem: "holds more than its records")) }
        try carry()
    }

    /// Full tiles go up a level.
    private mutating func carry() throws(LogError) {
        var level = 0
        while tails[level].count == Int(TilePath.width) {
            let number = (edge.size >> UInt64(8 * level + 8)) - 1
            if level > 0 { try compare(level, number, tails[level]) }
            let hash = Tiles.root(tails[level][...])
            tails[level] = []
            level += 1
            if tails.count <= level { tails.append([]) }
            tails[level].append(hash)
        }
    }

    private func compare(_ level: Int, _ number: UInt64, _ computed: [Digest]) throws(LogError) {
        let stored = try tiles.hashes(level: level, number)
        for (index, hash) in computed.enumerated() where stored[index] != hash {
            let first = (number * TilePath.width + UInt64(index)) << UInt64(8 * level)
            throw LogError(
                .damaged(file: tiles.path(level: level, number), record: first, problem: "has another hash of the records from \(first) on than they have"))
        }
    }

    /// Which of the two was changed, the entry or its hash: the tile above knows, or the journal, or nobody.
    private func blame(_ record: UInt64, _ leaf: Digest, _ stored: [Digest], _ number: UInt64) throws(LogError) -> LogError {
        let entries = LogError(.damaged(file: tiles.entriesPath(number), record: record, problem: "does not hold what its hash says"))
        guard stored.count == Int(TilePath.width), let above = try? tiles.hashes(level: 1, number / TilePath.width)[Int(number % TilePath.width)] else {
            return entries
        }
        if Tiles.root(stored[...]) == above { return entries }
        return LogError(.damaged(file: tiles.path(level: 0, number), record: record, problem: "does not hold the hash of its entry"))
    }

    /// Entries and their tiles agree, the root does not: the tiles above the lowest say where, as far as they were left alone.
    private func blame(_ checkpoint: Checkpoint) throws(LogError) -> LogError {
        for level in TilePath.levels(checkpoint.size).dropFirst() where !tails[level].isEmpty {
            do { try compare(level, checkpoint.size >> UInt64(8 * level + 8), tails[level]) } catch { return error }
        }
        return LogError(.rewritten(before: checkpoint.size))
    }
}

extension Tiles {
    /// The right edge at this size from the tiles of a larger tree.
    func edgeWithin(_ larger: UInt64) throws(LogError) -> Edge? {
        let wide = Tiles(folder: folder, size: larger)
        var tails: [[Digest]] = []
        for level in TilePath.levels(size) {
            let count = size >> UInt64(8 * level)
            tails.append(count % TilePath.width == 0 ? [] : Array(try wide.hashes(level: level, count / TilePath.width).prefix(Int(count % TilePath.width))))
        }
        return Edge(size: size, hashes: Self.edge(tails))
    }
}
