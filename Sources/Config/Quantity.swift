// SPDX-License-Identifier: Apache-2.0
//
// Sizes, durations, counts and cores, from files and from flags alike. A unit is never guessed, zero and negative numbers are refused
// (they would mean "no limit" to one reader and "nothing at all" to another), and nothing overflows or rounds.

/// A quantity that was refused.
public struct QuantityError: Error, Hashable, CustomStringConvertible {
    public let message: String
    /// What to write instead.
    public let help: String

    public var description: String { "\(message)\nhelp: \(help)" }
}

public enum Quantity {
    private static let sizeUnits: [(String, Int64)] = [
        ("B", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]
    /// Longest first: parts of a duration stand in this order.
    private static let durationUnits: [(String, Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1),
    ]

    /// A size such as `512M`: a whole number and one of B, K, M, G, T (powers of 1024; KiB, MiB, GiB, TiB are the same).
    /// - Returns: bytes, 1...2^63-1.
    public static func size(_ text: String) throws(QuantityError) -> Int64 {
        let help = "a size is a whole number with a unit: `64K`, `512M`, `1G`, or `4096B` for bytes"
        let (number, unit) = try split(text, "size", help)
        if unit.isEmpty { throw QuantityError(message: "\(quoted(text)) has no unit", help: help) }
        guard let factor = sizeUnits.first(where: { $0.0 == unit })?.1 else {
            let help = nearest(unit, in: sizeUnits.map(\.0)).map { "did you mean `\(number)\($0)`? \(help)" } ?? help
            throw QuantityError(message: "\(quoted(text)) has an unknown unit \(quoted(unit))", help: help)
        }
        return try scaled(number, factor, text, help)
    }

    /// A duration such as `30s`, `250ms`, `1h30m`: whole numbers with d, h, m, s, ms, us, from the longest unit to the shortest.
    /// - Returns: microseconds, 1...2^63-1.
    public static func duration(_ text: String) throws(QuantityError) -> Int64 {
        let help = "a duration is whole numbers with units: `250ms`, `30s`, `10m`, `1h30m`"
        var rest = text
        var total: Int64 = 0
        var allowed = durationUnits[...]
        repeat {
            let (number, tail) = try split(rest, "duration", help, whole: text)
            let unit = String(tail.unicodeScalars.prefix { !("0"..."9" ~= $0) })
            if unit.isEmpty { throw QuantityError(message: "\(quoted(text)) has no unit", help: help) }
            guard durationUnits.contains(where: { $0.0 == unit }) else {
                throw QuantityError(message: "\(quoted(text)) has an unknown unit \(quoted(unit))", help: help)
            }
            guard let place = allowed.firstIndex(where: { $0.0 == unit }) else {
                throw QuantityError(message: "\(quoted(text)) has its units out of order", help: help)
            }
            // A part may be zero where another is not: `1h0m`.
            let (part, overflow) = (Int64(number) ?? .max).multipliedReportingOverflow(by: durationUnits[place].1)
            let (sum, overflowed) = total.addingReportingOverflow(part)
            if overflow || overflowed || Int64(number) == nil { throw tooLarge(text, help) }
            total = sum
            allowed = durationUnits[(place + 1)...]
            rest = String(tail.unicodeScalars.dropFirst(unit.unicodeScalars.count))
        } while !rest.isEmpty
        if total == 0 { throw zero(text, help) }
        return total
    }

    /// A count such as `64`: a whole number without a unit.
    /// - Returns: 1...2^63-1.
    public static func count(_ text: String) throws(QuantityError) -> Int64 {
        let help = "a count is a whole number, 1 or more: `64`"
        let (number, unit) = try split(text, "count", help)
        if !unit.isEmpty { throw QuantityError(message: "\(quoted(text)) is not a count: a unit \(quoted(unit)) follows the number", help: help) }
        return try scaled(number, 1, text, help)
    }

    /// Processor cores such as `1.0`, `0.5`, `2`: at most three decimals.
    /// - Returns: thousandths of a core, 1...1,000,000.
    public static func cores(_ text: String) throws(QuantityError) -> Int64 {
        let help = "cores are a number with at most three decimals: `1.0`, `0.5`, `2`"
        let (number, rest) = try split(text, "number of cores", help, fraction: true)
        var thousandths = ""
        if rest.utf8.first == 0x2e {
            thousandths = String(rest.dropFirst())
            guard 1...3 ~= thousandths.utf8.count, thousandths.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                throw QuantityError(message: "\(quoted(text)) is not a number of cores", help: help)
            }
        } else if !rest.isEmpty {
            throw QuantityError(message: "\(quoted(text)) is not a number of cores: a unit \(quoted(rest)) follows the number", help: help)
        }
        thousandths += String(repeating: "0", count: 3 - thousandths.utf8.count)
        guard let whole = Int64(number), whole <= 1000, let part = Int64(thousandths), whole * 1000 + part <= 1_000_000 else { throw tooLarge(text, help) }
        if whole == 0 && part == 0 { throw zero(text, help) }
        return whole * 1000 + part
    }

    /// The digits at the start and what follows them.
    private static func split(_ text: String, _ what: String, _ help: String, whole: String? = nil, fraction: Bool = false)
        throws(QuantityError) -> (number: String, rest: String)
    {
        func shown() -> String { quoted(whole ?? text) }
        let number = String(text.unicodeScalars.prefix { "0"..."9" ~= $0 })
        let rest = String(text.unicodeScalars.dropFirst(number.utf8.count))
        if number.isEmpty {
            if text.utf8.first == 0x2d { throw QuantityError(message: "\(shown()) is negative", help: help) }
            throw QuantityError(message: "\(shown()) is not a \(what)", help: help)
        }
        if !fraction, rest.utf8.first == 0x2e || rest.utf8.first == 0x2c {
            throw QuantityError(message: "\(shown()) is not a whole number", help: help)
        }
        return (number, rest)
    }

    private static func scaled(_ number: String, _ factor: Int64, _ text: String, _ help: String) throws(QuantityError) -> Int64 {
        guard let value = Int64(number) else { throw tooLarge(text, help) }
        let (result, overflow) = value.multipliedReportingOverflow(by: factor)
        if overflow { throw tooLarge(text, help) }
        if result == 0 { throw zero(text, help) }
        return result
    }

    private static func tooLarge(_ text: String, _ help: String) -> QuantityError {
        QuantityError(message: "\(quoted(text)) is too large", help: help)
    }

    private static func zero(_ text: String, _ help: String) -> QuantityError {
        QuantityError(message: "\(quoted(text)) is zero", help: "\(help); leave it out for the default")
    }
}
