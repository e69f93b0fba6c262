// SPDX-License-Identifier: Apache-2.0
// What a writable grant keeps from being written, by the means that a shell has: incident 20 and its kin.

import BuiltBinary
import Foundation
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
