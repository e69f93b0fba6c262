// SPDX-License-Identifier: Apache-2.0
// The ledger of the accounts that persist: the user's own log replayed, changed under one lock, and each change in the log before anybody goes by
// it. Sessions have ledgers of their own; theirs are not read here.

import AuditLog
package import Budget
import Glibc
import Linux

package struct BudgetBook: ~Copyable {
    package private(set) var ledger: Ledger
    private let place: LogPlace
    private let folder: String
    private var changes: [LedgerRecord] = []
    private let hold: Hold
    private let now: Instant

    /// The lock of all ledgers of this user.
    private struct Hold: ~Copyable {
        private let held: FileLock
        private let file: Descriptor

        init(_ path: String) throws {
            let file = try Files.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            guard let held = try FileLock(file, within: 5000) else { throw LogPlaceError(missing: "another process holds the ledger") }
            self.held = held
            self.file = file
        }
    }

    /// Replays the log and defines the accounts. Other processes wait until this is gone.
    /// - Throws: `LogPlaceError`, `LogError`, `BudgetError`, `SystemError`.
    package init(_ place: LogPlace, accounts: [AccountDefinition]) throws {
        guard let state = place.state else { throw LogPlaceError(missing: "there is no folder for budgets: HOME is not set") }
        try Storage.makeFolders(state)
        let hold = try Hold("\(state)/ledger.lock")
        let now = Instants().now
        // Whatever --log says: these accounts live in the user's own log only.
        let folder = state + "/log"
        var ledger = Ledger()
        if Files.exists(folder), let key = try place.verifyingKey() { ledger = try LogReader(folder: folder, key: key).ledger() }
        var changes: [LedgerRecord] = []
        if let boot = try ledger.begin(at: now.moment) { changes.append(boot) }
        changes += try ledger.define(accounts, at: now.moment)
        self.init(hold, place, folder, ledger, changes, now)
    }

    private init(_ hold: consuming Hold, _ place: LogPlace, _ folder: String, _ ledger: Ledger, _ changes: [LedgerRecord], _ now: Instant) {
        (self.place, self.folder, self.ledger, self.changes, self.now) = (place, folder, ledger, changes, now)
        self.hold = hold
    }

    /// One change; it is in the log when this returns.
    package mutating func change(_ body: (inout Ledger, Moment) throws -> LedgerRecord?) throws {
        guard let record = try body(&ledger, now.moment) else { return }
        let log = try DirectLog(folder: folder, key: try place.signingKey())
        for change in changes + [record] { try log.append(change, at: now) }
        changes = []
        try log.flush()
        try log.sign()
    }

    package var moment: Moment { now.moment }
}

extension Instant {
    fileprivate var moment: Moment { Moment(boot: boot, bootNanoseconds: bootNanoseconds, wallSeconds: wallNanoseconds / 1_000_000_000) }
}
