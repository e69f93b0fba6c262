// SPDX-License-Identifier: Apache-2.0
//
// A JSON value together with where each of its parts stands in the text: for errors that point, and for slices of the text itself. Plain
// `Value` parsing records nothing of this.

/// Where values stand, in the order in which they begin.
struct Layout: Sendable {
    struct Entry: Sendable {
        /// Of the member's name, with its quotation mark; -1 where the value is no member.
        var nameStart: Int
        var start: Int
        var end: Int
        /// The entry after this value's last descendant.
        var next: Int
    }

    var entries: [Entry] = []

    mutating func open(start: Int, nameStart: Int) -> Int {
        entries.append(Entry(nameStart: nameStart, start: start, end: start, next: 0))
        return entries.count - 1
    }

    mutating func close(_ entry: Int, end: Int) {
        entries[entry].end = end
        entries[entry].next = entries.count
    }

    func child(_ index: Int, of entry: Int) -> Int {
        var at = entry + 1
        for _ in 0..<index { at = entries[at].next }
        return at
    }

    func nameStart(ofChild index: Int, in entry: Int) -> Int? {
        let at = child(index, of: entry)
        return entries.indices.contains(at) ? entries[at].nameStart : nil
    }
}

/// One JSON text with its places.
public struct Document: Sendable {
    public let bytes: [UInt8]
    public let value: Value
    let layout: Layout

    /// Reads one JSON text and remembers where everything stands.
    public init(parsing bytes: [UInt8], options: ParseOptions = ParseOptions()) throws(JSONError) {
        var parser = Parser(options: options, layout: Layout())
        value = try parser.text(bytes.span)
        self.bytes = bytes
        layout = parser.layout ?? Layout()
    }

    public var root: Located { Located(document: self, value: value, entry: 0) }
}

/// One value of a document, with its place.
public struct Located: Sendable {
    let document: Document
    public let value: Value
    let entry: Int

    /// The bytes of the value in the text, quotation marks and brackets included.
    public var span: Range<Int> { document.layout.entries[entry].start..<document.layout.entries[entry].end }
    /// Where the value begins.
    public var place: Place { Place(offset: span.lowerBound, in: document.bytes.span) }
    /// Where the name of this member begins; the value's own place where it is no member.
    public var namePlace: Place {
        let start = document.layout.entries[entry].nameStart
        return start < 0 ? place : Place(offset: start, in: document.bytes.span)
    }

    /// The elements of an array, or the values of an object's members in their order; none for other kinds.
    /// With `allowsDuplicates` the places are those of the values as written, so use it only on texts without duplicates.
    public var children: [Located] {
        var at = entry + 1
        func next(_ value: Value) -> Located {
            defer { at = document.layout.entries[at].next }
            return Located(document: document, value: value, entry: at)
        }
        switch value {
        case .array(let elements): return elements.map(next)
        case .object(let object): return object.members.map { next($0.value) }
        default: return []
        }
    }

    /// The member of that name.
    public subscript(name: String) -> Located? {
        guard let object = value.asObject, let position = object.position(of: name) else { return nil }
        return Located(
            document: document, value: object.members[position].value, entry: document.layout.child(position, of: entry))
    }

    /// The element at that index.
    public subscript(index: Int) -> Located? {
        guard let element = value[index] else { return nil }
        return Located(document: document, value: element, entry: document.layout.child(index, of: entry))
    }
}
