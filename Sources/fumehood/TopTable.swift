// SPDX-License-Identifier: Apache-2.0
// Running cells as a table: rows from what their supervisors answered, sorted, laid out for a width. Pure: no terminal, no clock.

import Events
import JSON

/// One cell as `top` shows it.
struct TopRow {
    var cell: String
    var session: String
    /// `running`, `frozen`, `freezing`.
    var state: String
    var rung: String?
    var command: String
    /// Thousandths of a core since the sample before; nil for a cell seen once.
    var millicores: Int64?
    var processorMicroseconds: Int64
    var wall: Int64
    var memory: Int64?
    var pids: Int64?
    var limits: (millicores: Int64?, memory: Int64?, pids: Int64?, wall: Int64?)
    /// `cpu 1.0 of 0.8`: what caused the last change of rung.
    var reason: String
    /// Calls of tools in the last minute; nil for a cell that is not called.
    var calls: Int64?
    /// Of the budget's limits the one of which the least part is left.
    var scarcest: (dimension: String, left: Int64, bound: Int64)?

    /// - Parameter before: the same cell's answer some time ago.
    init(_ answer: Value, before: Value?) {
        func number(_ key: String) -> Int64? { answer[key]?.asInteger }
        cell = answer["cell"]?.asString ?? ""
        session = answer["session"]?.asString ?? ""
        state = answer["state"]?.asString ?? ""
        rung = answer["rung"]?.asString
        command = TopRow.plain((answer["command"]?.asArray ?? []).compactMap(\.asString).joined(separator: " "))
        processorMicroseconds = number("cpu_us") ?? 0
        wall = number("wall_us") ?? 0
        memory = number("memory_bytes")
        pids = number("pids")
        let limit = answer["limits"]
        limits = (limit?["cpu_millicores"]?.asInteger, limit?["memory_bytes"]?.asInteger, limit?["pids"]?.asInteger, limit?["wall_us"]?.asInteger)
        if let before, let time = before["cpu_us"]?.asInteger, let then = before["wall_us"]?.asInteger, wall > then {
            millicores = max(0, processorMicroseconds - time) * 1000 / (wall - then)
        }
        reason = TopRow.reason(answer["last_change"])
        calls = number("calls_minute")
        for row in answer["budget"]?.asArray ?? [] {
            guard let name = row["dimension"]?.asString, let left = row["left"]?.asInteger, let bound = row["bound"]?.asInteger, bound > 0 else { continue }
            if scarcest.map({ Double(left) / Double(bound) < Double($0.left) / Double($0.bound) }) ?? true { scarcest = (TopRow.plain(name), left, bound) }
        }
    }

    private static func reason(_ change: Value?) -> String {
        guard let name = change?["gauge"]?.asString, let gauge = Gauge(name: name), let bound = change?["bound_" + gauge.unit]?.asInteger,
            let reading = change?["reading_" + gauge.unit]?.asInteger
        else { return "" }
        return "\(name) \(TopTable.amount(reading, gauge.unit)) of \(TopTable.amount(bound, gauge.unit))"
    }

    /// One column for each character, and nothing that a terminal obeys.
    static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { (0x20..<0x7f).contains($0.value) || (0xa1..<0x300).contains($0.value) ? $0 : "?" }))
    }

    /// What is most in the way comes first, then what works most.
    static func precedes(_ a: TopRow, _ b: TopRow) -> Bool {
        let (x, y) = (a.weight, b.weight)
        return x != y ? x > y : (a.millicores ?? 0) != (b.millicores ?? 0) ? (a.millicores ?? 0) > (b.millicores ?? 0) : a.cell < b.cell
    }

    private var weight: Int { state == "running" ? rung.flatMap { Rung(name: $0)?.rawValue } ?? 0 : Rung.freeze.rawValue }

    /// The rung, or that a person froze it.
    var shownRung: String { state == "running" ? rung ?? "-" : rung == "freeze" ? "freeze" : state }
}

enum TopTable {
    /// Columns that a table needs to be one.
    static let leastWidth = 66

    /// The head and the rows; each as wide as `width` at most.
    /// - Parameter machineCores: what the bar of cores is of where a cell has no limit.
    static func lines(_ rows: [TopRow], width: Int, machineCores: Int) -> (head: String, rows: [String]) {
        let isWide = width >= 120
        // Only where somebody is called: then bars give way in a narrow window.
        let isCalled = rows.contains { $0.calls != nil }
        let bar = isWide ? 12 : isCalled ? 3 : 5
        let head =
            pad("CELL", 12) + pad("RUNG", 10) + pad("CPU", bar + 6) + pad("MEMORY", bar + 7) + pad("PIDS", bar + 6) + pad("TIME", 8)
            + (isCalled ? pad("CALLS/M", 8) + pad("LEFT", isWide ? 22 : 5) : "") + (isWide ? pad("LAST CHANGE BY", 30) : "") + "COMMAND"
        let lines = rows.map { row in
            var line = pad(row.cell, 12) + pad(row.shownRung, 10)
            line +=
                gauge(row.millicores, of: row.limits.millicores ?? Int64(machineCores) * 1000, bar)
                + pad(row.millicores.map { amount($0, "millicores") } ?? "-", 5)
            line += gauge(row.memory, of: row.limits.memory, bar) + pad(row.memory.map { amount($0, "bytes") } ?? "-", 6)
            line += gauge(row.pids, of: row.limits.pids, bar) + pad(row.pids.map { "\($0)" } ?? "-", 5)
            line += pad(RunningCells.seconds(row.wall), 8)
            if isCalled { line += pad(row.calls.map { "\($0)" } ?? "-", 8) + pad(left(row, isWide), isWide ? 22 : 5) }
            if isWide { line += pad(row.reason, 30) }
            return cut(line + row.command, width)
        }
        return (cut(head, width), lines)
    }

    /// `calls 7 of 10`, or a percentage where there is little room.
    private static func left(_ row: TopRow, _ isWide: Bool) -> String {
        guard let (name, left, bound) = row.scarcest else { return "-" }
        if !isWide { return "\(Int(Double(max(0, left)) / Double(bound) * 100))%" }
        let unit = name.hasSuffix("_us") ? "us" : name.hasPrefix("bytes") ? "bytes" : "count"
        return "\(name) \(amount(left, unit)) of \(amount(bound, unit))"
    }

    /// `##...`, and nothing where nothing bounds it.
    private static func gauge(_ value: Int64?, of bound: Int64?, _ width: Int) -> String {
        guard let value, let bound, bound > 0 else { return String(repeating: " ", count: width + 1) }
        let full = min(width, Int((Double(value) / Double(bound) * Double(width)).rounded()))
        return String(repeating: "#", count: full) + String(repeating: ".", count: width - full) + " "
    }

    static func amount(_ value: Int64, _ unit: String) -> String {
        switch unit {
        case "millicores": return "\(value / 1000).\(value / 10 % 100 < 10 ? "0" : "")\(value / 10 % 100)"
        case "bytes": return value >= 10 << 30 ? "\(value >> 30)G" : value >= 10 << 20 ? "\(value >> 20)M" : "\(value >> 10)K"
        case "us": return RunningCells.seconds(value)
        case "percent": return "\(value)%"
        default: return "\(value)"
        }
    }

    static func pad(_ text: String, _ width: Int) -> String {
        text.count >= width ? String(text.prefix(width - 1)) + " " : text + String(repeating: " ", count: width - text.count)
    }

    static func cut(_ text: String, _ width: Int) -> String { text.count > width ? String(text.prefix(width)) : text }
}
