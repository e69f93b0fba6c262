// SPDX-License-Identifier: Apache-2.0
//
// A schema as it is written: the declarations of each namespace with their names not yet resolved. Both notations
// (text and JSON) are read into this and written from it; `Schema` is what it means.
// Source: Cedar reference, "Schema format", "Human readable schema grammar".

/// A schema as written, in either notation.
public struct SchemaDocument: Hashable, Sendable {
    public var namespaces: [SchemaNamespace]
    /// What is accepted and probably not meant.
    public var warnings: [SchemaWarning] = []

    public init(namespaces: [SchemaNamespace] = []) { self.namespaces = namespaces }
}

/// Something in a schema that is accepted and probably not meant.
public struct SchemaWarning: Hashable, Sendable {
    public let message: String
    public let span: SourceSpan?
    public let help: String?

    public init(_ message: String, at span: SourceSpan?, help: String? = nil) {
        self.message = message
        self.span = span
        self.help = help
    }
}

/// An annotation of a declaration, `@key("value")` or `@key`.
public struct SchemaAnnotation: Hashable, Sendable {
    public var key: Text
    public var value: Text?

    public init(key: Text, value: Text?) {
        self.key = key
        self.value = value
    }
}

/// The declarations of one namespace.
public struct SchemaNamespace: Hashable, Sendable {
    /// Nil is the empty namespace.
    public var name: Name?
    public var annotations: [SchemaAnnotation] = []
    public var commonTypes: [CommonTypeDeclaration] = []
    public var entityTypes: [EntityTypeDeclaration] = []
    public var actions: [ActionDeclaration] = []
    public var span: SourceSpan?

    public init(name: Name?) { self.name = name }
}

/// A name where it is used.
public struct NameUse: Hashable, Sendable {
    public var name: Name
    public var span: SourceSpan?

    public init(_ name: Name, at span: SourceSpan? = nil) {
        self.name = name
        self.span = span
    }
}

/// `type T = ...;`
public struct CommonTypeDeclaration: Hashable, Sendable {
    public var name: Text
    public var type: TypeExpression
    public var annotations: [SchemaAnnotation] = []
    public var span: SourceSpan?

    public init(name: Text, type: TypeExpression) {
        self.name = name
        self.type = type
    }
}

/// `entity E ...;`
public struct EntityTypeDeclaration: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// `shape` is a record or the name of one.
        case standard(parents: [NameUse], shape: TypeExpression, tags: TypeExpression?)
        /// The only ids that there are.
        case enumerated([Text])
    }

    public var name: Text
    public var kind: Kind
    public var annotations: [SchemaAnnotation] = []
    public var span: SourceSpan?

    public init(name: Text, kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

/// `action a ...;`
public struct ActionDeclaration: Hashable, Sendable {
    /// The group an action is in; without a type, `Action` of this or of the empty namespace.
    public struct Group: Hashable, Sendable {
        public var type: Name?
        public var id: Text
        public var span: SourceSpan?

        public init(type: Name?, id: Text, span: SourceSpan? = nil) {
            self.type = type
            self.id = id
            self.span = span
        }
    }

    public struct AppliesTo: Hashable, Sendable {
        public var principals: [NameUse]
        public var resources: [NameUse]
        public var context: TypeExpression

        public init(principals: [NameUse], resources: [NameUse], context: TypeExpression = .emptyRecord) {
            self.principals = principals
            self.resources = resources
            self.context = context
        }
    }

    public var id: Text
    public var groups: [Group] = []
    /// Nil for an action that no request can name.
    public var appliesTo: AppliesTo?
    public var annotations: [SchemaAnnotation] = []
    public var span: SourceSpan?

    public init(id: Text) { self.id = id }
}

/// A type as written.
public indirect enum TypeExpression: Hashable, Sendable {
    case boolean
    case long
    case string
    case set(TypeExpression)
    case record([AttributeDeclaration])
    /// The name of an extension type.
    case `extension`(NameUse)
    /// A name that can only be an entity type.
    case entity(NameUse)
    /// A name that can only be a common type.
    case common(NameUse)
    /// A name that can be either; at one place the common type wins.
    case entityOrCommon(NameUse)

    public static let emptyRecord = TypeExpression.record([])
}

/// One attribute of a record or of an entity type.
public struct AttributeDeclaration: Hashable, Sendable {
    public var name: Text
    public var isRequired: Bool
    public var type: TypeExpression
    public var annotations: [SchemaAnnotation] = []
    public var span: SourceSpan?

    public init(name: Text, isRequired: Bool, type: TypeExpression) {
        self.name = name
        self.isRequired = isRequired
        self.type = type
    }
}
