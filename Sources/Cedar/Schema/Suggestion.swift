// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean ..?": the nearest of the known names to one that is not known. Bounded: long names are not compared.

enum Suggestion {
    /// Names over this many bytes get no suggestion.
    private static let longest = 64

    /// `did you mean ..?`, or nil if no name is near.
    static func help(for name: String, among known: some Sequence<String>) -> String? {
        nearest(to: name, among: known).map { "did you mean `\($0)`?" }
    }

    static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        let wanted = Array(name.utf8)
        guard wanted.count <= longest else { return nil }
        var best: (distance: Int, name: String)?
        for candidate in known {
            let bytes = Array(candidate.utf8)
            // Short names are near only to what differs in case.
            let bound = min((best?.distance).map { $0 - 1 } ?? .max, wanted.count < 3 ? 0 : 1 + wanted.count / 6)
            guard bytes.count <= longest, abs(bytes.count - wanted.count) <= bound else { continue }
            let distance = distance(wanted, bytes)
            if distance <= bound { best = (distance, candidate) }
        }
        return best?.name
    }

    /// Insertions, deletions, replacements; case alone counts nothing.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var previous = Array(0...b.count)
        var current = previous
        for (row, left) in a.enumerated() {
            current[0] = row + 1
            for (column, right) in b.enumerated() {
                let same = left == right || (left ^ right == 0x20 && (left | 0x20) &- UInt8(ascii: "a") < 26)
                current[column + 1] = min(
                    previous[column] + (same ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
            }
            swap(&previous, &current)
        }
        return previous[b.count]
    }
}
