// SPDX-License-Identifier: Apache-2.0
//
// The only code that changes what is settled, reserved and open. The decisions of Reserving.swift come here, and so do the records of a
// log: one way for both, so that replay cannot differ. It decides nothing; it refuses a record that does not follow from those before it.

extension Ledger {
    /// Applies a record of a log, in the order in which the records were made.
    /// - Throws: `record` and whatever else the record cannot be by; the ledger is then as before.
    public mutating func apply(_ record: LedgerRecord) throws(BudgetError) {
        if case .boot = record.change { return try applyBoot(record.at) }
        let time = try time(record.at)
        let wall = record.at.wallSeconds
        switch record.change {
        case .boot: break
        case .dimension(let dimension):
            try applyDimension(dimension)
            self.time = time
        case .account(let definition):
            try applyAccount(definition)
            self.time = time
        case .forget(let account):
            try applyForget(account)
            self.time = time
        case .reserve(let lease, let name, let entries, let deadline, let holder):
            let account = try known(name)
            let amounts = try held(entries)
            guard deadline < 1 << 61, offset + deadline > time else { throw BudgetError(.deadline(lease.number)) }
            if let open = leaseIndex[lease.number] {
                guard leases[Int(open)].account == account, sameText(leases[Int(open)].holder, holder) else { throw BudgetError(.leaseElsewhere(lease.number)) }
                try checkAlive(Int(open), time)
            } else if lease.number <= lastLease || lease.number >= 1 << 62 {
                throw BudgetError(.record("lease \(lease) is used again"))
            }
            try checkRoom(account, amounts)
            applyReserve(lease.number, account, amounts, time, wall, offset + deadline, holder)
        case .settle(let lease, let charged, let excess):
            try applyEnd(lease, charged, excess, time, wall)
        case .release(let lease):
            let index = try slot(of: lease)
            applyEnd(index, total(index).map { Held(dimension: $0.dimension, value: 0) }, [], time, wall)
        case .expire(let lease, let charged):
            try applyEnd(lease, charged, [], time, wall)
        case .charge(let name, let entries):
            let account = try known(name)
            let amounts = try held(entries)
            try checkRoom(account, amounts)
            applyCharge(account, amounts, time, wall)
        case .reset(let name, let dimension):
            let account = try known(name)
            var index: Int32?
            if let dimension {
                guard let found = dimensionIndex[dimension] else { throw BudgetError(.unknownDimension(dimension)) }
                index = found
            }
            applyReset(account, index, time, wall)
        }
    }

    private func known(_ name: String) throws(BudgetError) -> Int32 {
        guard let account = accountIndex[name] else { throw BudgetError(.unknownAccount(name)) }
        return account
    }

    /// Only that nothing overflows: a log may have been written under other limits.
    private func checkRoom(_ account: Int32, _ amounts: [Held]) throws(BudgetError) {
        for amount in amounts {
            for above in accounts[Int(account)].path {
                let cell = cells[cell(above, amount.dimension)]
                let (sum, overflow) = (cell.settled + cell.reserved).addingReportingOverflow(amount.value)
                if overflow || sum > Window.largestBound {
                    throw BudgetError(.overflow(account: accounts[Int(above)].name, dimension: dimensions[Int(amount.dimension)].name))
                }
            }
        }
    }

    mutating func applyReserve(
        _ lease: UInt64, _ account: Int32, _ amounts: [Held], _ time: Int64, _ wall: Int64, _ deadline: Int64, _ holder: String
    ) {
        self.time = time
        var stamps: [Stamp] = []
        let path = accounts[Int(account)].path
        stamps.reserveCapacity(amounts.count * path.count)
        // Nothing asked is nothing counted: it does not begin a period either.
        for amount in amounts where amount.value > 0 {
            for above in path {
                let at = cell(above, amount.dimension)
                cells[at].reserved += amount.value
                for meter in Int(cells[at].firstMeter)..<Int(cells[at].firstMeter + cells[at].meterCount) where meters[meter].hasState {
                    stamps.append(meters[meter].add(amount.value, time, wall))
                }
            }
        }
        let slice = Slice(amounts: amounts, stamps: stamps)
        if let open = leaseIndex[lease] {
            let index = Int(open)
            leases[index].more.append(slice)
            if deadline > leases[index].deadline {
                leases[index].deadline = deadline
                watch(deadline, lease)
            }
            return
        }
        let slot = LeaseSlot(id: lease, account: account, holder: holder, deadline: deadline, boot: bootNumber, first: slice, more: [])
        if let free = freeLeases.popLast() {
            leases[Int(free)] = slot
            leaseIndex[lease] = free
        } else {
            leaseIndex[lease] = Int32(leases.count)
            leases.append(slot)
        }
        lastLease = max(lastLease, lease)
        accounts[Int(account)].leases += 1
        watch(deadline, lease)
    }

    private mutating func watch(_ deadline: Int64, _ lease: UInt64) {
        if deadlines.entries.count > 64 + 4 * leaseIndex.count {
            deadlines.replace(with: leases.filter { $0.id != 0 && $0.id != lease }.map { .init(deadline: $0.deadline, lease: $0.id) })
        }
        deadlines.insert(.init(deadline: deadline, lease: lease))
    }

    /// Ends a lease as a record says, after looking whether the record can be true of it.
    private mutating func applyEnd(
        _ lease: LeaseID, _ charged: [LedgerRecord.Entry], _ excess: [LedgerRecord.Entry], _ time: Int64, _ wall: Int64
    ) throws(BudgetError) {
        let index = try slot(of: lease)
        let charged = try held(charged)
        let excess = try held(excess)
        let reserved = total(index)
        for amount in reserved where !charged.contains(where: { $0.dimension == amount.dimension }) {
            throw BudgetError(.record("lease \(lease) reserved \(quoted(dimensions[Int(amount.dimension)].name)), which is not charged"))
        }
        var over: [Held] = []
        for amount in charged {
            let before = reserved.first { $0.dimension == amount.dimension }?.value ?? 0
            if amount.value > before { over.append(Held(dimension: amount.dimension, value: amount.value - before)) }
        }
        try checkRoom(leases[index].account, over)
        applyEnd(index, charged, excess, time, wall)
    }

    /// - Parameter charged: every reserved dimension, and soft ones that were not reserved; sorted.
    mutating func applyEnd(_ index: Int, _ charged: [Held], _ excess: [Held], _ time: Int64, _ wall: Int64) {
        self.time = time
        let account = leases[index].account
        let path = accounts[Int(account)].path
        let single = leases[index].more.isEmpty
        let reserved = single ? leases[index].first.amounts : total(index)
        var next = 0
        var cursor = 0
        for amount in charged {
            var before: Int64 = 0
            if next < reserved.count, reserved[next].dimension == amount.dimension {
                before = reserved[next].value
                next += 1
            }
            for above in path {
                let at = cell(above, amount.dimension)
                cells[at].reserved -= before
                cells[at].settled += amount.value
                for meter in Int(cells[at].firstMeter)..<Int(cells[at].firstMeter + cells[at].meterCount) where meters[meter].hasState {
                    if amount.value > before {
                        _ = meters[meter].add(amount.value - before, time, wall)
                    } else if amount.value < before {
                        if single {
                            if let stamp = leases[index].first.stamp(meters[meter].serial, &cursor) {
                                meters[meter].giveBack(before - amount.value, stamp, time)
                            }
                        } else {
                            giveBack(index, amount.dimension, before - amount.value, meter, time)
                        }
                    }
                }
            }
        }
        for amount in excess {
            for above in path { cells[cell(above, amount.dimension)].excess = saturating(cells[cell(above, amount.dimension)].excess, amount.value) }
        }
        let lease = leases[index].id
        leaseIndex[lease] = nil
        leases[index] = LeaseSlot(id: 0, account: 0, holder: "", deadline: 0, boot: 0, first: Slice(amounts: [], stamps: []), more: [])
        freeLeases.append(Int32(index))
        accounts[Int(account)].leases -= 1
        if deadlines.first?.lease == lease { deadlines.removeFirst() }
    }

    /// From the last slice to the first: what was reserved last was spent last.
    private mutating func giveBack(_ index: Int, _ dimension: Int32, _ amount: Int64, _ meter: Int, _ time: Int64) {
        var rest = amount
        for slice in leases[index].more.reversed() + [leases[index].first] {
            guard rest > 0, let held = slice.amounts.first(where: { $0.dimension == dimension })?.value else { continue }
            var cursor = 0
            if let stamp = slice.stamp(meters[meter].serial, &cursor) { meters[meter].giveBack(min(rest, held), stamp, time) }
            rest -= min(rest, held)
        }
    }

    mutating func applyCharge(_ account: Int32, _ amounts: [Held], _ time: Int64, _ wall: Int64) {
        self.time = time
        for amount in amounts where amount.value > 0 {
            for above in accounts[Int(account)].path {
                let at = cell(above, amount.dimension)
                cells[at].settled += amount.value
                for meter in Int(cells[at].firstMeter)..<Int(cells[at].firstMeter + cells[at].meterCount) where meters[meter].hasState {
                    _ = meters[meter].add(amount.value, time, wall)
                }
            }
        }
    }

    mutating func applyReset(_ account: Int32, _ dimension: Int32?, _ time: Int64, _ wall: Int64) {
        self.time = time
        let below = leases.indices.filter { leases[$0].id != 0 && accounts[Int(leases[$0].account)].path.contains(account) }
        for index in dimensions.indices where dimension == nil || dimension == Int32(index) {
            let at = cell(account, Int32(index))
            cells[at].settled = 0
            cells[at].excess = 0
            for meter in Int(cells[at].firstMeter)..<Int(cells[at].firstMeter + cells[at].meterCount) where meters[meter].hasState {
                let serial = meters[meter].serial
                let open = below.flatMap { lease in
                    ([leases[lease].first] + leases[lease].more).compactMap { $0.share(of: Int32(index), serial) }
                }
                let stamp = meters[meter].reset(open: open, newSerial: nextSerial, time, wall)
                nextSerial += 1
                guard let stamp else { continue }
                for lease in below {
                    leases[lease].first.restamp(Int32(index), stamp)
                    for slice in leases[lease].more.indices { leases[lease].more[slice].restamp(Int32(index), stamp) }
                }
            }
        }
    }
}

extension Slice {
    /// What it holds of a dimension, with the stamp of a meter; nil for nothing.
    fileprivate func share(of dimension: Int32, _ serial: UInt32) -> (amount: Int64, stamp: Stamp?)? {
        guard let held = amounts.first(where: { $0.dimension == dimension })?.value, held > 0 else { return nil }
        return (held, stamps.first { $0.serial == serial })
    }

    fileprivate mutating func restamp(_ dimension: Int32, _ stamp: Stamp) {
        guard amounts.contains(where: { $0.dimension == dimension && $0.value > 0 }) else { return }
        if let place = stamps.firstIndex(where: { $0.serial == stamp.serial }) { stamps[place] = stamp } else { stamps.append(stamp) }
    }

    /// The stamp of a meter; the cursor is where the last one was found, since they are mostly asked for in their order.
    func stamp(_ serial: UInt32, _ cursor: inout Int) -> Stamp? {
        if cursor < stamps.count, stamps[cursor].serial == serial {
            cursor += 1
            return stamps[cursor - 1]
        }
        guard let found = stamps.firstIndex(where: { $0.serial == serial }) else { return nil }
        cursor = found + 1
        return stamps[found]
    }
}

/// Whether two texts are the same bytes; `==` of strings is another relation.
func sameText(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
