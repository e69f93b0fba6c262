// SPDX-License-Identifier: Apache-2.0
//
// The journal as one writer sees it: the folder's lock, the place after the last group of whichever process wrote last, and the appending of
// groups there. It orders and keeps; it knows nothing of records. One thread uses it.
//
// INVARIANT: bytes are written under the lock only, and only after the last whole group.

internal import Glibc
internal import Linux

final class Journal {
    /// How it is written; small in tests.
    struct Bounds: Sendable {
        /// For the lock.
        var lockMilliseconds = 10_000
        var segmentBytes = Segment.bytes
        /// Set aside at once.
        var allocationBytes = 1 << 20
        /// Always left for records that must be written when the disk is full.
        var reserveBytes = 64 << 10
    }

    let folder: String
    let origin: String
    private let bounds: Bounds
    private let lock: Descriptor
    private let hint: Hint
    private var segment: Segment
    private(set) var position: Position
    /// Of the segment's file; as much can be written without asking for space.
    private var allocated: Int
    /// Bytes after the last group that a writer's end tore; the next group is written over them.
    private var torn = 0
    /// Records that this process knows to be on disk.
    private var durable: UInt64
    /// What was written since the last synchronisation, by place; written once more where that failed, since the kernel may have let it go.
    private var unsettled: [(place: Int, bytes: [UInt8])] = []
    private var isUncertain = false

    /// Opens the journal, or makes one where there is none.
    /// - Parameter promised: the records of the latest signed checkpoint; fewer are damage.
    init(folder: String, origin: String, promised: UInt64, bounds: Bounds) throws(LogError) {
        self.folder = folder
        self.origin = origin
        self.bounds = bounds
        lock = try asked { () throws(SystemError) in
            try Storage.makeFolders(folder)
            return try Files.open("\(folder)/lock", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        }
        hint = Hint()
        let held = try Self.take(lock, folder, bounds)
        if !Files.exists("\(folder)/journal") {
            if promised > 0 { throw LogError(.rolledBack(found: 0, promised: promised)) }
            try asked { () throws(SystemError) in
                try Storage.makeFolders("\(folder)/journal")
                try Storage.synchronise(folder)
            }
        }
        guard let last = try Segment.all(folder).last else {
            if promised > 0 { throw LogError(.rolledBack(found: 0, promised: promised)) }
            let start = Position(segment: 0, place: 0, edge: Edge(), durable: 0)
            segment = try Self.begin(folder, origin, start, bounds)
            position = Position(segment: 0, place: try Self.headerEnd(segment, origin), edge: Edge(), durable: 0)
            allocated = try segment.size
            durable = 0
            _ = consume held
            return
        }
        segment = try Segment(folder: folder, first: last, isWritten: true)
        let known = hint.read(lock, segment)
        if let known { position = known } else { position = try GroupReader(beginning: segment, origin: origin, isHashing: false).position }
        allocated = try segment.size
        durable = 0
        try catchUp(isThorough: known == nil)
        if position.edge.size < promised { throw LogError(.rolledBack(found: position.edge.size, promised: promised)) }
        _ = consume held
    }

    private static func take(_ lock: borrowing Descriptor, _ folder: String, _ bounds: Bounds) throws(LogError) -> FileLock {
        do throws(SystemError) {
            if let held = try FileLock(lock, within: bounds.lockMilliseconds) { return held }
        } catch { throw LogError(error) }
        throw LogError(.busy(path: "\(folder)/lock", milliseconds: bounds.lockMilliseconds))
    }

    private static func headerEnd(_ segment: Segment, _ origin: String) throws(LogError) -> Int {
        try GroupReader(beginning: segment, origin: origin, isHashing: false).position.place
    }

    /// A new segment with its header and space for its first groups, on disk under its name.
    private static func begin(_ folder: String, _ origin: String, _ start: Position, _ bounds: Bounds) throws(LogError) -> Segment {
        var bytes: [UInt8] = []
        Frame.append(.header, SegmentHeader(origin: origin, start: Commit(edge: start.edge, durable: start.durable)).payload, to: &bytes)
        let (path, first, header) = (Segment.path(folder, start.edge.size), start.edge.size, bytes)
        try refusing { () throws(SystemError) in
            let beside = "\(folder)/journal/new"
            let file = try Files.open(beside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try Storage.allocate(file, from: 0, count: bounds.reserveBytes + header.count)
            try Storage.write(header, to: file, at: 0)
            try Storage.synchroniseData(file)
            try Storage.rename(beside, path)
            try Storage.synchronise("\(folder)/journal")
        }
        return try Segment(folder: folder, first: first, isWritten: true)
    }

    /// Goes on to the end of what others wrote.
    /// - Parameter isThorough: from the segment's begin, with a look beyond its end, as after a start of the machine.
    private func catchUp(isThorough: Bool = false) throws(LogError) {
        torn = 0
        if !segment.hasName {
            // Published and gone, while others went on in later ones; or somebody removed the log.
            guard let last = try? Segment.all(folder).last, last >= position.edge.size else { throw LogError(.vanished(segment.path)) }
            try open(last)
        }
        var groups = isThorough ? try GroupReader(beginning: segment, origin: origin, isHashing: false) : GroupReader(following: segment, from: position)
        while true {
            let step = try groups.next { _, _ throws(LogError) in }
            position = groups.position
            switch step {
            case .group: continue
            case .continued:
                try open(next: position)
                groups = try GroupReader(beginning: segment, origin: origin, isHashing: false)
            case .end:
                allocated = max(try segment.size, position.place)
                return
            case .torn(let bytes):
                allocated = max(try segment.size, position.place)
                torn = bytes
                return
            }
        }
    }

    private func open(next end: Position) throws(LogError) {
        // The next may be published and gone as well: then the last is where to go on.
        if let last = try Segment.all(folder).last, last >= end.edge.size { return try open(last) }
        try use(try Self.begin(folder, origin, end, bounds))
    }

    private func open(_ first: UInt64) throws(LogError) { try use(try Segment(folder: folder, first: first, isWritten: true)) }

    private func use(_ segment: Segment) throws(LogError) {
        // Whoever ended the segment before synchronised it.
        (unsettled, isUncertain) = ([], false)
        self.segment = segment
        position = try GroupReader(beginning: segment, origin: origin, isHashing: false).position
        allocated = try segment.size
    }

    /// What a group is made of, hashed and framed before the lock is taken.
    struct Group {
        private(set) var frames: [UInt8] = []
        private(set) var leaves: [Digest] = []

        var isEmpty: Bool { frames.isEmpty }

        mutating func append(entry: [UInt8]) {
            Frame.append(.entry, entry, to: &frames)
            leaves.append(Digest(leaf: unsafe entry.span.bytes))
        }

        mutating func append(object: [UInt8], digest: Digest) {
            Frame.append(.object, digest.bytes + object, to: &frames)
        }
    }

    /// Writes a group at the end of the journal; it is on disk after `synchronise`.
    /// - Parameters:
    ///   - isUrgent: whether it may take of the space that is kept for a full disk.
    ///   - recovered: the record that tells of torn bytes, made where there are any; it stands before the group.
    /// - Returns: the number of the group's first record.
    func append(_ group: Group, isUrgent: Bool, recovered: (_ bytes: Int, Position) -> [UInt8]) throws(LogError) -> UInt64 {
        let held = try Self.take(lock, folder, bounds)
        try catchUp()
        try writeUncertain()
        if position.place > bounds.segmentBytes, torn == 0 { try roll() }
        var edge = position.edge
        var bytes: [UInt8] = []
        var first = edge.size
        if torn > 0 {
            var notice = Group()
            notice.append(entry: recovered(torn, position))
            bytes = notice.frames
            for leaf in notice.leaves { edge.append(leaf) }
            first += 1
        }
        bytes += group.frames
        for leaf in group.leaves { edge.append(leaf) }
        let marker = position.place + bytes.count
        Frame.append(.commit, Commit(edge: edge, durable: max(durable, position.durable)).payload, to: &bytes)
        let end = position.place + bytes.count
        // Torn bytes that the group does not cover must not be read after it.
        if bytes.count < torn { bytes += [UInt8](repeating: 0, count: torn - bytes.count) }
        try setAside(position.place + bytes.count, isUrgent: isUrgent)
        let (written, segment, place) = (bytes, segment, position.place)
        do {
            try refusing { () throws(SystemError) in try Storage.write(written, to: segment.file, at: place) }
        } catch {
            // What got there is no group; it is zeros again, or torn for whoever comes next.
            try? Storage.write([UInt8](repeating: 0, count: written.count), to: segment.file, at: place)
            throw error
        }
        position = Position(segment: position.segment, place: end, edge: edge, durable: max(durable, position.durable))
        torn = 0
        unsettled.append((place, bytes))
        hint.write(lock, segment: segment.first, marker: marker)
        _ = consume held
        return first
    }

    /// Goes on to the end of what all processes wrote, and brings it to disk.
    func refresh() throws(LogError) {
        let held = try Self.take(lock, folder, bounds)
        try catchUp()
        _ = consume held
        try synchronise()
    }

    /// Brings everything that was written before this to disk, whoever wrote it.
    func synchronise() throws(LogError) {
        let size = position.edge.size
        let segment = segment
        do { try refusing { () throws(SystemError) in try Storage.synchroniseData(segment.file) } } catch {
            isUncertain = true
            throw error
        }
        unsettled = []
        durable = size
    }

    /// Under the lock.
    private func writeUncertain() throws(LogError) {
        guard isUncertain else { return }
        for (place, bytes) in unsettled {
            let segment = segment
            try refusing { () throws(SystemError) in try Storage.write(bytes, to: segment.file, at: place) }
        }
        isUncertain = false
    }

    /// Ends the segment and begins the next. The next is there before the end is: a full disk leaves the old one in use.
    private func roll() throws(LogError) {
        let start = position
        var bytes: [UInt8] = []
        Frame.append(.continued, [], to: &bytes)
        let next: Segment
        do { next = try Self.begin(folder, origin, start, bounds) } catch {
            if case .refusing = error.reason { return }
            throw error
        }
        let (end, old) = (bytes, segment)
        try refusing { () throws(SystemError) in
            try Storage.write(end, to: old.file, at: start.place)
            try Storage.truncate(old.file, to: start.place + end.count)
            try Storage.synchroniseData(old.file)
        }
        unsettled = []
        segment = next
        position = try GroupReader(beginning: next, origin: origin, isHashing: false).position
        allocated = try next.size
        durable = start.edge.size
    }

    /// Space up to `end`, and the reserve beyond it for all but urgent groups.
    private func setAside(_ end: Int, isUrgent: Bool) throws(LogError) {
        let needed = isUrgent ? end : end + bounds.reserveBytes
        if needed <= allocated { return }
        let (segment, from) = (segment, allocated)
        let count = max(bounds.allocationBytes, needed - allocated)
        do {
            try refusing { () throws(SystemError) in try Storage.allocate(segment.file, from: from, count: count) }
            allocated = from + count
        } catch {
            guard count > needed - from, case .refusing(_, let code) = error.reason, LogError.isSpace(code) else { throw error }
            try refusing { () throws(SystemError) in try Storage.allocate(segment.file, from: from, count: needed - from) }
            allocated = needed
        }
    }
}

/// The disk's refusals as such: nothing is accepted while it refuses.
func refusing(_ body: () throws(SystemError) -> Void) throws(LogError) {
    do { try body() } catch { throw LogError(.refusing(error.message, code: error.code)) }
}
