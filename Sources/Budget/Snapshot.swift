// SPDX-License-Identifier: Apache-2.0
//
// The whole ledger as JSON and back, so that a log need not be replayed from its beginning. A ledger that was restored behaves exactly as
// the one that was written down. The document is checked like any input: it cannot bring the ledger into a state that records cannot.

public import JSON

extension Ledger {
    /// One object, `fumehood: 1`; the same for equal ledgers.
    public var snapshot: Value {
        .sorted([
            ("fumehood", 1), ("time_ns", .exact(time)), ("offset_ns", .exact(offset)), ("boot_id", boot.map { .string($0) } ?? .null),
            ("boot_number", .exact(bootNumber)), ("last_lease", .exact(Int64(clamping: lastLease))),
            ("dimensions", .array(dimensions.map { .sorted($0.members) })), ("accounts", .array(sortedAccounts.map(accountSnapshot))),
            ("leases", .array(leases.filter { $0.id != 0 }.sorted { $0.id < $1.id }.map(leaseSnapshot))),
        ])
    }

    /// Parents before children, else by name.
    private var sortedAccounts: [Int] {
        accounts.indices.filter { accounts[$0].definition != nil }.sorted {
            accounts[$0].path.count != accounts[$1].path.count
                ? accounts[$0].path.count < accounts[$1].path.count : bytesPrecede(accounts[$0].name, accounts[$1].name)
        }
    }

    private func accountSnapshot(_ slot: Int) -> Value {
        var usage: [(String, Value)] = []
        for (index, name) in recordNames.enumerated() {
            let cell = cells[cell(Int32(slot), Int32(index))]
            let own = meters[Int(cell.firstMeter)..<Int(cell.firstMeter + cell.meterCount)]
            if cell.settled == 0, cell.excess == 0, own.isEmpty { continue }
            usage.append(
                (name, .sorted([("settled", .exact(cell.settled)), ("excess", .exact(cell.excess)), ("meters", .array(own.map(\.snapshot)))])))
        }
        return .sorted((accounts[slot].definition?.members ?? []) + [("usage", .sorted(usage))])
    }

    private func leaseSnapshot(_ lease: LeaseSlot) -> Value {
        let slices = ([lease.first] + lease.more).map { slice -> Value in
            .sorted([
                ("amounts", .sorted(slice.amounts.map { (recordNames[Int($0.dimension)], .exact($0.value)) })),
                ("stamps", .array(slice.stamps.compactMap(stampSnapshot))),
            ])
        }
        return .sorted([
            ("lease", .exact(Int64(clamping: lease.id))), ("account", .string(accounts[Int(lease.account)].name)), ("holder", .string(lease.holder)),
            ("deadline_ns", .exact(lease.deadline)), ("boot_number", .exact(lease.boot)), ("slices", .array(slices)),
        ])
    }

    /// A stamp names its meter by account and place; one whose meter is gone means nothing any more.
    private func stampSnapshot(_ stamp: Stamp) -> Value? {
        guard let place = place(of: stamp.serial) else { return nil }
        return .array([.string(place.account), .string(place.dimension), .integer(Int64(place.meter)), .string("\(stamp.value)")])
    }

    private func place(of serial: UInt32) -> (account: String, dimension: String, meter: Int)? {
        guard let meter = meters.firstIndex(where: { $0.serial == serial && $0.hasState }) else { return nil }
        for slot in accounts.indices {
            for dimension in dimensions.indices {
                let cell = cells[cell(Int32(slot), Int32(dimension))]
                if cell.firstMeter <= Int32(meter), Int32(meter) < cell.firstMeter + cell.meterCount, accounts[slot].definition != nil {
                    return (accounts[slot].name, recordNames[dimension], meter - Int(cell.firstMeter))
                }
            }
        }
        return nil
    }

    /// - Throws: `document` with the member at fault; whatever a definition can be refused for.
    public init(snapshot: Value) throws(BudgetError) {
        self.init(dimensions: [])
        var fields = try Fields(snapshot, "ledger")
        guard try fields.integer("fumehood") == 1 else { throw fields.fault("fumehood", "is another major version") }
        for value in try fields.array("dimensions") {
            var members = try Fields(value, "dimensions")
            try applyDimension(try Dimension(&members))
            try members.end()
        }
        let time = try fields.integer("time_ns")
        let offset = try fields.integer("offset_ns")
        guard 0..<(1 << 62) ~= time, 0...time ~= offset else { throw fields.fault("time_ns", "is out of range") }
        self.time = time
        self.offset = offset
        boot = try fields.value("boot_id").asString
        bootNumber = try fields.integer("boot_number")
        let last = try fields.integer("last_lease")
        guard bootNumber >= 0, 0..<(1 << 62) ~= last else { throw fields.fault("last_lease", "is out of range") }
        lastLease = UInt64(last)
        for value in try fields.array("accounts") { try restoreAccount(value) }
        for value in try fields.array("leases") { try restoreLease(value) }
        try fields.end()
    }

    private mutating func restoreAccount(_ value: Value) throws(BudgetError) {
        var fields = try Fields(value, "accounts")
        let definition = try AccountDefinition(&fields)
        try applyAccount(definition)
        guard let account = accountIndex[definition.name] else { throw BudgetError(.unknownAccount(definition.name)) }
        for member in try fields.value("usage").asObject?.members ?? [] {
            guard let dimension = recordIndex[member.name] else { throw BudgetError(.unknownDimension(member.name)) }
            var usage = try Fields(member.value, "usage.\(member.name)")
            let at = cell(account, dimension)
            cells[at].settled = try usage.amount("settled")
            cells[at].excess = try usage.amount("excess")
            let states = try usage.array("meters")
            guard states.count == Int(cells[at].meterCount) else { throw usage.fault("meters", "are not as many as the limits") }
            for (index, state) in states.enumerated() { try meters[Int(cells[at].firstMeter) + index].restore(state) }
            try usage.end()
        }
        try fields.end()
    }

    private mutating func restoreLease(_ value: Value) throws(BudgetError) {
        var fields = try Fields(value, "leases")
        let id = try fields.lease()
        guard id.number <= lastLease, leaseIndex[id.number] == nil else { throw fields.fault("lease", "is out of range or there twice") }
        let name = try fields.string("account")
        guard let account = accountIndex[name] else { throw BudgetError(.unknownAccount(name)) }
        var slices: [Slice] = []
        for value in try fields.array("slices") {
            var members = try Fields(value, "slices")
            let amounts = try held(try members.amounts("amounts"))
            var stamps: [Stamp] = []
            for stamp in try members.array("stamps") { stamps.append(try restoreStamp(stamp, members)) }
            try members.end()
            slices.append(Slice(amounts: amounts, stamps: stamps))
            for amount in amounts {
                for above in accounts[Int(account)].path {
                    let at = cell(above, amount.dimension)
                    let (sum, overflow) = (cells[at].settled + cells[at].reserved).addingReportingOverflow(amount.value)
                    if overflow || sum > Window.largestBound {
                        throw BudgetError(.overflow(account: accounts[Int(above)].name, dimension: recordNames[Int(amount.dimension)]))
                    }
                    cells[at].reserved += amount.value
                }
            }
        }
        guard let first = slices.first, slices.count <= Bounds.slicesPerLease else { throw fields.fault("slices", "are none or too many") }
        let slot = LeaseSlot(
            id: id.number, account: account, holder: try fields.string("holder"), deadline: try fields.integer("deadline_ns"),
            boot: try fields.integer("boot_number"), first: first, more: Array(slices.dropFirst()))
        try fields.end()
        leaseIndex[id.number] = Int32(leases.count)
        leases.append(slot)
        accounts[Int(account)].leases += 1
        deadlines.insert(.init(deadline: slot.deadline, lease: slot.id))
    }

    private func restoreStamp(_ value: Value, _ fields: Fields) throws(BudgetError) -> Stamp {
        guard let account = value[0]?.asString.flatMap({ accountIndex[$0] }), let dimension = value[1]?.asString.flatMap({ recordIndex[$0] }),
            let place = value[2]?.asInteger, let stamp = value[3]?.asString.flatMap({ Int128($0) })
        else { throw fields.fault("stamps", "hold something that is no stamp") }
        let cell = cells[cell(account, dimension)]
        guard 0..<Int64(cell.meterCount) ~= place else { throw fields.fault("stamps", "name a limit that is not there") }
        return Stamp(serial: meters[Int(cell.firstMeter) + Int(place)].serial, value: stamp)
    }
}

extension Fields {
    /// An integer of 0...2^62.
    mutating func amount(_ name: String) throws(BudgetError) -> Int64 {
        let amount = try integer(name)
        guard 0...Window.largestBound ~= amount else { throw fault(name, "is out of range") }
        return amount
    }
}

extension Meter {
    var snapshot: Value {
        switch window {
        case .lifetime, .concurrent: [:]
        case .calendar: ["used": .exact(used), "period": .exact(period)]
        case .sliding: ["period": .exact(period), "ring": .array(ring.map { .exact($0) })]
        case .rate: ["arrival": .string("\(arrival)"), "returned": .string("\(returned)")]
        }
    }

    mutating func restore(_ value: Value) throws(BudgetError) {
        var fields = try Fields(value, "meters")
        switch window {
        case .lifetime, .concurrent: break
        case .calendar:
            used = try fields.amount("used")
            period = try fields.integer("period")
            guard period == .min || period.magnitude < 1 << 40 else { throw fields.fault("period", "is out of range") }
        case .sliding:
            period = try fields.integer("period")
            ring = try fields.integers("ring")
            guard ring.count == Int(Self.slots), -1..<(1 << 62) ~= period else { throw fields.fault("ring", "is not as long as it must be") }
            used = 0
            for amount in ring {
                guard 0...Window.largestBound - used ~= amount else { throw fields.fault("ring", "holds an amount out of range") }
                used += amount
            }
        case .rate:
            arrival = try fields.wide("arrival")
            returned = try fields.wide("returned")
            guard arrival >= 0, returned >= 0 else { throw fields.fault("arrival", "is out of range") }
        }
        try fields.end()
    }
}
