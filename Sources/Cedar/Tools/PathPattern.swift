// SPDX-License-Identifier: Apache-2.0
//
// The path patterns of permission rules, which are those of gitignore(5), as patterns of `like`. In these a star also
// crosses `/`: for rules that refuse the wider pattern is taken, for rules that allow the surplus is excluded again.

/// Where relative patterns begin.
public struct PatternRoots: Sendable {
    /// The user's home.
    public var home: String
    /// The folder in which the agent is started: `path` and `./path`.
    public var directory: String
    /// What `/path` counts from: the project of the settings file.
    public var settings: String

    /// All absolute.
    public init(home: String, directory: String, settings: String) {
        self.home = home
        self.directory = directory
        self.settings = settings
    }
}

struct PathPattern {
    enum Piece: Hashable {
        case scalar(Unicode.Scalar)
        /// Anything but `/`.
        case star
    }

    enum Component: Hashable {
        case parts([Piece])
        /// `**`: any text, `/` included.
        case any
    }

    /// Why a pattern has no faithful translation.
    struct Refusal: Error {
        let reason: String
    }

    /// Each the whole of an absolute path.
    let alternatives: [[Component]]

    private static let mostAlternatives = 32

    /// - Parameter widens: whether it may fit more than was asked for (a rule that refuses).
    init(_ specifier: String, _ roots: PatternRoots, widens: Bool) throws(Refusal) {
        if specifier.hasPrefix("!") { throw Refusal(reason: "a negated pattern (`!`) takes back another rule, which policies cannot") }
        var rest = Substring(specifier)
        var root = roots.directory
        var isAnchored = true
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            root = ""
        } else if rest == "~" || rest.hasPrefix("~/") {
            rest = rest.dropFirst(1)
            root = roots.home
        } else if rest.hasPrefix("/") {
            root = roots.settings
        } else if rest.hasPrefix("./") {
            rest = rest.dropFirst(2)
            // Whether `./name` is the one file or any of that name, the two readings differ: the stricter one.
            isAnchored = !widens
        } else {
            isAnchored = false
        }
        let isFolder = rest.hasSuffix("/")
        let names = rest.split(separator: "/")
        if names.count > 1 { isAnchored = true }
        guard !names.isEmpty || isAnchored else { throw Refusal(reason: "the pattern is empty") }

        var components = root.split(separator: "/").map { Component.parts($0.unicodeScalars.map { .scalar($0) }) }
        if !isAnchored { components.append(.any) }
        for name in names where name != "." {
            if name == ".." {
                guard case .parts? = components.popLast() else { throw Refusal(reason: "`..` after a wildcard has no one meaning") }
            } else if name == "**" {
                if components.last != .any { components.append(.any) }
            } else {
                components.append(.parts(try Self.pieces(name, widens: widens)))
            }
        }
        var found: [[Component]] = [[]]
        for (index, component) in components.enumerated() {
            let isInner = component == .any && index < components.count - 1
            // Between two names `**` may be nothing at all.
            found = found.flatMap { isInner ? [$0, $0 + [component]] : [$0 + [component]] }
            guard found.count <= Self.mostAlternatives else { throw Refusal(reason: "it has too many `**`") }
        }
        if components.last != .any {
            // What fits a folder fits all that is in it.
            found = found.flatMap { isFolder ? [$0 + [.any]] : [$0, $0 + [.any]] }
        }
        alternatives = found
    }

    private static func pieces(_ name: Substring, widens: Bool) throws(Refusal) -> [Piece] {
        var pieces: [Piece] = []
        var scalars = name.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "*": if pieces.last != .star { pieces.append(.star) }
            case "\\": pieces.append(.scalar(scalars.popFirst() ?? "\\"))
            case "?", "[":
                guard widens else { throw Refusal(reason: "`like` has no pattern for one character (`?`, `[..]`)") }
                if scalar == "[", let end = scalars.firstIndex(of: "]") { scalars = scalars[scalars.index(after: end)...] }
                if pieces.last != .star { pieces.append(.star) }
            default: pieces.append(.scalar(scalar))
            }
        }
        return pieces
    }

    /// The condition that a path fits.
    ///
    /// - Parameters:
    ///   - path: the expression of the path.
    ///   - isExact: whether a star may not cross `/`.
    func condition(_ path: String, isExact: Bool) -> String {
        var tests: [String] = []
        for components in alternatives {
            var test = "\(path) like \(Self.pattern(components, crossing: nil).quoted)"
            if isExact {
                for place in Self.boundStars(components) {
                    test += " && !(\(path) like \(Self.pattern(components, crossing: place).quoted))"
                }
            }
            let whole = isExact && test.contains("&&") ? "(\(test))" : test
            if !tests.contains(whole) { tests.append(whole) }
        }
        return tests.joined(separator: " || ")
    }

    private struct Place: Hashable {
        let component: Int
        let piece: Int
    }

    /// The stars for which it matters that they do not cross `/`: a star that begins a name after `**`, or ends one before
    /// it, gives what is too much to the `**`.
    private static func boundStars(_ components: [Component]) -> [Place] {
        var places: [Place] = []
        for (index, component) in components.enumerated() {
            guard case .parts(let pieces) = component else { continue }
            for (position, piece) in pieces.enumerated() where piece == .star {
                let afterAny = position == 0 && index > 0 && components[index - 1] == .any
                let beforeAny = position == pieces.count - 1 && index + 1 < components.count && components[index + 1] == .any
                if !afterAny, !beforeAny { places.append(Place(component: index, piece: position)) }
            }
        }
        return places
    }

    private static func pattern(_ components: [Component], crossing: Place?) -> Pattern {
        var elements: [Pattern.Element] = []
        for (index, component) in components.enumerated() {
            elements.append(.scalar("/"))
            switch component {
            case .any: elements.append(.wildcard)
            case .parts(let pieces):
                for (position, piece) in pieces.enumerated() {
                    switch piece {
                    case .scalar(let scalar): elements.append(.scalar(scalar))
                    case .star:
                        elements.append(.wildcard)
                        if crossing == Place(component: index, piece: position) { elements += [.scalar("/"), .wildcard] }
                    }
                }
            }
        }
        return Pattern(elements.isEmpty ? [.scalar("/")] : elements)
    }
}
