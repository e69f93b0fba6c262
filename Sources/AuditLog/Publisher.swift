// SPDX-License-Identifier: Apache-2.0
//
// From the journal to what outsiders read: entries and hashes in tiles, bodies in the side store, then the checkpoint, each on disk before
// the next; at last the segments that nobody needs any more go. Any process may publish; a lock of its own lets one do so at a time, and
// nobody's group waits for it.

internal import Glibc
internal import Linux

struct Publisher {
    let folder: String
    let key: SigningKey
    /// Files and folders that were written since the last synchronisation of folders.
    private var folders: Set<String> = []
    private var written: [String] = []
    /// More files than this are brought to disk together.
    private static let fewFiles = 8
    /// Hashes of the last tile of each level.
    private var tails: [[Digest]] = []
    /// Entries of the last bundle.
    private var bundle: [UInt8] = []
    private var size: UInt64 = 0

    init(folder: String, key: SigningKey) {
        self.folder = folder
        self.key = key
    }

    /// The published checkpoint; nil where there is none yet.
    /// - Throws: `note` where it is not signed by this key.
    static func checkpoint(_ folder: String, _ name: String, by key: VerifyingKey) throws(LogError) -> Checkpoint? {
        let path = "\(folder)/\(name)"
        guard Files.exists(path) else { return nil }
        return try Checkpoint(note: try asked { () throws(SystemError) in try Files.text(path, limit: 64 << 10) }, by: key)
    }

    /// Publishes the records before `edge`, which are on disk in the journal.
    mutating func publish(_ edge: Edge, lockMilliseconds: Int) throws(LogError) -> Checkpoint {
        let folder = folder
        let lock = try asked { () throws(SystemError) in try Files.open("\(folder)/publish.lock", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600) }
        let held: FileLock
        do throws(SystemError) {
            guard let taken = try FileLock(lock, within: lockMilliseconds) else { throw SystemError("flock", "\(folder)/publish.lock", EWOULDBLOCK) }
            held = taken
        } catch {
            if error.code == EWOULDBLOCK { throw LogError(.busy(path: "\(folder)/publish.lock", milliseconds: lockMilliseconds)) }
            throw LogError(error)
        }
        let published = try Self.checkpoint(folder, "checkpoint", by: key.verifier)
        if let published, published.size >= edge.size { return published }
        try load(published)
        let retired = try follow(to: edge)
        guard Edge(size: size, hashes: Tiles.edge(tails))?.root == edge.root else {
            throw LogError(
                .damaged(file: "\(folder)/journal", record: published?.size ?? 0, problem: "and the tiles before it have not the root that the journal says"))
        }
        try writePartials()
        let checkpoint = Checkpoint(origin: key.verifier.name, size: size, root: edge.root)
        let note = Array(try checkpoint.signed(by: key).utf8)
        let (folders, written) = (folders, written)
        try refusing { () throws(SystemError) in
            if written.count > Self.fewFiles {
                try Storage.synchroniseFileSystem(of: folder)
            } else {
                for path in written { try Storage.synchroniseData(of: path) }
                for path in folders.sorted() { try Storage.synchronise(path) }
            }
            try Storage.replace("\(folder)/checkpoint", with: note, mode: 0o644, isSynchronised: true)
            try Storage.synchronise(folder)
        }
        for first in retired { try? Storage.remove(Segment.path(folder, first)) }
        _ = consume held
        return checkpoint
    }

    /// The last tiles as they were published, held to the checkpoint's root.
    private mutating func load(_ checkpoint: Checkpoint?) throws(LogError) {
        (tails, bundle, folders, written, size) = ([], [], [], [], checkpoint?.size ?? 0)
        guard let checkpoint, size > 0 else { return }
        let tiles = Tiles(folder: folder, size: size)
        for level in TilePath.levels(size) {
            let count = size >> UInt64(8 * level)
            tails.append(count % TilePath.width == 0 ? [] : try tiles.hashes(level: level, count / TilePath.width))
        }
        guard Edge(size: size, hashes: Tiles.edge(tails))?.root == checkpoint.root else {
            throw LogError(.damaged(file: "tile", record: nil, problem: "has not the root of its checkpoint"))
        }
        guard size % TilePath.width > 0 else { return }
        let number = size / TilePath.width
        bundle = try tiles.bundle(number)
        let (ranges, _) = TilePath.entries(in: bundle)
        let width = Int(size % TilePath.width)
        for index in 0..<width {
            guard index < ranges.count, Digest(of: [0] + bundle[ranges[index]]) == tails[0][index] else {
                throw LogError(
                    .damaged(file: tiles.entriesPath(number), record: number * TilePath.width + UInt64(index), problem: "does not hold what its tile says"))
            }
        }
        bundle.removeSubrange(ranges[width - 1].upperBound...)
    }

    /// Reads the journal from what is published up to `edge`.
    /// - Returns: the segments that are published whole.
    private mutating func follow(to edge: Edge) throws(LogError) -> [UInt64] {
        let segments = try Segment.all(folder)
        // The one that ends at the published size may hold bodies after its last record.
        let start = segments.lastIndex { $0 < size } ?? segments.startIndex
        guard segments.indices.contains(start), segments[start] <= size else {
            throw LogError(.damaged(file: "\(folder)/journal", record: size, problem: "begins after the published records"))
        }
        var retired = segments.prefix(start).map { $0 }
        let begin = size
        for (place, first) in segments.enumerated().dropFirst(start) {
            let segment = try Segment(folder: folder, first: first, isWritten: false)
            var groups = try GroupReader(beginning: segment, origin: key.verifier.name, isHashing: false)
            let folder = folder
            reading: while size < edge.size || groups.position.edge.size < edge.size {
                let step = try groups.next(
                    entry: { (number, entry) throws(LogError) in
                        if number >= begin, number < edge.size { try add(entry) }
                    }, object: { (digest, body) throws(LogError) in try ObjectStore.place(folder, digest, Array(body)) })
                switch step {
                case .group: if groups.position.edge.size >= edge.size { break reading }
                case .continued, .end, .torn: break reading
                }
            }
            if size >= edge.size { break }
            if place + 1 < segments.count { retired.append(first) }
        }
        guard size == edge.size else { throw LogError(.damaged(file: "\(folder)/journal", record: size, problem: "ends before the records that it had")) }
        return retired
    }

    private mutating func add(_ entry: ArraySlice<UInt8>) throws(LogError) {
        TilePath.append(entry: entry, to: &bundle)
        let leaf = Digest(of: [0] + entry)
        size += 1
        var hash = leaf
        var level = 0
        while true {
            if tails.count <= level { tails.append([]) }
            tails[level].append(hash)
            if tails[level].count < Int(TilePath.width) { return }
            let number = (size >> UInt64(8 * level + 8)) - 1
            if level == 0 {
                try write(TilePath.entries(number), bundle)
                removePartials(TilePath.entries(number))
                bundle = []
            }
            try write(TilePath.hashes(level: level, number), tails[level].flatMap(\.bytes))
            removePartials(TilePath.hashes(level: level, number))
            hash = Tiles.root(tails[level][...])
            tails[level] = []
            level += 1
        }
    }

    private mutating func writePartials() throws(LogError) {
        let tiles = Tiles(folder: folder, size: size)
        for level in TilePath.levels(size) where !tails[level].isEmpty {
            try write(tiles.path(level: level, size >> UInt64(8 * level + 8)), tails[level].flatMap(\.bytes))
        }
        if !bundle.isEmpty { try write(tiles.entriesPath(size / TilePath.width), bundle) }
    }

    private mutating func write(_ path: String, _ bytes: [UInt8]) throws(LogError) {
        let whole = "\(folder)/\(path)"
        var parents: [String] = []
        for (place, byte) in whole.utf8.enumerated() where byte == 0x2f && place >= folder.utf8.count { parents.append(String(whole.prefix(place))) }
        let parent = parents.last ?? folder
        try refusing { () throws(SystemError) in
            if !Files.exists(parent) { try Storage.makeFolders(parent, mode: 0o755) }
            try Storage.replace(whole, with: bytes, mode: 0o644, isSynchronised: false)
        }
        folders.formUnion(parents)
        written.append(whole)
    }

    /// The full tile is there: partial ones of it say nothing more.
    private func removePartials(_ path: String) {
        let partials = "\(folder)/\(path).p"
        guard let names = try? Files.list(partials, limit: 512) else { return }
        for name in names { try? Storage.remove("\(partials)/\(name)") }
        try? Storage.removeFolder(partials)
    }
}
