// SPDX-License-Identifier: Apache-2.0
// One learning run as a value: what the command was seen to need, beyond the base, and what it asked for in vain. Paths are what the command
// wrote into its calls: advice for people, and never the ground of a decision.

package import Events
import Syscalls

/// When something was first needed. Ordered: what was ever needed at start-up is of start-up.
package enum Phase: String, CaseIterable, Comparable, Sendable {
    case startUp = "start-up"
    case steady

    package static func < (left: Phase, right: Phase) -> Bool { left == .startUp && right == .steady }
}

/// How one word of a profile came to be learned.
package struct Sighting: Equatable, Sendable {
    /// Runs with distinct inputs in which it was seen. Counted exactly while it is seen in one run only, and until the profile is
    /// settled; then its calls are no longer looked at, and this is the least it can be.
    package var runs: Int
    package var phase: Phase
    /// Calls, with the arguments that tell them apart.
    package var calls: Set<String>
    /// In place of a call's name: a new process was seen, and by which call it was made was not.
    package static let process = "process"

    package init(runs: Int, phase: Phase, calls: Set<String>) {
        self.runs = runs
        self.phase = phase
        self.calls = calls
    }
}

/// What was done with a path.
package struct FileUse: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let read = FileUse(rawValue: 1)
    package static let list = FileUse(rawValue: 2)
    package static let write = FileUse(rawValue: 4)
    package static let create = FileUse(rawValue: 8)
    package static let execute = FileUse(rawValue: 16)

    package var words: [String] {
        var words: [String] = []
        for (use, word) in [(FileUse.read, "read"), (.list, "listed"), (.write, "written"), (.create, "created"), (.execute, "executed")] where contains(use) {
            words.append(word)
        }
        return words
    }
}

/// What was seen while calls of one tool of a server were on their way.
package struct CallSeen: Equatable, Sendable {
    /// In place of a tool's name: what the server does between calls, and before the first.
    package static let between = "-"
    package var words: Set<String> = []
    package var files: [String: FileUse] = [:]
    package init() {}
}

/// What the calls of one tool were seen to need.
package struct CallNeeds: Equatable, Sendable {
    package var words: Set<String> = []
    package var programs: Set<String> = []
    package var changes: Set<String> = []
    package init() {}

    package mutating func formUnion(_ other: CallNeeds) {
        words.formUnion(other.words)
        programs.formUnion(other.programs)
        changes.formUnion(other.changes)
    }
}

/// What a run was seen to do.
package struct Observed: Equatable, Sendable {
    /// By word of `syscalls:`.
    package var grants: [String: Sighting] = [:]
    package var files: [String: FileUse] = [:]
    /// Addresses that were connected to or bound: `/run/x.sock`, `@abstract`, `10.0.0.1:443`.
    package var addresses: Set<String> = []
    /// By tool, of a server whose calls are known.
    package var calls: [String: CallSeen] = [:]
    /// Whether what is opened and executed was looked at.
    package var watchedPaths = false
    /// Calls whose path could not be read, or had changed meanwhile.
    package var unreadable = 0
    /// More paths than are kept.
    package var overflowed = false
    package init() {}
}

/// One run, with what its surroundings make of it.
package struct LearnedRun: Equatable, Sendable {
    /// Tells runs with the same arguments, folder and files from others.
    package var input: String
    package var succeeded: Bool
    package var grants: [String: Sighting]
    /// Programs that were executed, without the command itself.
    package var programs: Set<String> = []
    package var addresses: Set<String> = []
    /// Grants of flags, as `PATH` or `SOURCE:TARGET`.
    package var reads: Set<String> = []
    package var writes: Set<String> = []
    /// Folders in which files were made or changed.
    package var changes: Set<String> = []
    /// Paths that exist outside and were asked for in vain.
    package var wanted: Set<String> = []
    /// The same, of hidden ones: never granted.
    package var secrets: Set<String> = []
    /// Calls that no learning grants, in words.
    package var refused: Set<String> = []
    package var network = "none"
    /// Variables that flags pass on.
    package var passes: Set<String> = []
    /// By tool, of an MCP server.
    package var calls: [String: CallNeeds] = [:]
    /// The most that was used, by limit and in its unit, where it was measured.
    package var peaks: [Limit: Int64] = [:]
    /// What the run's own profile allows of them: nothing wider is proposed.
    package var bounds: [Limit: Int64] = [:]
    package init(input: String, succeeded: Bool, grants: [String: Sighting]) {
        self.input = input
        self.succeeded = succeeded
        self.grants = grants
    }
}

extension LearnedRun {
    /// Names of one kind that a run may bring; the first of them in order.
    package static let bound = 64

    /// Whether a path was there to be had, as the run's surroundings know it.
    package struct Surroundings {
        /// - Parameters: of an absolute path: what the profile says of it.
        package enum Standing { case granted, writable(root: String), hidden, absent }
        package let standing: (String) -> Standing
        /// Whether it exists outside.
        package let exists: (String) -> Bool
        package let isProgram: (String) -> Bool
        package init(standing: @escaping (String) -> Standing, exists: @escaping (String) -> Bool, isProgram: @escaping (String) -> Bool) {
            self.standing = standing
            self.exists = exists
            self.isProgram = isProgram
        }
    }

    /// Sorts the paths of a run. - Returns: roots of `writes` in which something was changed.
    package mutating func take(_ observed: Observed, in surroundings: Surroundings) -> Set<String> {
        addresses = LearnedRun.first(observed.addresses)
        var changedRoots: Set<String> = []
        for path in observed.files.keys {
            switch surroundings.standing(path) {
            case .granted, .writable: break
            case .hidden: if surroundings.exists(path) { secrets.insert(path) }
            case .absent: if surroundings.exists(path) { wanted.insert(path) }
            }
        }
        (programs, changes) = LearnedRun.sorted(observed.files, in: surroundings, &changedRoots)
        for (tool, seen) in observed.calls {
            var needs = CallNeeds()
            needs.words = seen.words
            (needs.programs, needs.changes) = LearnedRun.sorted(seen.files, in: surroundings, &changedRoots)
            calls[tool, default: CallNeeds()].formUnion(needs)
        }
        wanted = LearnedRun.first(wanted)
        secrets = LearnedRun.first(secrets)
        return changedRoots
    }

    /// Programs that were executed, and folders in which files were changed.
    private static func sorted(_ files: [String: FileUse], in surroundings: Surroundings, _ changedRoots: inout Set<String>)
        -> (programs: Set<String>, changes: Set<String>)
    {
        var programs: Set<String> = []
        var changes: Set<String> = []
        var roots: Set<String> = []
        for (path, use) in files {
            if case .writable(let root) = surroundings.standing(path), !use.isDisjoint(with: [.write, .create]) {
                changes.insert(folder(of: path, within: root))
                roots.insert(root)
            }
            if use.contains(.execute), surroundings.isProgram(path) { programs.insert(path) }
        }
        changedRoots.formUnion(roots)
        // Many folders are one: the roots that hold them.
        return (first(programs), changes.count > 8 ? roots : changes)
    }

    /// The file's folder, at most so deep below the root: further down names are often made of what is in them, as those of git's objects.
    static let depth = 2

    private static func folder(of path: String, within root: String) -> String {
        guard path.utf8.count > root.utf8.count, path.utf8.starts(with: root.utf8) else { return root }
        let below = path.dropFirst(root.count).split(separator: "/").dropLast().prefix(depth)
        return below.isEmpty ? root : (root == "/" ? "" : root) + "/" + below.joined(separator: "/")
    }

    private static func first(_ names: Set<String>) -> Set<String> { names.count <= bound ? names : Set(names.sorted().prefix(bound)) }
}
