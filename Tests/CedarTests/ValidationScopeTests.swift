// SPDX-License-Identifier: Apache-2.0
//
// Scopes against a schema: names that it lacks, actions that do not apply, templates and links, and what the strict mode
// makes of policies about things the schema lacks.

import Cedar
import Testing

struct ValidationScopeTests {
    @Test(arguments: [
        "permit(principal, action, resource);",
        "permit(principal == User::\"a\", action == Action::\"view\", resource == Doc::\"d\");",
        "permit(principal in Group::\"a\", action in [Action::\"view\", Action::\"edit\"], resource is Doc);",
        "permit(principal is User in Group::\"a\", action in Action::\"any\", resource);",
        "permit(principal, action == Other::Action::\"go\", resource);",
        "permit(principal == ?principal, action, resource in ?resource);",
        "permit(principal is User in ?principal, action == Action::\"view\", resource == ?resource) when { principal.age > 1 };",
        "permit(principal, action == Action::\"list\", resource == Color::\"red\");",
    ])
    func `a scope that some request meets is valid`(policy: String) throws {
        #expect(try ValidationSchema.findings(policy) == [])
    }

    private static let inapplicable = "inapplicable: no action in the scope takes its principal and resource"

    @Test(arguments: [
        (
            "permit(principal == Usr::\"a\", action, resource);",
            ["unknown_entity_type: entity type `Usr` is not in the schema (did you mean `User`?)", inapplicable]
        ),
        (
            "permit(principal, action == Action::\"veiw\", resource);",
            [
                "unknown_action: action `Action::\"veiw\"` is not in the schema", inapplicable,
            ]
        ),
        (
            "permit(principal, action == Action::\"go\", resource);",
            [
                "unknown_action: action `Action::\"go\"` is not in the schema (did you mean `Other::Action::\"go\"`?)",
                inapplicable,
            ]
        ),
        (
            "permit(principal, action in [Action::\"view\", Action::\"nope\"], resource);",
            ["unknown_action: action `Action::\"nope\"` is not in the schema", inapplicable]
        ),
        (
            "permit(principal, action, resource == Color::\"blue\");",
            [
                "unknown_id: `Color::\"blue\"` does not exist: entity type `Color` is enumerated (its ids are \"red\", \"green\")"
            ]
        ),
        (
            "permit(principal is Doc, action == Action::\"view\", resource);",
            [inapplicable + " (`Action::\"view\"` takes the principals `User`, the resources `Doc`)"]
        ),
        ("permit(principal is Group, action, resource is Doc);", [inapplicable]),
        (
            "permit(principal in User::\"a\", action, resource in Doc::\"a\") when { false };",
            [
                "impossible: the policy is false for every request (look at its scope and conditions: something in them can never be true)"
            ]
        ),
        ("permit(principal, action == Action::\"any\", resource);", [inapplicable + " (`Action::\"any\"` takes the principals none, the resources none)"]),
        ("permit(principal, action in [], resource);", [inapplicable]),
        (
            "permit(principal, action in [Action::\"view\", Other::Action::\"go\"], resource);",
            [
                "incompatible_types: the set holds values of the types `Action` and `Other::Action` (all elements of a set must be of one type)"
            ]
        ),
        (
            "permit(principal, action, resource) when { false && principal == Nope::\"a\" };",
            ["unknown_entity_type: entity type `Nope` is not in the schema"]
        ),
        (
            "permit(principal, action, resource) when { principal is Nope };",
            ["unknown_entity_type: entity type `Nope` is not in the schema"]
        ),
    ])
    func `a scope that no request meets is an error`(policy: String, expected: [String]) throws {
        #expect(try ValidationSchema.findings(policy) == expected)
    }

    @Test func `a slot is checked for every type it can take`() throws {
        // A principal of type Group can be in a Group, so the slot may be one; then it has no age.
        let template = "permit(principal in ?principal, action == Action::\"list\", resource) when { principal.age > 1 };"
        #expect(
            try ValidationSchema.findings(template) == ["unknown_attribute: `Group` has no attribute `age`"])
    }

    @Test func `a link is checked for what it brings`() throws {
        var set = try PolicyParser.policies(
            SourceText("permit(principal == ?principal, action == Action::\"view\", resource);"))
        let template = try #require(set.templates.first?.id)
        try set.link(template: template, as: "good", [.principal: EntityUID(type: "User", id: "a")])
        try set.link(template: template, as: "wrong", [.principal: EntityUID(type: "Doc", id: "a")])
        try set.link(template: template, as: "unknown", [.principal: EntityUID(type: "Nope", id: "a")])
        let findings = Validator(schema: try ValidationSchema.schema()).validate(set, mode: .exact)
        #expect(
            findings.map { "\($0.policy) \($0.kind.rawValue)" } == [
                "wrong inapplicable", "unknown unknown_entity_type", "unknown inapplicable",
            ])
    }

    @Test(arguments: [
        ("permit(principal, action == Action::\"nope\", resource);", "action `Action::\"nope\"` is not in the schema"),
        (
            "forbid(principal, action in [Action::\"n\", Action::\"m\"], resource) when { 1 };",
            "action `Action::\"n\"` is not in the schema"
        ),
        ("permit(principal is Nope, action, resource);", "entity type `Nope` is not in the schema"),
        (
            "permit(principal, action, resource in Color::\"blue\");",
            "`Color::\"blue\"` does not exist: entity type `Color` is enumerated"
        ),
    ])
    func `strict mode sets a policy aside that the schema keeps from matching`(policy: String, reason: String) throws {
        let set = try PolicyParser.policies(SourceText(policy))
        let validator = Validator(schema: try ValidationSchema.schema())
        let findings = validator.validate(set, mode: .strict)
        #expect(findings.map(\.kind) == [.setAside])
        #expect(findings.isValid)
        #expect(findings.first?.message == "\(reason): the policy matches nothing and is set aside")
        #expect(!validator.validate(set, mode: .exact).isValid)
    }

    @Test func `strict mode keeps a list of actions of which some are known, and checks the rest`() throws {
        let list = "action in [Action::\"view\", Action::\"nope\"]"
        #expect(
            try ValidationSchema.findings("forbid(principal, \(list), resource);", mode: .strict) == [
                "unknown_action: action `Action::\"nope\"` is not in the schema and matches nothing"
            ])
        #expect(
            try ValidationSchema.findings("forbid(principal, \(list), resource) when { 1 };", mode: .strict).last
                == "unexpected_type: expected `Bool`, found `Long`")
    }
}
