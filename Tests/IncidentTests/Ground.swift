// SPDX-License-Identifier: Apache-2.0
// Where the tests stand: a folder of this run under /tmp with a copy of the built program, the sandboxees, and a home and a
// workspace for each caller, so that an ordinary user reaches them wherever the sources lie. Removed at the end.

import Foundation
import Glibc
import Testing

struct Ground: Sendable {
    let folder: String
    let program: String
    /// Whether the sandboxees and the program are there; else why not.
    let problem: String?

    static let shared = Ground()

    private init() {
        folder = "/tmp/fumehood-incidents-\(getpid())"
        program = folder + "/program/fumehood"
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path()
        let environment = ProcessInfo.processInfo.environment
        let built = environment["FUMEHOOD_BIN"] ?? root + "build/fumehood"
        let sandboxees = environment["FUMEHOOD_SANDBOXEES"] ?? root + "build/sandboxees"
        do {
            let files = FileManager.default
            try files.createDirectory(atPath: folder + "/program", withIntermediateDirectories: true)
            try Ground.copy(built.hasPrefix("/") ? built : files.currentDirectoryPath + "/" + built, program)
            if environment["FUMEHOOD_SANDBOXEES"] == nil { try Ground.build(root + "Tests/Sandboxees/build.sh") }
            try files.createDirectory(atPath: folder + "/sandboxees", withIntermediateDirectories: true)
            for name in ["probe", "refuse", "terminal", "flip"] { try Ground.copy(sandboxees + "/" + name, folder + "/sandboxees/" + name) }
            for path in [folder, folder + "/program", folder + "/sandboxees"] { try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path) }
            for caller in Caller.allCases {
                for name in ["home", "work", "results"] {
                    let path = "\(folder)/\(caller.rawValue)/\(name)"
                    try files.createDirectory(atPath: path, withIntermediateDirectories: true)
                    _ = unsafe chown(path, caller.number, caller.number)
                }
            }
            problem = nil
        } catch {
            problem = "`make build` first, and gcc must be there for Tests/Sandboxees: \(error)"
        }
        atexit { try? FileManager.default.removeItem(atPath: "/tmp/fumehood-incidents-\(getpid())") }
    }

    /// By its bytes alone: the copy belongs to whoever runs the tests.
    private static func copy(_ from: String, _ to: String) throws {
        try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: to)
    }

    /// The sandboxees are small: they are compiled when they are older than their sources.
    private static func build(_ script: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: script)
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw POSIXError(.ENOEXEC) }
    }

    func sandboxee(_ name: String) -> String { folder + "/sandboxees/" + name }
    var probe: String { sandboxee("probe") }
    /// Flags for cells whose command starts sandboxees by itself.
    var grant: [String] { ["-r", folder + "/sandboxees"] }

    /// A new empty folder of the caller's.
    func workspace(_ caller: Caller) throws -> String {
        let path = "\(folder)/\(caller.rawValue)/ground/\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        _ = unsafe chown(path, caller.number, caller.number)
        return path
    }

    func home(_ caller: Caller) -> String { "\(folder)/\(caller.rawValue)/home" }
}

/// A file of the caller's, with its folders. - Returns: the path.
@discardableResult
func put(_ text: String, _ path: String, _ caller: Caller, mode: Int = 0o644) throws -> String {
    let folder = URL(filePath: path).deletingLastPathComponent().path()
    if !FileManager.default.fileExists(atPath: folder) { try makeFolder(folder, caller) }
    try Data(text.utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    _ = unsafe chown(path, caller.number, caller.number)
    return path
}

func makeFolder(_ path: String, _ caller: Caller) throws {
    var at = URL(filePath: path)
    var missing: [String] = []
    while !FileManager.default.fileExists(atPath: at.path()) {
        missing.append(at.path())
        at = at.deletingLastPathComponent()
    }
    for path in missing.reversed() {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        _ = unsafe chown(path, caller.number, caller.number)
    }
}

func contents(_ path: String) -> String? { (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } }
