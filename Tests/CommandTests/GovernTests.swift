// SPDX-License-Identifier: Apache-2.0
// The door and the log through the built program: what is permitted, refused and asked, what stands in the log and what never does, and that
// nothing runs which is not in it.

import BuiltBinary
import Foundation
import Glibc
import JSON
import Testing

@Suite("runs are governed", .enabled(if: Ground.program != nil, "the program is not built"))
struct GovernTests {
    static let noHost = """
        @id("no-host") @reason("nothing here has the host's network")
        forbid (principal, action == Action::"sys__launch", resource) when { context.sandbox.network == "host" };
        """

    private func fumehood(_ ground: Ground, _ words: [String], environment: [String: String] = [:]) throws -> Finished {
        try ground.run([Ground.program ?? "fumehood"] + words, environment: environment)
    }

    /// The log as JSON, one record each.
    private func records(_ ground: Ground, _ flags: [String] = [], environment: [String: String] = [:]) throws -> [Value] {
        let shown = try fumehood(ground, ["log", "export"] + flags, environment: environment)
        #expect(shown.code == 0, "\(shown.err)")
        return try shown.out.split(separator: "\n").map { try Value(parsing: String($0)) }
    }

    private func kinds(_ records: [Value]) -> [String] { records.compactMap { $0["kind"]?.asString } }

    /// Every byte under a folder.
    private func bytes(under folder: String) -> Data {
        var all = Data()
        for name in FileManager.default.enumerator(atPath: folder).map({ $0.compactMap { $0 as? String } }) ?? [] {
            all += (try? Data(contentsOf: URL(filePath: folder + "/" + name))) ?? Data()
        }
        return all
    }

    @Test(arguments: Caller.possible)
    func `a run is a launch and an exit in a log that verifies`(caller: Caller) throws {
        let ground = try Ground(caller)
        #expect(try ground.cell([], ["/bin/echo", "hello"]).code == 0)
        #expect(try ground.cell([], ["/bin/sh", "-c", "exit 3"]).code == 3)
        let all = try records(ground)
        #expect(kinds(all) == ["launch", "exit", "launch", "exit"])
        #expect(all[0]["data"]?["command"]?[1]?.asString == "hello")
        #expect(all[0]["data"]?["sandbox"]?["network"]?.asString == "none")
        #expect(all[3]["data"]?["exit_code"]?.asInteger == 3 && all[3]["cell"]?.asString == all[2]["cell"]?.asString)
        let verified = try fumehood(ground, ["log", "verify"])
        #expect(verified.code == 0 && verified.out.hasPrefix("4 records, 4 checked"), "\(verified.err)")
    }

    @Test(arguments: Caller.possible)
    func `a policy of the user's refuses a launch, by its id and reason`(caller: Caller) throws {
        let ground = try Ground(caller)
        let file = try ground.put(ground.home + "/.config/fumehood/policy.d/net.cedar", Self.noHost)
        let run = try ground.cell(["--net", "host", "--result", "r.json", "-w", "."], ["/bin/sh", "-c", ": > started"])
        #expect(run.code == 125)
        #expect(run.err == "fumehood: refused by policy `\(file)#no-host`: nothing here has the host's network\n")
        #expect(ground.read("started") == nil)
        let record = try Value(parsing: try #require(ground.read("r.json")))
        #expect(record["status"]?.asString == "refused" && record["cause"]?["policy"]?.asString == file + "#no-host")
        #expect(try ground.cell([], ["/bin/true"]).code == 0)
        let all = try records(ground)
        #expect(kinds(all) == ["decision", "launch", "exit"])
        #expect(all[0]["outcome"]?.asString == "deny" && all[0]["policy_set_sha256"]?.asString == all[1]["policy_set_sha256"]?.asString)
    }

    @Test func `no layer lifts another's forbid, and a named folder is a layer`() throws {
        let ground = try Ground(Caller.possible[0])
        try ground.put(ground.home + "/.config/fumehood/policy.d/net.cedar", Self.noHost)
        try ground.put("mine/all.cedar", "@id(\"all\") permit (principal, action, resource);")
        #expect(try ground.cell(["--policy", "mine", "--net", "host"], ["/bin/true"]).code == 125)
        try ground.put("yours/none.cedar", "@id(\"none\") forbid (principal == Agent::\"bob\", action, resource);")
        #expect(try ground.cell(["--policy", "yours"], ["/bin/true"]).code == 0)
        #expect(try ground.cell(["--policy", "yours", "--agent", "bob"], ["/bin/true"]).err.contains("policy `yours/none.cedar#none` forbids it"))
    }

    static let broken: [(String, String)] = [
        ("permit (", "bad.cedar:1:"), ("forbid (principal, action == Action::\"sys__launch\", resource) when { context.sandbox.colour == 1 };", "colour"),
        ("@throttle(\"often\") permit (principal, action, resource);", "`often` is no rate"),
    ]

    @Test(arguments: broken)
    func `policies that do not load start nothing`(text: String, said: String) throws {
        let ground = try Ground(Caller.possible[0])
        try ground.put("bad.cedar", text)
        let run = try ground.cell(["--policy", "bad.cedar"], ["/bin/echo", "started"])
        #expect(run.code == 125 && run.out == "" && run.err.contains(said) && run.err.contains("the policies do not load"), "\(run.err)")
        #expect(try ground.cell(["--policy", "absent.cedar"], ["/bin/echo", "started"]).code == 125)
    }

    @Test(arguments: Caller.possible)
    func `nothing starts while the log cannot be written`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put("file", "no folder")
        for folder in ["file/log", "/proc/log"] {
            let run = try ground.cell(["--log", folder, "-w", "."], ["/bin/sh", "-c", ": > started; echo started"])
            #expect(run.code == 125 && run.out == "" && ground.read("started") == nil, "\(run.out)")
            #expect(run.err.contains("nothing is started while the log in `") && run.err.contains("help:") && run.err.contains("--no-log"), "\(run.err)")
        }
        #expect(try ground.cell(["--no-log"], ["/bin/echo", "x"], environment: ["XDG_STATE_HOME": ground.work + "/file"]).out == "x\n")
        #expect(try ground.cell([], ["/bin/echo", "x"], environment: ["XDG_STATE_HOME": ground.work + "/file"]).code == 125)
        #expect(try ground.cell(["--log", "own"], ["/bin/true"]).code == 0)
        #expect(try fumehood(ground, ["log", "verify", "--log", "own"]).code == 0)
    }

    @Test(.enabled(if: Caller.possible.contains(.user), "no ordinary user"))
    func `without a home the log is refused by name`() throws {
        let ground = try Ground(.user)
        let run = try ground.run(["env", "-u", "HOME", "-u", "XDG_STATE_HOME", Ground.program ?? "", "run", "--", "/bin/echo", "x"])
        #expect(run.code == 125 && run.err.contains("HOME is not set") && run.err.contains("--no-log"), "\(run.err)")
        #expect(try ground.run(["env", "-u", "HOME", "-u", "XDG_STATE_HOME", Ground.program ?? "", "run", "--no-log", "--", "/bin/echo", "x"]).out == "x\n")
    }

    @Test func `a log that was damaged takes nothing, and the damage is named`() throws {
        let ground = try Ground(Caller.possible[0])
        #expect(try ground.cell([], ["/bin/echo", "findme"]).code == 0)
        #expect(try ground.cell([], ["/bin/true"]).code == 0)
        let folder = ground.folder + "/state/fumehood/log/journal/"
        let file = folder + (try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first))
        var data = try Data(contentsOf: URL(filePath: file))
        let whole = data
        let place = try #require(data.range(of: Data("findme".utf8))).lowerBound
        data[place] ^= 1
        try data.write(to: URL(filePath: file))
        let verified = try fumehood(ground, ["log", "verify"])
        #expect(verified.code == 1 && verified.err.contains("record 0 is not what was written"), "\(verified.err)")
        // Cut off behind the first group: the signed head knows.
        let second = try #require(whole.range(of: Data("\"kind\":\"exit\"".utf8))).lowerBound
        try whole.prefix(second - 40).write(to: URL(filePath: file))
        #expect(try fumehood(ground, ["log", "verify"]).code == 1)
        #expect(try ground.cell([], ["/bin/echo", "x"]).code == 125)
        try whole.write(to: URL(filePath: file))
        #expect(try fumehood(ground, ["log", "verify"]).code == 0)
    }

    @Test func `a kept checkpoint shows a rollback`() throws {
        let ground = try Ground(Caller.possible[0])
        #expect(try ground.cell([], ["/bin/true"]).code == 0)
        try FileManager.default.copyItem(atPath: ground.folder + "/state/fumehood/log", toPath: ground.folder + "/earlier")
        #expect(try ground.cell([], ["/bin/true"]).code == 0)
        let note = try fumehood(ground, ["log", "checkpoint"])
        #expect(note.code == 0 && note.out.split(separator: "\n").dropFirst().first == "4", "\(note.err)")
        try ground.put("kept", note.out)
        #expect(try fumehood(ground, ["log", "verify", "--checkpoint", "kept"]).code == 0)
        let rolled = try fumehood(ground, ["log", "verify", "--checkpoint", "kept", "--log", ground.folder + "/earlier"])
        #expect(rolled.code == 1 && rolled.err.contains("are gone"), "\(rolled.err)")
    }

    @Test func `whatever is in the arguments, a record is one line and forges nothing`() throws {
        let ground = try Ground(Caller.possible[0])
        let nasty = "x\n9 2026-11-21T00:00:00Z exit outcome=exited\r\u{1b}[2J\u{1b}]52;c;eA==\u{7}\u{202e}\u{85}\u{2028}"
        #expect(try ground.cell([], ["/bin/true", nasty, String(repeating: "A", count: 100_000)]).code == 0)
        #expect(try ground.run(["sh", "-c", "\"$0\" run -- /bin/true \"$(printf 'a\\377\\376b')\"", Ground.program ?? ""]).code == 0)
        let shown = try fumehood(ground, ["log", "show"])
        let lines = shown.out.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(lines.count == 4 && lines.enumerated().allSatisfy { $1.hasPrefix("\($0) 20") }, "\(shown.out.prefix(2000))")
        #expect(shown.out.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && !(0x7f..<0xa0 ~= $0.value) && $0 != "\u{2028}" && $0 != "\u{202e}") })
        #expect(try fumehood(ground, ["log", "verify"]).code == 0)
    }

    @Test(arguments: Caller.possible)
    func `secrets by name, by shape and by value are never on the disk`(caller: Caller) throws {
        let ground = try Ground(caller)
        let secrets = [
            "hunter2-by-option", "correct-horse-by-value", "sk-ant-api03-abcdefghijklmnopqrstuvwx", "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "by-assignment-secret",
        ]
        let run = try ground.cell(
            ["-e", "SERVICE_TOKEN", "-w", "."],
            [
                "/bin/sh", "-c", ": \"$@\"; socat \(secrets[1]) 2>/dev/null; exit 0", "sh", "--password", secrets[0], "say \(secrets[1])", secrets[2],
                "https://u:\(secrets[3])@host/", "API_KEY=\(secrets[4])",
            ],
            environment: ["SERVICE_TOKEN": secrets[1]])
        #expect(run.code == 0, "\(run.err)")
        #expect(try fumehood(ground, ["log", "checkpoint"]).code == 0)
        let kept = bytes(under: ground.folder + "/state")
        #expect(kept.count > 1000)
        for secret in secrets { #expect(kept.range(of: Data(secret.utf8)) == nil, "\(secret) is on the disk") }
        #expect(try fumehood(ground, ["log", "show"]).out.contains("[redacted]"))
    }

    @Test(arguments: Caller.possible)
    func `a cell sees neither the log nor its key nor the policies`(caller: Caller) throws {
        let ground = try Ground(caller)
        let environment = ["XDG_STATE_HOME": ground.home + "/.local/state"]
        for _ in 0..<2 {
            let script =
                "ls \(ground.home)/.local/state/fumehood/* \(ground.home)/.config/fumehood/*; echo x > \(ground.home)/.config/fumehood/policy.d/a.cedar; touch \(ground.home)/.local/state/fumehood/approvals; exit 0"
            let run = try ground.cell(["-w", ground.home], ["/bin/sh", "-c", script], environment: environment)
            #expect(run.code == 0 && !run.out.contains("journal") && !run.out.contains("log.key"), "\(run.out)\(run.err)")
        }
        #expect(try fumehood(ground, ["log", "verify"], environment: environment).code == 0)
        #expect(!FileManager.default.fileExists(atPath: ground.home + "/.config/fumehood/policy.d/a.cedar"))
        let inside = try ground.cell(["-w", ground.home + "/.local/state/fumehood/log/journal"], ["/bin/true"], environment: environment)
        #expect(inside.code == 125 && inside.err.contains("are in no cell"), "\(inside.err)")
        // By another name.
        try FileManager.default.createSymbolicLink(atPath: ground.work + "/alias", withDestinationPath: ground.home)
        let aliased = try ground.cell(["-w", "alias"], ["/bin/sh", "-c", "cat \(ground.home)/.config/fumehood/log.key"], environment: environment)
        #expect(aliased.code != 0 && !aliased.out.contains("PRIVATE"), "\(aliased.out)")
    }

    @Test(arguments: Caller.possible)
    func `why explains a denial and a kill`(caller: Caller) throws {
        let ground = try Ground(caller)
        let python = try ground.cell([], ["/bin/sh", "-c", "unshare -U true; exit 1"])
        let id = try #require(python.err.split(separator: "fumehood why ").last?.prefix { $0.isLetter || $0.isNumber })
        let why = try fumehood(ground, ["why", String(id)])
        #expect(
            why.code == 0 && why.out.contains("unshare(") && why.out.contains("was denied") && why.out.contains("permitted by `built-in#launch`"),
            "\(python.err) \(why.out)")
        #expect(try ground.cell(["--timeout", "200ms"], ["/bin/sleep", "9"]).code == 124)
        let all = try records(ground)
        #expect(kinds(all).suffix(4) == ["launch", "rung", "kill", "exit"])
        let cell = try #require(all.last?["cell"]?.asString)
        let killed = try fumehood(ground, ["why", cell, "--json"])
        let said = (killed.json?["sentences"]?.asArray ?? []).compactMap(\.asString)
        #expect(
            said.contains { $0.hasPrefix("it crossed a limit and was ended: limit wall") }
                && said.contains("everything in it was killed, and proven to be gone"), "\(said)")
        #expect(try fumehood(ground, ["why", "dzzzz"]).code == 1)
        #expect(try fumehood(ground, ["why", "dzzzz", "--log", "nothing"]).code == 2)
    }

    @Test(arguments: Caller.possible)
    func `a person's yes is for the very launch, once`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put(
            "ask.cedar",
            "@id(\"ask\") @ask(\"may it write?\") permit (principal, action == Action::\"sys__launch\", resource) when { !context.sandbox.writable.isEmpty() };"
        )
        func cell(_ word: String) throws -> Finished { try ground.cell(["--policy", "ask.cedar", "-w", "."], ["/bin/echo", word]) }
        let asked = try cell("one")
        #expect(asked.code == 125 && asked.err.contains("refused by policy `ask.cedar#ask`: may it write?"), "\(asked.err)")
        let call = try #require(asked.err.split(separator: "fumehood approve ").last?.prefix { $0.isLetter || $0.isNumber })
        #expect(try fumehood(ground, ["approve"]).out.hasPrefix("\(call)  sys__launch  may it write?"))
        #expect(try fumehood(ground, ["approve", String(call)]).code == 2)
        #expect(try fumehood(ground, ["approve", String(call), "--yes"]).code == 0)
        #expect(try cell("two").code == 125)
        #expect(try cell("one").out == "one\n")
        #expect(try cell("one").code == 125)
        #expect(try fumehood(ground, ["approve", "kzzzz", "--yes"]).code == 1)
        #expect(try ground.cell(["--policy", "ask.cedar", "-w", "."], ["/bin/true"], environment: ["CI": "true"]).err.contains("nobody can be asked here"))
        let approvals = try records(ground, ["--kind", "approval"])
        #expect(approvals.compactMap { $0["outcome"]?.asString } == ["granted", "used"])
        let review = try fumehood(ground, ["log", "show", "--review", "--seen"])
        #expect(review.out.split(separator: "\n").count == 4 && review.code == 0, "\(review.out)")
        #expect(try fumehood(ground, ["log", "show", "--review"]).out == "")
    }

    @Test func `accounts are charged, refused and reset`() throws {
        let ground = try Ground(Caller.possible[0])
        try ground.put(
            ground.home + "/.config/fumehood/budget.yaml",
            "fumehood: 1\naccounts:\n  acme: { kind: org, limits: { usd: [1/month] } }\n  agent/local: { kind: agent, parent: acme, limits: { calls: 3 } }\n")
        #expect(try fumehood(ground, ["budget", "charge", "agent/local", "calls=2", "usd=0.25"]).code == 0)
        let denied = try fumehood(ground, ["budget", "charge", "agent/local", "calls=2"])
        #expect(denied.code == 1 && denied.err.contains("account `agent/local` has 1 of `calls` left (3), 2 asked"), "\(denied.err)")
        #expect(try fumehood(ground, ["budget", "charge", "agent/local", "usd=0.80"]).code == 1)
        #expect(try fumehood(ground, ["budget", "charge", "agent/local", "apples=1"]).code == 2)
        #expect(try fumehood(ground, ["budget", "charge", "nobody", "calls=1"]).code == 2)
        #expect(try ground.cell([], ["/bin/true"]).code == 0)
        #expect(try fumehood(ground, ["budget", "show"]).out.contains("calls 2 settled, 0 reserved (measured); 1 left of 3"))
        #expect(try fumehood(ground, ["budget", "reset", "agent/local", "calls"]).code == 0)
        #expect(try fumehood(ground, ["budget", "charge", "agent/local", "calls=3"]).code == 0)
        try ground.put(ground.home + "/.config/fumehood/budget.yaml", "fumehood: 1\naccounts:\n  a: { kind: org, limits: { cals: 3 } }\n")
        let wrong = try fumehood(ground, ["budget", "show"])
        #expect(wrong.code == 2 && wrong.err.contains("budget.yaml:3:") && wrong.err.contains("unknown dimension `cals`"), "\(wrong.err)")
    }

    @Test func `replay says which verdicts would change`() throws {
        let ground = try Ground(Caller.possible[0])
        #expect(try ground.cell(["-w", "."], ["/bin/true"]).code == 0)
        #expect(try ground.cell([], ["/bin/true"]).code == 0)
        try ground.put("same.cedar", Self.noHost)
        try ground.put(
            "other.cedar", "@id(\"w\") forbid (principal, action == Action::\"sys__launch\", resource) when { !context.sandbox.writable.isEmpty() };")
        let same = try fumehood(ground, ["policy", "replay", "--policy", "same.cedar"])
        #expect(same.code == 0 && same.out == "2 calls judged, 0 verdicts would change\n", "\(same.out)\(same.err)")
        let other = try fumehood(ground, ["policy", "replay", "--policy", "other.cedar"])
        #expect(other.code == 1 && other.out.contains("sys__launch true: allow -> deny (policy `other.cedar#w` forbids it)"), "\(other.out)\(other.err)")
        #expect(try fumehood(ground, ["policy", "replay", "--policy", "absent.cedar"]).code == 2)
    }

    @Test func `reload tells running cells, and nobody of policies that do not load`() throws {
        let ground = try Ground(Caller.possible[0])
        let file = try ground.put(ground.home + "/.config/fumehood/policy.d/net.cedar", Self.noHost)
        let script = #"""
            "$0" run --quiet -- /bin/sleep 20 & own=$!
            for i in $(seq 100); do "$0" ps --json | grep -q supervisor_pid && break; sleep 0.05; done
            "$0" policy reload; echo "reload $?"; echo 'permit (' > "$1"; "$0" policy reload 2>/dev/null; echo "broken $?"
            "$0" kill --all >/dev/null; wait $own
            """#
        let run = try ground.run(["sh", "-c", script, Ground.program ?? "", file], environment: ["XDG_RUNTIME_DIR": ground.work])
        #expect(run.out.contains(" decided\n1 files, set ") && run.out.contains("reload 0\n") && run.out.contains("broken 2\n"), "\(run.out)\(run.err)")
    }

    @Test func `a run reserves in its agent's account, is bounded by what is left, and settles what the cell used; nothing left refuses`() throws {
        let ground = try Ground(.root)
        try ground.put(
            ground.home + "/.config/fumehood/budget.yaml",
            "fumehood: 1\naccounts:\n  acme: { kind: org, limits: { wall_us: 1h, memory_byte_s: 100G } }\n"
                + "  agent/local: { kind: agent, parent: acme, limits: { bytes_out: 10B } }\n")
        #expect(try ground.cell([], ["/bin/echo", "1234"]).code == 0)
        let shown = try fumehood(ground, ["budget", "show"]).out
        #expect(shown.contains("bytes_out 5 settled, 0 reserved (measured); 5 left of 10B") && shown.contains("wall_us "), "\(shown)")
        // What is left is the limit.
        let bounded = try ground.cell(["--result", "r.json"], ["/bin/echo", "123456789"])
        #expect(bounded.code == 124 && bounded.err.contains("output"), "\(bounded.err)")
        let refused = try ground.cell(["-w", "."], ["/bin/sh", "-c", ": > started"])
        #expect(refused.code == 125 && refused.err.contains("nothing is left of `bytes_out` for `agent/local`"), "\(refused.err)")
        #expect(!FileManager.default.fileExists(atPath: ground.home + "/started"))
        #expect(try ground.cell(["--agent", "other"], ["/bin/echo", "123456789"]).code == 0)
        #expect(try fumehood(ground, ["log", "verify"]).code == 0)
    }

    private static let spinning = "fumehood: 1\nextends: base\nladder: { cpu: { throttle: 0.02 }, grace: 300ms }\n"
    private static let limit = "(principal, action == Action::\"sys__limit\", resource) when { context.crossed.limit == \"cpu\" };"

    @Test(arguments: [
        ("@id(\"p\") @raise(\"64000\") permit", 5, [String](), "allow"), ("@id(\"p\") forbid", 124, ["terminate"], "deny"),
        ("@id(\"p\") @kill forbid", 124, ["kill"], "kill"),
    ])
    func `a policy decides on a crossed limit`(policy: String, code: Int32, rungs: [String], outcome: String) throws {
        let ground = try Ground(.root)
        let profile = try ground.put(ground.home + "/spin.yaml", Self.spinning), file = try ground.put(ground.home + "/p.cedar", "\(policy) \(Self.limit)")
        let result = ground.home + "/r.json"
        let run = try ground.cell(
            ["-p", profile, "--policy", file, "--timeout", "60s", "--result", result],
            ["/bin/sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; exit 5"])
        let record = try Value(parsing: String(contentsOfFile: result, encoding: .utf8))
        #expect(
            run.code == code && (record["ladder"]?.asArray ?? []).map { $0["rung"]?.asString ?? "" } == rungs, "\(run.code) \(record.serialised()) \(run.err)")
        let asked = try records(ground).filter { $0["tool"]?.asString == "sys__limit" }
        #expect(asked.first?["outcome"]?.asString == outcome && asked.first?["data"]?["crossed"]?["rung"]?.asString == "throttle")
        #expect(asked.first?["policies"]?.asArray?.contains(.string(file + "#p")) == true)
        #expect(try kinds(records(ground)).filter { $0 == "rung" }.count == rungs.count)
    }
}
