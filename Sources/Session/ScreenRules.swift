// SPDX-License-Identifier: Apache-2.0
// Which escape sequences a full-screen program in a cell may send to the caller's terminal: moving, erasing, scrolling, colours,
// character sets, and modes that can be put back. Not the clipboard, titles, printing, strings of any kind, nor questions: the
// answer to a question comes as if it were typed, and may come when the caller's shell reads again.
// Sources: ECMA-48, DEC VT220 and VT510 manuals, xterm's control sequences.

struct ScreenRules {
    /// Private modes (`CSI ? N h`) that a program may set, and how a terminal has them by itself.
    private static let modes: [Int: Bool] = [
        1: false, 5: false, 6: false, 7: true, 12: false, 25: true, 45: false, 47: false, 1000: false, 1002: false, 1003: false, 1004: false, 1005: false,
        1006: false,
        1015: false, 1047: false, 1048: false, 1049: false, 2004: false, 2026: false,
    ]
    /// Finals of sequences without any mark that move, erase, insert, scroll, colour, set tabs, save and restore the cursor.
    private static let finals = Set("@ABCDEFGHIJKLMPSTXZ`abdefgmrsu".utf8)

    /// Modes that are not as they were.
    private var changed: [Int: Bool] = [:]
    private var scrolls = false
    private var inserts = false
    private var keypad = false
    private var isDrawn = false
    /// A character set was chosen.
    var shifts = false

    /// Whether a whole sequence may pass; what it leaves behind is kept in mind.
    mutating func admits(_ sequence: [UInt8]) -> Bool {
        guard sequence.count >= 2 else { return false }
        if sequence[1] == 0x5b { return admitsControl(sequence) }
        switch sequence[1] {
        case 0x37, 0x38, 0x44, 0x45, 0x48, 0x4d: return true  // save and restore the cursor, index, next line, tab, reverse index
        case 0x3d, 0x3e:
            keypad = sequence[1] == 0x3d
            return true
        case 0x28...0x2b:
            shifts = true
            return sequence.count == 3 && Set("0AB<>".utf8).contains(sequence[2])
        case 0x23: return sequence.count == 3 && sequence[2] == 0x38  // the alignment pattern
        default: return false
        }
    }

    private mutating func admitsControl(_ sequence: [UInt8]) -> Bool {
        guard let final = sequence.last, sequence.count > 2 else { return false }
        let inner = sequence.dropFirst(2).dropLast()
        isDrawn = isDrawn || final != 0x6d
        switch inner.first {
        case 0x3f?:  // ?
            guard final == 0x68 || final == 0x6c else { return (final == 0x4a || final == 0x4b) && ScreenRules.numbers(inner.dropFirst()) != nil }
            guard let numbers = ScreenRules.numbers(inner.dropFirst()), !numbers.isEmpty, numbers.allSatisfy({ ScreenRules.modes[$0] != nil }) else {
                return false
            }
            for number in numbers { changed[number] = final == 0x68 }
            return true
        case 0x3c?, 0x3d?, 0x3e?: return false
        default: break
        }
        if let last = inner.last, (0x20...0x2f).contains(last) {
            guard ScreenRules.numbers(inner.dropLast()) != nil else { return false }
            return (last == 0x20 && final == 0x71) || (last == 0x21 && final == 0x70)  // the cursor's shape, the soft reset
        }
        // Colours may have parts (4:3, 38:2::1:2:3).
        if final == 0x6d { return inner.allSatisfy { (0x30...0x3b).contains($0) } }
        guard let numbers = ScreenRules.numbers(inner) else { return false }
        switch final {
        case 0x68, 0x6c:
            inserts = final == 0x68
            return numbers == [4]
        case 0x72: scrolls = !numbers.isEmpty
        case 0x54: return numbers.count <= 1  // more are the tracking of highlighted text
        default: break
        }
        return ScreenRules.finals.contains(final)
    }

    /// Parameters; nil where there is anything else.
    private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int]? {
        var list: [Int] = []
        if bytes.isEmpty { return list }
        for part in bytes.split(separator: 0x3b, omittingEmptySubsequences: false) {
            guard part.count <= 5, part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            list.append(part.reduce(0) { $0 * 10 + Int($1 - 0x30) })
        }
        return list
    }

    /// Back to how terminals are by themselves, as far as a program went away from it.
    var restoration: [UInt8] {
        var text = ""
        for (mode, isOn) in changed.sorted(by: { $0.key < $1.key }) {
            guard let own = ScreenRules.modes[mode], own != isOn, mode != 1048 else { continue }
            text += "\u{1b}[?\(mode)\(own ? "h" : "l")"
        }
        if scrolls { text += "\u{1b}7\u{1b}[r\u{1b}8" }
        if inserts { text += "\u{1b}[4l" }
        if keypad { text += "\u{1b}>" }
        if shifts { text += "\u{0f}\u{1b}(B" }
        if isDrawn { text += "\u{1b}[0m" }
        return Array(text.utf8)
    }
}
