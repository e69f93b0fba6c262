// SPDX-License-Identifier: Apache-2.0
//
// A ledger with names and a clock at hand, for tests that tell a story.

import Budget
import Testing

struct Desk {
    static let second: Int64 = 1_000_000_000

    var ledger: Ledger
    var nanoseconds: Int64 = 0
    var wall: Int64 = 0
    var boot = "boot"
    var records: [LedgerRecord] = []

    init(_ accounts: [AccountDefinition], reported: Set<String> = []) throws {
        ledger = Ledger(dimensions: Dimension.standard(reported: reported))
        records += [try #require(try ledger.begin(at: now))]
        records += try ledger.define(accounts, at: now)
    }

    var now: Moment { Moment(boot: boot, bootNanoseconds: nanoseconds, wallSeconds: wall) }

    func account(_ name: String) throws -> AccountID { try #require(ledger.account(name)) }
    func amount(_ dimension: String, _ value: Int64) throws -> Amount { Amount(try #require(ledger.dimension(dimension)), value) }
    func amounts(_ pairs: [(String, Int64)]) throws -> [Amount] { try pairs.map { try amount($0.0, $0.1) } }

    /// The lease, or nil where it was denied; it ends in ten seconds.
    mutating func reserve(_ account: String, _ pairs: [(String, Int64)], holder: String = "h", seconds: Int64 = 10) throws -> LeaseID? {
        let account = try self.account(account)
        switch try ledger.reserve(account, try amounts(pairs), at: now, deadline: nanoseconds + seconds * Self.second, holder: holder) {
        case .granted(let lease, let record):
            records.append(record)
            return lease
        case .denied: return nil
        }
    }

    mutating func settle(_ lease: LeaseID, _ pairs: [(String, Int64)]) throws -> Settlement {
        let settlement = try ledger.settle(lease, try amounts(pairs), at: now)
        records.append(settlement.record)
        return settlement
    }

    func usage(_ account: String, _ dimension: String) throws -> [Int64] {
        let usage = try ledger.usage(try self.account(account), try #require(ledger.dimension(dimension)))
        return [usage.settled, usage.reserved, usage.excess]
    }
}
