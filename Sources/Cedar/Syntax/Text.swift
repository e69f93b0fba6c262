// SPDX-License-Identifier: Apache-2.0
//
// The string of the Cedar language: a sequence of code points, compared by its UTF-8 bytes. It is not `String`:
// Swift's `==` is canonical equivalence ("e" + U+0301 equals U+00E9), Cedar's is equality of code points.

/// A Cedar string. Equality, order and hash are those of its UTF-8 bytes.
public struct Text: Sendable {
    public let string: String

    public init(_ string: String) { self.string = string }

    /// The text of UTF-8 bytes; nil if they are not well-formed UTF-8.
    public init?(utf8 bytes: ArraySlice<UInt8>) {
        guard let string = String(validating: bytes, as: UTF8.self) else { return nil }
        self.string = string
    }

    public var utf8: String.UTF8View { string.utf8 }
    public var isEmpty: Bool { string.utf8.isEmpty }

    /// Whether the text begins with the bytes of `prefix`.
    public func hasPrefix(_ prefix: Text) -> Bool {
        let whole = string.utf8.span
        let part = prefix.string.utf8.span
        guard part.count <= whole.count else { return false }
        for index in 0..<part.count where whole[index] != part[index] { return false }
        return true
    }

    /// A comparison of bytes, from the first: negative, zero or positive.
    public static func compare(_ left: Text, _ right: Text) -> Int {
        let a = left.string.utf8.span
        let b = right.string.utf8.span
        let common = min(a.count, b.count)
        var index = 0
        while index < common {
            let x = a[index]
            let y = b[index]
            if x != y { return x < y ? -1 : 1 }
            index += 1
        }
        return a.count == b.count ? 0 : (a.count < b.count ? -1 : 1)
    }
}

extension Text: Hashable, Comparable {
    public static func == (left: Text, right: Text) -> Bool {
        let a = left.string.utf8.span
        let b = right.string.utf8.span
        guard a.count == b.count else { return false }
        var index = 0
        while index < a.count {
            if a[index] != b[index] { return false }
            index += 1
        }
        return true
    }

    public static func < (left: Text, right: Text) -> Bool { compare(left, right) < 0 }

    /// Not the hash of `String`, which is one for all canonically equivalent texts: 2^n ids of n accents would meet in it.
    public func hash(into hasher: inout Hasher) {
        let bytes = string.utf8.span
        var word: UInt64 = 0
        var index = 0
        while index < bytes.count {
            word = word << 8 | UInt64(bytes[index])
            index += 1
            if index & 7 == 0 {
                hasher.combine(word)
                word = 0
            }
        }
        // Seven bytes at most are left: the eighth says how many.
        hasher.combine(word | UInt64(index & 7 | 8) << 56)
    }
}

extension Text: ExpressibleByStringLiteral, CustomStringConvertible {
    public init(stringLiteral value: String) { self.init(value) }
    public var description: String { string }
}
