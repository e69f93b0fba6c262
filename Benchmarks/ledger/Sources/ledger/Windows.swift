// SPDX-License-Identifier: Apache-2.0
//
// One window at a time, asked by another implementation: `{"dimension": "calls", "window": "30/1m", "hits": [[nanoseconds, wall, cost], ...]}`
// gives `{"allowed": [true, ...], "wait_ns": [0, ...]}`, a wait of -1 where none is told.

import Budget
import Foundation
import JSON

enum Windows {
    static func run() throws {
        while let line = readLine() { FileHandle.standardOutput.write(Data((try answer(try Value(parsing: line)).serialised() + "\n").utf8)) }
    }

    private static func answer(_ request: Value) throws -> Value {
        var ledger = Ledger()
        let name = request["dimension"]?.asString ?? "calls"
        guard let dimension = ledger.dimension(name), let kind = Dimension.standard.first(where: { $0.name == name }) else { return ["error": "dimension"] }
        let window = try Window(parsing: request["window"]?.asString ?? "", for: kind)
        var isFirst = true
        var allowed: [Value] = []
        var waits: [Value] = []
        for hit in request["hits"]?.asArray ?? [] {
            guard let time = hit[0]?.asInteger, let wall = hit[1]?.asInteger, let cost = hit[2]?.asInteger else { return ["error": "hit"] }
            let now = Moment(boot: "b", bootNanoseconds: time, wallSeconds: wall)
            if isFirst {
                _ = try ledger.begin(at: now)
                _ = try ledger.define(AccountDefinition("a", kind: .session, limits: [AccountLimit(name, window)]), at: now)
                isFirst = false
            }
            guard let account = ledger.account("a") else { return ["error": "account"] }
            switch try ledger.charge(account, [Amount(dimension, cost)], at: now) {
            case .success:
                allowed.append(true)
                waits.append(0)
            case .failure(let denied):
                allowed.append(false)
                if case .after(let wait) = denied.denial.cause.refill { waits.append(.integer(wait)) } else { waits.append(-1) }
            }
        }
        return ["allowed": .array(allowed), "wait_ns": .array(waits)]
    }
}
