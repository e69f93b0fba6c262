// SPDX-License-Identifier: Apache-2.0
// `fumehood profile export` and `import`: seccomp profiles as container engines read and write them. What the two forms cannot say to one
// another is named, never left out in silence.

import ArgumentParser
import Config
import JSON
import Learning
import Linux
import Sandbox
import Syscalls

struct ProfileExportVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes the system calls of a profile as OCI seccomp JSON, for docker, podman and runc.",
        discussion: """
            Other than in a cell: execve is allowed, as the engine executes the command behind the filter; process 1 is not kept from signals; what is \
            refused by its arguments answers EPERM; nothing is recorded. Files, network and limits are not in it.
            """)
    @Option(name: .customLong("out"), help: ArgumentHelp("write it there (default: stdout)", valueName: "file")) var out: String?
    @Argument(help: ArgumentHelp("a profile's name or file", valueName: "profile")) var name: String

    func run() throws {
        try FoundProfile.judging(json: false) {
            let found = try FoundProfile(named: name)
            let bytes = try OCIExport.document(found.policy).serialisedBytes() + [0x0a]
            if let out {
                try Storage.replace(out, with: bytes, mode: 0o644, isSynchronised: false)
            } else {
                Messages.write(String(decoding: bytes, as: UTF8.self), to: 1)
            }
            return true
        }
    }
}

struct ProfileImportVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Reads an OCI seccomp profile, such as Docker's default, proves it, and writes the nearest profile of ours.",
        discussion: """
            The filter that the file means is compiled and proved. Our profiles grant families: one is granted where the file allows every call of \
            it. What is left over on either side is named. Exit code 1: something is.
            """)
    @Option(name: .customLong("as"), help: ArgumentHelp("the profile's name (default: the file's)", valueName: "name")) var name: String?
    @Option(name: .customLong("out"), help: ArgumentHelp("write the profile there (default: stdout)", valueName: "file")) var out: String?
    @Flag(name: .customLong("json"), help: "the comparison as one JSON object, and no profile on stdout") var json = false
    @Argument(help: ArgumentHelp("the OCI profile, or - for stdin", valueName: "file")) var file: String

    func run() throws {
        try FoundProfile.judging(json: json) {
            let bytes = try Files.read(file == "-" ? "/proc/self/fd/0" : file, limit: 4 << 20)
            let imported = try OCIProfile(parsing: bytes)
            let program = try imported.program()
            let tried = try FilterSampling.check(program, imported.table)
            let sides = imported.comparison
            let shown = name ?? Paths.name(file).split(separator: ".").first.map(String.init) ?? "imported"
            var policy = SyscallPolicy()
            for family in sides.families { policy.families.insert(family) }
            let words = sides.families.map(\.name).sorted()
            let text = """
                fumehood: 1
                extends: base
                description: \(YAML.scalar("System calls of \(shown), an OCI seccomp profile"))
                syscalls: { only: [\(words.joined(separator: ", "))] }

                """
            let left =
                sides.partial.map { "\($0.name): allowed there in part, not granted here" }
                + (sides.forbidden.isEmpty ? [] : ["allowed there, forbidden here: \(sides.forbidden.joined(separator: " "))"])
                + (sides.narrower.isEmpty ? [] : ["refused there, allowed here: \(sides.narrower.joined(separator: " "))"])
                + (imported.unknownNames.isEmpty ? [] : ["\(imported.unknownNames.count) names that this architecture has not; --json lists them"])
            if let out { try Storage.replace(out, with: Array(text.utf8), mode: 0o644, isSynchronised: false) }
            if json {
                func array(_ names: [String]) -> Value { .array(names.map { .string($0) }) }
                PolicyJudging.write([
                    "fumehood": 1, "verdict": .string(left.isEmpty ? "holds" : "found"), "instructions": .integer(Int64(program.count)),
                    "calls_tried": .integer(Int64(tried)), "allowed_there": .integer(Int64(sides.allowed)),
                    "allowed_here": .integer(Int64(policy.allowedCount)),
                    "families": array(words), "partial": array(sides.partial.map(\.name)), "forbidden": array(sides.forbidden),
                    "narrower": array(sides.narrower),
                    "unknown": array(imported.unknownNames),
                ])
            } else {
                if out == nil { Messages.write(text, to: 1) }
                Messages.write("\(shown): allows \(sides.allowed) calls; its filter of \(program.count) instructions is proved, and tried on \(tried) calls\n")
                for line in left { Messages.write(line + "\n") }
            }
            return left.isEmpty
        }
    }
}
