// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 values and the hashes of a Merkle tree: a leaf is SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right), so that no entry
// can pass for a node. Follows RFC 6962, section 2.1. The compression itself is Nettle's.

/// A SHA-256 value.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    /// Big-endian quarters: a value without storage of its own elsewhere.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    public static let byteCount = 32

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// 32 bytes; nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: [4 of UInt64] = [0, 0, 0, 0]
        for (position, byte) in bytes.enumerated() { words[position / 8] = words[position / 8] << 8 | UInt64(byte) }
        self.init(words: (words[0], words[1], words[2], words[3]))
    }

    /// 64 digits, lower case; nil for anything else.
    public init?(hex: String) {
        guard let bytes = Hex.bytes(hex) else { return nil }
        self.init(bytes: bytes)
    }

    /// Of these bytes as they are.
    public init(of bytes: [UInt8]) {
        var hash = SHA256()
        unsafe bytes.withUnsafeBytes { unsafe hash.update($0) }
        self.init(words: hash.finish())
    }

    /// The hash of an entry as a leaf of the tree.
    init(leaf entry: RawSpan) {
        var hash = SHA256()
        unsafe withUnsafeBytes(of: UInt8(0)) { unsafe hash.update($0) }
        unsafe entry.withUnsafeBytes { unsafe hash.update($0) }
        self.init(words: hash.finish())
    }

    /// The hash of a node with these children.
    init(_ left: Digest, _ right: Digest) {
        var hash = SHA256()
        // SAFETY: both places are within the 65 bytes.
        unsafe withUnsafeTemporaryAllocation(byteCount: 1 + 2 * Self.byteCount, alignment: 8) { buffer in
            unsafe buffer[0] = 1
            unsafe left.store(in: UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]))
            unsafe right.store(in: UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]))
            unsafe hash.update(UnsafeRawBufferPointer(buffer))
        }
        self.init(words: hash.finish())
    }

    /// Reads 32 bytes at a place. INVARIANT: they are there.
    init(_ bytes: RawSpan, at place: Int) {
        func word(_ at: Int) -> UInt64 { unsafe UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: place + at, as: UInt64.self)) }
        precondition(place >= 0 && place + Self.byteCount <= bytes.byteCount)
        self.init(words: (word(0), word(8), word(16), word(24)))
    }

    private func store(in buffer: UnsafeMutableRawBufferPointer) {
        unsafe buffer.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
        unsafe buffer.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        unsafe buffer.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
        unsafe buffer.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        append(to: &bytes)
        return bytes
    }

    func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: words.0)
        bytes.append(bigEndian: words.1)
        bytes.append(bigEndian: words.2)
        bytes.append(bigEndian: words.3)
    }

    public var hex: String { Hex.text(bytes) }

    /// 64 digits.
    func append(hexTo text: inout [UInt8]) {
        func append(_ word: UInt64) {
            for shift in stride(from: 60, through: 0, by: -4) { text.append(Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15)) }
        }
        append(words.0)
        append(words.1)
        append(words.2)
        append(words.3)
    }

    public var description: String { hex }

    public static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

enum Hex {
    static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x61 - 10 + value }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    static func append(_ bytes: some Sequence<UInt8>, to text: inout [UInt8]) {
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
    }

    /// Nil for an odd count or anything that is no lower-case digit.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { byte -> UInt8? in
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x61...0x66: byte - 0x61 + 10
            default: nil
            }
        }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for at in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[at], let low = digits[at + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}

extension [UInt8] {
    mutating func append(bigEndian word: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }

    mutating func append(littleEndian word: UInt64) {
        for shift in stride(from: 0, through: 56, by: 8) { append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }

    mutating func append(littleEndian word: UInt32) {
        for shift in stride(from: 0, through: 24, by: 8) { append(UInt8(truncatingIfNeeded: word >> UInt32(shift))) }
    }
}
