// SPDX-License-Identifier: Apache-2.0
// Incidents of processes and privileges: the cell's own PID 1, nested namespaces, capabilities, what is executed where.

import Foundation
import Glibc
import Syscalls
import Testing

extension Incidents.Processes {
    @Test(arguments: Caller.allCases)
    func `incident 8: process 1 can neither be traced nor read`(caller: Caller) throws {
        // PTRACE_ATTACH 16, PTRACE_SEIZE 0x4206, PTRACE_TRACEME 0; reading and writing its memory by call.
        let traces = [call(.ptrace, 16, 1), call(.ptrace, 0x4206, 1), call(.ptrace, 0), call(.process_vm_readv, 1), call(.process_vm_writev, 1)]
        let files = [
            "read:/proc/1/mem", "open-w:/proc/1/mem", "read:/proc/1/environ", "read:/proc/1/auxv", "list:/proc/1/fd", "list:/proc/1/cwd/", "list:/proc/1/root/",
            "read:/proc/1/stack", "read:/proc/1/syscall",
        ]
        let run = try Fumehood.probe([], traces + files, as: caller)
        check(run, traces.map { ($0, "EPERM") })
        for file in files {
            #expect(
                run[file] == "EACCES" || run[file] == "EPERM" || (file == "open-w:/proc/1/mem" && run[file] == "EROFS"), "\(file): \(run[file] ?? "nothing")")
        }
        #expect(run.recorded("ptrace") >= 1)
        #expect(run.recorded("process_vm_readv") == 1)
    }

    @Test(arguments: Caller.allCases)
    func `incident 8: the launcher's command line is not to be read in the cell`(caller: Caller) throws {
        let run = try Fumehood.probe(["-e", "TOKEN=hunter2-secret"], ["read:/proc/1/cmdline", "read:/proc/1/comm"], as: caller)
        #expect(run["read:/proc/1/cmdline"]?.contains("hunter2") == false)
        #expect(run["read:/proc/1/cmdline"]?.hasPrefix("fumehood: process 1 of a cell") == true, "\(run.out)")
    }

    @Test(arguments: Caller.allCases)
    func `incident 26: no namespace is made or entered, and threads work all the same`(caller: Caller) throws {
        let flags: [(String, UInt64)] = [
            ("user", 0x1000_0000), ("mount", 0x2_0000), ("pid", 0x2000_0000), ("net", 0x4000_0000), ("ipc", 0x800_0000), ("uts", 0x400_0000),
            ("cgroup", 0x200_0000), ("time", 0x80),
        ]
        let unshares = flags.map { call(.unshare, $0.1) } + [call(.unshare, 0x1_1000_0000), call(.unshare, 0x7e02_0080)]
        let clones = flags.filter { $0.0 != "time" }.map { "clone:0x" + String($0.1, radix: 16) } + ["clone:0x7e020000", "clone:0x110000000"]
        let others = [call(.setns, 0, 0), call(.setns, 0, 0x1000_0000)]
        let run = try Fumehood.probe([], unshares + clones + others + [call(.clone3, 0, 88), "thread"], as: caller)
        check(run, (unshares + clones + others).map { ($0, "EPERM") } + [(call(.clone3, 0, 88), "ENOSYS"), ("thread", "ok")])
        for name in ["unshare", "clone", "setns"] { #expect(run.recorded(name) >= 1) }
        #expect(run.recorded("clone3") == 0, "clone3 is probed by every libc: no record")
    }

    @Test(arguments: Caller.allCases)
    func `incident 26: the second wall stands: a nested user namespace finds no room`(caller: Caller) throws {
        // With the filter's floor opened by name the kernel's own count still refuses.
        let work = try Ground.shared.workspace(caller)
        let profile = try put("fumehood: 1\nextends: base\nsyscalls: {unsafe: [namespaces]}\n", work + "/p.yaml", caller)
        let run = try Fumehood.probe(
            ["-p", profile],
            [
                call(.unshare, 0x1000_0000), "clone:0x10000000", "read:/proc/sys/user/max_user_namespaces", "open-w:/proc/sys/user/max_user_namespaces",
                call(.unshare, 0x2_0000), call(.unshare, 0x4000_0000),
            ], as: caller)
        check(
            run,
            [
                (call(.unshare, 0x1000_0000), "ENOSPC"), ("clone:0x10000000", "ENOSPC"), ("open-w:/proc/sys/user/max_user_namespaces", "EROFS|EACCES"),
                (call(.unshare, 0x2_0000), "EPERM"), (call(.unshare, 0x4000_0000), "EPERM"),
            ])
        #expect(run["read:/proc/sys/user/max_user_namespaces"] == "0\\x0a")
    }

    @Test(arguments: Caller.allCases)
    func `incident 27: all five capability sets are empty and no limit can be raised`(caller: Caller) throws {
        let limits = ["raise-limit:7", "raise-limit:6", "raise-limit:4", "raise-limit:8", "raise-limit:12"]
        let run = try Fumehood.probe(
            ["--cpu-time", "10s", "--memory", "512M"], ["capabilities", "securebits", "ids", "raise-limit:0"] + limits, as: caller)
        check(
            run,
            [
                ("capabilities", "effective 0 permitted 0 inheritable 0 bounding 0 ambient 0"), ("securebits", "0xef"),
                ("ids", "uid 1000 1000 1000 gid 1000 1000 1000"),
                ("raise-limit:0", "EPERM"),
            ] + limits.map { ($0, "EPERM") })
    }

    @Test(arguments: Caller.allCases)
    func `incident 27: no identity and no capability comes back by an exec`(caller: Caller) throws {
        // setuid programs, the setters themselves, capset, raising the ambient set, opening the locks.
        let script =
            "id -u; mount 2>&1 >/dev/null; su -c true 2>/dev/null; grep -h Cap /proc/self/status; cat /proc/sys/kernel/cap_last_cap >/dev/null; exec grep -h -e Uid -e Gid /proc/self/status"
        let run = try Fumehood.run([], ["/bin/sh", "-c", script], as: caller)
        #expect(run.out.contains("1000\n"))
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(run.out.contains("\(set):\t0000000000000000"), "\(run.out)") }
        #expect(run.out.contains("Uid:\t1000\t1000\t1000\t1000"))
        // setuid(0), setresuid(0,0,0), setgid(0), setgroups, capset, prctl SECUREBITS, AMBIENT_RAISE, KEEPCAPS.
        let attempts = [
            call(.setuid, 0), call(.setresuid, 0, 0, 0), call(.setgid, 0), call(.prctl, 28, 0), call(.prctl, 47, 2, 21), call(.prctl, 8, 1),
            call(.prctl, 38, 0),
        ]
        let probe = try Fumehood.probe([], attempts, as: caller)
        for attempt in attempts { #expect(probe[attempt] != "ok" && probe[attempt] != nil, "\(attempt)") }
    }

    @Test(arguments: Caller.allCases)
    func `incident 31: the cell cannot turn on its own process 1`(caller: Caller) throws {
        let attempts = [
            call(.prlimit64, 1, 7), call(.prlimit64, 0x1_0000_0001, 7), call(.kill, 1, 9), call(.kill, 1, 15), call(.kill, 0x1_0000_0001, 9),
            call(.tkill, 1, 9), call(.tgkill, 1, 1, 9),
            call(.rt_sigqueueinfo, 1, 9), call(.rt_tgsigqueueinfo, 1, 1, 9), call(.setpriority, 0, 1, 19), call(.setpriority, 2, 0, 19),
            call(.sched_setaffinity, 1, 8), call(.sched_setscheduler, 1, 0), call(.sched_setparam, 1), call(.sched_setattr, 1), call(.ioprio_set, 1, 1, 0),
            call(.ioprio_set, 3, 1000, 0),
        ]
        let run = try Fumehood.probe([], attempts + ["read:/proc/1/stat"], as: caller)
        check(run, attempts.map { ($0, "EPERM") })
        #expect(run["read:/proc/1/stat"]?.contains(") S ") == true, "process 1 is not asleep and well: \(run.out)")
        for name in ["prlimit64", "kill", "tkill", "tgkill", "setpriority", "sched_setaffinity"] { #expect(run.recorded(name) >= 1, "no record names \(name)") }
    }

    @Test(arguments: Caller.allCases)
    func `incident 31: a signal to everybody leaves process 1 and the report unharmed`(caller: Caller) throws {
        let run = try Fumehood.run([], ["/bin/sh", "-c", "trap '' TERM HUP; kill -TERM -1; kill -HUP -1; kill -STOP 1; sleep 0.1; exit 42"], as: caller)
        #expect(run.code == 42)
        #expect(run.status == "exited")
    }

    static let profiles = ["base", "tool", "shell", "python", "node", "git", "build", "agent", "paranoid"]

    @Test(arguments: Caller.allCases, profiles)
    func `incident 24: what runs in a cell runs behind the filter, whatever the profile`(caller: Caller, profile: String) throws {
        // Not there yet: other verbs than `run`; each will have to pass here.
        let work = try Ground.shared.workspace(caller)
        let own = try Fumehood.run(
            ["-p", profile], ["/bin/grep", "-h", "-e", "NoNewPrivs", "-e", "Seccomp:", "/proc/self/status"], as: caller, directory: work)
        #expect(own.out == "NoNewPrivs:\t1\nSeccomp:\t2\n", "\(own.out)\(own.err)")
        if profile == "paranoid" { return }
        let child = try Fumehood.run(
            ["-p", profile], ["/bin/sh", "-c", "(grep -h -e NoNewPrivs -e Seccomp: /proc/self/status); true"], as: caller, directory: work)
        #expect(child.out == "NoNewPrivs:\t1\nSeccomp:\t2\n", "\(child.out)\(child.err)")
    }

    @Test func `incident 24: one function of the sources executes programs, and one this program itself`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
        var found: [String] = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: root.path()).sorted()
        where !path.hasPrefix("cedar-corpus/") && (path.hasSuffix(".c") || path.hasSuffix(".swift") || path.hasSuffix(".h")) {
            let text = contents(root.appending(path: path).path()) ?? ""
            for (i, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                let words =
                    path.hasSuffix(".swift")
                    ? ["execve(", "execvp(", "execv(", "posix_spawn", "popen(", "rawCall(59,", "rawCall(322,", " Process("]
                    : ["SYS_execve", "execve(", "execvp(", "posix_spawn", "popen("]
                for word in words where code.contains(word) { found.append("\(path):\(i + 1)") }
            }
        }
        // A session's supervisor is this program, named by nobody: it puts what it runs into cells.
        let itself = "Linux/Detached.swift"
        #expect(Set(found.map { $0.split(separator: ":")[0] }) == ["CLinux/child.c", Substring(itself)], "\(found)")
        #expect(Set(found).count { !$0.hasPrefix(itself) } == 1, "\(found)")
        let text = contents(root.appending(path: itself).path()) ?? ""
        #expect(text.components(separatedBy: "posix_spawn(&process, \"/proc/self/exe\"").count == 2 && text.components(separatedBy: "posix_spawn(&").count == 2)
    }

    @Test(arguments: Caller.allCases)
    func `the walls are seen from outside as well`(caller: Caller) throws {
        let mark = "sleep:30\(Int.random(in: 100...999))"
        let begun = try Fumehood.begin([], [Ground.shared.probe, mark], as: caller)
        #expect(begun.says("waiting"))
        let pid = try #require(process(withWord: mark))
        defer {
            kill(begun.process.processIdentifier, SIGKILL)
            _ = begun.end()
        }
        let status = try #require(contents("/proc/\(pid)/status"))
        for line in [
            "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1", "Seccomp:\t2",
        ] {
            #expect(status.contains(line + "\n"), "\(line)")
        }
        // The host's identity: never 0; as an ordinary user the caller's own.
        let user = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }?.split(separator: "\t").dropFirst().map(String.init) ?? []
        #expect(user.count == 4 && Set(user).count == 1 && user[0] != "0")
        if caller == .user { #expect(user[0] == String(caller.number)) } else { #expect(UInt32(user[0])! > 1_000_000) }
        // Eight namespaces of its own.
        for name in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"] {
            #expect(try FileManagerLink.read("/proc/\(pid)/ns/\(name)") != FileManagerLink.read("/proc/self/ns/\(name)"), "namespace \(name)")
        }
        // And of process 1: the same walls, the same capabilities, a filter of its own.
        let first = try #require(status.split(separator: "\n").first { $0.hasPrefix("PPid:") }?.split(separator: "\t").last)
        let other = try #require(contents("/proc/\(first)/status"))
        for line in ["CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
            #expect(other.contains(line + "\n"), "process 1: \(line)")
        }
    }
}
