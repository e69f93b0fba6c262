// SPDX-License-Identifier: Apache-2.0
// What `fumehood run` gives back: exit codes, the record, the events, the plan of a dry run, footers, as root and as an ordinary user.

import BuiltBinary
import Foundation
import JSON
import Testing

@Suite("what a run gives back", .enabled(if: Ground.program != nil, "the program is not built"))
struct RunTests {
    @Test(arguments: Caller.possible, [0, 1, 42, 124, 125, 126, 127, 255])
    func `the command's own exit code is ours`(caller: Caller, code: Int32) throws {
        #expect(try Ground(caller).cell([], ["/bin/sh", "-c", "exit \(code)"]).code == code)
    }

    @Test(arguments: Caller.possible)
    func `a signal is 128 and its number`(caller: Caller) throws {
        let run = try Ground(caller).cell(["--result", "r.json"], ["/bin/sh", "-c", "kill -9 $$"])
        #expect(run.code == 137)
    }

    @Test(arguments: Caller.possible)
    func `a command that is not there is 127 and one that cannot run 126`(caller: Caller) throws {
        let ground = try Ground(caller)
        let absent = try ground.cell([], ["no-such-command"])
        #expect(absent.code == 127 && absent.err == "fumehood: `no-such-command`: command not found\n")
        try ground.put("data.txt", "x", mode: 0o644)
        let data = try ground.cell(["-r", "."], ["./data.txt"])
        #expect(data.code == 126 && data.err == "fumehood: `\(ground.work)/data.txt` is not executable\n")
        try ground.put("junk", "\u{1}\u{2}", mode: 0o755)
        let junk = try ground.cell(["-r", "."], ["./junk"])
        #expect(junk.code == 126, "\(junk.err)")
        #expect(
            junk.err
                == "fumehood: cannot execute `\(ground.work)/junk`: exec format error (ENOEXEC)\n  help: the file has no #! line and is no program of this machine\n"
        )
        try ground.put("orphan", "#!/nonexistent/interpreter\n", mode: 0o755)
        let orphan = try ground.cell(["-r", "."], ["./orphan"])
        #expect(orphan.code == 127, "\(orphan.err)")
        #expect(orphan.err.hasPrefix("fumehood: cannot execute `\(ground.work)/orphan`: no such file or directory (ENOENT)\n  help: its interpreter"))
    }

    @Test(arguments: Caller.possible)
    func `a command outside the view names the flag`(caller: Caller) throws {
        let ground = try Ground(caller)
        let tool = try ground.put("bin/tool", "#!/bin/sh\necho hello\n", mode: 0o755)
        try ground.put("p.yaml", "fumehood: 1\nruntime: none\n")
        let run = try ground.cell(["-p", "p.yaml"], ["bin/tool"])
        #expect(run.code == 125)
        #expect(run.err == "fumehood: `\(tool)` is not granted to the cell\n  help: add -r \(ground.work)/bin\n")
        #expect(try ground.cell(["-p", "p.yaml", "-r", "bin"], ["bin/tool"]).out == "hello\n")
        #expect(try ground.cell([], ["bin/tool"]).out == "hello\n")  // runtime: auto
    }

    @Test(arguments: Caller.possible)
    func `an argument that the cell cannot see is told`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put("agent.py", "print('ran')\n")
        let run = try ground.cell([], ["/bin/cat", "agent.py"])
        #expect(run.code == 1)
        #expect(run.errLines.last == "fumehood: `agent.py` exists here, but is not granted to the cell: add -r agent.py")
        #expect(try ground.cell(["-r", "agent.py"], ["/bin/cat", ground.work + "/agent.py"]).out == "print('ran')\n")
        #expect(!(try ground.cell(["--quiet"], ["/bin/cat", "agent.py"]).err.contains("fumehood:")))
    }

    @Test(arguments: Caller.possible)
    func `the record goes to a file or a descriptor`(caller: Caller) throws {
        let ground = try Ground(caller)
        let script = "printf abc; printf de >&2; exit 3"
        #expect(try ground.cell(["--result", "r.json"], ["/bin/sh", "-c", script]).code == 3)
        let file = try Value(parsing: try #require(ground.read("r.json")))
        let through = try ground.run(["/bin/sh", "-c", "exec \"$0\" run --result fd:7 -- /bin/sh -c '\(script)' 7>r2.json", Ground.program!])
        #expect(through.code == 3 && through.out == "abc" && through.err == "de")
        let descriptor = try Value(parsing: try #require(ground.read("r2.json")))
        for record in [file, descriptor] {
            #expect(record["fumehood"]?.asInteger == 1 && record["status"]?.asString == "exited" && record["exit_code"]?.asInteger == 3)
            #expect(record["bytes_out"]?.asInteger == 5)
            #expect(record["denials"]?.asArray?.isEmpty == true)
            for wall in [
                "user", "mount", "pid", "net", "ipc", "uts", "pivot_root", "proc", "seccomp", "capabilities", "no_new_privs", "descriptors", "environment",
            ] {
                #expect(record["protections"]?[wall]?["status"]?.asString == "on", "\(wall)")
            }
            #expect((record["launch_us"]?["prepared"]?.asInteger ?? -1) >= 0 && (record["launch_us"]?["filtered"]?.asInteger ?? -1) >= 0)
        }
    }

    @Test func `events are lines of JSON in their order`() throws {
        let ground = try Ground(.possible[0])
        let run = try ground.cell(["--events", "e.jsonl"], ["/bin/sh", "-c", "unshare -U true 2>/dev/null; exit 0"])
        #expect(run.code == 0)
        let lines = try #require(ground.read("e.jsonl")).split(separator: "\n").map { try Value(parsing: String($0)) }
        #expect(lines.count >= 3)
        for line in lines { #expect(line["fumehood"]?.asInteger == 1 && line["cell"]?.asString != nil && line["session"]?.asString != nil) }
        let kinds = lines.map { $0["kind"]?.asString ?? $0["event"]?.asString ?? "" }
        #expect(kinds.first == "cell_started" && kinds.last == "cell_exited", "\(kinds)")
        #expect(kinds.contains("denial"))
        #expect(Set(lines.map { $0["cell"]?.asString ?? "" }).count == 1)
    }

    @Test(arguments: Caller.possible)
    func `a dry run prints the plan and starts nothing`(caller: Caller) throws {
        let ground = try Ground(caller)
        let words = ["/bin/sh", "-c", "touch started"]
        let text = try ground.cell(["-w", ".", "--dry-run"], words)
        #expect(text.code == 0 && text.err == "" && text.out.hasPrefix("profile base\ncommand /bin/sh\ndirectory \(ground.work)\n"), "\(text.out.prefix(200))")
        #expect(text.out.contains("pivot_root, detach the old root") && text.out.contains("wall seccomp on"))
        let json = try ground.cell(["-w", ".", "--dry-run", "--json"], words)
        let plan = try Value(parsing: json.out)
        #expect(plan["fumehood"]?.asInteger == 1 && plan["executable"]?.asString == "/bin/sh")
        #expect(plan["command"]?.asArray?.compactMap(\.asString) == words)
        let operations = plan["plan"]?.asArray?.compactMap { $0["operation"]?.asString } ?? []
        #expect(operations.contains("execute /bin/sh") && operations.last == "process 1 reaps")
        #expect(ground.read("started") == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: ground.work).isEmpty)
    }

    @Test(arguments: Caller.possible)
    func `require all says what is lacking or runs`(caller: Caller) throws {
        let ground = try Ground(caller)
        let record = try Value(parsing: ground.cell(["--result", "fd:1"], ["/bin/true"]).out)
        let status = record["protections"]?["cgroup_limits"]?["status"]?.asString
        let run = try ground.cell(["--require", "all"], ["/bin/true"])
        if status == "on" {
            #expect(run.code == 0 || !run.err.contains("cgroup_limits"), "\(run.err)")
        } else {
            #expect(run.code == 125)
            #expect(
                run.err.hasPrefix("fumehood: this machine lacks ") && run.err.contains("cgroup_limits (")
                    && run.err.contains(" and `require: all` is in force\n  help: without `require: all`"), "\(run.err)")
        }
    }

    @Test(arguments: Caller.possible)
    func `a wall given up is said to be waived`(caller: Caller) throws {
        let ground = try Ground(caller)
        for waiver in ["net", "proc", "ipc", "uts"] {
            let run = try ground.cell(["--waive", waiver, "--result", "r.json"], ["/bin/true"])
            #expect(run.code == 0, "\(waiver): \(run.err)")
            let record = try Value(parsing: try #require(ground.read("r.json")))
            #expect(record["protections"]?[waiver]?["status"]?.asString == "waived")
        }
        let user = try ground.cell(["--waive", "user"], ["/bin/true"])
        #expect(user.code == 125 && user.err == "fumehood: a cell without a user namespace is not available yet: `user` cannot be waived\n", "\(user.err)")
    }

    @Test(arguments: Caller.possible)
    func `a killed launcher's placeholders are removed`(caller: Caller) throws {
        let ground = try Ground(caller)
        let script = """
            "$0" run -w . -- /bin/sh -c 'touch started; exec sleep 60' & p=$!
            for i in $(seq 500); do [ -e started ] && break; sleep 0.02; done
            [ -d .claude ] && echo made; kill -9 $p
            for i in $(seq 500); do [ "$(ls -A)" = started ] && break; sleep 0.02; done
            ls -A
            """
        let run = try ground.run(["/bin/sh", "-c", script, Ground.program!])
        #expect(run.out == "made\nstarted\n", "\(run.out)\(run.err)")
    }

    @Test(arguments: Caller.possible)
    func `bytes that are no text reach the command as they are`(caller: Caller) throws {
        let ground = try Ground(caller)
        let script = #"""
            d=$(printf 'dir\377x'); mkdir "$d"; printf hello > "$d/f"; FOO=$(printf 'v\200\377'); export FOO
            "$0" run -e FOO -r "$d" -- /bin/sh -c 'printf "%s|%s|" "$FOO" "$1"; cat "$2"' sh "$(printf 'a\377\364\217\277\277\303\274')" "$PWD/$d/f" | od -An -v -tx1 | tr -d ' \n'; echo
            cd "$d"; "$0" run -r . -- /bin/cat f; echo; "$0" run -r . --dry-run -- /bin/cat f | sed -n 3p
            """#
        let run = try ground.run(["/bin/sh", "-c", script, Ground.program!])
        #expect(run.out == "7680ff7c61fff48fbfbfc3bc7c68656c6c6f\nhello\ndirectory \(ground.work)/dir\\xffx\n", "\(run.out)\(run.err)")
    }

    @Test(arguments: Caller.possible)
    func `the limit of processor time is told by what was used, not by a signal`(caller: Caller) throws {
        let ground = try Ground(caller)
        let forged = try ground.cell(["--cpu-time", "5s", "--result", "r.json"], ["/bin/sh", "-c", "kill -XCPU $$"])
        #expect(forged.code == 152 && !forged.err.contains("cpu_time"), "\(forged.err)")
        #expect(try Value(parsing: try #require(ground.read("r.json")))["cause"] == .null)
        let real = try ground.cell(["--cpu-time", "1s", "--result", "r.json"], ["/bin/sh", "-c", "while :; do :; done"])
        #expect(real.code == 124 && real.err.contains("killed: cpu_time reached"), "\(real.err)")
        #expect(try Value(parsing: try #require(ground.read("r.json")))["cause"]?["limit"]?.asString == "cpu_time")
    }

    @Test func `what was asked for and could not be written is no success`() throws {
        let ground = try Ground(.possible[0])
        for (words, code) in [
            (["ps"], 2), (["doctor"], 2), (["run", "--dry-run", "--", "/bin/true"], 125), (["run", "--result", "/dev/full", "--", "/bin/true"], 125),
        ] as [([String], Int32)] {
            let run = try ground.run(["/bin/sh", "-c", "exec \"$@\" >/dev/full", "sh", Ground.program!] + words)
            #expect(run.code == code && run.err.contains("no space left on device (ENOSPC)"), "\(words): \(run.err)")
        }
    }

    @Test(arguments: Caller.possible)
    func `what the caller's own limits take is said with a remedy`(caller: Caller) throws {
        let ground = try Ground(caller)
        let run = try ground.run(["/bin/sh", "-c", "ulimit -n 12; exec \"$0\" run -- /bin/true", Ground.program!])
        #expect(run.code == 125 && run.err.contains("(EMFILE)\n  help: this shell allows too few open files: `ulimit -n 256`"), "\(run.err)")
        try ground.put("p.yaml", "fumehood: 1\nfiles:\n  hide: [/tmp]\n")
        let hidden = try ground.cell(["-p", "p.yaml"], ["/bin/true"], directory: ground.home)
        #expect(hidden.code == 125, "\(hidden.err)")
        let own = try ground.cell(["-p", ground.work + "/p.yaml"], ["/bin/true"])
        #expect(own.code == 125 && own.err.contains("`/tmp` cannot be hidden"), "\(own.err)")
    }
}
