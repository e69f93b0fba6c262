// SPDX-License-Identifier: Apache-2.0
//
// Where the last commit stands, written into the lock's file by whoever writes, so that opening the journal need not read a whole segment.
// Only a hint: it counts within one boot alone (after another, bytes before it may be torn), and only where a whole commit stands there.

internal import Linux

struct Hint: Sendable {
    private static let bytes = Digest.byteCount + 8 + 8
    /// Of this boot's id; nil where there is none to read.
    private let boot: Digest?

    init() { boot = (try? Files.read("/proc/sys/kernel/random/boot_id", limit: 100)).map { Digest(of: $0) } }

    /// Under the lock. A hint that cannot be written is one that is not there.
    func write(_ lock: borrowing Descriptor, segment: UInt64, marker: Int) {
        guard let boot else { return }
        var bytes = boot.bytes
        bytes.append(littleEndian: segment)
        bytes.append(littleEndian: UInt64(marker))
        try? Storage.write(bytes, to: lock, at: 0)
    }

    /// The place after the commit that it names.
    func read(_ lock: borrowing Descriptor, _ segment: Segment) -> Position? {
        guard let boot, let bytes = try? Storage.read(lock, at: 0, count: Self.bytes), bytes.count == Self.bytes,
            Digest(bytes: bytes.prefix(Digest.byteCount)) == boot
        else { return nil }
        func word(_ at: Int) -> UInt64 { bytes[(Digest.byteCount + at)..<(Digest.byteCount + at + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        guard word(0) == segment.first, word(8) < 1 << 40 else { return nil }
        var reader = FrameReader(segment, at: Int(word(8)), part: 1 << 10)
        guard case .frame(.commit, let payload)? = try? reader.next(), let commit = Commit(unsafe reader.bytes.span.bytes.extracting(payload)) else {
            return nil
        }
        return Position(segment: segment.first, place: reader.place, edge: commit.edge, durable: commit.durable)
    }
}
