// SPDX-License-Identifier: Apache-2.0
// A caller's surroundings for one test: a home, a workspace, the program, and runs of it to their end. The program is
// $FUMEHOOD_BIN, or build/fumehood of the package; a copy of it stands where every caller reaches it.

import Foundation
import Glibc
public import JSON

/// How a run went.
public struct Finished: Sendable {
    public let code: Int32
    public let out: String
    public let err: String

    /// Standard output as JSON.
    public var json: Value? { try? Value(parsing: out) }
    public var errLines: [String] { err.split(separator: "\n").map(String.init) }
}

public final class Ground: Sendable {
    public let caller: Caller
    /// Absolute, without links; `home` and `work` stand in it, belonging to the caller.
    public let folder: String
    public var home: String { folder + "/home" }
    public var work: String { folder + "/work" }

    public init(_ caller: Caller) throws {
        self.caller = caller
        folder = "/tmp/fumehood-ground-\(UUID().uuidString.prefix(8))"
        for name in ["", "/home", "/work"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
            chown(folder + name, caller.user)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The copy of the program; nil where there is none to copy.
    public static let program: String? = {
        let files = FileManager.default
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path()
        let named = ProcessInfo.processInfo.environment["FUMEHOOD_BIN"] ?? root + "build/fumehood"
        let built = named.hasPrefix("/") ? named : files.currentDirectoryPath + "/" + named
        let folder = "/tmp/fumehood-program-\(getpid())"
        guard files.isExecutableFile(atPath: built), (try? files.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil,
            (try? files.copyItem(atPath: built, toPath: folder + "/fumehood")) != nil
        else { return nil }
        atexit { try? FileManager.default.removeItem(atPath: "/tmp/fumehood-program-\(getpid())") }
        return folder + "/fumehood"
    }()

    public static let absent = "the program is not built: make build, or name it in FUMEHOOD_BIN"

    private func chown(_ path: String, _ owner: UInt32) { _ = unsafe Glibc.chown(path, owner, owner) }

    /// Writes a file of the caller's, folders above it included. - Parameter path: absolute, or from the workspace.
    @discardableResult
    public func put(_ path: String, _ text: String = "", mode: UInt16 = 0o644, owner: UInt32? = nil) throws -> String {
        let path = path.hasPrefix("/") ? path : work + "/" + path
        try makeFolder(URL(filePath: path).deletingLastPathComponent().path(), owner: owner)
        try Data(text.utf8).write(to: URL(filePath: path))
        _ = unsafe chmod(path, mode_t(mode))
        chown(path, owner ?? caller.user)
        return path
    }

    public func makeFolder(_ path: String, owner: UInt32? = nil) throws {
        var path = path.hasPrefix("/") ? path : work + "/" + path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        if FileManager.default.fileExists(atPath: path) { return }
        try makeFolder(URL(filePath: path).deletingLastPathComponent().path(), owner: owner)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        chown(path, owner ?? caller.user)
    }

    /// Gives everything in the workspace to somebody.
    public func giveWork(to owner: UInt32) {
        chown(work, owner)
        for name in (try? FileManager.default.subpathsOfDirectory(atPath: work)) ?? [] { chown(work + "/" + name, owner) }
    }

    public func read(_ path: String) -> String? {
        try? String(contentsOfFile: path.hasPrefix("/") ? path : work + "/" + path, encoding: .utf8)
    }

    public static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Runs words as the caller in the workspace, to their end.
    public func run(_ words: [String], environment: [String: String] = [:], directory: String? = nil, input: String = "") throws -> Finished {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = caller.prefix + words
        process.environment = ["PATH": Ground.path, "HOME": home, "XDG_STATE_HOME": folder + "/state"].merging(environment) { $1 }
        process.currentDirectoryURL = URL(filePath: directory ?? work)
        // Files, so that nobody waits for a reader.
        let name = "\(folder)/run-\(UUID().uuidString.prefix(8))"
        for end in [".in", ".out", ".err"] { _ = FileManager.default.createFile(atPath: name + end, contents: end == ".in" ? Data(input.utf8) : nil) }
        process.standardInput = FileHandle(forReadingAtPath: name + ".in")
        process.standardOutput = FileHandle(forWritingAtPath: name + ".out")
        process.standardError = FileHandle(forWritingAtPath: name + ".err")
        try process.run()
        let deadline = Date().addingTimeInterval(60)
        while process.isRunning && Date() < deadline { usleep(1000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        defer { for end in [".in", ".out", ".err"] { try? FileManager.default.removeItem(atPath: name + end) } }
        func text(_ end: String) -> String { (try? Data(contentsOf: URL(filePath: name + end))).map { String(decoding: $0, as: UTF8.self) } ?? "" }
        return Finished(
            code: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus, out: text(".out"), err: text(".err"))
    }

    /// `fumehood run FLAGS -- COMMAND`.
    public func cell(
        _ flags: [String] = [], _ command: [String], environment: [String: String] = [:], directory: String? = nil, input: String = ""
    ) throws -> Finished {
        try run([Ground.program ?? "fumehood", "run"] + flags + ["--"] + command, environment: environment, directory: directory, input: input)
    }
}
