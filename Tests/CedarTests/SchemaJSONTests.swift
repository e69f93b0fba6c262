// SPDX-License-Identifier: Apache-2.0
//
// The JSON notation of schemas: what is read, what is refused, and that both notations say the same.

import Cedar
import JSON
import Testing

struct SchemaJSONTests {
    static func refusal(_ text: String) -> String {
        let source = SourceText(name: "s", text)
        do {
            _ = try Schema(json: source)
            return "accepted"
        } catch {
            let place = error.span.map { "\(source.position(of: Int($0.start))): " } ?? ""
            return place + error.description
        }
    }

    /// A schema with this as the type of an attribute.
    private static func attribute(_ type: String) -> String {
        #"{"": {"entityTypes": {"A": {"shape": {"type": "Record", "attributes": {"x": \#(type)}}}}, "actions": {}}}"#
    }

    @Test(arguments: [
        "{}",
        #"{"": {"entityTypes": {}, "actions": {}}, "A::B": {"entityTypes": {}, "actions": {}, "annotations": {"a": null}}}"#,
        #"{"": {"entityTypes": {"A": {"enum": ["", "x"]}, "B": {"memberOfTypes": ["A"], "tags": {"type": "Long"}}}, "actions": {}}}"#,
        #"{"": {"entityTypes": {}, "actions": {"a": {"memberOf": null, "appliesTo": null, "attributes": null}}}}"#,
        #"{"": {"entityTypes": {}, "actions": {"a": {"appliesTo": {"principalTypes": [], "resourceTypes": []}}}}}"#,
        #"{"": {"commonTypes": {"T": {"type": "Record", "attributes": {}, "annotations": {"x": "y"}}}, "entityTypes": {"A": {"shape": {"type": "T"}}}, "actions": {}}}"#,
        attribute(#"{"type": "Boolean"}"#), attribute(#"{"type": "Bool", "required": false}"#),
        attribute(#"{"type": "__cedar::Long"}"#), attribute(#"{"type": "Extension", "name": "ipaddr"}"#),
        attribute(#"{"type": "EntityOrCommon", "name": "String"}"#),
        attribute(#"{"type": "Record", "attributes": {"": {"type": "Set", "element": {"type": "Entity", "name": "A"}}}, "additionalAttributes": false}"#),
    ])
    func `what the notation allows is read`(text: String) {
        #expect(Self.refusal(text) == "accepted")
    }

    @Test(arguments: [
        ("[]", "1:1: expected a schema: an object of namespaces, found an array"),
        ("{", "1:2: the text ends where a member's name was expected"),
        (
            #"{"entityTypes": {"A": {}}, "actions": {}}"#,
            "1:23: a namespace has no member `A`\nhelp: a schema is an object of namespaces: write `{\"\": {..}}` for the empty one"
        ),
        (#"{"": {"entityTypes": {}}}"#, "1:6: a namespace lacks the member `actions`"),
        (
            #"{"": {"entityTypes": {"A": {"memberOf": []}}, "actions": {}}}"#,
            "1:41: an entity type has no member `memberOf`\nhelp: its members are `memberOfTypes`, `shape`, `tags`, `enum`, `annotations`"
        ),
        (
            #"{"": {"entityTypes": {"A": {"enum": ["a"], "tags": {"type": "Long"}}}, "actions": {}}}"#,
            "1:52: entity type `A` has both `enum` and `tags`\nhelp: an enumerated type has ids and nothing else"
        ),
        (#"{"": {"entityTypes": {"A": {"enum": []}}, "actions": {}}}"#, "1:37: entity type `A` lists no id"),
        (#"{"": {"entityTypes": {"A": {"tags": null}}, "actions": {}}}"#, "1:37: expected a type, found null"),
        (
            #"{"": {"entityTypes": {"in": {}}, "actions": {}}}"#, "1:29: `in` is not a name for an entity type"
        ),
        (
            #"{"a b": {"entityTypes": {}, "actions": {}}}"#,
            "1:9: `a b` is not the name of a namespace\nhelp: names are identifiers joined by `::`, without blanks"
        ),
        (
            #"{"": {"entityTypes": {}, "actions": {"a": {"attributes": {}}}}}"#,
            "1:58: action `a` has attributes\nhelp: actions have no attributes: remove the member"
        ),
        (
            #"{"": {"entityTypes": {}, "actions": {"a": {"appliesTo": {"resourceTypes": []}}}}}"#,
            "1:57: `appliesTo` lacks the member `principalTypes`"
        ),
        (
            attribute(#"{"type": "Long", "name": "x"}"#), "1:102: a type `Long` has no member `name`"
        ),
        (attribute(#"{"type": "Set"}"#), "1:77: a type `Set` lacks the member `element`"),
        (attribute(#"{"element": {"type": "Long"}}"#), "1:77: a type lacks the member `type`"),
        (
            attribute(#"{"type": "Record", "attributes": {}, "additionalAttributes": true}"#),
            "1:138: records with attributes that are not declared\nhelp: declare the attributes, or remove `additionalAttributes`"
        ),
        (
            attribute(#"{"type": "Extension", "name": "ip"}"#),
            "1:107: extension type `ip` does not exist\nhelp: there are `ipaddr`, `decimal`, `datetime` and `duration`"
        ),
        (attribute(#"{"type": "A"}"#), "1:86: common type `A` is not defined\nhelp: `A` is an entity type, here only a common type may stand"),
        (attribute(#"{"type": "Long", "required": 1}"#), "1:106: expected true or false, found an integer"),
        (attribute(#""Long""#), "1:77: expected a type, found a string"),
    ])
    func `what the notation does not allow is refused with its place`(text: String, message: String) {
        #expect(Self.refusal(text) == message)
    }

    private static let text = """
        @x("1\\n")
        @y
        namespace A::B {
          type T = {
            @z
            "in"?: __cedar::Long,
            b: Set<U>,
          };
          entity U in [V, C] {
            a: T,
          } tags String;
          entity V enum ["", "\\u{7f}"];
          action "a";
          action "b" in ["a", A::B::Action::"a"] appliesTo {
            principal: [U],
            resource: [V],
            context: T
          };
        }

        """

    @Test func `both notations say the same`() throws {
        let document = try SchemaDocument(parsing: SourceText(Self.text + "entity C;"))
        let json = try SchemaDocument(json: SourceText(document.json.serialised()))
        #expect(json.json == document.json)
        #expect(try json.text() == document.text())
        #expect(try SchemaDocument(parsing: SourceText(json.text())).json == document.json)
        #expect(try Schema(json).actions.count == 2)
    }

    @Test func `the text that is written is the text that was read`() throws {
        let document = try SchemaDocument(parsing: SourceText(Self.text))
        #expect(try document.text() == Self.text)
    }

    @Test func `primitive types of JSON keep their meaning in the text`() throws {
        let source = SourceText(
            #"{"N": {"entityTypes": {"Long": {}, "A": {"shape": {"type": "Record", "attributes": {"x": {"type": "Long"}}}}}, "actions": {}}}"#)
        let schema = try Schema(json: source)
        #expect(schema.entityTypes["N::A"]?.attributes["x"]?.type == .long)
        let again = try Schema(parsing: SourceText(schema.document.text()))
        #expect(again.entityTypes["N::A"]?.attributes["x"]?.type == .long)
    }

    @Test func `an entity type that a common type hides cannot be written as text`() throws {
        let schema = try Schema(
            json: SourceText(
                #"{"": {"commonTypes": {"A": {"type": "Long"}}, "entityTypes": {"A": {"tags": {"type": "Entity", "name": "A"}}}, "actions": {}}}"#))
        #expect(schema.entityTypes["A"]?.tags == .entity("A"))
        #expect {
            try schema.document.text()
        } throws: { error in
            (error as? CedarError)?.message
                == "the text notation cannot name the entity type `A`: a common type hides it"
        }
    }
}
