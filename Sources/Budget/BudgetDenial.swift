// SPDX-License-Identifier: Apache-2.0
//
// The ledger's no: which account, which dimension, which limit, what is left and when there is room again.

/// A limit that has no room for what was asked.
public struct Shortage: Sendable, Hashable {
    /// The account whose limit it is: the one that asked, or one above it.
    public let account: String
    public let dimension: Dimension
    public let window: Window
    /// In the dimension's own unit.
    public let asked: Int64
    /// May be negative, see `Ledger.Standing`.
    public let left: Int64
    public let refill: Refill

    /// `account `team/a` has 0 of `calls` left (30/1m), 1 asked; again in 2.0 s`.
    public var description: String {
        let when =
            switch refill {
            case .after(let nanoseconds): "again in \(seconds(nanoseconds))"
            case .at(let wallSeconds): "again at \(utc(wallSeconds))"
            case .whenReleased: "again when open calls end"
            case .never: asked > window.bound ? "more than the limit ever allows" : "not refilled"
            }
        // What is left is rounded down and what is asked up: the sentence never promises more than there is.
        let shownLeft = dimension.unit == .money ? left / 1_000_000 : left
        return "account \(quoted(account)) has \(max(0, shownLeft)) of \(quoted(dimension.shownName)) left (\(window.written(for: dimension))), "
            + "\(dimension.shown(asked)) asked; \(when)"
    }
}

/// Why a reservation was refused. Nothing was changed or charged.
public struct BudgetDenial: Sendable, Hashable, CustomStringConvertible {
    /// At least one; the one that lasts longest stands first.
    public let shortages: [Shortage]

    /// The shortage that lasts longest.
    public var cause: Shortage { shortages[0] }
    public var description: String { cause.description }
}

/// What became of a request for a lease.
public enum Reservation: Sendable, Hashable {
    /// Append the record before anything is done under the lease; if that fails, release it.
    case granted(LeaseID, LedgerRecord)
    case denied(BudgetDenial)
}

/// What became of a lease that was settled.
public struct Settlement: Sendable, Hashable {
    public let record: LedgerRecord
    /// What was spent above the reservation of hard dimensions, by record name: the call is to be stopped. It is not charged.
    public let excess: [LedgerRecord.Entry]
}

extension Refill {
    /// Longer waits have larger numbers; calendar waits are compared by the clock of the request.
    func rank(_ wall: Int64) -> (Int, Int64) {
        switch self {
        case .after(let nanoseconds): (0, nanoseconds)
        case .at(let wallSeconds):
            (0, (wallSeconds - wall).multipliedReportingOverflow(by: 1_000_000_000).overflow ? .max : (wallSeconds - wall) * 1_000_000_000)
        case .whenReleased: (1, 0)
        case .never: (2, 0)
        }
    }
}

/// Seconds with one decimal, rounded up.
private func seconds(_ nanoseconds: Int64) -> String {
    let tenths = nanoseconds / 100_000_000 + (nanoseconds % 100_000_000 > 0 ? 1 : 0)
    return "\(tenths / 10).\(tenths % 10) s"
}

/// `2026-11-21 12:00 UTC`: periods begin on whole minutes.
private func utc(_ wallSeconds: Int64) -> String {
    let month = CalendarUnit.month.period(of: wallSeconds)
    let day = (wallSeconds - CalendarUnit.month.start(of: month)) / 86400 + 1
    let minute = (wallSeconds - CalendarUnit.day.start(of: CalendarUnit.day.period(of: wallSeconds))) / 60
    let year = 1970 + (month >= 0 ? month / 12 : (month - 11) / 12)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month - (year - 1970) * 12 + 1))-\(two(day)) \(two(minute / 60)):\(two(minute % 60)) UTC"
}
