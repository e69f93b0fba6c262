// SPDX-License-Identifier: Apache-2.0
//
// A record as people read it: one line, whatever bytes the entry has. It is made from the entry alone; an entry that is no record of ours
// is shown too, as what it is.

public import JSON

/// One line of `log show`.
public struct ShownRecord: Sendable, Hashable {
    public let number: UInt64
    /// Nil where the entry is no JSON object.
    public let value: Value?
    private let entry: [UInt8]

    public init(number: UInt64, entry: some Collection<UInt8>) {
        self.number = number
        self.entry = Array(entry)
        let value = try? Value(parsing: self.entry)
        self.value = value?.asObject == nil ? nil : value
    }

    public var kind: String? { value?["kind"]?.asString }

    /// `12 2026-11-21T13:45:09.123456Z decision call=k7f3a outcome=deny ...`, without a line feed. Nothing in it can act on a terminal.
    public var line: String {
        guard let object = value?.asObject else { return "\(number) - unreadable \(Value.string(String(decoding: entry, as: UTF8.self)).serialised())" }
        var parts = ["\(number)", time(object["time_ns"]?.asInteger), Self.plain(object["kind"] ?? .null)]
        let order = ["outcome", "session", "cell", "call", "principal", "tool", "lease", "latency_ns", "policies", "errors", "obligations", "data"]
        let rest = object.members.map(\.name).filter { !order.contains($0) && !["time_ns", "kind", "fumehood", "boot_id", "boot_ns"].contains($0) }
        for name in order + rest {
            if let value = object[name] { parts.append("\(Self.plain(.string(name)))=\(Self.plain(value))") }
        }
        return parts.joined(separator: " ")
    }

    /// Bare where it is a plain word, JSON with every acting character escaped where not.
    private static func plain(_ value: Value) -> String {
        if let text = value.asString, !text.isEmpty, text.utf8.allSatisfy(isPlain) { return text }
        return value.serialised()
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case 0x2d, 0x2e, 0x2f, 0x3a, 0x5f, 0x40, 0x2b: true
        default: false
        }
    }

    private func time(_ nanoseconds: Int64?) -> String {
        guard let nanoseconds else { return "-" }
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let second = rest < 0 ? seconds - 1 : seconds
        let micros = (rest < 0 ? rest + 1_000_000_000 : rest) / 1000
        let day = (second >= 0 ? second : second - 86_399) / 86_400
        let clock = second - day * 86_400
        let date = Self.date(day)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let fraction = String(repeating: "0", count: 6 - "\(micros)".utf8.count) + "\(micros)"
        return "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60)).\(fraction)Z"
    }

    /// The proleptic Gregorian date of a day since 1970-01-01, counted in years that begin with March.
    private static func date(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        return (year + era * 400 + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, ofYear - (153 * month + 2) / 5 + 1)
    }
}
