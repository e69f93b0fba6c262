// SPDX-License-Identifier: Apache-2.0
//
// Loops, the ladder's answer to them, breakers and objectives, each against numbers worked by hand.

import Budget
import Testing

@Suite("loops, breakers, objectives")
struct LoopTests {
    static let second: Int64 = 1_000_000_000

    static func key(_ name: Character) throws -> CallKey { CallKey(tool: "t", arguments: try digest(name)) }
    static func digest(_ name: Character) throws -> Digest { try #require(Digest(Array(repeating: name.asciiValue ?? 0, count: 32))) }

    /// The names of the loops found at the last call of a row of calls, one a second.
    static func last(_ calls: String, _ change: (inout LoopDetector.Settings) -> Void) throws -> [Loop] {
        var settings = LoopDetector.Settings()
        change(&settings)
        var detector = try LoopDetector(settings)
        var found: [Loop] = []
        for (index, name) in calls.enumerated() { found = detector.asked(try key(name), at: Int64(index) * second) }
        return found
    }

    @Test(arguments: [("aaaa", 0), ("aaaaa", 5), ("abacada", 0), ("abacadaea", 5), ("aaaab", 0)])
    func `equal calls are counted`(calls: String, count: Int) throws {
        let expected: [Loop] = count == 0 ? [] : [.repeated(try Self.key("a"), count: count)]
        #expect(
            try Self.last(calls) {
                $0.repeats = 5
                $0.rounds = nil
            } == expected)
        // Only those of the last three seconds: never five.
        #expect(
            try Self.last(calls) {
                $0.repeats = 5
                $0.rounds = nil
                $0.window = 3 * Self.second
            } == [])
    }

    @Test(
        arguments: [
            ("ababa", nil), ("ababab", 2), ("xyzababab", 2), ("abcabcabc", 3), ("abcabcab", nil), ("aabaabaab", 3), ("aaaaaaaaa", nil),
            ("abcdefghabcdefghabcdefgh", 8), ("abcdefghiabcdefghiabcdefghi", nil), ("abcabcabx", nil),
        ] as [(String, Int?)])
    func `a cycle is found from its third round on`(calls: String, period: Int?) throws {
        #expect(
            try Self.last(calls) {
                $0.repeats = nil
                $0.rounds = 3
            } == (period.map { [.cycle(period: $0, rounds: 3)] } ?? []))
    }

    @Test func `the same result again and again is no progress, another is`() throws {
        var settings = LoopDetector.Settings()
        settings.sameResults = 3
        settings.errors = 4
        var detector = try LoopDetector(settings)
        var found: [[String]] = []
        for (index, result) in "rrsrx".enumerated() {
            _ = detector.asked(try Self.key("a"), at: Int64(index))
            found.append(detector.answered(try Self.key("a"), result: try Self.digest(result), isError: false, at: Int64(index)).map(\.name))
        }
        #expect(found == [[], [], [], ["no_progress"], []])
        var errors: [[String]] = []
        for (index, isError) in [true, true, true, false, true, true, true, true].enumerated() {
            _ = detector.asked(try Self.key(Character("\(index)")), at: 9)
            errors.append(detector.answered(try Self.key(Character("\(index)")), result: try Self.digest("e"), isError: isError, at: 9).map(\.name))
        }
        #expect(errors == [[], [], [], [], [], [], [], ["errors"]])
    }

    @Test func `memory is bounded however many keys there are`() throws {
        var detector = try LoopDetector()
        for index in 0..<5000 {
            var bytes = Array(repeating: UInt8(0), count: 32)
            (bytes[0], bytes[1]) = (UInt8(index & 255), UInt8(index >> 8))
            #expect(detector.asked(CallKey(tool: "t", arguments: try #require(Digest(bytes))), at: Int64(index)).isEmpty)
        }
    }

    @Test func `the ladder is climbed by loops and left by quiet`() throws {
        var escalation = try Escalation(tripsPerRung: 2, quiet: 10, cap: .freeze)
        #expect((0..<9).map { escalation.tripped(at: $0).name } == ["note", "note", "delay", "delay", "deny", "deny", "freeze", "freeze", "freeze"])
        escalation.settle(at: 17)
        #expect(escalation.rung == .freeze)
        escalation.settle(at: 18)
        #expect(escalation.rung == .deny)
        escalation.settle(at: 48)
        #expect(escalation.rung == .none)
        #expect(escalation.tripped(at: 50) == .note)
    }

    @Test func `a breaker opens, tries, and closes again`() throws {
        var settings = Breaker.Settings()
        settings.minimum = 4
        settings.open = 10
        settings.probeWait = 5
        settings.span = 1000
        var breaker = try Breaker(settings)
        func permit(_ time: Int64) throws -> Breaker.Permit {
            guard case .allowed(let permit) = breaker.ask(at: time) else { throw BudgetError(.setting("denied at \(time)")) }
            return permit
        }
        let early = try permit(0)
        // Two of three failed, but three are too few; the fourth makes it two of four, 50 %.
        for failed in [true, true, false] { #expect(breaker.report(try permit(1), failed: failed, at: 1) == nil) }
        #expect(breaker.report(try permit(2), failed: false, at: 2) == .open)
        #expect(breaker.ask(at: 2) == .denied(retryAfter: 10))
        #expect(breaker.ask(at: 11) == .denied(retryAfter: 1))
        let probe = try permit(12)
        #expect(breaker.state == .halfOpen)
        #expect(breaker.ask(at: 12) == .denied(retryAfter: 5), "one probe at a time")
        #expect(breaker.report(early, failed: false, at: 13) == nil, "an outcome from before says nothing")
        #expect(breaker.report(probe, failed: true, at: 14) == .open)
        #expect(breaker.ask(at: 23) == .denied(retryAfter: 1))
        _ = try permit(24)
        // That probe is never reported: after five it counts as failed.
        #expect(breaker.ask(at: 29) == .denied(retryAfter: 10))
        #expect(breaker.report(try permit(39), failed: false, at: 40) == .closed)
        #expect(breaker.report(try permit(41), failed: true, at: 41) == nil, "the old failures are forgotten")
    }

    @Test func `an objective burns by shares, not by counts`() throws {
        let hour = 3600 * Self.second
        // 1 bad of 1,001 at 99 %: 0.0999 % of 1 % allowed: a burn of 0.0999.
        var calm = try Objective(.init(goodPerMillion: 990_000, long: hour, short: hour / 12, burnThousandths: 14_400))
        for index in 0..<1001 { calm.count(bad: index == 0, at: Self.second) }
        #expect(calm.reading(at: Self.second).text == "99 99 false")
        // 99.9 %, 20 bad of 1,000: 2 % of 0.1 %: a burn of 20. In the last five minutes 5 of 100: 50.
        var burning = try Objective(.init(goodPerMillion: 999_000, long: hour, short: hour / 12, burnThousandths: 14_400))
        for index in 0..<900 { burning.count(bad: index < 15, at: 60 * Self.second) }
        for index in 0..<100 { burning.count(bad: index < 5, at: 3000 * Self.second) }
        #expect(burning.reading(at: 3000 * Self.second).text == "20000 50000 true")
        // Ten minutes later it is over, though the hour still shows it.
        #expect(burning.reading(at: 3600 * Self.second).text == "20000 0 false")
    }
}

extension Objective.Reading {
    fileprivate var text: String { "\(long) \(short) \(isFiring)" }
}
