// SPDX-License-Identifier: Apache-2.0
//
// A schema as it is meant: every name resolved, common types expanded, hierarchies closed. Immutable.
// Source: Cedar reference, "Schema".

/// The types of entities and the actions that policies may speak of.
public struct Schema: Sendable {
    /// The bounds of one schema; what crosses one is refused with `.limit`.
    public enum Limit {
        /// How deep a type may nest once its common types are expanded.
        public static let typeDepth = 512
        /// How many parts a type may have once its common types are expanded.
        public static let typeParts = 1 << 20
        /// Pairs of descendant and ancestor, of types and of actions; a pair counts once for each parent that leads to it.
        public static let hierarchySteps = 1 << 20
        /// Combinations of principal type, action and resource type.
        public static let environments = 1 << 20
    }

    /// What is known of an entity type.
    public struct EntityTypeDefinition: Sendable {
        public let type: EntityType
        public let attributes: RecordType
        /// The type of the values of tags; nil where there are none.
        public let tags: SchemaType?
        /// The only ids, for an enumerated type.
        public let ids: [Text]?
        private let knownIDs: Set<Text>
        /// All types whose entities may be in an entity of this type, directly or not. Holds the type itself only
        /// if its entities may be in one another.
        public internal(set) var descendants: Set<EntityType>

        init(type: EntityType, attributes: RecordType, tags: SchemaType?, ids: [Text]?, descendants: Set<EntityType>) {
            self.type = type
            self.attributes = attributes
            self.tags = tags
            self.ids = ids
            knownIDs = Set(ids ?? [])
            self.descendants = descendants
        }

        /// Whether an entity of the type may have the id.
        func allows(_ id: Text) -> Bool { ids == nil || knownIDs.contains(id) }
    }

    /// What is known of an action.
    public struct ActionDefinition: Sendable {
        public let uid: EntityUID
        /// In the order of the schema, without repetitions.
        public let principals: [EntityType]
        public let resources: [EntityType]
        public let context: RecordType
        /// The groups as declared.
        public let parents: Set<EntityUID>
        /// All groups the action is in.
        public internal(set) var ancestors: Set<EntityUID>
        /// All actions in this one, itself left out.
        public internal(set) var descendants: Set<EntityUID>
    }

    /// The schema as written.
    public let document: SchemaDocument
    public let entityTypes: [EntityType: EntityTypeDefinition]
    public let actions: [EntityUID: ActionDefinition]
    /// The actions in the order of the schema.
    public let actionOrder: [EntityUID]
    /// What is accepted and probably not meant.
    public let warnings: [SchemaWarning]

    /// Reads a schema in the text notation.
    ///
    /// - Throws: `.syntax`, `.schema`, `.limit`; the span is of `source`.
    public init(parsing source: SourceText) throws(CedarError) {
        try self.init(SchemaDocument(parsing: source))
    }

    /// Gives a document its meaning.
    ///
    /// - Throws: `.schema` for names that are not defined, defined twice, in a cycle or reserved; `.limit`.
    public init(_ document: SchemaDocument) throws(CedarError) {
        self = try SchemaResolver.schema(of: document)
    }

    init(
        document: SchemaDocument, entityTypes: [EntityType: EntityTypeDefinition],
        actions: [EntityUID: ActionDefinition], actionOrder: [EntityUID], warnings: [SchemaWarning]
    ) {
        self.document = document
        self.entityTypes = entityTypes
        self.actions = actions
        self.actionOrder = actionOrder
        self.warnings = warnings
    }

    /// Whether the schema may speak of the type: it is declared, or it is a type of actions.
    public func knows(_ type: EntityType) -> Bool { type.isAction || entityTypes[type] != nil }

    /// The action with all that are in it; nothing if it is not declared.
    func within(_ uid: EntityUID) -> Set<EntityUID> {
        actions[uid].map { $0.descendants.union([uid]) } ?? []
    }

    /// Whether an entity of the first type may be in one of the second.
    func mayBeIn(_ type: EntityType, _ ancestor: EntityType) -> Bool {
        if type == ancestor { return true }
        if let definition = entityTypes[ancestor] { return definition.descendants.contains(type) }
        return ancestor.isAction && type.isAction
            && actions.values.contains { $0.uid.type == type && $0.ancestors.contains { $0.type == ancestor } }
    }
}

extension SchemaDocument {
    /// Reads a schema in the text notation, without resolving its names.
    ///
    /// - Throws: `.syntax`, `.schema` for duplicates and reserved names, `.limit`.
    public init(parsing source: SourceText) throws(CedarError) {
        self = try SchemaParser.document(of: source)
    }
}
