// SPDX-License-Identifier: Apache-2.0
//
// What can be wrong with a JSON text, and where. One type for the module.

/// A place in a text.
public struct Place: Sendable, Hashable {
    /// In bytes from 0.
    public let offset: Int
    /// From 1; lines end at each line feed.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int

    /// The place of a byte of a text.
    public init(offset: Int, in bytes: Span<UInt8>) {
        var line = 1
        var column = 1
        for at in 0..<min(offset, bytes.count) {
            if bytes[at] == 0x0a {
                line += 1
                column = 1
            } else if bytes[at] & 0xc0 != 0x80 {
                column += 1
            }
        }
        self.offset = offset
        self.line = line
        self.column = column
    }
}

/// A text that was refused, or a value that cannot be written.
public struct JSONError: Error, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        case unexpectedEnd(expected: String)
        case unexpectedByte(UInt8, expected: String)
        case trailingData
        case invalidNumber
        case invalidEscape
        case loneSurrogate
        case controlCharacter(UInt8)
        case invalidUTF8
        case duplicateMember(String)
        case tooManyBytes(limit: Int)
        case tooDeep(limit: Int)
        case tooManyMembers(limit: Int)
        case tooManyValues(limit: Int)
        case numberTooLong(limit: Int)
        /// The number has no canonical form that means the same: it is beyond doubles, or an integer that a double would alter.
        case numberNotInterchangeable(String)
    }

    public let reason: Reason
    /// Nil only for `numberNotInterchangeable`, which is a property of a value.
    public let place: Place?

    public init(reason: Reason, place: Place?) {
        self.reason = reason
        self.place = place
    }

    public var description: String { (place.map { "\($0.line):\($0.column): " } ?? "") + message }

    /// The message without the place.
    public var message: String {
        switch reason {
        case .unexpectedEnd(let expected): "the text ends where \(expected) was expected"
        case .unexpectedByte(let byte, let expected): "\(JSONError.show(byte)) where \(expected) was expected"
        case .trailingData: "something follows the value"
        case .invalidNumber: "not a number of JSON"
        case .invalidEscape: "not an escape of JSON"
        case .loneSurrogate: "half of a surrogate pair"
        case .controlCharacter(let byte): "\(JSONError.show(byte)) in a string must be escaped"
        case .invalidUTF8: "not valid UTF-8"
        case .duplicateMember(let name): "member \(Value.string(name).serialised()) occurs twice"
        case .tooManyBytes(let limit): "the text is longer than \(limit) bytes"
        case .tooDeep(let limit): "nested deeper than \(limit)"
        case .tooManyMembers(let limit): "more than \(limit) members"
        case .tooManyValues(let limit): "more than \(limit) values"
        case .numberTooLong(let limit): "a number longer than \(limit) bytes"
        case .numberNotInterchangeable(let text): "number `\(text)` has no canonical form"
        }
    }

    private static func show(_ byte: UInt8) -> String {
        if byte > 0x20 && byte < 0x7f { return "`\(Character(Unicode.Scalar(byte)))`" }
        let digits = String(byte, radix: 16)
        return "byte 0x\(byte < 16 ? "0" : "")\(digits)"
    }
}
