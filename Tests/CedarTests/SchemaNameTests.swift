// SPDX-License-Identifier: Apache-2.0
//
// Which declaration a name in a schema stands for, and what a schema may not name.

import Cedar
import Testing

struct SchemaNameTests {
    /// The type of attribute `x` of entity type `type`.
    private func type(_ text: String, of type: Name) throws -> String? {
        try Schema(parsing: SourceText(text)).entityTypes[type]?.attributes["x"]?.type.description
    }

    @Test(arguments: [
        ("namespace N { entity A; entity E {x: A}; } ", "N::A"),
        ("namespace N { entity E {x: A}; } entity A;", "A"),
        ("namespace N { entity E {x: N::A}; entity A; }", "N::A"),
        ("namespace N { entity E {x: M::A}; } namespace M { entity A; }", "M::A"),
        // At one place the common type goes first; the nearer place goes before that.
        ("namespace N { entity E {x: A}; entity A; type A = Long; }", "Long"),
        ("namespace N { entity E {x: Long}; }", "Long"),
        ("namespace N { entity E {x: Long}; entity Long; }", "N::Long"),
        ("namespace N { entity E {x: __cedar::Long}; entity Long; }", "Long"),
        ("namespace N { entity E {x: ipaddr}; type ipaddr = Bool; }", "Bool"),
        ("namespace N { entity E {x: ipaddr}; } type ipaddr = Bool;", "Bool"),
        ("namespace N { entity E {x: __cedar::ipaddr}; } type ipaddr = Bool;", "ipaddr"),
        ("namespace N { entity E {x: Action}; action a; }", "N::Action"),
        ("namespace N { entity E {x: Action}; } action a;", "Action"),
        ("namespace N { entity E {x: T}; type T = {y?: U}; type U = Set<decimal>; }", "{y?: Set<decimal>}"),
    ])
    func `a name stands for the nearest declaration`(text: String, expected: String) throws {
        #expect(try type(text, of: "N::E") == expected)
    }

    @Test(arguments: [
        ("entity A in B;", "1:13: entity type `B` is not defined"),
        ("entity A {x: B};", "1:14: type `B` is not defined"),
        ("entity A {x: boolean};", "1:14: type `boolean` is not defined\nhelp: the type is called `Bool`"),
        ("namespace N { entity A; } entity B in A;", "1:39: entity type `A` is not defined\nhelp: did you mean `N::A`?"),
        (
            "type T = Long; entity A in T;",
            "1:28: entity type `T` is not defined\nhelp: `T` is a common type, here only an entity type may stand"
        ),
        (
            "entity A; action a appliesTo {principal: A, resource: A, context: A};",
            "1:67: common type `A` is not defined\nhelp: `A` is an entity type, here only a common type may stand"
        ),
        (
            "action a; entity A in Action;",
            "1:23: `Action` is a type of actions, here only other entities may stand"
        ),
        (
            "action a; entity A; action b appliesTo {principal: Action, resource: A};",
            "1:52: `Action` is a type of actions, here only other entities may stand"
        ),
        ("action a in b;", "1:13: action `Action::\"a\"` is in `Action::\"b\"`, which is not declared"),
        (
            "action view; action a in viw;",
            "1:26: action `Action::\"a\"` is in `Action::\"viw\"`, which is not declared\nhelp: did you mean `view`?"
        ),
        (
            "action a in a;",
            "1:1: action `Action::\"a\"` is in itself\nhelp: remove one of the `in` that lead back to it"
        ),
        (
            "type A = {b: Set<B>}; type B = A;",
            "1:1: common type `A` is made of itself\nhelp: an attribute may name an entity type instead: those may be recursive"
        ),
        (
            "entity A; action a appliesTo {principal: A, resource: A, context: T}; type T = Long;",
            "1:11: the context of action `Action::\"a\"` is not a record"
        ),
        (
            "entity A; namespace N { entity A; }",
            "1:25: `N::A` declares `A` again, which the empty namespace declares\nhelp: rename one of them"
        ),
        (
            "type A = Long; namespace N { entity A; }",
            "1:30: `N::A` declares `A` again, which the empty namespace declares\nhelp: rename one of them"
        ),
        (
            "action a; namespace N { action a; }",
            "1:25: action `N::Action::\"a\"` declares again what the empty namespace declares\nhelp: rename one of them"
        ),
        (
            "entity A {x: __cedar::User}; entity User;",
            "1:14: type `__cedar::User` is not defined\nhelp: did you mean `User`?"
        ),
    ])
    func `a name that stands for nothing is refused`(text: String, message: String) {
        #expect(SchemaTextTests.refusal(text) == message)
    }

    @Test func `names that hide others are warnings`() throws {
        let schema = try Schema(parsing: SourceText("entity A; type A = Long; entity Long;"))
        #expect(
            schema.warnings.map(\.message) == [
                "`Long` hides the built-in type of that name", "common type `A` hides the entity type of that name",
            ])
    }

    @Test func `hierarchies are closed`() throws {
        let schema = try Schema(
            parsing: SourceText(
                """
                entity A in B; entity B in C; entity C; entity D in D;
                action a in b; action b in [c, d]; action c, d;
                """))
        #expect(schema.entityTypes["C"]?.descendants == ["A", "B"])
        #expect(schema.entityTypes["A"]?.descendants == [])
        #expect(schema.entityTypes["D"]?.descendants == ["D"])
        func action(_ id: Text) -> EntityUID { EntityUID(type: "Action", id: id) }
        #expect(schema.actions[action("d")]?.descendants == [action("a"), action("b")])
        #expect(schema.actions[action("a")]?.ancestors == [action("b"), action("c"), action("d")])
        #expect(schema.actionEntities.map(\.uid) == ["a", "b", "c", "d"].map(action))
        #expect(schema.actionEntities[1].parents == [action("c"), action("d")])
    }
}
