// SPDX-License-Identifier: Apache-2.0
//
// The groups of a segment, as far as they are whole, and the judgement on what follows the last: nothing, a write that an end of the
// process or machine tore, or damage to something that had been on disk. Only the second may be cut off.

internal import Glibc
internal import Linux

/// A place between two groups, with the tree there.
struct Position: Sendable, Hashable {
    var segment: UInt64
    /// In the segment's file.
    var place: Int
    var edge: Edge
    var durable: UInt64
}

struct GroupReader {
    private(set) var position: Position
    /// Whether every record is hashed and every commit compared, or frames are taken by their checksums.
    let isHashing: Bool
    /// Whether zeros end the segment only where nothing else follows them. Within one boot they do: writes are seen in their order.
    let isThorough: Bool
    private var reader: FrameReader

    /// For a writer that goes on from what it knows: small reads, checksums, and no look beyond the end.
    init(following segment: Segment, from position: Position) {
        self.position = position
        isHashing = false
        isThorough = false
        reader = FrameReader(segment, at: position.place, part: 16 << 10)
    }

    /// From a segment's header on.
    /// - Throws: `damaged` where there is no whole header, or it is not of this segment; `otherLog`.
    init(beginning segment: Segment, origin: String, isHashing: Bool) throws(LogError) {
        var reader = FrameReader(segment, at: 0)
        isThorough = true
        self.isHashing = isHashing
        guard case .frame(.header, let payload) = try reader.next(), let header = SegmentHeader(unsafe reader.bytes.span.bytes.extracting(payload)),
            header.start.edge.size == segment.first
        else { throw LogError(.damaged(file: segment.path, record: segment.first, problem: "does not begin as a journal of records from \(segment.first) on")) }
        guard sameText(header.origin, origin) else { throw LogError(.otherLog(found: header.origin, expected: origin)) }
        position = Position(segment: segment.first, place: reader.place, edge: header.start.edge, durable: header.start.durable)
        self.reader = reader
    }

    enum Step {
        case group
        /// The segment ends here, and the journal goes on in the next.
        case continued
        case end
        /// Bytes after the last whole group that no disk had promised to keep.
        case torn(bytes: Int)
    }

    /// The next group: its entries, their hashes where it makes them, and bodies in order, each before it is known that the group is whole.
    mutating func next(
        entry: (UInt64, ArraySlice<UInt8>) throws(LogError) -> Void = { (_, _) throws(LogError) in },
        leaf: (UInt64, Digest) throws(LogError) -> Void = { (_, _) throws(LogError) in },
        object: (Digest, ArraySlice<UInt8>) throws(LogError) -> Void = { (_, _) throws(LogError) in }
    ) throws(LogError) -> Step {
        var edge = position.edge
        var number = edge.size
        while true {
            switch try reader.next() {
            case .frame(.entry, let payload):
                if isHashing {
                    let hash = unsafe Digest(leaf: reader.bytes.span.bytes.extracting(payload))
                    edge.append(hash)
                    try leaf(number, hash)
                }
                try entry(number, reader.payload(payload))
                number += 1
            case .frame(.object, let payload):
                guard payload.count >= Digest.byteCount, let digest = Digest(bytes: reader.bytes[payload.prefix(Digest.byteCount)])
                else { throw damage(number, "holds a body without its digest") }
                try object(digest, reader.payload(payload.dropFirst(Digest.byteCount)))
            case .frame(.commit, let payload):
                guard let commit = Commit(unsafe reader.bytes.span.bytes.extracting(payload)), commit.edge.size == number, !isHashing || commit.edge == edge
                else {
                    let first = position.edge.size
                    throw damage(
                        first,
                        number - first > 1
                            ? "holds records \(first) to \(number - 1) that are not those of their group's root" : "holds another than its group's root says")
                }
                position = Position(segment: position.segment, place: reader.place, edge: commit.edge, durable: max(position.durable, commit.durable))
                return .group
            case .frame(.continued, _) where number == position.edge.size: return .continued
            case .frame: throw damage(number, "holds a frame where none can be")
            case .end where !isThorough && number == position.edge.size: return .end
            case .end, .torn: return try tail(number)
            }
        }
    }

    /// Judges what follows the last whole group. Zeros are space that was set aside.
    private func tail(_ number: UInt64) throws(LogError) -> Step {
        let (segment, begin) = (reader.segment, position.place)
        let size = try segment.size
        guard size > begin else { return .end }
        var rest = try asked { () throws(SystemError) in try Storage.read(segment.file, at: begin, count: size - begin) }
        rest.removeSubrange(used(rest)...)
        if rest.isEmpty { return .end }
        // A later commit that is whole and says that more was on disk: these bytes were not torn, they were changed.
        var place = Frame.headerBytes
        let magic = Commit.magic
        while place + magic.count <= rest.count {
            guard let found = rest[place...].firstIndex(of: magic[0]) else { break }
            if found + magic.count <= rest.count, rest[found..<(found + magic.count)].elementsEqual(magic),
                case .frame(.commit, let payload) = Frame.read(unsafe rest.span.bytes, at: found - Frame.headerBytes),
                let commit = Commit(unsafe rest.span.bytes.extracting(payload)), commit.durable > position.edge.size
            {
                throw damage(number, "is damaged at byte \(reader.place)")
            }
            place = found + 1
        }
        return .torn(bytes: rest.count)
    }

    private func damage(_ record: UInt64, _ problem: String) -> LogError {
        LogError(.damaged(file: reader.segment.path, record: record, problem: problem))
    }
}

/// The bytes before the zeros at the end, found by halves.
private func used(_ bytes: [UInt8]) -> Int {
    var (low, high) = (0, bytes.count)
    while low < high {
        let middle = (low + high) / 2
        if isZero(bytes, middle..<high) { high = middle } else { low = middle + 1 }
    }
    return low
}

/// Whether they are all zeros: the first is one, and each is like the one after it.
private func isZero(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    if bytes[range.lowerBound] != 0 { return false }
    // SAFETY: both ranges are within the bytes.
    return unsafe bytes.withUnsafeBytes { raw in
        guard let base = raw.baseAddress else { return true }
        return unsafe memcmp(base + range.lowerBound, base + range.lowerBound + 1, range.count - 1) == 0
    }
}

/// Whether two texts are the same bytes.
func sameText(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
