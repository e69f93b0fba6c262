// SPDX-License-Identifier: Apache-2.0
//
// Places in a source text. A span is in bytes; lines and columns are worked out only when an error is shown.

/// A range of bytes of a source text.
public struct SourceSpan: Hashable, Sendable {
    /// Offsets in bytes from the start of the text; `end` is not included.
    public var start: UInt32
    public var end: UInt32

    public init(_ start: Int, _ end: Int) {
        self.start = UInt32(clamping: start)
        self.end = UInt32(clamping: end)
    }

    /// The span of what does not come from a text.
    public static let none = SourceSpan(0, 0)

    /// From the start of this span to the end of the other.
    public func joined(to other: SourceSpan) -> SourceSpan { SourceSpan(Int(start), Int(other.end)) }
}

/// A line and a column, both from 1; the column counts code points.
public struct Position: Hashable, Sendable, CustomStringConvertible {
    public let line: Int
    public let column: Int
    public var description: String { "\(line):\(column)" }
}

/// A text with its name, to show places in it.
public struct SourceText: Sendable {
    /// What messages call the text, usually a path.
    public let name: String
    public let bytes: [UInt8]
    /// Where each line begins.
    private let lines: [Int]

    /// More bytes of a line are not shown.
    static let longestExcerpt = 240

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        var lines = [0]
        for (index, byte) in bytes.enumerated() where byte == 0x0A { lines.append(index + 1) }
        self.lines = lines
    }

    public init(name: String = "policy", _ text: String) { self.init(name: name, bytes: Array(text.utf8)) }

    /// The position of a byte offset (clamped to the text).
    public func position(of offset: Int) -> Position {
        let offset = clamped(offset)
        let line = lineIndex(of: offset)
        return Position(line: line + 1, column: 1 + scalars(lines[line]..<offset))
    }

    /// The line that holds the offset without its end, where it is long only what stands around the offset, and the bytes
    /// of the text that are shown after how many characters of an ellipsis.
    func excerpt(around offset: Int) -> (text: String, bytes: Range<Int>, lead: Int) {
        let offset = clamped(offset)
        let line = lineIndex(of: offset)
        let end = line + 1 < lines.count ? lines[line + 1] - 1 : bytes.count
        guard end - lines[line] > Self.longestExcerpt else {
            return (String(decoding: bytes[lines[line]..<end], as: UTF8.self), lines[line]..<end, 0)
        }
        var shown = max(lines[line], offset - Self.longestExcerpt / 3)..<end
        shown = shown.lowerBound..<min(end, shown.lowerBound + Self.longestExcerpt)
        // Not inside a character.
        while shown.lowerBound < offset, isContinuation(shown.lowerBound) { shown = shown.lowerBound + 1..<shown.upperBound }
        while shown.upperBound > offset, shown.upperBound < end, isContinuation(shown.upperBound) {
            shown = shown.lowerBound..<shown.upperBound - 1
        }
        let before = shown.lowerBound > lines[line] ? "..." : ""
        let text = before + String(decoding: bytes[shown], as: UTF8.self) + (shown.upperBound < end ? "..." : "")
        return (text, shown, before.utf8.count)
    }

    /// How many characters (code points) begin in a range of bytes.
    func scalars(_ range: Range<Int>) -> Int { range.reduce(0) { $0 + (isContinuation($1) ? 0 : 1) } }

    private func isContinuation(_ index: Int) -> Bool { bytes[index] & 0xC0 == 0x80 }

    private func clamped(_ offset: Int) -> Int { min(max(0, offset), bytes.count) }

    /// The last line that begins at or before the offset.
    private func lineIndex(of offset: Int) -> Int {
        var low = 0
        var high = lines.count
        while low + 1 < high {
            let middle = (low + high) / 2
            if lines[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }
}
