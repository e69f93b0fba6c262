// SPDX-License-Identifier: Apache-2.0
// Incidents of input: identities that are parsed wrongly, words that pass a shell, profiles that widen what they should narrow.

import Foundation
import Linux
import Sandbox
import Syscalls
import Testing

extension Incidents.Inputs {
    @Test func `incident 7: no map of ids ever makes a cell the host's root`() {
        // No flag takes a user; what is parsed are the kernel's maps. Whatever they say, a dedicated user is mapped and never 0.
        var seed: UInt64 = 7
        func random(_ below: UInt64) -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (seed >> 33) % below
        }
        for _ in 0..<20_000 {
            let text = (0..<random(4)).map { _ in
                "\([0, 0, random(1000), random(2_000_000_000)][Int(random(4))]) \(random(100_000)) \([0, 1, 2, 65536, 2_000_000_000, random(2_000_000_000)][Int(random(6))])\n"
            }.joined()
            let map = Identity.parseMap(text)
            let facts = HostFacts(
                user: 0, group: 0, kernel: HostFacts.Version(6, 1), landlockABI: 7, userMap: map, groupMap: map, process: Int32(random(4_000_000)))
            let identity = facts.identity(ordinal: UInt32(random(100)))
            if case .dedicated(let user, let group) = identity {
                #expect(user != 0 && group != 0, "\(text)")
                #expect(map.contains { UInt64($0.inside) <= UInt64(user) && UInt64(user) < UInt64($0.inside) + UInt64($0.count) }, "\(text) -> \(user)")
            }
        }
        for text in ["", " ", "0", "0 0", "a b c", "-1 0 5", "0 0 99999999999999999999", "0x10 0 5", "1000 1000 1 extra words"] {
            let map = Identity.parseMap(text)
            let facts = HostFacts(user: 0, group: 0, kernel: HostFacts.Version(6, 1), landlockABI: 7, userMap: map, groupMap: map)
            if case .dedicated(let user, _) = facts.identity(ordinal: 0) { #expect(user != 0, "`\(text)` gave \(user)") }
        }
    }

    @Test(arguments: Caller.allCases)
    func `incident 7: two cells at once have two users where root starts them`(caller: Caller) throws {
        let first = try Fumehood.begin([], [Ground.shared.probe, "sleep:31"], as: caller)
        let second = try Fumehood.begin([], [Ground.shared.probe, "sleep:32"], as: caller)
        #expect(first.says("waiting") && second.says("waiting"))
        let users = ["sleep:31", "sleep:32"].compactMap { process(withWord: $0) }.compactMap {
            contents("/proc/\($0)/status")?.split(separator: "\n").first { $0.hasPrefix("Uid:") }
        }
        #expect(users.count == 2)
        if caller == .root { #expect(Set(users).count == 2, "\(users)") }
        for begun in [first, second] {
            kill(begun.process.processIdentifier, SIGKILL)
            _ = begun.end()
        }
    }

    @Test(arguments: Caller.allCases)
    func `incident 9: arguments arrive as they were given, and no shell sees them`(caller: Caller) throws {
        let words = [
            "tool;id", "$(id)", "`id`", "a\nb", "", " ", "*", "~", "$HOME", "--", "-r", "--timeout", "\t\\", "'\"", "&& id", "|id", ">x", "ü\u{1F600}", "%s%n",
            String(repeating: "x", count: 50_000),
        ]
        let run = try Fumehood.run([], [Ground.shared.probe, "argv"] + words, as: caller)
        #expect(run.code == 0)
        #expect(run.bytes == words.flatMap { Array($0.utf8) + [0] })
        // A command whose name is shell code is a name.
        for name in ["tool;id", "$(id)", "true\n", "true;", "true "] {
            let run = try Fumehood.run([], [name], as: caller)
            #expect(run.code == 127 && run.out.isEmpty, "\(name): \(run.code)")
        }
    }

    static let profiles: [(text: String, place: String)] = [
        ("fumehood: 1\nextends: base\nfils: {write: [/]}\n", "3:1"), ("fumehood: 1\nextends: base\nfiles: {read: [.]}\nfiles: {write: [.]}\n", "4:1"),
        ("fumehood: 1\nextends: base\nfiles: {read: [\n", ""), ("fumehood: 1\nextends: base\nfiles: &a {read: [.]}\n", "3:8"), ("fumehood: 2\n", "1:11"),
        ("extends: base\n", ""),
        ("fumehood: 1\nextends: nobody\n", "2:10"), ("fumehood: 1\nextends: base\nsyscalls: {allow: [everything]}\n", "3:20"),
        ("fumehood: 1\nextends: base\nwaive: [seccomp]\n", "3:9"),
        ("fumehood: 1\nextends: base\nnetwork: yes please\n", "3:10"), ("fumehood: 1\nextends: base\nfiles: {write: [/]}\n", ""),
        ("fumehood: 1\nextends: base\nlimits: {pids: -1}\n", "3:16"),
        ("fumehood: 1\nextends: base\nfiles: {read: [!!str x]}\n", "3:16"), ("- fumehood\n", "1:1"), ("", ""), ("\u{0}\u{1}", ""),
    ]

    @Test(arguments: Caller.allCases, profiles.indices)
    func `incident 23: a profile that is not understood is refused with its place`(caller: Caller, row: Int) throws {
        let (text, place) = Self.profiles[row]
        let work = try Ground.shared.workspace(caller)
        let path = try put(text, work + "/p.yaml", caller)
        let run = try Fumehood.run(["-p", path], ["/bin/echo", "started"], as: caller)
        #expect(run.code == 125 && run.out.isEmpty, "\(run.code) \(run.out)")
        #expect(run.err.contains("p.yaml\(place.isEmpty ? "" : ":" + place)"), "expected \(place): \(run.err)")
    }

    @Test(arguments: Caller.allCases)
    func `incident 23: a profile in the folder that is worked in never widens what is built in`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        try put("secret", work + "-private/file", caller)
        for name in ["base", "tool", "shell"] {
            try put(
                "fumehood: 1\nextends: none\nfiles: {read: [/usr, /bin, /lib, /lib64, \(work)-private]}\nsyscalls: {allow: [exec, spawn, unix-socket]}\n",
                "\(work)/fumehood/profiles/\(name).yaml", caller)
        }
        try put("fumehood: 1\n", work + "/fumehood.yaml", caller)
        for flags in [[], ["-p", "base"], ["-p", "tool"], ["-p", "shell"]] {
            let run = try Fumehood.probe(
                flags + ["-w", "."],
                ["read:\(work)-private/file", call(.socket, 1, 1, 0), "create:\(work)/fumehood/profiles/new.yaml", "open-w:\(work)/fumehood.yaml"], as: caller,
                directory: work)
            check(
                run,
                [
                    ("read:\(work)-private/file", "ENOENT"), (call(.socket, 1, 1, 0), "EAFNOSUPPORT"),
                    ("create:\(work)/fumehood/profiles/new.yaml", "EROFS|EACCES"),
                    ("open-w:\(work)/fumehood.yaml", "EROFS|EACCES"),
                ])
        }
    }

    static let flags: [[String]] = [
        ["--sandbox=off"], ["--waive", "seccomp"], ["--waive", "mount"], ["--waive", "capabilities"], ["--waive", "no_new_privs"], ["--waive", "all"],
        ["--net", "everything"],
        ["-r", ""], ["-w", "/"], ["-w", "/proc"], ["-r", "/proc/self"], ["-w", "/sys"], ["-w", "/dev"], ["-r", "/nowhere/at/all"], ["--timeout", "-1s"],
        ["--timeout", "0x10"],
        ["--pids", "99999999999999999999"], ["--require", "none"], ["-e", "=x"], ["-e", "A\nB=x"],
    ]

    @Test(arguments: Caller.allCases, flags.indices)
    func `incident 23: a flag that is not understood starts nothing`(caller: Caller, row: Int) throws {
        let run = try Fumehood.run(Self.flags[row], ["/bin/echo", "started"], as: caller)
        #expect(run.code == 125 && run.out.isEmpty, "\(Self.flags[row]): \(run.code) \(run.err)")
        #expect(run.err.hasPrefix("fumehood: "))
    }
}
