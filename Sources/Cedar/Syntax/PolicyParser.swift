// SPDX-License-Identifier: Apache-2.0
//
// From text to policies (Cedar reference, "Grammar specification for Cedar policies", 4.10-4.12): the part around the
// expressions. It accepts what the Rust implementation accepts, but for the bounds on nesting and size.

/// Reads the policy language.
public struct PolicyParser {
    var cursor: TokenCursor

    init(_ source: SourceText) throws(CedarError) { cursor = try TokenCursor(source) }

    /// All policies and templates of a text; their ids are `policy0`, `policy1`, .. by position.
    ///
    /// - Throws: the first error of the text.
    public static func policies(_ source: SourceText) throws(CedarError) -> PolicySet {
        var parser = try PolicyParser(source)
        var set = PolicySet()
        var count = 0
        while parser.cursor.kind != .end {
            let policy = try parser.policy(id: Text("policy\(count)"))
            if policy.slots.isEmpty { try set.add(policy) } else { try set.add(Template(policy)) }
            count += 1
        }
        return set
    }

    /// How many errors of one text are told.
    public static let maximumErrors = 100

    /// The errors of a text, one for each policy at most, in order; reading goes on after the next `;`.
    public static func errors(_ source: SourceText) -> [CedarError] {
        var parser: PolicyParser
        do { parser = try PolicyParser(source) } catch { return [error] }
        var errors: [CedarError] = []
        while parser.cursor.kind != .end, errors.count < maximumErrors {
            do {
                _ = try parser.policy(id: "policy")
            } catch {
                errors.append(error)
                while parser.cursor.kind != .end, parser.cursor.kind != .semicolon { parser.cursor.advance() }
                parser.cursor.advance()
                parser.cursor.leaveAll()
            }
        }
        return errors
    }

    /// Exactly one policy or template, under the given id.
    public static func policy(_ source: SourceText, id: Text) throws(CedarError) -> Policy {
        var parser = try PolicyParser(source)
        let policy = try parser.policy(id: id)
        guard parser.cursor.kind == .end else { throw parser.cursor.unexpected("the end of the policy") }
        return policy
    }

    /// One expression, the whole text.
    public static func expression(_ source: SourceText) throws(CedarError) -> Expr {
        var parser = try PolicyParser(source)
        let expression = try parser.expression()
        guard parser.cursor.kind == .end else { throw parser.cursor.unexpected("the end of the expression") }
        return expression
    }

    /// An entity literal, `Type::"id"`, the whole text.
    public static func entity(_ source: SourceText) throws(CedarError) -> EntityUID {
        var parser = try PolicyParser(source)
        let reference = try parser.entityReference(slot: nil)
        guard parser.cursor.kind == .end, let entity = reference.entity else {
            throw parser.cursor.unexpected("the end of the entity")
        }
        return entity
    }

    private mutating func policy(id: Text) throws(CedarError) -> Policy {
        let start = Int(cursor.token.span.start)
        let annotations = try annotations()
        let effect: Effect
        switch cursor.kind {
        case .permit: effect = .permit
        case .forbid: effect = .forbid
        default:
            throw cursor.unexpected(
                "`permit` or `forbid`",
                help: cursor.kind == .identifier ? "the effect of a policy is `permit` or `forbid`, in lower case" : nil)
        }
        cursor.advance()
        try cursor.expect(.leftParenthesis, "`(` and the scope of the policy")
        let principal = try scope(.principal)
        try separator(before: "action")
        let action = try actionScope()
        try separator(before: "resource")
        let resource = try scope(.resource)
        _ = cursor.take(.comma)
        guard cursor.take(.rightParenthesis) else {
            let help = "the scope has exactly `principal`, `action`, `resource`, each with one constraint at most"
            throw cursor.unexpected("`)`", help: cursor.kind == .and ? help + "; move the rest into `when { }`" : help)
        }
        var conditions: [Condition] = []
        while cursor.kind != .semicolon { conditions.append(try condition()) }
        let end = Int(cursor.advance().span.end)
        return Policy(
            id: id, effect: effect, annotations: annotations, principal: principal, action: action,
            resource: resource, conditions: conditions, span: SourceSpan(start, end))
    }

    private mutating func annotations() throws(CedarError) -> [Annotation] {
        var annotations: [Annotation] = []
        var seen: Set<Text> = []
        while cursor.kind == .at {
            let start = cursor.advance().span
            guard cursor.kind.isWord else { throw cursor.unexpected("the name of the annotation") }
            let key = cursor.text(cursor.advance())
            var value: Text?
            if cursor.take(.leftParenthesis) {
                let token = try cursor.expect(.string, "the annotation's value, a string")
                value = try cursor.unescaped(token)
                try cursor.expect(.rightParenthesis, "`)`")
            }
            let span = SourceSpan(Int(start.start), cursor.lastEnd)
            guard seen.insert(key).inserted else {
                throw CedarError(.syntax, "the annotation `@\(key)` stands twice", at: span)
            }
            annotations.append(Annotation(key: key, value: value, span: span))
        }
        return annotations
    }

    private mutating func separator(before variable: String) throws(CedarError) {
        guard cursor.take(.comma) else {
            throw cursor.unexpected(
                "`,` and `\(variable)`",
                help: "the scope has `principal`, `action`, `resource`, each with one constraint at most")
        }
    }

    private mutating func condition() throws(CedarError) -> Condition {
        let keyword = cursor.token
        guard keyword.kind == .when || keyword.kind == .unless else {
            throw cursor.unexpected("`when`, `unless` or `;`", help: "every policy ends with `;`")
        }
        cursor.advance()
        if cursor.isWord("temporal") {
            throw CedarError(
                .unsupported, "temporal conditions (`\(cursor.word(keyword)) temporal { }`) are not supported yet",
                at: cursor.token.span, help: "use `\(cursor.word(keyword)) { }` over `context`")
        }
        try cursor.expect(.leftBrace, "`{`")
        guard cursor.kind != .rightBrace else {
            throw CedarError(
                .syntax, "the condition of `\(cursor.word(keyword))` is empty", at: cursor.token.span,
                help: "leave out the clause, or write `true`")
        }
        let body = try expression()
        try cursor.expect(.rightBrace, "an operator or `}`")
        return Condition(
            isWhen: keyword.kind == .when, body: body, span: SourceSpan(Int(keyword.span.start), cursor.lastEnd))
    }
}
