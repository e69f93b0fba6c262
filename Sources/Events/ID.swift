// SPDX-License-Identifier: Apache-2.0
//
// The names of sessions, cells, calls and denials: a letter for the kind and digits of Crockford's base 32, short enough to read aloud.
// They are made from bytes that the caller brings; there is no source of randomness here.

/// What an id can name. The cases of these types are never made; they only keep one kind of id from standing for another.
public protocol Identified: Sendable {
    /// The first letter of every id of this kind.
    static var letter: Character { get }
}

public enum SessionKind: Identified { public static let letter: Character = "s" }
public enum CellKind: Identified { public static let letter: Character = "c" }
public enum CallKind: Identified { public static let letter: Character = "k" }
public enum DenialKind: Identified { public static let letter: Character = "d" }

public typealias SessionID = ID<SessionKind>
public typealias CellID = ID<CellKind>
public typealias CallID = ID<CallKind>
public typealias DenialID = ID<DenialKind>

/// A letter and 4 to 26 base 32 digits, such as `c7f3a9k2m`.
public struct ID<Kind: Identified>: Sendable, Hashable, CustomStringConvertible {
    public let text: String
    public var description: String { text }

    private static var digits: [UInt8] { Array("0123456789abcdefghjkmnpqrstvwxyz".utf8) }

    /// An id from random bytes or a counter: 5 bits a digit, from the first bit of the first byte, what remains at the end filled with zeros.
    /// Nil for fewer than 2 bytes and more than 16.
    public init?(bytes: [UInt8]) {
        guard 2...16 ~= bytes.count else { return nil }
        var text = Array(String(Kind.letter).utf8)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(Self.digits[Int(buffer >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { text.append(Self.digits[Int(buffer << UInt32(5 - bits) & 31)]) }
        self.text = String(decoding: text, as: UTF8.self)
    }

    /// An id from its text; nil where it is not one of this kind.
    public init?(_ text: String) {
        guard text.first == Kind.letter, 4...26 ~= text.utf8.dropFirst().count, text.utf8.dropFirst().allSatisfy(Self.digits.contains)
        else { return nil }
        self.text = text
    }
}
