// SPDX-License-Identifier: Apache-2.0
//
// Typed reading of a tree: every getter either gives the value or an error with file, line, column, the path of keys, what was expected
// and, where there is one, the nearest valid spelling. What a file means is decided by those who call this.

/// A node together with the way to it.
public struct Field: Sendable {
    public let file: String
    public let node: Node
    private let parent: [Step]

    private enum Step: Sendable {
        case key(String)
        case index(Int)
    }

    /// The top of a file.
    public init(_ root: Node, file: String) {
        self.init(node: root, file: file, parent: [])
    }

    private init(node: Node, file: String, parent: [Step]) {
        self.node = node
        self.file = file
        self.parent = parent
    }

    /// Reads a file's bytes.
    public init(parsing bytes: [UInt8], file: String, limits: TreeLimits = TreeLimits()) throws(ConfigError) {
        self.init(try Node(parsing: bytes, file: file, limits: limits), file: file)
    }

    /// `limits.memory`, `files.read[2]`.
    public var path: String { path(parent) }

    private func path(_ steps: [Step]) -> String {
        var path = ""
        for step in steps {
            switch step {
            case .key(let key): path += (path.isEmpty ? "" : ".") + quotedBare(key)
            case .index(let index): path += "[\(index)]"
            }
        }
        return path
    }

    /// An error at this value.
    public func error(_ message: String, help: String? = nil) -> ConfigError {
        ConfigError(file: file, mark: node.mark, path: path, message: message, help: help)
    }

    private func expected(_ what: String, help: String? = nil) -> ConfigError { error("expected \(what), found \(node.kind)", help: help) }

    /// The entries of a map whose keys are names of the user's, in their order.
    public func entries() throws(ConfigError) -> [(key: String, keyMark: Mark, value: Field)] {
        guard case .map(let entries) = node.content else { throw expected("a map") }
        return entries.map { ($0.key, $0.keyMark, Field(node: $0.value, file: file, parent: parent + [.key($0.key)])) }
    }

    /// A map that may have these keys and no others.
    public func map(keys: [String]) throws(ConfigError) -> Map {
        guard case .map(let entries) = node.content else { throw expected("a map with \(list(keys))") }
        for entry in entries where !keys.contains(where: { sameBytes($0, entry.key) }) {
            let help = nearest(entry.key, in: keys).map { "did you mean `\($0)`?" } ?? "known keys: \(keys.joined(separator: ", "))"
            throw ConfigError(file: file, mark: entry.keyMark, path: path, message: "unknown key \(quoted(entry.key))", help: help)
        }
        return Map(field: self, entries: try self.entries())
    }

    /// A list.
    public func list() throws(ConfigError) -> [Field] {
        guard case .list(let items) = node.content else { throw expected("a list", help: scalarAsList) }
        return items.enumerated().map { Field(node: $1, file: file, parent: parent + [.index($0)]) }
    }

    private var scalarAsList: String? {
        if case .scalar(let text) = node.content { "write [\(quotedBare(text))]" } else { nil }
    }

    /// A scalar's text, not empty.
    public func text() throws(ConfigError) -> String {
        let text = try anyText()
        if text.isEmpty { throw error("expected a value, found an empty text") }
        return text
    }

    /// A scalar's text, which may be `""`.
    public func anyText() throws(ConfigError) -> String {
        guard case .scalar(let text) = node.content else { throw expected("a value") }
        return text
    }

    /// A list of texts.
    public func texts() throws(ConfigError) -> [String] {
        var texts: [String] = []
        for item in try list() { texts.append(try item.text()) }
        return texts
    }

    /// `true` or `false`; not the other spellings that YAML has had.
    public func bool() throws(ConfigError) -> Bool {
        guard case .scalar(let text) = node.content else { throw expected("true or false") }
        switch text {
        case "true": return true
        case "false": return false
        default: throw expected("true or false")
        }
    }

    /// One of some words.
    public func choice(_ words: [String]) throws(ConfigError) -> String {
        guard case .scalar(let text) = node.content else { throw expected(list(words)) }
        if let word = words.first(where: { sameBytes($0, text) }) { return word }
        throw expected(list(words), help: nearest(text, in: words).map { "did you mean `\($0)`?" })
    }

    /// One of an enumeration's raw values.
    @inlinable
    public func choice<Word: RawRepresentable<String> & CaseIterable>(_: Word.Type = Word.self) throws(ConfigError) -> Word {
        let word = try choice(Word.allCases.map { $0.rawValue })
        guard let value = Word(rawValue: word) else { throw error("`\(word)` is not known") }
        return value
    }

    /// A size in bytes, written with a unit.
    public func size() throws(ConfigError) -> Int64 { try quantity("a size such as `512M`", Quantity.size) }
    /// A duration in microseconds, written with units.
    public func duration() throws(ConfigError) -> Int64 { try quantity("a duration such as `30s`", Quantity.duration) }
    /// A count, 1 or more.
    public func count() throws(ConfigError) -> Int64 { try quantity("a count such as `64`", Quantity.count) }
    /// Cores in thousandths.
    public func cores() throws(ConfigError) -> Int64 { try quantity("a number of cores such as `1.0`", Quantity.cores) }

    private func quantity(_ what: String, _ read: (String) throws(QuantityError) -> Int64) throws(ConfigError) -> Int64 {
        guard case .scalar(let text) = node.content else { throw expected(what) }
        do {
            return try read(text)
        } catch {
            throw self.error(error.message, help: error.help)
        }
    }

    private func list(_ words: [String]) -> String {
        words.count <= 1
            ? words.map { "`\($0)`" }.joined()
            : words.dropLast().map { "`\($0)`" }.joined(separator: ", ") + " or `\(words[words.count - 1])`"
    }
}

/// A map whose keys are known.
public struct Map: Sendable {
    /// The map itself, for errors.
    public let field: Field
    private let entries: [(key: String, keyMark: Mark, value: Field)]

    init(field: Field, entries: [(key: String, keyMark: Mark, value: Field)]) {
        self.field = field
        self.entries = entries
    }

    /// The value under a key, nil where the key is not there.
    public subscript(key: String) -> Field? { entries.first { sameBytes($0.key, key) }?.value }

    /// Where a key stands.
    public func mark(of key: String) -> Mark? { entries.first { sameBytes($0.key, key) }?.keyMark }

    /// The value under a key.
    /// - Throws: where the key is missing.
    public func required(_ key: String) throws(ConfigError) -> Field {
        guard let value = self[key] else { throw field.error("key `\(key)` is missing") }
        return value
    }

    /// Checks the line that every file of ours starts with, `fumehood: 1`.
    /// - Throws: where it is missing or names another major version.
    public func checkVersion() throws(ConfigError) {
        guard let version = self["fumehood"] else {
            throw ConfigError(
                file: field.file, mark: field.node.mark, path: field.path, message: "the version line is missing",
                help: "add `fumehood: 1` at the top")
        }
        let text = try version.text()
        if text != "1" {
            throw version.error("version \(quoted(text)) is not known", help: "this fumehood reads `fumehood: 1`")
        }
    }
}

/// Whether two strings hold the same UTF-8 bytes; Swift's own `==` also takes other spellings of a character for equal.
func sameBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && left == right && left.utf8.elementsEqual(right.utf8)
}
