// SPDX-License-Identifier: Apache-2.0
// One run of fumehood as a value: started as a caller, in surroundings if wanted, to its end or against a deadline, with its
// output, its result record and what the probe found. Output goes to files, so that no reader can make a run wait.

import Foundation
import Glibc
import JSON
import Testing

/// A run that has begun.
final class Begun {
    let process = Process()
    let input: FileHandle?
    private let folder: String
    private let started = Date()

    init(_ words: [String], environment: [String: String], directory: String?, input: [UInt8]?, holdsInput: Bool, folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in ["out", "err"] { _ = FileManager.default.createFile(atPath: folder + "/" + name, contents: nil) }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.environment = environment
        if let directory { process.currentDirectoryURL = URL(filePath: directory) }
        process.standardOutput = FileHandle(forWritingAtPath: folder + "/out")
        process.standardError = FileHandle(forWritingAtPath: folder + "/err")
        if holdsInput {
            let pipe = Pipe()
            process.standardInput = pipe
            self.input = pipe.fileHandleForWriting
        } else {
            self.input = nil
            if let input {
                _ = FileManager.default.createFile(atPath: folder + "/in", contents: Data(input))
                process.standardInput = FileHandle(forReadingAtPath: folder + "/in")
            } else {
                process.standardInput = FileHandle.nullDevice
            }
        }
        try process.run()
    }

    var outputSoFar: String { contents(folder + "/out") ?? "" }

    /// Waits until the output holds `text`.
    func says(_ text: String, within seconds: Double = 15) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while Date() < deadline {
            if outputSoFar.contains(text) { return true }
            if !process.isRunning { return outputSoFar.contains(text) }
            usleep(5000)
        }
        return false
    }

    /// Waits for the end; past the deadline everything is killed and the test fails.
    func end(within seconds: Double = 30) -> Run {
        try? input?.close()
        let deadline = started.addingTimeInterval(seconds)
        while process.isRunning && Date() < deadline { usleep(1000) }
        let late = process.isRunning
        if late { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        let code = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        let out = (try? Data(contentsOf: URL(filePath: folder + "/out"))).map(Array.init) ?? []
        let run = Run(
            code: code, bytes: out, err: contents(folder + "/err") ?? "", record: contents(folder + "/result").flatMap { try? Value(parsing: $0) }, late: late)
        try? FileManager.default.removeItem(atPath: folder)
        return run
    }
}

struct Run {
    let code: Int32
    let bytes: [UInt8]
    let err: String
    let record: Value?
    /// It had to be killed.
    let late: Bool

    var out: String { String(decoding: bytes, as: UTF8.self) }

    /// What the probe said about an attempt; nil where it said nothing.
    subscript(attempt: String) -> String? {
        for line in out.split(separator: "\n") where line.hasPrefix(attempt + "\t") { return String(line.dropFirst(attempt.utf8.count + 1)) }
        return nil
    }

    /// The denials in the record: what, and how often.
    var denials: [(what: String, count: Int64)] {
        (record?["denials"]?.asArray ?? []).map { ($0["what"]?.asString ?? "", $0["count"]?.asInteger ?? 0) }
    }

    /// Entries whose call is `name`.
    func recorded(_ name: String) -> Int { denials.count { $0.what.hasPrefix(name + "(") || $0.what == name } }

    func protection(_ name: String) -> String? { record?["protections"]?[name]?["status"]?.asString }
    func missing(_ name: String) -> [String] { (record?["protections"]?[name]?["missing"]?.asArray ?? []).compactMap(\.asString) }
    var status: String? { record?["status"]?.asString }
}

enum Fumehood {
    /// Begins a run of `fumehood run FLAGS -- COMMAND`.
    /// - Parameters:
    ///   - around: words before the caller's own prefix, run as the tests are: `unshare -m ...`.
    ///   - near: words between the caller's prefix and fumehood, run as the caller.
    static func begin(
        _ flags: [String] = [], _ command: [String], as caller: Caller, around: [String] = [], near: [String] = [], input: [UInt8]? = nil,
        holdsInput: Bool = false, environment: [String: String] = [:], directory: String? = nil, verb: String = "run"
    ) throws -> Begun {
        try caller.available()
        let ground = Ground.shared
        try #require(ground.problem == nil, "\(ground.problem ?? "")")
        let folder = "\(ground.folder)/\(caller.rawValue)/results/\(UUID().uuidString.prefix(12))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = unsafe chown(folder, caller.number, caller.number)
        let words =
            around + caller.prefix + near + [ground.program, verb] + (flags.contains("--dry-run") ? [] : ["--result", folder + "/result"]) + flags + ["--"]
            + command
        let base = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": ground.home(caller)]
        return try Begun(
            words, environment: base.merging(environment) { $1 }, directory: directory ?? ground.folder, input: input, holdsInput: holdsInput, folder: folder)
    }

    static func run(
        _ flags: [String] = [], _ command: [String], as caller: Caller, around: [String] = [], near: [String] = [], input: [UInt8]? = nil,
        environment: [String: String] = [:], directory: String? = nil, within seconds: Double = 30
    ) throws -> Run {
        let run = try begin(flags, command, as: caller, around: around, near: near, input: input, environment: environment, directory: directory).end(
            within: seconds)
        #expect(!run.late, "the run did not end within \(seconds) s: \(run.err)")
        return run
    }

    /// Runs attempts in a cell; the run must end with 0.
    static func probe(
        _ flags: [String] = [], _ attempts: [String], as caller: Caller, around: [String] = [], near: [String] = [], directory: String? = nil,
        environment: [String: String] = [:]
    ) throws -> Run {
        let run = try run(flags, [Ground.shared.probe] + attempts, as: caller, around: around, near: near, environment: environment, directory: directory)
        #expect(run.code == 0, "\(run.err)\(run.out)")
        return run
    }

    /// Runs attempts outside of any cell: a check must be able to succeed where there is no wall.
    static func outside(_ attempts: [String], as caller: Caller, near: [String] = []) throws -> Run {
        try caller.available()
        let folder = "\(Ground.shared.folder)/\(caller.rawValue)/results/\(UUID().uuidString.prefix(12))"
        return try Begun(
            caller.prefix + near + [Ground.shared.probe] + attempts, environment: ["PATH": "/usr/bin:/bin"], directory: "/", input: nil, holdsInput: false,
            folder: folder
        ).end()
    }
}

/// A helper program outside of any cell that lives until its input ends.
func companion(_ words: [String]) throws -> Begun {
    try Begun(
        words, environment: ["PATH": "/usr/bin:/bin"], directory: "/", input: nil, holdsInput: true,
        folder: "\(Ground.shared.folder)/companion-\(UUID().uuidString.prefix(8))")
}

/// `table` of attempts to what must come of each (alternatives with `|`), checked one by one.
func check(_ run: Run, _ table: [(attempt: String, result: String)], sourceLocation: SourceLocation = #_sourceLocation) {
    for (attempt, result) in table {
        let found = run[attempt]
        #expect(
            result.split(separator: "|", omittingEmptySubsequences: false).map(String.init).contains(found ?? "nothing"),
            "\(attempt): expected \(result), found \(found ?? "nothing")", sourceLocation: sourceLocation)
    }
}

/// Live processes (no zombies) of a pid namespace, by its inode; those that /proc lets us see.
func processes(inNamespace inode: String) -> [Int32] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }.filter { pid in
        guard (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/pid")) == inode else { return false }
        guard let stat = contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
        return !stat[end...].dropFirst(2).hasPrefix("Z")
    }
}

/// The host's pid of a process by a word of its command line.
func process(withWord word: String) -> Int32? {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
        guard let pid = Int32(name), pid != getpid(), let line = contents("/proc/\(pid)/cmdline") else { continue }
        let words = line.split(separator: "\0").map(String.init)
        if words.count >= 2 && words[0] == Ground.shared.probe && words.contains(word) { return pid }
    }
    return nil
}
