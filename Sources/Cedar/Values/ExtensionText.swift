// SPDX-License-Identifier: Apache-2.0
//
// The text forms of decimal, datetime and duration: parsing exactly as the Cedar reference says, and back.

extension ExtensionValue {
    /// The value that a constructor makes of a text, or nil if the text is not of its form or out of range.
    public static func parse(_ function: ExtensionFunction, _ text: Text) -> ExtensionValue? {
        switch function {
        case .ip: IPAddress(text).map(ExtensionValue.ipaddr)
        case .decimal: decimal(Array(text.utf8)).map(ExtensionValue.decimal)
        case .datetime: datetime(Array(text.utf8)).map(ExtensionValue.datetime)
        case .duration: duration(Array(text.utf8)).map(ExtensionValue.duration)
        default: nil
        }
    }

    /// What a valid text for the constructor looks like.
    static func form(_ function: ExtensionFunction) -> String {
        switch function {
        case .ip: "an address or a range such as `127.0.0.1`, `10.0.0.0/8`, `ffee::/64`"
        case .decimal: "such as `12.34`: 1 to 4 digits after the point, -922337203685477.5808 to 922337203685477.5807"
        case .datetime:
            "such as `2024-10-15`, `2024-10-15T11:35:00Z`, `2024-10-15T11:35:00.000Z`, `2024-10-15T11:35:00.000+0100`"
        default: "such as `1d2h3m4s5ms` or `-12h`, in this order, each unit at most once, below 2^63 milliseconds"
        }
    }

    /// A decimal number of at most 64 bits; nil if it is empty, has another character or overflows.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard !digits.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard byte &- 0x30 < 10 else { return nil }
            let (product, high) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte &- 0x30))
            guard !high, !carry else { return nil }
            value = sum
        }
        return value
    }

    private static func decimal(_ bytes: [UInt8]) -> Int64? {
        let negative = bytes.first == UInt8(ascii: "-")
        let body = bytes.dropFirst(negative ? 1 : 0)
        guard let point = body.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let fraction = body[(point + 1)...]
        guard fraction.count <= 4, let whole = number(body[..<point]), let part = number(fraction) else { return nil }
        var units = part
        for _ in fraction.count..<4 { units *= 10 }
        let (scaled, high) = whole.multipliedReportingOverflow(by: 10_000)
        guard !high else { return nil }
        let (result, carry) =
            negative ? (-scaled).subtractingReportingOverflow(units) : scaled.addingReportingOverflow(units)
        return carry ? nil : result
    }

    private static func duration(_ bytes: [UInt8]) -> Int64? {
        let negative = bytes.first == UInt8(ascii: "-")
        var rest = bytes.dropFirst(negative ? 1 : 0)
        guard !rest.isEmpty else { return nil }
        let units: [(name: [UInt8], milliseconds: Int64)] = [
            ([UInt8(ascii: "d")], 86_400_000), ([UInt8(ascii: "h")], 3_600_000), ([UInt8(ascii: "m")], 60_000),
            ([UInt8(ascii: "s")], 1000), ([UInt8(ascii: "m"), UInt8(ascii: "s")], 1),
        ]
        var next = 0
        var total: Int64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0 &- 0x30 < 10 }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0 &- 0x30 >= 10 }
            rest = rest.dropFirst(name.count)
            guard let unit = units[next...].firstIndex(where: { name.elementsEqual($0.name) }) else { return nil }
            let isMinimum = negative && unit == units.count - 1 && number(digits) == nil && Self.isMinimum(digits)
            guard let count = isMinimum ? .min : number(digits) else { return nil }
            let factor = isMinimum ? 1 : negative ? -units[unit].milliseconds : units[unit].milliseconds
            let (amount, high) = count.multipliedReportingOverflow(by: factor)
            let (sum, carry) = total.addingReportingOverflow(amount)
            guard !high, !carry else { return nil }
            total = sum
            next = unit + 1
        }
        return total
    }

    /// Whether the digits are 2^63, which only a negative number of milliseconds may be.
    private static func isMinimum(_ digits: ArraySlice<UInt8>) -> Bool {
        digits.drop { $0 == 0x30 }.elementsEqual("9223372036854775808".utf8)
    }

    private static func datetime(_ bytes: [UInt8]) -> Int64? {
        var rest = bytes[...]
        func digits(_ count: Int) -> Int? {
            guard rest.count >= count, rest.prefix(count).allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reduce(0) { $0 * 10 + Int($1 &- 0x30) }
        }
        func take(_ character: UInt8) -> Bool {
            guard rest.first == character else { return false }
            rest = rest.dropFirst()
            return true
        }
        let dash = UInt8(ascii: "-")
        let colon = UInt8(ascii: ":")
        guard let year = digits(4), take(dash), let month = digits(2), take(dash), let day = digits(2),
            let days = daysSinceEpoch(year, month, day)
        else { return nil }
        let midnight = days * 86_400_000
        if rest.isEmpty { return midnight }
        guard take(UInt8(ascii: "T")), let hour = digits(2), take(colon), let minute = digits(2), take(colon),
            let second = digits(2), hour < 24, minute < 60, second < 60
        else { return nil }
        var time = Int64(hour * 3600 + minute * 60 + second) * 1000
        if take(UInt8(ascii: ".")) {
            guard let milliseconds = digits(3) else { return nil }
            time += Int64(milliseconds)
        }
        if take(UInt8(ascii: "Z")) { return rest.isEmpty ? midnight + time : nil }
        let positive = take(UInt8(ascii: "+"))
        guard positive || take(dash), let hours = digits(2), let minutes = digits(2), rest.isEmpty, hours < 24,
            minutes < 60
        else { return nil }
        let offset = Int64(hours * 3600 + minutes * 60) * 1000
        return midnight + time + (positive ? -offset : offset)
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar; nil if there is no such day.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int64? {
        guard month >= 1, month <= 12, day >= 1 else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        // Whole years before this one, from year 0, which is a leap year.
        let previous = year - 1
        let leaps = year == 0 ? 0 : previous / 4 - previous / 100 + previous / 400 + 1
        let days = year * 365 + leaps + lengths[..<(month - 1)].reduce(0, +) + day - 1
        return Int64(days - 719_528)
    }
}

extension ExtensionValue: CustomStringConvertible {
    /// The value as a call of its constructor; a datetime as an offset from 1970-01-01.
    public var description: String {
        switch self {
        case .datetime(let milliseconds): "datetime(\"1970-01-01\").offset(duration(\"\(milliseconds)ms\"))"
        default: "\(type.constructor.rawValue)(\"\(argument)\")"
        }
    }

    /// The text that its constructor makes the value of. A datetime has none that is always valid: its offset in
    /// milliseconds.
    var argument: String {
        switch self {
        case .ipaddr(let address): return address.description
        case .decimal(let units):
            let digits = String(units.magnitude % 10_000)
            let fraction = String(repeating: "0", count: 4 - digits.utf8.count) + digits
            return "\(units < 0 ? "-" : "")\(units.magnitude / 10_000).\(fraction)"
        case .duration(let milliseconds), .datetime(let milliseconds): return "\(milliseconds)ms"
        }
    }
}
