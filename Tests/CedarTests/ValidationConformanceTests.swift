// SPDX-License-Identifier: Apache-2.0
//
// Requests and entities against a schema.

import Cedar
import JSON
import Testing

struct ValidationConformanceTests {
    private static let context = #"{"mfa": true, "n": 1}"#
    private static let attributes =
        #""name": "a", "age": 1, "admin": true, "address": {"street": ""}, "roles": [], "home": "::1", "score": "1.0", "born": "2024-01-01", "shift": "1d""#

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    private func request(_ principal: String, _ action: String, _ resource: String, _ context: String) -> String {
        refusal {
            let schema = try ValidationSchema.schema()
            let text = #"{"principal": \#(principal), "action": \#(action), "resource": \#(resource), "context": \#(context)}"#
            let request = try Request(json: JSON.Value(parsing: text), schema: schema)
            try schema.validateRequest(request)
        }
    }

    private static func uid(_ type: String, _ id: String) -> String { #"{"type": "\#(type)", "id": "\#(id)"}"# }

    @Test(arguments: [
        (uid("User", "a"), uid("Action", "view"), uid("Doc", "d"), context, "accepted"),
        (uid("User", "a"), uid("Action", "list"), uid("Color", "red"), "{}", "accepted"),
        (uid("User", "a"), uid("Action", "view"), uid("Doc", "d"), #"{"mfa": true, "n": 1, "ip": "::1", "note": {}}"#, "accepted"),
        (
            uid("User", "a"), uid("Action", "nope"), uid("Doc", "d"), context,
            "action `Action::\"nope\"` is not in the schema"
        ),
        (
            uid("Nope", "a"), uid("Action", "view"), uid("Doc", "d"), context,
            "the principal `Nope::\"a\"` is of a type that is not in the schema"
        ),
        (
            uid("Action", "view"), uid("Action", "view"), uid("Doc", "d"), context,
            "the principal `Action::\"view\"` is of a type that is not in the schema"
        ),
        (
            uid("Group", "a"), uid("Action", "view"), uid("Doc", "d"), context,
            "action `Action::\"view\"` does not take the principal `Group::\"a\"`\nhelp: its principal types are `User`"
        ),
        (
            uid("User", "a"), uid("Action", "any"), uid("Doc", "d"), "{}",
            "action `Action::\"any\"` does not take the principal `User::\"a\"`\nhelp: it takes no principal"
        ),
        (
            uid("User", "a"), uid("Action", "list"), uid("Color", "blue"), "{}",
            "`Color::\"blue\"` does not exist: entity type `Color` is enumerated\nhelp: its ids are \"red\", \"green\""
        ),
        (
            uid("User", "a"), uid("Action", "view"), uid("Doc", "d"), #"{"mfa": true}"#,
            "the context of action `Action::\"view\"`: attribute `n` is missing"
        ),
        (
            uid("User", "a"), uid("Action", "view"), uid("Doc", "d"), #"{"mfa": true, "n": "1"}"#,
            "the context of action `Action::\"view\"`, `n`: expected `Long`, found string"
        ),
        (
            uid("User", "a"), uid("Action", "view"), uid("Doc", "d"), #"{"mfa": true, "n": 1, "m": 1}"#,
            "the context of action `Action::\"view\"`: there is no attribute `m` in the schema"
        ),
        (
            uid("User", "a"), uid("Action", "view"), uid("Doc", "d"), #"{"mfa": true, "n": 1, "note": {"text": 1}}"#,
            "the context of action `Action::\"view\"`, `note`, `text`: expected `String`, found long"
        ),
    ])
    func `a request fits the schema or is refused`(
        principal: String, action: String, resource: String, context: String, expected: String
    ) {
        #expect(request(principal, action, resource, context) == expected)
    }

    private func entity(
        _ type: String, _ id: String, _ attributes: String, parents: String = "[]", tags: String = "{}"
    ) -> String {
        refusal {
            let schema = try ValidationSchema.schema()
            let text = #"[{"uid": \#(Self.uid(type, id)), "attrs": {\#(attributes)}, "parents": \#(parents), "tags": \#(tags)}]"#
            try schema.validateEntities(Entities(json: JSON.Value(parsing: text), schema: schema))
        }
    }

    @Test func `an entity fits the schema or is refused`() {
        let user = Self.attributes
        #expect(entity("User", "a", user) == "accepted")
        #expect(entity("User", "a", user, parents: "[\(Self.uid("Group", "g"))]", tags: #"{"k": 1}"#) == "accepted")
        #expect(entity("User", "a", user + #", "nick": "n", "manager": {"type": "User", "id": "b"}"#) == "accepted")
        #expect(entity("Group", "a", "") == "accepted")
        #expect(entity("Color", "red", "") == "accepted")
        #expect(
            entity("Usr", "a", "")
                == "entity `Usr::\"a\"` is of a type that is not in the schema\nhelp: did you mean `User`?")
        #expect(entity("User", "a", "") == "entity `User::\"a\"`: attribute `address` is missing")
        #expect(
            entity("Group", "a", #""nam": 1"#) == "entity `Group::\"a\"`: there is no attribute `nam` in the schema")
        #expect(
            entity("User", "a", user.replacing(#""age": 1"#, with: #""age": "1""#))
                == "entity `User::\"a\"`, `age`: expected `Long`, found string")
        #expect(
            entity("User", "a", user.replacing(#""roles": []"#, with: #""roles": ["a", 1]"#))
                == "entity `User::\"a\"`, `roles`: expected `String`, found long")
        #expect(
            entity("User", "a", user, parents: "[\(Self.uid("Doc", "d"))]")
                == "entity `User::\"a\"` is in `Doc::\"d\"`, which its type does not allow")
        #expect(
            entity("User", "a", user, tags: #"{"k": "1"}"#)
                == "entity `User::\"a\"`, tag `k`: expected `Long`, found string")
        #expect(
            entity("Group", "a", "", tags: #"{"k": 1}"#)
                == "entity `Group::\"a\"` has the tag `k`, and its type has no tags")
        #expect(
            entity("Color", "blue", "")
                == "`Color::\"blue\"` does not exist: entity type `Color` is enumerated\nhelp: its ids are \"red\", \"green\"")
    }

    @Test func `an action among the entities is as the schema declares it`() {
        let groups = "[\(Self.uid("Action", "any"))]"
        #expect(entity("Action", "view", "", parents: groups) == "accepted")
        let other = "action `Action::\"view\"` is not as the schema declares it\nhelp: leave actions out of the entities: the schema gives them"
        #expect(entity("Action", "view", "") == other)
        #expect(entity("Action", "view", #""a": 1"#, parents: groups) == other)
        #expect(entity("Action", "nope", "") == "action `Action::\"nope\"` is not in the schema")
    }

    @Test(arguments: [
        #"{"fn": "offset", "args": ["2024-01-01", "1d"]}"#, #"{"__extn": {"fn": "offset", "args": ["2024-01-01", "1d"]}}"#,
        #"{"fn": "offset", "args": [{"fn": "datetime", "arg": "2024-01-01"}, {"__extn": {"fn": "duration", "arg": "1d"}}]}"#,
        #""2024-01-02""#,
    ])
    func `the arguments of an extension call have types as well`(_ value: String) throws {
        let schema = try Schema(parsing: SourceText("entity U = {t: datetime};"))
        let entities = try Entities(
            json: JSON.Value(parsing: #"[{"uid": {"type": "U", "id": "a"}, "attrs": {"t": \#(value)}, "parents": []}]"#), schema: schema)
        try schema.validateEntities(entities)
        let entity = try #require(entities[EntityUID(type: Name("U"), id: "a")])
        #expect(entity.attributes["t"] == .extension(.datetime(1_704_153_600_000)))
    }
}
