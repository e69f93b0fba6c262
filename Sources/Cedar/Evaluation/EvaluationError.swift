// SPDX-License-Identifier: Apache-2.0
//
// Why the condition of a policy has no value. Such a policy is left out of the decision and reported.

/// An error of evaluation.
public struct EvaluationError: Error, Hashable, Sendable {
    public indirect enum Kind: Hashable, Sendable {
        /// An operand is of another type than the operator takes.
        case type(expected: String, found: String)
        /// The entity's attribute, or a record's field where there is no entity.
        case missingAttribute(Text, of: EntityUID?)
        case missingTag(Text, of: EntityUID)
        case missingEntity(EntityUID)
        /// An integer, a date or a duration leaves its 64 bits.
        case overflow(String)
        case arity(ExtensionFunction, found: Int)
        /// The text is not of the form that the constructor takes.
        case invalid(ExtensionFunction, Text)
    }

    public let kind: Kind
    /// The expression in the policy's text, where that is known.
    public let span: SourceSpan?

    public init(_ kind: Kind, at span: SourceSpan? = nil) {
        self.kind = kind
        self.span = span
    }

    static func type(_ expected: String, _ found: Value, at span: SourceSpan? = nil) -> EvaluationError {
        EvaluationError(.type(expected: expected, found: found.typeName), at: span)
    }
}

extension EvaluationError: CustomStringConvertible {
    public var description: String {
        switch kind {
        case .type(let expected, let found): "expected \(expected), found \(found)"
        case .missingAttribute(let name, let owner):
            "\(owner.map { "`\($0)`" } ?? "the record") has no attribute `\(name)`\nhelp: ask with `has` first"
        case .missingTag(let name, let uid): "`\(uid)` has no tag `\(name)`\nhelp: ask with `hasTag` first"
        case .missingEntity(let uid): "there is no entity `\(uid)`"
        case .overflow(let operation): "integer overflow in \(operation)"
        case .arity(let function, let found):
            "`\(function.rawValue)` takes \(function.arity) argument\(function.arity == 1 ? "" : "s"), found \(found)"
        case .invalid(let function, let text):
            "\(Escape.quoted(text)) is no valid `\(function.rawValue)`\nhelp: \(ExtensionValue.form(function))"
        }
    }
}
