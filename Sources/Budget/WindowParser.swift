// SPDX-License-Identifier: Apache-2.0
//
// Reads a window as a person writes it. Every error has the column where it stands and says what to write. A unit is never guessed, zero
// is refused (it would mean "no limit" to one reader and "nothing" to another), and nothing rounds or overflows.

extension Window {
    /// A window of a dimension, such as `200`, `1.50/day`, `30/1m`, `10m sliding 1h`, `4 concurrent`.
    /// - Throws: `syntax`.
    public init(parsing text: String, for dimension: Dimension) throws(BudgetError) {
        var parser = WindowParser(text)
        self = try parser.window(dimension)
    }
}

struct WindowParser {
    /// Longest first; parts of a duration stand in this order.
    static let durationUnits: [(String, Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1),
    ]
    static let spanUnits: [(String, Int64)] = durationUnits.map { ($0.0, $0.1 * 1000) } + [("ns", 1)]
    static let sizeUnits: [(String, Int64)] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("B", 1)]

    private let text: String
    private let scalars: [Unicode.Scalar]
    private var at = 0

    init(_ text: String) {
        self.text = text
        scalars = Array(text.unicodeScalars)
    }

    mutating func window(_ dimension: Dimension) throws(BudgetError) -> Window {
        let bound = try quantity(dimension.unit)
        let spaces = skipSpaces()
        if at == scalars.count { return .lifetime(bound) }
        if scalars[at] == "/" {
            at += 1
            _ = skipSpaces()
            return try per(bound, dimension)
        }
        let start = at
        let word = letters()
        guard spaces > 0 else {
            throw fault(start, "\(quoted(word.isEmpty ? String(scalars[start]) : word)) follows the number", Self.grammar(dimension))
        }
        switch word {
        case "sliding":
            guard skipSpaces() > 0 || at == scalars.count else {
                throw fault(at, "a space is missing before the span", "such as `\(dimension.written(bound)) sliding 1h`")
            }
            let span = try self.span("such as `\(dimension.written(bound)) sliding 1h`")
            try end()
            return .sliding(bound, nanoseconds: span)
        case "concurrent":
            try end()
            return .concurrent(bound)
        default:
            throw fault(start, "\(quoted(word.isEmpty ? String(scalars[start]) : word)) is no kind of window", Self.grammar(dimension))
        }
    }

    /// What follows the slash.
    private mutating func per(_ bound: Int64, _ dimension: Dimension) throws(BudgetError) -> Window {
        let start = at
        if at == scalars.count || !isDigit(scalars[at]) {
            let word = letters()
            if let unit = CalendarUnit(rawValue: word) {
                try end()
                return .calendar(bound, unit)
            }
            let number = dimension.written(bound)
            // "per minute" is a rate; the calendar begins at the hour.
            let spans = ["s": "1s", "second": "1s", "m": "1m", "min": "1m", "minute": "1m", "h": "1h", "d": "1d", "w": "7d", "year": "365d"]
            let help = spans[word].map {
                "`\(number)/\($0)` is a rate"
                    + (["h", "d", "w"].contains(word) ? ", `\(number)/\(["h": "hour", "d": "day", "w": "week"][word] ?? "day")` goes by the calendar" : "")
            }
            throw fault(
                start, word.isEmpty ? "a span or a calendar unit is missing" : "\(quoted(word)) is neither a span nor a calendar unit",
                help ?? "a span such as `\(number)/1m`, or one of `hour`, `day`, `week`, `month`")
        }
        let span = try self.span("a span such as `\(dimension.written(bound))/1m`, or one of `hour`, `day`, `week`, `month`")
        try end()
        return .rate(bound, nanoseconds: span)
    }

    private mutating func quantity(_ unit: AmountUnit) throws(BudgetError) -> Int64 {
        switch unit {
        case .count:
            let start = at
            let value = try digits("a whole number such as `200`")
            if at < scalars.count, scalars[at] == "." || scalars[at] == "," { throw fault(at, "not a whole number", "a whole number such as `200`") }
            return try checked(value, start, "a whole number such as `200`")
        case .money: return try money()
        case .microseconds: return try parts(Self.durationUnits, "a duration such as `10m`, `90s`, `1h30m`")
        case .bytes:
            let help = "a size such as `64M` or `4096B`"
            let start = at
            let value = try digits(help)
            let unitStart = at
            let word = letters()
            guard let factor = Self.sizeUnits.first(where: { $0.0 == word || $0.0 + "iB" == word })?.1 else {
                throw fault(unitStart, word.isEmpty ? "the size has no unit" : "\(quoted(word)) is no unit of size", help)
            }
            let (product, overflow) = value.multipliedReportingOverflow(by: factor)
            return try checked(overflow ? .max : product, start, help)
        }
    }

    /// Dollars with at most twelve decimals.
    private mutating func money() throws(BudgetError) -> Int64 {
        let help = "dollars such as `5` or `1.50`"
        let start = at
        if at < scalars.count, scalars[at] == "$" { throw fault(at, "the currency is always the dollar", help) }
        let whole = try digits(help)
        var pico: Int64 = 0
        if at < scalars.count, scalars[at] == "." {
            at += 1
            let fraction = at
            pico = try digits(help)
            let places = at - fraction
            if places > 12 { throw fault(fraction + 12, "more than twelve decimals", "the smallest amount is `0.000000000001`") }
            for _ in places..<12 { pico *= 10 }
        }
        let (product, overflow) = whole.multipliedReportingOverflow(by: 1_000_000_000_000)
        let (sum, overflowed) = product.addingReportingOverflow(pico)
        return try checked(overflow || overflowed ? .max : sum, start, help)
    }

    private mutating func span(_ help: String) throws(BudgetError) -> Int64 {
        let start = at
        let span = try parts(Self.spanUnits, help)
        if span > Window.longestSpan { throw fault(start, "longer than 400 days", help) }
        return span
    }

    /// Whole numbers with units, from the longest unit to the shortest.
    private mutating func parts(_ units: [(String, Int64)], _ help: String) throws(BudgetError) -> Int64 {
        let start = at
        var total: Int64 = 0
        var allowed = units[...]
        repeat {
            let number = try digits(help)
            let unitStart = at
            let word = letters()
            guard let place = units.firstIndex(where: { $0.0 == word }) else {
                throw fault(unitStart, word.isEmpty ? "the number has no unit" : "\(quoted(word)) is no unit of time", help)
            }
            guard allowed.contains(where: { $0.0 == word }) else { throw fault(unitStart, "the units are out of order", help) }
            let (part, overflow) = number.multipliedReportingOverflow(by: units[place].1)
            let (sum, overflowed) = total.addingReportingOverflow(part)
            total = overflow || overflowed ? .max : sum
            allowed = units[(place + 1)...]
        } while at < scalars.count && isDigit(scalars[at])
        return try checked(total, start, help)
    }

    private mutating func digits(_ help: String) throws(BudgetError) -> Int64 {
        let start = at
        var value: Int64 = 0
        while at < scalars.count, isDigit(scalars[at]) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = product.addingReportingOverflow(Int64(scalars[at].value) - 0x30)
            value = overflow || overflowed ? .max : sum
            at += 1
        }
        if at == start {
            let negative = at < scalars.count && scalars[at] == "-"
            throw fault(at, negative ? "a limit cannot be negative" : "a number is missing", help)
        }
        return value
    }

    private func checked(_ value: Int64, _ start: Int, _ help: String) throws(BudgetError) -> Int64 {
        if value == 0 { throw fault(start, "zero is no limit", "leave it out for no limit, or deny by policy") }
        if value > Window.largestBound { throw fault(start, "larger than 2^62", help) }
        return value
    }

    private mutating func letters() -> String {
        let start = at
        while at < scalars.count, "a"..."z" ~= scalars[at] || "A"..."Z" ~= scalars[at] { at += 1 }
        return String(String.UnicodeScalarView(scalars[start..<at]))
    }

    private mutating func skipSpaces() -> Int {
        let start = at
        while at < scalars.count, scalars[at] == " " { at += 1 }
        return at - start
    }

    private mutating func end() throws(BudgetError) {
        _ = skipSpaces()
        if at < scalars.count { throw fault(at, "something follows the window", "leave it out") }
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool { "0"..."9" ~= scalar }

    private func fault(_ index: Int, _ problem: String, _ help: String) -> BudgetError {
        BudgetError(.syntax(text: text, column: index + 1, problem: problem, help: help))
    }

    private static func grammar(_ dimension: Dimension) -> String {
        let number =
            switch dimension.unit {
            case .count: "200"
            case .money: "1.50"
            case .microseconds: "10m"
            case .bytes: "64M"
            }
        return "`\(number)` for good, `\(number)/1m` a rate, `\(number)/day` by the calendar, `\(number) sliding 1h`, `\(number) concurrent`"
    }
}
