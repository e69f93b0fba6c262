// SPDX-License-Identifier: Apache-2.0
// Why something was not learned, merged or promoted: a sentence and what to do.

package enum LearningError: Error, Equatable, Sendable {
    case doubtful(String, String)
    case otherProgram(String, old: String, new: String)
    case otherProfile(String, old: String, new: String)
    /// The file is a profile that somebody wrote.
    case notLearned(String)
    /// It was learned, and written to since.
    case edited(String)

    package var message: (text: String, help: String?) {
        switch self {
        case .doubtful(let name, let doubt):
            ("`\(name)` is not sure enough to be promoted: \(doubt)", "learn from more inputs, or promote it all the same with --force \(name)")
        case .otherProgram(let name, let old, let new):
            ("profile `\(name)` was learned from \(old), and this is \(new)", "learn under another name with --as NAME")
        case .otherProfile(let name, let old, let new):
            ("profile `\(name)` was learned under profile \(old), and this run is under \(new)", "learn with -p \(old), or under another name with --as NAME")
        case .notLearned(let file):
            (
                "`\(file)` is a profile that was not learned, and is not overwritten",
                "learn under another name with --as NAME, or write elsewhere with --out FILE"
            )
        case .edited(let file):
            (
                "`\(file)` was changed since it was learned, and is not overwritten",
                "learn under another name with --as NAME, or write elsewhere with --out FILE"
            )
        }
    }
}
