// SPDX-License-Identifier: Apache-2.0
// What a cell may send to the caller's terminal: text, colours and line control. Everything else that a terminal would
// act on (titles, the clipboard, queries that answer into the input, alternate screens) is shown as visible text.
// For a terminal of the cell's own (`-t`) more passes, by the rules of ScreenRules.swift, and what does not pass is dropped.
// Pure and incremental: a sequence may be cut anywhere between two reads. Source: ECMA-48, and xterm's control sequences.

package struct TerminalFilter {
    private enum State { case text, escape, control, utf8(left: Int), intermediate, string, stringEscape }

    private var state = State.text
    private var sequence: [UInt8] = []
    /// What a full-screen program may do, and has done; nil for the text of a command.
    private var screen: ScreenRules?

    /// - Parameter screen: whether the whole screen may be used.
    init(screen: Bool = false) { self.screen = screen ? ScreenRules() : nil }

    /// What puts a terminal back that a program has left in some state.
    var restoration: [UInt8] { screen?.restoration ?? [] }

    /// The longest sequence that is looked at; a longer one is shown.
    private static let longest = 32

    /// The harmless form of some bytes.
    mutating func pass(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        for byte in bytes { step(byte, &out) }
        return out
    }

    /// What was held back when the stream ended in the middle of a sequence.
    mutating func finish() -> [UInt8] {
        defer {
            sequence = []
            state = .text
        }
        return sequence.isEmpty || screen != nil ? [] : TerminalFilter.visible(sequence)
    }

    private mutating func step(_ byte: UInt8, _ out: inout [UInt8]) {
        switch state {
        case .text:
            switch byte {
            case 0x1b:
                sequence = [byte]
                state = .escape
            case 0x08, 0x09, 0x0a, 0x0d, 0x20...0x7e: out.append(byte)
            case 0x07: if screen != nil { out.append(byte) }  // the bell
            case 0x0e where screen != nil, 0x0f where screen != nil:
                screen!.shifts = true
                out.append(byte)
            case 0xc2...0xdf: hold(byte, 1)
            case 0xe0...0xef: hold(byte, 2)
            case 0xf0...0xf4: hold(byte, 3)
            case 0x00..<0x20 where screen != nil: break
            default: out += TerminalFilter.visible([byte])  // C0, DEL, stray continuation bytes: 8-bit controls among them
            }
        case .utf8(let left):
            guard byte & 0xc0 == 0x80 else {
                out += TerminalFilter.visible(sequence)
                sequence = []
                state = .text
                return step(byte, &out)
            }
            sequence.append(byte)
            if left > 1 {
                state = .utf8(left: left - 1)
            } else {
                // U+0080 to U+009F are the C1 controls in two bytes.
                if (sequence.count == 2 && sequence[0] == 0xc2 && sequence[1] < 0xa0) || TerminalFilter.turns(TerminalFilter.scalar(sequence)) {
                    out += TerminalFilter.visible(sequence)
                } else {
                    out += sequence
                }
                sequence = []
                state = .text
            }
        case .escape:
            sequence.append(byte)
            if byte == 0x5b {
                state = .control
            } else if screen != nil {
                escape(byte, &out)
            } else {
                flushVisible(&out)
            }
        case .intermediate:
            sequence.append(byte)
            finishSequence(screen?.admits(sequence) ?? false, &out)
        case .string:
            if byte == 0x1b { state = .stringEscape } else if byte == 0x07 || byte == 0x18 || byte == 0x1a { state = .text }
        case .stringEscape:
            state = byte == 0x5c ? .text : .string
        case .control:
            sequence.append(byte)
            if (0x40...0x7e).contains(byte) {
                if screen != nil {
                    finishSequence(screen!.admits(sequence), &out)
                } else if TerminalFilter.isHarmless(sequence) {
                    out += sequence
                    sequence = []
                    state = .text
                } else {
                    flushVisible(&out)
                }
            } else if !(0x20...0x3f).contains(byte) || sequence.count > TerminalFilter.longest {
                flushVisible(&out)
            }
        }
    }

    /// Characters that turn the direction of what stands beside them: text then reads as what it is not. Source: Unicode, UAX 9.
    package static func turns(_ scalar: UInt32) -> Bool {
        scalar == 0x061c || (0x200e...0x200f).contains(scalar) || (0x202a...0x202e).contains(scalar) || (0x2066...0x2069).contains(scalar)
    }

    private static func scalar(_ bytes: [UInt8]) -> UInt32 {
        let first = UInt32(bytes[0]) & (0xff >> UInt32(bytes.count + 1))
        return bytes.dropFirst().reduce(first) { $0 << 6 | UInt32($1 & 0x3f) }
    }

    private mutating func hold(_ byte: UInt8, _ left: Int) {
        sequence = [byte]
        state = .utf8(left: left)
    }

    /// The byte behind ESC, where a screen is used.
    private mutating func escape(_ byte: UInt8, _ out: inout [UInt8]) {
        switch byte {
        case 0x20...0x2f: state = .intermediate
        case 0x50, 0x58, 0x5d, 0x5e, 0x5f:  // DCS, SOS, OSC, PM, APC: up to their end, nothing of them passes
            sequence = []
            state = .string
        case 0x1b: sequence = [0x1b]
        default: finishSequence(screen?.admits(sequence) ?? false, &out)
        }
    }

    private mutating func finishSequence(_ passes: Bool, _ out: inout [UInt8]) {
        if passes { out += sequence }
        sequence = []
        state = .text
    }

    private mutating func flushVisible(_ out: inout [UInt8]) {
        out += TerminalFilter.visible(sequence)
        sequence = []
        state = .text
    }

    /// Colours (SGR) and erasing to the end of a line, with plain parameters.
    private static func isHarmless(_ sequence: [UInt8]) -> Bool {
        guard let last = sequence.last, last == 0x6d || last == 0x4b else { return false }
        return sequence.dropFirst(2).dropLast().allSatisfy { (0x30...0x3b).contains($0) }
    }

    /// Controls as a reader sees them: `^[` for ESC, `\x9d` for others.
    static func visible(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x20...0x7e, 0x0a, 0x0d, 0x09: out.append(byte)
            case 0x00..<0x20: out += [0x5e, byte + 0x40]
            case 0x7f: out += [0x5e, 0x3f]
            default: out += Array("\\x".utf8) + Array(String(byte, radix: 16).utf8)
            }
        }
        return out
    }
}
