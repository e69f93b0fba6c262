// SPDX-License-Identifier: Apache-2.0
//
// Loading in the launcher's strict mode, obligations, and what a failing forbid does.

import Cedar
import Testing

private let schemaText = """
    entity User in [Team]; entity Team; entity Tool { trusted: Bool, note?: String };
    action call appliesTo { principal: [User], resource: [Tool], context: { n: Long, s?: String } };
    """

private func snapshot(
    _ texts: String..., mode: PolicySnapshot.Mode = .strict, schema: Bool = true
) throws(PolicyLoadError) -> PolicySnapshot {
    let layers = texts.enumerated().map { PolicyLayer(name: "l\($0.offset)", bytes: Array($0.element.utf8)) }
    let parsed = schema ? try? Schema(parsing: SourceText(schemaText)) : nil
    return try PolicySnapshot(layers: layers, schema: parsed, mode: mode)
}

private let request = Request(
    principal: EntityUID(type: Name("User"), id: "u"), action: EntityUID(type: Name("Action"), id: "call"),
    resource: EntityUID(type: Name("Tool"), id: "t"), context: Record([Record.Field("n", .long(1))]))

private let all = "permit(principal, action, resource);"

@Suite struct SnapshotTests {
    private static let verdicts: [(String, Verdict, [Text])] = [
        ("", .deny, []),
        (all, .allow, ["l0#policy0"]),
        ("@ask(\"sure?\") \(all) \(all)", .ask, ["l0#policy0", "l0#policy1"]),
        ("@throttle(\"10/1m\") \(all) \(all)", .throttle, ["l0#policy0", "l0#policy1"]),
        ("@throttle(\"1/s\") @ask \(all)", .ask, ["l0#policy0"]),
        ("\(all) @id(\"no\") forbid(principal, action, resource);", .deny, ["l0#no"]),
        (
            "\(all) @kill forbid(principal, action, resource); forbid(principal, action, resource);", .kill,
            ["l0#policy1", "l0#policy2"]
        ),
        ("\(all) @log_only forbid(principal, action, resource);", .allow, ["l0#policy0"]),
        ("@log_only \(all)", .deny, []),
        // The entity is missing from the store: the forbid fails, and denies.
        ("\(all) forbid(principal, action, resource) when { resource.trusted };", .deny, ["l0#policy1"]),
        ("\(all) permit(principal, action, resource) when { resource.trusted };", .allow, ["l0#policy0"]),
    ]

    @Test(arguments: verdicts.indices)
    func `the strictest verdict wins`(_ index: Int) throws {
        let (text, verdict, reasons) = Self.verdicts[index]
        let outcome = try snapshot(text).decide(request, Entities())
        #expect(outcome.verdict == verdict)
        #expect(outcome.reasons == reasons)
        #expect(outcome.enforced == verdict)
        #expect(try snapshot(text).decide(request, Entities(), logOnly: true).enforced == .allow)
    }

    @Test func `in mode exact a failing forbid is left out and reported`() throws {
        let text = "\(all) forbid(principal, action, resource) when { resource.trusted };"
        let outcome = try snapshot(text, mode: .exact, schema: false).decide(request, Entities())
        #expect(outcome.verdict == .allow)
        #expect(outcome.errors.map(\.policy) == ["l0#policy1"])
    }

    @Test func `obligations of all satisfied permits are combined`() throws {
        let text = """
            @ask("a") @throttle("10/1m") @redact("x") \(all)
            @throttle("1/2s") @redact("y") @raise("7") \(all) @redact("x") @raise("5") \(all)
            """
        let outcome = try snapshot(text).decide(request, Entities())
        #expect(outcome.asks == [Outcome.Ask(policy: "l0#policy0", reason: "a")])
        #expect(outcome.throttle == Throttle("10/1m"))
        #expect(outcome.redactions == ["x", "y"])
        #expect(outcome.raise == 5)
    }

    @Test(arguments: [
        "@throttle(\"10\") \(all)", "@throttle(\"0/1m\") \(all)", "@throttle(\"1/1y\") \(all)", "@redact \(all)",
        "@raise(\"x\") \(all)", "@kill \(all)", "@ask forbid(principal, action, resource);", "permit(principal);",
        "permit(principal, action, resource) when { context.x };", "permit(principal, action, resource) when { context.s == \"\" };",
    ])
    func `a policy that means nothing does not load`(_ text: String) {
        #expect(throws: PolicyLoadError.self) { try snapshot(text) }
    }

    @Test func `nothing loads without a schema`() {
        #expect(throws: PolicyLoadError.self) { try snapshot(all, schema: false) }
    }

    @Test func `a rule for an unknown tool is set aside and stays in the digest`() throws {
        let aside = "@id(\"gone\") forbid(principal, action == Action::\"other\", resource);"
        let loaded = try snapshot(all + aside)
        #expect(loaded.setAside == ["l0#gone"])
        #expect(loaded.warnings.contains { $0.policy == "l0#gone" })
        #expect(loaded.active.count == 1)
        #expect(loaded.digest { $0 } != (try snapshot(all).digest { $0 }))
    }

    @Test func `a forbid of any layer counts and ids name the layer`() throws {
        let outcome = try snapshot("@id(\"org\") forbid(principal, action, resource);", all).decide(request, Entities())
        #expect(outcome.verdict == .deny)
        #expect(outcome.reasons == ["l0#org"])
    }

    @Test func `every error of every layer is told`() {
        #expect {
            try snapshot("permit(principal);", "forbid(action); permit(x);")
        } throws: { ($0 as? PolicyLoadError)?.problems.count == 3 }
    }

    @Test func `the digest does not depend on blanks and comments`() throws {
        let one = try snapshot("permit(principal,action,resource);").digest { $0 }
        #expect(try snapshot("// x\n permit ( principal, action, resource ) ;").digest { $0 } == one)
        #expect(try snapshot("forbid(principal, action, resource);").digest { $0 } != one)
    }
}
