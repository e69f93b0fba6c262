// SPDX-License-Identifier: Apache-2.0
//
// A YAML file as a tree with a place for every node, read by libyaml's events (yaml.h). It is the part of YAML that cannot surprise: scalars
// are their text (no `no` that becomes false, no octal), maps have distinct scalar keys, and anchors, aliases, tags, directives and second
// documents are errors.

internal import CYaml

/// One node of a file.
public struct Node: Sendable {
    public indirect enum Content: Sendable {
        /// A value that was left empty.
        case nothing
        /// The text after unquoting; whether it was quoted does not count.
        case scalar(String)
        case list([Node])
        case map([Entry])
    }

    /// One key of a map with its value.
    public struct Entry: Sendable {
        public let key: String
        public let keyMark: Mark
        public let value: Node
    }

    public let mark: Mark
    public let content: Content

    /// What a message calls this node: `nothing`, `a value`, `a list`, `a map`.
    public var kind: String {
        switch content {
        case .nothing: "nothing"
        case .scalar(let text): quoted(text)
        case .list: "a list"
        case .map: "a map"
        }
    }
}

/// What a file may cost.
public struct TreeLimits: Sendable {
    /// Length of the file.
    public var bytes = 256 << 10
    /// Depth of lists and maps.
    public var depth = 16
    /// Number of nodes, keys included.
    public var nodes = 20_000

    public init() {}
}

extension Node {
    /// Reads one YAML document.
    /// - Parameters:
    ///   - bytes: UTF-8.
    ///   - file: the name that errors show.
    /// - Throws: the first fault and its place.
    public init(parsing bytes: [UInt8], file: String, limits: TreeLimits = TreeLimits()) throws(ConfigError) {
        if bytes.count > limits.bytes {
            throw ConfigError(file: file, mark: nil, message: "the file is longer than \(limits.bytes) bytes")
        }
        self = try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(ConfigError) -> Node in
            var builder = try unsafe Builder(buffer, file: file, limits: limits)
            defer { unsafe builder.close() }
            return try unsafe builder.document()
        }
    }
}

/// Turns libyaml's events into nodes.
@unsafe private struct Builder {
    /// On the heap: libyaml keeps pointers from the parser into itself, so that it must not move.
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let bytes: UnsafeBufferPointer<UInt8>
    private let file: String
    private let limits: TreeLimits
    private var nodes = 0

    init(_ buffer: UnsafeBufferPointer<UInt8>, file: String, limits: TreeLimits) throws(ConfigError) {
        unsafe self.bytes = buffer
        unsafe self.file = file
        unsafe self.limits = limits
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            throw ConfigError(file: file, mark: nil, message: "no memory to read the file")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        // SAFETY: the buffer outlives the parser: both live in one closure of Node.init.
        unsafe yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
    }

    func close() {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    private func error(_ mark: Mark?, _ message: String, help: String? = nil) -> ConfigError {
        unsafe ConfigError(file: file, mark: mark, message: message, help: help)
    }

    /// An event, taken apart at once so that libyaml's memory is freed in one place.
    private enum Event {
        case scalar(String, isNothing: Bool)
        case listStart, listEnd, mapStart, mapEnd
        case documentStart, documentEnd, streamStart, streamEnd
    }

    private func next() throws(ConfigError) -> (Event, Mark) {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw unsafe libraryError() }
        defer { unsafe yaml_event_delete(&event) }
        let mark = unsafe Mark(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
        switch unsafe event.type {
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            try unsafe refuse(anchor: scalar.anchor, tag: scalar.tag, mark)
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            guard unsafe !bytes.contains(0) else { throw unsafe error(mark, "a value holds a NUL character") }
            guard let valid = try? unsafe UTF8Span(validating: bytes.span) else { throw unsafe error(mark, "not valid UTF-8") }
            let text = String(copying: valid)
            return unsafe (.scalar(text, isNothing: text.isEmpty && scalar.style == YAML_PLAIN_SCALAR_STYLE), mark)
        case YAML_SEQUENCE_START_EVENT:
            try unsafe refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, mark)
            return (.listStart, mark)
        case YAML_MAPPING_START_EVENT:
            try unsafe refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, mark)
            return (.mapStart, mark)
        case YAML_DOCUMENT_START_EVENT:
            let start = unsafe event.data.document_start
            if unsafe start.version_directive != nil || start.tag_directives.start != start.tag_directives.end {
                throw unsafe error(mark, "directives are not read", help: "remove the lines that start with `%`")
            }
            return (.documentStart, mark)
        case YAML_ALIAS_EVENT: throw unsafe error(mark, "aliases are not read", help: "write the value out; a value that starts with `*` needs quotes")
        case YAML_SEQUENCE_END_EVENT: return (.listEnd, mark)
        case YAML_MAPPING_END_EVENT: return (.mapEnd, mark)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, mark)
        case YAML_STREAM_START_EVENT: return (.streamStart, mark)
        default: return (.streamEnd, mark)
        }
    }

    private func refuse(anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ mark: Mark) throws(ConfigError) {
        if unsafe anchor != nil { throw unsafe error(mark, "anchors are not read", help: "a value that starts with `&` needs quotes") }
        if unsafe tag != nil { throw unsafe error(mark, "tags are not read", help: "a value that starts with `!` needs quotes") }
    }

    private func libraryError() -> ConfigError {
        func text(_ message: UnsafePointer<CChar>?) -> String? {
            unsafe message.map { unsafe String(cString: $0) }
        }
        if unsafe parser.pointee.error == YAML_READER_ERROR {
            // The reader runs ahead of the mark, but knows the byte.
            let before = unsafe String(decoding: bytes.prefix(parser.pointee.problem_offset), as: UTF8.self)
            let line = before.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            let mark = Mark(line: line.count, column: (line.last?.count ?? 0) + 1)
            return unsafe error(mark, "not YAML: \(text(parser.pointee.problem) ?? "not readable")")
        }
        let mark = unsafe parser.pointee.problem_mark
        let message = unsafe text(parser.pointee.problem) ?? "no memory to read the file"
        let context = unsafe text(parser.pointee.context).map { " \($0)" } ?? ""
        return unsafe error(Mark(line: Int(mark.line) + 1, column: Int(mark.column) + 1), "not YAML: \(message)\(context)")
    }

    mutating func document() throws(ConfigError) -> Node {
        _ = try unsafe next()
        let (start, mark) = try unsafe next()
        guard case .documentStart = start else { throw unsafe error(mark, "the file is empty") }
        let root = try unsafe node(next(), depth: 0)
        _ = try unsafe next()
        let (end, endMark) = try unsafe next()
        guard case .streamEnd = end else { throw unsafe error(endMark, "a second document; one file holds one") }
        return root
    }

    private mutating func node(_ event: (Event, Mark), depth: Int) throws(ConfigError) -> Node {
        let mark = event.1
        try unsafe count(mark)
        switch event.0 {
        case .scalar(let text, let isNothing): return Node(mark: mark, content: isNothing ? .nothing : .scalar(text))
        case .listStart:
            try unsafe check(depth, mark)
            var items: [Node] = []
            while true {
                let item = try unsafe next()
                if case .listEnd = item.0 { return Node(mark: mark, content: .list(items)) }
                items.append(try unsafe node(item, depth: depth + 1))
            }
        case .mapStart:
            try unsafe check(depth, mark)
            return Node(mark: mark, content: .map(try unsafe entries(depth: depth)))
        default: throw unsafe error(mark, "not YAML: an event out of order")
        }
    }

    private mutating func entries(depth: Int) throws(ConfigError) -> [Node.Entry] {
        var entries: [Node.Entry] = []
        // Keys that Swift takes for equal are refused even where their bytes differ: nobody could tell them apart.
        var seen: [String: Mark] = [:]
        while true {
            let (event, mark) = try unsafe next()
            if case .mapEnd = event { return entries }
            guard case .scalar(let key, _) = event else { throw unsafe error(mark, "a key must be a plain word, not a list or a map") }
            try unsafe count(mark)
            if let first = seen.updateValue(mark, forKey: key) {
                throw unsafe error(mark, "key \(quoted(key)) occurs twice, first at \(first)")
            }
            entries.append(Node.Entry(key: key, keyMark: mark, value: try unsafe node(next(), depth: depth + 1)))
        }
    }

    private func check(_ depth: Int, _ mark: Mark) throws(ConfigError) {
        if unsafe depth >= limits.depth { throw unsafe error(mark, "nested deeper than \(limits.depth)") }
    }

    private mutating func count(_ mark: Mark) throws(ConfigError) {
        unsafe nodes += 1
        if unsafe nodes > limits.nodes { throw unsafe error(mark, "more than \(limits.nodes) values") }
    }
}
