// SPDX-License-Identifier: Apache-2.0
//
// The expression tree that parser, JSON reader, validator, formatter and the plain evaluator share. It keeps what the
// author wrote (`!=`, `>`, `a has b.c`, `a is T in e`); what these mean in smaller operators is said at each case.

/// An expression with its place in the source.
public struct Expr: Sendable {
    public let kind: Kind
    public let span: SourceSpan
    /// The longest way down to a leaf, 1 for a leaf: what a recursive walk needs of stack.
    public let height: Int32

    /// What every reader holds `height` to, so that walks over the tree may recurse.
    public static let maximumHeight: Int32 = 600

    public init(_ kind: Kind, _ span: SourceSpan = .none) {
        self.kind = kind
        self.span = span
        self.height = 1 + kind.children.reduce(0) { max($0, $1.height) }
    }

    /// The expression, if it is not too high.
    ///
    /// - Throws: `.limit` past `maximumHeight`.
    func checked() throws(CedarError) -> Expr {
        guard height <= Self.maximumHeight else {
            throw CedarError(
                .limit, "the expression is more than \(Self.maximumHeight) operators deep", at: span,
                help: "split the expression into several policies")
        }
        return self
    }

    public indirect enum Kind: Sendable {
        case literal(Literal)
        case variable(Variable)
        case not(Expr)
        case negate(Expr)
        /// Two or more operands, from left to right, lazily: `a && b && c`.
        case and([Expr])
        /// Two or more operands, from left to right, lazily.
        case or([Expr])
        case conditional(Expr, then: Expr, otherwise: Expr)
        case binary(BinaryOperator, Expr, Expr)
        /// `e.name` or `e["name"]`.
        case attribute(Expr, Text)
        /// `e has a.b.c`, at least one name: `e has a && e.a has b && e.a.b has c`.
        case has(Expr, [Text])
        case like(Expr, Pattern)
        /// `e is T`; with the third part `e is T in x`: `e is T && e in x`.
        case isType(Expr, EntityType, in: Expr?)
        case isEmpty(Expr)
        case set([Expr])
        /// Names are unique.
        case record([Field])
        /// A function or method of an extension type, a method's receiver first. The number of arguments is
        /// unchecked: a wrong one is an error of evaluation and of validation.
        case call(ExtensionFunction, [Expr])
    }

    public struct Field: Sendable {
        public var name: Text
        public var value: Expr

        public init(_ name: Text, _ value: Expr) {
            self.name = name
            self.value = value
        }
    }
}

extension Expr.Kind {
    /// The operands, in the order of evaluation.
    public var children: [Expr] {
        switch self {
        case .literal, .variable: []
        case .not(let e), .negate(let e), .attribute(let e, _), .has(let e, _), .like(let e, _), .isEmpty(let e): [e]
        case .isType(let e, _, let ancestor): ancestor.map { [e, $0] } ?? [e]
        case .and(let list), .or(let list), .set(let list), .call(_, let list): list
        case .conditional(let test, let then, let otherwise): [test, then, otherwise]
        case .binary(_, let left, let right): [left, right]
        case .record(let fields): fields.map(\.value)
        }
    }
}

public enum Literal: Hashable, Sendable {
    case bool(Bool)
    case long(Int64)
    case string(Text)
    case entity(EntityUID)
}

public enum Variable: UInt8, Hashable, Sendable, CaseIterable {
    case principal, action, resource, context

    public var name: Text {
        switch self {
        case .principal: "principal"
        case .action: "action"
        case .resource: "resource"
        case .context: "context"
        }
    }
}

/// Operators of two evaluated operands (both are evaluated, left first). `contains` and the like stand as methods.
public enum BinaryOperator: UInt8, Hashable, Sendable, CaseIterable {
    /// `==`; `!=` is its negation.
    case equal, notEqual
    /// `<` and `<=` on long, datetime, duration; `a > b` is `!(a <= b)`, `a >= b` is `!(a < b)`.
    case less, lessEqual, greater, greaterEqual
    case add, subtract, multiply
    case `in`
    case contains, containsAll, containsAny, hasTag, getTag

    /// The operator as it is written, or the method's name.
    public var symbol: String {
        switch self {
        case .equal: "=="
        case .notEqual: "!="
        case .less: "<"
        case .lessEqual: "<="
        case .greater: ">"
        case .greaterEqual: ">="
        case .add: "+"
        case .subtract: "-"
        case .multiply: "*"
        case .in: "in"
        case .contains: "contains"
        case .containsAll: "containsAll"
        case .containsAny: "containsAny"
        case .hasTag: "hasTag"
        case .getTag: "getTag"
        }
    }

    /// Whether it is written `a.name(b)`.
    public var isMethod: Bool { rawValue >= BinaryOperator.contains.rawValue }
}
