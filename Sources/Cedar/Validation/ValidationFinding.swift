// SPDX-License-Identifier: Apache-2.0
//
// What the validator says of a policy: an error or a warning, with its place and what would help.

/// How policies are validated.
public enum ValidationMode: String, Hashable, Sendable, CaseIterable {
    /// The verdict of Cedar's validator in its strict mode.
    case exact
    /// For policies that govern agents: a policy whose scope can match nothing because the schema lacks what it names
    /// is set aside with a warning instead of refused, and the static checks are made.
    case strict
}

/// One thing found in one policy.
public struct ValidationFinding: Hashable, Sendable {
    public enum Severity: String, Hashable, Sendable {
        case error, warning
    }

    /// The sort of the finding; the raw value is stable and goes into JSON.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// An entity type that the schema lacks.
        case unknownEntityType = "unknown_entity_type"
        /// An action that the schema lacks.
        case unknownAction = "unknown_action"
        /// An id that an enumerated entity type lacks.
        case unknownID = "unknown_id"
        /// No action of the scope takes its principal and resource.
        case inapplicable
        /// An operand of another type than the operator takes.
        case type = "unexpected_type"
        /// Types that must agree and do not.
        case incompatibleTypes = "incompatible_types"
        /// An attribute that the type lacks.
        case unknownAttribute = "unknown_attribute"
        /// An optional attribute or a tag that no `has` guards.
        case missingGuard = "missing_guard"
        /// Tags of an entity type that has none.
        case noTags = "no_tags"
        /// `[]`, whose type cannot be known.
        case emptySet = "empty_set"
        /// An extension function with the wrong number of arguments, a bad literal or no literal.
        case extensionCall = "extension_call"
        /// A bound of this implementation was crossed.
        case limit
        /// A policy that is false for every request.
        case impossible
        /// A policy that the schema keeps from matching anything (`ValidationMode.strict`).
        case setAside = "set_aside"
        /// A permit that a forbid always overrides.
        case shadowed
        /// A character that makes text look like what it is not.
        case misleadingText = "misleading_text"
    }

    public let kind: Kind
    public let severity: Severity
    public let policy: Text
    /// Lower case, no full stop, names in backticks.
    public let message: String
    /// In the text of the policy; nil for policies that came from elsewhere.
    public let span: SourceSpan?
    public let help: String?

    public init(
        _ kind: Kind, _ severity: Severity, policy: Text, _ message: String, at span: SourceSpan? = nil,
        help: String? = nil
    ) {
        self.kind = kind
        self.severity = severity
        self.policy = policy
        self.message = message
        self.span = span == SourceSpan.none ? nil : span
        self.help = help
    }

    /// The finding as the error that shows it in a text.
    public var error: CedarError { CedarError(.schema, message, at: span, help: help) }
}

extension Sequence<ValidationFinding> {
    /// Whether nothing found is an error.
    public var isValid: Bool { !contains { $0.severity == .error } }
}
