// SPDX-License-Identifier: Apache-2.0
// What a run may spend of the accounts that outlive it, in budget.yaml: reserved at the launch in `agent/NAME` and all above it, settled at the
// end with what the whole cell used. A limit of the cell is never higher than what is left. Where the files name no such account nothing is read.

import AuditLog
import Budget
import Events
import Governance
import JSON
import Linux
import Sandbox
import Session

struct CellBudget {
    private let place: LogPlace
    private let accounts: [AccountDefinition]
    private let lease: LeaseID
    /// The limits that hold what was reserved, in the unit of each.
    let bounds: [Limit: Int64]
    /// Whether memory over time is counted.
    let countsMemory: Bool

    /// What of a cell is counted, and the limit that bounds it.
    private static let dimensions: [(name: String, limit: Limit?)] = [
        ("cpu_us", .cpuTime), ("wall_us", .wall), ("bytes_out", .output), ("bytes_written", .disk), ("memory_byte_s", nil),
    ]
    /// Nanoseconds that a lease lasts where the run has no limit of time, and beyond the limit where it has.
    private static let lasts: Int64 = 86_400_000_000_000
    private static let grace: Int64 = 60_000_000_000

    /// - Parameter limits: the profile's.
    /// - Returns: nil where the agent has no account, or none with a limit of what cells use.
    /// - Throws: ``LaunchRefused`` where nothing is left; what keeps the accounts from being read.
    init?(agent: String, place: LogPlace?, limits: [Limit: Int64], cell: String) throws {
        guard let place, place.budgetFiles.contains(where: { Files.exists($0) }) else { return nil }
        let accounts = try BudgetVerb.accounts(place)
        let name = "agent/" + agent
        guard accounts.contains(where: { sameBytes($0.name, name) }) else { return nil }
        var book = try BudgetBook(place, accounts: accounts)
        // Leases of runs that were killed with their machine or their supervisor.
        while let due = book.ledger.nextDeadline, due <= book.moment.bootNanoseconds {
            let overdue = book.ledger.openLeases.filter { $0.deadline <= book.moment.bootNanoseconds }
            if overdue.isEmpty { break }
            for item in overdue { try book.change { ledger, now in try ledger.expire(item.id, at: now) } }
        }
        guard let account = book.ledger.account(name) else { return nil }
        var amounts: [Amount] = []
        var bounds: [Limit: Int64] = [:]
        var countsMemory = false
        for (dimension, limit) in CellBudget.dimensions {
            guard let id = book.ledger.dimension(dimension), let left = try CellBudget.left(dimension, account, book.ledger, book.moment) else { continue }
            guard left > 0 else {
                throw LaunchRefused(
                    refusal: Refusal(.budget, "nothing is left of `\(dimension)` for `\(name)`", remedy: "fumehood budget show says until when"))
            }
            let amount = min(left, limit.flatMap { limits[$0] } ?? left)
            amounts.append(Amount(id, amount))
            if let limit { bounds[limit] = amount } else { countsMemory = true }
        }
        if amounts.isEmpty { return nil }
        let wall = bounds[.wall] ?? limits[.wall]
        let deadline = book.moment.bootNanoseconds + (wall.map { min($0, CellBudget.lasts / 1000) * 1000 + CellBudget.grace } ?? CellBudget.lasts)
        var lease: LeaseID?
        try book.change { ledger, now in
            switch try ledger.reserve(account, amounts, at: now, deadline: deadline, holder: cell) {
            case .granted(let id, let record):
                lease = id
                return record
            case .denied(let denial): throw LaunchRefused(refusal: Refusal(.budget, denial.description, remedy: "fumehood budget show says what is left"))
            }
        }
        guard let lease else { return nil }
        (self.place, self.accounts, self.lease, self.bounds, self.countsMemory) = (place, accounts, lease, bounds, countsMemory)
    }

    /// The least that is left on the way from an account to its root; nil where nothing limits it.
    private static func left(_ dimension: String, _ account: AccountID, _ ledger: Ledger, _ now: Moment) throws -> Int64? {
        var least: Int64?
        var next: AccountID? = account
        while let account = next {
            for standing in try ledger.standings(account, at: now) where sameBytes(standing.dimension.name, dimension) {
                least = min(least ?? .max, standing.left)
            }
            next = try ledger.definition(of: account).parent.flatMap { ledger.account($0) }
        }
        return least
    }

    /// Settles what the cell used; what is not named costs nothing.
    /// - Returns: what is to be said where that cannot be written.
    func settle(_ used: [String: Int64]) -> String? {
        do {
            var book = try BudgetBook(place, accounts: accounts)
            var amounts: [Amount] = []
            for (dimension, _) in CellBudget.dimensions {
                if let id = book.ledger.dimension(dimension) { amounts.append(Amount(id, max(0, used[dimension] ?? 0))) }
            }
            try book.change { ledger, now in try ledger.settle(lease, amounts, at: now).record }
            return nil
        } catch {
            return "what the run used is not in its account: \((error as? BudgetError)?.message ?? (error as? LogPlaceError)?.message ?? "\(error)")"
        }
    }
}
