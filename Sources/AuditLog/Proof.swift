// SPDX-License-Identifier: Apache-2.0
//
// Proofs from a log's tiles: that a record is in the tree of a checkpoint, and that the tree of one checkpoint begins with that of an
// earlier one; and their verification, which needs no log. Follows RFC 9162, sections 2.1.3 and 2.1.4.

/// The hashes of a proof, in the order in which they are folded.
public struct Proof: Sendable, Hashable {
    public let hashes: [Digest]

    public init(_ hashes: [Digest]) { self.hashes = hashes }

    /// Whether this shows a record's hash to be number `index` of the tree of a checkpoint.
    public func includes(entry: [UInt8], index: UInt64, in checkpoint: Checkpoint) -> Bool {
        guard index < checkpoint.size else { return false }
        var (number, last) = (index, checkpoint.size - 1)
        var hash = unsafe Digest(leaf: entry.span.bytes)
        for other in hashes {
            if last == 0 { return false }
            if number & 1 == 1 || number == last {
                hash = Digest(other, hash)
                while number & 1 == 0, number != 0 {
                    number >>= 1
                    last >>= 1
                }
            } else {
                hash = Digest(hash, other)
            }
            number >>= 1
            last >>= 1
        }
        return last == 0 && hash == checkpoint.root
    }

    /// Whether this shows the tree of `newer` to begin with that of `older`.
    public func connects(_ older: Checkpoint, to newer: Checkpoint) -> Bool {
        if older.size > newer.size { return false }
        if older.size == newer.size { return hashes.isEmpty && older.root == newer.root }
        if older.size == 0 { return hashes.isEmpty }
        var left = hashes[...]
        if older.size.nonzeroBitCount == 1 { left = [older.root] + left }
        guard let first = left.popFirst() else { return false }
        var (number, last) = (older.size - 1, newer.size - 1)
        while number & 1 == 1 {
            number >>= 1
            last >>= 1
        }
        var (before, after) = (first, first)
        for other in left {
            if last == 0 { return false }
            if number & 1 == 1 || number == last {
                before = Digest(other, before)
                after = Digest(other, after)
                while number & 1 == 0, number != 0 {
                    number >>= 1
                    last >>= 1
                }
            } else {
                after = Digest(after, other)
            }
            number >>= 1
            last >>= 1
        }
        return last == 0 && before == older.root && after == newer.root
    }
}

extension Tiles {
    /// - Throws: `noRecord`; `damaged` where a tile is not what it must be.
    func inclusion(of index: UInt64) throws(LogError) -> Proof {
        guard index < size else { throw LogError(.noRecord(index, size: size)) }
        var hashes: [Digest] = []
        var range = 0..<size
        while range.count > 1 {
            let split = range.lowerBound + Self.split(UInt64(range.count))
            if index < split {
                hashes.append(try root(split..<range.upperBound))
                range = range.lowerBound..<split
            } else {
                hashes.append(try root(range.lowerBound..<split))
                range = split..<range.upperBound
            }
        }
        return Proof(hashes.reversed())
    }

    /// That the tree of this size begins with that of `older` records.
    func consistency(with older: UInt64) throws(LogError) -> Proof {
        guard older <= size else { throw LogError(.rolledBack(found: size, promised: older)) }
        if older == 0 || older == size { return Proof([]) }
        var hashes: [Digest] = []
        var range = 0..<size
        var isRoot = true
        while older != range.upperBound {
            let split = range.lowerBound + Self.split(UInt64(range.count))
            if older <= split {
                hashes.append(try root(split..<range.upperBound))
                range = range.lowerBound..<split
            } else {
                hashes.append(try root(range.lowerBound..<split))
                range = split..<range.upperBound
                isRoot = false
            }
        }
        if !isRoot { hashes.append(try root(range)) }
        return Proof(hashes.reversed())
    }

    /// The largest power of two below a count of 2 or more.
    private static func split(_ count: UInt64) -> UInt64 { 1 << UInt64(63 - (count - 1).leadingZeroBitCount) }

    private func root(_ range: Range<UInt64>) throws(LogError) -> Digest {
        let count = UInt64(range.count)
        if count.nonzeroBitCount == 1 {
            let height = count.trailingZeroBitCount
            return try hash(height: height, range.lowerBound >> UInt64(height))
        }
        let split = range.lowerBound + Self.split(count)
        return Digest(try root(range.lowerBound..<split), try root(split..<range.upperBound))
    }
}
