// SPDX-License-Identifier: Apache-2.0
// `fumehood learn` and `fumehood profile` as people call them: what is learned is enforced, what is not a learned profile is not overwritten,
// and verbs that judge say so by their exit codes. Real tools, strace and hostile programs: Tests/Soak/learn.py.

import BuiltBinary
import Foundation
import JSON
import Testing

@Suite("learning", .enabled(if: Ground.program != nil, "the program is not built"))
struct LearnTests {
    private func learn(_ ground: Ground, _ flags: [String] = [], _ command: [String]) throws -> Finished {
        try ground.run([Ground.program!, "learn", "--no-log"] + flags + ["--"] + command)
    }

    private func profile(_ ground: Ground, _ words: String...) throws -> Finished { try ground.run([Ground.program!, "profile"] + words) }

    private static let forking = ["/bin/sh", "-c", "(echo inner); /bin/true"]

    @Test(arguments: Caller.possible)
    func `what was learned is enforced, and the second run learns nothing`(caller: Caller) throws {
        let ground = try Ground(caller)
        let first = try learn(ground, ["--as", "forking"], Self.forking)
        #expect(first.code == 0 && first.out == "inner\n" && first.err.contains("new: exec (execve), spawn (process)"), "\(first.err)")
        let text = ground.read(ground.home + "/.config/fumehood/profiles/forking.yaml")
        let second = try learn(ground, ["--as", "forking"], Self.forking)
        #expect(second.code == 0 && second.err.contains("nothing new") && second.err.contains("2 runs, 1 distinct input"), "\(second.err)")
        let enforced = try ground.cell(["--no-log", "-p", "forking"], Self.forking)
        #expect(enforced.code == 0 && enforced.err == "", "\(enforced.err)")
        // The same profile on what needs more.
        let more = try ground.cell(["--no-log", "-p", "forking"], ["/bin/sh", "-c", "mkdir /tmp/x"])
        #expect(more.code != 0 && more.err.contains("mkdir(): syscalls: allow: [fs-mutate]"), "\(more.err)")
        #expect(text?.contains("syscalls: { only: [exec, spawn] }") == true, "\(text ?? "")")
        #expect(try profile(ground, "verify", "forking").code == 0)
    }

    @Test func `the same runs give the same bytes`() throws {
        let ground = try Ground(.possible[0])
        for name in ["one.yaml", "two.yaml"] {
            for word in ["a", "b"] { _ = try learn(ground, ["--out", ground.home + "/" + name], ["/bin/sh", "-c", "(echo \(word))"]) }
        }
        let one = ground.read(ground.home + "/one.yaml")
        #expect(one != nil && one == ground.read(ground.home + "/two.yaml"))
    }

    @Test func `a folder in which nothing changes becomes readable only`() throws {
        let ground = try Ground(.possible[0])
        try ground.put("a", "x")
        let run = try learn(ground, ["--as", "reader", "-w", "."], ["/bin/cat", "a"])
        let text = ground.read(ground.home + "/.config/fumehood/profiles/reader.yaml") ?? ""
        #expect(run.out == "x" && text.contains("  read:\n    - \(ground.work)\n") && !text.contains("  write:"), "\(text)\(run.err)")
        #expect(try ground.cell(["--no-log", "-p", "reader"], ["/bin/cat", "a"]).out == "x")
    }

    @Test func `a profile that somebody wrote or changed is not overwritten`() throws {
        let ground = try Ground(.possible[0])
        let file = try ground.put(ground.home + "/p.yaml", "fumehood: 1\nextends: base\n")
        let written = try learn(ground, ["--out", file], ["/bin/true"])
        #expect(written.code == 125 && written.err.contains("was not learned, and is not overwritten"), "\(written.err)")
        let other = ground.home + "/q.yaml"
        _ = try learn(ground, ["--out", other], ["/bin/true"])
        try ground.put(other, (ground.read(other) ?? "").replacingOccurrences(of: "only: []", with: "only: [memfd]"))
        let changed = try learn(ground, ["--out", other], ["/bin/true"])
        #expect(changed.code == 125 && changed.err.contains("was changed since it was learned"), "\(changed.err)")
    }

    @Test(
        arguments: [
            (["--as", "base"], "`base` is a built-in profile"), (["--as", "A b"], "`--as` expects a name of a-z, 0-9 and -, found `A b`"),
            (["--out", "x"], "`--out` expects a file that ends in .yaml, found `x`"), (["--without", "spwan"], "`spwan` is no syscall family"),
            (["--mcp=x"], "`--mcp` takes no value"),
            (["--expect", "300"], "`--expect` expects an exit code of 0 to 255, found `300`"), (["-p", "./x.yaml"], "./x.yaml"),
        ] as [([String], String)])
    func `a wrong flag is told by its name`(flags: [String], message: String) throws {
        let ground = try Ground(.possible[0])
        let run = try learn(ground, flags, ["/bin/true"])
        #expect(run.code == 125 && run.err.contains(message), "\(run.err)")
    }

    @Test func `a family that is not to be learned stays refused`() throws {
        let ground = try Ground(.possible[0])
        let run = try learn(ground, ["--as", "p", "--without", "fs-mutate"], ["/bin/sh", "-c", "mkdir /tmp/x; true"])
        #expect(run.code == 0 && run.err.contains("refused, and never learned: mkdir()"), "\(run.err)")
    }

    @Test func `promotion needs five inputs, or force by name`() throws {
        let ground = try Ground(.possible[0])
        _ = try learn(ground, ["--as", "p"], ["/bin/true"])
        let refused = try profile(ground, "promote", "p")
        #expect(refused.code == 1 && refused.err.contains("1 distinct input, 5 are needed"), "\(refused.err)")
        #expect(try profile(ground, "promote", "p", "--force", "q").code == 1)
        #expect(try profile(ground, "promote", "p", "--force", "p").code == 0)
        let run = try learn(ground, ["--as", "p"], ["/bin/true", "other"])
        #expect(run.code == 0)
        #expect(try profile(ground, "lint", "p").code == 1)
    }

    @Test(arguments: Caller.possible)
    func `an audit lets go on what learning would, records it as a denial that would be, and says that the wall is partial`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put(ground.home + "/.config/fumehood/profiles/watched.yaml", "fumehood: 1\nextends: base\nsyscalls: { only: [], mode: audit }\n")
        let script = "(:); mkdir /tmp/x && /usr/bin/unshare -U /bin/true; echo $?"
        let run = try ground.cell(["-p", "watched", "--result", "r.json"], ["/bin/sh", "-c", script])
        #expect(run.code == 0 && run.out == "1\n", "\(run.err)")
        let result = try Value(parsing: try #require(ground.read("r.json")))
        let denials = result["denials"]?.asArray ?? []
        func kinds(wentOn: Bool) -> Set<String> {
            Set(denials.filter { ($0["went_on"] == true) == wentOn }.compactMap { $0["what"]?.asString })
        }
        #expect(kinds(wentOn: true) == ["clone()", "execve()", "mkdir()"] && kinds(wentOn: false) == ["unshare(CLONE_NEWUSER)"], "\(run.err)")
        #expect(result["protections"]?["seccomp"]?["status"]?.asString == "partial")
        #expect(run.err.contains("calls that mode audit let go on: "), "\(run.err)")
        // What extends it enforces; and a policy sees the hole.
        let child = try ground.put("child.yaml", "fumehood: 1\nextends: watched\n")
        #expect(try ground.cell(["--no-log", "-p", child], ["/bin/sh", "-c", "mkdir /tmp/x"]).code != 0)
        try ground.put("p/a.cedar", "permit (principal, action, resource) unless { context.sandbox.waivers.contains(\"seccomp\") };")
        #expect(try ground.cell(["--policy", "p", "-p", "watched"], ["/bin/true"]).code == 125)
        #expect(try ground.cell(["--require", "all", "--no-log", "-p", "watched"], ["/bin/true"]).err.contains("seccomp (mode audit: calls of"))
    }

    @Test func `a profile that learns makes a run a learning run`() throws {
        let ground = try Ground(.possible[0])
        try ground.put(ground.home + "/.config/fumehood/profiles/open.yaml", "fumehood: 1\nextends: base\nsyscalls: { only: [], mode: learn }\n")
        let run = try ground.cell(["--no-log", "-p", "open"], ["/bin/mkdir", "/tmp/x"])
        #expect(run.code == 0 && run.err.contains("learned `mkdir-x`, version 1: fs-mutate; no network"), "\(run.err)")
        let enforced = try ground.cell(["--no-log", "-p", "mkdir-x"], ["/bin/ln", "-s", "a", "/tmp/b"])
        #expect(enforced.code == 0 && enforced.err == "", "\(enforced.err)")
        #expect(try ground.cell(["--no-log", "-p", "mkdir-x"], ["/bin/sh", "-c", "(:)"]).err.contains("clone(): syscalls: allow: [spawn]"))
    }

    @Test func `why a call was denied comes with the line that would grant it`() throws {
        let ground = try Ground(.possible[0])
        func why(_ run: Finished) throws -> (text: String, line: String?) {
            let id = run.err.split(separator: " ").last.map { $0.filter { $0 != "\n" } } ?? ""
            let told = try ground.run([Ground.program!, "why", id]), json = try ground.run([Ground.program!, "why", "--json", id])
            return (told.out, json.json?["candidate"]?["line"]?.asString)
        }
        try ground.put(ground.home + "/.config/fumehood/profiles/none.yaml", "fumehood: 1\nextends: base\nsyscalls: { only: [exec] }\n")
        let written = try why(ground.cell(["-p", "none"], ["/bin/mkdir", "/tmp/a b"]))
        #expect(written.line == "syscalls: { only: [exec, fs-mutate] }", "\(written.text)")
        #expect(written.text.contains("\nor learn it: fumehood learn -p none -- /bin/mkdir '/tmp/a b'\n"), "\(written.text)")
        _ = try learn(ground, ["--as", "little"], ["/bin/true"])
        let learned = try why(ground.cell(["-p", "little"], ["/bin/mkdir", "/tmp/a"]))
        #expect(learned.line == "syscalls: { only: [fs-mutate] }" && learned.text.contains("fumehood learn -p base --as little -- /bin/mkdir /tmp/a adds"))
        let never = try why(ground.cell([], ["/usr/bin/unshare", "-U", "/bin/true"]))
        #expect(never.line == nil && never.text.contains("only by unsafe: [namespaces]"), "\(never.text)")
    }

    @Test(arguments: Caller.possible)
    func `a command does not write what was learned of it`(caller: Caller) throws {
        let ground = try Ground(caller)
        _ = try learn(ground, ["--out", "known.yaml"], ["/bin/sh", "-c", "true"])
        let before = try #require(ground.read("known.yaml"))
        // Consistent with itself, and wider: as a changed file, a new one, and by another way to the folder.
        let wider = before.replacingOccurrences(of: "\nsyscalls:", with: "\nnetwork: host\nsyscalls:").replacingOccurrences(
            of: "no network", with: "network host")
        for (flags, folder) in [(["-w", "."], ground.work), (["-w", "\(ground.work):/other"], "/other")] {
            for name in ["known.yaml", folder == "/other" ? "other.yaml" : "new.yaml"] {
                try ground.put("forged", wider)
                let file = "\(folder)/\(name)"
                let run = try learn(
                    ground, ["--out", name] + flags,
                    ["/bin/sh", "-c", "cd \(folder); (cat forged > \(file)); mv forged \(file); rm -rf \(file); (cat forged > \(file)); true"])
                let text = ground.read(name) ?? ""
                #expect(run.code == 0 && text.contains("learned:") && !text.contains("host"), "\(run.err)\(text)")
            }
        }
        _ = try ground.run(["ln", "known.yaml", "alias"])
        #expect(try learn(ground, ["--out", "known.yaml", "-w", "."], ["/bin/true"]).err.contains("is a link or has other names"))
    }

    @Test func `limits come with head-room, never above the profile's, and not where they are not wanted`() throws {
        let ground = try Ground(.possible[0])
        _ = try learn(ground, ["--as", "bounded", "--timeout", "40s"], ["/bin/true"])
        let text = ground.read(ground.home + "/.config/fumehood/profiles/bounded.yaml") ?? ""
        #expect(text.contains("limits: { cpu_time: 60s, disk: 64M, ") && text.contains("wall: 40s }"), "\(text)")
        _ = try learn(ground, ["--as", "free", "--without", "limits"], ["/bin/true"])
        #expect(ground.read(ground.home + "/.config/fumehood/profiles/free.yaml")?.contains("limits:") == false)
    }

    @Test func `a difference that is more is found, one that is less is not`() throws {
        let ground = try Ground(.possible[0])
        let more = try profile(ground, "diff", "tool", "git")
        #expect(more.code == 1 && more.out.contains("+ writes \(ground.work)\n"), "\(more.out)\(more.err)")
        let less = try profile(ground, "diff", "git", "tool")
        #expect(less.code == 0 && less.out.contains("- writes \(ground.work)\n"), "\(less.out)\(less.err)")
        // A profile with wider limits grants more.
        #expect(try profile(ground, "diff", "tool", "base").out.contains("+ limit memory: 2048M, was 1024M\n"))
        #expect(try profile(ground, "diff", "base", "base").out == "no difference\n")
        #expect(try profile(ground, "diff", "base", "nothing").code == 2)
    }

    @Test func `a profile is shown in words and as JSON`() throws {
        let ground = try Ground(.possible[0])
        let words = try profile(ground, "show", "git")
        #expect(words.out.hasPrefix("git: exec fs-mutate spawn; reads "), "\(words.out)")
        #expect(try profile(ground, "show", "git", "--json").json?["network"]?.asString == "none")
        #expect(try profile(ground, "export", "git").json?["defaultAction"]?.asString == "SCMP_ACT_ERRNO")
    }
}
