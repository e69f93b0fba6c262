// SPDX-License-Identifier: Apache-2.0
//
// Hashes, trees, proofs, names and notes, against their definitions.

@testable import AuditLog
import Testing

@Suite("the tree")
struct TreeTests {
    /// RFC 6962, section 2.1, word for word.
    static func root(_ leaves: ArraySlice<[UInt8]>) -> Digest {
        if leaves.isEmpty { return Digest(of: []) }
        if leaves.count == 1 { return Digest(of: [0] + leaves[leaves.startIndex]) }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        let middle = leaves.startIndex + split
        return Digest(of: [1] + root(leaves[..<middle]).bytes + root(leaves[middle...]).bytes)
    }

    static let leaves = (0..<600).map { Array("entry \($0)".utf8) }

    @Test func `an edge has the root of its definition`() {
        var edge = Edge()
        for size in 0...600 {
            if size % 37 == 0 || size < 40 || 250...260 ~= size { #expect(edge.root == Self.root(Self.leaves[..<size]), "\(size)") }
            if size < 600 { edge.append(Digest(of: [0] + Self.leaves[size])) }
        }
        #expect(Digest(of: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `a record is shown to be in the tree, and no other record is`() throws {
        let ground = try Ground()
        let log = try ground.open()
        for index in 0..<270 { _ = try log.append(record(index), .fast) }
        let checkpoint = try log.publish()
        #expect(checkpoint.size == 270)
        try ground.reader.read { (number, entry) throws(LogError) in
            if number % 9 > 1, number < 250 { return }
            let (proof, _) = try ground.reader.inclusion(of: number)
            #expect(proof.includes(entry: Array(entry), index: number, in: checkpoint), "\(number)")
            #expect(!proof.includes(entry: Array(entry) + [0x20], index: number, in: checkpoint))
            #expect(!proof.includes(entry: Array(entry), index: number ^ 1, in: checkpoint))
            #expect(!Proof(Array(proof.hashes.dropLast())).includes(entry: Array(entry), index: number, in: checkpoint))
        }
        #expect(throws: LogError(.noRecord(270, size: 270))) { try ground.reader.inclusion(of: 270) }
    }

    @Test(arguments: [1, 2, 7, 8, 100, 255, 256, 257, 269, 270])
    func `an older tree is shown to be the begin of a newer one`(older: Int) throws {
        let ground = try Ground()
        let log = try ground.open()
        for index in 0..<older { _ = try log.append(record(index), .fast) }
        let before = try log.publish()
        for index in older..<270 { _ = try log.append(record(index), .fast) }
        let after = try log.publish()
        let (proof, checkpoint) = try ground.reader.consistency(with: before)
        #expect(checkpoint == after)
        #expect(proof.connects(before, to: after))
        let other = Checkpoint(origin: before.origin, size: before.size, root: Digest(of: [9]))
        #expect(!proof.connects(other, to: after))
        #expect(!proof.connects(before, to: Checkpoint(origin: after.origin, size: after.size + 1, root: Digest(of: [9]))))
    }

    @Test(arguments: [(0, "000"), (67, "067"), (1000, "x001/000"), (1_234_067, "x001/x234/067")])
    func `tiles are named as C2SP says`(number: UInt64, text: String) {
        #expect(TilePath.text(number) == text)
        #expect(TilePath.hashes(level: 1, number) == "tile/1/\(text)")
        #expect(TilePath.entries(number, width: 8) == "tile/entries/\(text).p/8")
    }

    @Test func `the checksum is Castagnoli's`() {
        // RFC 3720, appendix B.4, and the check value of the algorithm.
        func check(_ bytes: [UInt8]) -> UInt32 { CRC32C.of(unsafe bytes.span.bytes) }
        #expect(check(Array("123456789".utf8)) == 0xe306_9283)
        #expect(check([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(check([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `base 64 is that of RFC 4648`(text: String, encoded: String) {
        #expect(Base64.text(Array(text.utf8)) == encoded)
        #expect(Base64.bytes(encoded) == Array(text.utf8))
    }

    @Test(arguments: ["Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-v"])
    func `another spelling is none`(text: String) { #expect(Base64.bytes(text) == nil) }
}

@Suite("notes")
struct NoteTests {
    static func key(_ byte: UInt8 = 7, _ name: String = "test.example/log") throws -> SigningKey {
        try SigningKey(name: name, seed: Array(repeating: byte, count: 32))
    }

    @Test func `a key is read back from its line`() throws {
        let key = try Self.key()
        #expect(try SigningKey(key.text).text == key.text)
        #expect(try VerifyingKey(key.verifier.description) == key.verifier)
        #expect(throws: LogError.self) { try SigningKey(key.text.replacing("log+", with: "lag+")) }
        #expect(throws: LogError.self) { try SigningKey(name: "two words", seed: Array(repeating: 7, count: 32)) }
        #expect(throws: LogError.self) { try VerifyingKey("a+b") }
    }

    @Test func `a signed checkpoint opens with its key alone`() throws {
        let key = try Self.key()
        let checkpoint = Checkpoint(origin: key.verifier.name, size: 12, root: Digest(of: [1]))
        let note = try checkpoint.signed(by: key)
        #expect(try Checkpoint(note: note, by: key.verifier) == checkpoint)
        // Somebody else's line beside it changes nothing.
        #expect(try Checkpoint(note: note + "— witness.example AAAA\n", by: key.verifier) == checkpoint)
        #expect(throws: LogError.self) { try Checkpoint(note: note, by: try Self.key(8).verifier) }
        for place in note.utf8.indices.indices where place.utf16Offset(in: note) % 3 == 0 {
            var bytes = Array(note.utf8)
            bytes[note.utf8.distance(from: note.startIndex, to: place)] ^= 1
            #expect(throws: LogError.self) { try Checkpoint(note: String(decoding: bytes, as: UTF8.self), by: key.verifier) }
        }
    }

    @Test func `another log's checkpoint is none of this log`() throws {
        let key = try Self.key()
        let note = try Checkpoint(origin: "other", size: 12, root: Digest(of: [1])).signed(by: key)
        #expect(throws: LogError(.note("its origin is `other`, not `test.example/log`"))) { try Checkpoint(note: note, by: key.verifier) }
    }
}
