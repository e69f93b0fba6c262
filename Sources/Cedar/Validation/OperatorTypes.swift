// SPDX-License-Identifier: Apache-2.0
//
// The type rules of the operators of two operands and of the extension functions.

extension TypeChecker {
    mutating func binary(
        _ index: Index, _ operation: BinaryOperator, _ left: Index, _ right: Index, _ known: Capabilities
    ) -> Answer {
        switch operation {
        case .equal: return equal(index, left, right, known)
        case .less, .lessEqual: return ordered(left, right, known)
        case .add, .subtract, .multiply:
            let one = long(left, known, operation)
            let two = long(right, known, operation)
            return Answer(type: one && two ? .long : nil)
        case .in: return membership(left, right, known)
        case .contains:
            let element = set(left, known)
            let value = type(right, known).type
            guard let element, let value else { return .failed }
            guard agree(element, value, "`contains` asks a set of `\(element)` for a `\(value)`", index) else {
                return .failed
            }
            return Answer(type: .bool)
        case .containsAll, .containsAny:
            let one = set(left, known)
            let two = set(right, known)
            guard let one, let two else { return .failed }
            guard agree(one, two, "`\(operation.symbol)` compares sets of `\(one)` and of `\(two)`", index) else {
                return .failed
            }
            return Answer(type: .bool)
        case .getTag: return getTag(index, left, right, known)
        case .notEqual, .greater, .greaterEqual, .hasTag:
            // INVARIANT: `ConditionArena.binary` writes these out.
            return .failed
        }
    }

    private mutating func agree(_ left: SchemaType, _ right: SchemaType, _ message: String, _ index: Index) -> Bool {
        if left.leastUpperBound(right) != nil { return true }
        report(.incompatibleTypes, message, at: index, help: "values of different types are never equal")
        return false
    }

    /// An entity that is known from the text: a literal, or `action`, which every environment fixes.
    private func knownEntity(_ index: Index) -> EntityUID? {
        switch arena[index].kind {
        case .literal(.entity(let uid)): uid
        case .variable(.action): environment.action
        default: nil
        }
    }

    private func literal(_ index: Index) -> Literal? {
        switch arena[index].kind {
        case .literal(let literal): literal
        case .variable(.action): .entity(environment.action)
        default: nil
        }
    }

    private mutating func equal(_ index: Index, _ left: Index, _ right: Index, _ known: Capabilities) -> Answer {
        let one = type(left, known).type
        let two = type(right, known).type
        guard let one, let two else { return .failed }
        if case .entity(let first) = one, case .entity(let second) = two, first != second {
            return Answer(type: .false)
        }
        if let first = literal(left), let second = literal(right) { return Answer(type: .literal(first == second)) }
        guard agree(one, two, "`==` compares a `\(one)` with a `\(two)`", index) else { return .failed }
        return Answer(type: .bool)
    }

    private static func isOrdered(_ type: SchemaType) -> Bool {
        switch type {
        case .long: true
        case .extension(let type): type.isOrdered
        default: false
        }
    }

    private mutating func ordered(_ left: Index, _ right: Index, _ known: Capabilities) -> Answer {
        let one = type(left, known).type
        let two = type(right, known).type
        guard let one, let two else { return .failed }
        if one == two, Self.isOrdered(one) { return Answer(type: .bool) }
        func help(_ type: SchemaType) -> String? {
            type == .extension(.decimal) ? "decimals have `.lessThan(..)` and the like" : nil
        }
        if Self.isOrdered(one) {
            report(.type, "expected `\(one)`, found `\(two)`", at: right, help: help(two))
        } else if Self.isOrdered(two) {
            report(.type, "expected `\(two)`, found `\(one)`", at: left, help: help(one))
        } else {
            let wanted = "expected `Long`, `datetime` or `duration`, found"
            report(.type, "\(wanted) `\(one)`", at: left, help: help(one))
            if two != one { report(.type, "\(wanted) `\(two)`", at: right, help: help(two)) }
        }
        return .failed
    }

    // MARK: Hierarchy

    private mutating func membership(_ left: Index, _ right: Index, _ known: Capabilities) -> Answer {
        let member = type(left, known).type
        let container = type(right, known).type
        var child: EntityType?
        switch member {
        case nil: break
        case .entity(let type): child = type
        case .string:
            report(
                .type, "`in` asks about entities, this is a `String`", at: left,
                help: "look a string up in a set with `[..].contains(..)`, compare with `==` or `like`")
        case .some(let other):
            report(
                .type, "`in` asks about entities, this is a `\(other)`", at: left,
                help: "look a value up in a set with `.contains(..)`")
        }
        var ancestor: EntityType?
        switch container {
        case nil: break
        case .entity(let type), .set(.entity(let type)): ancestor = type
        case .set:
            report(
                .type, "`in` asks about entities, this is a `\(container?.description ?? "")`", at: right,
                help: "look a value up in a set with `.contains(..)`")
        case .string:
            report(
                .type, "`in` asks about entities, this is a `String`", at: right,
                help: "search a string with `like \"*..*\"`")
        case .some(let other):
            report(.type, "`in` asks about entities, this is a `\(other)`", at: right)
        }
        guard let child, let ancestor else { return .failed }
        if let action = knownEntity(left), action.type.isAction, let groups = knownEntities(right) {
            let actions = groups.filter(\.type.isAction)
            let isIn = actions.contains { $0 == action || schema.actions[$0]?.descendants.contains(action) == true }
            return Answer(type: .literal(isIn))
        }
        return Answer(type: schema.mayBeIn(child, ancestor) ? .bool : .false)
    }

    private func knownEntities(_ index: Index) -> [EntityUID]? {
        if let uid = knownEntity(index) { return [uid] }
        guard case .set(let elements) = arena[index].kind else { return nil }
        var result: [EntityUID] = []
        for element in elements {
            guard let uid = knownEntity(element) else { return nil }
            result.append(uid)
        }
        return result
    }

    // MARK: Tags

    mutating func hasTag(
        _ left: Index, _ right: Index, _ proves: ConditionArena.Shape, _ known: Capabilities
    ) -> Answer {
        let owner = entity(left, known)
        let isString = string(right, known)
        guard let owner, isString else { return .failed }
        guard schema.entityTypes[owner]?.tags != nil else { return Answer(type: .false) }
        return Answer(type: known.contains(proves) ? .true : .bool, proves: Capabilities(proves))
    }

    private mutating func getTag(_ index: Index, _ left: Index, _ right: Index, _ known: Capabilities) -> Answer {
        let owner = entity(left, known)
        let isString = string(right, known)
        guard let owner, isString else { return .failed }
        guard let type = schema.entityTypes[owner]?.tags else {
            report(.noTags, "entities of type `\(owner)` have no tags", at: index)
            return .failed
        }
        guard known.contains(arena[index].shape) else {
            report(
                .missingGuard, "the tag may be missing here", at: index,
                help: "ask first: `.hasTag(..) && ..`, with the same key")
            return .failed
        }
        return Answer(type: type)
    }

    // MARK: Extensions

    mutating func call(
        _ index: Index, _ function: ExtensionFunction, _ arguments: [Index], _ known: Capabilities
    ) -> Answer {
        let signature = function.signature
        var isSound = true
        if arguments.count != signature.arguments.count {
            let count = signature.arguments.count
            report(
                .extensionCall,
                "`\(function.rawValue)` takes \(count) \(count == 1 ? "argument" : "arguments"), found \(arguments.count)",
                at: index, help: function.isMethod ? "the value before the dot counts as one" : nil)
            isSound = false
        }
        if function.isConstructor {
            if arguments.count == 1, case .literal(.string(let text)) = arena[arguments[0]].kind,
                ExtensionValue.parse(function, text) == nil
            {
                report(
                    .extensionCall, "\(Escape.quoted(text)) is no value of `\(signature.result)`", at: arguments[0],
                    help: ExtensionValue.form(function))
                isSound = false
            }
            for argument in arguments {
                if case .literal = arena[argument].kind { continue }
                report(
                    .extensionCall, "`\(function.rawValue)` takes a literal", at: argument,
                    help: "only a value written in the policy can be checked; give the attribute the type itself")
                isSound = false
                break
            }
        }
        for (position, argument) in arguments.enumerated() {
            guard let actual = type(argument, known).type else {
                isSound = false
                continue
            }
            guard position < signature.arguments.count, !actual.isSubtype(of: signature.arguments[position]) else {
                continue
            }
            report(.type, "expected `\(signature.arguments[position])`, found `\(actual)`", at: argument)
            isSound = false
        }
        return isSound ? Answer(type: signature.result) : .failed
    }
}

extension ExtensionFunction {
    /// What it takes, a method's receiver first, and what it gives.
    var signature: (arguments: [SchemaType], result: SchemaType) {
        let own = SchemaType.extension(type)
        return switch self {
        case .ip, .decimal, .datetime, .duration: ([.string], own)
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast: ([own], .bool)
        case .isInRange, .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual: ([own, own], .bool)
        case .offset: ([own, .extension(.duration)], own)
        case .durationSince: ([own, own], .extension(.duration))
        case .toDate: ([own], own)
        case .toTime: ([own], .extension(.duration))
        case .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays: ([own], .long)
        }
    }
}
