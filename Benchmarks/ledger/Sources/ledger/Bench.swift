// SPDX-License-Identifier: Apache-2.0
//
// How long a reservation and its settlement take in a tree of depth 6, with limits at every account. In processor time, so that a busy
// machine measures the same.

import Budget
import Foundation

enum Bench {
    static func run() throws {
        let second: Int64 = 1_000_000_000
        var ledger = Ledger()
        var now = Moment(boot: "b", bootNanoseconds: second, wallSeconds: 1_790_000_000)
        _ = try ledger.begin(at: now)
        var parent: String?
        for (kind, name) in zip(AccountKind.allCases, ["o", "t", "p", "a", "s", "x"]) {
            let limits = [
                AccountLimit("calls", .rate(1 << 40, nanoseconds: 60 * second)), AccountLimit("usd", .calendar(1 << 60, .day)),
                AccountLimit("tokens_out", .lifetime(1 << 60)), AccountLimit("calls", .sliding(1 << 60, nanoseconds: 60 * second))
            ]
            _ = try ledger.define(AccountDefinition(name, kind: kind, parent: parent, limits: limits), at: now)
            parent = name
        }
        guard let account = ledger.account("x"), let calls = ledger.dimension("calls"), let usd = ledger.dimension("usd"),
            let tokens = ledger.dimension("tokens_out")
        else { return }
        let estimate = [Amount(calls, 1), Amount(usd, 5_000_000), Amount(tokens, 500)]
        let actual = [Amount(usd, 3_000_000), Amount(tokens, 321)]
        // A thousand leases stay open, as calls under way do.
        for _ in 0..<1000 { _ = try ledger.reserve(account, estimate, at: now, deadline: now.bootNanoseconds + 1_000_000 * second, holder: "c1") }
        let batch = 2000
        var times: [Double] = []
        for _ in 0..<200 {
            let began = clock()
            for _ in 0..<batch {
                now = now.after(1000)
                guard case .granted(let lease, _) = try ledger.reserve(account, estimate, at: now, deadline: now.bootNanoseconds + 60 * second, holder: "c1")
                else { return print("denied") }
                _ = try ledger.settle(lease, actual, at: now)
            }
            times.append(Double(clock() - began) * 1e9 / Double(CLOCKS_PER_SEC) / Double(batch))
        }
        times.sort()
        print(
            "{\"pairs\": \(batch * times.count), \"p50_ns\": \(Int(times[times.count / 2])), \"least_ns\": \(Int(times[0])), "
                + "\"p95_ns\": \(Int(times[times.count * 95 / 100])), \"depth\": 6, \"limits\": 24, \"dimensions\": 3}")
    }
}
