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
            let start = Int(span.start)
            let position = source.position(of: start)
            lines.append("\(source.name):\(position): \(message)")
            let (text, bytes, ellipsis) = source.excerpt(around: start)
            let number = String(position.line)
            let margin = String(repeating: " ", count: number.utf8.count)
            lines.append("\(margin) |")
            lines.append("\(number) | \(text)")
            let place = min(max(start, bytes.lowerBound), bytes.upperBound)
            let lead = text.unicodeScalars.prefix(ellipsis + source.scalars(bytes.lowerBound..<place))
            let marks = max(1, source.scalars(place..<min(max(place, Int(span.end)), bytes.upperBound)))
            let blanks = String(lead.map { $0 == "\t" ? "\t" : " " as Character })
            lines.append("\(margin) | \(blanks)\(String(repeating: "^", count: marks))")
        } else {
            lines.append("\(source.name): \(message)")
        }
        if let help { lines.append("help: \(help)") }
        return lines.joined(separator: "\n")
    }
}

extension CedarError: CustomStringConvertible {
    public var description: String { help.map { "\(message)\nhelp: \($0)" } ?? message }
}
