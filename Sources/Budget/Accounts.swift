// SPDX-License-Identifier: Apache-2.0
//
// Defining dimensions and accounts, changing limits, forgetting. Each is a record, so that a log tells under which limits it was written.

extension Ledger {
    /// Defines a dimension; nil if it exists so already.
    /// - Throws: `dimensionDiffers`, `tooMany`, `otherBoot`, `time`.
    public mutating func define(_ dimension: Dimension, at now: Moment) throws(BudgetError) -> LedgerRecord? {
        if let index = dimensionIndex[dimension.name], dimensions[Int(index)] == dimension { return nil }
        let record = LedgerRecord(at: now, .dimension(dimension))
        try apply(record)
        return record
    }

    /// Defines an account or changes its limits; nil if it exists so already. Usage is kept. A changed limit keeps its state where only its
    /// bound changes; a new calendar, sliding or rate window begins empty.
    /// - Throws: `unknownParent`, `accountDiffers`, `accountKind`, `unknownDimension`, `tooDeep`, `tooMany`, `name`, `setting`.
    public mutating func define(_ account: AccountDefinition, at now: Moment) throws(BudgetError) -> LedgerRecord? {
        if let index = accountIndex[account.name], accounts[Int(index)].definition == account { return nil }
        let record = LedgerRecord(at: now, .account(account))
        try apply(record)
        return record
    }

    /// Defines several accounts, given in any order, or none of them.
    /// - Throws: as for one, and `accountCycle`.
    public mutating func define(_ definitions: [AccountDefinition], at now: Moment) throws(BudgetError) -> [LedgerRecord] {
        var ledger = self
        var records: [LedgerRecord] = []
        for definition in try Self.ordered(definitions, known: accountIndex) {
            if let record = try ledger.define(definition, at: now) { records.append(record) }
        }
        self = ledger
        return records
    }

    /// Removes an account that nothing stands below or holds a lease of; its parents keep what it spent.
    /// - Throws: `accountInUse`, `unknownAccount`.
    public mutating func forget(_ account: AccountID, at now: Moment) throws(BudgetError) -> LedgerRecord {
        let record = LedgerRecord(at: now, .forget(account: accounts[Int(try slot(of: account))].name))
        try apply(record)
        return record
    }

    /// Parents before children.
    private static func ordered(_ definitions: [AccountDefinition], known: [String: Int32]) throws(BudgetError) -> [AccountDefinition] {
        var byName: [String: AccountDefinition] = [:]
        for definition in definitions {
            if byName.updateValue(definition, forKey: definition.name) != nil { throw BudgetError(.accountDiffers(definition.name)) }
        }
        var done: Set<String> = []
        var result: [AccountDefinition] = []
        for definition in definitions {
            var chain: [AccountDefinition] = []
            var seen: Set<String> = []
            var next: AccountDefinition? = definition
            while let current = next, !done.contains(current.name) {
                if !seen.insert(current.name).inserted {
                    let names = chain.map(\.name)
                    throw BudgetError(.accountCycle(Array(names[(names.firstIndex(of: current.name) ?? 0)...]) + [current.name]))
                }
                chain.append(current)
                next = current.parent.flatMap { byName[$0] }
                if next == nil, let parent = current.parent, known[parent] == nil {
                    throw BudgetError(.unknownParent(account: current.name, parent: parent))
                }
            }
            for definition in chain.reversed() {
                done.insert(definition.name)
                result.append(definition)
            }
        }
        return result
    }

    // MARK: applying

    mutating func applyDimension(_ dimension: Dimension) throws(BudgetError) {
        guard dimensionIndex[dimension.name] == nil, recordIndex[dimension.recordName] == nil, recordIndex[dimension.name] == nil,
            dimensionIndex[dimension.recordName] == nil
        else { throw BudgetError(.dimensionDiffers(dimension.name)) }
        guard dimensions.count < Bounds.dimensions else { throw BudgetError(.tooMany("dimensions", limit: Bounds.dimensions)) }
        let width = dimensions.count
        append(dimension)
        var wider: [Cell] = []
        wider.reserveCapacity(accounts.count * dimensions.count)
        for account in accounts.indices {
            wider += cells[(account * width)..<((account + 1) * width)]
            wider.append(Cell())
        }
        cells = wider
    }

    mutating func applyAccount(_ definition: AccountDefinition) throws(BudgetError) {
        try check(definition)
        if let existing = accountIndex[definition.name] {
            let slot = accounts[Int(existing)]
            guard slot.definition?.parent == definition.parent, slot.definition?.kind == definition.kind else {
                throw BudgetError(.accountDiffers(definition.name))
            }
            accounts[Int(existing)].definition = definition
            layOut(existing, definition.limits)
            return
        }
        var parent: Int32 = -1
        var path: [Int32] = []
        if let name = definition.parent {
            guard let found = accountIndex[name] else { throw BudgetError(.unknownParent(account: definition.name, parent: name)) }
            parent = found
            path = accounts[Int(found)].path
            guard let above = accounts[Int(found)].definition, above.kind.rank <= definition.kind.rank else {
                throw BudgetError(.accountKind(definition.name, parent: name))
            }
            guard path.count < Bounds.depth else { throw BudgetError(.tooDeep(account: definition.name, limit: Bounds.depth)) }
        }
        guard accountIndex.count < Bounds.accounts else { throw BudgetError(.tooMany("accounts", limit: Bounds.accounts)) }
        let slot: Int32
        if let free = freeAccounts.popLast() {
            slot = free
        } else {
            slot = Int32(accounts.count)
            accounts.append(AccountSlot())
            cells += Array(repeating: Cell(), count: dimensions.count)
        }
        accounts[Int(slot)].definition = definition
        accounts[Int(slot)].name = definition.name
        accounts[Int(slot)].parent = parent
        accounts[Int(slot)].path = [slot] + path
        accountIndex[definition.name] = slot
        if parent >= 0 { accounts[Int(parent)].children += 1 }
        layOut(slot, definition.limits)
    }

    private func check(_ definition: AccountDefinition) throws(BudgetError) {
        let name = definition.name
        guard 1...256 ~= name.unicodeScalars.count, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
            throw BudgetError(.name(name))
        }
        guard definition.limits.count <= Bounds.limitsPerAccount else {
            throw BudgetError(.tooMany("limits of account \(quoted(name))", limit: Bounds.limitsPerAccount))
        }
        for limit in definition.limits {
            guard dimensionIndex[limit.dimension] != nil else { throw BudgetError(.unknownDimension(limit.dimension)) }
            guard limit.window.isLegal else { throw BudgetError(.setting("a limit of \(quoted(limit.dimension)) is out of range")) }
            guard definition.limits.count(where: { $0.dimension == limit.dimension && $0.window.counts(like: limit.window) }) == 1 else {
                throw BudgetError(.setting("account \(quoted(name)) has two limits of \(quoted(limit.dimension)) over the same window"))
            }
        }
    }

    mutating func applyForget(_ name: String) throws(BudgetError) {
        guard let slot = accountIndex[name] else { throw BudgetError(.unknownAccount(name)) }
        let account = accounts[Int(slot)]
        guard account.children == 0, account.leases == 0 else { throw BudgetError(.accountInUse(name)) }
        layOut(slot, [])
        for dimension in dimensions.indices { cells[cell(slot, Int32(dimension))] = Cell() }
        accountIndex[name] = nil
        if account.parent >= 0 { accounts[Int(account.parent)].children -= 1 }
        accounts[Int(slot)] = AccountSlot(generation: account.generation &+ 1)
        freeAccounts.append(slot)
    }

    /// Lays the meters out again, those of one account after its new limits: reading is often, this is rare. An account that had none
    /// gets its own at the end.
    private mutating func layOut(_ account: Int32, _ limits: [AccountLimit]) {
        let own = cell(account, 0)..<(cell(account, 0) + dimensions.count)
        if cells[own].allSatisfy({ $0.meterCount == 0 }) {
            for (dimension, at) in own.enumerated() {
                cells[at].firstMeter = Int32(meters.count)
                for limit in limits where dimensionIndex[limit.dimension] == Int32(dimension) { meters.append(meter(limit.window, [])) }
                cells[at].meterCount = Int32(meters.count) - cells[at].firstMeter
            }
            return
        }
        var laid: [Meter] = []
        laid.reserveCapacity(meters.count + limits.count)
        for slot in accounts.indices {
            for dimension in dimensions.indices {
                let at = cell(Int32(slot), Int32(dimension))
                let old = meters[Int(cells[at].firstMeter)..<Int(cells[at].firstMeter + cells[at].meterCount)]
                let first = laid.count
                if slot == Int(account) {
                    for limit in limits where dimensionIndex[limit.dimension] == Int32(dimension) { laid.append(meter(limit.window, old)) }
                } else {
                    laid += old
                }
                cells[at].firstMeter = Int32(first)
                cells[at].meterCount = Int32(laid.count - first)
            }
        }
        meters = laid
    }

    /// A meter for a window that goes on from the old one of the same kind and span.
    private mutating func meter(_ window: Window, _ old: ArraySlice<Meter>) -> Meter {
        if let same = old.first(where: { $0.window == window }) { return same }
        defer { nextSerial += 1 }
        var meter = Meter(window, serial: nextSerial)
        guard let before = old.first(where: { $0.window.counts(like: window) }) else { return meter }
        meter.used = before.used
        meter.period = before.period
        meter.ring = before.ring
        if case .rate(let bound, _) = window {
            // The same debt in units: what is left to drain is carried over, not the time that draining takes.
            let debt = max(0, before.arrival - Int128(time) * Int128(before.window.bound))
            meter.arrival = saturating(Int128(time) * Int128(bound), debt)
        } else {
            // Counted under the same periods: what is given back finds its place.
            meter.serial = before.serial
        }
        return meter
    }
}
