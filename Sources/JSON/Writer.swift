// SPDX-License-Identifier: Apache-2.0
//
// Values as text: on one line, in the order and with the numbers as they were read; or indented, for people. Beyond what JSON demands,
// characters that act on a terminal or hide text are escaped (C1 controls, DEL, line separators, directional overrides), so that a line
// of a log can be printed. RFC 8785 escapes less: see Canonical.swift.

extension Value {
    /// One line without spaces.
    public func serialised() -> String { String(decoding: serialisedBytes(), as: UTF8.self) }

    /// One line without spaces, as UTF-8.
    public func serialisedBytes() -> [UInt8] {
        var writer = Writer()
        writer.write(self)
        return writer.bytes
    }

    /// Indented by two spaces; ends without a line feed. Empty arrays and objects stay on their line.
    public func pretty() -> String {
        var writer = Writer()
        writer.writePretty(self, indent: 0)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

struct Writer {
    var bytes: [UInt8] = []

    mutating func write(_ value: Value) {
        switch value {
        case .array(let elements):
            list(elements, 0x5b, 0x5d) { $0.write($1) }
        case .object(let object):
            list(object.members, 0x7b, 0x7d) {
                $0.string($1.name)
                $0.bytes.append(0x3a)
                $0.write($1.value)
            }
        default: scalar(value)
        }
    }

    private mutating func list<Item>(_ items: [Item], _ open: UInt8, _ close: UInt8, _ item: (inout Writer, Item) -> Void) {
        bytes.append(open)
        for (position, each) in items.enumerated() {
            if position > 0 { bytes.append(0x2c) }
            item(&self, each)
        }
        bytes.append(close)
    }

    mutating func writePretty(_ value: Value, indent: Int) {
        switch value {
        case .array(let elements) where !elements.isEmpty:
            list(elements, 0x5b, 0x5d) {
                $0.line(indent + 2)
                $0.writePretty($1, indent: indent + 2)
            }
            bytes.removeLast()
            line(indent)
            bytes.append(0x5d)
        case .object(let object) where !object.isEmpty:
            list(object.members, 0x7b, 0x7d) {
                $0.line(indent + 2)
                $0.string($1.name)
                $0.bytes += [0x3a, 0x20]
                $0.writePretty($1.value, indent: indent + 2)
            }
            bytes.removeLast()
            line(indent)
            bytes.append(0x7d)
        default: write(value)
        }
    }

    private mutating func line(_ indent: Int) {
        bytes.append(0x0a)
        bytes.append(contentsOf: repeatElement(0x20, count: indent))
    }

    mutating func scalar(_ value: Value) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .number(let number): bytes += number.text.utf8
        case .string(let text): string(text)
        case .array, .object: write(value)
        }
    }

    mutating func string(_ text: String) {
        quoted(text) { byte in byte == 0x7f || byte == 0xc2 || byte == 0xd8 || byte == 0xe2 || byte == 0xef }
    }

    /// A text between quotation marks: what needs no escape is copied as it stands, run by run.
    /// - Parameter mayAct: whether a character that begins so may have to be escaped beyond what JSON demands.
    mutating func quoted(_ text: String, mayAct: (UInt8) -> Bool) {
        bytes.append(0x22)
        // A long text does not make room for another of its length.
        let count = text.utf8.count
        if count > 1 << 20 { bytes.reserveCapacity(bytes.count + count + 256) }
        var text = text
        text.withUTF8 { run in
            var start = 0
            var at = 0
            while at < run.count {
                let byte = unsafe run[at]
                var length = 1
                if byte >= 0x20, byte != 0x22, byte != 0x5c {
                    guard mayAct(byte) else {
                        at += 1
                        continue
                    }
                    // SAFETY: the text is UTF-8, so that the bytes after a leading one are there.
                    let scalar = unsafe Writer.scalar(run, at)
                    length = scalar.utf8.count
                    guard Writer.actsOnTerminal(scalar) else {
                        at += length
                        continue
                    }
                    unsafe bytes.append(contentsOf: run[start..<at])
                    hex(scalar)
                } else {
                    unsafe bytes.append(contentsOf: run[start..<at])
                    escaped(byte)
                }
                at += length
                start = at
            }
            unsafe bytes.append(contentsOf: run[start...])
        }
        bytes.append(0x22)
    }

    private static func scalar(_ run: UnsafeBufferPointer<UInt8>, _ at: Int) -> Unicode.Scalar {
        let first = unsafe UInt32(run[at])
        if first < 0x80 { return Unicode.Scalar(UInt8(first)) }
        let count = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
        var value = first & (0x7f >> UInt32(count))
        for next in 1..<count { value = unsafe value << 6 | UInt32(run[at + next] & 0x3f) }
        return Unicode.Scalar(value) ?? "\u{fffd}"
    }

    /// A byte below U+0020, a quotation mark or a backslash, as RFC 8259 and RFC 8785 section 3.2.2.2 want it.
    private mutating func escaped(_ byte: UInt8) {
        let letter: UInt8
        switch byte {
        case 0x22, 0x5c: letter = byte
        case 0x08: letter = 0x62
        case 0x0c: letter = 0x66
        case 0x0a: letter = 0x6e
        case 0x0d: letter = 0x72
        case 0x09: letter = 0x74
        default: return hex(Unicode.Scalar(byte))
        }
        bytes.append(0x5c)
        bytes.append(letter)
    }

    /// INVARIANT: all scalars given here are below U+10000.
    private mutating func hex(_ scalar: Unicode.Scalar) {
        bytes += [0x5c, 0x75]
        for shift in [12, 8, 4, 0] as [UInt32] {
            bytes.append(Array("0123456789abcdef".utf8)[Int(scalar.value >> shift & 15)])
        }
    }

    private static func actsOnTerminal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x7f...0x9f, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0x061c, 0xfeff: true
        default: false
        }
    }
}
