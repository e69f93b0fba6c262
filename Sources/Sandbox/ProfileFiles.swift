// SPDX-License-Identifier: Apache-2.0
//
// What the `files:` rules of a profile mean: pure, by paths alone. The most specific path wins; at the same path deny beats allow (hide,
// then protect, then write, then read). Links, missing files and mounts are not known here: the cell's builder resolves them.

package import Config

/// Where a rule was written.
package struct Origin: Equatable, Sendable, CustomStringConvertible {
    /// The profile's name; nil for a flag.
    package let profile: String?
    /// The profile's file as the user knows it, or the flag.
    package let file: String
    package let mark: Mark?
    /// Whether the profile is one of those in the binary. Their paths may be missing on a machine; a user's may not.
    package let isBuiltIn: Bool

    package init(profile: String?, file: String, mark: Mark?, isBuiltIn: Bool) {
        self.profile = profile
        self.file = file
        self.mark = mark
        self.isBuiltIn = isBuiltIn
    }

    /// `profile base (base.yaml:7:9)`, or the flag.
    package var description: String {
        guard let profile else { return file }
        return "profile \(profile) (\(file)\(mark.map { ":\($0)" } ?? ""))"
    }
}

/// One entry of `files:`, its path absolute.
package struct FileRule: Equatable, Sendable {
    package enum Kind: String, Equatable, Sendable, CaseIterable {
        case read, write
        /// Not there at all, also when absent at launch.
        case hide
        /// Visible as its surroundings are, but never writable, also when absent at launch.
        case protect
    }

    package let kind: Kind
    /// The path in the cell: absolute, without `.`, `..` and doubled or trailing slashes.
    package let path: String
    /// The path on the host; another one than `path` where `SRC:DST` moves it.
    package let source: String
    /// For `protect: [.git/hooks]`: the path counts from every writable path too, and this is it.
    package let everywhere: String?
    package let origin: Origin

    package init(_ kind: Kind, path: String, source: String? = nil, everywhere: String? = nil, origin: Origin) {
        self.kind = kind
        self.path = path
        self.source = source ?? path
        self.everywhere = everywhere
        self.origin = origin
    }
}

/// The rules of a profile in the order in which they were written, the extended profile's first.
package struct FileRules: Equatable, Sendable {
    package private(set) var rules: [FileRule]

    package init(_ rules: [FileRule] = []) {
        self.rules = []
        for rule in rules { append(rule) }
    }

    /// Adds a rule, unless the same is there already.
    package mutating func append(_ rule: FileRule) {
        // By index: a rule is large, and copying each one to look at it costs more than looking.
        let known = rules.indices.contains {
            rules[$0].kind == rule.kind && samePath(rules[$0].path, rule.path) && samePath(rules[$0].source, rule.source)
                && rules[$0].everywhere == rule.everywhere
        }
        if !known { rules.append(rule) }
    }

    /// Adds the rules of one profile. - Parameter eachOnce: no two of them are the same, so that the first profile's need no comparing.
    mutating func append(_ more: [FileRule], eachOnce: Bool) {
        if rules.isEmpty && eachOnce {
            rules = more
        } else {
            for rule in more { append(rule) }
        }
    }

    package enum Access: Equatable, Sendable {
        /// No rule covers the path: the cell does not have it.
        case none
        /// Hidden, by name.
        case hidden
        case read
        /// Readable, and kept from being written by a `protect` rule.
        case protected
        case write
    }

    /// What the cell may do with a path, and the rule that says so.
    /// - Parameter path: as `FileRule.path`. Call on `complete()` rules where there are moved or relative ones.
    package func access(to path: String) -> (access: Access, rule: FileRule?) {
        decide(rules.filter { isPath(path, atOrUnder: $0.path) })
    }

    private func decide(_ covering: [FileRule]) -> (access: Access, rule: FileRule?) {
        // Of two covering paths the longer one lies within the other.
        guard let longest = covering.map(\.path.utf8.count).max() else { return (.none, nil) }
        let here = covering.filter { $0.path.utf8.count == longest }
        func first(_ kind: FileRule.Kind) -> FileRule? { here.first { $0.kind == kind } }
        if let rule = first(.hide) { return (.hidden, rule) }
        if let rule = first(.protect) {
            // It grants nothing by itself: what the other rules make visible it makes read-only.
            let without = decide(covering.filter { $0.kind != .protect })
            return without.access == .write || without.access == .read ? (.protected, rule) : without
        }
        if let rule = first(.write) { return (.write, rule) }
        return (.read, first(.read))
    }

    /// The rules with what follows from them: a relative `protect` under every writable path, and each `hide` and `protect` also where a
    /// moved path would show the same files.
    package func complete() -> FileRules {
        // Most profiles write nowhere and move nothing.
        if !rules.indices.contains(where: { rules[$0].kind == .write || !samePath(rules[$0].path, rules[$0].source) }) { return self }
        var result = self
        for rule in rules where rule.kind == .protect {
            guard let relative = rule.everywhere else { continue }
            for root in rules where root.kind == .write {
                result.append(FileRule(.protect, path: join(root.source, relative), everywhere: relative, origin: rule.origin))
            }
        }
        for moved in rules where !samePath(moved.path, moved.source) {
            for rule in result.rules where rule.kind == .hide || rule.kind == .protect {
                guard isPath(rule.path, atOrUnder: moved.source) else { continue }
                let rest = String(decoding: rule.path.utf8.dropFirst(samePath(moved.source, "/") ? 0 : moved.source.utf8.count), as: UTF8.self)
                result.append(FileRule(rule.kind, path: join(moved.path, rest), source: rule.source, origin: rule.origin))
            }
        }
        return result
    }
}

/// Paths are bytes: two spellings of one character are two names. Swift's `==` takes them for equal, but is fast to say no.
func samePath(_ left: String, _ right: String) -> Bool { Paths.same(left, right) }

/// Whether a path is another one or lies within it. Both absolute and normal.
func isPath(_ path: String, atOrUnder ancestor: String) -> Bool {
    if samePath(ancestor, "/") { return true }
    guard path.utf8.starts(with: ancestor.utf8) else { return false }
    let rest = path.utf8.dropFirst(ancestor.utf8.count)
    return rest.isEmpty || rest.first == 0x2f
}

/// `/a` and `b` or `/b` give `/a/b`.
private func join(_ folder: String, _ rest: String) -> String {
    let rest = rest.utf8.first == 0x2f ? String(rest.dropFirst()) : rest
    if rest.isEmpty { return folder }
    return samePath(folder, "/") ? "/" + rest : folder + "/" + rest
}
