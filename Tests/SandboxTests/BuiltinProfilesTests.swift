// SPDX-License-Identifier: Apache-2.0
//
// The profiles of Profiles/: the same in the binary, valid by the schema, tight where they must be; and the parser under mutations of them.

import Config
import Events
import Foundation
import JSON
import Syscalls
import Testing

@testable import Sandbox

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Profiles")

private func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(file))) }

@Test func `the binary carries the profiles byte by byte`() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }
    #expect(files.sorted() == BuiltinProfiles.names.sorted())
    for name in BuiltinProfiles.names {
        #expect(try BuiltinProfiles.source(name)?.bytes == bytes("\(name).yaml"), "run Profiles/embed.sh: \(name)")
    }
}

@Test(arguments: [
    ("base", ["base"]), ("tool", ["base", "tool"]), ("shell", ["base", "tool", "shell"]), ("python", ["base", "tool", "python"]),
    ("node", ["base", "tool", "node"]), ("git", ["base", "tool", "git"]), ("build", ["base", "tool", "build"]), ("agent", ["base", "tool", "agent"]),
    ("paranoid", ["paranoid"]),
])
func `each built-in profile can be read`(_ name: String, _ chain: [String]) throws {
    let profile = try #require(try Profile.builtIn(name, places: places))
    #expect(profile.chain == chain)
    #expect(profile.description != nil)
    #expect(profile.network == .none && profile.waived.isEmpty && profile.unsafeSyscalls.isEmpty && profile.runtime == .auto)
    #expect(profile.files.access(to: "/usr/bin/env").access == .read)
    #expect(profile.files.access(to: "/home/u/.ssh/id_ed25519").access == .hidden)
    #expect(profile.files.access(to: "/home/u/Documents").access == .none)
    let writable = profile.files.complete().rules.filter { $0.kind == .write }.map(\.path)
    #expect(writable == (name == "git" || name == "build" ? ["/here"] : []))
    for limit in [Limit.memory, .pids, .fileSize, .disk, .inodes, .openFiles] { #expect(profile.limits[limit] != nil, "\(limit)") }
    if !writable.isEmpty {
        for path in [".git/hooks/x", ".git/config", ".claude", ".vscode/tasks.json", "fumehood.yaml"] {
            #expect(profile.files.complete().access(to: "/here/\(path)").access == .protected, "\(path)")
        }
    }
}

@Test func `the paranoid profile is in no way wider than base`() throws {
    let base = try #require(try Profile.builtIn("base", places: places))
    let paranoid = try #require(try Profile.builtIn("paranoid", places: places))
    func paths(_ profile: Profile, _ kind: FileRule.Kind) -> Set<String> { Set(profile.files.rules.filter { $0.kind == kind }.map(\.path)) }
    #expect(paths(paranoid, .read).isStrictSubset(of: paths(base, .read)))
    #expect(paths(paranoid, .hide) == paths(base, .hide) && paths(paranoid, .protect) == paths(base, .protect))
    #expect(paranoid.syscalls.isEmpty && Set(paranoid.environment.pass).isSubset(of: base.environment.pass))
    for (limit, bound) in base.limits { #expect(paranoid.limits[limit] ?? .max < bound, "\(limit)") }
    #expect(Set(paranoid.limits.keys) == Set(Limit.ofProfiles))
}

// The schema -----------------------------------------------------------------------------------------------------------

@Test func `the schema and the decoder know the same keys and words`() throws {
    let schema = try Value(parsing: bytes("profile.schema.json"))
    func keys(_ path: String...) -> [String] {
        var value: Value? = schema
        for step in path { value = Int(step).map { value?[$0] } ?? value?[step] }
        return value?["properties"]?.asObject?.members.map(\.name) ?? []
    }
    func words(_ value: Value?) -> [String] { value?["enum"]?.asArray?.compactMap(\.asString) ?? [] }
    #expect(keys() == ProfileKeys.top)
    #expect(keys("properties", "files") == ProfileKeys.files)
    #expect(keys("properties", "files", "properties", "read", "items", "oneOf", "1") == ProfileKeys.readEntry)
    #expect(keys("properties", "files", "properties", "write", "items", "oneOf", "1") == ProfileKeys.writeEntry)
    #expect(keys("properties", "syscalls") == ProfileKeys.syscalls)
    #expect(keys("properties", "environment") == ProfileKeys.environment)
    #expect(keys("properties", "limits") == ProfileKeys.limits)
    #expect(keys("properties", "ladder", "anyOf", "2") == ProfileKeys.ladder)
    #expect(keys("properties", "ladder", "anyOf", "2", "properties", "throttled") == ProfileKeys.throttled)
    #expect(keys("$defs", "rungs_size") == ProfileKeys.rungs && keys("$defs", "rungs_percent") == ProfileKeys.rungs)
    let properties = schema["properties"]
    let syscalls = properties?["syscalls"]?["properties"]
    #expect(words(syscalls?["allow"]?["items"]?["anyOf"]?[0]) == Family.allCases.map(\.name))
    #expect(words(syscalls?["unsafe"]?["items"]) == Forbidden.allCases.map(\.name))
    #expect(words(properties?["waive"]?["items"]) == Protection.allCases.filter(\.isWaivable).map(\.rawValue))
    #expect(words(properties?["ladder"]?["anyOf"]?[1]) == ProfileKeys.ladderWords)
    #expect(words(schema["$defs"]?["rung"]) == ProfileKeys.rungs)
    #expect(words(properties?["network"]?["anyOf"]?[0]) == Profile.Network.allCases.map(\.rawValue))
    #expect(words(properties?["runtime"]) == Profile.Runtime.allCases.map(\.rawValue))
    #expect(words(properties?["require"]) == Profile.Requirement.allCases.map(\.rawValue))
}

private func validate() throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", folder.appendingPathComponent("validate.py").path]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, output)
}

private let validator = try? validate()

@Test(.enabled(if: ![nil, 77, 127].contains(validator?.code), "python3 with jsonschema and yaml is not installed"))
func `every built-in profile is valid by the schema`() {
    #expect(validator?.output == "")
    #expect(validator?.code == 0)
}

// Mutations ------------------------------------------------------------------------------------------------------------

@Test func `no mutation of a profile crashes the parser or passes a path that is not absolute`() throws {
    var random = SplitMix(state: 2024)
    let seeds = BuiltinProfiles.names.compactMap { BuiltinProfiles.source($0)?.bytes }
    let words = [
        "..", "~", "/", ":", "/proc", "*", "$", "overlay", "host", "none", "base", "0", "-1", "999999999999999999999G", "1d", "é", "\u{0}", "\n", "  ", "[",
        "]", "{", "}", "- ", "&a", "*a", "!t", "'", "\"", "#", "fumehood: 1", "extends: mine", "%", "ptrace", "ioctl:", "\\x", "path", "mode",
    ].map { Array($0.utf8) }
    var accepted = 0
    for _ in 0..<4_000 {
        var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...12, using: &random))
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(at..<end)
            case 2: bytes.insert(contentsOf: words[Int.random(in: 0..<words.count, using: &random)], at: at)
            default: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0..<bytes.count, using: &random))
            }
        }
        let source = ProfileSource(name: "mine", file: "mine.yaml", bytes: bytes, folder: "/etc/p")
        do {
            let profile = try Profile(
                source, places: places, names: { BuiltinProfiles.names },
                loader: { (name) throws(ConfigError) in name == "mine" ? source : BuiltinProfiles.source(name) })
            accepted += 1
            for rule in profile.files.complete().rules {
                for path in [rule.path, rule.source] {
                    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
                    #expect(path.hasPrefix("/") && (path == "/" || parts.allSatisfy { !["", ".", ".."].contains($0) }), "\(path)")
                }
            }
            #expect(profile.limits.values.allSatisfy { $0 > 0 } && profile.tmpBytes > 0)
            #expect(profile.waived.allSatisfy { $0.isWaivable })
        } catch {
            #expect(!error.message.isEmpty && error.file.hasSuffix(".yaml"))
            #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        }
    }
    #expect(accepted > 100)
}

/// A small generator with a seed, so that a failure can be had again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
