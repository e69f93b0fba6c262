// SPDX-License-Identifier: Apache-2.0
//
// Texts are code points: what Unicode calls equivalent is two texts everywhere, in values, ids, names of attributes and tags,
// patterns, the index and hashes. The answers were compared with cedarpy's.

import Cedar
import JSON
import Testing

private func json(_ text: String) -> JSON.Value { .string(text) }

@Suite struct UnicodeTests {
    /// Pairs that are canonically equivalent: composed and not, singletons, Hangul, order of marks, beyond the BMP.
    static let pairs: [(String, String)] = [
        ("\u{E9}", "e\u{301}"), ("\u{212B}", "\u{C5}"), ("\u{2126}", "\u{3A9}"), ("\u{AC00}", "\u{1100}\u{1161}"),
        ("a\u{323}\u{302}", "a\u{302}\u{323}"), ("K", "\u{212A}"), ("\u{1D15E}", "\u{1D157}\u{1D165}"),
    ]

    /// With `X` and `Y` in place of a pair: a condition that holds only where both are one text.
    static let conditions = [
        "\"X\" == \"Y\"", "\"X\" like \"Y\"", "\"Xa\" like \"Y*\"", "\"aX\" like \"*Y\"", "[\"X\"].contains(\"Y\")",
        "[\"X\"].containsAll([\"Y\"])", "[\"X\"].containsAny([\"Y\"])", "[\"X\", \"Y\"] == [\"X\"]", "{\"X\": 1} has \"Y\"",
        "{\"X\": 1} == {\"Y\": 1}", "U::\"X\" == U::\"Y\"", "U::\"X\" in [U::\"Y\"]", "principal == U::\"Y\"",
        "principal in G::\"Y\"", "principal has \"Y\"", "principal.hasTag(\"Y\")", "context has \"Y\"", "context.s == \"Y\"",
        "context.s like \"Y*\"", "context has s && context.s == \"Y\"", "[\"Y\", \"z\"].contains(context.s)",
        "action in [Action::\"Y\"]",
    ]

    private func answer(_ text: String, _ x: String) throws -> Response {
        let uid = { (type: String, id: String) -> JSON.Value in ["type": json(type), "id": json(id)] }
        let members = JSON.Value.object(JSON.Object([JSON.Member(name: x, value: 1)]))
        let entities = try Entities(json: [
            ["uid": uid("U", x), "attrs": members, "tags": members, "parents": [uid("G", x)]]
        ])
        let context = JSON.Value.object(JSON.Object([JSON.Member(name: "s", value: json(x)), JSON.Member(name: x, value: 1)]))
        let request = try Request(json: [
            "principal": uid("U", x), "action": uid("Action", x), "resource": uid("R", "r"), "context": context,
        ])
        let set = try PolicyParser.policies(SourceText(text))
        let response = set.authorize(request, entities)
        #expect(CompiledPolicies(set).authorize(request, entities) == response)
        return response
    }

    @Test(arguments: conditions)
    func `equivalent texts are two texts`(_ condition: String) throws {
        for (a, b) in Self.pairs {
            for (x, y) in [(a, a), (b, b), (a, b), (b, a)] {
                let text = condition.replacing("X", with: x).replacing("Y", with: y)
                let response = try answer("permit(principal, action, resource) when { \(text) };", x)
                #expect(response.decision == (x.unicodeScalars.elementsEqual(y.unicodeScalars) ? .allow : .deny), "\(text.debugDescription)")
                #expect(response.errors.isEmpty)
            }
        }
    }

    @Test func `equivalent names are two fields, two policies and two entities`() throws {
        for (a, b) in Self.pairs {
            #expect(try answer("permit(principal, action, resource) when { {\"\(a)\": 1, \"\(b)\": 2}[\"\(b)\"] == 2 };", a).decision == .allow)
            let set = try PolicyParser.policies(SourceText("permit(principal, action, resource); forbid(principal, action, resource);"))
            var renamed = PolicySet()
            for (policy, id) in zip(set.policies, [a, b]) {
                var policy = policy
                policy.id = Text(id)
                try renamed.add(policy)
            }
            #expect(try PolicySet(json: renamed.json).policies.count == 2)
            let store = try Entities([a, b].map { Entity(EntityUID(type: Name("U"), id: Text($0))) })
            #expect(store.count == 2)
        }
    }

    @Test func `equivalent texts do not meet in one hash`() {
        var texts = [""]
        for _ in 0..<10 { texts = texts.flatMap { [$0 + "\u{E9}", $0 + "e\u{301}"] } }
        #expect(Set(texts).count == 1)
        #expect(Set(texts.map { Text($0).hashValue }).count == texts.count)
    }

    @Test func `the hash tells zeros and lengths apart`() {
        let texts = (0..<40).map { Text(String(repeating: "\0", count: $0)) }
        #expect(Set(texts.map(\.hashValue)).count == texts.count)
    }
}
