// SPDX-License-Identifier: Apache-2.0
// What the door does beside the policies: reservations, records, loops, breakers, people, deadlines. Each test breaks one thing.

import AuditLog
import Budget
import Cedar
import Events
import Governance
import JSON
import Testing

@Suite("the door holds")
struct DoorTests {
    static let one = [Cost("calls", 1)]

    @Test func `a call is reserved, recorded, settled and answered`() throws {
        var desk = try Desk(limits: [AccountLimit("calls", .lifetime(3))])
        let decision = desk.call(desk.request(cost: Self.one))
        #expect(decision.permit?.lease == 1)
        #expect(desk.shelf.story == ["decision allow", "reserve", "settle", "response answered"])
        #expect(desk.shelf.bodies.first?["context"]?["input"]?["sql"]?.asString == "SELECT 1")
        #expect(desk.door.ledger.openLeaseCount == 0)
    }

    @Test func `a limit of any account above denies, and nothing stays reserved`() throws {
        var desk = try Desk(limits: [AccountLimit("calls", .lifetime(1))])
        #expect(desk.ask(desk.request(cost: Self.one)).word == "allow")
        let second = desk.ask(desk.request(cost: Self.one))
        #expect(second.refusal?.kind == .budget)
        #expect(second.refusal?.reason.contains("account `org` has 0 of `calls` left") == true)
        #expect(desk.door.ledger.openLeaseCount == 1)
    }

    @Test func `what was not forwarded costs nothing, what was cancelled costs what was reserved`() throws {
        var desk = try Desk(limits: [AccountLimit("calls", .lifetime(1))])
        let first = desk.request(cost: Self.one)
        desk.ask(first)
        desk.door.settle(first.call, usage: [], end: .notForwarded("gone"), at: desk.now)
        let second = desk.request(cost: Self.one)
        #expect(desk.ask(second).word == "allow")
        desk.door.settle(second.call, usage: [], end: .cancelled, at: desk.now)
        #expect(desk.ask(desk.request(cost: Self.one)).refusal?.kind == .budget)
    }

    @Test func `a call is settled once`() throws {
        var desk = try Desk()
        let request = desk.request(cost: Self.one)
        desk.ask(request)
        desk.door.settle(request.call, usage: [], end: .cancelled, at: desk.now)
        let count = desk.shelf.records.count
        desk.door.settle(request.call, usage: [], end: .cancelled, at: desk.now)
        #expect(desk.shelf.records.count == count)
    }

    @Test func `a call is decided once while it is open`() throws {
        var desk = try Desk()
        let request = desk.request()
        #expect(desk.ask(request).word == "allow")
        #expect(desk.ask(request).refusal?.kind == .internal)
    }

    @Test func `a log that cannot be written denies and reserves nothing`() throws {
        var desk = try Desk(limits: [AccountLimit("calls", .lifetime(1))])
        desk.shelf.refusal = LogError(.refusing("write `/log`: no space left on device (ENOSPC)", code: 28))
        let denied = desk.ask(desk.request(cost: Self.one))
        #expect(denied.refusal?.kind == .log)
        #expect(denied.refusal?.reason == "the log cannot be written: write `/log`: no space left on device (ENOSPC)")
        #expect(desk.door.ledger.openLeaseCount == 0)
        desk.shelf.refusal = nil
        #expect(desk.ask(desk.request(cost: Self.one)).word == "allow")
    }

    @Test func `nothing goes before its record is on disk`() throws {
        var desk = try Desk()
        let ticket = try #require(desk.ask().permit?.ticket)
        desk.shelf.isFlushed = false
        #expect(desk.door.standing(of: ticket) == .waiting)
        desk.shelf.isFlushed = true
        #expect(desk.door.standing(of: ticket) == .written)
        desk.shelf.refusal = LogError(.closed)
        guard case .failed(let refusal) = desk.door.standing(of: ticket) else {
            Issue.record("it is not refused")
            return
        }
        #expect(refusal.kind == .log)
    }

    @Test func `an account that is not there, a dimension that is not there`() throws {
        var desk = try Desk()
        var request = desk.request()
        request.account = "nobody"
        #expect(desk.ask(request).refusal?.reason == "there is no account `nobody`")
        #expect(desk.ask(desk.request(cost: [Cost("apples", 1)])).refusal?.reason == "there is no dimension `apples`")
        #expect(desk.ask(desk.request(cost: [Cost("calls", -1)])).refusal?.kind == .budget)
    }

    @Test func `a deadline that has passed denies`() throws {
        var desk = try Desk()
        let request = desk.request(seconds: 1)
        desk.pass(1)
        #expect(desk.ask(request).refusal?.kind == .deadline)
    }

    @Test func `a decision that takes too long is a deny and gives back`() throws {
        nonisolated(unsafe) var time: Int64 = 0
        var settings = Settings()
        settings.clock = {
            unsafe time += 60_000_000
            return unsafe time
        }
        var desk = try Desk(limits: [AccountLimit("calls", .lifetime(5))], settings: settings)
        #expect(desk.ask(desk.request(cost: Self.one)).refusal?.reason == "the decision took longer than 50 ms")
        #expect(desk.door.ledger.openLeaseCount == 0)
    }

    @Test func `leases end at their deadline`() throws {
        var desk = try Desk(limits: [AccountLimit("calls", .lifetime(1))])
        desk.ask(desk.request(cost: Self.one, seconds: 5))
        desk.pass(6)
        _ = desk.door.tick(desk.now)
        #expect(desk.shelf.story.last == "expire")
        #expect(desk.door.ledger.openLeaseCount == 0)
    }

    // Loops and breakers

    @Test func `the same call again and again is told, delayed, denied, then a person is asked`() throws {
        var settings = Settings()
        var loops = LoopDetector.Settings()
        (loops.repeats, loops.sameResults, loops.rounds, loops.errors) = (3, nil, nil, nil)
        settings.loops = loops
        var desk = try Desk(settings: settings)
        var words: [String] = []
        for _ in 0..<10 {
            let decision = desk.call()
            words.append(decision.permit?.notes.isEmpty == false && decision.word == "allow" ? "note" : decision.word)
        }
        #expect(words == ["allow", "allow", "note", "note", "throttle", "throttle", "deny", "deny", "ask", "ask"])
        #expect(desk.shelf.records.contains { $0.errors == ["`inventory__query` was called 7 times with the same arguments"] })
    }

    @Test func `the same result again and again counts at the next call`() throws {
        var settings = Settings()
        var loops = LoopDetector.Settings()
        (loops.repeats, loops.sameResults, loops.rounds, loops.errors) = (nil, 3, nil, nil)
        settings.loops = loops
        var desk = try Desk(settings: settings)
        for _ in 0..<3 { #expect(desk.call(result: "same").permit?.notes == []) }
        #expect(desk.call(result: "same").permit?.notes == ["`inventory__query` gave the same result 3 times"])
    }

    @Test func `a tool that fails rests, and is tried again`() throws {
        var settings = Settings()
        settings.loops = nil
        var desk = try Desk(settings: settings)
        for number in 0..<10 { desk.call(desk.request("inventory__query", ["sql": .string("\(number)")]), isError: true) }
        #expect(desk.ask(desk.request("inventory__query", ["sql": "11"])).refusal?.kind == .breaker)
        #expect(desk.ask(desk.request("mail__send", [:])).word == "allow")
        desk.pass(31)
        #expect(desk.call(desk.request("inventory__query", ["sql": "12"])).word == "allow")
        #expect(desk.call(desk.request("inventory__query", ["sql": "13"])).word == "allow")
    }

    // People

    static let asking = "@id(\"a\") @ask(\"sure?\") permit (principal, action in Action::\"CallTool\", resource);"

    private func approval(_ desk: Desk, _ request: Governance.Request, _ scope: Approval.Scope = .once, seconds: Int64 = 60) -> Approval {
        Approval(digest: desk.door.approvalDigest(of: request), scope: scope, by: "ann", expires: desk.now.bootNanoseconds + seconds * 1_000_000_000)
    }

    @Test func `a yes lets the very call go, once, and is recorded before it does`() throws {
        var desk = try Desk(Self.asking)
        let request = desk.request()
        let pending = try #require(desk.ask(request).pending)
        let verdicts = desk.door.answer(pending, .approved(approval(desk, request)), at: desk.now)
        #expect(verdicts.map(\.call) == [request.call])
        guard case .allow? = verdicts.first?.verdict else {
            Issue.record("it was not allowed")
            return
        }
        #expect(desk.shelf.story == ["decision ask", "approval granted", "decision allow", "reserve"])
        #expect(desk.ask().word == "ask")
    }

    @Test func `a yes to something else changes nothing`() throws {
        var desk = try Desk(Self.asking)
        let request = desk.request()
        let pending = try #require(desk.ask(request).pending)
        let other = desk.request("inventory__query", ["sql": "DROP TABLE stock"])
        #expect(desk.door.answer(pending, .approved(approval(desk, other)), at: desk.now).isEmpty)
        #expect(desk.door.answer(pending, .approved(approval(desk, request, seconds: 0)), at: desk.now).isEmpty)
        #expect(desk.door.waiting.count == 1)
    }

    @Test func `equal calls wait together, and a yes for once is for one of them`() throws {
        var desk = try Desk(Self.asking)
        let (first, second) = (desk.request(), desk.request())
        let pending = try #require(desk.ask(first).pending)
        #expect(desk.ask(second).pending == pending)
        #expect(desk.door.waiting.map(\.count) == [2])
        #expect(desk.door.answer(pending, .approved(approval(desk, first)), at: desk.now).map(\.call) == [first.call])
        #expect(desk.door.waiting.map(\.count) == [1])
        #expect(desk.door.answer(pending, .refused(by: "ann"), at: desk.now).map(\.call) == [second.call])
    }

    @Test func `a yes for the session lets equal calls go, for the tool all of it`() throws {
        var desk = try Desk(Self.asking)
        let request = desk.request()
        let pending = try #require(desk.ask(request).pending)
        #expect(desk.door.answer(pending, .approved(approval(desk, request, .session)), at: desk.now).count == 1)
        #expect(desk.ask().word == "allow")
        let other = desk.request("inventory__query", ["sql": "SELECT 2"])
        let next = try #require(desk.ask(other).pending)
        #expect(desk.door.answer(next, .approved(approval(desk, other, .tool)), at: desk.now).count == 1)
        #expect(desk.ask(desk.request("inventory__query", ["sql": "SELECT 3"])).word == "allow")
        #expect(desk.ask(desk.request("mail__send", [:])).word == "ask")
        desk.pass(61)
        #expect(desk.ask().word == "ask")
    }

    @Test func `a no, and nobody, are denies`() throws {
        var desk = try Desk(Self.asking)
        let pending = try #require(desk.ask().pending)
        guard case .deny(let refusal)? = desk.door.answer(pending, .refused(by: "ann"), at: desk.now).first?.verdict else {
            Issue.record("it was not denied")
            return
        }
        #expect(refusal == Refusal(.approval, "`ann` said no: sure?", policies: ["p#a"]))
        _ = desk.ask(desk.request(seconds: 600))
        desk.pass(121)
        #expect(desk.door.tick(desk.now).count == 1)
        #expect(desk.door.waiting.isEmpty)
    }

    @Test func `a call that is withdrawn waits no more, and a yes to it finds nothing`() throws {
        var desk = try Desk("@ask(\"why\") permit (principal, action, resource);", limits: [AccountLimit("calls", .lifetime(2))])
        let call = desk.request(cost: [Cost("calls", 1)])
        let id = try #require(desk.ask(call).pending)
        let digest = try #require(desk.door.waiting.first?.digest)
        desk.door.withdraw(call.call, because: "it was cancelled", at: desk.now)
        desk.door.withdraw(call.call, because: "it was cancelled", at: desk.now)
        #expect(desk.door.waiting.isEmpty && desk.shelf.story.last == "approval withdrawn")
        #expect(desk.shelf.records.last?.call == call.call && desk.shelf.story.count { $0 == "approval withdrawn" } == 1)
        let yes = Approval(digest: digest, by: "ann", expires: desk.now.bootNanoseconds + 1_000_000_000)
        #expect(desk.door.answer(id, .approved(yes), at: desk.now).isEmpty)
        #expect(!desk.door.isOpen(call.call))
    }

    @Test func `what a call spends is reserved in slices up to the limit, and then it is stopped`() throws {
        var desk = try Desk(limits: [AccountLimit("wall_us", .lifetime(2500))])
        func slices(_ request: Governance.Request) -> Governance.Request {
            var request = request
            request.slices = [Cost("wall_us", 1000)]
            return request
        }
        let (one, two) = (slices(desk.request()), slices(desk.request("mail__send", ["to": ["ann"]])))
        #expect(desk.ask(one).permit != nil && desk.ask(two).permit != nil)
        let org = try #require(desk.door.ledger.account("org")), wall = try #require(desk.door.ledger.dimension("wall_us"))
        func reserved() throws -> Int64 { try desk.door.ledger.usage(org, wall).reserved }
        #expect(try reserved() == 2000)
        #expect(desk.door.spent(one.call, [Cost("wall_us", 900)], at: desk.now) == nil)
        #expect(desk.door.spent(one.call, [Cost("wall_us", 1200)], at: desk.now) == nil)
        #expect(try reserved() == 2500)
        let refusal = try #require(desk.door.spent(one.call, [Cost("wall_us", 1600)], at: desk.now))
        #expect(refusal.kind == .budget && refusal.reason.contains("has 0 of `wall_us` left"))
        desk.door.settle(two.call, usage: [Cost("wall_us", 100)], end: .answered(result: [], isError: false), at: desk.now)
        // What was spent above all that was reserved is taken from what has become free, and only beyond that is it excess.
        let excess = desk.door.settle(one.call, usage: [Cost("wall_us", 2600)], end: .failed("stopped"), at: desk.now)
        #expect(excess == [Cost("wall_us", 200)])
        #expect(try desk.door.ledger.usage(org, wall).settled == 2500 && reserved() == 0)
        #expect(desk.ask(slices(desk.request("inventory__query", ["sql": "x"]))).refusal?.kind == .budget)
    }

    @Test func `of equal calls that wait, one is withdrawn and the others go on waiting`() throws {
        var desk = try Desk("@ask(\"why\") permit (principal, action, resource);")
        let (one, two) = (desk.request(), desk.request())
        let id = try #require(desk.ask(one).pending)
        desk.ask(two)
        desk.door.withdraw(one.call, because: "it was cancelled", at: desk.now)
        let digest = try #require(desk.door.waiting.first?.digest)
        let yes = Approval(digest: digest, by: "ann", expires: desk.now.bootNanoseconds + 1_000_000_000)
        #expect(desk.door.answer(id, .approved(yes), at: desk.now).map(\.call) == [two.call])
    }

    @Test func `a fast call goes with its record on the way, but not where the disk refused the last one`() throws {
        var desk = try Desk()
        var call = desk.request()
        call.isFast = true
        desk.shelf.isFlushed = false
        let permit = try #require(desk.ask(call).permit)
        #expect(desk.door.standing(of: permit.ticket) == .waiting || desk.door.standing(of: permit.ticket) == .written)
        desk.shelf.refusal = LogError(.closed)
        var next = desk.request()
        next.isFast = true
        #expect(desk.ask(next).refusal?.kind == .log)
    }

    @Test func `a forbid that came meanwhile counts in spite of a yes`() throws {
        var desk = try Desk(Self.asking)
        let request = desk.request()
        let pending = try #require(desk.ask(request).pending)
        _ = desk.door.replace(
            try Rulebook(layers: [PolicyLayer(name: "p", bytes: Array((Self.asking + "forbid (principal, action, resource);").utf8))], tools: Desk.tools),
            at: desk.now)
        guard case .deny? = desk.door.answer(pending, .approved(approval(desk, request)), at: desk.now).first?.verdict else {
            Issue.record("it was not denied")
            return
        }
    }

    @Test func `where nobody can be asked an ask is a deny`() throws {
        var settings = Settings()
        settings.canAsk = false
        var desk = try Desk(Self.asking, settings: settings)
        #expect(desk.ask().refusal?.reason == "a person must agree, and nobody can be asked here: sure?")
    }

    @Test func `no more calls wait than are allowed to`() throws {
        var settings = Settings()
        settings.pendingCalls = 2
        var desk = try Desk(Self.asking, settings: settings)
        #expect([desk.ask().word, desk.ask().word, desk.ask().word] == ["ask", "ask", "deny"])
    }

    @Test func `a yes that was given before is spent by the call`() throws {
        var desk = try Desk(Self.asking)
        let request = desk.request()
        desk.door.admit(approval(desk, request), session: Desk.session, agent: "local", action: request.action)
        #expect(desk.ask(request).word == "allow")
        #expect(desk.shelf.story == ["approval used", "decision allow", "reserve"])
        #expect(desk.ask().word == "ask")
    }

    @Test func `a yes that cannot be recorded is none`() throws {
        var desk = try Desk(Self.asking)
        let request = desk.request()
        let pending = try #require(desk.ask(request).pending)
        desk.shelf.refusal = LogError(.closed)
        guard case .deny(let refusal)? = desk.door.answer(pending, .approved(approval(desk, request)), at: desk.now).first?.verdict else {
            Issue.record("it was not denied")
            return
        }
        #expect(refusal.kind == .log)
    }

    @Test func `approvals are a budget`() throws {
        var desk = try Desk(Self.asking, limits: [AccountLimit("approvals", .lifetime(1))])
        for expected in ["allow", "deny"] {
            let request = desk.request()
            let pending = try #require(desk.ask(request).pending)
            let verdict = desk.door.answer(pending, .approved(approval(desk, request)), at: desk.now).first?.verdict
            #expect(verdict.map { if case .allow = $0 { "allow" } else { "deny" } } == expected)
        }
    }

    @Test func `what was done is recorded under the set in force`() throws {
        let desk = try Desk()
        var note = Note(.kill, session: Desk.session)
        note.outcome = "gone"
        guard case .success = desk.door.note(note, at: desk.now) else {
            Issue.record("it was not recorded")
            return
        }
        #expect(desk.shelf.story == ["kill gone"])
    }
}
