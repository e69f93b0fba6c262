// SPDX-License-Identifier: Apache-2.0
//
// The text notation of schemas: what is read, what is refused with which words, and where.

import Cedar
import Testing

struct SchemaTextTests {
    static func refusal(_ text: String) -> String {
        let source = SourceText(name: "s", text)
        do {
            _ = try Schema(parsing: source)
            return "accepted"
        } catch {
            let place = error.span.map { "\(source.position(of: Int($0.start))): " } ?? ""
            return place + error.description
        }
    }

    @Test(arguments: [
        "",
        "// nothing\n",
        "entity A;",
        "entity A, B, C in [A, B] = {a: Long,} tags Set<String>;",
        "entity A in B {\"in\": Bool, \"\"?: String}; entity B in [];",
        "entity A enum [\"x\", \"x\", \"\\u{1F600}\"];",
        "entity entity, action, type, namespace, appliesTo, principal, Set, enum, tags, attributes;",
        "entity permit, when, context, Bool1, _, __;",
        "entity Long; entity A {x: Long, y: __cedar::Long};",
        "type T = {a: Set<Set<U>>,}; type U = ipaddr;",
        "type Action = Long; action a;",
        "@doc(\"x\") @in @other entity A {@b @c(\"\") a: Long};",
        "@n namespace A::B { entity A; } namespace A { entity C {b: A::B::A}; }",
        "action a; action \"b c\", d in a; action e in [\"a\", Action::\"d\"];",
        "entity A; action a appliesTo {resource: A, context: {x?: A}, principal: [A],};",
        "entity A; type C = {x: A}; action a appliesTo {principal: A, resource: A, context: C} attributes {};",
        "namespace N { entity A; type C = {}; action a in N::Action::\"b\" appliesTo {principal: A, resource: N::A, context: C}; action b; }",
        "action a; entity A {x: Action, y: Set<Action>};",
        "entity A in A;",
        "entity A in B; entity B in A;",
        "entity A\u{2003}{\u{a0}a\u{3000}:\u{b}Long\u{c}};\r//\r\nentity B;",
        "namespace N { entity String; } entity A {x: String};",
    ])
    func `what the grammar allows is read`(text: String) {
        #expect(Self.refusal(text) == "accepted")
    }

    @Test(arguments: [
        ("entity A", "1:9: expected `;` at the end of the declaration of `A`, found the end of the text"),
        ("entity A B;", "1:10: expected `;` at the end of the declaration of `A`, found `B`"),
        ("entity A,;", "1:10: expected the name of an entity type, found `;`"),
        ("entity \"A\";", "1:8: expected the name of an entity type, found `\"A\"`"),
        (
            "entity in;",
            "1:8: `in` is a reserved word and cannot be the name of an entity type\nhelp: attributes and actions may be quoted: `\"in\"`"
        ),
        ("entity A = Long;", "1:12: expected `{` and the attributes, found `Long`"),
        ("entity A {a Long};", "1:13: expected `:` or `?`, found `Long`"),
        ("entity A {a: Long b: Long};", "1:19: expected `,` or `}`, found `b`"),
        ("entity A in [B,];", "1:16: expected an entity type, found `]`"),
        ("entity A enum [];", "1:16: expected an id, a string, found `]`"),
        ("entity A enum [a];", "1:16: expected an id, a string, found `a`"),
        (
            "entities A;",
            "1:1: expected `entity`, `action`, `type` or `namespace`, found `entities`"
        ),
        (
            "namespace A { namespace B {} }",
            "1:15: expected `entity`, `action`, `type` or `namespace`, found `namespace`\nhelp: namespaces do not nest: write `namespace A::B { .. }` on its own"
        ),
        ("namespace A {", "1:14: expected `entity`, `action`, `type` or `namespace`, found the end of the text"),
        ("type T;", "1:7: expected `=` and the type, found `;`"),
        (
            "type T = List<Long>;",
            "1:14: expected the end of the type, found `<`\nhelp: only `Set` takes a type in `<` `>`"
        ),
        ("action a appliesTo {};", "1:21: expected `principal`, `resource` or `context`, found `}`"),
        ("action a attributes {b};", "1:22: expected `}`, found `b`\nhelp: actions have no attributes"),
        ("action a in A::b;", "1:17: expected `::` and the id of the group, found `;`"),
        (
            "entity A; action a appliesTo {principal: A};",
            "1:18: `appliesTo` of action `a` has no `resource`\nhelp: name the resource types, or leave out `appliesTo`"
        ),
        (
            "entity A; action a appliesTo {principal: [], resource: A};",
            "1:31: the `principal` list of action `a` is empty\nhelp: leave out `appliesTo` for an action that no request names"
        ),
        (
            "entity A; action a appliesTo {principal: A, principal: A, resource: A};",
            "1:45: `principal` of action `a` is given twice"
        ),
        ("@a @b @a entity A;", "1:8: annotation `@a` is given twice"),
        ("entity A; entity B, A;", "1:11: entity type `A` is declared twice"),
        ("action a; action \"a\";", "1:11: action `a` is declared twice"),
        ("type T = Long; type T = Long;", "1:16: common type `T` is declared twice"),
        (
            "namespace A {} namespace A {}",
            "1:26: namespace `A` is declared twice\nhelp: move its declarations into one block"
        ),
        ("type Set = Long;", "1:6: `Set` cannot be declared: it is a word of the schema language"),
        ("entity __cedar;", "1:8: `__cedar` cannot be declared: `__cedar` belongs to the language"),
        ("namespace A::__cedar {}", "1:11: `A::__cedar` cannot be declared: `__cedar` belongs to the language"),
        (
            "namespace N { entity Action; }",
            "1:15: `N::Action` cannot be declared: entities of type `Action` are declared as actions\nhelp: write `action \"name\" ..;`"
        ),
        ("entity A {\"a\\q\": Long};", "1:13: `\\q` is not a valid escape\nhelp: a backslash itself is written `\\\\`"),
        (
            "entity É;",
            "1:8: unexpected character `É`\nhelp: identifiers are ASCII; other characters may stand in strings and comments only"
        ),
    ])
    func `what the grammar does not allow is refused with its place`(text: String, message: String) {
        #expect(Self.refusal(text) == message)
    }

    @Test func `an attribute that is declared twice is a warning and the last declaration counts`() throws {
        let schema = try Schema(parsing: SourceText("entity A {x: Long, y: Bool, x?: String};"))
        #expect(schema.warnings.map(\.message) == ["attribute `x` is declared twice, the last declaration counts"])
        #expect(schema.entityTypes["A"]?.attributes["x"]?.type == .string)
        #expect(schema.entityTypes["A"]?.attributes["x"]?.isRequired == false)
    }

    @Test func `ids are code points, not canonical equivalents`() throws {
        let schema = try Schema(parsing: SourceText("entity A enum [\"é\"]; action \"é\", \"e\u{301}\";"))
        #expect(schema.entityTypes["A"]?.ids == ["é"])
        #expect(schema.actions.count == 2)
    }

    @Test func `an error shows the line and the help`() throws {
        let source = SourceText(name: "s.cedarschema", "entity User;\nentity Doc in [Usr];\n")
        #expect {
            try Schema(parsing: source)
        } throws: { error in
            (error as? CedarError)?.rendered(in: source) == """
                s.cedarschema:2:16: entity type `Usr` is not defined
                  |
                2 | entity Doc in [Usr];
                  |                ^^^
                help: did you mean `User`?
                """
        }
    }
}
