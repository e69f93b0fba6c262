// SPDX-License-Identifier: Apache-2.0
//
// Which calls there are: methods of sets and entities with a fixed number of arguments, functions and methods of the
// extension types with any number (a wrong one is an error of validation and evaluation).

extension PolicyParser {
    func method(
        _ receiver: Expr, _ name: Text, _ arguments: [Expr], at span: SourceSpan
    ) throws(CedarError) -> Expr {
        let whole = SourceSpan(Int(receiver.span.start), cursor.lastEnd)
        if let symbol = Calls.methods[name] {
            guard arguments.count == 1 else { throw Calls.arity(name, 1, arguments.count, at: span) }
            return Expr(.binary(symbol, receiver, arguments[0]), whole)
        }
        if name == "isEmpty" {
            guard arguments.isEmpty else { throw Calls.arity(name, 0, arguments.count, at: span) }
            return Expr(.isEmpty(receiver), whole)
        }
        guard let function = ExtensionFunction(rawValue: name.string) else {
            throw CedarError(
                .syntax, "there is no method `\(name)`", at: span,
                help: Calls.nearest(to: name, Calls.allMethods).map { "did you mean `\($0)`?" })
        }
        guard function.isMethod else {
            throw CedarError(
                .syntax, "`\(name)` is a function, not a method", at: span, help: "write `\(name)(..)`")
        }
        return Expr(.call(function, [receiver] + arguments), whole)
    }

    func function(_ name: Name, _ arguments: [Expr], at span: SourceSpan) throws(CedarError) -> Expr {
        if let function = ExtensionFunction(rawValue: name.text.string), function.isConstructor {
            return try Expr(.call(function, arguments), SourceSpan(Int(span.start), cursor.lastEnd)).checked()
        }
        if Calls.allMethods.contains(name.text.string) {
            throw CedarError(
                .syntax, "`\(name)` is a method, not a function", at: span, help: "write `x.\(name)(..)`")
        }
        let constructors = ExtensionFunction.allCases.filter(\.isConstructor).map(\.rawValue)
        throw CedarError(
            .syntax, "there is no function `\(name)`", at: span,
            help: Calls.nearest(to: name.text, constructors).map { "did you mean `\($0)`?" }
                ?? "the functions are \(constructors.map { "`\($0)`" }.joined(separator: ", "))")
    }
}

enum Calls {
    static let methods: [Text: BinaryOperator] = [
        "contains": .contains, "containsAll": .containsAll, "containsAny": .containsAny, "hasTag": .hasTag,
        "getTag": .getTag,
    ]

    static let allMethods: [String] =
        methods.keys.map(\.string).sorted() + ["isEmpty"]
        + ExtensionFunction.allCases.filter(\.isMethod).map(\.rawValue)

    static func arity(_ name: Text, _ expected: Int, _ found: Int, at span: SourceSpan) -> CedarError {
        let arguments = expected == 0 ? "no argument" : "one argument"
        return CedarError(.syntax, "`\(name)` takes \(arguments), found \(found)", at: span)
    }

    /// The name with the fewest edits, if few are enough.
    static func nearest(to name: Text, _ candidates: [String]) -> String? {
        let word = Array(name.string.lowercased().utf8.prefix(64))
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let distance = edits(word, Array(candidate.lowercased().utf8))
            if distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        guard let best, best.distance <= max(2, word.count / 3) else { return nil }
        return best.name
    }

    private static func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = x == y ? diagonal : min(diagonal, above, row[j]) + 1
                diagonal = above
            }
        }
        return row[b.count]
    }
}
