// SPDX-License-Identifier: Apache-2.0
// One run of the binary: words in, exit code, stdout and stderr out. Output goes to files, so that no pipe can make it wait.

import Foundation
import JSON
import Testing

struct Ran {
    let code: Int32
    let out: String
    let err: String

    /// The one JSON object on stdout, which must carry `fumehood: 1`.
    func document() throws -> JSON.Value {
        let document = try JSON.Value(parsing: out)
        #expect(document["fumehood"]?.asInteger == 1)
        return document
    }
}

enum Command {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let binary: String = {
        let path = ProcessInfo.processInfo.environment["FUMEHOOD_BIN"] ?? "build/fumehood"
        return path.hasPrefix("/") ? path : root.appendingPathComponent(path).path
    }()
    static let isThere = FileManager.default.isExecutableFile(atPath: binary)

    /// Runs `fumehood policy WORDS`.
    static func policy(_ words: [String], in directory: URL = root, input: String? = nil) throws -> Ran {
        try run([binary, "policy"] + words, in: directory, input: input)
    }

    static func run(_ words: [String], in directory: URL = root, input: String? = nil, environment: [String: String] = [:]) throws -> Ran {
        let folder = try Folder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.currentDirectoryURL = directory
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        for name in ["out", "err", "in"] { try folder.write(name, name == "in" ? input ?? "" : "") }
        let out = try FileHandle(forWritingTo: folder.url("out"))
        let err = try FileHandle(forWritingTo: folder.url("err"))
        process.standardOutput = out
        process.standardError = err
        process.standardInput = try FileHandle(forReadingFrom: folder.url("in"))
        try process.run()
        process.waitUntilExit()
        let code = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Ran(code: code, out: try folder.read("out"), err: try folder.read("err"))
    }
}

/// A folder that is gone with its owner.
final class Folder {
    let path: URL

    init(_ files: [String: String] = [:]) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("fumehood-policy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    deinit { try? FileManager.default.removeItem(at: path) }

    func url(_ name: String) -> URL { path.appendingPathComponent(name) }

    func write(_ name: String, _ text: String) throws {
        let url = url(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    func read(_ name: String) throws -> String { try String(contentsOf: url(name), encoding: .utf8) }
}
