// SPDX-License-Identifier: Apache-2.0
//
// What expressions mean, and how policies combine. The corpus and the differential fuzzer say the same at length.

import Cedar
import JSON
import Testing

private let entities = """
    [{"uid": {"type": "U", "id": "a"}, "attrs": {"n": 1, "s": "x", "r": {"b": {"c": 1}}}, "parents": [{"type": "G", "id": "g"}],
      "tags": {"t": true}},
     {"uid": {"type": "G", "id": "g"}, "attrs": {}, "parents": [{"type": "G", "id": "top"}]}]
    """

private func store() throws -> Entities { try Entities(json: Array(entities.utf8)) }

private let request = Request(
    principal: EntityUID(type: Name("U"), id: "a"), action: EntityUID(type: Name("Action"), id: "x"),
    resource: EntityUID(type: Name("R"), id: "r"), context: Record([Record.Field("n", .long(5))]))

private func value(_ text: String) throws -> Cedar.Value {
    try Evaluator(request, store()).evaluate(PolicyParser.expression(SourceText(text)))
}

private func holds(_ text: String) throws -> Bool { try value(text) == .bool(true) }

@Suite struct EvaluationTests {
    @Test(arguments: [
        "1 + 2 * 3 == 7", "1 - 2 - 3 == -4", "-(-5) == 5", "principal in G::\"top\"", "principal in [R::\"r\", G::\"g\"]",
        "!(G::\"g\" in principal)", "R::\"r\" in R::\"r\"", "principal is U", "principal is U in G::\"g\"", "!(principal is G)",
        "principal has n", "principal has r.b.c", "!(principal has r.x.c)", "!(R::\"no\" has n)", "principal.r.b[\"c\"] == 1",
        "principal.hasTag(\"t\") && principal.getTag(\"t\")", "!R::\"no\".hasTag(\"t\")", "[1, 2, 2] == [2, 1]",
        "{a: 1, b: 2} == {b: 2, a: 1}", "[1, [2]].contains([2])", "[1, 2].containsAll([1])", "[1].containsAny([2, 1])",
        "[].isEmpty()", "1 != \"1\"", "!(1 == \"1\")", "\"foobar\" like \"f*bar\"", "\"a*b\" like \"a\\*b\"",
        "!(\"axb\" like \"a\\*b\")", "\"\" like \"*\"", "\"aXbXc\" like \"a*X*c\"", "!(\"ab\" like \"ab*b\")",
        "false && (1 == (2 + \"\")) || true", "true || 1 < \"\"", "(if true then 1 else 1 + \"\") == 1",
        "ip(\"10.1.2.3\").isInRange(ip(\"10.0.0.0/8\"))", "ip(\"::1\").isLoopback()", "ip(\"ff02::1\").isMulticast()",
        "ip(\"1.2.3.4\") == ip(\"1.2.3.4/32\")", "ip(\"1.2.3.4/24\") != ip(\"1.2.3.0/24\")",
        "decimal(\"1.5\").lessThan(decimal(\"1.5001\"))", "decimal(\"1.0\") == decimal(\"1.0000\")",
        "datetime(\"2024-01-01T00:00:00+0100\") < datetime(\"2024-01-01\")",
        "datetime(\"2024-03-01\").durationSince(datetime(\"2024-02-28\")) == duration(\"2d\")",
        "datetime(\"1969-12-31T23:00:00Z\").toTime() == duration(\"23h\")", "duration(\"-90m\").toHours() == -1",
        "duration(\"1d2h3m4s5ms\").toMilliseconds() == 93784005",
    ])
    func `an expression is true`(_ text: String) throws {
        #expect(try holds(text))
    }

    @Test(arguments: [
        "9223372036854775807 + 1", "-9223372036854775808 - 1", "-(-9223372036854775808)", "4611686018427387904 * 2",
        "1 && true", "true && 1", "!1", "1 < \"a\"", "\"a\" < \"b\"", "decimal(\"1.0\") < decimal(\"2.0\")", "principal.nope",
        "R::\"no\".n", "context.x", "principal in 1", "1 in principal", "principal in [1]", "1 has a", "1 like \"a\"",
        "1 is U", "[1].containsAll(1)", "principal.getTag(\"no\")", "principal.hasTag(1)", "if 1 then 2 else 3",
        "ip(\"x\")", "ip(\"1.1.1.1\", \"\")", "decimal(\"1\")", "decimal(\"1.23456\")", "datetime(\"2023-02-29\")",
        "duration(\"1s1m\")", "duration(\"9223372036854775808ms\")", "ip(\"1.1.1.1\").isInRange(1)", "(1).isIpv4()",
        "datetime(\"2024-01-01\").offset(duration(\"9223372036854775807ms\"))", "principal.n.x",
    ])
    func `an expression has no value`(_ text: String) throws {
        let expression = try PolicyParser.expression(SourceText(text))
        let evaluator = try Evaluator(request, store())
        #expect(throws: EvaluationError.self) { try evaluator.evaluate(expression) }
    }

    private static let combinations: [(String, Decision, [Text], [Text])] = [
        ("", .deny, [], []),
        ("permit(principal, action, resource);", .allow, ["policy0"], []),
        ("forbid(principal, action, resource); permit(principal, action, resource);", .deny, ["policy0"], []),
        ("permit(principal, action, resource) when { principal.nope };", .deny, [], ["policy0"]),
        (
            "permit(principal, action, resource); forbid(principal, action, resource) when { principal.nope };",
            .allow, ["policy0"], ["policy1"]
        ),
        ("permit(principal, action, resource) unless { false } when { context.n == 5 };", .allow, ["policy0"], []),
        ("permit(principal in G::\"top\", action in [Action::\"x\"], resource is R);", .allow, ["policy0"], []),
        ("permit(principal, action in [], resource);", .deny, [], []),
        ("permit(principal == ?principal, action, resource);", .deny, [], []),
    ]

    @Test(arguments: combinations.indices)
    func `policies combine as Cedar says`(_ index: Int) throws {
        let (text, decision, reasons, errors) = Self.combinations[index]
        let set = try PolicyParser.policies(SourceText(text))
        let plain = set.authorize(request, try store())
        #expect(plain.decision == decision)
        #expect(plain.reasons == reasons)
        #expect(plain.errors.map(\.policy) == errors)
        #expect(CompiledPolicies(set).authorize(request, try store()) == plain)
    }

    @Test func `a linked template decides under its own id`() throws {
        var set = try PolicyParser.policies(
            SourceText("permit(principal == ?principal, action, resource in ?resource);"))
        #expect(throws: CedarError.self) { try set.link(template: "policy0", as: "l", [.principal: request.principal]) }
        try set.link(template: "policy0", as: "l", [.principal: request.principal, .resource: request.resource])
        #expect(set.authorize(request, Entities()).reasons == ["l"])
        #expect(throws: CedarError.self) {
            try set.link(template: "policy0", as: "l", [.principal: request.principal, .resource: request.resource])
        }
    }

    @Test(arguments: [
        "{}", "[1]", "[{}]", "[{\"uid\": {\"type\": \"U\", \"id\": \"a\"}, \"attrs\": {\"a\": null}, \"parents\": []}]",
        "[{\"uid\": {\"type\": \"U\", \"id\": \"a\"}, \"attrs\": {\"a\": 1.5}, \"parents\": []}]",
        "[{\"uid\": {\"type\": \"if\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": []}]",
        "[{\"uid\": \"U\", \"attrs\": {}, \"parents\": []}]",
        "[{\"uid\": {\"type\": \"Action\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": [{\"type\": \"U\", \"id\": \"a\"}]}]",
        "[{\"uid\": {\"type\": \"U\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": [{\"type\": \"U\", \"id\": \"a\"}]}]",
        "[{\"uid\": {\"type\": \"U\", \"id\": \"a\"}, \"attrs\": {\"x\": {\"__extn\": {\"fn\": \"ip\", \"arg\": \"x\"}}}, \"parents\": []}]",
    ])
    func `entities of another form are refused`(_ text: String) {
        #expect(throws: CedarError.self) { try Entities(json: Array(text.utf8)) }
    }

    @Test func `a long cycle of parents is found and a long chain is not one`() throws {
        func entity(_ number: Int, _ parent: Int) -> Entity {
            Entity(
                EntityUID(type: Name("U"), id: Text("\(number)")),
                parents: [EntityUID(type: Name("U"), id: Text("\(parent)"))])
        }
        let chain = (0..<500).map { entity($0, $0 + 1) }
        let store = try Entities(chain)
        #expect(store.isIn(chain[0].uid, EntityUID(type: Name("U"), id: "500")))
        #expect(throws: CedarError.self) { try Entities(chain + [entity(500, 0)]) }
    }

    @Test func `values are written and read back`() throws {
        let json = try JSON.Value(
            parsing: """
                {"a": [1, true, "x"], "b": {"__entity": {"type": "N::T", "id": ""}},
                 "c": {"__extn": {"fn": "decimal", "arg": "-0.5000"}}, "d": {"__extn": {"fn": "ip", "arg": "fe80::1:0/64"}},
                 "e": {"__entity": 1}, "f": {"__extn": {"fn": "datetime", "arg": "2024-10-15"}}}
                """)
        let record = try Record(context: json)
        #expect(try Record(context: record.json) == record)
        #expect(record["e"] == .record(Record([Record.Field("__entity", .long(1))])))
    }

    @Test func `ancestors are counted before they are gathered`() throws {
        func uid(_ number: Int) -> EntityUID { EntityUID(type: Name("U"), id: Text("\(number)")) }
        let chain = (0..<10).map { Entity(uid($0), parents: [uid($0 + 1)]) }
        // 10 + 9 + .. + 1.
        #expect(try Entities(chain, maximum: 55).isIn(uid(0), uid(10)))
        #expect(throws: CedarError.self) { try Entities(chain, maximum: 54) }
        // Every one below in every one above: the topmost parent brings all others.
        let tower = (0..<100).map { low in Entity(uid(low), parents: (low + 1..<101).map(uid)) }
        #expect(try Entities(tower, maximum: 5050).isIn(uid(0), uid(100)))
    }
}
