// SPDX-License-Identifier: Apache-2.0
//
// What a log promises at one size: its origin, its number of records and the root of their tree, signed. Three lines, an empty one, and
// signature lines that begin with an em dash. Follows C2SP tlog-checkpoint and signed-note. Other signatures (witnesses, other algorithms)
// are kept out of the way, not refused.

internal import JSON

/// The size and root of a log, as signed.
public struct Checkpoint: Sendable, Hashable {
    public let origin: String
    /// The number of records.
    public let size: UInt64
    public let root: Digest

    public init(origin: String, size: UInt64, root: Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The text that is signed.
    var text: String { "\(origin)\n\(size)\n\(Base64.text(root.bytes))\n" }

    /// The signed note.
    public func signed(by key: SigningKey) throws(LogError) -> String {
        let signature = key.signature(of: Array(text.utf8))
        return "\(text)\n— \(key.verifier.name) \(Base64.text(key.verifier.id + signature))\n"
    }

    /// - Throws: `note` where it is no signed checkpoint, or none by this key.
    public init(note: String, by key: VerifyingKey) throws(LogError) {
        guard note.utf8.count <= 64 << 10, note.utf8.last == 0x0a, let gap = Self.gap(Array(note.utf8)) else {
            throw LogError(.note("there is no signature in it"))
        }
        let bytes = Array(note.utf8)
        let text = Array(bytes[...gap])
        let lines = String(decoding: bytes[(gap + 2)...], as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
        let isSigned = lines.contains { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "—", sameBytes(String(parts[1]), key.name), let raw = Base64.bytes(parts[2]), raw.count == 68,
                Array(raw.prefix(4)) == key.id
            else { return false }
            return key.verifies(Array(raw.dropFirst(4)), of: text)
        }
        guard isSigned else { throw LogError(.note("it is not signed by `\(key.name)` with the key \(Hex.text(key.id))")) }
        let fields = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard fields.count >= 4, let size = UInt64(fields[1]), "\(size)" == fields[1], let raw = Base64.bytes(fields[2]), let root = Digest(bytes: raw)
        else { throw LogError(.note("its text is no checkpoint")) }
        self.init(origin: String(fields[0]), size: size, root: root)
        guard sameBytes(origin, key.name) else { throw LogError(.note("its origin is `\(origin)`, not `\(key.name)`")) }
    }

    /// The place of the line feed before the last empty line: the text ends there.
    private static func gap(_ bytes: [UInt8]) -> Int? {
        bytes.indices.dropLast().last { bytes[$0] == 0x0a && bytes[$0 + 1] == 0x0a }
    }
}
