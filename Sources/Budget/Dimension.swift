// SPDX-License-Identifier: Apache-2.0
//
// What is counted: the standard dimensions and any that a user names. Amounts are integers everywhere; a unit only says how they are
// written in a limit and shown.

/// How amounts of a dimension are written and shown.
public enum AmountUnit: String, Sendable, Hashable, CaseIterable {
    case count
    /// Pico-dollars inside, dollars when written (`1.50`, at most 12 decimals), usd_micros rounded up when shown.
    case money
    /// Microseconds inside, a duration when written (`10m`, `1h30m`).
    case microseconds
    /// Bytes inside, a size when written (`64M`, powers of 1024).
    case bytes
}

/// Whether a lease may be settled above what was reserved. A hard dimension can be measured while it is spent, so the call is stopped instead.
public enum Firmness: String, Sendable, Hashable, CaseIterable {
    case hard, soft
}

/// One thing that is counted.
public struct Dimension: Sendable, Hashable {
    /// As in records and limits: 1 to 64 of a-z, 0-9 and `_`.
    public let name: String
    public let unit: AmountUnit
    public let firmness: Firmness

    /// - Throws: `name`.
    public init(name: String, unit: AmountUnit = .count, firmness: Firmness = .hard) throws(BudgetError) {
        guard 1...64 ~= name.utf8.count, name.utf8.allSatisfy({ 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x5f }) else {
            throw BudgetError(.name(name))
        }
        self.init(standard: name, unit, firmness)
    }

    init(standard name: String, _ unit: AmountUnit, _ firmness: Firmness) {
        self.name = name
        self.unit = unit
        self.firmness = firmness
    }

    /// Those of every ledger. Money and tokens are hard when we measure them ourselves; who takes an agent's word for them defines
    /// the ledger with `standard(reported:)`.
    public static let standard: [Dimension] = standard(reported: [])

    /// The standard dimensions with some of them soft, because their amounts are only reported.
    public static func standard(reported: Set<String>) -> [Dimension] {
        let rows: [(String, AmountUnit)] = [
            ("usd", .money), ("tokens_in", .count), ("tokens_out", .count), ("calls", .count), ("cpu_us", .microseconds), ("wall_us", .microseconds),
            ("memory_byte_s", .bytes), ("bytes_out", .bytes), ("bytes_written", .bytes), ("processes", .count), ("approvals", .count),
        ]
        return rows.map { Dimension(standard: $0.0, $0.1, reported.contains($0.0) ? .soft : .hard) }
    }

    /// The name in records: `usd` is shown as `usd_micros`, the others as they are.
    public var shownName: String { unit == .money ? name + "_micros" : name }

    /// An amount as records and `budget show` give it: money in millionths, rounded up (never less than was spent).
    public func shown(_ amount: Int64) -> Int64 {
        guard unit == .money else { return amount }
        let (quotient, remainder) = amount.quotientAndRemainder(dividingBy: 1_000_000)
        return remainder > 0 ? quotient + 1 : quotient
    }

    /// An amount as a limit is written; reading it back gives the same amount.
    public func written(_ amount: Int64) -> String {
        switch unit {
        case .count: return "\(amount)"
        case .money:
            let (dollars, pico) = amount.quotientAndRemainder(dividingBy: 1_000_000_000_000)
            if pico == 0 { return "\(dollars)" }
            var digits = "\(pico)"
            digits = String(repeating: "0", count: 12 - digits.utf8.count) + digits
            while digits.utf8.last == 0x30 { digits.removeLast() }
            return "\(dollars).\(digits)"
        case .microseconds: return scaled(amount, WindowParser.durationUnits)
        case .bytes: return scaled(amount, WindowParser.sizeUnits)
        }
    }

    private func scaled(_ amount: Int64, _ units: [(String, Int64)]) -> String {
        for (unit, factor) in units where amount % factor == 0 && amount > 0 { return "\(amount / factor)\(unit)" }
        return "\(amount)\(units.last?.0 ?? "")"
    }
}
