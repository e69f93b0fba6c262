// SPDX-License-Identifier: Apache-2.0
// `fumehood profile`: what people do with profiles besides running under them. Verbs that judge end with 0 when it holds, 1 when they found
// something, 2 when they could not judge. None of them starts anything.

import ArgumentParser
import Config
import Glibc
import JSON
import Learning
import Linux
import Sandbox
import Syscalls

struct ProfileVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Shows, compares, proves, exports, imports, checks and promotes profiles.",
        discussion: """
            A profile is named as -p names it: a built-in one, one of yours, or a file. Exit code of diff, verify and lint: 0: it holds. \
            1: something was found. 2: this could not be judged. 125: the command line is wrong.
            """,
        subcommands: [
            ProfileShowVerb.self, ProfileDiffVerb.self, ProfileVerifyVerb.self, ProfileExportVerb.self, ProfileImportVerb.self, ProfileLintVerb.self,
            ProfilePromoteVerb.self,
        ])
}

/// A profile, found and resolved.
struct FoundProfile {
    let profile: Profile
    let policy: SyscallPolicy
    let evidence: Evidence?
    /// nil for a built-in one.
    let file: String?
    let home: String?

    var facts: ProfileFacts { ProfileFacts(profile, policy: policy, evidence: evidence) }

    init(named name: String) throws {
        let environment = Host.environment()
        guard let directory = try? Files.currentDirectory() else { throw PolicyFailure("the current directory does not exist any more") }
        let places = Places(home: Host.home(environment["HOME"]), directory: directory, machine: .current())
        home = places.home
        let library = ProfileLibrary(places: places, configuration: environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil })
        profile = try library.profile(named: name)
        do {
            policy = try profile.syscallPolicy()
        } catch {
            throw PolicyFailure(error.message.text, help: error.message.help)
        }
        file = library.file(of: name)
        evidence = try file.flatMap { file throws in try Evidence(profile: try Files.read(file), file: file, home: places.home) }
    }

    /// Runs the body; what keeps it from judging is said on stderr, with `--json` also on stdout, and ends with 2.
    static func judging(json: Bool, _ body: () throws -> Bool) throws {
        try PolicyJudging.run(json: json) {
            do {
                return try body()
            } catch let error as SystemError {
                throw PolicyFailure(error.message)
            } catch let error as LearningError {
                throw PolicyFailure(error.message.text, help: error.message.help)
            } catch let error as SyscallError {
                throw PolicyFailure(error.description)
            }
        }
    }
}

struct ProfileShowVerb: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Says in words what a profile grants, and what it was learned from.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("a profile's name or file", valueName: "profile")) var name: String

    func run() throws {
        try FoundProfile.judging(json: json) {
            let found = try FoundProfile(named: name)
            if json { PolicyJudging.write(found.facts.json) } else { Messages.write(found.facts.sentences(home: found.home).map { $0 + "\n" }.joined(), to: 1) }
            return true
        }
    }
}

struct ProfileDiffVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Says what the second profile does more than the first, and less.",
        discussion: "Exit code 1: it does more. What a learned profile's tool was seen to do counts as well: programs, addresses, folders, attempts.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("the profile that is known", valueName: "old")) var old: String
    @Argument(help: ArgumentHelp("the profile that is judged", valueName: "new")) var new: String

    func run() throws {
        try FoundProfile.judging(json: json) {
            let changes = try FoundProfile(named: old).facts.changes(to: try FoundProfile(named: new).facts)
            let holds = !changes.contains(where: \.isMore)
            if json {
                PolicyJudging.write(["fumehood": 1, "verdict": .string(holds ? "holds" : "found"), "changes": .array(changes.map(\.json))])
            } else {
                Messages.write(changes.map { ($0.isMore ? "+ " : "- ") + $0.text + "\n" }.joined(), to: 1)
                Messages.write((changes.isEmpty ? "no difference" : holds ? "it does no more than before" : "it does more than before") + "\n", to: 1)
            }
            return holds
        }
    }
}

struct ProfileVerifyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Proves that the filter of a profile answers every system call as the profile says.",
        discussion:
            "By two pieces of code: a proof over all numbers and arguments, and an interpreter that runs the filter on the calls at the edges of its rules.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("a profile's name or file", valueName: "profile")) var name: String

    func run() throws {
        try FoundProfile.judging(json: json) {
            let found = try FoundProfile(named: name)
            let filter = SyscallFilter.of(found.policy)
            guard let cookie = ExecCookie(0x5eed_0000_c0ff_ee01) else { return false }
            let program = filter.program(admitting: cookie)
            let table = found.policy.rules(canary: filter.canary)
            var problem: String?
            var tried = 0
            do {
                try FilterProof.check(program, table, cookie: cookie)
                tried = try FilterSampling.check(program, table, cookie: cookie)
            } catch {
                problem = "\(error)"
            }
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "verdict": .string(problem == nil ? "holds" : "found"), "profile": .string(found.profile.name),
                    "instructions": .integer(Int64(program.count)), "calls_tried": .integer(Int64(tried)), "problem": problem.map { .string($0) } ?? .null,
                ])
            } else if let problem {
                Messages.write("\(found.profile.name): \(problem)\n")
            } else {
                Messages.write(
                    "\(found.profile.name): \(program.count) instructions answer all calls as the profile says: proved, and tried on \(tried) calls\n", to: 1)
            }
            return problem == nil
        }
    }
}

struct ProfileLintVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Says what looks wrong in profiles: grants without evidence, too much of the disk, walls given up.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("profiles, by name or file", valueName: "profile")) var names: [String]

    func run() throws {
        try FoundProfile.judging(json: json) {
            var all: [(name: String, finding: LintFinding)] = []
            for name in names {
                let found = try FoundProfile(named: name)
                all += found.facts.findings(home: found.home).map { (found.profile.name, $0) }
            }
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "verdict": .string(all.isEmpty ? "holds" : "found"),
                    "findings": .array(all.map { ["profile": .string($0.name), "what": .string($0.finding.text), "help": .string($0.finding.help)] }),
                ])
            } else {
                for (name, finding) in all { Messages.write("\(name): \(finding.text)\n  help: \(finding.help)\n", to: 1) }
                if all.isEmpty { Messages.write("nothing found\n", to: 1) }
            }
            return all.isEmpty
        }
    }
}

struct ProfilePromoteVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Lets a learned profile stand as it is: later learning runs add candidates, and grant nothing.",
        discussion:
            "Refused (exit code 1) below \(Evidence.leastRuns) distinct inputs, or where something new is to be expected more often than in one run of ten. A second promotion takes the candidates that were seen since."
    )
    @Option(name: .customLong("force"), help: ArgumentHelp("promote this profile all the same; its name again", valueName: "name")) var force: String?
    @Argument(help: ArgumentHelp("a learned profile's name or file", valueName: "profile")) var name: String

    func run() throws {
        try FoundProfile.judging(json: false) {
            let found = try FoundProfile(named: name)
            guard let file = found.file, var evidence = found.evidence else { throw PolicyFailure("`\(name)` was not learned") }
            guard evidence.text(home: found.home) == String(decoding: try Files.read(file), as: UTF8.self) else { throw LearningError.edited(file) }
            do throws(LearningError) {
                try evidence.promote(named: found.profile.name, forced: force == found.profile.name)
            } catch {
                Messages.error(error.message.text, help: error.message.help)
                return false
            }
            try Storage.replace(file, with: Array(evidence.text(home: found.home).utf8), mode: 0o644, isSynchronised: false)
            Messages.write("\(found.profile.name): promoted, version \(evidence.version)\n", to: 1)
            return true
        }
    }
}
