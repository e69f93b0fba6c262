// SPDX-License-Identifier: Apache-2.0
// What a session came to: as one JSON object, as sentences on stderr, and as Markdown where a CI service shows it.

import Budget
import Events
import Glibc
import Governance
import JSON
import Linux
import Session

struct SessionReport {
    struct Cell {
        let name: String
        let isAgent: Bool
        let end: SessionCell.End
        /// It was ended because nobody wanted it any more.
        let isUnwanted: Bool
    }

    let session: SessionDoor
    let code: Int32
    let wallMicroseconds: Int64
    /// What ended the session as a whole.
    let cause: Events.Cause?
    let cells: [Cell]

    private var agents: [Cell] { cells.filter(\.isAgent) }

    /// Of each server: how many ran, and how many were killed by a limit or policy.
    private var servers: [(name: String, count: Int64, killed: Int64)] {
        var table: [String: (Int64, Int64)] = [:]
        for cell in cells where !cell.isAgent {
            let before = table[cell.name] ?? (0, 0)
            table[cell.name] = (before.0 + 1, before.1 + (cell.end.isKilled && !cell.isUnwanted ? 1 : 0))
        }
        return table.sorted { $0.key < $1.key }.map { ($0.key, $0.value.0, $0.value.1) }
    }

    private var budgets: [(account: String, dimension: String, window: String, left: String)] {
        let now = Moment(
            boot: session.boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallSeconds: Int64(clamping: Clock.wall / 1_000_000_000))
        var rows: [(String, String, String, String)] = []
        for name in [Governing.account] + session.rules.tools.map({ "tool/" + $0.name }) {
            guard let account = session.door.ledger.account(name) else { continue }
            for standing in (try? session.door.ledger.standings(account, at: now)) ?? [] {
                rows.append(
                    (name, standing.dimension.name, standing.window.written(for: standing.dimension), standing.dimension.written(max(0, standing.left))))
            }
        }
        return rows
    }

    var json: Value {
        let tally = session.tally
        return [
            "fumehood": 1, "session": .string(session.name), "session_id": .string(session.id.text), "exit_code": .integer(Int64(code)),
            "wall_us": .integer(wallMicroseconds), "cause": cause?.json ?? .null,
            "agents": .array(
                agents.map { cell in
                    [
                        "name": .string(cell.name), "exit_code": .integer(Int64(cell.end.code)), "status": .string(cell.end.status),
                        "wall_us": .integer(cell.end.wallMicroseconds), "denials": .integer(cell.end.denials),
                    ]
                }),
            "servers": .array(servers.map { ["name": .string($0.name), "started": .integer($0.count), "killed": .integer($0.killed)] }),
            "calls": [
                "asked": .integer(tally.calls), "allowed": .integer(tally.allowed), "denied": .integer(tally.denied), "over_budget": .integer(tally.overBudget),
            ],
            "denials": .array(
                tally.reasons.map {
                    ["action": .string($0.action), "agent": .string($0.agent), "reason": .string($0.reason), "count": .integer($0.count)]
                }),
            "budget": .array(
                budgets.map { ["account": .string($0.account), "dimension": .string($0.dimension), "limit": .string($0.window), "left": .string($0.left)] }),
        ]
    }

    var lines: [String] {
        let tally = session.tally
        var text = "session \(session.name): \(tally.calls) calls, \(tally.denied) denied, \(tally.overBudget) over budget"
        for agent in agents { text += "; \(agent.name) \(agent.end.status) \(agent.end.code)" }
        var lines = [text]
        if let cause { lines.append("the session was ended: \(SessionReport.words(cause))") }
        return lines
    }

    private static func words(_ cause: Events.Cause) -> String {
        switch cause {
        case .limit(let limit, let bound, let reading): "\(limit.rawValue) read \(reading) of \(bound) \(limit.unit)"
        case .message(let text): text
        case .policy(let name): "policy `\(name)`"
        case .ladder(let change): "ladder (\(change.to.name))"
        case .missing(let walls): walls.map(\.rawValue).joined(separator: ", ")
        }
    }

    // Markdown ------------------------------------------------------------------------------------------------------------

    var markdown: String {
        let tally = session.tally
        var text = "## fumehood up: \(Self.cell(session.name))\n\n"
        text += "Exit code \(code), \(wallMicroseconds / 1_000_000).\(wallMicroseconds / 100_000 % 10) s. "
        text += "\(tally.calls) calls: \(tally.allowed) allowed, \(tally.denied) denied, \(tally.overBudget) over budget.\n"
        if let cause { text += "\nThe session was ended: \(Self.cell(SessionReport.words(cause))).\n" }
        text += "\n| agent | status | exit code | refused system calls |\n|---|---|---|---|\n"
        for agent in agents { text += "| \(Self.cell(agent.name)) | \(agent.end.status) | \(agent.end.code) | \(agent.end.denials) |\n" }
        if !tally.reasons.isEmpty {
            text += "\n| denied | agent | why | times |\n|---|---|---|---|\n"
            for item in tally.reasons { text += "| \(Self.cell(item.action)) | \(Self.cell(item.agent)) | \(Self.cell(item.reason)) | \(item.count) |\n" }
        }
        if !budgets.isEmpty {
            text += "\n| budget | of | limit | left |\n|---|---|---|---|\n"
            for row in budgets { text += "| \(Self.cell(row.account)) | \(row.dimension) | \(row.window) | \(row.left) |\n" }
        }
        return text + "\n"
    }

    /// What a tool or policy wrote must not become Markdown or HTML of its own.
    private static func cell(_ text: String) -> String {
        var out = ""
        for scalar in Messages.printable(String(text.prefix(300))).unicodeScalars {
            switch scalar {
            case "\n", "\t": out += " "
            case "<": out += "&lt;"
            case "&": out += "&amp;"
            case "|", "`", "*", "_", "[", "]", "\\", "!", "#", "~", "@": out += "\\" + String(scalar)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    func append(to path: String) {
        do throws(SystemError) {
            let file = try Files.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, mode: 0o644)
            try file.writeAll(Array(markdown.utf8))
        } catch {
            Messages.error("the summary could not be written: \(error.message)")
        }
    }
}

extension SessionCell.End {
    var isKilled: Bool { if case .killed? = outcome { true } else { false } }

    var status: String {
        switch outcome {
        case .exited(.exited)?: "exited"
        case .exited(.signaled)?: "signaled"
        case .killed?: "killed"
        case .failed?, nil: "refused"
        }
    }
}
