// SPDX-License-Identifier: Apache-2.0
//
// The ledger told as stories: who is charged, what is denied and how it is said, what is an error, what survives an end.

import Budget
import JSON
import Testing

@Suite("the ledger")
struct LedgerTests {
    static let tree = [
        AccountDefinition("tool", kind: .tool, parent: "session", limits: [AccountLimit("calls", .rate(2, nanoseconds: 10 * Desk.second))]),
        AccountDefinition(
            "session", kind: .session, parent: "team", limits: [AccountLimit("calls", .lifetime(10)), AccountLimit("usd", .lifetime(1_500_000))]),
        AccountDefinition("team", kind: .team, limits: [AccountLimit("usd", .calendar(2_000_000, .day)), AccountLimit("processes", .concurrent(2))]),
    ]

    @Test func `a lease is held by all accounts above, or by none`() throws {
        var desk = try Desk(Self.tree)
        let lease = try #require(try desk.reserve("tool", [("calls", 1), ("usd", 1_000_000)]))
        #expect(try desk.usage("team", "usd") == [0, 1_000_000, 0])
        #expect(try desk.reserve("tool", [("calls", 1), ("usd", 600_000)]) == nil)
        #expect(try desk.usage("tool", "calls") == [0, 1, 0], "the denied call left something behind")
        _ = try desk.settle(lease, [("usd", 250_000)])
        for account in ["tool", "session", "team"] { #expect(try desk.usage(account, "usd") == [250_000, 0, 0]) }
        #expect(try desk.usage("session", "calls") == [1, 0, 0])
    }

    @Test func `a denial says where, what is left and when`() throws {
        var desk = try Desk(Self.tree)
        func ask(_ pairs: [(String, Int64)]) throws -> String {
            var ledger = desk.ledger
            guard
                case .denied(let denial) = try ledger.reserve(
                    try desk.account("tool"), try desk.amounts(pairs), at: desk.now, deadline: 99 * Desk.second, holder: "h")
            else { return "granted" }
            return denial.description
        }
        _ = try #require(try desk.reserve("tool", [("calls", 2), ("usd", 1_400_001)]))
        #expect(try ask([("calls", 1)]) == "account `tool` has 0 of `calls` left (2/10s), 1 asked; again in 5.0 s")
        #expect(try ask([("calls", 3)]) == "account `tool` has 0 of `calls` left (2/10s), 3 asked; more than the limit ever allows")
        #expect(try ask([("usd", 100_000)]) == "account `session` has 0 of `usd_micros` left (0.0000015), 1 asked; again when open calls end")
        #expect(try ask([("usd", 1)]) == "granted")
        _ = try #require(try desk.reserve("session", [("processes", 2)]))
        #expect(try ask([("processes", 1)]) == "account `team` has 0 of `processes` left (2 concurrent), 1 asked; again when open calls end")
        desk.wall = 1_709_164_800 + 60
        let charged = try desk.ledger.charge(try desk.account("team"), [try desk.amount("usd", 2_000_000)], at: desk.now)
        guard case .success = charged else {
            Issue.record("the team had room")
            return
        }
        #expect(try ask([("usd", 1)]) == "account `team` has 0 of `usd_micros` left (0.000002/day), 1 asked; again at 2024-03-01 00:00 UTC")
    }

    @Test func `only soft dimensions are settled above the estimate`() throws {
        var desk = try Desk(
            [AccountDefinition("a", kind: .session, limits: [AccountLimit("tokens_out", .lifetime(100)), AccountLimit("cpu_us", .lifetime(100))])],
            reported: ["tokens_out"])
        let lease = try #require(try desk.reserve("a", [("tokens_out", 60), ("cpu_us", 60)]))
        let settlement = try desk.settle(lease, [("tokens_out", 170), ("cpu_us", 75)])
        #expect(settlement.excess == [.init(dimension: "cpu_us", amount: 15)])
        #expect(try desk.usage("a", "tokens_out") == [170, 0, 0])
        #expect(try desk.usage("a", "cpu_us") == [60, 0, 15])
        #expect(try desk.ledger.standings(try desk.account("a"), at: desk.now).map(\.left) == [-70, 40])
        #expect(try desk.reserve("a", [("tokens_out", 1)]) == nil)
    }

    @Test func `a long call takes slices, and gives the last back first`() throws {
        var desk = try Desk([AccountDefinition("a", kind: .session, limits: [AccountLimit("wall_us", .calendar(100, .day))])])
        let lease = try #require(try desk.reserve("a", [("wall_us", 40)]))
        desk.wall = 86400
        let account = try desk.account("a")
        let slice = [try desk.amount("wall_us", 60)]
        guard case .granted(let same, _) = try desk.ledger.extend(lease, slice, at: desk.now, deadline: 20 * Desk.second) else {
            Issue.record("denied")
            return
        }
        #expect(same == lease)
        // The first slice counts on the first day, the second on the second: 40 are left there.
        #expect(try desk.ledger.standings(account, at: desk.now).map(\.left) == [40])
        guard case .denied = try desk.ledger.extend(lease, slice, at: desk.now, deadline: 30 * Desk.second) else {
            Issue.record("granted")
            return
        }
        #expect(desk.ledger.openLeases.map(\.deadline) == [20 * Desk.second], "a denied slice moved the deadline")
        _ = try desk.settle(lease, [("wall_us", 45)])
        #expect(try desk.ledger.standings(account, at: desk.now).map(\.left) == [95])
    }

    @Test func `what a rate gives back is never more than time has left of it`() throws {
        var desk = try Desk([AccountDefinition("a", kind: .session, limits: [AccountLimit("calls", .rate(10, nanoseconds: 10 * Desk.second))])])
        let first = try #require(try desk.reserve("a", [("calls", 10)], seconds: 100))
        desk.nanoseconds = 20 * Desk.second
        // All has drained and is taken again: the first lease has nothing left to give.
        _ = try #require(try desk.reserve("a", [("calls", 10)], seconds: 100))
        _ = try desk.settle(first, [("calls", 0)])
        #expect(try desk.reserve("a", [("calls", 1)]) == nil)
        desk.nanoseconds = 21 * Desk.second
        #expect(try desk.reserve("a", [("calls", 2)]) == nil)
        #expect(try desk.reserve("a", [("calls", 1)]) != nil)
    }

    @Test func `what one lease gives back, another does not give again`() throws {
        // One a second, ten at once. Two leases of 5; at 4 s the first gives back the 1 that is left of it: the arrival time is 9 s.
        var desk = try Desk([AccountDefinition("a", kind: .session, limits: [AccountLimit("calls", .rate(10, nanoseconds: 10 * Desk.second))])])
        let first = try #require(try desk.reserve("a", [("calls", 5)]))
        let second = try #require(try desk.reserve("a", [("calls", 5)]))
        desk.nanoseconds = 4 * Desk.second
        _ = try desk.settle(first, [("calls", 0)])
        desk.nanoseconds = 4_500_000_000
        _ = try #require(try desk.reserve("a", [("calls", 5)]))
        desk.nanoseconds = 5 * Desk.second
        // Of the second 4 are left, not 5. Had neither been, the third alone would stand until 9.5 s: 5.5 are free.
        _ = try desk.settle(second, [("calls", 0)])
        #expect(try desk.reserve("a", [("calls", 6)]) == nil)
        #expect(try desk.reserve("a", [("calls", 5)]) != nil)
    }

    @Test func `what is wrong is said, and changes nothing`() throws {
        let desk = try Desk(Self.tree)
        let account = try desk.account("tool")
        let calls = try desk.amount("calls", 1)
        let before = desk.ledger.snapshot
        func message(_ body: (inout Desk) throws -> Void) -> String {
            var copy = desk
            do { try body(&copy) } catch {
                #expect(copy.ledger.snapshot == before)
                return (error as? BudgetError)?.message ?? "\(error)"
            }
            return "nothing was wrong"
        }
        func reserve(_ amounts: [Amount], _ deadline: Int64 = 1) -> String {
            message { _ = try $0.ledger.reserve(account, amounts, at: $0.now, deadline: deadline, holder: "h") }
        }
        let negative = try desk.amount("usd", -1)
        let most = try desk.amount("approvals", .max)
        #expect(reserve([calls, negative]) == "-1 of `usd` is negative")
        #expect(reserve([calls, calls]) == "dimension `calls` is named twice")
        #expect(reserve([most]) == "`approvals` of account `tool` would exceed 2^62")
        #expect(reserve([calls], 0) == "a lease must end in the future")
        #expect(message { _ = try $0.ledger.settle(LeaseID(7), [], at: $0.now) } == "there is no open lease 7")
        #expect(
            message {
                $0.boot = "other"
                _ = try $0.ledger.release(LeaseID(7), at: $0.now)
            } == "there is no open lease 7")
        #expect(
            message {
                $0.boot = "other"
                _ = try $0.ledger.expire(at: $0.now)
            } == "the time is of boot `other`, which the ledger has not seen begin")
        #expect(
            message {
                $0.nanoseconds = -1
                _ = try $0.ledger.expire(at: $0.now)
            } == "-1 is no time of this ledger")
        #expect(
            message {
                _ = try $0.ledger.define([AccountDefinition("x", kind: .tool, parent: "y"), AccountDefinition("y", kind: .tool, parent: "x")], at: $0.now)
            }
                == "accounts are their own parents: `x` in `y` in `x`")
        #expect(
            message { _ = try $0.ledger.define([AccountDefinition("x", kind: .tool, parent: "z")], at: $0.now) }
                == "account `x` has a parent `z` that does not exist")
        #expect(message { _ = try $0.ledger.define(AccountDefinition("x", kind: .org, parent: "team"), at: $0.now) } == "account `x` cannot stand below `team`")
        #expect(
            message { _ = try $0.ledger.define(AccountDefinition("tool", kind: .tool, parent: "team"), at: $0.now) }
                == "account `tool` exists with another parent or kind")
        #expect(
            message { _ = try $0.ledger.define(AccountDefinition("x", kind: .org, limits: [AccountLimit("cals", .lifetime(1))]), at: $0.now) }
                == "there is no dimension `cals`")
        #expect(
            message { _ = try $0.ledger.define(AccountDefinition("x", kind: .org, limits: [AccountLimit("calls", .rate(1, nanoseconds: 0))]), at: $0.now) }
                == "a limit of `calls` is out of range")
        #expect(message { _ = try $0.ledger.forget(try $0.account("team"), at: $0.now) } == "account `team` has open leases or accounts below it")
        #expect(message { _ in _ = try Dimension(name: "Calls") } == "`Calls` is not a name")
    }

    @Test func `after its deadline a lease can only be expired or released`() throws {
        var desk = try Desk(Self.tree)
        let lease = try #require(try desk.reserve("tool", [("usd", 5)]))
        #expect(desk.ledger.nextDeadline == 10 * Desk.second)
        desk.nanoseconds = 10 * Desk.second
        #expect(throws: BudgetError(.leaseExpired(1))) { try desk.ledger.settle(lease, [], at: desk.now) }
        #expect(try desk.ledger.expire(at: desk.now).map(\.kind) == ["expire"])
        #expect(try desk.usage("team", "usd") == [5, 0, 0])
        #expect(throws: BudgetError(.unknownLease(1))) { try desk.ledger.release(lease, at: desk.now) }
        #expect(desk.ledger.nextDeadline == nil)
    }

    @Test func `a ledger comes back from its records and from its snapshot`() throws {
        var desk = try Desk(Self.tree)
        let gone = try #require(try desk.reserve("tool", [("calls", 1), ("usd", 100)], holder: "gone"))
        let kept = try #require(try desk.reserve("session", [("processes", 1)], holder: "kept"))
        desk.records.append(try #require(try desk.ledger.define(try Dimension(name: "pages"), at: desk.now)))
        desk.records.append(try desk.ledger.reset(try desk.account("team"), at: desk.now))
        var replayed = Ledger()
        for record in desk.records { try replayed.apply(try LedgerRecord(json: try Value(parsing: record.json.serialised()))) }
        #expect(replayed.snapshot == desk.ledger.snapshot)
        var restored = try Ledger(snapshot: try Value(parsing: desk.ledger.snapshot.serialised()))
        #expect(restored.snapshot == desk.ledger.snapshot)
        #expect(try restored.snapshot.canonical().count > 0)
        let records = try restored.recover(at: desk.now) { $0 == "kept" }
        #expect(records.map(\.lease) == [gone])
        #expect(restored.openLeases.map(\.id) == [kept])
        let next = Moment(boot: "next", bootNanoseconds: 5, wallSeconds: 0)
        #expect(try restored.recover(at: next) { _ in true }.map(\.kind) == ["boot", "expire"], "no lease lives through a boot")
        // A record that does not follow is refused, and the ledger stays.
        #expect(throws: BudgetError(.record("lease 1 is used again"))) {
            try restored.apply(LedgerRecord(at: next, .reserve(lease: gone, account: "tool", amounts: [], deadline: 9, holder: "x")))
        }
    }

    @Test func `limits change, what was spent stays`() throws {
        var desk = try Desk(Self.tree)
        _ = try #require(try desk.reserve("tool", [("calls", 2)]))
        let wider = AccountDefinition("tool", kind: .tool, parent: "session", limits: [AccountLimit("calls", .rate(3, nanoseconds: 10 * Desk.second))])
        #expect(try desk.ledger.define(wider, at: desk.now) != nil)
        #expect(try desk.ledger.define(wider, at: desk.now) == nil)
        #expect(try desk.reserve("tool", [("calls", 2)]) == nil)
        #expect(try desk.reserve("tool", [("calls", 1)]) != nil)
        let lower = AccountDefinition("session", kind: .session, parent: "team", limits: [AccountLimit("calls", .lifetime(2))])
        _ = try desk.ledger.define(lower, at: desk.now)
        #expect(try desk.ledger.standings(try desk.account("session"), at: desk.now).map(\.left) == [-1])
    }

    @Test func `money is shown rounded up`() {
        let usd = Dimension.standard[0]
        #expect([0, 1, 1_000_000, 1_000_001].map { usd.shown($0) } == [0, 1, 1, 2])
        #expect(usd.shownName == "usd_micros")
    }
}
