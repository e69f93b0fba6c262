// SPDX-License-Identifier: Apache-2.0
//
// Paths as people write them in profiles and flags, made absolute by their text alone. `~` is the caller's HOME. What is not absolute counts from
// the caller's directory in a built-in profile or a flag, and from the file's folder in a profile of the user's.

import Config

/// Where the caller stands.
package struct Places: Equatable, Sendable {
    /// HOME, absolute and without `.`, `..` and doubled slashes; nil where there is none.
    package let home: String?
    /// The current directory, absolute and without links.
    package let directory: String
    /// What limits are held against.
    package let machine: Machine

    /// - Parameter home: as the environment has it; one that is not absolute is none.
    package init(home: String?, directory: String, machine: Machine = .unknown) {
        self.machine = machine
        self.home = home.flatMap { $0.utf8.first == 0x2f ? Paths.absolute($0, from: "/") : nil }
        self.directory = directory
    }
}

/// A text that was refused, whose place the caller knows: what is wrong, and what to write.
struct ProfileFault: Error, Equatable {
    let message: String
    let help: String?
}

enum ProfilePath {
    static let longest = 4095

    /// The absolute path that a text means.
    /// - Returns: nil where it needs a HOME and there is none.
    static func absolute(_ text: String, base: String, home: String?) throws(ProfileFault) -> String? {
        if text.isEmpty { throw ProfileFault(message: "a path is empty", help: nil) }
        if text.utf8.first == 0x24 {
            throw ProfileFault(message: "variables are not expanded in \(quoted(text))", help: "`~` is the home folder; write other paths out")
        }
        if text.utf8.contains(0x2a) {
            throw ProfileFault(message: "patterns are not expanded in \(quoted(text))", help: "name the folder; what is in it is granted with it")
        }
        if isNormal(text[...]), text.utf8.count <= longest { return text }
        var components: [Substring] = []
        var rest = text[...]
        var mayClimb = false
        if text.utf8.first == 0x7e {
            rest = text.dropFirst()
            if let next = rest.utf8.first, next != 0x2f {
                throw ProfileFault(
                    message: "\(quoted(text)) names another user's home", help: "write the path out, or ./\(quotedBare(text)) for a file of that name")
            }
            guard let home else { return nil }
            if isNormal(rest), isNormal(home[...]), home.utf8.count + rest.utf8.count <= longest { return home + rest }
            components = home.split(separator: "/")
        } else if text.utf8.first != 0x2f {
            let path = samePath(base, "/") ? "/" + text : base + "/" + text
            if isNormal(path[...]), path.utf8.count <= longest { return path }
            components = base.split(separator: "/")
            // The base is a folder without links, so that its parents are known; those of a later component are not.
            mayClimb = true
        }
        for component in rest.split(separator: "/") {
            if component == "." { continue }
            if component == ".." {
                guard mayClimb else {
                    throw ProfileFault(message: "`..` in \(quoted(text)) could follow a link", help: "write the path without it")
                }
                _ = components.popLast()
                continue
            }
            mayClimb = false
            components.append(component)
        }
        let path = "/" + components.joined(separator: "/")
        if path.utf8.count > longest { throw ProfileFault(message: "a path is longer than \(longest) bytes", help: nil) }
        return path
    }

    /// Whether a text is an absolute path already, without empty components, `.` and `..`; most are.
    static func isNormal(_ text: Substring) -> Bool {
        var componentLength = 0
        var dots = true
        for (position, byte) in text.utf8.enumerated() {
            if position == 0 {
                guard byte == 0x2f else { return false }
            } else if byte == 0x2f {
                if dots && componentLength <= 2 { return false }
                componentLength = 0
                dots = true
            } else {
                componentLength += 1
                dots = dots && byte == 0x2e
            }
        }
        return !(dots && componentLength <= 2)
    }

    private static func quotedBare(_ text: String) -> String { String(quoted(text).dropFirst().dropLast()) }

    /// The parts of `SRC:DST`; the second is nil where nothing is moved.
    static func moved(_ text: String) throws(ProfileFault) -> (source: String, target: String?) {
        guard let colon = text.utf8.firstIndex(of: 0x3a) else { return (text, nil) }
        let source = String(text[..<colon])
        let target = String(text[text.index(after: colon)...])
        if source.isEmpty || target.utf8.first != 0x2f {
            throw ProfileFault(
                message: "\(quoted(text)) is not SOURCE:TARGET with an absolute target",
                help: "a path that holds a colon is written {path: ...} in a profile")
        }
        return (source, target)
    }

    /// Refuses what a cell has of its own.
    static func checkGrant(_ path: String) throws(ProfileFault) {
        for folder in ["/proc", "/dev", "/sys"] where isPath(path, atOrUnder: folder) {
            let reason = folder == "/sys" ? "a cell has no /sys" : "the cell has its own \(folder)"
            throw ProfileFault(message: "\(quoted(path)) cannot be granted: \(reason)", help: nil)
        }
    }

    /// Whether a `protect` path counts from every writable path: it is relative and does not say from where.
    static func countsEverywhere(_ text: String) -> Bool {
        let first = text.utf8.prefix { $0 != 0x2f }
        return !first.isEmpty && first.first != 0x7e && !first.elementsEqual([0x2e]) && !first.elementsEqual([0x2e, 0x2e])
    }
}

extension FileRule {
    /// A rule from its text.
    /// - Parameter splits: whether `SRC:DST` is read so.
    /// - Returns: nil where a built-in profile's rule needs a HOME and there is none.
    static func read(
        _ kind: Kind, _ text: String, splits: Bool, base: String, home: String?, origin: Origin
    ) throws(ProfileFault) -> FileRule? {
        func absolute(_ text: String) throws(ProfileFault) -> String? {
            if let path = try ProfilePath.absolute(text, base: base, home: home) { return path }
            if origin.isBuiltIn { return nil }
            throw ProfileFault(message: "\(quoted(text)) needs a home folder, and HOME is not set", help: "set HOME, or write the path out")
        }
        let grants = kind == .read || kind == .write
        let parts = grants && splits ? try ProfilePath.moved(text) : (source: text, target: nil)
        guard let source = try absolute(parts.source) else { return nil }
        var path = source
        if let text = parts.target, let target = try absolute(text) { path = target }
        if grants {
            try ProfilePath.checkGrant(path)
            try ProfilePath.checkGrant(source)
        } else if samePath(path, "/") {
            throw ProfileFault(message: "`/` cannot be kept from the cell", help: nil)
        }
        let everywhere = kind == .protect && ProfilePath.countsEverywhere(text) ? relative(text) : nil
        return FileRule(kind, path: path, source: source, everywhere: everywhere, origin: origin)
    }

    /// The text without empty components and `.`.
    private static func relative(_ text: String) -> String {
        ProfilePath.isNormal(("/" + text)[...])
            ? text : text.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
