// SPDX-License-Identifier: Apache-2.0
//
// The evaluation of nodes for one request. Paths are walked once and remembered where many policies are asked.

/// The state of one decision.
struct Run {
    /// Shared by reference: a decision copies none of the tables.
    private let frozen: FrozenProgram
    let request: Request
    let entities: Entities
    private var program: Program { _read { yield frozen.program } }
    private var known: [Walked?] = []
    private static let maximumKnown = 1024
    private var last: Walked?
    private var lastIndex: Int32 = -1

    enum Walked {
        case value(Value)
        /// The attribute at `depth` of the path could not be taken.
        case failed(EvaluationError.Kind, depth: Int)
    }

    init(_ program: FrozenProgram, _ request: Request, _ entities: Entities) {
        frozen = program
        self.request = request
        self.entities = entities
    }

    /// Keeps the values of paths from here on; it costs a table of the set's paths.
    mutating func remember() {
        if known.isEmpty, program.paths.count <= Self.maximumKnown { known = Array(repeating: nil, count: program.paths.count) }
    }

    /// The value of a path, or where and why it has none.
    mutating func path(_ index: Int32) -> Walked {
        guard !known.isEmpty else {
            // The index has often just walked the path that its policy asks for first.
            if index == lastIndex, let last { return last }
            let walked = walk(index)
            lastIndex = index
            last = walked
            return walked
        }
        if let walked = known[Int(index)] { return walked }
        let walked = walk(index)
        known[Int(index)] = walked
        return walked
    }

    private func walk(_ index: Int32) -> Walked {
        let path = program.paths[Int(index)]
        var value: Value
        var depth = 0
        switch path.variable {
        case .principal: value = .entity(request.principal)
        case .action: value = .entity(request.action)
        case .resource: value = .entity(request.resource)
        case .context:
            guard let first = path.attributes.first else { return .value(.record(request.context)) }
            // The record itself need not be copied on the way.
            guard let found = request.context[first] else {
                return .failed(.missingAttribute(first, of: nil), depth: 0)
            }
            value = found
            depth = 1
        }
        while depth < path.attributes.count {
            do throws(EvaluationError) {
                value = try Operators.attribute(path.attributes[depth], of: value, entities, at: nil)
            } catch {
                return .failed(error.kind, depth: depth)
            }
            depth += 1
        }
        return .value(value)
    }

    /// The value of a node that must be a Boolean.
    mutating func bool(_ index: Int32) throws(EvaluationError) -> Bool {
        let node = program.nodes[Int(index)]
        switch node.kind {
        case .and:
            for operand in Int(node.a)..<Int(node.a + node.b) where !(try bool(program.list[operand])) { return false }
            return true
        case .or:
            for operand in Int(node.a)..<Int(node.a + node.b) where try bool(program.list[operand]) { return true }
            return false
        case .not: return !(try bool(node.a))
        case .binary:
            if node.detail <= BinaryOperator.notEqual.rawValue {
                let isEqual = try equal(node.a, node.b)
                return isEqual == (node.detail == BinaryOperator.equal.rawValue)
            }
            return try value(index).asBool(program.spans[Int(index)])
        case .has:
            var owner = try value(node.a)
            for name in Int(node.b)..<Int(node.b + node.c) {
                let next = try Operators.optionalAttribute(
                    program.names[name], of: owner, entities, at: program.spans[Int(index)])
                guard let next else { return false }
                owner = next
            }
            return true
        case .like:
            let text = try value(node.a).asString(program.spans[Int(node.a)])
            return program.patterns[Int(node.b)].matches(text)
        case .isType:
            let operand = try value(node.a)
            guard try operand.asEntity(program.spans[Int(node.a)]).type == program.types[Int(node.b)] else {
                return false
            }
            guard node.c >= 0 else { return true }
            return try Operators.isIn(operand, try value(node.c), entities, at: program.spans[Int(index)])
        case .isEmpty: return try value(node.a).asSet(program.spans[Int(node.a)]).isEmpty
        default: return try value(index).asBool(program.spans[Int(index)])
        }
    }

    private mutating func equal(_ left: Int32, _ right: Int32) throws(EvaluationError) -> Bool {
        let first = try value(left)
        let second = program.nodes[Int(right)]
        if second.kind == .constant { return first == program.constants[Int(second.a)] }
        return first == (try value(right))
    }

    mutating func value(_ index: Int32) throws(EvaluationError) -> Value {
        let node = program.nodes[Int(index)]
        let span = program.spans[Int(index)]
        switch node.kind {
        case .constant: return program.constants[Int(node.a)]
        case .path:
            switch path(node.a) {
            case .value(let value): return value
            case .failed(let kind, let depth):
                throw EvaluationError(kind, at: program.pathSpans[Int(node.b) + depth])
            }
        case .negate: return try Operators.negate(try value(node.a), at: span)
        case .binary where node.detail > BinaryOperator.notEqual.rawValue:
            let left = try value(node.a)
            let right = try value(node.b)
            guard let symbol = BinaryOperator(rawValue: node.detail) else { return .bool(false) }
            return try Operators.apply(symbol, left, right, entities, at: span)
        case .attribute:
            return try Operators.attribute(program.names[Int(node.b)], of: try value(node.a), entities, at: span)
        case .set: return .set(ValueSet(try all(node)))
        case .record:
            var fields: [Record.Field] = []
            fields.reserveCapacity(Int(node.b))
            for offset in 0..<Int(node.b) {
                let value = try value(program.list[Int(node.a) + offset])
                fields.append(Record.Field(program.names[Int(node.c) + offset], value))
            }
            return .record(Record(fields))
        case .call: return try Program.functions[Int(node.detail)].call(try all(node), at: span)
        case .conditional: return try value(try bool(node.a) ? node.b : node.c)
        case .and, .or, .not, .binary, .has, .like, .isType, .isEmpty: return .bool(try bool(index))
        }
    }

    private mutating func all(_ node: Node) throws(EvaluationError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(Int(node.b))
        for operand in Int(node.a)..<Int(node.a + node.b) { values.append(try value(program.list[operand])) }
        return values
    }
}
