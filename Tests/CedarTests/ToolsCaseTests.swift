// SPDX-License-Identifier: Apache-2.0
//
// Cases hold or say what differs, each expectation by itself; coverage counts what decided and what merely matched.

import Cedar
import Testing

private let text = """
    @id("reads") @throttle("10/1m") @redact("secret") permit(principal, action, resource);
    @id("asks") @ask("sure?") permit(principal, action, resource) when { context.n == 1 };
    @id("stops") forbid(principal, action, resource) when { context.n == 2 };
    @id("never") permit(principal, action, resource) when { context.n == 99 };
    @id("fails") permit(principal, action, resource) when { context.m == 1 };
    @id("watches") @log_only forbid(principal, action, resource) when { context.n == 3 };
    """

private func run() throws -> CaseRun {
    let layers = [PolicyLayer(name: "set#1/p.cedar", bytes: Array(text.utf8))]
    let snapshot = try PolicySnapshot(layers: layers, schema: nil, mode: .exact)
    return CaseRun(snapshot, places: PolicyPlaces(snapshot, layers: layers))
}

private func newCase(_ n: Int64) -> PolicyCase {
    func uid(_ type: String) -> EntityUID { EntityUID(type: Name(type), id: "x") }
    let request = Request(principal: uid("U"), action: uid("Action"), resource: uid("R"), context: Record([Record.Field("n", .long(n))]))
    return PolicyCase(name: "n = \(n)", request: request, entities: Entities())
}

@Suite struct ToolsCaseTests {
    private typealias Expect = @Sendable (inout PolicyCase, PolicyPlaces) throws -> Void
    private static let table: [(n: Int64, expect: Expect, differences: [String])] = [
        (
            0,
            { test, _ in
                test.verdict = .throttle
                test.decision = .allow
                test.throttle = Throttle("10/60s")
                test.redact = ["secret"]
            }, []
        ),
        (
            1,
            { test, _ in
                test.verdict = .ask
                test.decision = .allow
                test.ask = "sure?"
            }, []
        ),
        (
            2,
            { test, _ in
                test.verdict = .deny
                test.decision = .deny
                test.redact = []
            }, []
        ),
        (
            0,
            { test, places in
                test.match = [try places.resolve("reads")]
                test.notMatch = [try places.resolve("asks")]
            }, []
        ),
        (
            3,
            { test, places in
                test.match = [try places.resolve("watches")]
                test.decision = .allow
            }, []
        ),
        (0, { test, places in test.errors = [try places.resolve("fails")] }, []),
        (0, { test, _ in test.verdict = .allow }, ["the verdict should be allow and is throttle: by `reads`; `fails` fails: the record has no attribute `m`"]),
        (2, { test, _ in test.decision = .allow }, ["the decision should be allow and is deny: by `stops`; `fails` fails: the record has no attribute `m`"]),
        (0, { test, places in test.match = [try places.resolve("asks")] }, ["`asks` should match and does not"]),
        (1, { test, places in test.notMatch = [try places.resolve("asks")] }, ["`asks` should not match and does"]),
        (0, { test, _ in test.errors = [] }, ["the policies that fail should be none and is `fails`"]),
        (1, { test, _ in test.ask = "really?" }, ["`really?` should be asked and `sure?` is"]),
        (0, { test, _ in test.ask = "sure?" }, ["`sure?` should be asked and nothing is"]),
        (0, { test, _ in test.throttle = Throttle("10/1h") }, ["the rate should be 10/1h and is 10/1m"]),
        (2, { test, _ in test.redact = ["secret"] }, ["the redacted fields should be `secret` and is none"]),
        (0, { test, _ in test.raise = 3 }, ["the new limit should be 3 and is none"]),
    ]

    @Test(arguments: table.indices)
    func `an expectation holds or says what differs`(_ index: Int) throws {
        let (n, expect, differences) = Self.table[index]
        var run = try run()
        var test = newCase(n)
        try expect(&test, run.places)
        run.run(test)
        #expect(run.results[0].differences == differences)
    }

    @Test func `coverage tells deciding from matching from nothing`() throws {
        var run = try run()
        for n: Int64 in [0, 2, 3] { run.run(newCase(n)) }
        let short = run.coverage.unused.map { run.places.short($0) }
        #expect(short == ["asks", "never", "fails", "watches"])
        #expect(run.coverage.matching(try run.places.resolve("watches")) == 1)
        #expect(run.coverage.matching(try run.places.resolve("reads")) == 3)
        #expect(run.coverage.determining(try run.places.resolve("reads")) == 2)
    }

    @Test func `a name that means no policy is an error with the nearest`() throws {
        let places = try run().places
        #expect(try places.resolve("set#1/p.cedar#reads") == "set#1/p.cedar#reads")
        #expect(throws: CedarError.self) { try places.resolve("raeds") }
        do { _ = try places.resolve("read") } catch { #expect(error.help == "did you mean `reads`?") }
    }
}
