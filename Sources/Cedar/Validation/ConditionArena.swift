// SPDX-License-Identifier: Apache-2.0
//
// The condition of one policy in the operators the type rules speak of, flat: `!=`, `>`, `has a.b`, `is .. in ..` and the
// scope are written out once, then checked once for each request environment. Expressions that are written alike
// share a shape number, so that what a `has` proves of one place holds at the other.

/// A condition in a row of nodes; children stand before their parents.
struct ConditionArena {
    typealias Index = Int32
    /// Alike for expressions that are alike but for their place.
    typealias Shape = Int32

    enum Kind {
        case literal(Literal)
        case variable(Variable)
        case slot(Slot)
        case not(Index)
        case negate(Index)
        case isEmpty(Index)
        case and([Index])
        case or([Index])
        case conditional(Index, Index, Index)
        /// None of `!=`, `>`, `>=`, `hasTag`.
        case binary(BinaryOperator, Index, Index)
        /// The last part is what it proves: the shape of `getTag` with the same operands.
        case hasTag(Index, Index, proves: Shape)
        /// Its own shape is what a guard must have proved.
        case attribute(Index, Text)
        /// The last part is what it proves.
        case has(Index, Text, proves: Shape)
        case like(Index)
        case isType(Index, EntityType)
        case set([Index])
        case record([(name: Text, value: Index)])
        case call(ExtensionFunction, [Index])
    }

    struct Node {
        let kind: Kind
        let span: SourceSpan
        let shape: Shape
        let depth: Int32
    }

    /// How deep a condition may nest once written out.
    static let maximumDepth = 600

    private(set) var nodes: [Node] = []
    /// Whether a condition (not the scope) mentions `action`.
    private(set) var mentionsAction = false
    private var shapes: [ShapeKey: Shape] = [:]

    private indirect enum ShapeKey: Hashable {
        case literal(Literal)
        case variable(Variable)
        case slot(Slot)
        /// An operator, its parts, and what else belongs to it.
        case node(String, [Shape])
        case named(String, Shape, Text)
        case like(Shape, Pattern)
        case record([Text], [Shape])
    }

    subscript(index: Index) -> Node { nodes[Int(index)] }

    private mutating func shape(_ key: ShapeKey) -> Shape {
        if let known = shapes[key] { return known }
        let new = Shape(shapes.count)
        shapes[key] = new
        return new
    }

    private mutating func add(
        _ kind: Kind, _ span: SourceSpan, _ key: ShapeKey, above children: [Index] = []
    ) throws(CedarError) -> Index {
        add(kind, span, shape(key), try depth(above: children, span))
    }

    private mutating func add(_ kind: Kind, _ span: SourceSpan, _ shape: Shape, _ depth: Int32) -> Index {
        nodes.append(Node(kind: kind, span: span, shape: shape, depth: depth))
        return Index(nodes.count - 1)
    }

    private func depth(above children: [Index], _ span: SourceSpan) throws(CedarError) -> Int32 {
        let depth = children.reduce(0) { max($0, self[$1].depth) } + 1
        guard depth <= Self.maximumDepth else {
            throw CedarError(
                .limit, "the condition nests more than \(Self.maximumDepth) deep", at: span,
                help: "split it into several policies")
        }
        return depth
    }

    /// The shape of what stands at an index.
    func shape(_ index: Index) -> Shape { self[index].shape }

    // MARK: Expressions

    /// Writes out an expression of a condition.
    ///
    /// - Parameter level: how deep it stands; the bound on it keeps the walk itself from running out of stack.
    mutating func add(_ expression: Expr, level: Int = 0) throws(CedarError) -> Index {
        let span = expression.span
        guard level <= Self.maximumDepth else {
            throw CedarError(
                .limit, "the condition nests more than \(Self.maximumDepth) deep", at: span,
                help: "split it into several policies")
        }
        let next = level + 1
        switch expression.kind {
        case .literal(let literal): return try add(literal, span)
        case .variable(let variable):
            if variable == .action { mentionsAction = true }
            return try add(.variable(variable), span, .variable(variable))
        case .not(let operand): return try not(try add(operand, level: next), span)
        case .negate(let operand):
            let operand = try add(operand, level: next)
            return try add(.negate(operand), span, .node("-", [shape(operand)]), above: [operand])
        case .isEmpty(let operand):
            let operand = try add(operand, level: next)
            return try add(.isEmpty(operand), span, .node("isEmpty", [shape(operand)]), above: [operand])
        case .and(let operands): return try chain(try add(operands, level: next), "&&", span) { .and($0) }
        case .or(let operands): return try chain(try add(operands, level: next), "||", span) { .or($0) }
        case .conditional(let test, let then, let otherwise):
            let parts = try add([test, then, otherwise], level: next)
            return try add(
                .conditional(parts[0], parts[1], parts[2]), span, .node("if", parts.map { shape($0) }), above: parts)
        case .binary(let operation, let left, let right):
            let left = try add(left, level: next)
            return try binary(operation, left, try add(right, level: next), span)
        case .attribute(let target, let name):
            return try attribute(try add(target, level: next), name, span)
        case .has(let target, let names):
            var place = try add(target, level: next)
            var parts: [Index] = []
            for (position, name) in names.enumerated() {
                if position > 0 { place = try attribute(place, names[position - 1], span) }
                parts.append(try has(place, name, span))
            }
            return try chain(parts, "&&", span) { .and($0) }
        case .like(let operand, let pattern):
            let operand = try add(operand, level: next)
            return try add(.like(operand), span, .like(shape(operand), pattern), above: [operand])
        case .isType(let operand, let type, let container):
            let operand = try add(operand, level: next)
            let test = try isType(operand, type, span)
            guard let container else { return test }
            let within = try binary(.in, operand, try add(container, level: next), span)
            return try chain([test, within], "&&", span) { .and($0) }
        case .set(let elements):
            return try set(try add(elements, level: next), span)
        case .record(let fields):
            var values: [(name: Text, value: Index)] = []
            for field in fields { values.append((field.name, try add(field.value, level: next))) }
            values.sort { $0.name < $1.name }
            return try add(
                .record(values), span, .record(values.map(\.name), values.map { shape($0.value) }),
                above: values.map(\.value))
        case .call(let function, let arguments):
            let arguments = try add(arguments, level: next)
            return try add(
                .call(function, arguments), span, .node(function.rawValue, arguments.map { shape($0) }),
                above: arguments)
        }
    }

    private mutating func add(_ expressions: [Expr], level: Int) throws(CedarError) -> [Index] {
        var result: [Index] = []
        result.reserveCapacity(expressions.count)
        for expression in expressions { result.append(try add(expression, level: level)) }
        return result
    }

    mutating func add(_ literal: Literal, _ span: SourceSpan) throws(CedarError) -> Index {
        try add(.literal(literal), span, .literal(literal))
    }

    private mutating func not(_ operand: Index, _ span: SourceSpan) throws(CedarError) -> Index {
        try add(.not(operand), span, .node("!", [shape(operand)]), above: [operand])
    }

    /// A chain of lazy operators; its shape is that of operators of two operands, grouped from the left.
    mutating func chain(
        _ parts: [Index], _ symbol: String, _ span: SourceSpan, _ kind: ([Index]) -> Kind
    ) throws(CedarError) -> Index {
        guard parts.count > 1 else { return parts[0] }
        let depth = try depth(above: parts, span)
        var shape = shape(parts[0])
        for part in parts.dropFirst() { shape = self.shape(.node(symbol, [shape, self[part].shape])) }
        return add(kind(parts), span, shape, depth)
    }

    mutating func binary(
        _ operation: BinaryOperator, _ left: Index, _ right: Index, _ span: SourceSpan
    ) throws(CedarError) -> Index {
        switch operation {
        case .notEqual: return try not(try binary(.equal, left, right, span), span)
        case .greater: return try not(try binary(.lessEqual, left, right, span), span)
        case .greaterEqual: return try not(try binary(.less, left, right, span), span)
        case .hasTag:
            let operands = [shape(left), shape(right)]
            let proves = shape(.node(BinaryOperator.getTag.symbol, operands))
            return try add(
                .hasTag(left, right, proves: proves), span, .node(operation.symbol, operands), above: [left, right])
        default:
            return try add(
                .binary(operation, left, right), span, .node(operation.symbol, [shape(left), shape(right)]),
                above: [left, right])
        }
    }

    private mutating func attribute(_ target: Index, _ name: Text, _ span: SourceSpan) throws(CedarError) -> Index {
        try add(.attribute(target, name), span, .named(".", shape(target), name), above: [target])
    }

    private mutating func has(_ target: Index, _ name: Text, _ span: SourceSpan) throws(CedarError) -> Index {
        let proves = shape(.named(".", shape(target), name))
        return try add(
            .has(target, name, proves: proves), span, .named("has", shape(target), name), above: [target])
    }

    mutating func isType(_ operand: Index, _ type: EntityType, _ span: SourceSpan) throws(CedarError) -> Index {
        try add(.isType(operand, type), span, .named("is", shape(operand), type.text), above: [operand])
    }

    mutating func set(_ elements: [Index], _ span: SourceSpan) throws(CedarError) -> Index {
        try add(.set(elements), span, .node("[]", elements.map { shape($0) }), above: elements)
    }

    // MARK: Policies

    /// The conjuncts of a policy's condition, each with the sort of thing it is.
    mutating func add(conditionsOf policy: Policy) throws(CedarError) -> [Index] {
        var result: [Index] = []
        for condition in policy.conditions {
            let body = try add(condition.body)
            result.append(condition.isWhen ? body : try not(body, condition.body.span))
        }
        return result
    }

    /// The constraint on the principal or the resource; nil where there is none.
    mutating func add(
        _ constraint: ScopeConstraint, on variable: Variable, span: SourceSpan
    ) throws(CedarError) -> Index? {
        func operand(_ arena: inout ConditionArena) throws(CedarError) -> Index {
            try arena.add(.variable(variable), span, .variable(variable))
        }
        switch constraint {
        case .any: return nil
        case .equal(let reference):
            let left = try operand(&self)
            return try binary(.equal, left, try add(reference, variable), reference.span)
        case .in(let reference):
            let left = try operand(&self)
            return try binary(.in, left, try add(reference, variable), reference.span)
        case .isType(let type, let span): return try isType(try operand(&self), type, span)
        case .isTypeIn(let type, let span, let reference):
            let left = try operand(&self)
            let test = try isType(left, type, span)
            let within = try binary(.in, left, try add(reference, variable), reference.span)
            return try chain([test, within], "&&", span) { .and($0) }
        }
    }

    private mutating func add(_ reference: EntityReference, _ variable: Variable) throws(CedarError) -> Index {
        switch reference {
        case .entity(let uid, let span): return try add(.entity(uid), span)
        case .slot(let span):
            let slot: Slot = variable == .principal ? .principal : .resource
            return try add(.slot(slot), span, .slot(slot))
        }
    }

    /// `action in [..]`.
    mutating func add(actionIn references: [ActionConstraint.Reference], span: SourceSpan) throws(CedarError) -> Index {
        let left = try add(.variable(.action), span, .variable(.action))
        var elements: [Index] = []
        for reference in references { elements.append(try add(.entity(reference.uid), reference.span)) }
        return try binary(.in, left, try set(elements, span), span)
    }
}
