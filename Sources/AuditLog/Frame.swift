// SPDX-License-Identifier: Apache-2.0
//
// The frames of a journal: length (4 bytes, little-endian) | CRC-32C of what follows and of the length (4) | kind (1) | payload. A group is
// any number of entries and bodies and one commit, which carries the tree after them. Nine zero bytes, or the end of the file, are the end.

enum FrameKind: UInt8, Sendable {
    /// A record; a leaf of the tree.
    case entry = 1
    /// Ends a group.
    case commit = 2
    /// Begins a segment.
    case header = 3
    /// A body on its way to the side store: 32 bytes of digest, then the content. No leaf.
    case object = 4
    /// Ends a segment: the journal goes on in the next.
    case continued = 5

    var largest: Int {
        switch self {
        case .entry: 65_535
        case .object: ObjectStore.largest + Digest.byteCount
        case .commit, .header: 4096
        case .continued: 0
        }
    }
}

enum Frame {
    static let headerBytes = 9

    static func append(_ kind: FrameKind, _ payload: [UInt8], to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(payload.count))
        var check = CRC32C.of(unsafe bytes.span.bytes.extracting(last: 4))
        check = CRC32C.of(unsafe [kind.rawValue].span.bytes, after: check)
        bytes.append(littleEndian: CRC32C.of(unsafe payload.span.bytes, after: check))
        bytes.append(kind.rawValue)
        bytes.append(contentsOf: payload)
    }

    enum Reading {
        /// The payload's place in the bytes.
        case frame(FrameKind, Range<Int>)
        /// So many bytes are needed from the frame's begin.
        case needs(Int)
        /// Zeros.
        case end
        case torn
    }

    static func read(_ bytes: RawSpan, at place: Int) -> Reading {
        guard bytes.byteCount - place >= headerBytes else { return .needs(headerBytes) }
        func word(_ at: Int) -> UInt32 { unsafe UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: place + at, as: UInt32.self)) }
        let length = word(0)
        let raw = unsafe bytes.unsafeLoad(fromByteOffset: place + 8, as: UInt8.self)
        if length == 0, word(4) == 0, raw == 0 { return .end }
        guard let kind = FrameKind(rawValue: raw), Int(length) <= kind.largest else { return .torn }
        let payload = (place + headerBytes)..<(place + headerBytes + Int(length))
        guard payload.upperBound <= bytes.byteCount else { return .needs(headerBytes + Int(length)) }
        var check = CRC32C.of(bytes.extracting(place..<(place + 4)))
        check = CRC32C.of(bytes.extracting((place + 8)..<(place + 9)), after: check)
        check = CRC32C.of(bytes.extracting(payload), after: check)
        return check == word(4) ? .frame(kind, payload) : .torn
    }
}

/// What a commit says, and how a segment's header repeats it: the tree as it then was.
struct Commit: Sendable, Hashable {
    /// No text holds its first byte: nothing that a record says can pass for a commit.
    static let magic: [UInt8] = [0xf5] + Array("fumelog".utf8)

    let edge: Edge
    /// Records known to be on disk when it was written: nothing before them can be torn by an end of the machine.
    let durable: UInt64

    var payload: [UInt8] {
        var bytes = Self.magic
        bytes.append(littleEndian: edge.size)
        bytes.append(littleEndian: durable)
        edge.root.append(to: &bytes)
        bytes.append(UInt8(edge.hashes.count))
        for hash in edge.hashes { hash.append(to: &bytes) }
        return bytes
    }

    private static let fixedBytes = 8 + 8 + 8 + Digest.byteCount + 1

    /// Nil where the bytes are none, or its root is not that of its hashes.
    init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.fixedBytes else { return nil }
        for (place, byte) in Self.magic.enumerated() where unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self) != byte { return nil }
        func word(_ at: Int) -> UInt64 { unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)) }
        let count = Int(unsafe bytes.unsafeLoad(fromByteOffset: Self.fixedBytes - 1, as: UInt8.self))
        guard bytes.byteCount == Self.fixedBytes + count * Digest.byteCount else { return nil }
        let hashes = (0..<count).map { Digest(bytes, at: Self.fixedBytes + $0 * Digest.byteCount) }
        guard let edge = Edge(size: word(8), hashes: hashes), edge.root == Digest(bytes, at: 24), word(16) <= edge.size else { return nil }
        self.edge = edge
        durable = word(16)
    }

    init(edge: Edge, durable: UInt64) {
        self.edge = edge
        self.durable = durable
    }
}

/// The first frame of a segment.
struct SegmentHeader: Sendable, Hashable {
    let origin: String
    let start: Commit

    var payload: [UInt8] { [UInt8(origin.utf8.count & 255), UInt8(origin.utf8.count >> 8)] + Array(origin.utf8) + start.payload }

    init(origin: String, start: Commit) {
        self.origin = origin
        self.start = start
    }

    init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= 2 else { return nil }
        let count = Int(unsafe UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self)))
        guard bytes.byteCount >= 2 + count, let start = Commit(bytes.extracting((2 + count)..<bytes.byteCount)) else { return nil }
        var name: [UInt8] = []
        for place in 2..<(2 + count) { name.append(unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self)) }
        origin = String(decoding: name, as: UTF8.self)
        self.start = start
    }
}
