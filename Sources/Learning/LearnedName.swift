// SPDX-License-Identifier: Apache-2.0
// By what name a learned profile goes: the command and its first argument, for `git status` and `git push` are two programs to a policy.

package enum LearnedName {
    static let longest = 48

    /// `git status` of `/usr/bin/git status -s`.
    package static func command(_ words: [String]) -> String { parts(words).joined(separator: " ") }

    /// `git-status`: letters a to z, digits and `-`. - Parameter taken: names that mean something else already.
    package static func profile(_ words: [String], taken: (String) -> Bool) -> String {
        var name = ""
        for scalar in parts(words).joined(separator: "-").lowercased().unicodeScalars.prefix(longest) {
            switch scalar {
            case "a"..."z", "0"..."9": name.unicodeScalars.append(scalar)
            default: if !name.isEmpty && !name.hasSuffix("-") { name += "-" }
            }
        }
        while name.hasSuffix("-") { name.removeLast() }
        if name.isEmpty { name = "command" }
        return taken(name) ? name + "-learned" : name
    }

    /// The first argument counts where it is a word: an option, a path's folder and a sentence do not tell.
    private static func parts(_ words: [String]) -> [String] {
        func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
        let command = last(words.first ?? "")
        guard words.count > 1 else { return [command] }
        let argument = last(words[1])
        let isWord =
            !words[1].hasPrefix("-") && argument.utf8.count <= 24 && !argument.isEmpty
            && argument.unicodeScalars.allSatisfy {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || "-_.".unicodeScalars.contains($0)
            }
        return isWord ? [command, argument] : [command]
    }
}
