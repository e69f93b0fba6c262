// SPDX-License-Identifier: Apache-2.0
//
// The keys of signed notes, in the text forms that Go's sumdb/note has for them: `PRIVATE+KEY+NAME+ID+SEED` and `NAME+ID+KEY`. The id is the
// first four bytes of SHA-256(NAME || LF || 0x01 || public key). Follows C2SP signed-note; the algorithm byte 0x01 is Ed25519 (RFC 8032).

/// What verifies the notes of one log.
public struct VerifyingKey: Sendable, Hashable, CustomStringConvertible {
    static let ed25519: UInt8 = 1

    /// The log's origin: no space, no plus, not empty.
    public let name: String
    /// The 32 bytes of the public key.
    let key: [UInt8]
    let id: [UInt8]

    init?(name: String, key: [UInt8]) {
        guard Self.isName(name), key.count == 32 else { return nil }
        self.name = name
        self.key = key
        id = Self.id(name, key)
    }

    /// - Throws: `key` where the text is not of the form `NAME+ID+KEY`.
    public init(_ text: String) throws(LogError) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let raw = Base64.bytes(parts[2]), raw.count == 33, raw[0] == Self.ed25519,
            let key = VerifyingKey(name: String(parts[0]), key: Array(raw.dropFirst())), parts[1] == Hex.text(key.id)
        else { throw LogError(.key("it is not of the form `NAME+ID+KEY` with an Ed25519 key")) }
        self = key
    }

    /// The form that Go's `note.NewVerifier` takes.
    public var description: String { "\(name)+\(Hex.text(id))+\(Base64.text([Self.ed25519] + key))" }

    func verifies(_ signature: [UInt8], of text: [UInt8]) -> Bool {
        Ed25519.verifies(signature, of: text, publicKey: key)
    }

    static func isName(_ name: String) -> Bool {
        1...256 ~= name.utf8.count && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x2b }
    }

    static func id(_ name: String, _ key: [UInt8]) -> [UInt8] {
        Array(Digest(of: Array(name.utf8) + [0x0a, ed25519] + key).bytes.prefix(4))
    }
}

/// What signs the notes of one log. It belongs outside the log's folder and outside every cell.
public struct SigningKey: Sendable {
    public let verifier: VerifyingKey
    private let seed: [UInt8]

    /// - Parameter seed: 32 random bytes.
    /// - Throws: `key` for a name with spaces or a plus, or another count of bytes.
    public init(name: String, seed: [UInt8]) throws(LogError) {
        guard seed.count == Ed25519.keyCount, let verifier = VerifyingKey(name: name, key: Ed25519.publicKey(seed: seed))
        else { throw LogError(.key("a name of printable characters without `+` and 32 bytes are needed")) }
        self.seed = seed
        self.verifier = verifier
    }

    /// - Throws: `key` where the text is not of the form `PRIVATE+KEY+NAME+ID+SEED`.
    public init(_ text: String) throws(LogError) {
        let parts = text.split(separator: "+", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "PRIVATE", parts[1] == "KEY", let raw = Base64.bytes(parts[4]), raw.first == VerifyingKey.ed25519
        else { throw LogError(.key("it is not of the form `PRIVATE+KEY+NAME+ID+SEED`")) }
        try self.init(name: String(parts[2]), seed: Array(raw.dropFirst()))
        guard parts[3] == Hex.text(verifier.id) else { throw LogError(.key("its id is not that of its name and key")) }
    }

    /// The form that Go's `note.NewSigner` takes. A secret.
    public var text: String {
        "PRIVATE+KEY+\(verifier.name)+\(Hex.text(verifier.id))+\(Base64.text([VerifyingKey.ed25519] + seed))"
    }

    func signature(of text: [UInt8]) -> [UInt8] { Ed25519.signature(of: text, seed: seed, publicKey: verifier.key) }
}
