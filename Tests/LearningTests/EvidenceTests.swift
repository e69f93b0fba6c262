// SPDX-License-Identifier: Apache-2.0
// Evidence as a value: how runs add up, how sure that makes us, and the bytes that come of it.

import Config
import Events
import Sandbox
import Syscalls
import Testing

@testable import Learning

private func run(_ input: String, _ words: [String], succeeded: Bool = true, phase: Phase = .startUp) -> LearnedRun {
    LearnedRun(
        input: input, succeeded: succeeded,
        grants: Dictionary(uniqueKeysWithValues: words.map { ($0, Sighting(runs: 1, phase: phase, calls: [$0 == "exec" ? "execve" : $0])) }))
}

private func evidence(_ runs: [LearnedRun]) -> Evidence {
    var all = Evidence(command: "git status", program: "/usr/bin/git", extends: "base")
    for run in runs { all.add(run) }
    return all
}

/// Reads the profile as the launcher does.
private func profile(_ text: String) throws -> Profile {
    let places = Places(home: "/home/a", directory: "/work")
    return try Profile(
        ProfileSource(name: "p", file: "p.yaml", bytes: Array(text.utf8), folder: "/home/a"), places: places, names: { [] },
        loader: { name in BuiltinProfiles.source(name) })
}

@Suite("evidence")
struct EvidenceTests {
    @Test func `a repeated input counts once`() {
        let all = evidence([run("a", ["exec"]), run("a", ["exec"]), run("a", ["exec"])])
        #expect(all.runs == 3 && all.distinct == 1 && all.seen["exec"]?.runs == 1)
        #expect(all.unseen == 1, "one input, one word: nothing is known of the next")
    }

    @Test func `the chance of something new is the share of what one run needed`() {
        var all = evidence([run("a", ["exec"]), run("b", ["exec"]), run("c", ["exec", "spawn"]), run("d", ["exec"])])
        #expect(all.unseen == 0.25 && all.doubt == "4 distinct inputs, 5 are needed")
        all.add(run("e", ["exec"]))
        #expect(all.unseen == 0.2 && all.doubt == "the next run needs something new with a chance of 0.2, 0.1 is the most")
        all.add(run("f", ["exec", "spawn"]))
        #expect(all.unseen == 0 && all.doubt == nil)
    }

    @Test func `a failed run is kept apart`() {
        var all = evidence([run("a", ["exec"]), run("b", ["exec", "unix-socket"], succeeded: false)])
        #expect(all.granted.words == ["exec"] && all.candidates == ["unix-socket"] && all.failed == 1 && all.distinct == 1)
        all.add(run("b", ["unix-socket"]))
        #expect(all.granted.words == ["exec", "unix-socket"] && all.candidates.isEmpty)
    }

    @Test func `promotion is refused below the threshold unless it is forced by name`() {
        var all = evidence([run("a", ["exec"])])
        #expect(throws: LearningError.doubtful("p", "1 distinct input, 5 are needed")) { try all.promote(named: "p", forced: false) }
        #expect(throws: Never.self) { try all.promote(named: "p", forced: true) }
        #expect(all.promotion == .forced)
        var sure = evidence(["a", "b", "c", "d", "e"].map { run($0, ["exec"]) })
        #expect(throws: Never.self) { try sure.promote(named: "p", forced: false) }
        #expect(sure.promotion == .yes)
    }

    @Test func `a promoted profile is not widened, and takes its candidates when it is promoted again`() throws {
        var all = evidence(["a", "b", "c", "d", "e"].map { run($0, ["exec"]) })
        try all.promote(named: "p", forced: false)
        let version = all.version
        var wider = run("f", ["exec", "memfd"])
        wider.writes = ["/x"]
        all.add(wider)
        #expect(all.granted.words == ["exec"] && all.candidates == ["memfd", "write /x"] && all.version == version)
        try all.promote(named: "p", forced: true)
        #expect(all.granted.words == ["exec", "memfd"] && all.granted.writes == ["/x"] && all.candidates.isEmpty && all.version == version + 1)
    }

    @Test func `what is known is let pass only where nothing is counted by it`() {
        var all = evidence([run("a", ["exec"]), run("b", ["exec", "spawn"])])
        #expect(all.released(for: "a") == ["exec", "spawn"], "a known input")
        #expect(all.released(for: "new") == [], "a new one, and nothing is settled")
        for input in ["c", "d", "e"] { all.add(run(input, ["exec"])) }
        #expect(all.released(for: "new") == ["exec"], "spawn was needed once: it decides how sure we are")
    }

    @Test func `merging loses nothing and refuses another program`() throws {
        var left = evidence([run("a", ["exec"]), run("b", ["exec"])])
        let right = evidence([run("b", ["exec"]), run("c", ["exec", "spawn"])])
        try left.merge(right, named: "p")
        #expect(left.distinct == 3 && left.seen["exec"]?.runs == 3 && left.seen["spawn"]?.runs == 1 && left.granted.words == ["exec", "spawn"])
        var other = Evidence(command: "git", program: "/tmp/git", extends: "base")
        #expect(throws: LearningError.otherProgram("p", old: "/tmp/git", new: "/usr/bin/git")) { try other.merge(left, named: "p") }
    }

    @Test(
        arguments: [
            // Small peaks take the floor, larger ones the next power of two above their head-room.
            (.memory, 1 << 20, nil, nil, 256 << 20), (.memory, 100 << 20, nil, nil, 512 << 20), (.pids, 3, nil, nil, 64), (.pids, 17, nil, nil, 128),
            // Never above the profile that was learned under.
            (.memory, 100 << 20, nil, 300 << 20, 300 << 20), (.pids, 3, nil, 10, 10),
            // What is known already stays while half of it holds the peak, and never shrinks.
            (.memory, 200 << 20, 512 << 20, nil, 512 << 20), (.memory, 300 << 20, 512 << 20, nil, 2048 << 20), (.memory, 1, 1 << 40, nil, 1 << 40),
            (.memory, .max, nil, 1 << 30, 1 << 30), (.cpuTime, 7_000_000, nil, nil, 120_000_000), (.inodes, 5, nil, nil, nil),
        ] as [(Limit, Int64, Int64?, Int64?, Int64?)])
    func `a limit is the peak with head-room`(limit: Limit, peak: Int64, old: Int64?, bound: Int64?, proposed: Int64?) {
        #expect(LearnedLimits.proposed(limit, peak: peak, old: old, bound: bound) == proposed)
    }

    @Test func `limits grow with runs, and after a promotion as candidates`() throws {
        var all = Evidence(command: "x", program: "/x", extends: "base")
        var first = run("a", [])
        first.peaks = [.pids: 3]
        all.add(first)
        #expect(all.granted.limits == [.pids: 64])
        try all.promote(named: "x", forced: true)
        first.input = "b"
        first.peaks = [.pids: 40]
        all.add(first)
        #expect(all.granted.limits == [.pids: 64] && all.candidates == ["limit pids 256"])
        try all.promote(named: "x", forced: true)
        #expect(all.granted.limits == [.pids: 256] && all.candidates.isEmpty)
    }

    @Test func `calls of a server's tools are kept apart by their names`() {
        var one = run("a", ["exec"])
        one.calls = ["-": CallNeeds(), "log": CallNeeds()]
        one.calls["log"]?.words = ["exec"]
        var two = run("b", ["spawn"])
        two.calls["log"] = CallNeeds()
        two.calls["log"]?.words = ["spawn"]
        let all = evidence([one, two])
        #expect(all.calls["log"]?.words == ["exec", "spawn"] && all.calls["-"] == CallNeeds())
        #expect(RunInput.digest(of: "x", calls: ["b", "a"]) == RunInput.digest(of: "x", calls: ["a", "b"]))
        #expect(RunInput.digest(of: "x", calls: ["a"]) != RunInput.digest(of: "x", calls: []))
    }

    @Test func `what was ever needed at start-up is of start-up`() {
        let all = evidence([run("a", ["exec"], phase: .steady), run("b", ["exec"]), run("c", ["exec"], phase: .steady)])
        #expect(all.seen["exec"]?.phase == .startUp)
    }
}

@Suite("the file of a learned profile")
struct LearnedTextTests {
    private static var full: Evidence {
        var first = run("00ff", ["exec", "unix-socket", "ioctl:TIOCGPTPEER", "setsockopt:1,26"])
        first.writes = ["/home/a/w", "/odd \"dir\"\n"]
        first.reads = ["/home/a/r:/r"]
        first.network = "loopback"
        first.passes = ["LANG", "X_*"]
        first.programs = ["/usr/bin/less"]
        first.wanted = ["/home/a/.gitconfig"]
        first.secrets = ["/home/a/.ssh/id"]
        first.refused = ["ptrace(PTRACE_TRACEME)"]
        first.addresses = ["@bus", "[0:1]:80"]
        first.changes = ["/home/a/w/.git"]
        first.peaks = [.memory: 1 << 20, .wall: 5]
        first.calls["git log"] = CallNeeds()
        first.calls["-"] = CallNeeds()
        first.calls["-"]?.words = ["exec"]
        first.calls["-"]?.changes = ["/home/a/w"]
        first.calls["-"]?.programs = ["/usr/bin/less"]
        return evidence([first, run("0100", ["exec"]), run("0200", ["memfd"], succeeded: false)])
    }

    @Test func `it reads back as it was written, and the same runs give the same bytes`() throws {
        let all = Self.full
        let text = all.text(home: "/home/a")
        #expect(try Evidence(profile: Array(text.utf8), file: "p.yaml", home: "/home/a") == all)
        #expect(Self.full.text(home: "/home/a") == text)
    }

    @Test func `the launcher takes it, and it grants what was learned and nothing of its parent's`() throws {
        let all = evidence([run("a", ["unix-socket"])])
        let read = try profile(all.text(home: "/home/a"))
        #expect(read.syscalls == ["unix-socket"] && read.isExact && read.chain == ["base", "p"])
        #expect(try read.syscallPolicy().families == [.unixSocket])
        let whole = try profile(Self.full.text(home: "/home/a"))
        #expect(whole.network == .loopback && whole.limits[.memory] == 256 << 20 && whole.limits[.wall] == 300_000_000)
        #expect(try whole.syscallPolicy().families == [.exec, .unixSocket], "a network grants no family that was not learned")
        #expect(whole.files.access(to: "/home/a/w/x").access == .write && whole.files.access(to: "/home/a/.ssh/id").access == .hidden)
    }

    @Test func `a profile that was not learned has no evidence`() throws {
        #expect(try Evidence(profile: Array("fumehood: 1\nextends: base\n".utf8), file: "p.yaml", home: nil) == nil)
    }

    @Test(arguments: ["yes", "~", "1.5", "a: b", "- x", "", "#", "null", "a\u{85}b", "@x", "'"])
    func `odd words survive`(word: String) throws {
        let bytes = Array("fumehood: 1\nx: \(YAML.scalar("v" + word))\ny: [\(YAML.scalar(word)), \(YAML.scalar(word + " "))]\n".utf8)
        let entries = try Field(parsing: bytes, file: "x").entries()
        #expect(try entries[1].value.anyText() == "v" + word)
        #expect(try entries[2].value.list().map { item in try item.anyText() } == [word, word + " "])
    }

    @Test func `what follows from a call is marked as inferred`() {
        #expect(Evidence.inferred(from: ["renameat", "socket(AF_UNIX, SOCK_STREAM)"]) == ["rename", "renameat2"])
    }
}

@Suite("names and addresses")
struct LearnedNameTests {
    @Test(
        arguments: [
            (["/usr/bin/git", "status", "-s"], "git-status"), (["git"], "git-learned"), (["python3", "-c", "print(1)"], "python3"),
            (["python3", "./job.py"], "python3-job-py"), (["grep", "a b"], "grep"), (["/x/Ünï"], "n"), (["\u{1b}"], "command"),
        ] as [([String], String)])
    func `a profile is named by its command and first argument`(words: [String], name: String) {
        #expect(LearnedName.profile(words, taken: BuiltinProfiles.names.contains) == name)
    }

    @Test(
        arguments: [
            ([1, 0, 0x2f, 0x78, 0, 0x79], "/x"), ([1, 0, 0, 0x62, 0x75, 0x73], "@bus"), ([2, 0, 1, 187, 10, 0, 0, 1], "10.0.0.1:443"), ([2, 0, 1], nil),
            ([1, 0], nil), ([16, 0, 0, 0], nil),
        ] as [([UInt8], String?)])
    func `an address is told in words`(bytes: [UInt8], text: String?) { #expect(LearnedRun.address(bytes) == text) }

    @Test func `a path is compared without its dots`() { #expect(LearnedRun.normal("/a/./b/../../../c//d") == "/c/d") }
}

@Suite("what a run shows of files")
struct LearnedFilesTests {
    @Test func `hidden and absent files are reported and never granted`() {
        var observed = Observed()
        observed.files = ["/w/a/x": [.write, .create], "/w/b": .read, "/s/key": .read, "/o/conf": .read, "/o/none": .read, "/usr/bin/less": .execute]
        var run = LearnedRun(input: "a", succeeded: true, grants: [:])
        let roots = run.take(
            observed,
            in: .init(
                standing: { $0.hasPrefix("/w") ? .writable(root: "/w") : $0.hasPrefix("/s") ? .hidden : $0.hasPrefix("/o") ? .absent : .granted },
                exists: { $0 != "/o/none" }, isProgram: { $0.hasSuffix("less") }))
        #expect(roots == ["/w"] && run.changes == ["/w/a"] && run.secrets == ["/s/key"] && run.wanted == ["/o/conf"] && run.programs == ["/usr/bin/less"])
        #expect(run.reads.isEmpty && run.writes.isEmpty)
    }
}
