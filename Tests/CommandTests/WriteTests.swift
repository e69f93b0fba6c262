// SPDX-License-Identifier: Apache-2.0
// What a writable grant keeps from being written, by the means that a shell has: incident 20 and its kin.

import BuiltBinary
import Foundation
import JSON
import Testing

@Suite("protected names in a writable folder", .enabled(if: Ground.program != nil, "the program is not built"))
struct WriteTests {
    static let attempts = [
        "echo x > .git/hooks/pre-commit", "echo x >> .git/config", "rm -rf .git", "mv .git old && mkdir -p .git/hooks && echo x > .git/hooks/pre-commit",
        "mv .git/hooks old", "ln -sf /tmp .git/hooks", "mkdir .claude", "rmdir .claude; mkdir .claude && touch .claude/settings.json",
        "mv .claude old; mkdir .claude",
        "cp -r .git copy && rm -rf .git; mv -T copy .git", "mv fumehood old && mkdir -p fumehood/profiles", "touch fumehood/profiles/x", "touch fumehood.yaml",
        "mv -T old .git; ln -s old2 .mcp.json", "mkdir -p new/.git && mv -T --exchange new/.git .git",
    ]

    /// Everything in the workspace but what the cell may add.
    private func state(_ ground: Ground) -> [String: String] {
        var state: [String: String] = [:]
        for name in (try? FileManager.default.subpathsOfDirectory(atPath: ground.work)) ?? []
        where !name.hasPrefix("copy") && !name.hasPrefix("new") && !name.hasPrefix("old") {
            state[name] = ground.read(name) ?? "folder"
        }
        return state
    }

    @Test(arguments: Caller.possible, attempts)
    func `a protected name cannot be made, changed or replaced`(caller: Caller, attempt: String) throws {
        let ground = try Ground(caller)
        try ground.put(".git/config", "[core]\n")
        try ground.put(".git/hooks/sample", "#!/bin/sh\n")
        try ground.put(".git/HEAD", "ref: refs/heads/main\n")
        try ground.makeFolder("fumehood")
        let before = state(ground)
        let run = try ground.cell(["--quiet", "-w", "."], ["/bin/sh", "-c", attempt])
        var after = state(ground)
        after[".git/HEAD"] = after[".git/HEAD"] ?? before[".git/HEAD"]  // its own to remove
        #expect(after == before, "\(attempt): \(run.err)")
    }

    static let replacements = [
        "rm .git/hooks && mkdir .git/hooks && echo x > .git/hooks/x", "mv .git/hooks old", "ln -sfn /tmp .git/hooks", "mv .git old", "rm conf",
        "mv sub old", "mkdir nowhere && echo x > nowhere/settings.json", "ln -sfn /tmp .claude", "rm way/there; mkdir way/there", "mv way old",
        "ln -s /tmp old && mv -T --exchange old .git/hooks",
    ]

    /// `.git/hooks` is a link to a folder, `.vscode` a link to a link in another folder, `.claude` a link that leads nowhere.
    @Test(arguments: Caller.possible, replacements)
    func `a link that has a protected name, or leads to one, stays where it is`(caller: Caller, attempt: String) throws {
        let ground = try Ground(caller)
        try ground.put(".git/HEAD", "ref: refs/heads/main\n")
        try ground.put("sub/hooks/sample", "#!/bin/sh\n")
        try ground.put("conf/settings.json", "{}")
        try ground.put("way/file", "x")
        let links = [".git/hooks": "../sub/hooks", ".claude": "nowhere", ".vscode": "way/there", "way/there": "../conf"]
        for (name, target) in links { try FileManager.default.createSymbolicLink(atPath: ground.work + "/" + name, withDestinationPath: target) }
        _ = try ground.run(["sh", "-c", "chown -h $(stat -c %u:%g .) .git/hooks .claude .vscode way/there"])
        let before = state(ground)
        let run = try ground.cell(["--quiet", "-w", "."], ["/bin/sh", "-c", attempt])
        #expect(run.code != 125 && run.code != 0, "\(run.err)")
        for (name, target) in links { #expect(try FileManager.default.destinationOfSymbolicLink(atPath: ground.work + "/" + name) == target, "\(name)") }
        #expect(state(ground) == before, "\(attempt): \(run.err)")
        #expect(try ground.cell(["--quiet", "-w", "."], ["/bin/sh", "-c", "cat .git/hooks/sample && touch way/new && echo more >> way/file"]).code == 0)
    }

    static let forgeries = [
        "echo forged > out/r.json", "rm -f out/r.json; echo forged > out/r.json", "echo forged > f; mv -f f out/r.json",
        "mv out old; mkdir out; echo forged > out/r.json",
        "ln out/r.json other && echo forged > other", "cp -r out old; mv -T --exchange old out; rm -rf out; ln -s old out", "ln -sfn /tmp link",
    ]

    /// The record of the flag, named by itself, through a link, and by a descriptor that is the caller's.
    @Test(arguments: Caller.possible, forgeries)
    func `a record inside a writable folder is ours alone`(caller: Caller, attempt: String) throws {
        for (flag, redirection) in [("out/r.json", ""), ("link/r.json", ""), ("fd:7", "7>out/r.json")] {
            let ground = try Ground(caller)
            try ground.makeFolder("out")
            let kind = flag == "fd:7" ? "--events" : "--result"
            let script = "ln -s out link; \"$0\" run --quiet -w . \(kind) \(flag) -- /bin/sh -c '\(attempt); true' \(redirection)"
            let run = try ground.run(["sh", "-c", script, Ground.program!])
            #expect(run.code == 0, "\(attempt): \(run.err)")
            let text = try #require(ground.read("out/r.json"))
            // An event holds the command, and so the word; a line of its own is what was not ours.
            for line in text.split(separator: "\n") {
                #expect((try? Value(parsing: String(line)))?["fumehood"]?.asInteger == 1, "\(kind) \(flag): \(attempt): \(text)")
            }
        }
    }

    @Test func `a record with a second name in a writable folder is refused`() throws {
        let ground = try Ground(.possible[0])
        try ground.put("r.json", "")
        _ = try ground.run(["ln", "r.json", "other"])
        let run = try ground.cell(["--result", "r.json", "-w", "."], ["/bin/true"])
        #expect(run.code == 125 && run.err.contains("has 2 names, and lies in a folder that the cell may write"), "\(run.err)")
        #expect(try ground.cell(["--result", "r.json", "-r", "."], ["/bin/true"]).code == 0)
    }

    @Test(arguments: Caller.possible)
    func `the .git file of a worktree is protected itself`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put(".git", "gitdir: /elsewhere\n")
        _ = try ground.cell(
            ["--quiet", "-w", "."], ["/bin/sh", "-c", "echo gitdir: /tmp > .git; rm -f .git; mv .git old; mkdir -p .git/hooks; echo x > .git/hooks/x"])
        #expect(ground.read(".git") == "gitdir: /elsewhere\n")
    }

    @Test(arguments: Caller.possible)
    func `what is not protected can be changed`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put(".git/config", "[core]\n")
        try ground.put(".git/index", "1")
        let run = try ground.cell(
            ["-w", "."],
            [
                "/bin/sh", "-c",
                "echo 2 > .git/index.lock && mv .git/index.lock .git/index && mkdir -p a/b && mv a c && echo x > c/b/f && rm -r c && mkdir .git/refs",
            ])
        #expect(run.code == 0, "\(run.err)")
        #expect(ground.read(".git/index") == "2\n")
    }
}
