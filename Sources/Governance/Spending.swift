// SPDX-License-Identifier: Apache-2.0
//
// What a running call spends beyond what it reserved: more is reserved in slices, as far as there is any; where there is none the call is to
// be stopped, and what it spent all the same is told as excess.

internal import AuditLog
internal import Budget
public import Events

extension Door {
    /// What a permitted call has spent so far.
    /// - Returns: nil where it may go on; else why it is to be stopped. It is settled all the same.
    public func spent(_ id: CallID, _ usage: [Cost], at now: Reading) -> Refusal? {
        guard let call = open[id], let lease = call.lease, let account = call.request.account else { return nil }
        for cost in usage {
            guard let dimension = ledger.dimension(cost.dimension), let slice = call.request.slices.first(where: { $0.dimension == cost.dimension }) else {
                continue
            }
            let reserved = open[id]?.reserved[cost.dimension] ?? 0
            if cost.amount < reserved { continue }
            // Larger ones as it goes on: a lease has so many.
            let wanted = cost.amount - reserved + max(slice.amount, reserved / 4)
            let possible = min(wanted, left(account, dimension, now))
            guard possible > cost.amount - reserved else { return used(cost, wanted, lease, dimension, now) }
            if let refusal = reserve(possible, cost.dimension, dimension, id, lease, now) { return refusal }
        }
        return nil
    }

    /// Before a call is settled: what it spent above its reservation is reserved now, as far as there is any.
    func cover(_ id: CallID, _ call: OpenCall, _ usage: [Cost], _ now: Reading) {
        guard let lease = call.lease, let account = call.request.account else { return }
        for cost in usage {
            guard let dimension = ledger.dimension(cost.dimension), let reserved = call.reserved[cost.dimension], cost.amount > reserved else { continue }
            let possible = min(cost.amount - reserved, left(account, dimension, now))
            if possible > 0 { _ = reserve(possible, cost.dimension, dimension, id, lease, now) }
        }
    }

    private func reserve(_ amount: Int64, _ name: String, _ dimension: DimensionID, _ id: CallID, _ lease: LeaseID, _ now: Reading) -> Refusal? {
        do throws(BudgetError) {
            switch try ledger.extend(lease, [Amount(dimension, amount)], at: now.moment, deadline: open[id]?.request.deadline ?? now.bootNanoseconds + 1) {
            case .granted(_, let record):
                open[id]?.reserved[name, default: 0] += amount
                _ = try? recorder.append(record, at: now.instant, session: session, isStrict: false)
                return nil
            case .denied(let denial): return Refusal(.budget, denial.description)
            }
        } catch {
            return Refusal(.budget, error.message, remedy: error.help)
        }
    }

    /// The ledger's own words, for more than there is.
    private func used(_ cost: Cost, _ wanted: Int64, _ lease: LeaseID, _ dimension: DimensionID, _ now: Reading) -> Refusal {
        if case .denied(let denial)? = try? ledger.extend(lease, [Amount(dimension, wanted)], at: now.moment, deadline: now.bootNanoseconds + 1) {
            if case .after(let wait) = denial.cause.refill { return Refusal(.budget, denial.description, retryAfter: wait) }
            return Refusal(.budget, denial.description)
        }
        return Refusal(.budget, "`\(cost.dimension)` is used up")
    }

    /// The least that is left of a dimension on the way from an account to its root.
    func left(_ account: String, _ dimension: DimensionID, _ now: Reading) -> Int64 {
        var least = Int64.max
        var name: String? = account
        while let known = name.flatMap({ ledger.account($0) }) {
            for standing in (try? ledger.standings(known, at: now.moment)) ?? [] where ledger.dimension(standing.dimension.name) == dimension {
                least = min(least, standing.left)
            }
            name = (try? ledger.definition(of: known))?.parent
        }
        return least
    }
}
