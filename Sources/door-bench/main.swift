// SPDX-License-Identifier: Apache-2.0
//
// How long the door takes for one call of a tool, everything but the disk: loop and breaker, context and policies, reservation on four
// accounts, digests and records handed over. A program of the benchmarks, no part of what is installed. One JSON line.
//
// door-bench [POLICIES [CALLS]]

import AuditLog
import Budget
import Cedar
import Events
import Glibc
import Governance
import JSON
import Linux

/// Takes records and forgets them: what the log does with them is measured in Benchmarks/log.
final class Counter: Recorder {
    var records = 0

    func append(_ record: AuditLog.Record, isStrict: Bool) -> Governance.Ticket {
        records += 1
        return .none
    }

    func append(_ change: LedgerRecord, at: Instant, session: SessionID, isStrict: Bool) -> Governance.Ticket {
        records += 1
        return .none
    }

    func append(body: JSON.Value) -> AuditLog.Digest? { nil }
    func isWritten(_ ticket: Governance.Ticket) -> Bool { true }
    func wait(for ticket: Governance.Ticket, milliseconds: Int) {}
}

func run(policies: Int, calls: Int) throws {
    // One permit for each of so many tools, a forbid on the session's length and one on where side effects go.
    var text = """
        @id("long") forbid (principal, action, resource) when { context.session.calls > 100000000 };
        @id("tainted") forbid (principal, action in Action::"SideEffect", resource) when { context.provenance.tainted } unless { resource.trusted };

        """
    for number in 2..<max(3, policies) {
        text +=
            "@id(\"p\(number)\") permit (principal in AgentGroup::\"clerks\", action == Action::\"stock__tool\(number)\", resource) when { context.input.sql like \"SELECT *\" };\n"
    }
    let input: JSON.Value = ["type": "object", "required": ["sql"], "properties": ["sql": ["type": "string"], "limit": ["type": "integer"]]]
    let tools = (2..<max(3, policies)).map { ToolShape(server: "stock", name: "tool\($0)", input: input) }
    let rulebook = try Rulebook(layers: [PolicyLayer(name: "bench", bytes: Array(text.utf8))], tools: tools)
    let second: Int64 = 1_000_000_000
    var now = Reading(boot: "b", bootNanoseconds: second, wallNanoseconds: 1_790_000_000 * second)
    let moment = Moment(boot: "b", bootNanoseconds: second, wallSeconds: 1_790_000_000)
    var ledger = Ledger()
    _ = try ledger.begin(at: moment)
    var parent: String?
    for (kind, name) in [(AccountKind.team, "team"), (.agent, "agent"), (.session, "session"), (.tool, "tool")] {
        let limits = [
            AccountLimit("calls", .rate(1 << 40, nanoseconds: 60 * second)), AccountLimit("usd", .calendar(1 << 60, .day)),
            AccountLimit("tokens_out", .lifetime(1 << 60)),
        ]
        _ = try ledger.define(AccountDefinition(name, kind: kind, parent: parent, limits: limits), at: moment)
        parent = name
    }
    let session = SessionID("s0001")!
    let recorder = Counter()
    var settings = Settings()
    settings.clock = { Int64(clamping: Clock.boottime) }
    let door = try Door(session: session, rulebook: rulebook, ledger: ledger, recorder: recorder, settings: settings)
    let principal = Principal(agent: "clerk", user: "ann", groups: ["clerks"], session: session)
    let last = "tool\(max(3, policies) - 1)"
    var times: [UInt64] = []
    var allowed = 0
    for number in 0..<(calls + 1000) {
        now = now.after(1_000_000)
        let arguments: JSON.Value = ["sql": .string("SELECT * FROM stock WHERE id = \(number)"), "limit": 10]
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        let request = Governance.Request(
            call: CallID(bytes: bytes)!, principal: principal, action: "stock__\(last)", resource: .tool(server: "stock", name: last),
            context: ["input": arguments],
            canonical: try arguments.canonical(), estimate: [Cost("calls", 1), Cost("usd", 5_000_000), Cost("tokens_out", 500)], account: "tool",
            deadline: now.bootNanoseconds + 60 * second)
        let began = Clock.monotonic
        let decision = door.decide(request, at: now)
        let ended = Clock.monotonic
        if number >= 1000 { times.append(ended - began) }
        if case .verdict(.allow) = decision { allowed += 1 }
        door.settle(request.call, usage: [Cost("usd", 3_000_000)], end: .answered(result: bytes, isError: false), at: now)
    }
    guard allowed == calls + 1000 else { return print("{\"error\": \"\(calls + 1000 - allowed) calls were not allowed\"}") }
    times.sort()
    print(
        "{\"accounts\": 4, \"calls\": \(calls), \"least_ns\": \(times[0]), \"p50_ns\": \(times[times.count / 2]), \"p95_ns\": \(times[times.count * 95 / 100]), "
            + "\"policies\": \(policies), \"records\": \(recorder.records)}")
}

let words = CommandLine.arguments.dropFirst().compactMap { Int($0) }
do {
    try run(policies: words.first ?? 100, calls: words.dropFirst().first ?? 20_000)
} catch {
    print("{\"error\": \"\(error)\"}")
    exit(1)
}
