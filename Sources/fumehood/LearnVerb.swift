// SPDX-License-Identifier: Apache-2.0
// `fumehood learn`: a run under all walls whose refused calls are learned instead, as far as learning goes, and the profile that comes of it.
// The run itself is that of `fumehood run`; here is what stands before and after it: which profile is learned, what it shows already, and
// what people are told.

import Config
import Events
import Glibc
import Learning
import Linux
import Sandbox
import Session
import Syscalls

/// The flags of `learn` that `run` has not.
struct LearnOptions: Equatable {
    var name: String?
    var file: String?
    var without: [String] = []
    /// The exit code of a run that did what it should.
    var expected: Int32 = 0

    static let flags: [CellFlag] = [
        CellFlag(names: ["--as"], value: "NAME", help: "the profile's name (default: the command and its first argument)"),
        CellFlag(names: ["--out"], value: "FILE", help: "write the profile there (default: NAME.yaml in fumehood/profiles of XDG_CONFIG_HOME)"),
        CellFlag(names: ["--without"], value: "FAMILY", help: "a family that is refused and not learned, such as unix-socket"),
        CellFlag(names: ["--expect"], value: "CODE", help: "the exit code of a run that did what it should (default: 0); other runs are kept apart"),
    ]

    /// Takes its own flags out of the words before `--`.
    init(_ arguments: inout [String]) throws(UsageError) {
        var rest: [String] = []
        var words = arguments[...]
        while let word = words.popFirst() {
            if word == "--" {
                rest.append(word)
                rest += words
                break
            }
            var name = word
            var value: String?
            if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
                name = String(word[..<equals])
                value = String(word[word.index(after: equals)...])
            }
            guard let flag = LearnOptions.flags.first(where: { $0.names.contains(name) }) else {
                rest.append(word)
                // A value of another flag may look like one of ours.
                if value == nil, CellFlag.named(name)?.value != nil, let next = words.popFirst() { rest.append(next) }
                continue
            }
            if value == nil {
                guard let next = words.popFirst(), next != "--" else { throw UsageError("`\(name)` needs a value: \(flag.value ?? "")", help: nil) }
                value = next
            }
            try take(name, value ?? "")
        }
        arguments = rest
    }

    private mutating func take(_ flag: String, _ value: String) throws(UsageError) {
        func once<T>(_ old: T?) throws(UsageError) { if old != nil { throw UsageError("`\(flag)` is given twice", help: nil) } }
        switch flag {
        case "--as":
            try once(name)
            guard 1...64 ~= value.utf8.count, value.utf8.allSatisfy({ 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2d }) else {
                throw UsageError("`--as` expects a name of a-z, 0-9 and -, found `\(value)`", help: nil)
            }
            if BuiltinProfiles.names.contains(value) {
                throw UsageError("`\(value)` is a built-in profile", help: "learn under another name, such as --as \(value)-learned")
            }
            name = value
        case "--out":
            try once(file)
            guard value.hasSuffix(".yaml") else { throw UsageError("`--out` expects a file that ends in .yaml, found `\(value)`", help: nil) }
            file = value
        case "--without":
            guard Family(named: value) != nil else {
                let near = nearest(value, in: Family.allCases.map(\.name))
                throw UsageError(
                    "`\(value)` is no syscall family",
                    help: near.map { "did you mean `\($0)`?" } ?? "families: \(Family.allCases.map(\.name).joined(separator: ", "))")
            }
            without.append(value)
        default:
            guard let code = Int32(value), 0...255 ~= code else { throw UsageError("`--expect` expects an exit code of 0 to 255, found `\(value)`", help: nil) }
            expected = code
        }
    }
}

enum LearnVerb {
    /// - Returns: the exit code: the command's own, or 125.
    static func main(_ arguments: [String]) -> Int32 {
        var arguments = arguments
        do {
            let options = try LearnOptions(&arguments)
            return RunVerb.main(arguments, learner: Learner(options))
        } catch {
            Messages.error(error.text, help: error.help)
            return 125
        }
    }
}

/// One learning run, from its profile's file to its profile's file.
final class Learner {
    private let options: LearnOptions
    private(set) var watch: LearnWatch?
    private var evidence = Evidence(command: "", program: "", extends: "")
    private var isNew = false
    private var file = ""
    private var name = ""
    private var home: String?
    private var input = ""
    private var flags: [FileRule] = []
    private var passes: Set<String> = []
    private var network = "none"

    init(_ options: LearnOptions) { self.options = options }

    /// Before anything is planned: what is known already, and the policy of this run.
    /// - Throws: where the file is not one that learning may write.
    func begin(_ profile: Profile, _ request: inout CellRequest, run: RunOptions, places: Places, configuration: String?) throws {
        let parent = run.profile ?? "base"
        if parent.contains("/") || parent.hasSuffix(".yaml") {
            throw UsageError("`learn` needs the name of a profile, and `\(parent)` is a file", help: "put it into the user's profiles folder, and name it")
        }
        home = places.home
        name =
            options.name ?? options.file.map { String(Paths.name($0).dropLast(5)) } ?? LearnedName.profile(run.command, taken: BuiltinProfiles.names.contains)
        if parent == name {
            throw UsageError("profile `\(name)` cannot be learned under itself", help: "leave out -p, or learn under another name with --as NAME")
        }
        if let out = options.file {
            file = Paths.absolute(out, from: places.directory)
        } else {
            guard let folder = configuration ?? places.home.map({ $0 + "/.config" }) else {
                throw UsageError("there is no folder for profiles: HOME is not set", help: "write elsewhere with --out FILE")
            }
            file = "\(folder)/fumehood/profiles/\(name).yaml"
        }
        flags = profile.files.rules.filter { $0.origin.profile == nil }
        passes = Set(run.environment.filter { !$0.contains("=") })
        if !profile.endpoints.isEmpty {
            throw UsageError(
                "nothing is learned of a cell that reaches named endpoints", help: "learn with --net none, loopback or host, then name the endpoints")
        }
        network = run.networks.last ?? "none"
        let roots = flags.filter { $0.kind == .read || $0.kind == .write }.map(\.source)
        input = RunInput.digest(of: run.command, in: places.directory, roots: roots)

        let known = try Learner.read(file, home: home)
        evidence = known ?? Evidence(command: LearnedName.command(run.command), program: "", extends: parent)
        isNew = known == nil
        var without: Families = []
        for word in options.without { if let family = Family(named: word) { without.insert(family) } }
        var ceiling = SyscallPolicy.learnable(network: profile.network != .none || profile.waived.contains(.net), without: without)
        var released = SyscallPolicy()
        released.paranoid = profile.chain.contains("paranoid")
        // What a profile gave up by name stays given up; what it forbids by being paranoid stays forbidden.
        for group in profile.unsafeSyscalls {
            try ceiling.allowUnsafe(group)
            try released.allowUnsafe(group)
        }
        for word in evidence.released(for: input) {
            try released.allow(word)
            try ceiling.allow(word)
        }
        watch = LearnWatch(
            ceiling: ceiling, released: released, watchesPaths: !evidence.inputs.contains(input), watchesProcesses: !released.families.contains(.spawn))
        request.syscalls = watch?.released ?? request.syscalls
    }

    /// Once the command's program is known.
    func check(_ planned: PlannedCell) throws {
        let program = planned.runtime.executable
        if isNew { evidence = Evidence(command: evidence.command, program: program, extends: evidence.extends) }
        try evidence.check(program: program, extends: evidence.extends, name: name)
    }

    private static func read(_ file: String, home: String?) throws -> Evidence? {
        guard Files.exists(file) else { return nil }
        let bytes = try Files.read(file, limit: 1 << 20)
        guard let evidence = try Evidence(profile: bytes, file: file, home: home) else { throw LearningError.notLearned(file) }
        if evidence.text(home: home) != String(decoding: bytes, as: UTF8.self) { throw LearningError.edited(file) }
        return evidence
    }

    // After the run -----------------------------------------------------------------------------------------------------

    /// Adds the run and writes the profile.
    func end(_ outcome: Session.Outcome, _ launch: PreparedLaunch, _ profile: Profile, quiet: Bool) throws {
        guard let watch else { return }
        if case .failed = outcome.end { return }
        var run = LearnedRun(input: input, succeeded: outcome.end == .exited(.exited(options.expected)), grants: watch.observed.grants)
        let changed = run.take(watch.observed, in: surroundings(launch, profile))
        run.refused = Set(outcome.denials.prefix(LearnedRun.bound).map(\.what))
        run.network = network
        run.passes = passes
        // A folder in which nothing can have been changed is granted for reading only.
        let sawAll =
            watch.observed.watchedPaths && !watch.observed.overflowed && watch.observed.unreadable == 0
            && run.grants[Family.fsMutate.name] == nil && !watch.released.families.contains(.fsMutate)
        for rule in flags where rule.kind == .read || rule.kind == .write {
            let text = rule.source == rule.path ? rule.path : "\(rule.source):\(rule.path)"
            if rule.kind == .read || (sawAll && !changed.contains(rule.path)) { run.reads.insert(text) } else { run.writes.insert(text) }
        }
        // What ran beside us is not lost: the file is read again under a lock.
        let folder = Paths.parent(file)
        try Storage.makeFolders(folder)
        let holder = try Files.open(folder, O_RDONLY | O_DIRECTORY)
        guard let lock = try FileLock(holder, within: 5000) else { throw UsageError("the profile `\(file)` is being written by another run", help: nil) }
        var all = try Learner.read(file, home: home) ?? evidence
        try all.check(program: evidence.program, extends: evidence.extends, name: name)
        let before = all
        all.add(run)
        try Storage.replace(file, with: Array(all.text(home: home).utf8), mode: 0o644, isSynchronised: false)
        // Held until here: the optimiser has lost a descriptor before that was left to the end of its scope.
        _ = consume lock
        if !quiet { Messages.notes(words(all, before: before, run)) }
    }

    private func surroundings(_ launch: PreparedLaunch, _ profile: Profile) -> LearnedRun.Surroundings {
        let rules = profile.files.complete()
        let runtime = launch.planned.runtime.grants.map(\.path)
        let own = ["/proc", "/dev", "/sys", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/hostname", "/etc/nsswitch.conf", "/etc/resolv.conf"]
        // Folders on the way to what is granted are there, with nothing else in them.
        let passed = rules.rules.map(\.path) + runtime + ["/tmp/x", "/var/tmp/x", "/run/x", "/etc/x", home.map { $0 + "/x" } ?? "/x"]
        return LearnedRun.Surroundings(
            standing: { path in
                if own.contains(where: { Paths.contains($0, path) }) || runtime.contains(where: { Paths.contains($0, path) }) { return .granted }
                let (access, rule) = rules.access(to: path)
                switch access {
                case .hidden: return .hidden
                case .read, .protected: return .granted
                case .write: return .writable(root: rule?.path ?? path)
                case .none: return passed.contains { Paths.contains(path, $0) } ? .granted : .absent
                }
            },
            exists: { Files.exists($0) },
            isProgram: { path in FileStatus(at: path, followLinks: true)?.kind == .regular && Files.allows(path, 1) })
    }

    /// What was learned and how sure that is.
    private func words(_ all: Evidence, before: Evidence, _ run: LearnedRun) -> [String] {
        var lines: [String] = []
        func list(_ names: some Collection<String>) -> String {
            let first = names.sorted().prefix(8).joined(separator: " ")
            return names.count > 8 ? "\(first) and \(names.count - 8) more" : first
        }
        guard run.succeeded else {
            let only = run.grants.keys.filter { all.granted.words.contains($0) == false }
            lines.append(
                "learned nothing for `\(name)`: the run did not end with \(options.expected), and is kept apart"
                    + (only.isEmpty ? "" : "; candidates: \(list(only))"))
            return lines
        }
        let new = all.granted.words.subtracting(before.granted.words).map { word in
            "\(word) (\(list((run.grants[word]?.calls ?? []).filter { $0 != word })))"
        }
        lines.append("learned `\(name)`, version \(all.version): \(all.summary.split(separator: ": ", maxSplits: 1).last ?? "")")
        if isNew || !new.isEmpty {
            lines.append(new.isEmpty ? "nothing beyond the base" : "new: \(new.sorted().joined(separator: ", "))")
        } else {
            lines.append("nothing new")
        }
        if all.promotion != .no, !all.candidates.isEmpty {
            lines.append("it is promoted, and grants as before; candidates: \(list(all.candidates)); fumehood profile promote \(name) takes them")
        }
        let chance = all.unseen.map { Evidence.text($0) } ?? "1.0"
        lines.append(
            "\(all.runs) run\(all.runs == 1 ? "" : "s"), \(all.distinct) distinct input\(all.distinct == 1 ? "" : "s"); something new in the next run: \(chance)"
                + (all.doubt.map { "; not sure yet: \($0)" } ?? "; sure enough"))
        if !run.programs.isEmpty { lines.append("executes \(list(run.programs))") }
        for path in run.wanted.sorted().prefix(4) { lines.append("`\(path)` was asked for and is not granted: add -r \(path)") }
        for path in run.secrets.sorted().prefix(4) { lines.append("`\(path)` was asked for; it is hidden, and never granted") }
        if !run.refused.isEmpty { lines.append("refused, and never learned: \(list(run.refused))") }
        let shown = file.hasPrefix((home ?? "/") + "/") ? "~" + file.dropFirst((home ?? "").count) : file
        lines.append("in \(shown); enforce it: fumehood run -p \(options.file == nil ? name : shown) -- ...")
        return lines
    }
}
