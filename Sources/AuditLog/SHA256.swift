// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4) and Ed25519 (RFC 8032) as Nettle has them, which is what GnuTLS stands on: its SHA-256 uses the processor's own
// instructions where there are any. Nothing of either is computed here.

internal import CNettle

/// A hash under way.
struct SHA256 {
    private var context = sha256_ctx()

    init() { unsafe nettle_sha256_init(&context) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        unsafe nettle_sha256_update(&context, bytes.count, start.assumingMemoryBound(to: UInt8.self))
    }

    /// The 32 bytes as big-endian quarters.
    mutating func finish() -> (UInt64, UInt64, UInt64, UInt64) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &words) { raw in
            unsafe nettle_sha256_digest(&context, raw.count, raw.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        return (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    }
}

/// Signatures of 64 bytes by keys of 32.
enum Ed25519 {
    static let keyCount = 32
    static let signatureCount = 64

    /// INVARIANT: the seed has 32 bytes, as every seed that a `SigningKey` holds.
    static func publicKey(seed: [UInt8]) -> [UInt8] {
        precondition(seed.count == keyCount)
        return unsafe [UInt8](unsafeUninitializedCapacity: keyCount) { key, count in
            unsafe nettle_ed25519_sha512_public_key(key.baseAddress, seed)
            count = keyCount
        }
    }

    static func signature(of text: [UInt8], seed: [UInt8], publicKey: [UInt8]) -> [UInt8] {
        precondition(seed.count == keyCount && publicKey.count == keyCount)
        return unsafe [UInt8](unsafeUninitializedCapacity: signatureCount) { signature, count in
            unsafe nettle_ed25519_sha512_sign(publicKey, seed, text.count, text, signature.baseAddress)
            count = signatureCount
        }
    }

    static func verifies(_ signature: [UInt8], of text: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == signatureCount, publicKey.count == keyCount else { return false }
        return unsafe nettle_ed25519_sha512_verify(publicKey, text.count, text, signature) == 1
    }
}
