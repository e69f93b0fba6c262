// SPDX-License-Identifier: Apache-2.0
//
// Characters that a person does not see and a model reads: tag characters, zero width, directional overrides, runs of variation selectors.
// They are taken out of what servers send. Joiners between letters of other scripts and one selector after a symbol stay, as words and
// emoji need them. Unicode 16.0, chapter 23.

import JSON

enum HiddenText {
    /// The value without hidden characters in its strings and names, and how many there were.
    static func cleaned(_ value: Value) -> (value: Value, removed: Int) {
        var removed = 0
        guard holds(value) else { return (value, 0) }
        return (clean(value, &removed), removed)
    }

    private static func holds(_ value: Value) -> Bool {
        switch value {
        case .string(let text): suspicious(text)
        case .array(let elements): elements.contains(where: holds)
        case .object(let object): object.members.contains { suspicious($0.name) || holds($0.value) }
        default: false
        }
    }

    private static func clean(_ value: Value, _ removed: inout Int) -> Value {
        switch value {
        case .string(let text): return .string(clean(text, &removed))
        case .array(let elements): return .array(elements.map { clean($0, &removed) })
        case .object(let object):
            return .object(Object(object.members.map { Member(name: clean($0.name, &removed), value: clean($0.value, &removed)) }))
        default: return value
        }
    }

    /// Whether a byte stands in it with which a hidden character could begin: nearly no text of plain ASCII goes further.
    private static func suspicious(_ text: String) -> Bool {
        text.utf8.contains { $0 == 0xc2 || $0 == 0xcd || $0 == 0xd8 || $0 == 0xe1 || $0 == 0xe2 || $0 == 0xe3 || $0 >= 0xef }
    }

    static func clean(_ text: String, _ removed: inout Int) -> String {
        guard suspicious(text) else { return text }
        var kept = String.UnicodeScalarView()
        let scalars = Array(text.unicodeScalars)
        for (place, scalar) in scalars.enumerated() {
            if hides(scalar, after: kept.last, before: place + 1 < scalars.count ? scalars[place + 1] : nil) {
                removed += 1
            } else {
                kept.append(scalar)
            }
        }
        return String(kept)
    }

    private static func hides(_ scalar: Unicode.Scalar, after: Unicode.Scalar?, before: Unicode.Scalar?) -> Bool {
        switch scalar.value {
        case 0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b...0x180f, 0x200b, 0x200e, 0x200f, 0x202a...0x202e, 0x2060...0x206f,
            0x3164, 0xfeff, 0xffa0, 0xfff9...0xfffb, 0x1bca0...0x1bca3, 0x1d173...0x1d17a, 0xe0000...0xe0fff:
            true
        case 0x200c, 0x200d: !(after.map(joins) ?? false) || !(before.map(joins) ?? false)
        case 0xfe00...0xfe0f: !(after.map { $0.value > 0x22 && !(0xfe00...0xfe0f).contains($0.value) && (!$0.isASCII || keycap($0)) } ?? false)
        default: false
        }
    }

    private static func joins(_ scalar: Unicode.Scalar) -> Bool { scalar.value > 0x2af && scalar.value != 0x200c && scalar.value != 0x200d }

    /// A digit, `#` or `*` may be drawn as a key.
    private static func keycap(_ scalar: Unicode.Scalar) -> Bool { (0x30...0x39).contains(scalar.value) || scalar == "#" || scalar == "*" }
}
