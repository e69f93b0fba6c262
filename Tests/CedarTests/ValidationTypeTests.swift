// SPDX-License-Identifier: Apache-2.0
//
// The type rules, one operator after another: what they accept, what they refuse and in which words.

import Cedar
import Testing

/// A schema with one of everything.
enum ValidationSchema {
    static let text = """
        entity User in [Group] {
          name: String, age: Long, nick?: String, admin: Bool, manager?: User, address: {street: String, zip?: Long},
          roles: Set<String>, home: ipaddr, score: decimal, born: datetime, shift: duration,
        } tags Long;
        entity Group in [Group];
        entity Doc { owner: User, reader?: Group };
        entity Color enum ["red", "green"];
        action view, edit in [any] appliesTo {
          principal: [User], resource: [Doc], context: {ip?: ipaddr, mfa: Bool, note?: {text?: String}, n: Long}
        };
        action list in [any] appliesTo { principal: [User, Group], resource: [Group, Color] };
        action any;
        namespace Other { action go appliesTo { principal: [User], resource: [Doc] }; }
        """

    static func schema() throws -> Schema { try Schema(parsing: SourceText(text)) }

    /// Everything found, as `kind: message` and the help.
    static func findings(_ policies: String, mode: ValidationMode = .exact) throws -> [String] {
        let set = try PolicyParser.policies(SourceText(policies))
        return Validator(schema: try schema()).validate(set, mode: mode).map {
            "\($0.kind.rawValue): \($0.message)" + ($0.help.map { " (\($0))" } ?? "")
        }
    }

    static func findings(condition: String) throws -> [String] {
        try findings("permit(principal, action == Action::\"view\", resource) when { \(condition) };")
    }
}

struct ValidationTypeTests {
    @Test(arguments: [
        "context.mfa", "!context.mfa", "principal.admin == true", "principal == resource.owner", "principal != resource.owner",
        "principal.age + 1 < context.n * -2", "-principal.age >= 0", "principal.born < datetime(\"2024-01-01\")",
        "principal.shift <= duration(\"1d\")", "principal.score.lessThan(decimal(\"1.0\"))",
        "principal.home.isInRange(ip(\"10.0.0.0/8\"))", "principal.born.offset(principal.shift).toDate() == principal.born",
        "principal.shift.toHours() > 3", "principal in resource.owner", "principal in [Group::\"a\", Group::\"b\"]",
        "resource in principal || true", "action in Action::\"any\"", "action == Action::\"view\"",
        "principal.roles.contains(\"x\")", "principal.roles.containsAny([\"x\", principal.name])", "principal.roles.isEmpty()",
        "principal.address.street like \"*road\"", "principal is User", "principal is User in Group::\"x\"",
        "(if context.mfa then principal else resource.owner).admin",
        "[true, context.mfa].contains(false)", "{a: 1, b: context.mfa}.b", "1 == \"a\" || true", "principal == resource || true",
        "Color::\"red\" == Color::\"green\" || true", "principal.hasTag(principal.name) && principal.getTag(principal.name) > 1",
        "false && principal.nothing", "true || principal.nothing == 1", "if true then true else principal.nothing",
        "ip(\"::1\") == principal.home",
    ])
    func `what the rules allow is valid`(condition: String) throws {
        let findings = try ValidationSchema.findings(condition: condition)
        #expect(findings.filter { !$0.hasPrefix("impossible") } == [])
    }

    @Test(arguments: [
        ("principal.age", "unexpected_type: expected `Bool`, found `Long`"),
        ("!1", "unexpected_type: expected `Bool`, found `Long`"),
        ("-principal.name == 1", "unexpected_type: expected `Long`, found `String`"),
        (
            "principal.name + \"x\" == \"\"",
            "unexpected_type: expected `Long`, found `String` (strings cannot be joined; compare with `like`)"
        ),
        (
            "principal.roles - principal.roles == 1",
            "unexpected_type: expected `Long`, found `Set<String>` (sets have `contains`, `containsAll`, `containsAny` and `isEmpty` only)"
        ),
        (
            "principal.name == principal.age",
            "incompatible_types: `==` compares a `String` with a `Long` (values of different types are never equal)"
        ),
        (
            "principal.address == {street: \"\", zip: 1}",
            "incompatible_types: `==` compares a `{street: String, zip?: Long}` with a `{street: String, zip: Long}` (values of different types are never equal)"
        ),
        ("principal.age < principal.name", "unexpected_type: expected `Long`, found `String`"),
        (
            "principal.score < decimal(\"1.0\")",
            "unexpected_type: expected `Long`, `datetime` or `duration`, found `decimal` (decimals have `.lessThan(..)` and the like)"
        ),
        ("principal.born < principal.shift", "unexpected_type: expected `datetime`, found `duration`"),
        (
            "principal.name in [\"a\"]",
            "unexpected_type: `in` asks about entities, this is a `String` (look a string up in a set with `[..].contains(..)`, compare with `==` or `like`)"
        ),
        (
            "principal in \"x\"",
            "unexpected_type: `in` asks about entities, this is a `String` (search a string with `like \"*..*\"`)"
        ),
        (
            "principal in principal.roles",
            "unexpected_type: `in` asks about entities, this is a `Set<String>` (look a value up in a set with `.contains(..)`)"
        ),
        (
            "principal.roles.contains(1)",
            "incompatible_types: `contains` asks a set of `String` for a `Long` (values of different types are never equal)"
        ),
        (
            "principal.roles.containsAll([1])",
            "incompatible_types: `containsAll` compares sets of `String` and of `Long` (values of different types are never equal)"
        ),
        (
            "principal.name.contains(\"x\")",
            "unexpected_type: expected a set, found `String` (compare strings with `==` or `like`)"
        ),
        ("principal.isEmpty()", "unexpected_type: expected a set, found `User` (ask whether one entity is in another with `in`)"),
        ("principal.age like \"1*\"", "unexpected_type: expected `String`, found `Long` (`like` compares a string with a pattern)"),
        ("principal.name is User", "unexpected_type: expected an entity, found `String` (`is` asks for the type of an entity)"),
        ("principal.nam == \"\"", "unknown_attribute: `User` has no attribute `nam` (did you mean `name`?)"),
        ("action.x == 1", "unknown_attribute: `Action` has no attribute `x`"),
        (
            "principal.roles has a",
            "unexpected_type: expected an entity or a record, found `Set<String>` (ask a set with `.contains(..)`)"
        ),
        ("principal.age.x", "unexpected_type: expected an entity or a record, found `Long`"),
        ("[].isEmpty()", "empty_set: the type of an empty set cannot be known (ask `.isEmpty()` of the other set)"),
        (
            "[1, \"a\"].isEmpty()",
            "incompatible_types: the set holds values of the types `Long` and `String` (all elements of a set must be of one type)"
        ),
        (
            "[principal, resource].contains(principal)",
            "incompatible_types: the set holds values of the types `User` and `Doc` (all elements of a set must be of one type)"
        ),
        (
            "(if context.mfa then 1 else true) == 1",
            "incompatible_types: the branches of `if` have the types `Long` and `Bool (always true)` (both branches must be of one type)"
        ),
        ("resource.hasTag(\"a\") && resource.getTag(\"a\") == 1", ""),
        ("resource.getTag(\"a\") == 1", "no_tags: entities of type `Doc` have no tags"),
        ("principal.hasTag(1)", "unexpected_type: expected `String`, found `Long`"),
        (
            "decimal(\"x\") == principal.score",
            "extension_call: \"x\" is no value of `decimal` (such as `12.34`: 1 to 4 digits after the point, -922337203685477.5808 to 922337203685477.5807)"
        ),
        (
            "decimal(principal.name) == principal.score",
            "extension_call: `decimal` takes a literal (only a value written in the policy can be checked; give the attribute the type itself)"
        ),
        ("ip(\"::1\", \"::2\").isIpv4()", "extension_call: `ip` takes 1 argument, found 2"),
        (
            "principal.home.isInRange()",
            "extension_call: `isInRange` takes 2 arguments, found 1 (the value before the dot counts as one)"
        ),
        ("principal.home.isInRange(principal.score)", "unexpected_type: expected `ipaddr`, found `decimal`"),
        ("principal.name.isIpv4()", "unexpected_type: expected `ipaddr`, found `String`"),
    ])
    func `what the rules forbid is named`(condition: String, expected: String) throws {
        let findings = try ValidationSchema.findings(condition: condition).filter { !$0.hasPrefix("impossible") }
        #expect(findings.first ?? "" == expected)
    }

    @Test func `every operand is looked at, and each finding is made once`() throws {
        let findings = try ValidationSchema.findings(
            "permit(principal, action, resource) when { principal is User && principal.x == principal.y };")
        #expect(
            findings == [
                "unknown_attribute: `User` has no attribute `x`", "unknown_attribute: `User` has no attribute `y`",
            ])
    }

    @Test func `a condition that is too deep is an error`() throws {
        let deep = String(repeating: ".manager", count: 590)
        #expect(
            try ValidationSchema.findings(condition: "principal\(deep) == principal").first?.hasPrefix("missing_guard")
                == true)
        let path = String(repeating: ".manager", count: 300)
        let deeper = "principal\(path) has manager\(path)"
        let found = try ValidationSchema.findings(condition: deeper)
        #expect(found.first == "limit: the condition nests more than 600 deep (split it into several policies)")
    }
}
