// SPDX-License-Identifier: Apache-2.0
// Streams, terminal and environment: bytes arrive as they were written, nothing of the caller's comes in uninvited, and
// nothing that a terminal would act on comes out.

import Foundation
import Glibc
import JSON
import Testing

extension Incidents.Streams {
    @Test(arguments: Caller.allCases)
    func `every byte passes unchanged in both directions`(caller: Caller) throws {
        let all = (0..<4).flatMap { _ in (0...255).map(UInt8.init) }
        var random = [UInt8](repeating: 0, count: 1 << 20)
        for i in random.indices { random[i] = UInt8.random(in: 0...255) }
        for bytes in [all, random, [], [0], Array("no newline".utf8)] {
            let run = try Fumehood.run([], ["/bin/cat"], as: caller, input: bytes)
            #expect(run.code == 0 && run.bytes == bytes, "\(bytes.count) bytes came back as \(run.bytes.count)")
            #expect(run.record?["bytes_out"]?.asInteger == Int64(bytes.count), "\(String(describing: run.record?["bytes_out"]))")
        }
        let sum = try Fumehood.run([], ["/usr/bin/sha256sum"], as: caller, input: random)
        let mine = try Fumehood.run([], ["/usr/bin/sha256sum"], as: caller, near: ["sh", "-c", "cat \"$0\" | \"$@\"", try file(random, caller)])
        #expect(sum.out == mine.out && sum.out.utf8.count == 68, "a file and a pipe as input differ")
    }

    private func file(_ bytes: [UInt8], _ caller: Caller) throws -> String {
        let path = try Ground.shared.workspace(caller) + "/input"
        try Data(bytes).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        return path
    }

    @Test(arguments: Caller.allCases)
    func `standard error is a stream of its own`(caller: Caller) throws {
        let run = try Fumehood.run(["--quiet"], ["/bin/sh", "-c", "echo out; echo err >&2; printf '\\000\\377' >&2"], as: caller)
        #expect(run.out == "out\n")
        #expect(run.err.hasPrefix("err\n"))
    }

    @Test(arguments: Caller.allCases)
    func `input streams: an answer comes before the next question is asked`(caller: Caller) throws {
        let begun = try Fumehood.begin([], ["/bin/sh", "-c", "while read line; do echo \"got $line\"; done; echo end"], as: caller, holdsInput: true)
        for word in ["one", "two", "three"] {
            try begun.input?.write(contentsOf: Data("\(word)\n".utf8))
            #expect(begun.says("got \(word)\n", within: 5))
        }
        let run = begun.end(within: 10)
        #expect(run.out == "got one\ngot two\ngot three\nend\n")
    }

    @Test(arguments: Caller.allCases)
    func `a reader that goes away, or never was, ends the run`(caller: Caller) throws {
        let gone = try Fumehood.run([], ["/usr/bin/yes"], as: caller, near: ["sh", "-c", "(\"$@\"; echo \"code $?\" >&2) | head -c 4", "sh"], within: 10)
        #expect(gone.out == "y\ny\n")
        #expect(gone.err.contains("code 141\n"), "\(gone.err)")
        let closed = try Fumehood.run(
            [], ["/bin/sh", "-c", "echo x; echo y >&2; exit 5"], as: caller, near: ["sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"], within: 10)
        #expect(closed.code == 5 || closed.code == 141 || closed.code == 1, "\(closed.code)")
        #expect(closed.record != nil)
    }

    @Test(arguments: Caller.allCases)
    func `the caller's files and terminal are never the cell's own streams`(caller: Caller) throws {
        // A file given as input could be opened again for writing; the cell sees a pipe.
        let path = try put("unchanged", try Ground.shared.workspace(caller) + "/input", caller)
        let script = "readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; echo changed >/proc/self/fd/0; echo >/dev/tty"
        let run = try Fumehood.run(["--quiet"], ["/bin/sh", "-c", script], as: caller, near: ["sh", "-c", "exec \"$@\" <\(path)", "sh"])
        #expect(run.out.split(separator: "\n").count == 3 && run.out.split(separator: "\n").allSatisfy { $0.hasPrefix("pipe:") }, "\(run.out)")
        #expect(contents(path) == "unchanged")
        // /dev/stdout works for the cell's user, whoever that is.
        let device = try Fumehood.run([], ["/bin/sh", "-c", "echo through >/dev/stdout"], as: caller)
        #expect(device.out == "through\n", "\(device.err)")
    }

    // The terminal --------------------------------------------------------------------------------------------------------

    static let sequences: [(name: String, text: String, harmless: Bool)] = [
        ("clipboard", "\\033]52;c;aGFja2Vk\\007", false), ("clipboard, 8 bit", "\\235 52;c;aGFja2Vk\\234", false),
        ("clipboard, C1 in UTF-8", "\\302\\235 52;c;aGFj\\302\\234", false), ("title", "\\033]0;root#\\007", false),
        ("device control", "\\033P+q544e\\033\\\\", false), ("cursor report", "\\033[6n", false), ("alternate screen", "\\033[?1049h", false),
        ("reset", "\\033c", false), ("cursor up", "\\033[1A", false),
        ("bell", "\\007", false), ("colour", "\\033[31mred\\033[0m", true), ("erase line", "\\033[K", true), ("umlaut", "\\303\\274", true),
    ]

    @Test(arguments: Caller.allCases, sequences.indices)
    func `what a terminal would act on is made harmless on a terminal and exact elsewhere`(caller: Caller, row: Int) throws {
        let (name, text, harmless) = Self.sequences[row]
        let command = ["/bin/sh", "-c", "printf 'a\(text)b'; printf 'c\(text)d' >&2"]
        let exact = try Fumehood.run(["--quiet"], command, as: caller)
        let bytes = exact.bytes
        #expect(bytes.count > 2)
        let shown = try Fumehood.run(["--quiet"], command, as: caller, around: [Ground.shared.sandboxee("terminal")])
        let out = shown.bytes
        func has(_ part: [UInt8]) -> Bool { !part.isEmpty && out.indices.contains { out[$0...].starts(with: part) } }
        if harmless {
            #expect(has(bytes) && has([0x63] + bytes.dropFirst().dropLast() + [0x64]), "\(name): \(out)")
        } else {
            #expect(!has(Array(bytes.dropFirst().dropLast())), "\(name) passed: \(out)")
            #expect(!out.contains(0x1b) && !out.contains(0x07) && !out.contains { (0x80..<0xa0).contains($0) }, "\(name): \(out)")
            #expect(out.contains(0x61) && out.contains(0x64))
        }
    }

    @Test(arguments: Caller.allCases)
    func `our own messages carry no control sequences of others`(caller: Caller) throws {
        let run = try Fumehood.run([], ["no\u{1b}]52;c;eA==\u{7}such"], as: caller)
        #expect(run.code == 127)
        #expect(!run.err.contains("\u{1b}") && !run.err.contains("\u{7}"), "\(run.err)")
    }

    // The environment --------------------------------------------------------------------------------------------------------

    @Test(arguments: Caller.allCases)
    func `the environment is what the interface says and nothing else`(caller: Caller) throws {
        let outer = [
            "SECRET_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "x", "SSH_AUTH_SOCK": "/x", "LD_PRELOAD": "", "LD_LIBRARY_PATH": "/x", "BASH_ENV": "/x",
            "PYTHONPATH": "/x", "NODE_OPTIONS": "--x", "http_proxy": "x",
            "DISPLAY": ":0", "DBUS_SESSION_BUS_ADDRESS": "unix:x", "XDG_RUNTIME_DIR": "/run/user/0", "FUMEHOOD_X": "1", "LC_TIME": "C", "TZ": "UTC",
            "GIVEN": "passed on", "PATH": "/no/such:/usr/bin:/root/bin:/bin:relative",
        ]
        let run = try Fumehood.run(["-e", "GIVEN", "-e", "SET=to this", "-e", "ABSENT"], ["/usr/bin/env", "-0"], as: caller, environment: outer)
        let found = Set(run.out.split(separator: "\0").map(String.init))
        let expected: Set = [
            "PATH=/usr/bin:/bin", "HOME=" + Ground.shared.home(caller), "USER=cell", "LOGNAME=cell", "LANG=C.UTF-8", "LC_TIME=C", "TZ=UTC", "GIVEN=passed on",
            "SET=to this",
        ]
        #expect(found == expected, "too much: \(found.subtracting(expected)), too little: \(expected.subtracting(found))")
        // What the kernel shows of the process is the same.
        let shown = try Fumehood.run([], ["/bin/cat", "/proc/self/environ"], as: caller, environment: ["SECRET_TOKEN": "x"])
        #expect(!shown.out.contains("SECRET") && shown.out.contains("USER=cell"))
    }

    @Test(arguments: Caller.allCases)
    func `signal mask, dispositions, umask and niceness start afresh`(caller: Caller) throws {
        let near = ["nice", "-n", "5", "sh", "-c", "umask 0; trap '' HUP PIPE USR1; exec \"$@\"", "sh"]
        let run = try Fumehood.run(
            [], ["/bin/sh", "-c", "umask; grep -h -e SigBlk -e SigIgn /proc/self/status; cut -d' ' -f5,6,7,8 /proc/self/stat"], as: caller, near: near)
        #expect(run.out.hasPrefix("0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"), "\(run.out)")
        // Process group, session, no terminal, no foreground group of one.
        let ids = run.out.split(separator: "\n").last?.split(separator: " ") ?? []
        #expect(ids.count == 4 && ids[2] == "0" && ids[3] == "-1", "\(run.out)")
    }
}
