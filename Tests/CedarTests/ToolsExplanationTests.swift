// SPDX-License-Identifier: Apache-2.0
//
// What explanations say: which policy matched, which conjunct is false with which values, what would allow the request; and
// that they never contradict the decision.

import Cedar
import Testing

private let schemaText = """
    entity User in [Team]; entity Team; entity Tool { trusted: Bool };
    action call, other appliesTo { principal: [User], resource: [Tool], context: { n: Long, s?: String } };
    """

private func explain(_ text: String, n: Int64 = 1, entities: [Entity] = []) throws -> Explanation {
    let layers = [PolicyLayer(name: "p.cedar", bytes: Array(text.utf8))]
    let schema = try Schema(parsing: SourceText(schemaText))
    let snapshot = try PolicySnapshot(layers: layers, schema: schema, mode: .strict)
    let request = Request(
        principal: EntityUID(type: Name("User"), id: "u"), action: EntityUID(type: Name("Action"), id: "call"),
        resource: EntityUID(type: Name("Tool"), id: "t"), context: Record([Record.Field("n", .long(n))]))
    return Explanation(snapshot, places: PolicyPlaces(snapshot, layers: layers), request, try Entities(entities))
}

@Suite struct ToolsExplanationTests {
    private func unmet(_ account: PolicyAccount) throws -> UnmetConjunct {
        guard case .unmet(let conjuncts, _, _) = account.status else {
            Issue.record("\(account.id) is \(account.status)")
            throw CancellationError()
        }
        return try #require(conjuncts.first)
    }

    @Test func `the first false conjunct is shown as written, with the values it found`() throws {
        let found = try explain("@id(\"a\") permit(principal, action, resource) when { context.n > 0 &&\n context.n  <\n 1 && context has s };")
        let conjunct = try unmet(found.accounts[0])
        #expect(conjunct.text == "context.n < 1")
        #expect(!conjunct.isNegated)
        #expect(conjunct.found.map(\.expression) == ["context.n"])
        #expect(conjunct.found.map(\.value) == ["1"])
        guard case .unmet(let all, let passed, let total) = found.accounts[0].status else { return }
        #expect(all.count == 2 && passed == 1 && total == 3)
    }

    @Test func `blanks and comments are left out of what was written, strings are not`() throws {
        let found = try explain("permit(principal, action, resource) when { context has s && context.s // note \"\n ==\t\"a  // \\\" b\" };")
        guard case .unmet(let conjuncts, _, _) = found.accounts[0].status else { return }
        #expect(conjuncts.map(\.text) == ["context has s", "context.s == \"a  // \\\" b\""])
        #expect(conjuncts[1].failure == "the record has no attribute `s`")
    }

    @Test func `of an unless the disjunct that holds is shown`() throws {
        let found = try explain("permit(principal, action, resource) unless { context has s || context.n == 1 };")
        let conjunct = try unmet(found.accounts[0])
        #expect(conjunct.text == "context.n == 1")
        #expect(conjunct.isNegated)
    }

    @Test func `a scope that does not fit says what it wants and what is there`() throws {
        let found = try explain("permit(principal in Team::\"x\", action == Action::\"other\", resource is Tool);")
        guard case .outside(let misses) = found.accounts[0].status else {
            Issue.record("\(found.accounts[0].status)")
            return
        }
        #expect(misses.map(\.wanted) == ["principal in Team::\"x\"", "action == Action::\"other\""])
        #expect(misses.map(\.found.description) == ["User::\"u\"", "Action::\"call\""])
    }

    @Test func `the nearest permit is advised, not the farther one`() throws {
        let found = try explain(
            """
            @id("far") permit(principal, action == Action::"other", resource);
            @id("two") permit(principal, action, resource) when { context.n == 5 && context has s };
            @id("one") permit(principal, action, resource) when { context.n == 7 };
            """)
        #expect(found.advice == ["the nearest permit is `one` (p.cedar:3:1): `context.n == 7` is false"])
        #expect(found.near.map(\.id) == ["p.cedar#one", "p.cedar#two"])
    }

    @Test func `a forbid in the way is named, and no permit is advised that holds already`() throws {
        let found = try explain("permit(principal, action, resource); @id(\"no\") forbid(principal, action, resource);")
        #expect(found.advice == ["forbid `no` (p.cedar:1:38) matches and must not: no permit overrides it"])
    }

    @Test func `a forbid that fails is said to deny`() throws {
        let found = try explain("permit(principal, action, resource); @id(\"no\") forbid(principal, action, resource) when { resource.trusted };")
        #expect(found.outcome.verdict == .deny)
        #expect(found.advice == ["forbid `no` (p.cedar:1:38) fails, which denies: there is no entity `Tool::\"t\"`"])
    }

    @Test func `an ask is advised as a person's consent, and an allow needs no advice`() throws {
        #expect(
            try explain("@id(\"a\") @ask(\"sure?\") permit(principal, action, resource);").advice == [
                "permit `a` (p.cedar:1:1) asks: sure?: a person must agree"
            ])
        #expect(try explain("permit(principal, action, resource);").advice.isEmpty)
    }

    @Test func `an empty set says that everything is denied`() throws {
        #expect(try explain("").advice == ["no permit is in the set: by default everything is denied"])
    }

    @Test(arguments: [Int64](-3...9))
    func `what is said to match is what decides`(_ n: Int64) throws {
        let found = try explain(
            """
            permit(principal, action, resource) when { context.n > 2 };
            permit(principal, action, resource) when { context.n > 0 && context.n < 5 };
            forbid(principal, action, resource) when { context.n == 4 } unless { context has s };
            """, n: n)
        let matched = found.accounts.filter(\.isMatched)
        let deciding = found.outcome.verdict == .deny ? matched.filter { $0.effect == .forbid } : matched
        #expect(deciding.map(\.id) == found.outcome.reasons)
    }
}
