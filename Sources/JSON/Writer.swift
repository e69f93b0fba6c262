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
        bytes.append(0x22)
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }) {
            plain(text)
        } else {
            for scalar in text.unicodeScalars {
                if Writer.actsOnTerminal(scalar) { hex(scalar) } else { character(scalar) }
            }
        }
        bytes.append(0x22)
    }

    /// A long text does not make room for another of its length.
    mutating func plain(_ text: String) {
        let count = text.utf8.count
        if count > 1 << 20 { bytes.reserveCapacity(bytes.count + count + 256) }
        bytes += text.utf8
    }

    /// One character with the escapes that RFC 8259 and RFC 8785 section 3.2.2.2 ask for.
    mutating func character(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes += [0x5c, 0x22]
        case "\\": bytes += [0x5c, 0x5c]
        case "\u{8}": bytes += [0x5c, 0x62]
        case "\u{c}": bytes += [0x5c, 0x66]
        case "\n": bytes += [0x5c, 0x6e]
        case "\r": bytes += [0x5c, 0x72]
        case "\t": bytes += [0x5c, 0x74]
        case "\u{0}"..<"\u{20}": hex(scalar)
        default: bytes += Unicode.UTF8.encode(scalar).map(Array.init) ?? []
        }
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
