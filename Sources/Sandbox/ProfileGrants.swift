// SPDX-License-Identifier: Apache-2.0
//
// The words of `syscalls:`. What each is and opens is the business of Syscalls; here its refusals get a place.

import Config
import Syscalls

enum ProfileGrant {
    /// Whether a word may stand under `allow:`.
    static func checkAllowed(_ word: String) throws(ProfileFault) {
        var policy = SyscallPolicy()
        do {
            try policy.allow(word)
        } catch {
            throw fault(error, words: Family.allCases.map(\.name) + ["ioctl:NAME", "prctl:NAME", "setsockopt:NAME"])
        }
    }

    /// Whether a word may stand under `unsafe:`.
    static func checkUnsafe(_ word: String) throws(ProfileFault) {
        if Family(named: word) != nil { throw ProfileFault(message: "\(quoted(word)) is not forbidden", help: "write it under `allow:`") }
        var policy = SyscallPolicy()
        do {
            try policy.allowUnsafe(word)
        } catch {
            throw fault(error, words: Forbidden.allCases.map(\.name))
        }
    }

    private static func fault(_ error: SyscallError, words: [String]) -> ProfileFault {
        switch error {
        case .unknownName(let word, let nearby):
            let nearby = nearby ?? nearest(word, in: words)
            return ProfileFault(
                message: "unknown family or request \(quoted(word))",
                help: nearby.map { "did you mean `\($0)`?" } ?? "known words: \(words.joined(separator: ", "))")
        case .onlyUnsafe(let word, let group):
            return ProfileFault(
                message: "\(quoted(word)) is forbidden: \(group.reason)", help: "nothing should need it; `unsafe: [\(group.name)]` grants it all the same")
        default: return ProfileFault(message: "\(error)", help: nil)
        }
    }
}
