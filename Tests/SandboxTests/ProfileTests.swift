// SPDX-License-Identifier: Apache-2.0
//
// Profiles as files: every key, what is refused and how it reads, chains and merging, flags.

import Config
import Egress
import Events
import Syscalls
import Testing

@testable import Sandbox

let places = Places(home: "/home/u", directory: "/here")

/// A profile of the user's in /etc/p, among others of that folder and the built-in ones.
func load(_ text: String, others: [String: String] = [:], places: Places = places) throws(ConfigError) -> Profile {
    let source = ProfileSource(name: "mine", file: "mine.yaml", bytes: Array(text.utf8), folder: "/etc/p")
    return try Profile(
        source, places: places, names: { BuiltinProfiles.names + others.keys.sorted() },
        loader: { (name) throws(ConfigError) in
            others[name].map { ProfileSource(name: name, file: "\(name).yaml", bytes: Array($0.utf8), folder: "/etc/p") } ?? BuiltinProfiles.source(name)
        })
}

private func fault(_ text: String, others: [String: String] = [:], places: Places = places) -> String {
    do {
        return "accepted: \(try load(text, others: others, places: places).chain)"
    } catch {
        return error.description
    }
}

private func show(_ rule: FileRule) -> String {
    "\(rule.kind) \(rule.source == rule.path ? "" : rule.source + " at ")\(rule.path)\(rule.everywhere.map { " and everywhere \($0)" } ?? "")"
}

@Test func `every key of a profile is read`() throws {
    let profile = try load(
        """
        fumehood: 1
        extends: none
        description: Everything at once
        runtime: none
        files:
          read: [/usr/, ., "~", ~/x//y/./z, ../up, /data:/mnt/data, {path: "/a:b"}]
          write: [./w, {path: /srv, mode: direct}]
          hide: [~/.ssh, sub]
          protect: [.git/hooks, ./here, /abs]
          tmp: 64M
        network: loopback
        syscalls: { allow: [exec, "ioctl:TIOCGPTPEER", "setsockopt:6,31"], mode: enforce, unsafe: [ptrace] }
        environment: { pass: [LANG, LC_*], set: { A: "", B: 8080 } }
        limits: { memory: 512M, pids: 64, cpu: 1.0, cpu_time: 30s, wall: 60s, file_size: 64M, disk: 256M, inodes: 10000, output: 8M, open_files: 256 }
        ladder: { }
        durability: fast
        reads: [read_query, list_tables]
        require: all
        waive: [user, net]
        """)
    #expect(profile.name == "mine" && profile.chain == ["mine"] && profile.description == "Everything at once")
    #expect(profile.runtime == .none)
    #expect(profile.durability == .fast && profile.reads == ["read_query", "list_tables"])
    #expect(
        profile.files.rules.map(show) == [
            "read /usr", "read /etc/p", "read /home/u", "read /home/u/x/y/z", "read /etc/up", "read /data at /mnt/data", "read /a:b",
            "write /etc/p/w", "write /srv", "hide /home/u/.ssh", "hide /etc/p/sub",
            "protect /etc/p/.git/hooks and everywhere .git/hooks", "protect /etc/p/here", "protect /abs",
        ])
    #expect(profile.files.rules[0].origin.description == "profile mine (mine.yaml:6:10)")
    #expect(profile.tmpBytes == 64 << 20 && profile.network == .loopback)
    #expect(profile.syscalls == ["exec", "ioctl:TIOCGPTPEER", "setsockopt:6,31"] && profile.unsafeSyscalls == ["ptrace"])
    #expect(profile.environment.pass == ["LANG", "LC_*"] && profile.environment.set == ["A": "", "B": "8080"])
    #expect(
        profile.limits == [
            .memory: 512 << 20, .pids: 64, .cpu: 1000, .cpuTime: 30_000_000, .wall: 60_000_000, .fileSize: 64 << 20, .disk: 256 << 20, .inodes: 10000,
            .output: 8 << 20, .openFiles: 256,
        ])
    #expect(profile.requirement == .all && profile.waived == [.user, .net])
}

@Test(arguments: [
    ("extends: tool\n", "mine.yaml:1:1: the version line is missing\nhelp: add `fumehood: 1` at the top"),
    ("fumehood: 1\nnetwrok: none\n", "mine.yaml:2:1: unknown key `netwrok`\nhelp: did you mean `network`?"),
    ("fumehood: 1\nnetwork: non\n", "mine.yaml:2:10: network: expected `none`, `loopback` or `host`, found `non`\nhelp: did you mean `none`?"),
    (
        "fumehood: 1\nnetwork: {allow: [api.example.com]}\n",
        "mine.yaml:2:19: network.allow[0]: expected HOST:PORT, found `api.example.com`\nhelp: such as api.example.com:443"
    ),
    ("fumehood: 1\nnetwork: {alow: []}\n", "mine.yaml:2:11: network: unknown key `alow`\nhelp: did you mean `allow`?"),
    (
        "fumehood: 1\nfiles:\n  write: [{path: ., mode: overlay}]\n",
        "mine.yaml:3:27: files.write[0].mode: mode `overlay` is not available yet\nhelp: write `mode: direct`, or leave it out"
    ),
    ("fumehood: 1\nfiles: {write: [{mode: direct}]}\n", "mine.yaml:2:17: files.write[0]: key `path` is missing"),
    ("fumehood: 1\nfiles: {read: [{path: /x, mode: direct}]}\n", "mine.yaml:2:27: files.read[0]: unknown key `mode`\nhelp: known keys: path"),
    ("fumehood: 1\nfiles: {hide: [{path: /x}]}\n", "mine.yaml:2:16: files.hide[0]: expected a value, found a map"),
    ("fumehood: 1\nfiles: {read: /usr}\n", "mine.yaml:2:15: files.read: expected a list, found `/usr`\nhelp: write [/usr]"),
    (
        "fumehood: 1\nfiles: {read: [$HOME/x]}\n",
        "mine.yaml:2:16: files.read[0]: variables are not expanded in `$HOME/x`\nhelp: `~` is the home folder; write other paths out"
    ),
    (
        "fumehood: 1\nfiles: {hide: [~/.config/*]}\n",
        "mine.yaml:2:16: files.hide[0]: patterns are not expanded in `~/.config/*`\nhelp: name the folder; what is in it is granted with it"
    ),
    (
        "fumehood: 1\nfiles: {read: [~bob/x]}\n",
        "mine.yaml:2:16: files.read[0]: `~bob/x` names another user's home\nhelp: write the path out, or ./~bob/x for a file of that name"
    ),
    (
        "fumehood: 1\nfiles: {read: [/usr/../etc]}\n",
        "mine.yaml:2:16: files.read[0]: `..` in `/usr/../etc` could follow a link\nhelp: write the path without it"
    ),
    ("fumehood: 1\nfiles: {read: [a/../b]}\n", "mine.yaml:2:16: files.read[0]: `..` in `a/../b` could follow a link\nhelp: write the path without it"),
    (
        "fumehood: 1\nfiles: {read: ['/a:b']}\n",
        "mine.yaml:2:16: files.read[0]: `/a:b` is not SOURCE:TARGET with an absolute target\nhelp: a path that holds a colon is written {path: ...} in a profile"
    ),
    ("fumehood: 1\nfiles: {read: [/proc/1]}\n", "mine.yaml:2:16: files.read[0]: `/proc/1` cannot be granted: the cell has its own /proc"),
    ("fumehood: 1\nfiles: {write: ['/x:/dev/sda']}\n", "mine.yaml:2:17: files.write[0]: `/dev/sda` cannot be granted: the cell has its own /dev"),
    ("fumehood: 1\nfiles: {hide: [/]}\n", "mine.yaml:2:16: files.hide[0]: `/` cannot be kept from the cell"),
    (
        "fumehood: 1\nfiles: {tmp: 64}\n",
        "mine.yaml:2:14: files.tmp: `64` has no unit\nhelp: a size is a whole number with a unit: `64K`, `512M`, `1G`, or `4096B` for bytes"
    ),
    (
        "fumehood: 1\nsyscalls: {mode: adit}\n",
        "mine.yaml:2:18: syscalls.mode: expected `enforce`, `audit` or `learn`, found `adit`\nhelp: did you mean `audit`?"
    ),
    ("fumehood: 1\nsyscalls: {allow: [exce]}\n", "mine.yaml:2:20: syscalls.allow[0]: unknown family or request `exce`\nhelp: did you mean `exec`?"),
    ("fumehood: 1\nsyscalls: {allow: [spwan, exec]}\n", "mine.yaml:2:20: syscalls.allow[0]: unknown family or request `spwan`\nhelp: did you mean `spawn`?"),
    (
        "fumehood: 1\nsyscalls: {allow: [ptrace]}\n",
        "mine.yaml:2:20: syscalls.allow[0]: `ptrace` is forbidden: read, steer or borrow descriptors from other processes of the cell\nhelp: nothing should need it; `unsafe: [ptrace]` grants it all the same"
    ),
    (
        "fumehood: 1\nsyscalls: {allow: [ioctl:TIOCGPTPER]}\n",
        "mine.yaml:2:20: syscalls.allow[0]: unknown family or request `ioctl:TIOCGPTPER`\nhelp: did you mean `ioctl:TIOCGPTPEER`?"
    ),
    ("fumehood: 1\nsyscalls: {unsafe: [exec]}\n", "mine.yaml:2:21: syscalls.unsafe[0]: `exec` is not forbidden\nhelp: write it under `allow:`"),
    (
        "fumehood: 1\nenvironment: {pass: [A-B]}\n",
        "mine.yaml:2:22: environment.pass[0]: `A-B` is not a variable's name\nhelp: write `NAME`, or `LC_*` for all that start so"
    ),
    ("fumehood: 1\nenvironment: {set: {LC_*: x}}\n", "mine.yaml:2:21: environment.set.LC_*: `LC_*` is not a variable's name"),
    (
        "fumehood: 1\nlimits: {wall: 30}\n",
        "mine.yaml:2:16: limits.wall: `30` has no unit\nhelp: a duration is whole numbers with units: `250ms`, `30s`, `10m`, `1h30m`"
    ),
    (
        "fumehood: 1\nlimits: {pids: 0}\n",
        "mine.yaml:2:16: limits.pids: `0` is zero\nhelp: a count is a whole number, 1 or more: `64`; leave it out for the default"
    ),
    ("fumehood: 1\nlimits: {cpu_tme: 1s}\n", "mine.yaml:2:10: limits: unknown key `cpu_tme`\nhelp: did you mean `cpu_time`?"),
    ("fumehood: 1\nladder: 3\n", "mine.yaml:2:9: ladder: expected `standard` or `none`, found `3`"),
    ("fumehood: 1\nladder: {memry: {}}\n", "mine.yaml:2:10: ladder: unknown key `memry`\nhelp: did you mean `memory`?"),
    ("fumehood: 1\ndurability: fst\n", "mine.yaml:2:13: durability: expected `strict` or `fast`, found `fst`\nhelp: did you mean `fast`?"),
    (
        "fumehood: 1\nreads: [\"a b\"]\n",
        "mine.yaml:2:9: reads[0]: `a b` is not a tool's name\nhelp: name it as its server lists it: `read_query`"
    ),
    ("fumehood: 1\nwaive: [mount]\n", "mine.yaml:2:9: waive[0]: `mount` cannot be waived\nhelp: these can be waived: user, net, ipc, uts, proc"),
    (
        "fumehood: 1\nwaive: [landlock]\n",
        "mine.yaml:2:9: waive[0]: `landlock` is a second wall and needs no waiver\nhelp: it is used as far as the kernel goes"
    ),
    ("fumehood: 1\nwaive: [prco]\n", "mine.yaml:2:9: waive[0]: unknown wall `prco`\nhelp: did you mean `proc`?"),
    ("fumehood: 1\nextends: pyhton\n", "mine.yaml:2:10: extends: unknown profile `pyhton`\nhelp: did you mean `python`?"),
    ("fumehood: 1\nextends: ../../x\n", "mine.yaml:2:10: extends: `../../x` is not a profile's name\nhelp: a name has only a-z, 0-9 and -"),
    ("fumehood: 1\nfiles: {read: [&a /x, *a]}\n", "mine.yaml:2:16: anchors are not read\nhelp: a value that starts with `&` needs quotes"),
    ("fumehood: 1\nnetwork: none\nnetwork: host\n", "mine.yaml:3:1: key `network` occurs twice, first at 2:1"),
])
func `a bad profile is refused with place, reason and remedy`(_ text: String, _ expected: String) { #expect(fault(text) == expected) }

@Test func `a home that is missing is an error only for files of the user's`() {
    let homeless = Places(home: nil, directory: "/here")
    #expect(
        fault("fumehood: 1\nfiles: {read: [~/x]}\n", places: homeless)
            == "mine.yaml:2:16: files.read[0]: `~/x` needs a home folder, and HOME is not set\nhelp: set HOME, or write the path out")
    #expect(fault("fumehood: 1\nfiles: {read: [~/x]}\n", places: Places(home: "u", directory: "/here")).contains("HOME is not set"))
    #expect(fault("fumehood: 1\n", places: homeless) == "accepted: [\"base\", \"mine\"]")
}

@Test(arguments: [("/home/u/", "/home/u/x"), ("//home/./u", "/home/u/x"), ("/home/a/../u", "/home/u/x"), ("/", "/x")])
func `a home in another spelling is the same home`(_ home: String, _ expected: String) throws {
    let profile = try load("fumehood: 1\nextends: none\nfiles: {hide: [~/x]}\n", places: Places(home: home, directory: "/here"))
    #expect(profile.files.rules.map(\.path) == [expected])
}

@Test func `a profile that names no parent extends base`() {
    #expect(fault("fumehood: 1\n") == "accepted: [\"base\", \"mine\"]")
    #expect(fault("fumehood: 1\nextends: python\n") == "accepted: [\"base\", \"tool\", \"python\", \"mine\"]")
    #expect(fault("fumehood: 1\nextends: none\n") == "accepted: [\"mine\"]")
}

@Test func `circles and endless chains are refused`() {
    #expect(
        fault("fumehood: 1\nextends: a\n", others: ["a": "fumehood: 1\nextends: b\n", "b": "fumehood: 1\nextends: a\n"])
            == "b.yaml:2:10: extends: profiles extend one another in a circle: mine, a, b, a")
    #expect(
        fault("fumehood: 1\nextends: a\n", others: ["a": "fumehood: 1\nextends: a\n"])
            == "a.yaml:2:10: extends: profiles extend one another in a circle: mine, a, a")
    var others: [String: String] = [:]
    for step in 1...9 { others["p\(step)"] = "fumehood: 1\nextends: \(step == 9 ? "none" : "p\(step + 1)")\n" }
    #expect(fault("fumehood: 1\nextends: p1\n", others: others) == "p7.yaml:2:10: extends: more than 8 profiles extend one another")
    #expect(fault("fumehood: 1\nextends: p3\n", others: others).hasPrefix("accepted"))
}

@Test func `lists unite and single values are replaced`() throws {
    let parent = """
        fumehood: 1
        extends: none
        description: parent
        runtime: none
        files: { read: [/a, /b], hide: [/h], tmp: 1M }
        network: host
        syscalls: { allow: [exec, jit], unsafe: [ptrace] }
        environment: { pass: [A], set: { X: 1, Y: 1 } }
        limits: { memory: 1M, pids: 1 }
        require: all
        waive: [net]
        """
    let child = """
        fumehood: 1
        extends: parent
        files: { read: [/b, /c], write: [/a] }
        network: none
        syscalls: { allow: [jit, spawn] }
        environment: { pass: [B, A], set: { Y: 2 } }
        limits: { pids: 2, wall: 1s }
        waive: [ipc]
        """
    let merged = try load(child, others: ["parent": parent])
    #expect(merged.chain == ["parent", "mine"] && merged.description == nil && merged.runtime == .none)
    #expect(merged.files.rules.map(show) == ["read /a", "read /b", "hide /h", "read /c", "write /a"])
    #expect(merged.files.rules.map(\.origin.file) == ["parent.yaml", "parent.yaml", "parent.yaml", "mine.yaml", "mine.yaml"])
    #expect(merged.tmpBytes == 1 << 20 && merged.network == .none)
    #expect(merged.syscalls == ["exec", "jit", "spawn"] && merged.unsafeSyscalls == ["ptrace"])
    #expect(merged.environment.pass == ["A", "B"] && merged.environment.set == ["X": "1", "Y": "2"])
    #expect(merged.limits == [.memory: 1 << 20, .pids: 2, .wall: 1_000_000])
    #expect(merged.requirement == .all && merged.waived == [.net, .ipc])
}

@Test func `the dot is the caller's directory in a built-in profile and the file's folder in a user's`() throws {
    let python = try #require(try Profile.builtIn("python", places: places))
    #expect(python.files.access(to: "/here/x.py").access == .read)
    #expect(try load("fumehood: 1\nfiles: {read: [.]}\n").files.access(to: "/etc/p/x").access == .read)
    #expect(try load("fumehood: 1\nextends: python\n").files.access(to: "/here/x.py").access == .read)
}

@Test func `flags add to a profile by the same rules`() throws {
    var profile = try load("fumehood: 1\nextends: none\n")
    try profile.add(.read, ".", flag: "-r", places: places)
    try profile.add(.write, "out", flag: "-w", places: places)
    try profile.add(.read, "~/a:/b", flag: "-r", places: places)
    try profile.addEnvironment("A=b=c", flag: "-e")
    try profile.addEnvironment("TOKEN", flag: "-e")
    try profile.setNetwork("loopback", flag: "--net")
    try profile.setLimit(.memory, "512M", flag: "--memory")
    try profile.setLimit(.cpu, "0.5", flag: "--cpu")
    try profile.waive("proc", flag: "--waive")
    #expect(profile.files.rules.map(show) == ["read /here", "write /here/out", "read /home/u/a at /b"])
    #expect(profile.files.rules[0].origin.description == "-r")
    #expect(profile.environment.set == ["A": "b=c"] && profile.environment.pass == ["TOKEN"])
    #expect(profile.network == .loopback && profile.limits == [.memory: 512 << 20, .cpu: 500] && profile.waived == [.proc])
}

@Test func `a bad flag is refused as a bad file is`() throws {
    var profile = try load("fumehood: 1\nextends: none\n")
    func fault(_ apply: (inout Profile) throws(ConfigError) -> Void) -> String {
        do {
            try apply(&profile)
            return "accepted"
        } catch {
            return error.description
        }
    }
    #expect(
        fault { (profile) throws(ConfigError) in try profile.setLimit(.wall, "30", flag: "--timeout") }
            == "--timeout: `30` has no unit\nhelp: a duration is whole numbers with units: `250ms`, `30s`, `10m`, `1h30m`")
    #expect(
        fault { (profile) throws(ConfigError) in try profile.setNetwork("hots", flag: "--net") }
            == "--net: expected `none`, `loopback`, `host` or HOST:PORT, found `hots`\nhelp: did you mean `host`?")
    #expect(
        fault { (profile) throws(ConfigError) in try profile.setNetwork("example.com:https", flag: "--net") }
            == "--net: `https` is no port\nhelp: a port is a number from 1 to 65535")
    #expect(fault { (profile) throws(ConfigError) in try profile.addEnvironment("=x", flag: "-e") } == "-e: `` is not a variable's name")
    #expect(
        fault { (profile) throws(ConfigError) in try profile.add(.read, "", flag: "-r", places: places) } == "-r: a path is empty")
    #expect(
        fault { (profile) throws(ConfigError) in try profile.waive("seccomp", flag: "--waive") }
            == "--waive: `seccomp` cannot be waived\nhelp: these can be waived: user, net, ipc, uts, proc")
}

@Test func `endpoints are named by flags and files, each once, and replaced as a whole`() throws {
    var profile = try load("fumehood: 1\nextends: none\nnetwork: {allow: [API.example.com:443, api.example.com.:443, '10.0.0.1:80']}\n")
    #expect(profile.network == .none && profile.endpoints.map(\.text) == ["api.example.com:443", "api.example.com:443", "10.0.0.1:80"])
    #expect(try profile.syscallPolicy().mediatesConnections)
    try profile.setNetwork(["b.example:1", "c.example:2"], flag: "--net")
    #expect(profile.endpoints.map(\.text) == ["b.example:1", "c.example:2"])
    try profile.setNetwork(["host"], flag: "--net")
    #expect(profile.endpoints.isEmpty && profile.network == .host)
    #expect(try !profile.syscallPolicy().mediatesConnections)
}
