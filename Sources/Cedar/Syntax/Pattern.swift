// SPDX-License-Identifier: Apache-2.0
//
// The right side of `like`: literal characters and wildcards. A wildcard matches any run of characters, also none.

/// A pattern of `like`.
public struct Pattern: Hashable, Sendable {
    public enum Element: Hashable, Sendable {
        case scalar(Unicode.Scalar)
        case wildcard
    }

    public let elements: [Element]
    /// The literal runs in UTF-8 between the wildcards: n wildcards in a row give empty runs between them.
    let runs: [[UInt8]]

    public init(_ elements: [Element]) {
        self.elements = elements
        var runs: [[UInt8]] = [[]]
        for element in elements {
            switch element {
            case .wildcard: runs.append([])
            case .scalar(let scalar): runs[runs.count - 1].append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
            }
        }
        self.runs = runs
    }

    /// Whether the whole text matches. Time is linear in its length times the longest run.
    public func matches(_ text: Text) -> Bool {
        let bytes = text.string.utf8.span
        let first = runs[0]
        guard Self.match(first, bytes, at: 0) else { return false }
        if runs.count == 1 { return bytes.count == first.count }
        let last = runs[runs.count - 1]
        let limit = bytes.count - last.count
        var index = first.count
        guard index <= limit else { return false }
        // Between the ends every run is taken where it stands first.
        for run in runs[1..<(runs.count - 1)] where !run.isEmpty {
            while true {
                guard index + run.count <= limit else { return false }
                if Self.match(run, bytes, at: index) { break }
                index += 1
            }
            index += run.count
        }
        return Self.match(last, bytes, at: limit)
    }

    private static func match(_ run: [UInt8], _ bytes: borrowing Span<UInt8>, at start: Int) -> Bool {
        guard start + run.count <= bytes.count else { return false }
        var index = 0
        while index < run.count {
            if run[index] != bytes[start + index] { return false }
            index += 1
        }
        return true
    }

    /// The literal that reads back as the pattern, with its quotes.
    public var quoted: String {
        var out = "\""
        for element in elements {
            switch element {
            case .wildcard: out += "*"
            case .scalar("*"): out += "\\*"
            case .scalar(let scalar): Escape.append(scalar, to: &out)
            }
        }
        return out + "\""
    }

    /// The pattern of a string literal of a source text.
    static func unescape(_ bytes: [UInt8], _ span: SourceSpan) throws(CedarError) -> Pattern {
        var elements: [Element] = []
        for element in try Escape.elements(bytes, span) {
            switch element {
            case .scalar("*"): elements.append(.wildcard)
            case .scalar(let scalar): elements.append(.scalar(scalar))
            case .escapedStar: elements.append(.scalar("*"))
            }
        }
        return Pattern(elements)
    }
}
