// SPDX-License-Identifier: Apache-2.0
//
// The decisions: whether a lease is granted, what a settlement charges, what ends a lease. Each either changes nothing, or makes one record
// and applies it. A denial leaves no trace, so that what replay restores is the same ledger.

/// What an expired lease is charged in windows that count amounts.
public enum ExpiryCharge: Sendable, Hashable {
    /// All that was reserved: the call was let through and nobody can say what it spent. What a crash can never overspend by.
    case reserved
    /// Nothing: the caller knows that nothing was spent.
    case nothing
}

extension Ledger {
    /// Reserves estimates in the account and in all above it, or in none.
    /// - Parameters:
    ///   - estimates: each dimension once, 0 or more. An empty list is a lease that only has a deadline.
    ///   - deadline: CLOCK_BOOTTIME in nanoseconds, later than now: from then on the lease can only be expired.
    ///   - holder: the process or cell that will spend, as `recover` knows it.
    /// - Throws: `unknownAccount`, `unknownDimension`, `dimensionTwice`, `negative`, `overflow`, `deadline`, `otherBoot`, `time`, `tooMany`.
    public mutating func reserve(_ account: AccountID, _ estimates: [Amount], at now: Moment, deadline: Int64, holder: String)
        throws(BudgetError) -> Reservation
    {
        let slot = try slot(of: account)
        let amounts = try held(estimates)
        guard leaseIndex.count < Bounds.openLeases else { throw BudgetError(.tooMany("open leases", limit: Bounds.openLeases)) }
        return try reserve(lastLease + 1, slot, amounts, now, deadline, holder, isNew: true)
    }

    /// Reserves another slice under an open lease and moves its deadline; denied, the lease stays as it was. The deadline never moves back.
    /// - Throws: as `reserve`, and `unknownLease`, `leaseExpired`.
    public mutating func extend(_ lease: LeaseID, _ estimates: [Amount], at now: Moment, deadline: Int64) throws(BudgetError) -> Reservation {
        let index = try slot(of: lease)
        let amounts = try held(estimates)
        try checkAlive(index, try time(now))
        guard leases[index].more.count + 1 < Bounds.slicesPerLease else {
            throw BudgetError(.tooMany("slices of lease \(lease)", limit: Bounds.slicesPerLease))
        }
        return try reserve(lease.number, leases[index].account, amounts, now, deadline, leases[index].holder, isNew: false)
    }

    private mutating func reserve(
        _ lease: UInt64, _ account: Int32, _ amounts: [Held], _ now: Moment, _ deadline: Int64, _ holder: String, isNew: Bool
    ) throws(BudgetError) -> Reservation {
        let time = try time(now)
        guard deadline < 1 << 61, offset + deadline > time else { throw BudgetError(.deadline(isNew ? 0 : lease)) }
        if let denial = try denial(account, amounts, time, now.wallSeconds, passSoft: false) { return .denied(denial) }
        applyReserve(lease, account, amounts, time, now.wallSeconds, offset + deadline, holder)
        let record = LedgerRecord(
            at: now,
            .reserve(lease: LeaseID(lease), account: accounts[Int(account)].name, amounts: entries(amounts), deadline: deadline, holder: holder))
        return .granted(LeaseID(lease), record)
    }

    /// Ends a lease with what was spent. Dimensions that are not named count as spent as estimated.
    ///
    /// Below the estimate the rest is free again. Above it a soft dimension is charged all, its limits overshot if need be; a hard one is
    /// charged its estimate, and the excess is in the result and in the record: that call is to be stopped.
    /// - Throws: `unknownLease`, `leaseExpired`, `unknownDimension`, `dimensionTwice`, `negative`, `overflow`, `otherBoot`, `time`; the lease stays open.
    public mutating func settle(_ lease: LeaseID, _ actual: [Amount], at now: Moment) throws(BudgetError) -> Settlement {
        let index = try slot(of: lease)
        let time = try time(now)
        try checkAlive(index, time)
        let spent = try held(actual)
        let reserved = total(index)
        var charged = reserved
        var excess: [Held] = []
        for amount in spent {
            let place = charged.firstIndex { $0.dimension >= amount.dimension } ?? charged.count
            let estimate = place < charged.count && charged[place].dimension == amount.dimension ? charged[place].value : nil
            if amount.value > (estimate ?? 0), dimensions[Int(amount.dimension)].firmness == .hard {
                excess.append(Held(dimension: amount.dimension, value: amount.value - (estimate ?? 0)))
            } else if estimate != nil {
                charged[place] = amount
            } else if amount.value > 0 {
                charged.insert(amount, at: place)
            }
        }
        try checkOvershoot(index, reserved, charged)
        applyEnd(index, charged, excess, time, now.wallSeconds)
        let told = excess.isEmpty ? [] : entries(excess)
        return Settlement(record: LedgerRecord(at: now, .settle(lease: lease, charged: entries(charged), excess: told)), excess: told)
    }

    /// Ends a lease under which nothing was spent; allowed past its deadline too, since it only gives back.
    /// - Throws: `unknownLease`, `otherBoot`, `time`.
    public mutating func release(_ lease: LeaseID, at now: Moment) throws(BudgetError) -> LedgerRecord {
        let index = try slot(of: lease)
        applyEnd(index, total(index).map { Held(dimension: $0.dimension, value: 0) }, [], try time(now), now.wallSeconds)
        return LedgerRecord(at: now, .release(lease: lease))
    }

    /// Ends the leases whose deadline has passed, in the order of their deadlines. Call it when `nextDeadline` comes, and before a denial
    /// is passed on.
    public mutating func expire(at now: Moment, charging: ExpiryCharge = .reserved) throws(BudgetError) -> [LedgerRecord] {
        let time = try time(now)
        var records: [LedgerRecord] = []
        while let entry = deadlines.first, entry.deadline <= time {
            deadlines.removeFirst()
            guard let slot = leaseIndex[entry.lease], leases[Int(slot)].deadline == entry.deadline else { continue }
            records.append(try expire(LeaseID(entry.lease), at: now, charging: charging))
        }
        return records
    }

    /// Ends one lease because its holder is gone, whatever its deadline.
    /// - Throws: `unknownLease`, `otherBoot`, `time`.
    public mutating func expire(_ lease: LeaseID, at now: Moment, charging: ExpiryCharge = .reserved) throws(BudgetError) -> LedgerRecord {
        let index = try slot(of: lease)
        let reserved = total(index)
        let charged = charging == .reserved ? reserved : reserved.map { Held(dimension: $0.dimension, value: 0) }
        applyEnd(index, charged, [], try time(now), now.wallSeconds)
        return LedgerRecord(at: now, .expire(lease: lease, charged: entries(charged)))
    }

    /// Charges an account and all above it without a lease, or none of them. Hard dimensions must fit; soft ones are told what has been
    /// spent already, and overshoot. Concurrent windows do not count it.
    /// - Returns: the record, or why not.
    public mutating func charge(_ account: AccountID, _ amounts: [Amount], at now: Moment) throws(BudgetError) -> Result<LedgerRecord, ChargeDenied> {
        let slot = try slot(of: account)
        let amounts = try held(amounts)
        let time = try time(now)
        if let denial = try denial(slot, amounts, time, now.wallSeconds, passSoft: true, isCharge: true) { return .failure(ChargeDenied(denial: denial)) }
        applyCharge(slot, amounts, time, now.wallSeconds)
        return .success(LedgerRecord(at: now, .charge(account: accounts[Int(slot)].name, amounts: entries(amounts))))
    }

    /// Forgets what one account has settled, in one dimension or all; not its parents, and not what is reserved.
    public mutating func reset(_ account: AccountID, _ dimension: DimensionID? = nil, at now: Moment) throws(BudgetError) -> LedgerRecord {
        let slot = try slot(of: account)
        let index = try dimension.map { (id) throws(BudgetError) in try self.index(of: id) }
        applyReset(slot, index, try time(now), now.wallSeconds)
        return LedgerRecord(at: now, .reset(account: accounts[Int(slot)].name, dimension: index.map { dimensions[Int($0)].name }))
    }

    // MARK: checking

    /// Amounts by index, sorted by dimension, each once and none negative.
    func held(_ amounts: [Amount]) throws(BudgetError) -> [Held] {
        var held: [Held] = []
        held.reserveCapacity(amounts.count)
        for amount in amounts {
            let dimension = try index(of: amount.dimension)
            try insert(Held(dimension: dimension, value: amount.value), into: &held)
        }
        return held
    }

    func held(_ entries: [LedgerRecord.Entry]) throws(BudgetError) -> [Held] {
        var held: [Held] = []
        for entry in entries {
            guard let dimension = recordIndex[entry.dimension] else { throw BudgetError(.unknownDimension(entry.dimension)) }
            try insert(Held(dimension: dimension, value: entry.amount), into: &held)
        }
        return held
    }

    private func insert(_ amount: Held, into held: inout [Held]) throws(BudgetError) {
        if amount.value < 0 { throw BudgetError(.negative(dimension: dimensions[Int(amount.dimension)].name, amount: amount.value)) }
        var place = held.count
        while place > 0, held[place - 1].dimension > amount.dimension { place -= 1 }
        if place > 0, held[place - 1].dimension == amount.dimension {
            throw BudgetError(.dimensionTwice(dimensions[Int(amount.dimension)].name))
        }
        if place == held.count { held.append(amount) } else { held.insert(amount, at: place) }
    }

    private func entries(_ held: [Held]) -> [LedgerRecord.Entry] {
        held.map { .init(dimension: recordNames[Int($0.dimension)], amount: $0.value) }
    }

    /// All that a lease has reserved, by dimension.
    func total(_ index: Int) -> [Held] {
        if leases[index].more.isEmpty { return leases[index].first.amounts }
        var total = leases[index].first.amounts
        for slice in leases[index].more {
            for amount in slice.amounts {
                let place = total.firstIndex { $0.dimension >= amount.dimension } ?? total.count
                if place < total.count, total[place].dimension == amount.dimension {
                    total[place] = Held(dimension: amount.dimension, value: total[place].value + amount.value)
                } else {
                    total.insert(amount, at: place)
                }
            }
        }
        return total
    }

    func checkAlive(_ index: Int, _ time: Int64) throws(BudgetError) {
        if leases[index].deadline <= time || leases[index].boot != bootNumber { throw BudgetError(.leaseExpired(leases[index].id)) }
    }

    /// Why amounts do not fit; nil where they do. Changes nothing.
    private func denial(_ account: Int32, _ amounts: [Held], _ time: Int64, _ wall: Int64, passSoft: Bool, isCharge: Bool = false)
        throws(BudgetError) -> BudgetDenial?
    {
        var fits = true
        for amount in amounts {
            let soft = passSoft && dimensions[Int(amount.dimension)].firmness == .soft
            for above in accounts[Int(account)].path {
                let cell = cells[cell(above, amount.dimension)]
                let (sum, overflow) = (cell.settled + cell.reserved).addingReportingOverflow(amount.value)
                if overflow || sum > Window.largestBound { throw overflows(above, amount.dimension) }
                if soft || amount.value == 0 { continue }
                for meter in Int(cell.firstMeter)..<Int(cell.firstMeter + cell.meterCount) where !meters[meter].fits(amount.value, cell, time, wall) {
                    if isCharge, case .concurrent = meters[meter].window { continue }
                    fits = false
                }
            }
        }
        return fits ? nil : BudgetDenial(shortages: shortages(account, amounts, time, wall, passSoft, isCharge))
    }

    private func shortages(_ account: Int32, _ amounts: [Held], _ time: Int64, _ wall: Int64, _ passSoft: Bool, _ isCharge: Bool) -> [Shortage] {
        var found: [Shortage] = []
        for amount in amounts where amount.value > 0 && !(passSoft && dimensions[Int(amount.dimension)].firmness == .soft) {
            for above in accounts[Int(account)].path {
                let cell = cells[cell(above, amount.dimension)]
                for meter in meters[Int(cell.firstMeter)..<Int(cell.firstMeter + cell.meterCount)] where !meter.fits(amount.value, cell, time, wall) {
                    if isCharge, case .concurrent = meter.window { continue }
                    found.append(
                        Shortage(
                            account: accounts[Int(above)].name, dimension: dimensions[Int(amount.dimension)], window: meter.window,
                            asked: amount.value, left: meter.left(cell, time, wall), refill: meter.refill(amount.value, cell, time, wall)))
                }
            }
        }
        // The longest first; of equals that of the account which asked.
        let first = found.indices.max {
            found[$0].refill.rank(wall) < found[$1].refill.rank(wall) || (found[$0].refill.rank(wall) == found[$1].refill.rank(wall) && $0 > $1)
        }
        if let first { found.swapAt(0, first) }
        return found
    }

    private func checkOvershoot(_ index: Int, _ reserved: [Held], _ charged: [Held]) throws(BudgetError) {
        for amount in charged {
            let before = reserved.first { $0.dimension == amount.dimension }?.value ?? 0
            if amount.value <= before { continue }
            for above in accounts[Int(leases[index].account)].path {
                let cell = cells[cell(above, amount.dimension)]
                let (sum, overflow) = (cell.settled + cell.reserved).addingReportingOverflow(amount.value - before)
                if overflow || sum > Window.largestBound { throw overflows(above, amount.dimension) }
            }
        }
    }

    private func overflows(_ account: Int32, _ dimension: Int32) -> BudgetError {
        BudgetError(.overflow(account: accounts[Int(account)].name, dimension: dimensions[Int(dimension)].name))
    }
}

/// A charge that did not fit.
public struct ChargeDenied: Error, Hashable, CustomStringConvertible {
    public let denial: BudgetDenial
    public var description: String { denial.description }
}
