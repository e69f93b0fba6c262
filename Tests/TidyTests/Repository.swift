// SPDX-License-Identifier: Apache-2.0
// The files of this repository as the tidy tests read them: everything that git would commit, found by walking the folders
// that hold it. Not git itself: a test must also work in an unpacked archive.

import Foundation
import Testing

struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Below the package's root: `Sources/JSON/Value.swift`.
    let path: String
    let text: String
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var testDescription: String { path }
}

enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Text files under the given folders, sorted; what cannot be read as UTF-8 is no text.
    static func files(_ folders: [String], suffixes: [String]? = nil) -> [SourceFile] {
        folders.flatMap { folder -> [SourceFile] in
            let names = (try? FileManager.default.subpathsOfDirectory(atPath: root.appendingPathComponent(folder).path)) ?? []
            return names.sorted().compactMap { name in
                if name.contains("__pycache__") { return nil }
                if let suffixes, !suffixes.contains(where: { name.hasSuffix($0) }) { return nil }
                guard let text = try? String(contentsOf: root.appendingPathComponent("\(folder)/\(name)"), encoding: .utf8) else { return nil }
                return SourceFile(path: "\(folder)/\(name)", text: text)
            }
        }
    }

    static let swift = files(["Sources", "Tests"], suffixes: [".swift"])
    static let sources = files(["Sources"], suffixes: [".swift", ".c", ".h"])
    static let written = files(["Sources", "Tests", "Benchmarks", "Examples", ".ci"], suffixes: nil).filter { file in
        [".swift", ".c", ".h", ".py", ".sh"].contains { file.path.hasSuffix($0) } || file.text.hasPrefix("#!")
    }
    static let everything = files(["Sources", "Tests", "Benchmarks", "Examples", "Profiles", "docs", ".ci"])
}

/// The output of a program found in PATH; nil if it is not there or fails.
func output(of program: String, _ arguments: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
}
