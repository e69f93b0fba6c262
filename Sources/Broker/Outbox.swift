// SPDX-License-Identifier: Apache-2.0
//
// Lines that wait to be written to one side. Short ones lie together, so that one write takes them all; a long one is kept as it was made.

/// Bytes in order; taken in pieces, put back never.
public struct Outbox: Sendable {
    private var chunks: [[UInt8]] = []
    /// The first chunk that is not written, and how much of it is.
    private var first = 0
    private var start = 0
    public private(set) var count = 0

    /// Lines go together up to so many bytes.
    private static let together = 64 << 10

    init() {}

    public var isEmpty: Bool { count == 0 }
    /// What is to be written next, from its beginning: not all that waits.
    public var waiting: ArraySlice<UInt8> { isEmpty ? [] : chunks[first][start...] }

    /// So many of the bytes of ``waiting`` have been written.
    public mutating func written(_ written: Int) {
        start += written
        count -= written
        guard first < chunks.count, start == chunks[first].count else { return }
        chunks[first] = []
        first += 1
        start = 0
        if first == chunks.count {
            drop()
        } else if first > 1024 {
            chunks.removeFirst(first)
            first = 0
        }
    }

    /// Nobody reads any more.
    public mutating func drop() {
        chunks.removeAll(keepingCapacity: chunks.capacity <= 1024)
        first = 0
        start = 0
        count = 0
    }

    /// One line in pieces, of which a long one is not copied.
    mutating func append(pieces: [[UInt8]]) {
        guard pieces.reduce(0, { $0 + $1.count }) >= Self.together else {
            var line: [UInt8] = []
            line.reserveCapacity(pieces.reduce(1) { $0 + $1.count })
            for piece in pieces { line += piece }
            return append(line: line)
        }
        for piece in pieces where !piece.isEmpty {
            count += piece.count
            chunks.append(piece)
        }
        count += 1
        chunks.append([0x0a])
    }

    mutating func append(line: consuming [UInt8]) {
        let length = line.count + 1
        count += length
        if let last = chunks.indices.last, last >= first, chunks[last].count + length <= Self.together {
            chunks[last] += line
            chunks[last].append(0x0a)
        } else {
            line.append(0x0a)
            chunks.append(line)
        }
    }
}
