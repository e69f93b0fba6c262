// SPDX-License-Identifier: Apache-2.0
// What the policies in force say at the door: layers, obligations, reload, and everything that is a deny.

import AuditLog
import Budget
import Cedar
import Events
import Governance
import JSON
import Testing

@Suite("the door asks the policies")
struct PolicyTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let policies: String?
        let action: String
        var input: JSON.Value = ["sql": "SELECT 1"]
        let word: String
        var reason: String?
        var testDescription: String { name }
    }

    static let permit = "permit (principal, action in Action::\"CallTool\", resource);"
    static let rows = [
        Row(name: "the built-in set permits a pinned tool", policies: nil, action: "inventory__query", word: "allow"),
        Row(name: "the built-in set permits no other tool", policies: nil, action: "other__tool", word: "deny", reason: "no policy permits `other__tool`"),
        Row(
            name: "policies replace the built-in permit of tools", policies: "permit (principal, action == Action::\"mail__send\", resource);",
            action: "inventory__query",
            word: "deny", reason: "no policy permits `inventory__query`"),
        Row(name: "a permit permits", policies: permit, action: "inventory__query", word: "allow"),
        Row(
            name: "a tool that the session has not is denied", policies: permit, action: "other__tool", word: "deny",
            reason: "this session has no action `other__tool`"),
        Row(
            name: "a forbid wins and gives its reason",
            policies: permit + "@id(\"x\") @reason(\"not at night\") forbid (principal, action == Action::\"inventory__query\", resource);",
            action: "inventory__query", word: "deny", reason: "not at night"),
        Row(
            name: "a forbid without a reason is named",
            policies: permit + "@id(\"x\") forbid (principal, action, resource) when { context.provenance.tainted == false };",
            action: "inventory__query", word: "deny", reason: "policy `p#x` forbids it"),
        Row(
            name: "@kill kills", policies: permit + "@id(\"x\") @kill forbid (principal, action, resource) when { context.session.calls > 0 };",
            action: "inventory__query", word: "kill"),
        Row(name: "@ask asks", policies: "@ask(\"sure?\") " + permit, action: "inventory__query", word: "ask", reason: "sure?"),
        Row(
            name: "a read-only tool is in no side effect", policies: "permit (principal, action in Action::\"SideEffect\", resource);",
            action: "inventory__query", word: "deny"),
        Row(
            name: "an unreviewed tool has side effects", policies: "permit (principal, action in Action::\"SideEffect\", resource);", action: "mail__send",
            input: [:], word: "allow"),
        Row(
            name: "a reviewed tool is trusted", policies: "permit (principal, action, resource is Tool) when { resource.trusted };", action: "mail__send",
            input: [:], word: "allow"),
        Row(name: "groups count", policies: "permit (principal in AgentGroup::\"clerks\", action, resource);", action: "inventory__query", word: "allow"),
        Row(
            name: "arguments count",
            policies: permit + "forbid (principal, action == Action::\"inventory__query\", resource) unless { context.input.sql like \"SELECT *\" };",
            action: "inventory__query", input: ["sql": "DROP TABLE x"], word: "deny"),
        Row(
            name: "an argument of another kind is refused before the policies", policies: permit, action: "inventory__query", input: ["sql": 1], word: "deny",
            reason: "`input.sql` of `inventory__query` is an integer, and String was expected"),
        Row(
            name: "a missing argument is refused", policies: permit, action: "inventory__query", input: [:], word: "deny",
            reason: "`input.sql` of `inventory__query` is missing"),
        Row(
            name: "a number that is no decimal is told",
            policies: permit
                + "forbid (principal, action == Action::\"inventory__query\", resource) when { context.input has _lossy && context.input._lossy.contains(\"ratio\") };",
            action: "inventory__query", input: try! JSON.Value(parsing: "{\"sql\": \"SELECT 1\", \"ratio\": 1.00001}"), word: "deny"),
        Row(
            name: "a decimal is one",
            policies: permit
                + "forbid (principal, action == Action::\"inventory__query\", resource) when { context.input has ratio && context.input.ratio.lessThan(decimal(\"1.5\")) };",
            action: "inventory__query", input: try! JSON.Value(parsing: "{\"sql\": \"SELECT 1\", \"ratio\": 1.25}"), word: "deny"),
        Row(
            name: "an array tells how long it is",
            policies: permit + "forbid (principal, action == Action::\"mail__send\", resource) when { context.input has to_len && context.input.to_len > 1 };",
            action: "mail__send", input: ["to": ["a", "a"]], word: "deny"),
        Row(
            name: "how long an array is cannot be claimed",
            policies: permit + "forbid (principal, action == Action::\"mail__send\", resource) when { context.input has to_len && context.input.to_len > 1 };",
            action: "mail__send", input: ["to": ["a", "a"], "to_len": 1], word: "deny"),
        Row(
            name: "that nothing was left out cannot be claimed",
            policies: permit
                + "forbid (principal, action == Action::\"mail__send\", resource) when { context.input has _lossy && context.input._lossy.contains(\"bcc\") };",
            action: "mail__send", input: ["to": ["a"], "bcc": "b", "_lossy": ["x"]], word: "deny"),
        Row(
            name: "what was left out further in is told with its place",
            policies: permit
                + "forbid (principal, action == Action::\"mail__send\", resource) when { context.input has _lossy && context.input._lossy.contains(\"options.bcc\") };",
            action: "mail__send", input: ["to": ["a"], "options": ["urgent": true, "bcc": "b"]], word: "deny"),
        Row(
            name: "a forbid that fails denies",
            policies: permit + "@id(\"x\") forbid (principal, action, resource) when { context.session.calls + 9223372036854775807 > 0 };",
            action: "inventory__query", word: "deny", reason: "policy `p#x` could not be evaluated, and a forbid that fails denies"),
    ]

    @Test(arguments: rows)
    func `a call is decided`(row: Row) throws {
        var desk = try Desk(row.policies)
        let decision = desk.ask(desk.request(row.action, row.input))
        #expect(decision.word == row.word, "\(decision)")
        if let reason = row.reason {
            if case .pending(_, _, let said) = decision { #expect(said == reason) } else { #expect(decision.refusal?.reason == reason) }
        }
        let record = try #require(desk.shelf.records.last { $0.kind == .decision })
        #expect(record.outcome == (row.word == "throttle" ? "allow" : row.word))
        #expect(record.policySet?.hex == desk.door.snapshotDigest)
    }

    static let launches: [(String, String?, JSON.Value, String)] = [
        ("nobody wrote a policy", nil, Desk.sandbox(), "allow"),
        ("policies of tools leave launches alone", permit, Desk.sandbox(), "allow"),
        (
            "a network is forbidden", "forbid (principal, action == Action::\"sys__launch\", resource) when { context.sandbox.network == \"host\" };",
            Desk.sandbox(network: "host"), "deny"
        ),
        (
            "another network is not", "forbid (principal, action == Action::\"sys__launch\", resource) when { context.sandbox.network == \"host\" };",
            Desk.sandbox(), "allow"
        ),
        (
            "a writable path is forbidden",
            "forbid (principal, action == Action::\"sys__launch\", resource) when { context.sandbox.writable.contains(\"/srv\") };",
            Desk.sandbox(writable: ["/srv"]), "deny"
        ),
        (
            "a limit is demanded", "forbid (principal, action == Action::\"sys__launch\", resource) unless { context.sandbox.limits has wall_us };",
            Desk.sandbox(), "deny"
        ),
        ("one cell is forbidden", "forbid (principal, action == Action::\"sys__launch\", resource == Cell::\"python3\");", Desk.sandbox(), "deny"),
        (
            "policies of tools are set aside where there are none",
            "permit (principal, action in Action::\"SideEffect\", resource is Tool) when { context.input has x };", Desk.sandbox(), "allow"
        ),
        ("a sandbox that is not described", nil, ["profile": "base"], "allow"),
        ("a sandbox that is not described to policies", permit, ["profile": "base"], "deny"),
    ]

    @Test(arguments: launches)
    func `a launch is decided`(row: (String, String?, JSON.Value, String)) throws {
        var desk = try Desk(row.1)
        let decision = desk.ask(desk.launch(row.2))
        #expect(decision.word == row.3, "\(row.0): \(decision)")
        #expect(desk.shelf.story == [row.3 == "allow" ? "launch allow" : "decision deny"])
    }

    @Test func `the digests of the built-in sets are theirs`() throws {
        let one = try Rulebook(layers: [], tools: Desk.tools, patterns: ToolPatterns(allow: ["mail__*"]))
        #expect(one.digestText.utf8.count == 64)
        for (known, worked) in [
            (Rulebook.builtIn(), try Rulebook.worked(isPinned: false)), (Rulebook.builtIn(Desk.tools), try Rulebook.worked(isPinned: true)),
        ] {
            let digest = known.digestText
            #expect(digest == worked)
        }
    }

    @Test func `a set that does not load names each of its errors`() throws {
        let error = #expect(throws: PolicyLoadError.self) {
            try Rulebook(layers: [
                PolicyLayer(name: "a", bytes: Array("permit (".utf8)),
                PolicyLayer(name: "b", bytes: Array("forbid (principal, action, resource) when { context.nothing };".utf8)),
            ])
        }
        #expect(error?.problems.contains { $0.hasPrefix("a:1:") } == true)
    }

    static let patterns: [(ToolPatterns, String, String)] = [
        (ToolPatterns(deny: ["mail__*"]), "mail__send", "deny"),
        (ToolPatterns(deny: ["mail__*"]), "inventory__query", "allow"),
        (ToolPatterns(ask: ["*query"]), "inventory__query", "ask"),
        (ToolPatterns(allow: ["*"]), "mail__send", "allow"),
    ]

    @Test(arguments: patterns)
    func `a pattern adds to what is there`(row: (ToolPatterns, String, String)) throws {
        var desk = try Desk(patterns: row.0)
        #expect(desk.ask(desk.request(row.1, row.1 == "mail__send" ? [:] : ["sql": "x"])).word == row.2)
    }

    @Test func `a pattern that matches nothing is refused`() {
        #expect(throws: PolicyLoadError.self) { try Desk(patterns: ToolPatterns(deny: ["nothing__*"])) }
    }

    @Test func `an asker cannot bring what the door adds`() throws {
        var desk = try Desk(PolicyTests.permit + "forbid (principal, action, resource) when { context has approval || context.session.calls > 1000 };")
        var request = desk.request()
        request.context = ["input": ["sql": "x"], "approval": ["by": "me", "scope": "once"], "session": ["id": "s", "calls": 5000, "denials": 0]]
        #expect(desk.ask(request).word == "allow")
    }

    @Test func `what is left of a budget can be asked`() throws {
        let policy =
            PolicyTests.permit
            + "@id(\"low\") forbid (principal, action, resource) when { context.budget.remaining has calls && context.budget.remaining.calls < 2 };"
        var desk = try Desk(policy, limits: [AccountLimit("calls", .lifetime(2))])
        #expect(desk.call(desk.request(cost: [Cost("calls", 1)])).word == "allow")
        #expect(desk.call(desk.request(cost: [Cost("calls", 1)])).refusal?.policies == ["p#low"])
    }

    /// Whether `inventory__query` is in the list that ann's agent sees.
    static let lists: [(policies: String?, Bool)] = [
        (nil, true),
        ("permit (principal, action, resource);", true),
        ("permit (principal == Agent::\"other\", action, resource);", false),
        ("permit (principal, action == Action::\"mail__send\", resource);", false),
        ("permit (principal, action, resource); forbid (principal, action == Action::\"inventory__query\", resource);", false),
        ("permit (principal, action, resource); @log_only forbid (principal, action == Action::\"inventory__query\", resource);", true),
        // What depends on the arguments may be allowed for some.
        ("permit (principal, action == Action::\"inventory__query\", resource) when { context.input.sql like \"SELECT*\" };", true),
        (
            "permit (principal, action, resource); forbid (principal, action == Action::\"inventory__query\", resource) unless { context.input.sql like \"SELECT*\" };",
            true
        ),
        // What does not depend on them is decided.
        ("permit (principal, action == Action::\"inventory__query\", resource) when { resource.trusted };", false),
        ("permit (principal, action == Action::\"inventory__query\", resource) when { context.input.sql like \"S*\" && resource.trusted };", false),
        ("permit (principal, action == Action::\"inventory__query\", resource) when { context.input.sql like \"S*\" || resource.trusted };", true),
        ("permit (principal, action == Action::\"inventory__query\", resource) unless { resource.trusted };", true),
        ("permit (principal, action == Action::\"inventory__query\", resource) when { if resource.trusted then true else false };", false),
        ("permit (principal, action, resource); forbid (principal in AgentGroup::\"clerks\", action, resource is Tool) when { !resource.trusted };", false),
        ("permit (principal, action, resource); forbid (principal, action, resource is Tool) when { resource.trusted && context.provenance.tainted };", true),
        // An ask may be answered with yes.
        ("@ask(\"why\") permit (principal, action == Action::\"inventory__query\", resource);", true),
    ]

    @Test(arguments: lists)
    func `a tool is listed where some arguments could be permitted`(row: (policies: String?, Bool)) throws {
        var desk = try Desk(row.policies)
        let asked = desk.request()
        let may = desk.door.mayAllow(asked.action, asked.resource, for: asked.principal)
        #expect(may == row.1, "\(row.policies ?? "")")
        // What is not listed is denied whatever its arguments.
        if !may { #expect(desk.ask(asked).refusal != nil) }
    }

    @Test func `another set counts from the next call on and is recorded`() throws {
        var desk = try Desk(PolicyTests.permit)
        let before = desk.door.snapshotDigest
        #expect(desk.call().word == "allow")
        _ = desk.door.replace(try Rulebook(layers: [PolicyLayer(name: "p", bytes: [])], tools: Desk.tools), at: desk.now)
        #expect(desk.call().word == "deny")
        #expect(desk.door.snapshotDigest != before)
        #expect(desk.shelf.story.contains("policy loaded"))
        #expect(desk.shelf.records.last?.policySet?.hex == desk.door.snapshotDigest)
    }

    @Test func `what a person reviewed anew counts from the next set on`() throws {
        let policy = "permit (principal, action, resource is Tool) when { resource.trusted };"
        var desk = try Desk(policy)
        #expect(desk.call(desk.request("mail__send", [:])).word == "allow")
        let tools = Desk.tools.map { ToolShape(server: $0.server, name: $0.name, input: $0.input, sideEffect: $0.sideEffect) }
        _ = desk.door.replace(try Rulebook(layers: [PolicyLayer(name: "p", bytes: Array(policy.utf8))], tools: tools), at: desk.now)
        #expect(desk.call(desk.request("mail__send", [:])).word == "deny")
    }

    @Test func `a throttle lets a burst go and delays what comes after it`() throws {
        var desk = try Desk("@throttle(\"2/10s\") " + PolicyTests.permit)
        #expect(desk.call().word == "allow")
        #expect(desk.call().word == "allow")
        let third = desk.call()
        #expect(third.permit?.delayUntil == desk.now.bootNanoseconds + 5_000_000_000)
        // Past its own deadline it is denied and told when.
        let fourth = desk.ask(desk.request(seconds: 6))
        #expect(fourth.refusal?.retryAfter == 10_000_000_000)
        desk.pass(30)
        #expect(desk.call().word == "allow")
    }

    @Test func `an engine that only logs records what it would do`() throws {
        var settings = Settings()
        settings.logOnly = true
        var desk = try Desk("forbid (principal, action, resource);", settings: settings)
        #expect(desk.call().word == "allow")
        #expect(desk.shelf.records.first?.policies == ["p#policy0"])
    }

    @Test func `fields to redact and a new bound come with the permit`() throws {
        var desk = try Desk("@redact(\"sql\") @raise(\"7\") " + PolicyTests.permit)
        let permit = desk.ask().permit
        #expect(permit?.redactions == ["sql"])
        #expect(permit?.raise == 7)
    }
}
