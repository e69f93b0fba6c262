// SPDX-License-Identifier: Apache-2.0
//
// The type rules of Cedar's validator in strict mode, for one condition in one request environment. What an
// expression proves when it is true (attributes and tags that are there) is carried along `&&`, `||` and `if`.
// Source: Cedar reference, "Validation"; the Lean model of the typechecker for the order in which things are known.

/// The types of one request: what `principal`, `action`, `resource`, `context` and the slots are.
struct RequestEnvironment {
    let principal: EntityType
    let action: EntityUID
    let resource: EntityType
    let context: RecordType
    var principalSlot: EntityType?
    var resourceSlot: EntityType?
}

/// Sorted shapes of attributes and tags that are known to be there.
struct Capabilities {
    private(set) var shapes: [ConditionArena.Shape] = []

    static let none = Capabilities()

    init() {}
    init(_ shape: ConditionArena.Shape) { shapes = [shape] }

    func contains(_ shape: ConditionArena.Shape) -> Bool {
        var low = 0
        var high = shapes.count
        while low < high {
            let middle = (low + high) / 2
            if shapes[middle] == shape { return true }
            if shapes[middle] < shape { low = middle + 1 } else { high = middle }
        }
        return false
    }

    func union(_ other: Capabilities) -> Capabilities {
        if other.shapes.isEmpty { return self }
        if shapes.isEmpty { return other }
        var result = Capabilities()
        result.shapes.reserveCapacity(shapes.count + other.shapes.count)
        var (left, right) = (0, 0)
        while left < shapes.count || right < other.shapes.count {
            if right == other.shapes.count || (left < shapes.count && shapes[left] < other.shapes[right]) {
                result.shapes.append(shapes[left])
                left += 1
            } else {
                if left < shapes.count, shapes[left] == other.shapes[right] { left += 1 }
                result.shapes.append(other.shapes[right])
                right += 1
            }
        }
        return result
    }

    func intersection(_ other: Capabilities) -> Capabilities {
        var result = Capabilities()
        result.shapes = shapes.filter { other.contains($0) }
        return result
    }
}

/// Checks conditions; what it finds is gathered in `findings`, each finding once.
struct TypeChecker {
    typealias Index = ConditionArena.Index

    /// The type of an expression, nil if it has none (then that has been reported, or is by another check), and
    /// what is known once it is true.
    struct Answer {
        var type: SchemaType?
        var proves = Capabilities.none

        static let failed = Answer(type: nil)
    }

    let schema: Schema
    let arena: ConditionArena
    let policy: Text
    var environment: RequestEnvironment
    var findings: [ValidationFinding] = []
    private var seen: Set<ValidationFinding> = []

    /// Findings of one policy past this many are dropped.
    static let maximumFindings = 100

    init(schema: Schema, arena: ConditionArena, policy: Text, environment: RequestEnvironment) {
        self.schema = schema
        self.arena = arena
        self.policy = policy
        self.environment = environment
    }

    /// The type of conjuncts taken together, or nil if they have none.
    mutating func check(_ conjuncts: [Index]) -> SchemaType? { and(conjuncts, .none).type }

    mutating func report(
        _ kind: ValidationFinding.Kind, _ message: String, at index: Index, help: String? = nil
    ) {
        guard findings.count < Self.maximumFindings else { return }
        let finding = ValidationFinding(kind, .error, policy: policy, message, at: arena[index].span, help: help)
        if seen.insert(finding).inserted { findings.append(finding) }
    }

    // MARK: Expressions

    mutating func type(_ index: Index, _ known: Capabilities) -> Answer {
        switch arena[index].kind {
        case .literal(let literal): return Answer(type: type(of: literal))
        case .variable(let variable): return Answer(type: type(of: variable))
        case .slot(let slot):
            let type = slot == .principal ? environment.principalSlot : environment.resourceSlot
            return Answer(type: type.map { .entity($0) })
        case .not(let operand):
            switch bool(operand, known).type {
            case .true: return Answer(type: .false)
            case .false: return Answer(type: .true)
            case nil: return .failed
            default: return Answer(type: .bool)
            }
        case .negate(let operand): return Answer(type: long(operand, known, .subtract) ? .long : nil)
        case .isEmpty(let operand): return Answer(type: set(operand, known) == nil ? nil : .bool)
        case .and(let operands): return and(operands, known)
        case .or(let operands): return or(operands, known)
        case .conditional(let test, let then, let otherwise): return conditional(index, test, then, otherwise, known)
        case .binary(let operation, let left, let right): return binary(index, operation, left, right, known)
        case .hasTag(let target, let tag, let proves): return hasTag(target, tag, proves, known)
        case .attribute(let target, let name): return attribute(index, target, name, known)
        case .has(let target, let name, let proves): return has(target, name, proves, known)
        case .like(let operand):
            return Answer(type: string(operand, known, "`like` compares a string with a pattern") ? .bool : nil)
        case .isType(let operand, let wanted):
            guard let actual = entity(operand, known, "`is` asks for the type of an entity") else { return .failed }
            return Answer(type: .literal(actual == wanted))
        case .set(let elements): return setLiteral(index, elements, known)
        case .record(let fields):
            var attributes: [RecordType.Attribute] = []
            var failed = false
            for field in fields {
                if let type = type(field.value, known).type {
                    attributes.append(RecordType.Attribute(name: field.name, type: type, isRequired: true))
                } else {
                    failed = true
                }
            }
            return failed ? .failed : Answer(type: .record(RecordType(sorted: attributes)))
        case .call(let function, let arguments): return call(index, function, arguments, known)
        }
    }

    private func type(of literal: Literal) -> SchemaType? {
        switch literal {
        case .bool(let value): return .literal(value)
        case .long: return .long
        case .string: return .string
        case .entity(let uid):
            // What the schema lacks is reported once for the whole policy, reached or not.
            let isKnown = uid.type.isAction ? schema.actions[uid] != nil : schema.entityTypes[uid.type] != nil
            return isKnown ? .entity(uid.type) : nil
        }
    }

    private func type(of variable: Variable) -> SchemaType {
        switch variable {
        case .principal: .entity(environment.principal)
        case .action: .entity(environment.action.type)
        case .resource: .entity(environment.resource)
        case .context: .record(environment.context)
        }
    }

    // MARK: Laziness and what it proves

    mutating func and(_ operands: [Index], _ known: Capabilities) -> Answer {
        var result = Answer(type: .true)
        for operand in operands {
            let next = bool(operand, known.union(result.proves))
            switch (result.type, next.type) {
            case (_, nil): return .failed
            case (_, .false): return Answer(type: .false)
            case (_, .true): break
            case (.true, _): result.type = next.type
            default: result.type = .bool
            }
            result.proves = result.proves.union(next.proves)
        }
        return result
    }

    private mutating func or(_ operands: [Index], _ known: Capabilities) -> Answer {
        var result = Answer(type: .false)
        for operand in operands {
            let next = bool(operand, known)
            switch (result.type, next.type) {
            case (_, nil): return .failed
            case (_, .true): return next
            case (_, .false): break
            case (.false, _): result = next
            default:
                result.type = .bool
                result.proves = result.proves.intersection(next.proves)
            }
        }
        return result
    }

    private mutating func conditional(
        _ index: Index, _ test: Index, _ then: Index, _ otherwise: Index, _ known: Capabilities
    ) -> Answer {
        let tested = bool(test, known)
        switch tested.type {
        case nil: return .failed
        case .true:
            var answer = type(then, known.union(tested.proves))
            answer.proves = answer.proves.union(tested.proves)
            return answer
        case .false: return type(otherwise, known)
        default:
            let one = type(then, known.union(tested.proves))
            let two = type(otherwise, known)
            guard let left = one.type, let right = two.type else { return .failed }
            guard let joined = left.leastUpperBound(right) else {
                report(
                    .incompatibleTypes, "the branches of `if` have the types `\(left)` and `\(right)`", at: index,
                    help: "both branches must be of one type")
                return .failed
            }
            return Answer(type: joined, proves: one.proves.union(tested.proves).intersection(two.proves))
        }
    }

    // MARK: Attributes

    private func attribute(_ name: Text, of type: SchemaType) -> RecordType.Attribute? {
        switch type {
        case .record(let record): record[name]
        case .entity(let type): schema.entityTypes[type]?.attributes[name]
        default: nil
        }
    }

    private func attributeNames(of type: SchemaType) -> [String] {
        switch type {
        case .record(let record): record.attributes.map(\.name.string)
        case .entity(let type): schema.entityTypes[type]?.attributes.attributes.map(\.name.string) ?? []
        default: []
        }
    }

    /// The type of what has attributes.
    private mutating func holder(_ target: Index, _ known: Capabilities) -> SchemaType? {
        guard let actual = type(target, known).type else { return nil }
        switch actual {
        case .record, .entity: return actual
        case .set:
            report(
                .type, "expected an entity or a record, found `\(actual)`", at: target,
                help: "ask a set with `.contains(..)`")
        case .string:
            report(
                .type, "expected an entity or a record, found `String`", at: target,
                help: "compare strings with `==` or `like`")
        default: report(.type, "expected an entity or a record, found `\(actual)`", at: target)
        }
        return nil
    }

    private mutating func attribute(_ index: Index, _ target: Index, _ name: Text, _ known: Capabilities) -> Answer {
        guard let actual = holder(target, known) else { return .failed }
        guard let found = attribute(name, of: actual) else {
            report(
                .unknownAttribute, "`\(actual)` has no attribute `\(name)`", at: index,
                help: Suggestion.help(for: name.string, among: attributeNames(of: actual)))
            return .failed
        }
        guard found.isRequired || known.contains(arena[index].shape) else {
            let place = written(target).map { "\($0) has \(Self.quotedIfNeeded(name))" } ?? "has \(name)"
            report(
                .missingGuard, "attribute `\(name)` is optional and may be missing here", at: index,
                help: "ask first: `\(place) && ..`")
            return .failed
        }
        return Answer(type: found.type)
    }

    static func quotedIfNeeded(_ name: Text) -> String {
        Identifier.isIdentifier(name) && !Identifier.isReserved(name) ? name.string : Escape.quoted(name)
    }

    /// A short place as it was written, for help.
    private func written(_ index: Index) -> String? {
        switch arena[index].kind {
        case .variable(let variable): return variable.name.string
        case .attribute(let target, let name):
            guard let target = written(target) else { return nil }
            return Identifier.isIdentifier(name) && !Identifier.isReserved(name)
                ? "\(target).\(name)" : "\(target)[\(Escape.quoted(name))]"
        default: return nil
        }
    }

    private mutating func has(
        _ target: Index, _ name: Text, _ proves: ConditionArena.Shape, _ known: Capabilities
    ) -> Answer {
        guard let actual = holder(target, known) else { return .failed }
        guard let found = attribute(name, of: actual) else { return Answer(type: .false) }
        // An entity may be missing from the store, so a required attribute is sure only in a record.
        var isSure = known.contains(proves)
        if found.isRequired, case .record = actual { isSure = true }
        return Answer(type: isSure ? .true : .bool, proves: Capabilities(proves))
    }

    // MARK: Sets

    private mutating func setLiteral(_ index: Index, _ elements: [Index], _ known: Capabilities) -> Answer {
        guard !elements.isEmpty else {
            report(
                .emptySet, "the type of an empty set cannot be known", at: index,
                help: "ask `.isEmpty()` of the other set")
            return .failed
        }
        var joined: SchemaType?
        var failed = false
        for element in elements {
            guard let type = type(element, known).type else {
                failed = true
                continue
            }
            guard !failed, let sofar = joined else {
                joined = type
                continue
            }
            joined = sofar.leastUpperBound(type)
            if joined == nil {
                report(
                    .incompatibleTypes, "the set holds values of the types `\(sofar)` and `\(type)`", at: element,
                    help: "all elements of a set must be of one type")
                failed = true
            }
        }
        guard !failed, let joined else { return .failed }
        return Answer(type: .set(joined))
    }

    // MARK: Expectations

    /// A condition; reports what is none.
    mutating func bool(_ index: Index, _ known: Capabilities) -> Answer {
        let answer = type(index, known)
        guard let actual = answer.type, !actual.isBool else { return answer }
        report(.type, "expected `Bool`, found `\(actual)`", at: index)
        return .failed
    }

    mutating func long(_ index: Index, _ known: Capabilities, _ operation: BinaryOperator) -> Bool {
        guard let actual = type(index, known).type else { return false }
        if actual == .long { return true }
        let help: String? =
            switch actual {
            case .string where operation == .add: "strings cannot be joined; compare with `like`"
            case .set: "sets have `contains`, `containsAll`, `containsAny` and `isEmpty` only"
            default: nil
            }
        report(.type, "expected `Long`, found `\(actual)`", at: index, help: help)
        return false
    }

    mutating func string(_ index: Index, _ known: Capabilities, _ help: String? = nil) -> Bool {
        guard let actual = type(index, known).type else { return false }
        if actual == .string { return true }
        report(.type, "expected `String`, found `\(actual)`", at: index, help: help)
        return false
    }

    mutating func entity(_ index: Index, _ known: Capabilities, _ help: String? = nil) -> EntityType? {
        guard let actual = type(index, known).type else { return nil }
        if case .entity(let type) = actual { return type }
        report(.type, "expected an entity, found `\(actual)`", at: index, help: help)
        return nil
    }

    /// The type of the elements of a set.
    mutating func set(_ index: Index, _ known: Capabilities) -> SchemaType? {
        guard let actual = type(index, known).type else { return nil }
        if case .set(let element) = actual { return element }
        let help: String? =
            switch actual {
            case .entity: "ask whether one entity is in another with `in`"
            case .record: "ask for an attribute with `has`"
            case .string: "compare strings with `==` or `like`"
            default: nil
            }
        report(.type, "expected a set, found `\(actual)`", at: index, help: help)
        return nil
    }
}
