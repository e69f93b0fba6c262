// SPDX-License-Identifier: Apache-2.0
//
// The framing of MCP over pipes: UTF-8, one message per line feed. Bytes go in as they come, lines come out one at a time. A line over the
// bound is thrown away as it arrives; its two ends are kept, as the id of the call that it answers may stand there.

/// One line, without its line feed.
enum Line: Equatable {
    case text([UInt8])
    /// It was longer than the bound. What it began and ended with.
    case tooLong(head: [UInt8], tail: [UInt8])
}

struct LineReader {
    private let limit: Int
    private var buffer: [UInt8] = []
    /// Where the next line begins in the buffer, and up to where no line feed was found.
    private var start = 0
    private var scanned = 0
    /// The ends of a line that is being thrown away.
    private var discarded: (head: [UInt8], tail: [UInt8])?

    static let excerpt = 256
    /// Lines longer than this are not copied.
    static let moved = 256 << 10

    init(limit: Int) { self.limit = limit }

    /// Bytes held.
    var held: Int { buffer.count - start }

    mutating func append(_ bytes: [UInt8]) {
        if start == buffer.count {
            // A buffer that had to grow for one line is given back.
            if buffer.capacity > 1 << 20 {
                buffer = bytes
            } else {
                buffer.removeAll(keepingCapacity: true)
                buffer += bytes
            }
            start = 0
            scanned = 0
        } else {
            if start > buffer.count / 2 {
                buffer.removeFirst(start)
                scanned -= start
                start = 0
            }
            buffer += bytes
        }
    }

    /// The next line, or nil where none is whole.
    mutating func next() -> Line? {
        while true {
            guard let feed = lineFeed() else {
                scanned = buffer.count
                // The buffer may hold a little more than the bound: one line is looked at as a whole.
                if discarded != nil || held > limit { discard(upTo: buffer.count) }
                return nil
            }
            let isLong = discarded == nil && feed - start > Self.moved && feed - start <= limit
            if isLong { return .text(takeOver(upTo: feed)) }
            defer {
                start = feed + 1
                scanned = start
            }
            if discarded != nil || feed - start > limit {
                discard(upTo: feed)
                defer { discarded = nil }
                return .tooLong(head: discarded!.head, tail: discarded!.tail)
            }
            return .text(Array(buffer[start..<feed]))
        }
    }

    /// What stood after the last line feed when the stream ended.
    mutating func rest() -> Line? {
        defer {
            buffer = []
            start = 0
            scanned = 0
            discarded = nil
        }
        if let discarded { return .tooLong(head: discarded.head, tail: discarded.tail) }
        return held == 0 ? nil : .text(Array(buffer[start...]))
    }

    /// A long line takes the buffer with it: two of its size would be much.
    private mutating func takeOver(upTo feed: Int) -> [UInt8] {
        let rest = Array(buffer[(feed + 1)...])
        var line = buffer
        buffer = rest
        line.removeSubrange(feed...)
        line.removeFirst(start)
        start = 0
        scanned = 0
        return line
    }

    private func lineFeed() -> Int? {
        let bytes = buffer.span
        var at = scanned
        while at < bytes.count {
            if bytes[at] == 0x0a { return at }
            at += 1
        }
        return nil
    }

    private mutating func discard(upTo end: Int) {
        let piece = buffer[start..<end]
        var ends = discarded ?? (Array(piece.prefix(Self.excerpt)), [])
        ends.tail = Array((ends.tail + piece.suffix(Self.excerpt)).suffix(Self.excerpt))
        discarded = ends
        if end == buffer.count {
            buffer = []
            start = 0
            scanned = 0
        }
    }
}
