// SPDX-License-Identifier: Apache-2.0
//
// From a schema as written to a schema as meant: which declaration a name stands for, common types expanded,
// hierarchies closed. The rules of names, in short: `X` inside namespace `N` is `N::X` if that is declared, else `X`
// of the empty namespace; at one place a common type goes before an entity type; `Bool`, `Long`, `String` and the
// extension types are common types of the empty namespace unless it declares the name itself, and always
// common types of `__cedar`; a type or action of the empty namespace may not be declared again in another.
// Source: Cedar reference, "Schema"; RFCs 24, 52, 70.

struct SchemaResolver {
    private let document: SchemaDocument
    private var entityNames: [Name: SourceSpan?] = [:]
    private var commonTypes: [Name: (expression: TypeExpression, namespace: Name?, span: SourceSpan?)] = [:]
    private var actionIDs: [EntityUID: SourceSpan?] = [:]
    /// The types of all actions.
    private var actionTypes: Set<Name> = []
    private var expanded: [Name: Expansion] = [:]
    private var warnings: [SchemaWarning]

    /// A type without common types, with its depth and its number of parts.
    private struct Expansion {
        var type: SchemaType
        var depth: Int
        var parts: Int
    }

    private static let builtins: [(name: Text, type: SchemaType)] =
        [("Bool", .bool), ("Long", .long), ("String", .string)]
        + ExtensionType.allCases.map { (Text($0.rawValue), .extension($0)) }

    static func schema(of document: SchemaDocument) throws(CedarError) -> Schema {
        var resolver = SchemaResolver(document)
        return try resolver.run()
    }

    private init(_ document: SchemaDocument) {
        self.document = document
        warnings = document.warnings
    }

    private mutating func run() throws(CedarError) -> Schema {
        for namespace in document.namespaces { try declare(namespace) }
        try checkShadowing()
        for builtin in Self.builtins {
            expanded[Name(path: [Identifier.cedar, builtin.name])] = Expansion(type: builtin.type, depth: 1, parts: 1)
            let plain = Name(builtin.name)
            if entityNames[plain] == nil, commonTypes[plain] == nil {
                expanded[plain] = Expansion(type: builtin.type, depth: 1, parts: 1)
            }
        }
        try expandCommonTypes()
        var entityTypes: [EntityType: Schema.EntityTypeDefinition] = [:]
        var parents: [(child: EntityType, parents: [EntityType])] = []
        for namespace in document.namespaces {
            for declaration in namespace.entityTypes {
                let type = Self.qualified(declaration.name, namespace.name)
                let (definition, direct) = try define(type, declaration, in: namespace.name)
                entityTypes[type] = definition
                parents.append((type, direct))
            }
        }
        var budget = Schema.Limit.hierarchySteps
        for (type, descendants) in try Closure.descendants(parents, &budget) {
            entityTypes[type]?.descendants = descendants
        }
        let (actions, order) = try defineActions(entityTypes, &budget)
        return Schema(
            document: document, entityTypes: entityTypes, actions: actions, actionOrder: order, warnings: warnings)
    }

    private static func qualified(_ name: Text, _ namespace: Name?) -> Name {
        namespace.map { Name("\($0)::\(name)") } ?? Name(name)
    }

    // MARK: Declarations

    private mutating func declare(_ namespace: SchemaNamespace) throws(CedarError) {
        for declaration in namespace.entityTypes {
            let type = Self.qualified(declaration.name, namespace.name)
            if declaration.name == "Action" {
                throw CedarError(
                    .schema, "`\(type)` cannot be declared: entities of type `Action` are declared as actions",
                    at: declaration.span, help: "write `action \"name\" ..;`")
            }
            guard entityNames.updateValue(declaration.span, forKey: type) == nil else {
                throw CedarError(.schema, "entity type `\(type)` is declared twice", at: declaration.span)
            }
            warnIfBuiltin(declaration.name, declaration.span)
        }
        for declaration in namespace.commonTypes {
            let name = Self.qualified(declaration.name, namespace.name)
            let entry = (declaration.type, namespace.name, declaration.span)
            guard commonTypes.updateValue(entry, forKey: name) == nil else {
                throw CedarError(.schema, "common type `\(name)` is declared twice", at: declaration.span)
            }
            if entityNames[name] != nil {
                warnings.append(
                    SchemaWarning(
                        "common type `\(name)` hides the entity type of that name", at: declaration.span,
                        help: "rename one of them"))
            }
            warnIfBuiltin(declaration.name, declaration.span)
        }
        for declaration in namespace.actions {
            let uid = EntityUID(type: Self.qualified("Action", namespace.name), id: declaration.id)
            guard actionIDs.updateValue(declaration.span, forKey: uid) == nil else {
                throw CedarError(.schema, "action `\(uid)` is declared twice", at: declaration.span)
            }
            actionTypes.insert(uid.type)
        }
    }

    private mutating func warnIfBuiltin(_ name: Text, _ span: SourceSpan?) {
        guard Self.builtins.contains(where: { $0.name == name }) else { return }
        warnings.append(
            SchemaWarning(
                "`\(name)` hides the built-in type of that name", at: span,
                help: "the built-in type is still `__cedar::\(name)`"))
    }

    private func checkShadowing() throws(CedarError) {
        var plain: Set<Text> = []
        for name in entityNames.keys where !name.isQualified { plain.insert(name.text) }
        for name in commonTypes.keys where !name.isQualified { plain.insert(name.text) }
        let qualified =
            entityNames.filter { $0.key.isQualified }.map { ($0.key, $0.value) }
            + commonTypes.filter { $0.key.isQualified }.map { ($0.key, $0.value.span) }
        for (name, span) in qualified.sorted(by: { $0.0 < $1.0 }) where plain.contains(name.base) {
            throw CedarError(
                .schema, "`\(name)` declares `\(name.base)` again, which the empty namespace declares", at: span,
                help: "rename one of them")
        }
        var plainActions: Set<Text> = []
        for uid in actionIDs.keys where !uid.type.isQualified { plainActions.insert(uid.id) }
        guard !plainActions.isEmpty else { return }
        for (uid, span) in actionIDs.sorted(by: { $0.key < $1.key })
        where uid.type.isQualified && plainActions.contains(uid.id) {
            throw CedarError(
                .schema, "action `\(uid)` declares again what the empty namespace declares", at: span,
                help: "rename one of them")
        }
    }

    // MARK: Names

    private func candidates(_ name: Name, _ namespace: Name?) -> [Name] {
        guard let namespace, !name.isQualified else { return [name] }
        return [Name("\(namespace)::\(name)"), name]
    }

    private func isEntity(_ name: Name) -> Bool { entityNames[name] != nil || actionTypes.contains(name) }
    private func isCommon(_ name: Name) -> Bool { commonTypes[name] != nil || expanded[name] != nil }

    private enum Sort {
        case entity, common, either

        var words: String {
            switch self {
            case .entity: "entity type"
            case .common: "common type"
            case .either: "type"
            }
        }
    }

    private func undefined(_ use: NameUse, _ namespace: Name?, _ sort: Sort) -> CedarError {
        var help: String?
        let all = candidates(use.name, namespace)
        if sort == .entity, all.contains(where: isCommon) {
            help = "`\(use.name)` is a common type, here only an entity type may stand"
        } else if sort == .common, all.contains(where: isEntity) {
            help = "`\(use.name)` is an entity type, here only a common type may stand"
        } else {
            let known =
                (sort == .common ? [] : entityNames.keys.map(\.description))
                + (sort == .entity ? [] : commonTypes.keys.map(\.description) + Self.builtins.map(\.name.string))
            let prefix = namespace.map { "\($0)::" } ?? ""
            let local = known.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            help =
                known.sorted().first { Name($0) != use.name && Name($0).base == use.name.base }
                .map { "did you mean `\($0)`?" }
                ?? Suggestion.help(for: use.name.description, among: (known + local).sorted())
            if help == nil, sort != .entity, use.name.text == "Boolean" || use.name.text == "boolean" {
                help = "the type is called `Bool`"
            }
        }
        return CedarError(.schema, "\(sort.words) `\(use.name)` is not defined", at: use.span, help: help)
    }

    private func entity(_ use: NameUse, _ namespace: Name?) throws(CedarError) -> EntityType {
        for name in candidates(use.name, namespace) where isEntity(name) { return name }
        throw undefined(use, namespace, .entity)
    }

    /// An entity type that is declared as one, so no type of actions.
    private func declaredEntity(_ use: NameUse, _ namespace: Name?) throws(CedarError) -> EntityType {
        let type = try entity(use, namespace)
        guard entityNames[type] != nil else {
            throw CedarError(
                .schema, "`\(type)` is a type of actions, here only other entities may stand", at: use.span)
        }
        return type
    }

    private func common(_ use: NameUse, _ namespace: Name?) throws(CedarError) -> Name {
        for name in candidates(use.name, namespace) where isCommon(name) { return name }
        throw undefined(use, namespace, .common)
    }

    private enum Referent {
        case common(Name)
        case entity(Name)
    }

    private func either(_ use: NameUse, _ namespace: Name?) throws(CedarError) -> Referent {
        for name in candidates(use.name, namespace) {
            if isCommon(name) { return .common(name) }
            if isEntity(name) { return .entity(name) }
        }
        throw undefined(use, namespace, .either)
    }

    // MARK: Types

    /// Expands every common type, each after those it is made of; a walk without recursion, since chains are long
    /// as schemas are.
    private mutating func expandCommonTypes() throws(CedarError) {
        enum State { case open, closed }
        var states: [Name: State] = [:]
        for start in commonTypes.keys.sorted() where states[start] == nil {
            var stack: [(name: Name, needs: [Name], next: Int)] = [(start, try needs(of: start), 0)]
            states[start] = .open
            while let top = stack.last {
                if top.next < top.needs.count {
                    stack[stack.count - 1].next += 1
                    let need = top.needs[top.next]
                    switch states[need] {
                    case .closed: continue
                    case .open:
                        throw CedarError(
                            .schema, "common type `\(need)` is made of itself", at: commonTypes[need]?.span,
                            help: "an attribute may name an entity type instead: those may be recursive")
                    case nil:
                        states[need] = .open
                        stack.append((need, try needs(of: need), 0))
                    }
                } else {
                    stack.removeLast()
                    states[top.name] = .closed
                    guard let declared = commonTypes[top.name] else { continue }
                    expanded[top.name] = try expand(declared.expression, declared.namespace)
                }
            }
        }
    }

    /// The common types a common type names.
    private func needs(of name: Name) throws(CedarError) -> [Name] {
        guard let declared = commonTypes[name] else { return [] }
        var result: [Name] = []
        try collect(declared.expression, declared.namespace, &result)
        return result
    }

    private func collect(
        _ expression: TypeExpression, _ namespace: Name?, _ names: inout [Name]
    ) throws(CedarError) {
        switch expression {
        case .boolean, .long, .string, .extension, .entity: break
        case .set(let element): try collect(element, namespace, &names)
        case .record(let attributes):
            for attribute in attributes { try collect(attribute.type, namespace, &names) }
        case .common(let use): names.append(try common(use, namespace))
        case .entityOrCommon(let use):
            if case .common(let name) = try either(use, namespace) { names.append(name) }
        }
    }

    private func expand(_ expression: TypeExpression, _ namespace: Name?) throws(CedarError) -> Expansion {
        func leaf(_ type: SchemaType) -> Expansion { Expansion(type: type, depth: 1, parts: 1) }
        switch expression {
        case .boolean: return leaf(.bool)
        case .long: return leaf(.long)
        case .string: return leaf(.string)
        case .extension(let use):
            guard let type = ExtensionType(rawValue: use.name.description) else {
                throw CedarError(
                    .schema, "extension type `\(use.name)` does not exist", at: use.span,
                    help: Suggestion.help(
                        for: use.name.description, among: ExtensionType.allCases.map(\.rawValue))
                        ?? "there are `ipaddr`, `decimal`, `datetime` and `duration`")
            }
            return leaf(.extension(type))
        case .entity(let use): return leaf(.entity(try entity(use, namespace)))
        case .common(let use): return try expansion(of: try common(use, namespace), use)
        case .entityOrCommon(let use):
            switch try either(use, namespace) {
            case .common(let name): return try expansion(of: name, use)
            case .entity(let name): return leaf(.entity(name))
            }
        case .set(let element):
            let inner = try expand(element, namespace)
            return try bounded(.set(inner.type), inner.depth + 1, inner.parts + 1)
        case .record(let attributes):
            var depth = 0
            var parts = 1
            var fields: [RecordType.Attribute] = []
            fields.reserveCapacity(attributes.count)
            for attribute in attributes {
                let inner = try expand(attribute.type, namespace)
                depth = max(depth, inner.depth)
                parts += inner.parts
                if parts > Schema.Limit.typeParts { break }
                fields.append(
                    RecordType.Attribute(name: attribute.name, type: inner.type, isRequired: attribute.isRequired))
            }
            return try bounded(.record(RecordType(fields)), depth + 1, parts)
        }
    }

    private func bounded(_ type: SchemaType, _ depth: Int, _ parts: Int) throws(CedarError) -> Expansion {
        guard depth <= Schema.Limit.typeDepth, parts <= Schema.Limit.typeParts else {
            throw CedarError(
                .limit,
                depth > Schema.Limit.typeDepth
                    ? "a type nests more than \(Schema.Limit.typeDepth) deep once its common types are expanded"
                    : "a type has more than \(Schema.Limit.typeParts) parts once its common types are expanded")
        }
        return Expansion(type: type, depth: depth, parts: parts)
    }

    private func expansion(of name: Name, _ use: NameUse) throws(CedarError) -> Expansion {
        guard let expansion = expanded[name] else {
            throw CedarError(.schema, "common type `\(name)` is made of itself", at: use.span)
        }
        return expansion
    }

    // MARK: Definitions

    private func define(
        _ type: EntityType, _ declaration: EntityTypeDeclaration, in namespace: Name?
    ) throws(CedarError) -> (Schema.EntityTypeDefinition, [EntityType]) {
        switch declaration.kind {
        case .enumerated(let ids):
            guard !ids.isEmpty else {
                throw CedarError(.schema, "entity type `\(type)` lists no id", at: declaration.span)
            }
            return (
                Schema.EntityTypeDefinition(type: type, attributes: .empty, tags: nil, ids: ids, descendants: []), []
            )
        case .standard(let uses, let shape, let tags):
            var parents: [EntityType] = []
            for use in uses { parents.append(try declaredEntity(use, namespace)) }
            guard case .record(let attributes) = try expand(shape, namespace).type else {
                throw CedarError(
                    .schema, "the shape of entity type `\(type)` is not a record", at: declaration.span)
            }
            var tagType: SchemaType?
            if let tags { tagType = try expand(tags, namespace).type }
            return (
                Schema.EntityTypeDefinition(
                    type: type, attributes: attributes, tags: tagType, ids: nil, descendants: []), parents
            )
        }
    }

    private func defineActions(
        _ entityTypes: [EntityType: Schema.EntityTypeDefinition], _ budget: inout Int
    ) throws(CedarError) -> ([EntityUID: Schema.ActionDefinition], [EntityUID]) {
        var actions: [EntityUID: Schema.ActionDefinition] = [:]
        var order: [EntityUID] = []
        var parents: [(child: EntityUID, parents: [EntityUID])] = []
        var environments = 0
        for namespace in document.namespaces {
            for declaration in namespace.actions {
                let uid = EntityUID(type: Self.qualified("Action", namespace.name), id: declaration.id)
                var groups: [EntityUID] = []
                for group in declaration.groups { groups.append(try self.group(group, of: uid, namespace.name)) }
                var principals: [EntityType] = []
                var resources: [EntityType] = []
                var context = RecordType.empty
                if let appliesTo = declaration.appliesTo {
                    principals = try types(appliesTo.principals, namespace.name)
                    resources = try types(appliesTo.resources, namespace.name)
                    guard case .record(let record) = try expand(appliesTo.context, namespace.name).type else {
                        throw CedarError(
                            .schema, "the context of action `\(uid)` is not a record", at: declaration.span)
                    }
                    context = record
                }
                environments += principals.count * resources.count
                guard environments <= Schema.Limit.environments else {
                    throw CedarError(
                        .limit, "more than \(Schema.Limit.environments) combinations of principal, action, resource",
                        at: declaration.span)
                }
                actions[uid] = Schema.ActionDefinition(
                    uid: uid, principals: principals, resources: resources, context: context,
                    parents: Set(groups), ancestors: [], descendants: [])
                order.append(uid)
                parents.append((uid, groups))
            }
        }
        for (uid, descendants) in try Closure.descendants(parents, &budget) {
            if descendants.contains(uid) {
                throw CedarError(
                    .schema, "action `\(uid)` is in itself", at: actionIDs[uid] ?? nil,
                    help: "remove one of the `in` that lead back to it")
            }
            actions[uid]?.descendants = descendants
            for descendant in descendants { actions[descendant]?.ancestors.insert(uid) }
        }
        return (actions, order)
    }

    private func types(_ uses: [NameUse], _ namespace: Name?) throws(CedarError) -> [EntityType] {
        var result: [EntityType] = []
        var seen: Set<EntityType> = []
        for use in uses {
            let type = try declaredEntity(use, namespace)
            if seen.insert(type).inserted { result.append(type) }
        }
        return result
    }

    private func group(
        _ group: ActionDeclaration.Group, of action: EntityUID, _ namespace: Name?
    ) throws(CedarError) -> EntityUID {
        for name in candidates(group.type ?? "Action", namespace) {
            let uid = EntityUID(type: name, id: group.id)
            if actionIDs[uid] != nil { return uid }
        }
        let shown = EntityUID(type: group.type ?? "Action", id: group.id)
        throw CedarError(
            .schema, "action `\(action)` is in `\(shown)`, which is not declared", at: group.span,
            help: Suggestion.help(for: group.id.string, among: actionIDs.keys.map(\.id.string).sorted()))
    }
}

/// The transitive closure of a hierarchy.
enum Closure {
    /// For each node all that is below it, itself only if it is in a cycle.
    ///
    /// - Parameter budget: how many steps may still be made: one for each pair, and for each way to it.
    /// - Throws: `.limit` when the budget is spent.
    static func descendants<Node: Hashable>(
        _ parents: [(child: Node, parents: [Node])], _ budget: inout Int
    ) throws(CedarError) -> [(Node, Set<Node>)] {
        var children: [Node: [Node]] = [:]
        for (child, above) in parents {
            for parent in above { children[parent, default: []].append(child) }
        }
        var result: [(Node, Set<Node>)] = []
        result.reserveCapacity(parents.count)
        for (node, _) in parents {
            var below: Set<Node> = []
            var open = children[node] ?? []
            while let next = open.popLast() {
                budget -= 1
                guard budget >= 0 else {
                    throw CedarError(
                        .limit, "the hierarchy has more than \(Schema.Limit.hierarchySteps) ways from a descendant to an ancestor")
                }
                guard below.insert(next).inserted else { continue }
                if let further = children[next] { open.append(contentsOf: further) }
            }
            result.append((node, below))
        }
        return result
    }
}

extension Name: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(value) }
}
