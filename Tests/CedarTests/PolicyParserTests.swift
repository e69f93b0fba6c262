// SPDX-License-Identifier: Apache-2.0
//
// Which texts are policies. Every row was checked against the Rust implementation (cedarpy 4.12); Tests/Fuzz does the
// same for random texts.

import Cedar
import Testing

private func error(_ text: String) -> CedarError? {
    do throws(CedarError) {
        _ = try PolicyParser.policies(SourceText(text))
        return nil
    } catch {
        return error
    }
}

private func condition(_ expression: String) -> String { "permit(principal, action, resource) when { \(expression) };" }

@Suite struct PolicyParserTests {
    @Test(arguments: [
        "", "// only a comment", "permit(principal, action, resource);", "permit(principal,action,resource,);",
        "@id(\"a\") @b forbid(principal, action, resource) when { true } unless { false };",
        "@if(\"x\") permit(principal, action, resource);",
        "permit(principal == (U::\"a\"), action in ([A::Action::\"x\", (Action::\"y\"),]), resource is N::T in R::\"\");",
        "permit(principal in ?principal, action in [], resource == ?resource);",
        "permit(principal is User in ?principal, action, resource);",
        "permit\u{A0}(principal, action, resource\u{2028});",
    ])
    func `a policy is accepted`(_ text: String) {
        #expect(error(text) == nil)
    }

    @Test(arguments: [
        "1 == -1", "!!!!true", "----1 == 1", "-9223372036854775808 == 0", "007 == 7", "[1, 2,].contains(1,)", "{}.a",
        "{a: 1, \"b c\": 2}[\"b c\"] == 2", "principal has a.b.c", "principal has \"a b\"", "context.principal",
        "principal is A::B in resource", "\"a*\" like \"\\*a\\u{1F600}\\x41\"", "ip(1, 2).isIpv4(3)", "1.foo",
        "if true then false else true && false", "(if true then 1 else 2) == 1", "\"line\nbreak\" == \"\"",
        "principal.hasTag(\"a\") && principal.getTag(\"a\") == 1", "a::b::\"c\" in [action]", "[].isEmpty()",
        "\"\\u{0_0_4_1}\" == \"A\"", "principal[\"__cedar\"]",
    ])
    func `an expression is accepted`(_ text: String) {
        #expect(error(condition(text)) == nil)
    }

    @Test(arguments: [
        "permit(principal, action, resource)", "permit(principal, action);", "permit(action, principal, resource);",
        "permit(principal, action, resource, context);", "Permit(principal, action, resource);",
        "permit(principal == ?resource, action, resource);", "permit(principal, action == ?action, resource);",
        "permit(principal is T == U::\"a\", action, resource);", "permit(principal: User, action, resource);",
        "permit(principal, action is Action, resource);", "permit(principal, action == U::\"a\", resource);",
        "permit(principal in [U::\"a\"], action, resource);", "permit(principal = U::\"a\", action, resource);",
        "permit(principal != U::\"a\", action, resource);", "permit(principal, action, resource) when { };",
        "permit(principal, action, resource) if { true };", "@a @a permit(principal, action, resource);",
        "@a() permit(principal, action, resource);", "permit(principal == if::\"a\", action, resource);",
        "permit(principal == __cedar::\"a\", action, resource);", "permit(principal, action, resource);;",
    ])
    func `what is no policy is refused`(_ text: String) {
        #expect(error(text)?.kind == .syntax)
    }

    @Test(arguments: [
        "!!!!!true", "-----1 == 1", "!-1", "1 / 2 == 1", "1 % 2 == 1", "9223372036854775808 == 0",
        "-9223372036854775809 == 0", "99999999999999999999 == 0", "1 == 2 == 3", "1 < 2 < 3", "principal = 1", "x",
        "x.y", "x::y", "foo(1)", "isIpv4(1)", "principal.ip(1)", "principal.foo()", "principal()", "(1)(2)",
        "principal.contains()", "principal.contains(1, 2)", "[].isEmpty(1)", "principal.if", "principal has if",
        "principal has a::b", "principal has 1", "principal has \"a\".b", "principal has a.b()", "principal is \"T\"",
        "principal is (T)", "principal is T in x in y", "principal like principal", "\"a\" like \"\\q\"",
        "\"\\*\" == \"*\"", "\"\\u{110000}\" == \"\"", "\"\\u{D800}\" == \"\"", "\"\\x80\" == \"\"", "\"\r\" == \"\"",
        "{a: 1, \"a\": 2}", "{if: 1}", "{1: 1}", "{a::b: 1}", "principal[1]", "principal[\"a\" + \"b\"]", "?principal",
        "principal == ?resource", "A::{a: 1}", "if true then false", "1 + if true then 1 else 2", "[1 2]", "__cedar",
        "principal.__cedar", "a & b", "'a'", "1a", "é", "principal has a + 1",
    ])
    func `what is no expression is refused`(_ text: String) {
        #expect(error(condition(text))?.kind == .syntax)
    }

    @Test func `an error shows its line, a caret and what would help`() {
        let source = SourceText(name: "p.cedar", "permit(principal, action, resource)\nwhen { principal.n / 2 == 1 };")
        let found = PolicyParser.errors(source)
        #expect(
            found.map { $0.rendered(in: source) } == [
                """
                p.cedar:2:20: division is not part of the language
                  |
                2 | when { principal.n / 2 == 1 };
                  |                    ^
                """
            ])
    }

    @Test func `each broken policy of a text is reported`() {
        let text = "permit(principal); permit(principal, action, resource); forbid(principal, action, resource) when { x };"
        #expect(PolicyParser.errors(SourceText(text)).count == 2)
    }

    @Test func `a temporal condition is refused as a feature, by name`() {
        let found = error("permit(principal, action, resource) when temporal { true };")
        #expect(found?.kind == .unsupported)
        #expect(found?.message == "temporal conditions (`when temporal { }`) are not supported yet")
    }

    @Test(arguments: ["(", "[", "!(", "-(", "{a: ", "if ", "principal.contains(", "[[", "if true then "])
    func `a depth bomb is refused`(_ open: String) {
        let bomb = condition(String(repeating: open, count: 100_000) + "1")
        #expect(error(bomb)?.kind == .limit)
    }

    @Test(arguments: [".a", " + 1", " * 2", "[\"a\"]", ".contains(1)"])
    func `a chain that is too long is refused`(_ link: String) {
        #expect(error(condition("principal" + String(repeating: link, count: 100_000)))?.kind == .limit)
        #expect(error(condition("principal" + String(repeating: link, count: 500))) == nil)
    }

    @Test func `a long row of operators is refused or flat`() {
        #expect(error(condition(String(repeating: "!", count: 100_000) + "true"))?.kind == .syntax)
        #expect(error(condition("true" + String(repeating: " && true", count: 100_000))) == nil)
        #expect(error(condition("[" + String(repeating: "1,", count: 100_000) + "].isEmpty()")) == nil)
    }

    @Test func `bytes that are no text are refused`() {
        #expect(throws: CedarError.self) { try PolicyParser.policies(SourceText(name: "p", bytes: [0xFF, 0x41])) }
    }

    @Test func `ids are positions and templates are kept apart`() throws {
        let set = try PolicyParser.policies(
            SourceText(
                """
                @id("x") permit(principal, action, resource);
                permit(principal == ?principal, action, resource);
                forbid(principal, action, resource);
                """))
        #expect(set.policies.map(\.id) == ["policy0", "policy2"])
        #expect(set.templates.map(\.id) == ["policy1"])
    }

    @Test func `texts are compared by their bytes`() {
        #expect(Text("\u{E9}") != Text("e\u{301}"))
        #expect(Text("\u{E9}") == Text("\u{E9}"))
        #expect(Text("a") < Text("\u{E9}"))
        #expect(Set<Text>(["\u{E9}", "e\u{301}", "\u{E9}"]).count == 2)
    }

    @Test func `bytes that are not UTF-8 have a place`() {
        let text = SourceText(name: "p.cedar", bytes: Array("permit(\n  principal".utf8) + [0xC3, 0x28])
        let errors = PolicyParser.errors(text)
        #expect(errors.map(\.span) == [SourceSpan(19, 20)])
        #expect(errors.first?.rendered(in: text).hasPrefix("p.cedar:2:12: the text is not valid UTF-8\n") == true)
    }
}
