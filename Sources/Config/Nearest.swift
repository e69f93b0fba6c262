// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": the known spelling that is fewest edits away, if it is near at all.

/// The candidate nearest to a word, by edits (insert, delete, replace, swap neighbours; case does not count); nil where even that one
/// differs in more than a third of the word. The first of equals wins.
public func nearest(_ word: String, in candidates: [String]) -> String? {
    // Longer input is no misspelling, and the work is quadratic.
    let wanted = Array(word.lowercased().unicodeScalars.prefix(65))
    guard wanted.count <= 64 else { return nil }
    var best: (distance: Int, candidate: String)?
    for candidate in candidates {
        let distance = editDistance(wanted, Array(candidate.lowercased().unicodeScalars))
        if distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    guard let best, best.distance <= max(1, wanted.count / 3) else { return nil }
    return best.candidate
}

/// The optimal string alignment distance.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for i in 1...left.count {
        var row = [i]
        for j in 1...right.count {
            var distance = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1))
            if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] { distance = min(distance, beforeLast[j - 2] + 1) }
            row.append(distance)
        }
        (beforeLast, last) = (last, row)
    }
    return last[right.count]
}
