// SPDX-License-Identifier: Apache-2.0
// What a profile would have to say for a denied call to go on: a line for it, and the learning run that writes it. Made for `fumehood why`
// from the records of the log; the profile is read as it is today, and nothing is written.

import Config
import JSON
import Learning
import Sandbox
import Syscalls

struct Candidate {
    let profile: String
    /// Of the profile's file.
    let line: String
    let sentences: [String]

    /// - Parameters:
    ///   - denial: the data of a denial's record.
    ///   - launch: those of its cell's launch.
    /// - Returns: nil where no word grants the call.
    init?(denial: Value, launch: Value?) {
        guard let word = Candidate.word(denial["remedy"]?.asString ?? ""), let name = launch?["sandbox"]?["profile"]?.asString else { return nil }
        profile = name
        let found = try? FoundProfile(named: name)
        let command = (launch?["command"]?.asArray ?? []).compactMap(\.asString).map(Candidate.quoted).joined(separator: " ")
        if let evidence = found?.evidence {
            // A learned profile holds all that it grants, and a hand in its file ends its learning.
            let words = evidence.granted.words.union([word]).sorted(by: before).map(YAML.scalar).joined(separator: ", ")
            line = "syscalls: { only: [\(words)] }"
            sentences = [
                "candidate for profile `\(name)`: \(line)",
                "it was learned: fumehood learn -p \(evidence.extends) --as \(name) -- \(command) adds what this run needs",
            ]
        } else {
            let all = found?.profile.isExact == true ? (found?.profile.syscalls ?? []) + [word] : []
            line = all.isEmpty ? "syscalls: { allow: [\(YAML.scalar(word))] }" : "syscalls: { only: [\(all.map(YAML.scalar).joined(separator: ", "))] }"
            let place = found?.file == nil ? "a profile of yours with `extends: \(name)`" : "profile `\(name)`"
            sentences = ["candidate for \(place): \(line)"] + (name.contains("/") ? [] : ["or learn it: fumehood learn -p \(name) -- \(command)"])
        }
    }

    /// The word of `syscalls: allow: [memfd]`.
    private static func word(_ remedy: String) -> String? {
        let head = "syscalls: allow: ["
        guard remedy.hasPrefix(head), remedy.hasSuffix("]") else { return nil }
        let word = String(remedy.dropFirst(head.count).dropLast()).filter { $0 != "'" }
        var policy = SyscallPolicy()
        return (try? policy.allow(word)) == nil ? nil : word
    }

    /// For a shell.
    private static func quoted(_ word: String) -> String {
        let plain = !word.isEmpty && word.utf8.allSatisfy { (0x61...0x7a).contains($0 | 0x20) || (0x2b...0x3a).contains($0) || $0 == 0x3d || $0 == 0x5f }
        if plain { return word }
        let escaped = word.replacing("\\", with: "\\\\").replacing("'", with: "\\'").replacing("\n", with: "\\n")
        return word.utf8.contains(0x0a) ? "$'\(escaped)'" : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
