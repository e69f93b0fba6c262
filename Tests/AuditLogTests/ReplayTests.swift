// SPDX-License-Identifier: Apache-2.0
//
// The ledger's changes as records of the log, and the ledger from them.

import AuditLog
import Budget
import Foundation
import JSON
import Testing

@Suite("the ledger in the log")
struct ReplayTests {
    /// A ledger that spends, its every change appended.
    static func spend(_ ledger: inout Ledger, _ log: Log, rounds: Int, at first: Int64) throws {
        var now = Moment(boot: "b", bootNanoseconds: first, wallSeconds: 1_790_000_000)
        if let record = try ledger.begin(at: now) { _ = try log.append(record, at: instant, .fast) }
        if let record = try ledger.define(AccountDefinition("org", kind: .org, limits: [AccountLimit("calls", .lifetime(1000))]), at: now) {
            _ = try log.append(record, at: instant, .fast)
        }
        if let record = try ledger.define(AccountDefinition("agent", kind: .agent, parent: "org", limits: [AccountLimit("usd", .lifetime(1 << 60))]), at: now) {
            _ = try log.append(record, at: instant, .fast)
        }
        let account = try #require(ledger.account("agent"))
        let (calls, usd) = (try #require(ledger.dimension("calls")), try #require(ledger.dimension("usd")))
        for round in 0..<rounds {
            now = now.after(1_000_000)
            guard
                case .granted(let lease, let record) = try ledger.reserve(
                    account, [Amount(calls, 1), Amount(usd, 9_007_199_254_740_993)], at: now, deadline: now.bootNanoseconds + 60_000_000_000, holder: "c1")
            else { continue }
            _ = try log.append(record, at: instant, .fast)
            if round % 3 != 2 { _ = try log.append(try ledger.settle(lease, [Amount(usd, 9_007_199_254_740_991)], at: now).record, at: instant, .fast) }
        }
    }

    @Test func `the ledger comes back from the log, open leases and all`() throws {
        let ground = try Ground()
        let log = try ground.open()
        var ledger = Ledger()
        try Self.spend(&ledger, log, rounds: 30, at: 1)
        _ = try log.append(record(1), .fast)
        _ = try log.publish()
        try Self.spend(&ledger, log, rounds: 10, at: 2_000_000_000)
        try log.close()
        let back = try ground.reader.ledger()
        #expect(back.snapshot == ledger.snapshot)
        #expect(back.openLeaseCount == ledger.openLeaseCount && back.openLeaseCount > 5)
        #expect(ground.fault() == nil)
    }

    @Test func `a replay begins with the last snapshot`() throws {
        let ground = try Ground()
        let log = try ground.open()
        var ledger = Ledger()
        try Self.spend(&ledger, log, rounds: 30, at: 1)
        _ = try log.append(snapshot: ledger, at: instant)
        try Self.spend(&ledger, log, rounds: 10, at: 2_000_000_000)
        _ = try log.publish()
        try log.close()
        #expect(try ground.reader.ledger().snapshot == ledger.snapshot)
    }

    @Test func `a record that does not follow is named`() throws {
        let ground = try Ground()
        let log = try ground.open()
        var ledger = Ledger()
        try Self.spend(&ledger, log, rounds: 3, at: 1)
        var stray = record(0, .settle)
        stray.data = try Value(parsing: #"{"kind":"release","boot_id":"b","boot_ns":9,"wall_s":1790000000,"lease":77}"#)
        let number = try log.wait(for: try log.append(stray))
        try log.close()
        #expect(throws: LogError(.replay(record: number, problem: "there is no open lease 77"))) { try ground.reader.ledger() }
    }

    @Test func `an account that is named by a secret is refused`() throws {
        let ground = try Ground()
        let log = try ground.open()
        var ledger = Ledger()
        let now = Moment(boot: "b", bootNanoseconds: 1, wallSeconds: 1_790_000_000)
        _ = try ledger.begin(at: now)
        let record = try #require(try ledger.define(AccountDefinition("AKIAIOSFODNN7EXAMPLE", kind: .org), at: now))
        #expect(throws: LogError(.secretInLedger)) { try log.append(record, at: instant) }
        try log.close()
    }
}
