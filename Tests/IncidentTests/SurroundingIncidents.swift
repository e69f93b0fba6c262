// SPDX-License-Identifier: Apache-2.0
// Incidents of the surroundings in which a cell is started: a /proc that lies, devices that are links, containers that refuse
// what a launch needs, kernels without Landlock, another sandbox around. Each is made in a namespace of its own, or by a
// seccomp filter; what cannot be had is refused in a sentence with 125, and nothing of the command ever runs.

import Events
import Foundation
import Glibc
import Sandbox
import Session
import Syscalls
import Testing

/// A mount namespace of its own in which `script` runs before fumehood.
private func mounts(_ script: String) -> [String] {
    ["unshare", "-m", "--propagation", "private", "sh", "-c", "set -e; \(script); exec \"$@\"", "sh"]
}

/// Refused: 125, a sentence, nothing of the command's output.
private func refused(_ run: Run, saying words: [String] = [], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(run.code == 125, "\(run.code) \(run.err)\(run.out)", sourceLocation: sourceLocation)
    #expect(run.bytes.isEmpty, sourceLocation: sourceLocation)
    #expect(run.err.hasPrefix("fumehood: "), "\(run.err)", sourceLocation: sourceLocation)
    #expect(run.record == nil || run.status == "refused", sourceLocation: sourceLocation)
    for word in words { #expect(run.err.contains(word), "\(run.err) does not say `\(word)`", sourceLocation: sourceLocation) }
}

extension Incidents.Surroundings {
    static let falseProcs = [
        "mount -t tmpfs none /proc",
        "mount -t tmpfs none /proc; mkdir -p /proc/self/ns /proc/sys/user; echo 0 >/proc/self/uid_map; echo 0 >/proc/sys/user/max_user_namespaces; ln -s /bin/true /proc/self/exe",
        "mount --bind /etc /proc",
        "mkdir -p \(Ground.shared.folder)/nothing; mount --bind \(Ground.shared.folder)/nothing /proc",
    ]

    @Test(arguments: Caller.allCases, falseProcs)
    func `incident 3: a false /proc is noticed and nothing is started`(caller: Caller, script: String) throws {
        try surroundingsAvailable()
        refused(
            try Fumehood.run([], ["/bin/echo", "started"], as: caller, around: mounts(script)),
            saying: script.contains("self/exe") ? ["`/proc`", "ENODEV"] : ["there is no /proc here"])
    }

    @Test(arguments: Caller.allCases)
    func `incident 3: a /proc whose parts are covered is never written through`(caller: Caller) throws {
        try surroundingsAvailable()
        // The folder by which nested user namespaces are forbidden, replaced by another file system.
        for script in [
            "mount -t tmpfs none /proc/sys", "mkdir -p \(Ground.shared.folder)/covered; mount --bind \(Ground.shared.folder)/covered /proc/sys/user",
        ] {
            let run = try Fumehood.run([], ["/bin/echo", "started"], as: caller, around: mounts(script))
            refused(run)
        }
        let made = (try? FileManager.default.contentsOfDirectory(atPath: Ground.shared.folder + "/covered")) ?? []
        #expect(made.isEmpty)
    }

    /// A /dev made by hand, with `null` as `last` makes it.
    private func devices(_ last: String) -> [String] {
        let folder = Ground.shared.folder + "/devices"
        return mounts(
            "mkdir -p \(folder); mount -t tmpfs none \(folder); for d in zero full random urandom tty ptmx; do touch \(folder)/$d; mount --bind /dev/$d \(folder)/$d; done; "
                + "touch \(folder)/other; mount --bind /dev/zero \(folder)/other; cd \(folder); \(last); cd /; mount --rbind \(folder) /dev")
    }

    @Test(arguments: Caller.allCases)
    func `incident 5: a /dev/null that is something else refuses the launch`(caller: Caller) throws {
        try surroundingsAvailable()
        let pattern = contents("/proc/sys/kernel/core_pattern")
        for last in ["ln -s /proc/sys/kernel/core_pattern null", "ln -s other null", "echo content >null", "touch null; mount --bind /dev/zero null", "true"] {
            let run = try Fumehood.run([], ["/bin/sh", "-c", "echo started"], as: caller, around: devices(last))
            refused(run, saying: ["/dev/null"])
        }
        #expect(contents("/proc/sys/kernel/core_pattern") == pattern)
        let good = try Fumehood.probe([], ["open-w:/dev/null"], as: caller, around: devices("touch null; mount --bind /dev/null null"))
        check(good, [("open-w:/dev/null", "ok")])
    }

    @Test(arguments: Caller.allCases)
    func `incident 5: the kernel's settings cannot be written`(caller: Caller) throws {
        let files = [
            "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger", "/proc/self/uid_map",
            "/proc/self/oom_score_adj",
        ]
        let run = try Fumehood.probe([], files.map { "open-w:" + $0 }, as: caller)
        check(run, files.map { ("open-w:" + $0, "EROFS|EACCES|ENOENT") })
    }

    @Test(arguments: Caller.allCases)
    func `incident 6: a /dev that is a link is not followed`(caller: Caller) throws {
        try surroundingsAvailable()
        let root = Ground.shared.folder + "/newroot"
        let binds = ["usr", "etc", "proc", "tmp", "opt", "root", "var"].filter { FileManager.default.fileExists(atPath: "/" + $0) }
        let script =
            "mkdir -p \(root); mount -t tmpfs none \(root); cd \(root); mkdir old real \(binds.joined(separator: " ")); "
            + binds.map { "mount --rbind /\($0) \($0); " }.joined()
            + "for l in bin sbin lib lib64; do ln -s usr/$l $l; done; mount --rbind /dev real; ln -s real dev; "
            + "pivot_root . old; cd /; umount -l /old"
        let before = try FileManager.default.contentsOfDirectory(atPath: "/dev").sorted()
        let run = try Fumehood.run([], ["/bin/echo", "started"], as: caller, around: mounts(script))
        refused(run, saying: ["/dev"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/dev").sorted() == before)
        // The same root with a /dev of its own works.
        let plain = try Fumehood.run(
            [], ["/bin/echo", "started"], as: caller, around: mounts(script.replacing("real", with: "dev").replacing("ln -s dev dev; ", with: "")))
        #expect(plain.out == "started\n", "\(plain.err)")
    }

    /// What a container's filter may refuse: call, errno, what the message names.
    static let refusals: [(call: Syscall, errno: Int, words: [String])] = [
        (.clone3, 38, ["clone3", "help:", "seccomp=unconfined"]), (.clone3, 1, ["namespaces", "help:"]),
        (.clone3, 28, ["namespaces", "help:", "max_user_namespaces"]),
        (.mount, 1, ["EPERM", "help:"]), (.mount, 38, ["ENOSYS"]), (.fsopen, 1, ["EPERM", "help:"]), (.fsopen, 38, ["ENOSYS"]), (.fsconfig, 1, ["EPERM"]),
        (.fsmount, 1, ["EPERM"]), (.move_mount, 1, ["EPERM", "help:"]), (.open_tree, 1, ["EPERM"]), (.open_tree, 38, ["ENOSYS"]),
        (.mount_setattr, 1, ["EPERM"]),
        (.mount_setattr, 38, ["ENOSYS"]), (.pivot_root, 1, ["EPERM"]), (.umount2, 1, ["EPERM"]), (.seccomp, 1, ["EPERM"]), (.seccomp, 38, ["ENOSYS"]),
        (.capset, 1, ["EPERM"]), (.prctl, 1, ["EPERM"]), (.openat2, 38, ["ENOSYS"]), (.openat2, 1, ["EPERM"]), (.close_range, 38, ["ENOSYS"]),
        (.setsid, 1, ["EPERM"]),
        (.sethostname, 1, ["EPERM"]), (.prlimit64, 1, ["EPERM"]), (.landlock_restrict_self, 1, ["EPERM"]), (.landlock_add_rule, 1, ["EPERM"]),
    ]

    @Test(arguments: Caller.allCases, refusals.indices)
    func `incident 28: a filter around that refuses a step gives one precise sentence and no half-built cell`(caller: Caller, row: Int) throws {
        let (refusal, code, words) = Self.refusals[row]
        let near = [Ground.shared.sandboxee("refuse"), "\(number(refusal))=\(code)", "--"]
        let run = try Fumehood.run([], ["/bin/echo", "started"], as: caller, near: near)
        refused(run, saying: words)
    }

    @Test(arguments: Caller.allCases)
    func `incident 28: unshare refused costs second walls only, and the network wall is not lost`(caller: Caller) throws {
        // The network namespace is made by unshare: a first wall, so the launch is refused.
        let near = [Ground.shared.sandboxee("refuse"), "\(number(.unshare))=1", "--"]
        refused(try Fumehood.run([], ["/bin/echo", "started"], as: caller, near: near), saying: ["EPERM"])
    }

    @Test(arguments: Caller.allCases)
    func `incident 28: a cell cannot hold another, and says why`(caller: Caller) throws {
        let near = ["unshare", "-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces; exec \"$@\"", "sh"]
        let run = try Fumehood.run([], ["/bin/echo", "started"], as: caller, near: near)
        refused(run, saying: ["ENOSPC", "help:", "max_user_namespaces"])
        let inner = try Fumehood.run(["-r", Ground.shared.folder + "/program"], [Ground.shared.program, "run", "--", "/bin/echo", "started"], as: caller)
        #expect(inner.code != 0 && !inner.out.contains("started"))
    }

    @Test(arguments: Caller.allCases)
    func `incident 28: in a container with masked files in /proc the message names the option, and the waiver works`(caller: Caller) throws {
        try surroundingsAvailable()
        let around = mounts("mount --bind /dev/null /proc/keys; mount -t tmpfs -o ro none /proc/irq")
        refused(
            try Fumehood.run([], ["/bin/echo", "started"], as: caller, around: around), saying: ["/proc", "help:", "systempaths=unconfined", "--waive proc"])
        let waived = try Fumehood.run(["--waive", "proc"], [Ground.shared.probe, "list:/proc", "read:/proc/self/status", "ids"], as: caller, around: around)
        #expect(waived.code == 0, "\(waived.err)")
        #expect(waived.protection("proc") == "waived")
        #expect(waived["read:/proc/self/status"] == "ENOENT")
    }

    @Test(arguments: Caller.allCases)
    func `incident 28: an outer root with one id of its own gets a cell, unless that id is root outside as well`(caller: Caller) throws {
        let run = try Fumehood.run([], [Ground.shared.probe, "ids", "capabilities"], as: caller, near: ["unshare", "-Ur"])
        if caller == .root {
            #expect(run.code == 125 && run.err.contains("a cell is never that"), "\(run.err)")
            return
        }
        #expect(run.code == 0, "\(run.err)")
        check(run, [("ids", "uid 1000 1000 1000 gid 1000 1000 1000"), ("capabilities", "effective 0 permitted 0 inheritable 0 bounding 0 ambient 0")])
    }

    // Landlock ---------------------------------------------------------------------------------------------------------

    @Test(arguments: Caller.allCases)
    func `incident 18: without Landlock the status says so, require all refuses, and the first walls hold`(caller: Caller) throws {
        let near = [Ground.shared.sandboxee("refuse"), "\(number(.landlock_create_ruleset))=38", "--"]
        let work = try Ground.shared.workspace(caller)
        try put("read", work + "/file", caller)
        let attempts = [
            "open-w:\(work)/file", "read:/etc/shadow", "create:/made", "open-w:/proc/sys/kernel/core_pattern", call(.unshare, 0x1000_0000),
            call(.socket, 2, 1, 0), "capabilities", "read:/proc/1/mem", "open-w:/proc/1/exe",
        ]
        let run = try Fumehood.probe(["-r", work], attempts, as: caller, near: near)
        check(
            run,
            [
                (attempts[0], "EROFS"), (attempts[1], "ENOENT"), (attempts[2], "EROFS"), (attempts[3], "EROFS|EACCES"), (attempts[4], "EPERM"),
                (attempts[5], "EAFNOSUPPORT"),
                ("capabilities", "effective 0 permitted 0 inheritable 0 bounding 0 ambient 0"), (attempts[7], "EACCES"), (attempts[8], "EACCES"),
            ])
        #expect(run.protection("landlock") == "absent")
        #expect(run.missing("landlock").joined().contains("Landlock"))
        refused(try Fumehood.run(["--require", "all"], ["/bin/echo", "started"], as: caller, near: near), saying: ["landlock"])
    }

    @Test(arguments: Caller.allCases)
    func `incident 18: without Landlock process 1 is closed from the command's first instant`(caller: Caller) throws {
        let near = [Ground.shared.sandboxee("refuse"), "\(number(.landlock_create_ruleset))=38", "--"]
        for _ in 0..<30 {
            let run = try Fumehood.run(
                [], [Ground.shared.probe] + (0..<6).flatMap { _ in ["read:/proc/1/environ", "list:/proc/1/fd"] }, as: caller, near: near)
            for line in run.out.split(separator: "\n") { #expect(line.hasSuffix("\tEACCES") || line.hasSuffix("\tEPERM"), "\(line.prefix(60))") }
        }
    }

    static let abis: [(abi: Int, missing: [String])] = [
        (0, ["Landlock"]), (1, ["renames", "truncate", "TCP", "ioctl", "abstract sockets"]), (2, ["truncate", "TCP", "ioctl", "abstract sockets"]),
        (3, ["TCP", "ioctl", "abstract sockets"]), (7, []),
    ]

    @Test(arguments: abis.indices)
    func `incident 18: each Landlock before the newest is reported with what it lacks, and refused under require all`(row: Int) throws {
        let (abi, missing) = Self.abis[row]
        let facts = HostFacts(user: 1001, group: 1001, kernel: HostFacts.Version(6, 1), landlockABI: abi, userMap: [], groupMap: [])
        let request = CellRequest(command: ["/bin/true"], directory: "/", environment: ["PATH": "/usr/bin:/bin"], syscalls: SyscallPolicy())
        var launch = try PreparedLaunch(request, facts: facts)
        let status = try #require(launch.planned.protections[.landlock])
        #expect(status.word == (abi == 0 ? "absent" : missing.isEmpty ? "on" : "partial"))
        #expect(status.missing.count == missing.count)
        for (text, word) in zip(status.missing, missing) { #expect(text.contains(word), "\(text)") }
        let restricts = launch.plan.steps.contains { $0.operation == .landlockRestrict }
        #expect(restricts == (abi > 0))
        for wall in launch.planned.protections.keys where wall.isFirst { #expect(launch.planned.protections[wall] == .on) }
        var said = ""
        do { try launch.requireAll() } catch { said = error.message.text }
        #expect(said.contains("landlock") == !missing.isEmpty, "\(said)")
        for word in missing { #expect(said.contains(word)) }
    }

    @Test(arguments: Caller.allCases)
    func `incident 29: inside another sandbox with a listener it runs with errno answers and says so`(caller: Caller) throws {
        let near = [Ground.shared.sandboxee("refuse"), "listen", "--"]
        let attempts = [call(.socket, 40, 1, 0), call(.unshare, 0x1000_0000), call(.clone3, 0, 88), "exec-memory:/bin/true", "i386:20", "capabilities"]
        let run = try Fumehood.probe([], attempts, as: caller, near: near)
        check(
            run,
            [
                (attempts[0], "EAFNOSUPPORT"), (attempts[1], "EPERM"), (attempts[2], "ENOSYS"), (attempts[3], "EPERM"), (attempts[4], "signal 31"),
                ("capabilities", "effective 0 permitted 0 inheritable 0 bounding 0 ambient 0"),
            ])
        #expect(run.denials.isEmpty)
        #expect(run.missing("seccomp").contains { $0.contains("explanations off: nested") }, "\(run.missing("seccomp"))")
    }
}
