// SPDX-License-Identifier: Apache-2.0
//
// The expression tree that parser, JSON reader, validator, formatter and the plain evaluator share. It keeps what the
// author wrote (`!=`, `>`, `a has b.c`, `a is T in e`); what these mean in smaller operators is said at each case.

/// An expression with its place in the source.
public struct Expr: Sendable {
    public var kind: Kind
    public var span: SourceSpan

    public init(_ kind: Kind, _ span: SourceSpan = .none) {
        self.kind = kind
        self.span = span
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
