// SPDX-License-Identifier: Apache-2.0
// The table of `top`: order, widths, bars, and nothing in it that a terminal would obey.

import JSON
import Testing

@testable import fumehood

private func answer(_ cell: String, cpu: Int64, wall: Int64, rung: String? = nil, state: String = "running", command: String = "sleep 9") -> Value {
    [
        "cell": .string(cell), "session": "s1", "state": .string(state), "command": [.string(command)], "cpu_us": .integer(cpu), "wall_us": .integer(wall),
        "memory_bytes": .integer(64 << 20), "pids": 3, "rung": rung.map { .string($0) } ?? .null,
        "limits": ["memory_bytes": .integer(128 << 20), "pids": 6, "cpu_millicores": .null, "wall_us": .null],
        "last_change": ["gauge": "cpu", "bound_millicores": 800, "reading_millicores": 1990, "rung": "throttle"],
    ]
}

@Test func `what is highest on its ladder comes first, then what works most`() {
    let before = [answer("c1", cpu: 0, wall: 0), answer("c2", cpu: 0, wall: 0), answer("c3", cpu: 0, wall: 0), answer("c4", cpu: 0, wall: 0)]
    let now = [
        answer("c1", cpu: 100_000, wall: 1_000_000), answer("c2", cpu: 900_000, wall: 1_000_000), answer("c3", cpu: 0, wall: 1_000_000, rung: "throttle"),
        answer("c4", cpu: 0, wall: 1_000_000, state: "frozen"),
    ]
    let rows = TopVerb.rows(now, before: before)
    #expect(rows.map(\.cell) == ["c4", "c3", "c2", "c1"])
    #expect(rows.map(\.millicores) == [0, 0, 900, 100])
    #expect(rows[0].shownRung == "frozen" && rows[1].shownRung == "throttle" && rows[2].shownRung == "-")
}

@Test(arguments: [66, 80, 120, 200])
func `no line is wider than the window, and each column begins under its head`(width: Int) {
    let rows = TopVerb.rows(
        [answer("c7f3a9k2m0", cpu: 1_990_000, wall: 1_000_000, rung: "throttle", command: String(repeating: "x", count: 400))],
        before: [answer("c7f3a9k2m0", cpu: 0, wall: 0)])
    let table = TopTable.lines(rows, width: width, machineCores: 2)
    #expect(table.head.count <= width && table.rows[0].count <= width)
    #expect(table.rows[0].hasPrefix("c7f3a9k2m0  throttle  #"))
    for (column, text) in [("CPU", "##"), ("MEMORY", "##"), ("PIDS", "##"), ("TIME", "1.0s")] {
        let start = table.head.indices.first { table.head[$0...].hasPrefix(column) }.map { table.head.distance(from: table.head.startIndex, to: $0) }
        #expect(start.map { table.rows[0].dropFirst($0).hasPrefix(text) } == true, "\(column): \(table.rows[0])")
    }
    if width >= 120 { #expect(table.rows[0].contains("cpu 1.99 of 0.80")) }
}

@Test func `a bar is as long as its share of the limit`() {
    let row = TopRow(answer("c1", cpu: 0, wall: 1), before: nil)
    #expect(TopTable.lines([row], width: 80, machineCores: 2).rows[0].contains("###.. 64M"))
    #expect(TopTable.lines([row], width: 200, machineCores: 2).rows[0].contains("######...... 64M"))
}

@Test func `a command moves no terminal and no column`() {
    let row = TopRow(answer("c1", cpu: 0, wall: 1, command: "a\u{1b}[2Jb\nc\u{4e2d}d\u{301}"), before: nil)
    #expect(row.command == "a?[2Jb?c?d?")
}

@Test(arguments: [80, 200])
func `calls a minute and the scarcest budget stand where somebody is called`(width: Int) {
    var called = answer("c1", cpu: 0, wall: 1).asObject!
    called["calls_minute"] = 42
    called["budget"] = [
        ["dimension": "calls", "left": 150, "bound": 200, "window": "200"], ["dimension": "cpu_us", "left": 3_000_000, "bound": 30_000_000, "window": "30s"],
    ]
    let table = TopTable.lines([TopRow(.object(called), before: nil), TopRow(answer("c2", cpu: 0, wall: 1), before: nil)], width: width, machineCores: 2)
    let start = table.head.indices.first { table.head[$0...].hasPrefix("CALLS/M") }.map { table.head.distance(from: table.head.startIndex, to: $0) } ?? 0
    #expect(table.rows[0].dropFirst(start).hasPrefix(width == 80 ? "42      10%  sleep" : "42      cpu_us 3.0s of 30.0s"))
    #expect(table.rows[1].dropFirst(start).hasPrefix("-       -"))
    #expect(table.rows.allSatisfy { $0.count <= width })
}
