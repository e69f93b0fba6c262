// SPDX-License-Identifier: Apache-2.0
//
// The flat form of conditions: nodes in one array, operands as indices, constants and names in tables. No tree, so no
// reference counting on the way; sub-expressions that are constant are values already.

/// One operation. What `a`, `b`, `c` are is said at each case.
struct Node: Sendable {
    enum Kind: UInt8, Sendable {
        /// `a`: a constant.
        case constant
        /// `a`: a path, a variable and its attributes; `b`: where the places of its attributes begin.
        case path
        /// `a`: the operand.
        case not, negate, isEmpty
        /// Operands at `a`, `b` of them, in the list.
        case and, or, set
        /// `a`, `b`, `c`: the three parts.
        case conditional
        /// `detail`: the operator; `a`, `b`: the operands.
        case binary
        /// `a`: the owner; `b`: the name.
        case attribute
        /// `a`: the owner; names at `b`, `c` of them.
        case has
        /// `a`: the operand; `b`: the pattern.
        case like
        /// `a`: the operand; `b`: the type's name; `c`: the ancestor's node or -1.
        case isType
        /// Operands at `a`, `b` of them; their names at `c`.
        case record
        /// `detail`: the function; operands at `a`, `b` of them.
        case call
    }

    let kind: Kind
    var detail: UInt8 = 0
    var a: Int32 = 0
    var b: Int32 = 0
    var c: Int32 = 0
}

/// A variable and the attributes taken from it: `context.input.path`.
struct Path: Hashable, Sendable {
    let variable: Variable
    let attributes: [Text]
}

/// The tables of one compiled set.
struct Program: Sendable {
    var nodes: [Node] = []
    /// The place of each node in its policy's text.
    var spans: [SourceSpan] = []
    var list: [Int32] = []
    var constants: [Value] = []
    var names: [Text] = []
    var types: [EntityType] = []
    var patterns: [Pattern] = []
    var paths: [Path] = []
    /// The place of each attribute of each path node.
    var pathSpans: [SourceSpan] = []

    static let functions = ExtensionFunction.allCases
}

/// A program that changes no more.
final class FrozenProgram: Sendable {
    let program: Program

    init(_ program: Program) { self.program = program }
}

/// Turns trees into nodes.
struct ProgramBuilder {
    var program = Program()
    private var pathIndex: [Path: Int32] = [:]

    /// The node of an expression.
    mutating func add(_ expr: Expr) -> Int32 {
        switch expr.kind {
        case .literal(let literal): return constant(literal.value, expr.span)
        case .variable, .attribute:
            if let path = Self.path(expr) {
                let start = Int32(program.pathSpans.count)
                program.pathSpans += Self.attributeSpans(expr)
                return push(Node(kind: .path, a: index(of: path), b: start), expr.span)
            }
            guard case .attribute(let owner, let name) = expr.kind else { return constant(.bool(false), expr.span) }
            let node = add(owner)
            program.names.append(name)
            return push(Node(kind: .attribute, a: node, b: Int32(program.names.count - 1)), expr.span)
        case .not(let operand): return push(Node(kind: .not, a: add(operand)), expr.span)
        case .negate(let operand): return push(Node(kind: .negate, a: add(operand)), expr.span)
        case .isEmpty(let operand): return push(Node(kind: .isEmpty, a: add(operand)), expr.span)
        case .and(let operands): return push(variadic(.and, operands), expr.span)
        case .or(let operands): return push(variadic(.or, operands), expr.span)
        case .conditional(let test, let then, let otherwise):
            return push(Node(kind: .conditional, a: add(test), b: add(then), c: add(otherwise)), expr.span)
        case .binary(let symbol, let left, let right):
            return push(
                Node(kind: .binary, detail: symbol.rawValue, a: add(left), b: add(right)), expr.span)
        case .has(let owner, let path):
            let node = add(owner)
            let start = program.names.count
            program.names += path
            return push(Node(kind: .has, a: node, b: Int32(start), c: Int32(path.count)), expr.span)
        case .like(let operand, let pattern):
            let node = add(operand)
            program.patterns.append(pattern)
            return push(Node(kind: .like, a: node, b: Int32(program.patterns.count - 1)), expr.span)
        case .isType(let operand, let type, let ancestor):
            let node = add(operand)
            program.types.append(type)
            let number = Int32(program.types.count - 1)
            return push(Node(kind: .isType, a: node, b: number, c: ancestor.map { add($0) } ?? -1), expr.span)
        case .set(let elements):
            return folded(expr) ?? push(variadic(.set, elements), expr.span)
        case .record(let fields):
            if let value = folded(expr) { return value }
            var node = variadic(.record, fields.map(\.value))
            node.c = Int32(program.names.count)
            program.names += fields.map(\.name)
            return push(node, expr.span)
        case .call(let function, let arguments):
            if let value = folded(expr) { return value }
            var node = variadic(.call, arguments)
            node.detail = UInt8(Program.functions.firstIndex(of: function) ?? 0)
            return push(node, expr.span)
        }
    }

    private mutating func push(_ node: Node, _ span: SourceSpan) -> Int32 {
        program.nodes.append(node)
        program.spans.append(span)
        return Int32(program.nodes.count - 1)
    }

    private mutating func variadic(_ kind: Node.Kind, _ operands: [Expr]) -> Node {
        var indices: [Int32] = []
        indices.reserveCapacity(operands.count)
        for operand in operands { indices.append(add(operand)) }
        let start = program.list.count
        program.list += indices
        return Node(kind: kind, a: Int32(start), b: Int32(indices.count))
    }

    private mutating func constant(_ value: Value, _ span: SourceSpan) -> Int32 {
        program.constants.append(value)
        return push(Node(kind: .constant, a: Int32(program.constants.count - 1)), span)
    }

    /// The constant that a set, record or constructor of constants is, if it has a value.
    private mutating func folded(_ expr: Expr) -> Int32? {
        guard let value = Self.constant(expr) else { return nil }
        return constant(value, expr.span)
    }

    static func constant(_ expr: Expr) -> Value? {
        switch expr.kind {
        case .literal(let literal): return literal.value
        case .set(let elements):
            var values: [Value] = []
            for element in elements {
                guard let value = constant(element) else { return nil }
                values.append(value)
            }
            return .set(ValueSet(values))
        case .record(let fields):
            var values: [Record.Field] = []
            for field in fields {
                guard let value = constant(field.value) else { return nil }
                values.append(Record.Field(field.name, value))
            }
            return .record(Record(values))
        case .call(let function, let arguments):
            guard function.isConstructor, arguments.count == 1, case .string(let text) = constant(arguments[0]) else {
                return nil
            }
            return ExtensionValue.parse(function, text).map(Value.extension)
        default: return nil
        }
    }

    /// The path that an expression is, if it is one.
    static func path(_ expr: Expr) -> Path? {
        var names: [Text] = []
        var current = expr
        while true {
            switch current.kind {
            case .variable(let variable): return Path(variable: variable, attributes: names.reversed())
            case .attribute(let owner, let name):
                names.append(name)
                current = owner
            default: return nil
            }
        }
    }

    private static func attributeSpans(_ expr: Expr) -> [SourceSpan] {
        var spans: [SourceSpan] = []
        var current = expr
        while case .attribute(let owner, _) = current.kind {
            spans.append(current.span)
            current = owner
        }
        return spans.reversed()
    }

    mutating func index(of path: Path) -> Int32 {
        if let known = pathIndex[path] { return known }
        program.paths.append(path)
        let index = Int32(program.paths.count - 1)
        pathIndex[path] = index
        return index
    }
}
