// SPDX-License-Identifier: Apache-2.0
//
// Profiles: what is refused has a file, a line and a column that are there, and a message of harmless characters; what is
// accepted resolves to absolute paths and bounds that are not negative. Compiled together with Sandbox's profile files.

import Config

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe run(start, count, check) }

private let places = Places(home: "/home/u", directory: "/here")

/// The input is one profile, or several with zero bytes between them: `mine`, then `p1`, `p2`, ...
private func check(_ bytes: [UInt8]) {
    let sources = bytes.split(separator: 0, maxSplits: 9, omittingEmptySubsequences: false).enumerated().map { number, text in
        ProfileSource(name: number == 0 ? "mine" : "p\(number)", file: number == 0 ? "mine.yaml" : "p\(number).yaml", bytes: Array(text), folder: "/etc/p")
    }
    do throws(ConfigError) {
        let profile = try Profile(
            sources[0], places: places, names: { BuiltinProfiles.names + sources.map(\.name) },
            loader: { (name) throws(ConfigError) in sources.first { $0.name == name } ?? BuiltinProfiles.source(name) })
        claim(profile.chain.count <= Profile.longestChain, "a chain has its bound")
        claim(profile.chain.last == "mine", "a chain ends with the profile that was asked for: \(profile.chain)")
        for rule in profile.files.complete().rules {
            claim(rule.path.utf8.first == 0x2f && rule.source.utf8.first == 0x2f, "a path is absolute: \(rule)")
            claim(!rule.path.utf8.split(separator: 0x2f).contains { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) }, "a path is normal: \(rule)")
            _ = profile.files.access(to: rule.path)
        }
        for (limit, bound) in profile.limits { claim(bound >= 0, "a limit is not negative: \(limit) \(bound)") }
    } catch {
        guard let mark = error.mark else { return claim(false, "an error has a place: \(error)") }
        guard let source = sources.first(where: { $0.file == error.file }) else { return claim(false, "an error names a file that is there: \(error)") }
        // Every character that YAML breaks a line at counts.
        let lines = String(decoding: source.bytes, as: UTF8.self).unicodeScalars.count { "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains($0) } + 1
        claim(mark.line >= 1 && mark.line <= lines + 1, "the line is there: \(error)")
        claim(mark.column >= 1 && mark.column <= source.bytes.count + 1, "the column is there: \(error)")
        claim(!error.message.isEmpty, "an error says something")
        claim(!error.description.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x7f }, "a message is harmless on a terminal: \(error)")
    }
}
