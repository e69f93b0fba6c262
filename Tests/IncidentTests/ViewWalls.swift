// SPDX-License-Identifier: Apache-2.0
// What a cell sees: of files, of the kernel, of the host. And what this machine must have for these tests to mean anything.

import Foundation
import Linux
import Sandbox
import Syscalls
import Testing

extension Incidents.Walls {
    @Test func `this kernel has what the walls are made of`() {
        #expect(Ground.shared.problem == nil, "\(Ground.shared.problem ?? "")")
        #expect(Landlock.abi() >= 2, "Landlock")
        for name in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"] {
            #expect(FileManager.default.fileExists(atPath: "/proc/self/ns/" + name), "\(name)")
        }
        for tool in ["unshare", "setpriv"] { #expect(FileManager.default.fileExists(atPath: "/usr/bin/" + tool), "\(tool) (util-linux)") }
    }

    @Test(arguments: Caller.allCases)
    func `the root holds what the profile grants and nothing of the caller's`(caller: Caller) throws {
        let home = Ground.shared.home(caller)
        try put("secret", home + "/.ssh/id", caller, mode: 0o600)
        let absent = [
            "/sys", "/sys/kernel", "/root", "/boot", "/mnt", "/srv", "/etc/shadow", "/etc/ssh", "/run/user", "/run/docker.sock", "/dev/tty", "/dev/mem",
            "/dev/kmsg", "/dev/console", "/proc/sched_debug",
        ]
        let run = try Fumehood.probe(
            [], absent.map { "list:" + $0 } + absent.map { "read:" + $0 } + ["list:/", "list:/run", "list:/dev/shm", "read:/etc/passwd", "list:" + home],
            as: caller)
        for path in absent { #expect(run["list:" + path] == "ENOENT" || run["list:" + path] == "ENOTDIR", "\(path) is there: \(run["list:" + path] ?? "")") }
        for path in absent {
            #expect(
                run["read:" + path] == "ENOENT" || run["read:" + path] == "EISDIR" || run["read:" + path] == "ENXIO", "\(path): \(run["read:" + path] ?? "")")
        }
        check(run, [("list:" + home, ""), ("list:/run", ""), ("list:/dev/shm", ""), ("read:/etc/passwd", "cell:x:1000:1000:cell:\(home):/bin/sh\\x0a")])
        let roots = Set((run["list:/"] ?? "").split(separator: " ").map(String.init))
        #expect(roots.isSubset(of: ["bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "tmp", "usr", "var"]), "\(roots)")
    }

    @Test(arguments: Caller.allCases)
    func `what the kernel tells of other processes and keys is hidden`(caller: Caller) throws {
        let masked = ["/proc/keys", "/proc/key-users", "/proc/kallsyms", "/proc/timer_list"].filter { FileManager.default.fileExists(atPath: $0) }
        let written = [
            "/proc/sys/kernel/hostname", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
            "/proc/self/oom_score_adj", "/proc/self/comm", "/proc/self/setgroups",
        ]
        let run = try Fumehood.probe(
            [], masked.map { "read:" + $0 } + written.map { "open-w:" + $0 } + ["list:/proc/self/task", "read:/proc/kcore", "read:/proc/kmsg"], as: caller)
        for path in masked { #expect(run["read:" + path] == "EACCES", "\(path): \(run["read:" + path] ?? "nothing")") }
        for path in written {
            #expect(
                run["open-w:" + path] == "EROFS" || run["open-w:" + path] == "EACCES" || run["open-w:" + path] == "ENOENT",
                "\(path): \(run["open-w:" + path] ?? "nothing")")
        }
        #expect(run["read:/proc/kcore"] != nil && ["EPERM", "EACCES", "ENOENT"].contains(run["read:/proc/kcore"]))
        let seen = try Fumehood.run([], ["/bin/sh", "-c", "echo /proc/[0-9]*"], as: caller)
        #expect(seen.out.split(separator: " ").count <= 3, "\(seen.out)")
    }

    @Test(arguments: Caller.allCases)
    func `every mount is nosuid, and nodev but for the device nodes; the root cannot be written`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        let run = try Fumehood.run(["-w", work], ["/bin/cat", "/proc/self/mountinfo"], as: caller)
        let lines = run.out.split(separator: "\n")
        #expect(lines.count > 10)
        for line in lines {
            let words = line.split(separator: " ")
            let options = words[5].split(separator: ",")
            #expect(options.contains("nosuid"), "\(line)")
            #expect(options.contains("nodev") || (words[4].hasPrefix("/dev/") && options.contains("noexec")), "\(line)")
            let writable = options.contains("rw")
            let mayWrite = [work, "/tmp", Ground.shared.home(caller), "/dev/shm", "/dev/pts"].contains(String(words[4])) || words[4].hasPrefix("/dev/")
            #expect(!writable || mayWrite, "\(line)")
            // No mount of the host's is left to look at.
            #expect(!line.contains("/old") && words[4] != "/sys")
        }
        let probe = try Fumehood.probe(
            ["-w", work],
            [
                "create:/x", "mkdir:/usr/x", "mkdir:/etc/x", "mkdir:/dev/x", "create:/run/x", "create:/var/x", "create:\(work)/x", "create:/tmp/x",
                "create:/dev/shm/x", "create:\(Ground.shared.home(caller))/x",
            ], as: caller)
        check(
            probe,
            ["create:/x", "mkdir:/usr/x", "mkdir:/etc/x", "mkdir:/dev/x", "create:/run/x", "create:/var/x"].map { ($0, "EROFS") }
                + ["create:\(work)/x", "create:/tmp/x", "create:/dev/shm/x", "create:\(Ground.shared.home(caller))/x"].map { ($0, "ok") })
    }

    @Test(arguments: Caller.allCases)
    func `Landlock stands behind the mounts: it refuses what they alone would allow`(caller: Caller) throws {
        // A folder of the root tmpfs that no rule names can be listed (the root's rule) and not read from; a device node that is not
        // granted for executing is not executed; with the filter opened by name a mount is refused by Landlock.
        let work = try Ground.shared.workspace(caller)
        let profile = try put("fumehood: 1\nextends: base\nsyscalls: {unsafe: [namespaces]}\n", work + "/p.yaml", caller)
        let run = try Fumehood.probe(
            ["-p", profile], [call(.mount, 0, 0, 0), call(.umount2, 0), call(.pivot_root, 0, 0), "rename:/tmp/nothing>/etc/nothing"], as: caller)
        #expect(run.protection("landlock") == "on" || run.protection("landlock") == "partial")
        let ruled = try Fumehood.run([], ["/bin/sh", "-c", "mkdir /tmp/a /dev/shm/b; echo x >/tmp/a/f; ln /tmp/a/f /dev/shm/b/f"], as: caller)
        #expect(ruled.code != 0)
        // Signals outside of the cell's own domain are refused by the scope even where a pid is known; process 1 has no domain.
        let signal = try Fumehood.run([], ["/bin/sh", "-c", "kill -0 1"], as: caller)
        #expect(signal.code != 0)
        // ptrace's check asks Landlock: with ptrace opened by name process 1 is refused all the same.
        let tracing = try put("fumehood: 1\nextends: base\nsyscalls: {unsafe: [ptrace]}\n", work + "/t.yaml", caller)
        let traced = try Fumehood.probe(["-p", tracing], [call(.ptrace, 16, 1), call(.ptrace, 0x4206, 1), "read:/proc/1/environ"], as: caller)
        check(traced, [(call(.ptrace, 16, 1), "EPERM"), (call(.ptrace, 0x4206, 1), "EPERM"), ("read:/proc/1/environ", "EACCES")])
    }

    @Test(arguments: Caller.allCases)
    func `the plan proves each wall before the command runs`(caller: Caller) throws {
        let run = try Fumehood.run(["--dry-run"], ["/bin/true"], as: caller)
        #expect(run.code == 0)
        for word in ["prove", "canary", "user namespace", "capabilit"] { #expect(run.out.lowercased().contains(word), "the plan does not say `\(word)`") }
    }

    @Test(arguments: Caller.allCases)
    func `every protection is on, or named with what is missing`(caller: Caller) throws {
        let run = try Fumehood.run([], ["/bin/true"], as: caller)
        for name in [
            "user", "mount", "pid", "net", "ipc", "uts", "pivot_root", "proc", "seccomp", "capabilities", "no_new_privs", "descriptors", "environment",
        ] { #expect(run.protection(name) == "on", "\(name)") }
        for name in ["landlock", "cgroup_namespace", "time_namespace", "cgroup_limits", "keyring", "groups"] {
            let status = run.protection(name)
            #expect(status != nil)
            #expect(status == "on" || !run.missing(name).isEmpty, "\(name) is \(status ?? "") without a reason")
        }
    }

    @Test(arguments: Caller.allCases)
    func `what is written in a writable folder belongs to its owner outside`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        try put("theirs", work + "/file", caller, mode: 0o600)
        let run = try Fumehood.run(
            ["-w", work], ["/bin/sh", "-c", "cat \(work)/file; echo new >\(work)/new; mkdir \(work)/d; stat -c %u \(work)/file"], as: caller)
        #expect(run.out == "theirs1000\n", "\(run.out)\(run.err)")
        for name in ["new", "d"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(work)/\(name)")
            #expect((attributes[.ownerAccountID] as? NSNumber)?.uint32Value == caller.number)
        }
    }
}
