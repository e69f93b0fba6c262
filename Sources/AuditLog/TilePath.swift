// SPDX-License-Identifier: Apache-2.0
//
// Where tiles are, below the log's folder, and how entries are packed in theirs. A tile has 256 hashes of one level, or fewer while it is the
// last of its level: then its width is part of its name. Follows C2SP tlog-tiles.

enum TilePath {
    static let width: UInt64 = 256

    /// `tile/<level>/<number>[.p/<width>]`
    static func hashes(level: Int, _ number: UInt64, width: UInt64 = width) -> String { "tile/\(level)/\(named(number, width))" }

    /// `tile/entries/<number>[.p/<width>]`
    static func entries(_ number: UInt64, width: UInt64 = width) -> String { "tile/entries/\(named(number, width))" }

    private static func named(_ number: UInt64, _ width: UInt64) -> String { width == Self.width ? text(number) : "\(text(number)).p/\(width)" }

    /// Groups of three digits, all but the last behind an `x`: 1234067 is `x001/x234/067`.
    static func text(_ number: UInt64) -> String {
        var parts: [String] = []
        var left = number
        repeat {
            let digits = String(left % 1000)
            parts.append(String(repeating: "0", count: 3 - digits.utf8.count) + digits)
            left /= 1000
        } while left > 0
        return parts.enumerated().reversed().map { $0.offset > 0 ? "x" + $0.element : $0.element }.joined(separator: "/")
    }

    /// The level of the last tiles of a tree of that size, which has one hash or more in each.
    static func levels(_ size: UInt64) -> Range<Int> { 0..<((UInt64.bitWidth - size.leadingZeroBitCount + 7) / 8) }

    static func append(entry: some Collection<UInt8>, to bundle: inout [UInt8]) {
        bundle.append(UInt8(entry.count >> 8))
        bundle.append(UInt8(entry.count & 255))
        bundle.append(contentsOf: entry)
    }

    /// The entries of a bundle; fewer than there should be where it ends early.
    static func entries(in bundle: [UInt8]) -> (ranges: [Range<Int>], isWhole: Bool) {
        var ranges: [Range<Int>] = []
        var place = 0
        while place + 2 <= bundle.count {
            let count = Int(bundle[place]) << 8 | Int(bundle[place + 1])
            guard place + 2 + count <= bundle.count else { return (ranges, false) }
            ranges.append((place + 2)..<(place + 2 + count))
            place += 2 + count
        }
        return (ranges, place == bundle.count)
    }
}
