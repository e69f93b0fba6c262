// SPDX-License-Identifier: Apache-2.0
// The lines on stderr after a run, when there is something to say: what was denied and the flag to add, which limit ended
// it, what the command could not see. Nothing where nothing was denied.

import Events

enum Footer {
    /// Kinds of denials that are named; the record holds them all.
    static let named = 5

    /// What programs try in passing and do without: name-service look-ups by glibc, libnuma's question. They stand in the
    /// record; a footer after each successful `ls -l` would teach people to look away.
    private static let expected: Set<String> = ["socket(AF_UNIX, SOCK_STREAM)", "get_mempolicy()"]

    static func write(_ record: ResultRecord, isLogged: Bool, unseen: [String], notes: [String]) {
        Messages.notes(lines(record, isLogged: isLogged, unseen: unseen, notes: notes))
    }

    static func lines(_ record: ResultRecord, isLogged: Bool = false, unseen: [String], notes: [String] = []) -> [String] {
        var lines: [String] = []
        switch record.cause {
        case .limit(let limit, let bound, let reading)?:
            lines.append("killed: \(limit.rawValue) reached \(amount(reading, limit)) of \(amount(bound, limit)); \(flag(limit)) raises it")
        case .ladder(let change)?:
            lines.append(
                "ended by its ladder (\(change.to.name)): \(change.gauge.name) read \(amount(change.reading, unit: change.gauge.unit)), bound \(amount(change.bound, unit: change.gauge.unit))"
            )
        case .message(let text)? where record.status != .exited: lines.append(text)
        default: break
        }
        if let kill = record.kill, kill.left > 0 { lines.append("the kernel has not let go of the cell: unkillable (in state D)") }
        let shown = record.exitCode == 0 ? record.denials.filter { !expected.contains($0.what) } : record.denials
        for told in [shown.filter { !$0.wentOn }, shown.filter(\.wentOn)] where !told.isEmpty {
            let total = told.reduce(0) { $0 + $1.count }
            let parts = told.sorted { $0.count > $1.count }.prefix(named).map { denial in
                "\(denial.what)\(denial.count > 1 ? " x\(denial.count)" : "")\(denial.remedy.map { ": \($0)" } ?? "")"
            }
            let more = told.count > named ? "; and \(told.count - named) more kinds" : ""
            let why = isLogged ? told.max { $0.count < $1.count }.map { "; why: fumehood why \($0.id)" } ?? "" : ""
            let word = told[0].wentOn ? "call\(total == 1 ? "" : "s") that mode audit let go on" : "denial\(total == 1 ? "" : "s")"
            lines.append("\(total) \(word): \(parts.joined(separator: "; "))\(more)\(why)")
        }
        if record.exitCode != 0 {
            lines += notes
            for path in unseen.prefix(3) { lines.append("`\(path)` exists here, but is not granted to the cell: add -r \(path)") }
        }
        return lines
    }

    private static func amount(_ value: Int64, _ limit: Limit) -> String { amount(value, unit: limit.unit) }

    private static func amount(_ value: Int64, unit: String) -> String {
        switch unit {
        case "us": value % 1_000_000 == 0 ? "\(value / 1_000_000)s" : "\(value / 1000)ms"
        case "bytes": value % (1 << 20) == 0 ? "\(value >> 20)M" : value % 1024 == 0 ? "\(value >> 10)K" : "\(value) bytes"
        case "millicores": "\(value / 1000).\(value / 100 % 10) cores"
        case "percent": "\(value)%"
        default: "\(value)"
        }
    }

    private static func flag(_ limit: Limit) -> String {
        switch limit {
        case .wall: "--timeout"
        case .cpuTime: "--cpu-time"
        default: "--\(limit.rawValue)"
        }
    }
}
