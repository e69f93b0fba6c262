// SPDX-License-Identifier: Apache-2.0
// `top`: the running cells once a second, with keys to freeze, thaw and kill; plain rows, or JSON, where nobody looks.
// Composition only: answers of supervisors, a table, a screen.

import ArgumentParser
import Glibc
import JSON
import Linux
import Session

struct TopVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows the running cells of this user, with their rungs and limits.",
        discussion: """
            On a terminal once a second until q: arrows choose a cell, f freezes it, t thaws it, k kills it (after y). Elsewhere the rows of one moment, and no \
            keys. Bars are of each limit, for cores without one of the machine. Exit code 0, also where there is no cell; 2: the list cannot be had.
            """)

    @Flag(name: .customLong("json"), help: "the cells of one moment as one JSON object") var json = false

    /// Milliseconds between two looks, and between the two of one moment.
    private static let pause: Int32 = 1000
    private static let moment: UInt32 = 300

    func run() throws {
        if !json, Terminal.isTerminal(0), Terminal.isTerminal(1), let screen = Screen(1) {
            var view = TopView(screen: screen)
            try view.run(pause: TopVerb.pause)
            return
        }
        let before = try RunningCells.all()
        if !before.isEmpty { usleep(TopVerb.moment * 1000) }
        let now = try RunningCells.all()
        let rows = TopVerb.rows(now, before: before)
        if json {
            let cells: [Value] = rows.compactMap { row in
                guard let object = now.first(where: { $0["cell"]?.asString == row.cell })?.asObject else { return nil }
                let members =
                    object.members.filter { $0.name != "fumehood" } + [Member(name: "cpu_millicores", value: row.millicores.map { .integer($0) } ?? .null)]
                return .object(Object(members.sorted { $0.name < $1.name }))
            }
            Messages.write(String(decoding: (["fumehood": 1, "cells": .array(cells)] as Value).serialisedBytes(), as: UTF8.self) + "\n", to: 1)
            return
        }
        let table = TopTable.lines(rows, width: 200, machineCores: Host.processors())
        Messages.write(([table.head] + table.rows).joined(separator: "\n") + "\n", to: 1)
    }

    static func rows(_ now: [Value], before: [Value]) -> [TopRow] {
        now.map { cell in TopRow(cell, before: before.first { $0["cell"]?.asString == cell["cell"]?.asString }) }.sorted(by: TopRow.precedes)
    }
}

/// The table on a whole screen.
private struct TopView: ~Copyable {
    private var screen: Screen
    private var cells: [Value] = []
    private var rows: [TopRow] = []
    private var chosen: String?
    private var asksAbout: String?
    private var said = ""

    init(screen: consuming Screen) { self.screen = screen }

    mutating func run(pause: Int32) throws {
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])
        try look()
        screen.take()
        var next = Clock.monotonic
        while true {
            if Clock.monotonic >= next {
                try look()
                next = Clock.monotonic + UInt64(pause) * 1_000_000
            }
            draw()
            let left = next > Clock.monotonic ? Int32((next - Clock.monotonic) / 1_000_000) + 1 : 0
            for key in Screen.keys(0, orSignalOn: signals, milliseconds: left).split(separator: 0x1b, omittingEmptySubsequences: false).enumerated() {
                if !press(Array(key.element), isSequence: key.offset > 0) { return screen.giveBack() }
            }
            while let signal = signals.next() {
                switch signal {
                case SIGWINCH: break
                case SIGTSTP:
                    screen.giveBack()
                    _ = kill(getpid(), SIGSTOP)
                    screen.take()
                case SIGCONT: screen.take()
                default:
                    screen.giveBack()
                    throw ExitCode(128 + signal)
                }
            }
        }
    }

    private mutating func look() throws {
        let now = try RunningCells.all()
        rows = TopVerb.rows(now, before: cells)
        cells = now
        if !rows.contains(where: { $0.cell == chosen }) { chosen = rows.first?.cell }
    }

    private borrowing func draw() {
        let size = Screen.size(1) ?? (80, 24)
        if size.columns < TopTable.leastWidth || size.rows < 4 {
            return screen.show("\u{1b}[H\u{1b}[2Jthe window is too small\r\n")
        }
        let table = TopTable.lines(rows, width: size.columns, machineCores: Host.processors())
        let busy = rows.reduce(0) { $0 + ($1.millicores ?? 0) }
        let memory = rows.reduce(0) { $0 + ($1.memory ?? 0) }
        let title =
            "fumehood top  \(rows.count) cell\(rows.count == 1 ? "" : "s")  cpu \(TopTable.amount(busy, "millicores")) of \(Host.processors())  memory \(TopTable.amount(memory, "bytes"))"
        let room = size.rows - 3
        let place = table.rows.indices.first { rows[$0].cell == chosen } ?? 0
        let first = max(0, min(place - room / 2, table.rows.count - room))
        var text =
            "\u{1b}[H" + TopTable.cut(title, size.columns) + "\u{1b}[K\r\n\u{1b}[7m" + TopTable.pad(table.head, size.columns + 1).prefix(size.columns)
            + "\u{1b}[0m\u{1b}[K\r\n"
        for i in first..<max(first, min(first + room, table.rows.count)) {
            text += i == place ? "\u{1b}[1m" + table.rows[i] + "\u{1b}[0m" : TopView.coloured(table.rows[i], rows[i])
            text += "\u{1b}[K\r\n"
        }
        let foot = asksAbout.map { "kill \($0)? y or n" } ?? (said.isEmpty ? "arrows choose  f freeze  t thaw  k kill  q quit" : said)
        text += "\u{1b}[J\u{1b}[\(size.rows);1H" + TopTable.cut(foot, size.columns) + "\u{1b}[K"
        screen.show(text)
    }

    private static let colours = ["warn": 33, "slow": 33, "throttle": 35, "freeze": 36, "frozen": 36, "freezing": 36, "terminate": 31, "kill": 31]

    private static func coloured(_ line: String, _ row: TopRow) -> String {
        guard let colour = colours[row.shownRung], Host.environment()["NO_COLOR"] == nil else { return line }
        return "\u{1b}[\(colour)m" + line + "\u{1b}[0m"
    }

    /// - Parameter isSequence: what follows an escape.
    /// - Returns: whether it goes on.
    private mutating func press(_ keys: [UInt8], isSequence: Bool) -> Bool {
        if isSequence {
            if keys.starts(with: [0x5b, 0x41]) { choose(-1) }
            if keys.starts(with: [0x5b, 0x42]) { choose(1) }
            return true
        }
        for key in keys {
            if let cell = asksAbout {
                asksAbout = nil
                if key == UInt8(ascii: "y") { tell(.kill, cell, "killed") } else { said = "" }
                continue
            }
            said = ""
            switch key {
            case UInt8(ascii: "q"), 0x03, 0x04: return false
            case UInt8(ascii: "f"): if let chosen { tell(.freeze, chosen, "frozen") }
            case UInt8(ascii: "t"): if let chosen { tell(.thaw, chosen, "thawed") }
            case UInt8(ascii: "k"): asksAbout = chosen
            default: break
            }
        }
        return true
    }

    private mutating func choose(_ step: Int) {
        guard let place = rows.firstIndex(where: { $0.cell == chosen }) else { return }
        chosen = rows[min(rows.count - 1, max(0, place + step))].cell
    }

    private mutating func tell(_ act: Registry.Act, _ cell: String, _ done: String) {
        do {
            said = try Registry.ask(act, of: cell, in: RunningCells.folder) == nil ? "\(cell) had ended" : "\(cell) \(done)"
            try look()
        } catch {
            said = "\(cell): \((error as? SystemError)?.message ?? "\(error)")"
        }
    }
}
