// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean ..?": the nearest of the known names to one that is not known. Bounded, as every finding of a set may ask:
// long names are not compared, of many names the first ones.

enum Suggestion {
    /// Names over this many bytes get no suggestion.
    private static let longest = 64
    /// How many names of about the same length are compared.
    private static let mostCompared = 1024

    /// `did you mean ..?`, or nil if no name is near.
    static func help(for name: String, among known: some Sequence<String>) -> String? {
        nearest(to: name, among: known).map { "did you mean `\($0)`?" }
    }

    static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        let wanted = Array(name.utf8)
        guard wanted.count <= longest else { return nil }
        var best: (distance: Int, name: String)?
        var compared = 0
        for candidate in known {
            // Short names are near only to what differs in case.
            let bound = min((best?.distance).map { $0 - 1 } ?? .max, wanted.count < 3 ? 0 : 1 + wanted.count / 6)
            let count = candidate.utf8.count
            guard count <= longest, abs(count - wanted.count) <= bound else { continue }
            compared += 1
            guard compared <= mostCompared else { break }
            if let distance = distance(wanted, Array(candidate.utf8), bound) { best = (distance, candidate) }
        }
        return best?.name
    }

    /// Insertions, deletions, replacements; case alone counts nothing. Nil where they are more than the bound.
    private static func distance(_ a: [UInt8], _ b: [UInt8], _ bound: Int) -> Int? {
        var previous = Array(0...b.count)
        var current = previous
        let far = bound + 1
        for (row, left) in a.enumerated() {
            // Only what is near the diagonal can be within the bound.
            let low = max(0, row - bound)
            current[low] = low == 0 ? row + 1 : far
            var least = current[low]
            for column in low..<max(low, min(b.count, row + bound + 1)) {
                let right = b[column]
                let same = left == right || (left ^ right == 0x20 && (left | 0x20) &- UInt8(ascii: "a") < 26)
                let above = column < row + bound ? previous[column + 1] : far
                current[column + 1] = min(previous[column] + (same ? 0 : 1), above + 1, current[column] + 1)
                least = min(least, current[column + 1])
            }
            guard least <= bound else { return nil }
            swap(&previous, &current)
        }
        return previous[b.count] <= bound ? previous[b.count] : nil
    }
}
