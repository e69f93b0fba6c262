// SPDX-License-Identifier: Apache-2.0
//
// The index leaves out only what is neither satisfied nor fails. Each row is a policy at the edge of what may be left out;
// Tests/Fuzz compares both evaluators on random ones.

import Cedar
import JSON
import Testing

private let contexts: [String] = [
    "{}", "{\"a\": 1}", "{\"a\": {}}", "{\"a\": {\"b\": \"foo/x\"}}", "{\"a\": {\"b\": \"foo\"}}", "{\"a\": {\"b\": 2}}",
    "{\"a\": {\"b\": {\"c\": 1}}}", "{\"s\": \"foo/bar\"}", "{\"s\": \"\"}", "{\"s\": 1, \"a\": {\"b\": 1}}",
    "{\"a\": {\"__entity\": {\"type\": \"R\", \"id\": \"r\"}}}", "{\"a\": {\"__entity\": {\"type\": \"No\", \"id\": \"r\"}}}",
]

private func request(_ context: String, _ resource: String) throws -> Request {
    Request(
        principal: EntityUID(type: Name("U"), id: "a"), action: EntityUID(type: Name("Action"), id: "x"),
        resource: EntityUID(type: Name("R"), id: Text(resource)),
        context: try Record(context: .init(parsing: context)))
}

@Suite struct IndexTests {
    @Test(arguments: [
        "context.a.b == 1", "context has a && context.a.b == 1", "context has a && context.a has b && context.a.b == 1",
        "context has a.b && context.a.b == 1", "context.a has b && context.a.b == \"foo\"",
        "context.a.b has c && context.a.b == 1", "context.a.b has c && context has a && context.a.b == 1",
        "context.s has c && context.a.b == 1", "context.a has b && resource == R::\"r\"",
        "context.a has b && resource in []", "context has a && resource == R::\"other\"", "[].contains(context.a)",
        "[1, 2].contains(context.a.b)", "context.s like \"foo/*\"", "context.s like \"*\"", "context.s like \"foo/bar\"",
        "context has s && context.s like \"foo*r\"", "context.a == 1 || context.a == 2", "context.a == 1 || context.s == \"\"",
        "resource == R::\"r\" || context.a == 1", "resource in [R::\"r\", R::\"q\"] && context.nope",
        "resource is R in context.a", "resource is No in context.a", "true && context.a == 1",
        "principal == U::\"a\" && context.a.b == 1", "!(context has a) && context.a == 1", "context.a != 1 && context.s == \"\"",
        "context == {}", "[R::\"r\", 1].contains(resource)", "context.a.b == resource", "resource.x == 1",
        "resource has x && resource.x == 1", "(context has a && context.a == 1) && context.s == \"\"",
    ])
    func `the index changes no answer`(_ condition: String) throws {
        var text = ""
        for effect in ["permit", "forbid"] {
            for clause in [
                "when { \(condition) }", "when { context has a } when { \(condition) }",
                "unless { context has q } when { \(condition) }", "unless { \(condition) } when { resource == R::\"z\" }",
            ] {
                text += "\(effect)(principal, action, resource) \(clause);\n"
            }
        }
        let set = try PolicyParser.policies(SourceText(text))
        let compiled = CompiledPolicies(set)
        for context in contexts {
            for resource in ["r", "q", "z"] {
                let request = try request(context, resource)
                let plain = set.authorize(request, Entities())
                #expect(compiled.authorize(request, Entities()) == plain, "\(context) \(resource)")
            }
        }
    }

    @Test func `prefixes of prefixes are all found`() throws {
        let words = ["f", "fo", "foo", "foo/", "foo/b", "g", "fa", "foo/bar/baz"]
        let text = words.map { "permit(principal, action, resource) when { context.s like \"\($0)*\" };" }
            .joined(separator: "\n")
        let set = try PolicyParser.policies(SourceText(text))
        let request = try request("{\"s\": \"foo/bar\"}", "r")
        let found = CompiledPolicies(set).authorize(request, Entities())
        #expect(found.reasons == ["policy0", "policy1", "policy2", "policy3", "policy4"])
        #expect(found == set.authorize(request, Entities()))
    }
}
