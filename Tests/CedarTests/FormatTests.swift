// SPDX-License-Identifier: Apache-2.0
//
// The layout of policies, and their JSON form.

import Cedar
import JSON
import Testing

private func format(_ text: String) throws -> String { try PolicyFormatter.format(SourceText(text)) }

@Suite struct FormatTests {
    private static let long = (0..<6).map { "context.attribute\($0) == \($0)" }.joined(separator: " && ")

    @Test(arguments: [
        ("permit(principal,action,resource);", "permit (principal, action, resource);\n"),
        (
            "@id( \"a\" )@b permit( principal is A ,action in[Action::\"x\"] ,resource )when{!context.a&&-1<- 2};",
            "@id(\"a\")\n@b\npermit (principal is A, action in [Action::\"x\"], resource)\nwhen { !context.a && -1 < -2 };\n"
        ),
        (
            "// head\n\npermit(principal,action,resource) // tail\nwhen { true // why\n };",
            "// head\n\npermit (principal, action, resource) // tail\nwhen {\n  true // why\n};\n"
        ),
        (
            "permit(principal,action,resource) when { \(long) };",
            "permit (principal, action, resource)\nwhen {\n"
                + (0..<6).map { "  context.attribute\($0) == \($0)" }.joined(separator: " &&\n") + "\n};\n"
        ),
        (
            "permit(principal,action,resource);forbid(principal,action,resource);",
            "permit (principal, action, resource);\n\nforbid (principal, action, resource);\n"
        ),
    ])
    func `a text has one layout`(_ given: String, _ expected: String) throws {
        #expect(try format(given) == expected)
        #expect(try format(expected) == expected)
    }

    @Test func `a text with an error is not laid out`() {
        #expect(throws: CedarError.self) { try format("permit(principal);") }
    }

    @Test func `policies and templates survive JSON`() throws {
        var set = try PolicyParser.policies(
            SourceText(
                """
                @a @b("c") permit(principal is A in ?principal, action in [Action::"x", Action::"y"], resource)
                when { principal has a.b && [1, -2].contains(context["x y"]) && "a" like "a\\*b*" }
                unless { if ip("1.1.1.1").isIpv4() then {a: 1} != {} else !(principal is B in resource) };
                forbid(principal == U::"\\u{0}", action == Action::"", resource in R::"r");
                """))
        try set.link(template: "policy0", as: "link", [.principal: EntityUID(type: Name("G"), id: "g")])
        let json = set.json
        let read = try PolicySet(json: json)
        #expect(read.policies.map(\.id).sorted() == ["link", "policy1"])
        let rewritten = read.json
        #expect(rewritten == json)
    }

    @Test(arguments: [
        "{}", "{\"staticPolicies\": {}, \"templates\": {}}",
        "{\"staticPolicies\": {}, \"templates\": {}, \"templateLinks\": [], \"x\": 1}",
        "{\"staticPolicies\": {\"p\": {}}, \"templates\": {}, \"templateLinks\": []}",
        "{\"staticPolicies\": {}, \"templates\": {}, \"templateLinks\": [{\"templateId\": \"a\", \"newId\": \"b\", \"values\": {}}]}",
    ])
    func `policies of another form are refused`(_ text: String) {
        #expect(throws: CedarError.self) { try PolicySet(json: Array(text.utf8)) }
    }

    @Test func `a depth bomb in JSON is refused`() {
        let nested = String(repeating: "{\"!\": {\"arg\": ", count: 100_000)
        let text = "{\"staticPolicies\": {\"p\": {\"conditions\": [{\"kind\": \"when\", \"body\": " + nested
        #expect(throws: CedarError.self) { try PolicySet(json: Array(text.utf8)) }
        let bounded = 590
        let body =
            String(repeating: "{\"!\": {\"arg\": ", count: bounded) + "{\"Value\": true}"
            + String(repeating: "}}", count: bounded)
        let policy =
            "{\"effect\": \"permit\", \"principal\": {\"op\": \"All\"}, \"action\": {\"op\": \"All\"}, "
            + "\"resource\": {\"op\": \"All\"}, \"conditions\": [{\"kind\": \"when\", \"body\": \(body)}]}"
        let set = "{\"staticPolicies\": {\"p\": \(policy)}, \"templates\": {}, \"templateLinks\": []}"
        #expect(throws: Never.self) { try PolicySet(json: Array(set.utf8)) }
    }
}
