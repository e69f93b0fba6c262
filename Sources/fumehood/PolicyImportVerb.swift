// SPDX-License-Identifier: Apache-2.0
// `fumehood policy import`: policies from the permission lists of other programs, with a report of what was left out. The
// result is checked against its schema before anything is written.

import ArgumentParser
import Cedar
import Glibc
import JSON
import Linux

struct PolicyImportVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Makes policies from permission lists of other programs.",
        discussion: """
            Rules that can never match and rules that policies cannot say are left out and named on stderr, each with its reason. \
            Exit code 0: every rule was translated. 1: some were left out; the others are written. 2: a file cannot be read.
            """)

    enum Source: String, ExpressibleByArgument, CaseIterable { case claudeCode = "claude-code" }

    @Option(
        name: .customLong("out"), help: ArgumentHelp("write the policies here and their schema beside it (default: the policies to stdout)", valueName: "file"))
    var out: String?
    @Option(name: .customLong("server"), help: ArgumentHelp("what the agent's own tools are the tools of", valueName: "name"))
    var server = "claude-code"
    @Option(name: .customLong("home"), help: ArgumentHelp("what ~ means in paths (default: your home)", valueName: "dir"))
    var home: String?
    @Option(name: .customLong("project"), help: ArgumentHelp("where relative paths begin (default: the current directory)", valueName: "dir"))
    var project: String?
    @Flag(name: .customLong("json"), help: "policies, schema and report as one JSON object on stdout") var json = false
    @Argument(help: "what the files are") var source: Source
    @Argument(help: ArgumentHelp("settings files, widest scope first; their rules are merged", valueName: "file")) var files: [String]

    func validate() throws {
        let isName = !server.isEmpty && server.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2D }
        if !isName { throw ValidationError("`\(server)` is no name of a server: names are [a-z0-9-]+") }
        for (flag, path) in [("--home", home), ("--project", project)] {
            if let path, !path.hasPrefix("/") { throw ValidationError("\(flag) must be absolute") }
        }
    }

    func run() throws {
        try PolicyJudging.run(json: json) {
            let environment = Host.environment()["HOME"]
            let home = self.home ?? Host.home(environment) ?? "/nonexistent"
            let directory: String
            if let project {
                directory = project
            } else {
                do { directory = try Files.currentDirectory() } catch { throw PolicyFailure("the current directory is gone", help: "name one with --project") }
            }
            var list = PermissionList()
            for file in files {
                let text = try PolicyFiles.read(file)
                let settings = settingsRoot(file, home: home)
                let json = try PolicyFiles.json(text)
                do throws(CedarError) {
                    try list.add(json, file: file, roots: PatternRoots(home: home, directory: directory, settings: settings))
                } catch {
                    throw PolicyFailure(error, in: text)
                }
            }
            let result: PermissionPolicies
            do throws(CedarError) { result = try list.policies(server: server) } catch { throw PolicyFailure("\(error)") }
            try prove(result)
            if let out {
                try write(out, result.policies)
                try write(schemaPath(out), result.schema)
            }
            report(result)
            return result.left.isEmpty
        }
    }

    /// What `/path` counts from: the folder that holds `.claude`; of the user's own settings, and of others, the file's folder.
    private func settingsRoot(_ file: String, home: String) -> String {
        let folder = (try? Files.resolve(PolicyFiles.folder(of: file))) ?? "/"
        guard folder.hasSuffix("/.claude") else { return folder }
        let project = String(folder.dropLast("/.claude".count))
        return project == home ? folder : project.isEmpty ? "/" : project
    }

    /// The policies must load, strictly, by the schema that comes with them.
    private func prove(_ result: PermissionPolicies) throws(PolicyFailure) {
        let layer = PolicyLayer(name: out ?? "import", bytes: Array(result.policies.utf8))
        let schema: Schema
        do throws(CedarError) { schema = try Schema(parsing: SourceText(name: "schema", result.schema)) } catch { throw PolicyFailure("\(error)") }
        let check = PolicyCheck([layer], schema: schema, mode: .strict)
        if check.errors > 0 { throw PolicyFailure(check.problems.map(\.rendered).joined(separator: "\n")) }
    }

    private func schemaPath(_ path: String) -> String { (path.hasSuffix(".cedar") ? String(path.dropLast(6)) : path) + ".cedarschema" }

    private func write(_ path: String, _ text: String) throws(PolicyFailure) {
        if Files.exists(path) { return try PolicyFormatVerb.replace(path, Array(text.utf8)) }
        do throws(SystemError) {
            try Files.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644).writeAll(Array(text.utf8))
        } catch {
            throw PolicyFailure("cannot write `\(path)`: \(errnoText(error.code)) (\(error.name))")
        }
    }

    private func report(_ result: PermissionPolicies) {
        if json {
            PolicyJudging.write([
                "fumehood": 1, "verdict": .string(result.left.isEmpty ? "holds" : "found"), "translated": .integer(Int64(result.translated)),
                "rules": .array(result.entries.map(\.json)), "settings": .array(result.settings.map { .string($0) }),
                "policies": .string(result.policies), "schema": .string(result.schema)
            ])
            return
        }
        if out == nil { Messages.write(result.policies, to: 1) }
        for entry in result.entries {
            let rule = "\(entry.rule.file): \(entry.rule.list.rawValue) `\(entry.rule.text)`"
            switch entry.status {
            case .translated: for note in entry.notes { Messages.write("\(rule): note: \(note)\n") }
            case .never: Messages.write("\(rule): never matches: \(entry.reason ?? "")\n")
            case .untranslated: Messages.write("\(rule): not translated: \(entry.reason ?? "")\n")
            }
        }
        for setting in result.settings { Messages.write("\(setting)\n") }
        let left = result.left.isEmpty ? "" : ", \(result.left.count) left out"
        Messages.note("\(result.translated) of \(result.entries.count) rules translated\(left)")
    }
}
