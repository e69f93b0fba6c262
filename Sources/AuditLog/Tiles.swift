// SPDX-License-Identifier: Apache-2.0
//
// The published tiles of a log as they are on disk: their hashes and entries at one size of the tree. It trusts nothing that it reads and
// judges nothing either; whoever asks compares.

internal import Linux

struct Tiles: Sendable {
    let folder: String
    /// Of the tree; names the last tile of each level.
    let size: UInt64

    /// How many hashes the tile has at this size.
    func width(level: Int, _ number: UInt64) -> UInt64 { min(TilePath.width, size >> UInt64(8 * level) - number * TilePath.width) }

    func path(level: Int, _ number: UInt64) -> String { TilePath.hashes(level: level, number, width: width(level: level, number)) }

    func entriesPath(_ number: UInt64) -> String { TilePath.entries(number, width: width(level: 0, number)) }

    /// The hashes of a tile, as many as it should have.
    /// - Throws: `damaged` where it is not there or not as long as it must be. A full tile will do for a partial one.
    func hashes(level: Int, _ number: UInt64) throws(LogError) -> [Digest] {
        let width = width(level: level, number)
        let bytes = try content(path(level: level, number), TilePath.hashes(level: level, number), limit: 1 << 14, record: number << UInt64(8 * level + 8))
        guard bytes.count >= Int(width) * Digest.byteCount, bytes.count % Digest.byteCount == 0 else {
            let there = UInt64(bytes.count / Digest.byteCount)
            throw LogError(.damaged(file: path(level: level, number), record: (number * TilePath.width + there) << UInt64(8 * level), problem: "ends early"))
        }
        return (0..<Int(width)).map { unsafe Digest(bytes.span.bytes, at: $0 * Digest.byteCount) }
    }

    /// A bundle of entries as it is on disk.
    func bundle(_ number: UInt64) throws(LogError) -> [UInt8] {
        try content(entriesPath(number), TilePath.entries(number), limit: 256 * (2 + 65_535), record: number * TilePath.width)
    }

    private func content(_ path: String, _ full: String, limit: Int, record: UInt64) throws(LogError) -> [UInt8] {
        let error: SystemError
        do { return try Files.read("\(folder)/\(path)", limit: limit) } catch let first { error = first }
        if error.code == 2, !sameText(path, full), let bytes = try? Files.read("\(folder)/\(full)", limit: limit) { return bytes }
        throw LogError(.damaged(file: path, record: record, problem: error.code == 2 ? "is gone" : "cannot be read: \(error.message)"))
    }

    /// The right edge at this size, from the last tile of each level.
    func edge() throws(LogError) -> Edge {
        var tails: [[Digest]] = []
        for level in TilePath.levels(size) {
            let count = size >> UInt64(8 * level)
            tails.append(count % TilePath.width == 0 ? [] : try hashes(level: level, count / TilePath.width))
        }
        guard let edge = Edge(size: size, hashes: Self.edge(tails)) else {
            throw LogError(.damaged(file: "tile", record: nil, problem: "has not the hashes of its size"))
        }
        return edge
    }

    /// The roots of the full subtrees within the last tiles, from the highest level down.
    static func edge(_ tails: [[Digest]]) -> [Digest] {
        tails.reversed().flatMap { tail -> [Digest] in
            var edge = Edge()
            for hash in tail { edge.append(hash) }
            return edge.hashes
        }
    }

    /// The root of the subtree of 2^height leaves with that number.
    func hash(height: Int, _ number: UInt64) throws(LogError) -> Digest {
        let level = height / 8
        let first = number << UInt64(height % 8)
        let count = 1 << (height % 8)
        let tile = try hashes(level: level, first / TilePath.width)
        let begin = Int(first % TilePath.width)
        guard begin + count <= tile.count else { throw LogError(.noRecord(first << UInt64(8 * level), size: size)) }
        return Self.root(tile[begin..<(begin + count)])
    }

    static func root(_ hashes: ArraySlice<Digest>) -> Digest {
        var edge = Edge()
        for hash in hashes { edge.append(hash) }
        return edge.root
    }
}
