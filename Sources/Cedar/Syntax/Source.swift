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

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    public init(name: String = "policy", _ text: String) { self.init(name: name, bytes: Array(text.utf8)) }

    /// The position of a byte offset (clamped to the text).
    public func position(of offset: Int) -> Position {
        var line = 1
        var column = 1
        for byte in bytes.prefix(max(0, offset)) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return Position(line: line, column: column)
    }

    /// The text of the line that holds the offset, without its end.
    public func line(at offset: Int) -> String {
        let offset = min(max(0, offset), bytes.count)
        let start = bytes[..<offset].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}
