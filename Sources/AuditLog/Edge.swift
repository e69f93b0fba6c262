// SPDX-License-Identifier: Apache-2.0
//
// The right edge of a Merkle tree: the roots of its full subtrees from the largest to the smallest, one for each bit of its size. It is all
// that is needed to go on appending and to know the root. Follows RFC 6962, section 2.1.

struct Edge: Sendable, Hashable {
    private(set) var size: UInt64
    private(set) var hashes: [Digest]

    init() {
        size = 0
        hashes = []
    }

    /// Nil where there are not as many hashes as the size has bits.
    init?(size: UInt64, hashes: [Digest]) {
        guard hashes.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.hashes = hashes
    }

    mutating func append(_ leaf: Digest) {
        var hash = leaf
        var left = size
        while left & 1 == 1, let last = hashes.popLast() {
            hash = Digest(last, hash)
            left >>= 1
        }
        hashes.append(hash)
        size += 1
    }

    /// Of no records: SHA-256 of nothing.
    var root: Digest {
        guard var hash = hashes.last else { return Digest(of: []) }
        for left in hashes.dropLast().reversed() { hash = Digest(left, hash) }
        return hash
    }
}
