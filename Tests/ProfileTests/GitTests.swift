// SPDX-License-Identifier: Apache-2.0
// The git profile in a real workspace: work of an ordinary day, whoever owns the files, and the hooks and configuration that stay as they are.

import BuiltBinary
import Foundation
import Testing

@Suite("git in a workspace", .enabled(if: Ground.program != nil && found("git") != nil, "the program is not built, or git is absent"))
struct GitTests {
    private static let name = ["GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"]

    /// A repository with one commit, belonging to `owner`.
    private func repository(_ caller: Caller, owner: UInt32? = nil) throws -> Ground {
        let ground = try Ground(caller)
        try ground.put("first.txt", "1\n")
        for words in [
            ["init", "-q", "-b", "main", "."], ["config", "user.name", "A"], ["config", "user.email", "a@example.org"], ["add", "."],
            ["commit", "-qm", "first"],
        ] {
            let run = try ground.run(["git"] + words)
            #expect(run.code == 0, "\(run.err)")
        }
        if let owner { ground.giveWork(to: owner) }
        return ground
    }

    private static let day = """
        set -e
        git status --short
        echo 2 > second.txt; echo more >> first.txt
        git add second.txt && git commit -qam second
        git log --oneline | wc -l
        git checkout -qb topic && git mv second.txt third.txt && git commit -qm third
        git checkout -q main && git merge -q --no-edit topic && git branch -qd topic
        git diff HEAD~2 --stat | tail -1
        git stash list; git tag v1; git gc -q; git fsck 2>&1 | head -3
        git status --short
        """

    @Test(arguments: Caller.possible)
    func `a day's work is done`(caller: Caller) throws {
        let ground = try repository(caller)
        let run = try ground.cell(["-p", "git"], ["/bin/sh", "-c", Self.day])
        #expect(run.code == 0, "\(run.err)")
        #expect(run.out == "2\n 2 files changed, 2 insertions(+)\n", "\(run.out)\(run.err)")
        let log = try ground.run(["git", "log", "--format=%s"])
        #expect(log.out == "third\nsecond\nfirst\n", "\(log.err)")
        #expect(try ground.run(["git", "fsck"]).code == 0)
    }

    @Test(.enabled(if: Caller.possible.contains(.root), "only root maps owners"))
    func `as root the workspace of somebody else is worked in and stays theirs`() throws {
        let ground = try repository(.root, owner: 54321)
        let run = try ground.cell(["-p", "git"], ["/bin/sh", "-c", Self.day])
        #expect(run.code == 0 && run.out == "2\n 2 files changed, 2 insertions(+)\n", "\(run.out)\(run.err)")
        for name in try FileManager.default.subpathsOfDirectory(atPath: ground.work) {
            let owner = try FileManager.default.attributesOfItem(atPath: ground.work + "/" + name)[.ownerAccountID] as? NSNumber
            #expect(owner?.uint32Value == 54321, "\(name)")
        }
    }

    @Test(arguments: Caller.possible)
    func `hooks and configuration stay as they are`(caller: Caller) throws {
        let ground = try repository(caller)
        let before = ground.read(".git/config")
        let run = try ground.cell(["-p", "git"], ["git", "config", "core.fsmonitor", "./evil"])
        #expect(run.code != 0)
        #expect(ground.read(".git/config") == before)
        _ = try ground.cell(["-p", "git"], ["/bin/sh", "-c", "echo evil > .git/hooks/pre-commit; mv .git g; git init -q ."])
        #expect(ground.read(".git/hooks/pre-commit") == nil && ground.read("g/config") == nil)
        #expect(ground.read(".git/config") == before)
    }

    @Test(arguments: Caller.possible)
    func `a new repository is made in a folder of its own`(caller: Caller) throws {
        let ground = try Ground(caller)
        let script =
            "set -e; mkdir new && cd new && git init -q -b main . && echo x > x && git add x && git -c user.name=A -c user.email=a@example.org commit -qm first && git log --format=%s && git status --short"
        let run = try ground.cell(["-p", "git"], ["/bin/sh", "-c", script])
        check(run, "first\n")
        #expect(ground.read("new/.git/HEAD") == "ref: refs/heads/main\n")
    }

    @Test(arguments: Caller.possible)
    func `the caller's own configuration is read`(caller: Caller) throws {
        let ground = try repository(caller)
        try ground.put(ground.home + "/.gitconfig", "[alias]\n\tgreet = !echo hello\n")
        check(try ground.cell(["-p", "git"], ["git", "greet"]), "hello\n")
    }

    @Test(arguments: Caller.possible)
    func `a repository cannot be fetched and the footer says why`(caller: Caller) throws {
        let ground = try repository(caller)
        let run = try ground.cell(["-p", "git"], ["git", "ls-remote", "http://192.0.2.1/x"])
        #expect(run.code != 0)
        #expect(fumehoodLines(run).last?.contains("add --net ...") == true, "\(run.err)")
    }
}
