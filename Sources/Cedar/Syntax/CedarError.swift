// SPDX-License-Identifier: Apache-2.0
//
// The error of everything that reads: policies, schemas, entities, requests. Errors of evaluation are another type
// (`EvaluationError`): they are part of an answer, not a failure to give one.

/// Why a text or a document was refused.
public struct CedarError: Error, Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The text is not of the language.
        case syntax
        /// A bound of this implementation was crossed (nesting, size).
        case limit
        /// A feature that is named and known, and not there.
        case unsupported
        /// A JSON document does not have the form that is asked for.
        case document
        /// A schema contradicts itself or names what it does not define.
        case schema
        /// Entities or a request that cannot be (cycles, duplicates) or that do not fit the schema.
        case data
    }

    public let kind: Kind
    /// Lower case, no full stop, names in backticks.
    public let message: String
    /// Where in the text, if it is a text.
    public let span: SourceSpan?
    /// What would help, if that is known.
    public let help: String?

    public init(_ kind: Kind, _ message: String, at span: SourceSpan? = nil, help: String? = nil) {
        self.kind = kind
        self.message = message
        self.span = span
        self.help = help
    }

    /// The error as a person reads it: `name:line:column: message`, the line, a caret, and the help.
    public func rendered(in source: SourceText) -> String {
        var lines: [String] = []
        if let span {
            let position = source.position(of: Int(span.start))
            lines.append("\(source.name):\(position): \(message)")
            let text = source.line(at: Int(span.start))
            let number = String(position.line)
            let margin = String(repeating: " ", count: number.utf8.count)
            lines.append("\(margin) |")
            lines.append("\(number) | \(text)")
            let lead = String(
                text.unicodeScalars.prefix(position.column - 1).map { $0 == "\t" ? "\t" : " " as Character })
            let left = text.unicodeScalars.count - (position.column - 1)
            let marks = max(1, min(scalars(of: span, in: source), left))
            lines.append("\(margin) | \(lead)\(String(repeating: "^", count: marks))")
        } else {
            lines.append("\(source.name): \(message)")
        }
        if let help { lines.append("help: \(help)") }
        return lines.joined(separator: "\n")
    }

    private func scalars(of span: SourceSpan, in source: SourceText) -> Int {
        let end = min(Int(span.end), source.bytes.count)
        guard Int(span.start) < end else { return 1 }
        return source.bytes[Int(span.start)..<end].reduce(0) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) }
    }
}

extension CedarError: CustomStringConvertible {
    public var description: String { help.map { "\(message)\nhelp: \($0)" } ?? message }
}
