// SPDX-License-Identifier: Apache-2.0
// What the cell asked for and did not get: one entry for each kind of call with a count, in the order of the first time.
// Bounded, however hard a cell tries; the answer to a trap never waits for anything.

package import Events
package import Linux
package import Syscalls

package struct DenialBook: Sendable {
    /// Kinds of calls that get an entry of their own; the rest are counted in the last one.
    package static let capacity = 256

    private struct Key: Hashable {
        let number: Int32
        let first: UInt32
        let second: UInt32
        let wentOn: Bool
    }

    private let policy: SyscallPolicy
    private let canary: UInt16
    /// Made at the first denial; most cells have none.
    private var table: RuleTable?
    private let seed: UInt64
    private var known: [Key: (entry: Int, code: Int32)] = [:]
    private var entries: [(denial: Syscalls.Denial, count: Int64, wentOn: Bool)] = []
    private var overflow: Int64 = 0
    /// Entries that are new since the last look.
    private var unreported: [Int] = []

    /// - Parameter seed: random; ids of denials are made of it.
    package init(_ policy: SyscallPolicy, canary: UInt16, seed: UInt64) {
        self.policy = policy
        self.canary = canary
        self.seed = seed
    }

    /// Counts one trapped call.
    /// - Parameter wentOn: it is one that would be denied, were the profile enforced.
    /// - Returns: the errno that the caller gets, or would get.
    @discardableResult
    package mutating func answer(_ trap: Trap, wentOn: Bool = false) -> Int32 {
        let a = trap.arguments
        return answer(trap.number, trap.architecture, Arguments(a[0], a[1], a[2], a[3], a[4], a[5]), wentOn: wentOn)
    }

    /// Counts a process that was made, which is not trapped, where the profile would have denied it.
    package mutating func noteProcess() {
        guard let number = Architecture.native.number(of: .clone) else { return }
        answer(Int32(number), Architecture.native.auditIdentity, Arguments(UInt64(DenialBook.childEnds)), wentOn: true)
    }

    /// SIGCHLD, the flags of a clone that is a fork.
    private static let childEnds = 17

    @discardableResult
    private mutating func answer(_ number: Int32, _ architecture: UInt32, _ arguments: Arguments, wentOn: Bool) -> Int32 {
        let key = Key(number: number, first: UInt32(truncatingIfNeeded: arguments[0]), second: UInt32(truncatingIfNeeded: arguments[1]), wentOn: wentOn)
        if let (entry, code) = known[key] {
            entries[entry].count += 1
            return code
        }
        let table = self.table ?? policy.rules(canary: canary)
        self.table = table
        let outcome = table.outcome(architecture: architecture, number: UInt32(bitPattern: number), arguments: arguments)
        // What is only looked at on its way is no denial.
        if wentOn && outcome.answer == .allow { return 0 }
        let denial = Syscalls.Denial(number: number, arguments: arguments, outcome: outcome)
        let code = Int32(denial.errno ?? 1)
        // Arguments that do not tell (pointers, lengths) must not make a new kind of each call.
        if let same = entries.firstIndex(where: { $0.denial.what == denial.what && $0.wentOn == wentOn }) {
            entries[same].count += 1
            if known.count < 4 * DenialBook.capacity { known[key] = (same, code) }
        } else if entries.count < DenialBook.capacity {
            known[key] = (entries.count, code)
            unreported.append(entries.count)
            entries.append((denial, 1, wentOn))
        } else {
            overflow += 1
        }
        return code
    }

    /// All of them, for the record and the footer.
    package var denials: [Events.Denial] {
        var list = entries.indices.map(denial)
        if overflow > 0 { list.append(Events.Denial(id: id(entries.count), what: "other calls", count: overflow, remedy: nil)) }
        return list
    }

    /// Those of a kind that was not there before.
    package mutating func takeNew() -> [Events.Denial] {
        defer { unreported = [] }
        return unreported.map(denial)
    }

    private func denial(_ i: Int) -> Events.Denial {
        Events.Denial(id: id(i), what: entries[i].denial.what, count: entries[i].count, remedy: entries[i].denial.remedy, wentOn: entries[i].wentOn)
    }

    private func id(_ i: Int) -> DenialID {
        let mixed = (seed &+ UInt64(i)) &* 0x9e37_79b9_7f4a_7c15
        let bytes = [UInt8(truncatingIfNeeded: mixed >> 56), UInt8(truncatingIfNeeded: mixed >> 48), UInt8(truncatingIfNeeded: mixed >> 40)]
        return DenialID(bytes: bytes)!
    }
}
