// SPDX-License-Identifier: Apache-2.0
//
// Beginning a boot, and what is done after the records of a log were replayed: leases whose holder, boot or deadline is gone end there.

extension Ledger {
    /// Tells the ledger of the boot in which it now runs; nil if it knows. The time while the host was off is not counted: rates and
    /// sliding windows then refill later than they might, never earlier.
    /// - Throws: `time`, `name` for an empty boot id.
    public mutating func begin(at now: Moment) throws(BudgetError) -> LedgerRecord? {
        if boot == now.boot { return nil }
        try applyBoot(now)
        return LedgerRecord(at: now, .boot)
    }

    /// Ends, after replay, every lease of an earlier boot, every one whose deadline has passed, and every one whose holder is gone.
    /// - Parameter isAlive: whether that holder still runs; asked only for leases of this boot that are not overdue.
    /// - Returns: the records to append, a `boot` first where this is a new one.
    public mutating func recover(at now: Moment, charging: ExpiryCharge = .reserved, isAlive: (String) -> Bool) throws(BudgetError) -> [LedgerRecord] {
        var records: [LedgerRecord] = []
        if let record = try begin(at: now) { records.append(record) }
        let time = try time(now)
        for lease in leases.filter({ $0.id != 0 }).sorted(by: { $0.id < $1.id }) {
            if lease.boot == bootNumber, lease.deadline > time, isAlive(lease.holder) { continue }
            records.append(try expire(LeaseID(lease.id), at: now, charging: charging))
        }
        return records
    }

    mutating func applyBoot(_ now: Moment) throws(BudgetError) {
        if boot == now.boot { throw BudgetError(.record("boot \(quoted(now.boot)) begins twice")) }
        guard 1...256 ~= now.boot.utf8.count else { throw BudgetError(.name(now.boot)) }
        guard 0..<(1 << 61) ~= now.bootNanoseconds, now.wallSeconds.magnitude < 1 << 40, time < (1 << 61) - now.bootNanoseconds
        else { throw BudgetError(.time(now.bootNanoseconds)) }
        offset = time
        time += now.bootNanoseconds
        boot = now.boot
        bootNumber += 1
    }
}
