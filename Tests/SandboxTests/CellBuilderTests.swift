// SPDX-License-Identifier: Apache-2.0
// From a request to a cell on a made-up host: PATH, HOME, environment, working directory, limits, arguments that the cell does not
// see, commands that would download.

import Linux
import Testing

@testable import Sandbox

@Suite("a request becomes a cell")
struct CellBuilderTests {
    private func plan(
        _ profile: String, facts: HostFacts = .root, files: FakeFiles = .debian, _ change: @escaping @Sendable (inout CellRequest) -> Void = { _ in }
    ) throws -> PlannedCell {
        try PlannedCase(name: "x", facts: facts, files: files, profile: profile, change: change).planned()
    }

    private func plan(facts: HostFacts = .root, files: FakeFiles = .debian, _ change: @escaping @Sendable (inout CellRequest) -> Void = { _ in }) throws
        -> PlannedCell
    {
        try plan("base", facts: facts, files: files, change)
    }

    private func refusal(_ change: @escaping @Sendable (inout CellRequest) -> Void) -> String {
        do {
            _ = try plan(change)
            return "accepted"
        } catch let error as CellError {
            return "\(error.message.text)|\(error.message.help ?? "")|\(error.exitCode)"
        } catch {
            return "\(error)"
        }
    }

    private func variable(_ name: String, _ cell: PlannedCell) -> String? {
        cell.spec.command.environment.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    @Test func `PATH keeps what the cell sees, in its order and once`() throws {
        let cell = try plan { $0.environment["PATH"] = "/home/u/bin:/usr/bin:bin::/usr/sbin:/usr/bin:/nothing:/bin" }
        #expect(variable("PATH", cell) == "/usr/bin:/usr/sbin:/bin")
        #expect(variable("PATH", try plan { $0.environment["PATH"] = nil }) == "/usr/local/bin:/usr/bin:/bin")
    }

    @Test func `a shim's real program stands first in PATH`() throws {
        let files = FakeFiles.debian.adding(
            """
            x /home/u/.pyenv/shims/python owner 1001 : #!/usr/bin/env bash\\n
            x /home/u/.pyenv/versions/3.12.1/bin/python owner 1001
            d /home/u/.pyenv/versions/3.12.1/lib owner 1001
            f /home/u/.pyenv/version : 3.12.1\\n
            """)
        let cell = try plan(files: files) {
            $0.command = ["python"]
            $0.environment["PATH"] = "/home/u/.pyenv/shims:/usr/bin"
        }
        #expect(cell.spec.command.executable == "/home/u/.pyenv/versions/3.12.1/bin/python")
        #expect(variable("PATH", cell) == "/home/u/.pyenv/versions/3.12.1/bin:/usr/bin")
        #expect(cell.spec.command.arguments == ["python"])
    }

    @Test(arguments: [
        ("/home/u", "/home/u"), ("/", "/home/cell"), ("/tmp", "/home/cell"), ("/usr/home", "/home/cell"), ("/etc", "/home/cell"), ("relative", "/home/cell"),
        ("", "/home/cell"),
        ("/dev/null", "/home/cell"), ("/home/a:b", "/home/cell"), ("/home/a\nroot:x:0:0", "/home/cell"), ("/root/../home/./u/", "/home/u"),
        ("/nonexistent", "/nonexistent"),
    ])
    func `HOME is a private folder with the caller's path where that can be`(home: String, expected: String) throws {
        let cell = try plan { $0.environment["HOME"] = home }
        #expect(variable("HOME", cell) == expected)
        #expect(cell.spec.view.contains(.scratch(String(expected.dropFirst()), mode: 0o700)))
        #expect(cell.spec.view.contains(.file("etc/passwd", contents: "cell:x:1000:1000:cell:\(expected):/bin/sh\n", mode: 0o444)))
    }

    @Test func `the environment is made from nothing`() throws {
        let cell = try plan {
            $0.environment.merge([
                "SECRET": "s", "LD_PRELOAD": "/x.so", "LANG": "de_DE", "LC_ALL": "C", "TZ": "UTC", "TERM": "xterm", "SSH_AUTH_SOCK": "/run/x",
            ]) { $1 }
        }
        let names = cell.spec.command.environment.map { String($0.prefix { $0 != "=" }) }
        #expect(names.sorted() == ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TERM", "TZ", "USER"])
        #expect(variable("LANG", cell) == "de_DE" && variable("USER", cell) == "cell")
        #expect(variable("LANG", try plan { _ in }) == "C.UTF-8")
    }

    @Test func `what is passed comes from the caller, what is set wins, a secret wins over both`() throws {
        let cell = try plan {
            $0.environment.merge(["A": "1", "B": "1", "C": "1"]) { $1 }
            $0.passes += ["A", "B", "C", "MISSING"]
            $0.sets += [("B", "2"), ("C", "2")]
            $0.secrets = [("C", "3")]
        }
        #expect(variable("A", cell) == "1" && variable("B", cell) == "2" && variable("C", cell) == "3" && variable("MISSING", cell) == nil)
        #expect(cell.spec.command.environment.count { $0.hasPrefix("C=") } == 1)
    }

    @Test func `the working directory is the caller's where it is granted, else HOME`() throws {
        #expect(try plan().spec.command.directory == "/home/u")
        #expect(try plan { $0.rules.append(.init(.read, "/home/u/project", origin: "-r")) }.spec.command.directory == "/home/u/project")
        #expect(try plan { $0.rules.append(.init(.read, "/home/u/project", target: "/mnt", origin: "-r")) }.spec.command.directory == "/home/u")
        #expect(try plan("python").spec.command.directory == "/home/u/project")
    }

    @Test func `arguments that exist and are not granted are named`() throws {
        let words: @Sendable (inout CellRequest) -> Void = {
            $0.command = [
                "python3", "src", "--config=../.gitconfig", "-x", "/etc/services", "nothing", "--flag", "/dev/null", "/proc/self", "", "/", "/home/u", "-",
                "--=", "/tmp",
            ]
        }
        #expect(try plan(words).unseen == ["src", "../.gitconfig"])
        #expect(try plan("python", words).unseen == ["../.gitconfig"])
    }

    @Test(arguments: [
        (["uvx", "ruff"], "`uvx` downloads at start and this cell has no network|install the tool first (uv tool install NAME), then run its command|125"),
        (["npx", "tsc"], "`npx` downloads at start and this cell has no network|install the tool first (npm install -g NAME), then run its command|125"),
        (["bunx", "x"], "`bunx` downloads at start and this cell has no network|install the tool first (bun add -g NAME), then run its command|125"),
        (["/usr/bin/npx"], "`npx` downloads at start and this cell has no network|install the tool first (npm install -g NAME), then run its command|125"),
        (["pipx", "run", "x"], "`pipx` downloads at start and this cell has no network|install the tool first (pipx install NAME), then run its command|125"),
        (["pipx", "list"], "`pipx`: command not found||127"),
    ])
    func `a command that would download is refused without network`(command: [String], expected: String) {
        #expect(refusal { $0.command = command } == expected)
        for (network, refused) in [(CellSpec.Network.loopback, true), (.host, false)] {
            let found = refusal {
                $0.command = command
                $0.network = network
            }
            #expect(refused ? found == expected : found.hasSuffix("|127"))
        }
    }

    @Test func `a command outside the view is said with the flag to add`() {
        #expect(
            refusal {
                $0.command = ["/home/u/tools/x"]
                $0.findsRuntime = false
            } == "`/home/u/tools/x`: command not found||127")
        let files = FakeFiles.debian.adding("x /home/u/tools/x owner 1001\nx /home/u/.ssh/run owner 1001")
        for (command, folder) in [("/home/u/tools/x", "/home/u/tools"), ("/home/u/.ssh/run", "/home/u/.ssh")] {
            #expect(throws: CellError.commandOutside(command, grant: folder)) {
                try plan(files: files) {
                    $0.command = [command]
                    if folder.hasSuffix("tools") { $0.findsRuntime = false }
                }
            }
        }
    }

    @Test func `what the environment names is granted with the name`() throws {
        let files = FakeFiles.debian.adding("f /home/u/ca.pem owner 1001")
        let cell = try plan(files: files) { $0.environment["SSL_CERT_FILE"] = "/home/u/ca.pem" }
        #expect(cell.spec.view.contains { if case .bind(_, "home/u/ca.pem", .read, _) = $0 { true } else { false } })
        #expect(variable("SSL_CERT_FILE", cell) == "/home/u/ca.pem")
        #expect(throws: Never.self) { try plan(files: files) { $0.environment["SSL_CERT_FILE"] = "/nothing.pem" } }
    }

    @Test func `limits never exceed what this user may set`() throws {
        let cell = try plan(facts: .root.with { $0.hardLimits = [7: 100, 6: 50, 0: 5] }) {
            $0.limits.openFiles = 1024
            $0.limits.processes = 512
            $0.limits.cpuSeconds = 5
        }
        let limits = Dictionary(uniqueKeysWithValues: cell.spec.limits.map { ($0.name, $0) })
        #expect(
            limits["nofile"] == ResourceLimit("nofile", 7, 100) && limits["nproc"] == ResourceLimit("nproc", 6, 50)
                && limits["cpu"] == ResourceLimit("cpu", 0, 5))
        #expect(limits["core"] == ResourceLimit("core", 4, 0))
        let free = try plan {
            $0.limits.cpuSeconds = 5
            $0.limits.processes = 9
        }
        #expect(free.spec.limits.contains(ResourceLimit("cpu", 0, 5, hard: 6)) && free.spec.limits.contains(ResourceLimit("nproc", 6, 10)))
    }

    @Test func `a folder comes before what it holds and nothing stands at one path twice`() throws {
        for cell in OrderTests.cases {
            let view = try cell.planned().spec.view
            var places: [String: Int] = [:]
            for (i, entry) in view.enumerated() {
                switch entry {
                case .mask, .protect: break
                default: #expect(places.updateValue(i, forKey: entry.path) == nil, "\(cell.name): \(entry.path)")
                }
            }
            for (path, i) in places {
                for (other, j) in places where other != path && Paths.contains(other, path) { #expect(j < i, "\(cell.name): \(other) after \(path)") }
            }
        }
    }

    @Test func `no cell is granted the host's /proc, /sys, /dev, /run or /tmp`() throws {
        for cell in OrderTests.cases {
            for case .bind(let source, _, let access, _) in try cell.planned().spec.view where access != .device {
                for folder in ["/proc", "/sys", "/dev", "/run", "/tmp"] { #expect(!Paths.contains(folder, source.path), "\(cell.name): \(source.path)") }
                #expect(source.path != "/" && source.path != "/home" && source.path != "/home/u" && source.path != "/etc")
            }
        }
    }

    @Test func `more mounts than there are places for are refused in a sentence`() throws {
        let many = (0..<300).map { "d /srv/d\($0)" }.joined(separator: "\n")
        let grants: @Sendable (inout CellRequest) -> Void = { request in
            for i in 0..<300 { request.rules.append(.init(.write, "/srv/d\(i)", origin: "-w")) }
        }
        let refusal = CellError.badValue("the view has 313 granted and protected paths, and 216 are the most")
        for facts in [HostFacts.root, .ordinary] { #expect(throws: refusal) { try plan(facts: facts, files: .debian.adding(many), grants) } }
        #expect(try plan(files: .debian.adding(many)) { $0.rules.append(.init(.write, "/srv", origin: "-w")) }.spec.view.count < 100)
    }

    @Test func `others' files in a writable folder are told`() throws {
        let files = FakeFiles.debian.adding("f /home/u/project/theirs owner 33\nf /home/u/project/more owner 34")
        let cell = try plan(files: files) { $0.rules.append(.init(.write, "/home/u/project", origin: "-w")) }
        #expect(
            cell.notes == [
                "`more` and 1 more in /home/u/project belongs to another user than the folder: the cell can read it, but not write, rename or remove it (EACCES, EOVERFLOW)"
            ])
    }
}
