// SPDX-License-Identifier: Apache-2.0
//
// What the operators, functions and methods do with values (Cedar reference, "Operators and functions"). Shared by the
// plain and the compiled evaluator, so that they can differ only in how they walk.

extension Value {
    func asBool(_ span: SourceSpan?) throws(EvaluationError) -> Bool {
        guard case .bool(let value) = self else { throw .type("bool", self, at: span) }
        return value
    }

    func asLong(_ span: SourceSpan?) throws(EvaluationError) -> Int64 {
        guard case .long(let value) = self else { throw .type("long", self, at: span) }
        return value
    }

    func asString(_ span: SourceSpan?) throws(EvaluationError) -> Text {
        guard case .string(let value) = self else { throw .type("string", self, at: span) }
        return value
    }

    func asEntity(_ span: SourceSpan?) throws(EvaluationError) -> EntityUID {
        guard case .entity(let value) = self else { throw .type("entity", self, at: span) }
        return value
    }

    func asSet(_ span: SourceSpan?) throws(EvaluationError) -> ValueSet {
        guard case .set(let value) = self else { throw .type("set", self, at: span) }
        return value
    }
}

enum Operators {
    /// A binary operator on evaluated operands.
    static func apply(
        _ symbol: BinaryOperator, _ left: Value, _ right: Value, _ entities: Entities, at span: SourceSpan?
    ) throws(EvaluationError) -> Value {
        switch symbol {
        case .equal: return .bool(left == right)
        case .notEqual: return .bool(left != right)
        case .less: return .bool(try compare(left, right, at: span) < 0)
        case .lessEqual: return .bool(try compare(left, right, at: span) <= 0)
        case .greater: return .bool(try compare(left, right, at: span) > 0)
        case .greaterEqual: return .bool(try compare(left, right, at: span) >= 0)
        case .add, .subtract, .multiply:
            let a = try left.asLong(span)
            let b = try right.asLong(span)
            let (value, overflow) =
                switch symbol {
                case .add: a.addingReportingOverflow(b)
                case .subtract: a.subtractingReportingOverflow(b)
                default: a.multipliedReportingOverflow(by: b)
                }
            guard !overflow else { throw EvaluationError(.overflow("`\(a) \(symbol.symbol) \(b)`"), at: span) }
            return .long(value)
        case .in: return .bool(try isIn(left, right, entities, at: span))
        case .contains: return .bool(try left.asSet(span).contains(right))
        case .containsAll:
            let set = try left.asSet(span)
            return .bool(try right.asSet(span).elements.allSatisfy(set.contains))
        case .containsAny:
            let set = try left.asSet(span)
            return .bool(try right.asSet(span).elements.contains(where: set.contains))
        case .hasTag:
            let uid = try left.asEntity(span)
            let tag = try right.asString(span)
            return .bool(entities[uid]?.tags[tag] != nil)
        case .getTag:
            let uid = try left.asEntity(span)
            let tag = try right.asString(span)
            guard let entity = entities[uid] else { throw EvaluationError(.missingEntity(uid), at: span) }
            guard let value = entity.tags[tag] else { throw EvaluationError(.missingTag(tag, of: uid), at: span) }
            return value
        }
    }

    /// The order of two longs, datetimes or durations: negative, zero or positive.
    static func compare(_ left: Value, _ right: Value, at span: SourceSpan?) throws(EvaluationError) -> Int {
        switch (left, right) {
        case (.long(let a), .long(let b)),
            (.extension(.datetime(let a)), .extension(.datetime(let b))),
            (.extension(.duration(let a)), .extension(.duration(let b))):
            return a == b ? 0 : (a < b ? -1 : 1)
        case (.long, _): throw .type("long", right, at: span)
        case (.extension(.datetime), _): throw .type("datetime", right, at: span)
        case (.extension(.duration), _): throw .type("duration", right, at: span)
        default: throw .type("long, datetime or duration", left, at: span)
        }
    }

    static func isIn(
        _ left: Value, _ right: Value, _ entities: Entities, at span: SourceSpan?
    ) throws(EvaluationError) -> Bool {
        let uid = try left.asEntity(span)
        switch right {
        case .entity(let ancestor): return entities.isIn(uid, ancestor)
        case .set(let set):
            var found = false
            // Every element must be an entity, also after one has matched.
            for element in set.elements where entities.isIn(uid, try element.asEntity(span)) { found = true }
            return found
        default: throw .type("entity or set of entities", right, at: span)
        }
    }

    static func attribute(
        _ name: Text, of value: Value, _ entities: Entities, at span: SourceSpan?
    ) throws(EvaluationError) -> Value {
        switch value {
        case .record(let record):
            guard let found = record[name] else {
                throw EvaluationError(.missingAttribute(name, of: nil), at: span)
            }
            return found
        case .entity(let uid):
            guard let entity = entities[uid] else { throw EvaluationError(.missingEntity(uid), at: span) }
            guard let found = entity.attributes[name] else {
                throw EvaluationError(.missingAttribute(name, of: uid), at: span)
            }
            return found
        default: throw .type("entity or record", value, at: span)
        }
    }

    /// `value has name`, and the attribute's value where it has one.
    static func optionalAttribute(
        _ name: Text, of value: Value, _ entities: Entities, at span: SourceSpan?
    ) throws(EvaluationError) -> Value? {
        switch value {
        case .record(let record): return record[name]
        case .entity(let uid): return entities[uid]?.attributes[name]
        default: throw .type("entity or record", value, at: span)
        }
    }

    static func negate(_ value: Value, at span: SourceSpan?) throws(EvaluationError) -> Value {
        let operand = try value.asLong(span)
        guard operand != .min else { throw EvaluationError(.overflow("`-(\(operand))`"), at: span) }
        return .long(-operand)
    }
}
