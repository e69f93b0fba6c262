// SPDX-License-Identifier: Apache-2.0
// `fumehood run` used wrongly: the sentence, whole; exit 125; and nothing started. Through the built program, as a user types it.

import BuiltBinary
import Foundation
import JSON
import Testing

/// A profile file in the workspace, named p.yaml.
private func profile(_ text: String) -> String { "fumehood: 1\n" + text }

@Suite("used wrongly", .enabled(if: Ground.program != nil, "the program is not built"))
struct UsageTests {
    static let flags: [(String, String)] =
        ([
            ("--net host --net none", "--net: `host` and `none` do not go together\n  help: one of none, loopback and host, or any number of HOST:PORT"),
            (
                "--net a.example:1 --net host",
                "--net: `host` and `a.example:1` do not go together\n  help: one of none, loopback and host, or any number of HOST:PORT"
            ),
            ("-p base --profile tool", "`--profile` is given twice"),
            ("--timeout 1s --timeout 2s", "`--timeout` is given twice"),
            ("--memory 1M --memory 1M", "`--memory` is given twice"),
            ("--result a --result b", "`--result` is given twice"),
            ("--events a --events b", "`--events` is given twice"),
            ("--require all --require all", "`--require` is given twice"),
            ("--netw host", "unknown flag `--netw`\n  help: did you mean `--net`?"),
            ("--time-out 1s", "unknown flag `--time-out`\n  help: did you mean `--timeout`?"),
            ("--verbosely", "unknown flag `--verbosely`\n  help: fumehood run --help lists the flags"),
            ("-x", nil),
            ("-t", "`-t` needs a terminal as standard input\n  help: without -t pipes and files pass as they are"),
            ("--log x --no-log", "`--log` and `--no-log` do not go together"),
            ("echo hello", "unexpected `echo`\n  help: put `--` before the command: fumehood run [FLAGS] -- echo ..."),
            ("--quiet=yes", "`--quiet` takes no value"),
            ("--json", "`--json` goes with `--dry-run`\n  help: the result of a run is written by --result"),
            ("--require some", "`--require` expects `walls` or `all`, found `some`"),
            ("--result fd:x", "`fd:x` is not a descriptor\n  help: write fd: and a number, such as fd:3"),
            ("--result fd:-1", "`fd:-1` is not a descriptor\n  help: write fd: and a number, such as fd:3"),
            ("--result fd:99999", "descriptor 99999 is not open"),
            ("--result=", "`--result` needs a file or fd:N"),
            ("--result /nonexistent/r", "cannot write `/nonexistent/r`: no such file or directory (ENOENT)"),
            ("--events /nonexistent/e", "cannot write `/nonexistent/e`: no such file or directory (ENOENT)"),
            ("--net hots", "--net: expected `none`, `loopback`, `host` or HOST:PORT, found `hots`\n  help: did you mean `host`?"),
            (
                "--net *.example.com:443",
                "--net: `*.example.com` is a pattern\n  help: name each host: a pattern admits what nobody thought of"
            ),
            ("--memory 12", "--memory: `12` has no unit\n  help: a size is a whole number with a unit: `64K`, `512M`, `1G`, or `4096B` for bytes"),
            ("--timeout 5", "--timeout: `5` has no unit\n  help: a duration is whole numbers with units: `250ms`, `30s`, `10m`, `1h30m`"),
            ("--memory 4K", "--memory: `4K` of memory is too little for any program\n  help: `1M` is the least"),
            ("--memory 900T", "--memory: `900T` of memory is more than this machine has\n  help: it has \(ProcessInfo.processInfo.physicalMemory >> 20)M"),
            ("--cpu 0.001", "--cpu: `0.001` of a core is too little to be kept\n  help: `0.01` is the least"),
            ("--cpu 500", "--cpu: `500` cores are more than this machine has\n  help: it has \(ProcessInfo.processInfo.activeProcessorCount)"),
            ("--pids 0", "--pids: `0` is zero\n  help: a count is a whole number, 1 or more: `64`; leave it out for the default"),
            ("--pids 9999999", "--pids: `9999999` processes are more than any Linux machine can have\n  help: 4194304 is the most"),
            (
                "--cpu-time 9h --timeout 1s",
                "--cpu-time: so much processor time cannot be used within the time that the cell has\n  help: lower the processor time, or raise the time limit"
            ),
            ("--waive seccomp", "--waive: `seccomp` cannot be waived\n  help: these can be waived: user, net, ipc, uts, proc"),
            ("--waive landlock", "--waive: `landlock` is a second wall and needs no waiver\n  help: it is used as far as the kernel goes"),
            ("--waive ntet", "--waive: unknown wall `ntet`\n  help: did you mean `net`?"),
            ("-p pyton", "-p: unknown profile `pyton`\n  help: did you mean `python`?"),
            ("-p ./nothing.yaml", "./nothing.yaml: cannot be read: no such file or directory (ENOENT)"),
            ("-r nothing", nil),
            ("-w /", "`/` cannot be granted: the whole root can only be read; name the folders that may be written (-w)"),
            ("-r /proc", "-r: `/proc` cannot be granted: the cell has its own /proc"),
            ("-r /sys/kernel", "-r: `/sys/kernel` cannot be granted: a cell has no /sys"),
            ("-r a:b", "-r: `a:b` is not SOURCE:TARGET with an absolute target\n  help: a path that holds a colon is written {path: ...} in a profile"),
            ("-r *.py", "-r: patterns are not expanded in `*.py`\n  help: name the folder; what is in it is granted with it"),
            ("-e 1A=x", "-e: `1A` is not a variable's name"),
            ("-e A-B", "-e: `A-B` is not a variable's name\n  help: write `NAME`, or `LC_*` for all that start so"),
        ] as [(String, String?)]).map { ($0.0, $0.1 ?? "") }

    /// Nothing was started: the command would have left a file.
    private func refused(_ ground: Ground, _ words: [String], _ expected: String) throws {
        let run = try ground.run([Ground.program!, "run"] + words)
        #expect(run.code == 125, "\(run.err)")
        #expect(run.out == "")
        if !expected.isEmpty { #expect(run.err == "fumehood: " + expected + "\n") } else { #expect(run.err.hasPrefix("fumehood: ")) }
        #expect(ground.read("started") == nil)
        #expect(!run.err.contains("\u{1b}"))
    }

    @Test(arguments: flags)
    func `a wrong flag gets its sentence`(words: String, expected: String) throws {
        let ground = try Ground(.possible[0])
        let isWord = words.hasPrefix("echo")
        try refused(ground, words.split(separator: " ").map(String.init) + (isWord ? [] : ["-w", ".", "--", "/bin/sh", "-c", "touch started"]), expected)
    }

    @Test(arguments: [
        ([], "no command\n  help: fumehood run [FLAGS] -- COMMAND [ARGUMENT...]"),
        (["--"], "no command\n  help: fumehood run [FLAGS] -- COMMAND [ARGUMENT...]"),
        (["--", ""], "the command is empty"), (["--timeout"], "`--timeout` needs a value: TIME"),
        (["--timeout", "--", "true"], "`--timeout` needs a value: TIME"), (["-r"], "`-r` needs a value: PATH"),
    ])
    func `something missing gets its sentence`(words: [String], expected: String) throws {
        try refused(try Ground(.possible[0]), words, expected)
    }

    static let profiles: [(String, String)] =
        ([
            ("network: nnoe\n", "p.yaml:2:10: network: expected `none`, `loopback` or `host`, found `nnoe`\n  help: did you mean `none`?"),
            ("netwrok: none\n", "p.yaml:2:1: unknown key `netwrok`\n  help: did you mean `network`?"),
            ("extends: tol\n", "p.yaml:2:10: extends: unknown profile `tol`\n  help: did you mean `tool`?"),
            ("network: none\nnetwork: host\n", nil),
            ("limits: {memory: 5}\n", nil),
            (
                "limits: {pids: 4, memory: 10K}\n",
                "p.yaml:2:27: limits.memory: `10K` of memory is too little for any program\n  help: `1M` is the least"
            ),
            (
                "limits: {disk: 1M, file_size: 2G}\n",
                "p.yaml:2:31: limits.file_size: a file of `file_size` would be larger than all that `disk` lets be written\n  help: lower `file_size`, or raise `disk`"
            ),
            ("waive: [seccomp]\n", nil),
            (
                "files: {write: [{path: ., mode: overlay}]}\n",
                "p.yaml:2:33: files.write[0].mode: mode `overlay` is not available yet\n  help: write `mode: direct`, or leave it out"
            ),
            ("ladder: {warn: 80}\n", nil),
            ("description: &a x\n", nil),
            ("description: !!str x\n", nil),
            ("syscalls: {allow: [ptrace]}\n", nil),
            ("syscalls: {mode: learned}\n", nil),
            ("x: [\n", nil),
            ("files: {read: ['\u{1b}]52;c;x']}\n", nil),
        ] as [(String, String?)]).map { ($0.0, $0.1 ?? "") }

    @Test(arguments: profiles)
    func `a wrong profile gets its place`(text: String, expected: String) throws {
        let ground = try Ground(.possible[0])
        try ground.put("p.yaml", profile(text))
        let words = ["-p", "p.yaml", "-w", ".", "--", "/bin/sh", "-c", "touch started"]
        try refused(ground, words, expected)
        let run = try ground.run([Ground.program!, "run"] + words)
        #expect(run.err.wholeMatch(of: /fumehood: p\.yaml:\d+:\d+: [^\n]+\n(  help: [^\n]+\n)?/) != nil, "\(run.err)")
    }

    @Test func `a profile without its version line is refused`() throws {
        let ground = try Ground(.possible[0])
        try ground.put("p.yaml", "network: none\n")
        try refused(ground, ["-p", "p.yaml", "--", "true"], "p.yaml:1:1: the version line is missing\n  help: add `fumehood: 1` at the top")
    }

    @Test(arguments: [
        (
            ["uvx", "ruff"],
            "`uvx` downloads at start and this cell has no network\n  help: install the tool first (uv tool install NAME), then run its command"
        ),
        (["npx", "tsc"], "`npx` downloads at start and this cell has no network\n  help: install the tool first (npm install -g NAME), then run its command"),
        (
            ["pipx", "run", "black"],
            "`pipx` downloads at start and this cell has no network\n  help: install the tool first (pipx install NAME), then run its command"
        ),
    ])
    func `what would download is refused`(command: [String], expected: String) throws {
        let ground = try Ground(.possible[0])
        let run = try ground.cell([], command)
        #expect(run.code == 125 && run.err == "fumehood: " + expected + "\n")
    }

    @Test func `a refusal is recorded as well`() throws {
        let ground = try Ground(.possible[0])
        let run = try ground.cell(["--result", "r.json", "--events", "e.jsonl"], ["nothing-of-this-name"])
        #expect(run.code == 127)
        let record = try Value(parsing: try #require(ground.read("r.json")))
        #expect(record["status"]?.asString == "refused" && record["exit_code"]?.asInteger == 127)
        #expect(record["fumehood"]?.asInteger == 1)
        let event = try Value(parsing: try #require(ground.read("e.jsonl")?.split(separator: "\n").first).description)
        #expect(event["kind"]?.asString == "cell_refused" || event["event"]?.asString == "cell_refused", "\(event)")
    }
}
