// SPDX-License-Identifier: Apache-2.0
// The lines after a run, whole: what was denied and what grants it, which limit ended it, what the command could not see.

import Events
import Testing

@testable import fumehood

@Suite("the footer")
struct FooterTests {
    private func denial(_ what: String, _ count: Int64 = 1, remedy: String? = nil) -> Denial {
        Denial(id: DenialID(bytes: [1, 2, 3])!, what: what, count: count, remedy: remedy)
    }

    private func lines(
        _ status: ResultRecord.Status = .exited, code: Int32, _ denials: [Denial] = [], cause: Cause? = nil, unseen: [String] = [], notes: [String] = []
    ) -> [String] {
        var record = ResultRecord(status: status)
        record.exitCode = code
        record.denials = denials
        record.cause = cause
        return Footer.lines(record, unseen: unseen, notes: notes)
    }

    @Test func `nothing denied, nothing said`() {
        #expect(lines(code: 0) == [] && lines(code: 1) == [])
        #expect(lines(code: 0, unseen: ["x"], notes: ["n"]) == [])
    }

    @Test func `a denial is named with what grants it`() {
        #expect(
            lines(code: 7, [denial("socket(AF_INET, SOCK_STREAM)", 3, remedy: "add --net ...")]) == [
                "3 denials: socket(AF_INET, SOCK_STREAM) x3: add --net ..."
            ])
        #expect(lines(code: 0, [denial("unshare(CLONE_NEWUSER)")]) == ["1 denial: unshare(CLONE_NEWUSER)"])
    }

    @Test func `the most frequent come first and the rest are counted`() {
        let list = (1...8).map { denial("call\($0)()", Int64($0)) }
        #expect(lines(code: 1, list) == ["36 denials: call8() x8; call7() x7; call6() x6; call5() x5; call4() x4; and 3 more kinds"])
    }

    @Test func `what programs try in passing is told only when they fail`() {
        let list = [denial("socket(AF_UNIX, SOCK_STREAM)", 2, remedy: "syscalls: allow: [unix-socket]"), denial("get_mempolicy()")]
        #expect(lines(code: 0, list) == [])
        #expect(lines(code: 1, list) == ["3 denials: socket(AF_UNIX, SOCK_STREAM) x2: syscalls: allow: [unix-socket]; get_mempolicy()"])
    }

    @Test(
        arguments: [
            (Limit.wall, 1_000_000, 1_004_321, "killed: wall reached 1004ms of 1s; --timeout raises it"),
            (.wall, 250_000, 250_999, "killed: wall reached 250ms of 250ms; --timeout raises it"),
            (.output, 8 << 20, (8 << 20) + 1, "killed: output reached 8388609 bytes of 8M; --output raises it"),
            (.cpuTime, 2_000_000, 2_100_000, "killed: cpu_time reached 2100ms of 2s; --cpu-time raises it"),
            (.pids, 64, 65, "killed: pids reached 65 of 64; --pids raises it"),
            (.memory, 4096, 5120, "killed: memory reached 5K of 4K; --memory raises it"),
        ] as [(Limit, Int64, Int64, String)])
    func `a limit is named with its reading and its flag`(limit: Limit, bound: Int64, reading: Int64, expected: String) {
        #expect(lines(.killed, code: 124, cause: .limit(limit, bound: bound, reading: reading)) == [expected])
    }

    @Test func `what the command could not see is told when it fails`() {
        #expect(
            lines(code: 2, unseen: ["a.py", "b", "c", "d"], notes: ["a note"]) == [
                "a note", "`a.py` exists here, but is not granted to the cell: add -r a.py", "`b` exists here, but is not granted to the cell: add -r b",
                "`c` exists here, but is not granted to the cell: add -r c",
            ])
    }

    @Test func `nothing in a message moves a terminal`() {
        #expect(Messages.printable("a\u{1b}]52;c;x\u{7}\u{9d}b\n\tc\u{7f}") == "a\\u{1b}]52;c;x\\u{7}\\u{9d}b\n\tc\\u{7f}")
    }
}
