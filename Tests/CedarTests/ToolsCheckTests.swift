// SPDX-License-Identifier: Apache-2.0
//
// A check finds every problem with its place, and finds an error exactly where loading refuses.

import Cedar
import JSON
import Testing

private let schemaText = """
    entity User; entity Tool { trusted: Bool, note?: String };
    action call appliesTo { principal: [User], resource: [Tool], context: { n: Long } };
    """

private func layers(_ texts: [String]) -> [PolicyLayer] {
    texts.enumerated().map { PolicyLayer(name: "l\($0.offset).cedar", bytes: Array($0.element.utf8)) }
}

@Suite struct ToolsCheckTests {
    /// Texts, and for each problem its file, line and column, severity and kind.
    private static let table: [([String], [String])] = [
        (["permit(principal, action, resource);"], []),
        (["permit(principal, action, resource)\n  when { context.n > };"], ["l0.cedar 2:22 error syntax"]),
        (
            ["permit(principal, action, resource);", "forbid(principal,, resource);\npermit(principal, action, resource) when { };"],
            ["l1.cedar 1:18 error syntax", "l1.cedar 2:44 error syntax"]
        ),
        (["permit(principal, action, resource) when { context.m == 1 };"], ["l0.cedar 1:44 error unknown_attribute"]),
        (["permit(principal, action, resource) when { resource.note == \"\" };"], ["l0.cedar 1:44 error missing_guard"]),
        (["@throttle(\"often\") permit(principal, action, resource);"], ["l0.cedar 1:1 error annotation"]),
        (["permit(principal, action == Action::\"cal\", resource);"], ["l0.cedar 1:29 warning set_aside"]),
        (["permit(principal, action, resource);", "forbid(principal, action, resource);"], ["l0.cedar 1:1 warning shadowed"]),
        (["@id(\"a\") permit(principal, action, resource);@id(\"a\") permit(principal, action, resource);"], ["l0.cedar - error load"]),
    ]

    @Test(arguments: table.indices)
    func `problems are found at their places`(_ index: Int) throws {
        let (texts, expected) = Self.table[index]
        let check = PolicyCheck(layers(texts), schema: try Schema(parsing: SourceText(schemaText)), mode: .strict)
        let found = check.problems.map { "\($0.file) \($0.position?.description ?? "-") \($0.severity) \($0.kind)" }
        #expect(found == expected)
    }

    @Test(arguments: table.indices)
    func `a check without an error is a set that loads`(_ index: Int) throws {
        let schema = try Schema(parsing: SourceText(schemaText))
        let set = layers(Self.table[index].0)
        let loads = (try? PolicySnapshot(layers: set, schema: schema, mode: .strict)) != nil
        #expect(loads == (PolicyCheck(set, schema: schema, mode: .strict).errors == 0))
    }

    @Test func `strict without a schema is an error`() {
        #expect(PolicyCheck(layers(["permit(principal, action, resource);"]), schema: nil, mode: .strict).errors == 1)
        #expect(PolicyCheck(layers(["permit(principal, action, resource);"]), schema: nil, mode: .exact).errors == 0)
    }

    @Test func `more problems than are told are counted, and an error is told before a warning`() throws {
        let unknown = String(repeating: "permit(principal, action == Action::\"cal\", resource);\n", count: PolicyCheck.maximumProblems)
        let text = unknown + "permit(principal, action, resource) when { context.m == 1 };"
        let check = PolicyCheck(layers([text]), schema: try Schema(parsing: SourceText(schemaText)), mode: .strict)
        #expect(check.errors == 1)
        #expect(check.warnings == PolicyCheck.maximumProblems)
        #expect(check.problems.count == PolicyCheck.maximumProblems)
        #expect(check.problems.contains { $0.severity == .error && $0.position?.line == PolicyCheck.maximumProblems + 1 })
    }

    @Test(arguments: [
        ("Action::\"cal\"", "did you mean `Action::\"call\"`?"), ("Action::\"clal\"", nil), ("Action::\"CALL\"", "did you mean `Action::\"call\"`?"),
        ("Action::\"server__tool_xx\"", "did you mean `Action::\"server__tool_x\"`?"),
        ("Action::\"serverr__tol_x\"", "did you mean `Action::\"server__tool_x\"`?"),
        ("Action::\"erver__tool_x\"", "did you mean `Action::\"server__tool_x\"`?"),
        ("Action::\"server__tool_xyz\"", "did you mean `Action::\"server__tool_x\"`?"), ("Action::\"rever__tool_xyzz\"", nil), ("Action::\"\"", nil),
    ])
    func `an unknown action comes with the nearest`(_ action: String, _ help: String?) throws {
        let schema = try Schema(parsing: SourceText("entity U; action call, server__tool_x appliesTo {principal: U, resource: U};"))
        let check = PolicyCheck(layers(["permit(principal, action == \(action), resource);"]), schema: schema, mode: .strict)
        #expect(check.problems.map(\.help) == [help])
    }

    @Test(arguments: [
        ("", "foo", ""), ("\"é\" == \"é\" && ", "foo", ""), (String(repeating: "\"é\" == \"é\" && ", count: 400), "foo", ""),
        (String(repeating: "true && ", count: 400), "foo", String(repeating: " && true", count: 400)),
        ("", String(repeating: "foo", count: 300), ""),
    ])
    func `a long line is shown around the place, the caret under it`(_ before: String, _ wrong: String, _ after: String) throws {
        let check = PolicyCheck(layers(["permit(principal, action, resource) when {\n\(before)\(wrong)\(after)\n};"]), schema: nil, mode: .exact)
        let lines = check.problems[0].rendered.split(separator: "\n").map(String.init)
        let (text, carets) = (Array(lines[2].unicodeScalars), Array(lines[3].unicodeScalars))
        #expect(text.count < 300)
        #expect(check.problems[0].position?.column == before.unicodeScalars.count + 1)
        let marked = carets.indices.filter { carets[$0] == "^" }
        let shown = String(String.UnicodeScalarView(marked.map { text[$0] }))
        #expect(wrong.hasPrefix(shown) && shown.hasPrefix("foo"))
        #expect(shown == wrong || text.count > 200)
    }

    @Test func `a warning says that it is one`() throws {
        let check = PolicyCheck(
            layers(["permit(principal, action == Action::\"cal\", resource);"]), schema: try Schema(parsing: SourceText(schemaText)), mode: .strict)
        #expect(check.problems[0].rendered.hasPrefix("l0.cedar:1:29: warning: action `Action::\"cal\"` is not in the schema"))
        #expect(check.problems[0].rendered.contains("\n1 | permit"))
    }

    private static let plain: [(PlainValue, SchemaType?, JSON.Value)] = [
        (.text("3"), nil, 3), (.text("3"), .string, "3"), (.text("3"), .long, 3), (.text("007"), nil, "007"), (.text("-0"), nil, "-0"),
        (.text("true"), nil, true), (.text("true"), .string, "true"), (.text("yes"), nil, "yes"), (.nothing, nil, .null),
        (.text("9223372036854775808"), nil, "9223372036854775808"),
        (.text("User::\"a\""), .entity(Name("User")), ["__entity": ["type": "User", "id": "a"]]), (.text("User::\"a\""), nil, "User::\"a\""),
        (.list([.text("1"), .text("x")]), .set(.string), ["1", "x"]),
        (.map([("__extn", .map([("fn", .text("decimal")), ("arg", .text("1"))]))]), nil, ["__extn": ["fn": "decimal", "arg": "1"]]),
    ]

    @Test(arguments: plain.indices)
    func `a plain value is what the schema says, else what it looks like`(_ index: Int) {
        let (value, type, expected) = Self.plain[index]
        #expect(value.json(as: type) == expected)
    }
}
