// SPDX-License-Identifier: Apache-2.0
// `ps`, `kill`, `freeze`, `thaw` through the built program: what a cell's owner can do with it, what nobody else can, and that
// a kill is proven.

import BuiltBinary
import Foundation
import Glibc
import JSON
import Testing

@Suite("cells that run", .enabled(if: Ground.program != nil, "the program is not built"))
struct CellVerbTests {
    private static let life = #"""
        "$0" run --quiet --result r.json -- /bin/sh -c 'while :; do :; done' & own=$!
        for i in $(seq 200); do "$0" ps --json | grep -q supervisor_pid && break; sleep 0.05; done
        "$0" ps
        id=$("$0" ps --json | sed 's/.*"cell":"\(c[0-9a-z]*\)".*/\1/')
        "$0" freeze "$id"; "$0" ps --json > frozen1; sleep 0.3; "$0" ps --json > frozen2
        "$0" thaw "$id"; "$0" ps --json > running
        "$0" kill "$id"; echo "kill $?"
        wait $own; echo "run $?"
        "$0" kill "$id" 2>&1; echo "again $?"
        "$0" ps --json; ls fumehood 2>&1
        """#

    @Test(arguments: Caller.possible)
    func `a cell is listed, stands still, goes on and is killed`(caller: Caller) throws {
        let ground = try Ground(caller)
        let program = try #require(Ground.program)
        let run = try ground.run(["sh", "-c", Self.life, program], environment: ["XDG_RUNTIME_DIR": ground.work])
        #expect(run.out.contains("CELL") && run.out.contains("/bin/sh -c while"), "\(run.out) \(run.err)")
        #expect(run.out.contains(" frozen\n") && run.out.contains(" thawed\n") && run.out.contains(" killed\n"), "\(run.out)")
        #expect(run.out.contains("kill 0\nrun 124\n"), "\(run.out)")
        #expect(run.out.contains("runs here\n  help: fumehood ps lists them\nagain 1\n"), "\(run.out)")
        #expect(run.out.contains(#"{"fumehood":1,"cells":[]}"#) && run.out.contains("No such file"), "\(run.out)")
        func cell(_ file: String) throws -> Value {
            let text = try #require(ground.read(file))
            return try #require(Value(parsing: text)["cells"]?[0])
        }
        let (first, second, third) = (try cell("frozen1"), try cell("frozen2"), try cell("running"))
        #expect(first["state"]?.asString == "frozen" && second["state"]?.asString == "frozen" && third["state"]?.asString == "running")
        // A tick of the clock by which /proc counts, where no group counts.
        #expect((second["cpu_us"]?.asInteger ?? 0) - (first["cpu_us"]?.asInteger ?? 0) <= 10_000)
        let text = try #require(ground.read("r.json"))
        let record = try Value(parsing: text)
        #expect(record["status"]?.asString == "killed" && record["cause"]?["message"]?.asString == "killed by `fumehood kill`")
        #expect(record["kill"]?["left"]?.asInteger == 0 && (record["frozen_us"]?.asInteger ?? 0) >= 300_000)
    }

    @Test(arguments: [
        (["kill"], "say which: ids of cells, of sessions, or --all"), (["freeze", "--all", "c1"], "`--all` and ids do not go together"),
        (["thaw", "c0000"], "no cell or session `c0000` runs here"),
    ])
    func `it must be said who is meant`(words: [String], sentence: String) throws {
        let ground = try Ground(.user)
        let program = try #require(Ground.program)
        let run = try ground.run([program] + words, environment: ["XDG_RUNTIME_DIR": ground.work])
        #expect(run.code == (words[0] == "thaw" ? 1 : 125) && run.err.contains(sentence), "\(run.err)")
    }

    @Test func `a folder that others may open is not believed`() throws {
        let ground = try Ground(.user)
        try ground.makeFolder("fumehood")
        _ = unsafe chmod(ground.work + "/fumehood", 0o777)
        let program = try #require(Ground.program)
        let run = try ground.run([program, "ps"], environment: ["XDG_RUNTIME_DIR": ground.work])
        #expect(run.code == 2 && run.err.contains("cannot list the cells"), "\(run.err)")
    }

    /// A cell of the caller's own user, let out to the folder of sockets, may not command its siblings.
    @Test(arguments: Caller.possible)
    func `a cell commands no cell, not even one that can reach the sockets`(caller: Caller) throws {
        let ground = try Ground(caller)
        let program = try #require(Ground.program)
        let profile = try ground.put("p.yaml", "fumehood: 1\nextends: base\nsyscalls: {allow: [unix-socket, net-client]}\n")
        let script = #"""
            "$0" run --quiet -- /bin/sleep 30 & own=$!
            for i in $(seq 200); do "$0" ps --json | grep -q supervisor_pid && break; sleep 0.05; done
            id=$("$0" ps --json | sed 's/.*"cell":"\(c[0-9a-z]*\)".*/\1/')
            "$0" run --quiet -p "$1" -w "$PWD" -- python3 -c '
            import socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(sys.argv[1])
            print("reached")
            s.send(b"kill")
            print("answered", s.recv(1000))
            ' "$PWD/fumehood/$id" 2>&1
            kill -0 $own && echo alive
            "$0" kill "$id"
            """#
        let run = try ground.run(["sh", "-c", script, program, profile], environment: ["XDG_RUNTIME_DIR": ground.work])
        // As root the cell is another user outside, and does not even reach it.
        #expect(caller == .root || run.out.contains("reached\n"), "\(run.out) \(run.err)")
        #expect(run.out.contains("alive\n") && !run.out.contains("answered"), "\(run.out) \(run.err)")
        #expect(run.out.components(separatedBy: " killed\n").count == 2, "\(run.out)")
    }
}
