// SPDX-License-Identifier: Apache-2.0
//
// The grammar of limits, and each kind of window against examples worked by hand.

import Budget
import Testing

@Suite("windows")
struct WindowTests {
    static func dimension(_ name: String) throws -> Dimension { try #require(Dimension.standard.first { $0.name == name }) }

    static let second: Int64 = 1_000_000_000

    @Test(arguments: [
        ("calls", "200", Window.lifetime(200)), ("calls", "30/1m", .rate(30, nanoseconds: 60 * second)),
        ("calls", "30 / 1m30s", .rate(30, nanoseconds: 90 * second)), ("calls", "5/250ms", .rate(5, nanoseconds: 250_000_000)),
        ("calls", "100/day", .calendar(100, .day)), ("calls", "100/hour", .calendar(100, .hour)), ("calls", "100/week", .calendar(100, .week)),
        ("calls", "100/month", .calendar(100, .month)), ("calls", "100 sliding 1h", .sliding(100, nanoseconds: 3600 * second)),
        ("calls", "4 concurrent", .concurrent(4)), ("usd", "1.50", .lifetime(1_500_000_000_000)),
        ("usd", "0.000000000001/day", .calendar(1, .day)), ("usd", "5/1h", .rate(5_000_000_000_000, nanoseconds: 3600 * second)),
        ("wall_us", "10m", .lifetime(600_000_000)), ("cpu_us", "1h30m sliding 1d", .sliding(5_400_000_000, nanoseconds: 86400 * second)),
        ("bytes_out", "8M/day", .calendar(8 << 20, .day)), ("bytes_written", "4096B", .lifetime(4096)),
    ])
    func `a limit is read, and written so that it is read alike`(name: String, text: String, expected: Window) throws {
        let dimension = try Self.dimension(name)
        let window = try Window(parsing: text, for: dimension)
        #expect(window == expected)
        #expect(try Window(parsing: window.written(for: dimension), for: dimension) == expected)
    }

    @Test(arguments: [
        ("calls", "", 1, "a number is missing", "a whole number such as `200`"),
        ("calls", "-3", 1, "a limit cannot be negative", "a whole number such as `200`"),
        ("calls", "0", 1, "zero is no limit", "leave it out for no limit, or deny by policy"),
        ("calls", "1.5", 2, "not a whole number", "a whole number such as `200`"),
        ("calls", "9223372036854775808", 1, "larger than 2^62", "a whole number such as `200`"),
        ("calls", "30/", 4, "a span or a calendar unit is missing", "a span such as `30/1m`, or one of `hour`, `day`, `week`, `month`"),
        ("calls", "30/minute", 4, "`minute` is neither a span nor a calendar unit", "`30/1m` is a rate"),
        ("calls", "30/d", 4, "`d` is neither a span nor a calendar unit", "`30/1d` is a rate, `30/day` goes by the calendar"),
        ("calls", "30/1", 5, "the number has no unit", "a span such as `30/1m`, or one of `hour`, `day`, `week`, `month`"),
        ("calls", "30/1m per agent", 7, "something follows the window", "leave it out"),
        (
            "calls", "30 slidng 1h", 4, "`slidng` is no kind of window",
            "`200` for good, `200/1m` a rate, `200/day` by the calendar, `200 sliding 1h`, `200 concurrent`"
        ),
        ("calls", "30k", 3, "`k` follows the number", "`200` for good, `200/1m` a rate, `200/day` by the calendar, `200 sliding 1h`, `200 concurrent`"),
        ("calls", "30 sliding", 11, "a number is missing", "such as `30 sliding 1h`"),
        ("calls", "30/401d", 4, "longer than 400 days", "a span such as `30/1m`, or one of `hour`, `day`, `week`, `month`"),
        ("usd", "$5", 1, "the currency is always the dollar", "dollars such as `5` or `1.50`"),
        ("usd", "0.0000000000001", 15, "more than twelve decimals", "the smallest amount is `0.000000000001`"),
        ("wall_us", "10", 3, "the number has no unit", "a duration such as `10m`, `90s`, `1h30m`"),
        ("wall_us", "5s3m", 4, "the units are out of order", "a duration such as `10m`, `90s`, `1h30m`"),
        ("bytes_out", "8MB", 2, "`MB` is no unit of size", "a size such as `64M` or `4096B`"),
    ])
    func `a wrong limit is refused with its column and a hint`(name: String, text: String, column: Int, problem: String, help: String) throws {
        let dimension = try Self.dimension(name)
        let error = #expect(throws: BudgetError.self) { try Window(parsing: text, for: dimension) }
        #expect(error?.description == "`\(text)`, column \(column): \(problem)\nhelp: \(help)")
    }

    /// One charge: at a second (times ten, so that tenths can be said), of an amount; what is expected.
    struct Hit: Sendable {
        let tenth: Int64
        let wall: Int64
        let cost: Int64
        let refill: Refill?

        init(_ tenth: Int64, _ cost: Int64, _ refill: Refill? = nil, wall: Int64 = 0) {
            self.tenth = tenth
            self.wall = wall
            self.cost = cost
            self.refill = refill
        }
    }

    static func check(_ text: String, _ hits: [Hit]) throws {
        var desk = try Desk([AccountDefinition("a", kind: .session, limits: [AccountLimit("calls", try Window(parsing: text, for: try dimension("calls")))])])
        for (index, hit) in hits.enumerated() {
            desk.nanoseconds = hit.tenth * second / 10
            desk.wall = hit.wall
            switch try desk.ledger.charge(try desk.account("a"), [try desk.amount("calls", hit.cost)], at: desk.now) {
            case .success: #expect(hit.refill == nil, "hit \(index) was allowed")
            case .failure(let denied): #expect(denied.denial.cause.refill == hit.refill, "hit \(index)")
            }
        }
    }

    static func wait(_ tenths: Int64) -> Refill { .after(nanoseconds: tenths * second / 10) }

    @Test func `a lifetime is never refilled`() throws {
        try Self.check("5", [Hit(0, 3), Hit(10, 3, .never), Hit(10, 2), Hit(1_000_000, 1, .never)])
    }

    @Test func `a rate has its burst, then one by one`() throws {
        // 3 per 6 s: one every 2 s. At 0 s all three; the next at 2 s exactly.
        try Self.check(
            "3/6s",
            [
                Hit(0, 3), Hit(0, 1, Self.wait(20)), Hit(19, 1, Self.wait(1)), Hit(20, 1), Hit(20, 1, Self.wait(20)),
                // Two of them at 5 s: the arrival time is 8 s, each costs 2 s: 12 - 5 - 6 = 1 s.
                Hit(50, 2, Self.wait(10)), Hit(60, 2), Hit(60, 4, .never),
                // Long idle gives the burst back, not more.
                Hit(6000, 3), Hit(6000, 1, Self.wait(20)),
            ])
    }

    @Test func `a rate that divides nothing evenly is exact to the nanosecond`() throws {
        // 3 per 1 s: a third of a second each, 333,333,333.3 ns: rounded up when told, never in the books.
        var desk = try Desk([AccountDefinition("a", kind: .session, limits: [AccountLimit("calls", .rate(3, nanoseconds: Self.second))])])
        let account = try desk.account("a")
        let one = [try desk.amount("calls", 1)]
        for _ in 0..<3 { _ = try desk.ledger.charge(account, one, at: desk.now) }
        guard case .failure(let first) = try desk.ledger.charge(account, one, at: desk.now) else {
            Issue.record("allowed")
            return
        }
        #expect(first.denial.cause.refill == .after(nanoseconds: 333_333_334))
        for third in 1...3000 {
            desk.nanoseconds = (Int64(third) * Self.second + 2) / 3
            guard case .success = try desk.ledger.charge(account, one, at: desk.now) else {
                Issue.record("denied at third \(third)")
                return
            }
            guard case .failure = try desk.ledger.charge(account, one, at: desk.now) else {
                Issue.record("twice at third \(third)")
                return
            }
        }
    }

    @Test func `a sliding window lets go a sub-bucket at a time, late and never early`() throws {
        // 32 s in sub-buckets of 1 s. What came at 0.5 s counts to the end of second 32, that is up to 33 s.
        try Self.check(
            "4 sliding 32s",
            [
                Hit(5, 3), Hit(100, 1), Hit(100, 1, Self.wait(230)), Hit(325, 1, Self.wait(5)), Hit(329, 1, Self.wait(1)), Hit(330, 3),
                Hit(330, 1, Self.wait(100)), Hit(430, 1), Hit(430, 5, .never),
            ])
    }

    /// 2024-02-29 is a Thursday.
    static let leapDay: Int64 = 1_709_164_800

    @Test(
        arguments: [
            ("2/hour", leapDay + 3599, leapDay + 3600), ("2/day", leapDay + 10, leapDay + 86400), ("2/week", leapDay, leapDay + 4 * 86400),
            ("2/month", leapDay, leapDay + 86400), ("2/month", leapDay + 86400, leapDay + 32 * 86400), ("2/day", -1, 0), ("2/month", -1, 0),
            ("2/week", -1, 4 * 86400), ("2/month", 951_782_400, 951_868_800), ("2/month", 4_107_456_000, 4_107_542_400),
        ] as [(String, Int64, Int64)])
    func `a calendar window ends where the period does`(text: String, wall: Int64, end: Int64) throws {
        // 951,782,400 is 2000-02-29, a leap day; 4,107,456,000 is 2100-02-28, the last of its month.
        try Self.check(
            text,
            [
                Hit(0, 2, wall: wall), Hit(0, 1, .at(wallSeconds: end), wall: wall), Hit(0, 1, .at(wallSeconds: end), wall: end - 1), Hit(0, 2, wall: end),
            ])
    }

    @Test func `a wall clock that jumps back refills nothing`() throws {
        let day: Int64 = 86400
        try Self.check(
            "2/day",
            [
                Hit(0, 2, wall: 10 * day), Hit(1, 1, .at(wallSeconds: 11 * day), wall: 9 * day), Hit(2, 1, wall: 11 * day),
                Hit(3, 2, .at(wallSeconds: 12 * day), wall: 10 * day), Hit(3, 1, wall: 10 * day), Hit(4, 1, .at(wallSeconds: 12 * day), wall: 11 * day),
            ])
    }
}
