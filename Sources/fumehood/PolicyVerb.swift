// SPDX-License-Identifier: Apache-2.0
// `fumehood policy`: what authors of policies need around them. Every sub-verb judges: 0 holds, 1 found something, 2 could
// not judge. Only `reload` touches running sessions.

import ArgumentParser
import Cedar
import Config
import JSON
import Linux

struct PolicyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Checks, tests, explains, lays out and imports Cedar policies.",
        discussion: """
            Policies are *.cedar files; beside them stand their schema, one *.cedarschema, and their cases, *.cases.yaml. Begin with \
            `fumehood policy check FOLDER`; `fumehood policy test --help` shows a case.

            Exit code 0: it holds. 1: something was found. 2: this could not be judged. 125: the command line is wrong.
            """,
        subcommands: [
            PolicyCheckVerb.self, PolicyFormatVerb.self, PolicyAuthorizeVerb.self, PolicyExplainVerb.self, PolicyTestVerb.self,
            PolicyImportVerb.self, PolicyReplayVerb.self, PolicyReloadVerb.self,
        ])
}

/// Why nothing could be judged: exit code 2.
struct PolicyFailure: Error {
    /// Lower case; may have lines with the place and a caret.
    let text: String
    let help: String?

    init(_ text: String, help: String? = nil) {
        self.text = text
        self.help = help
    }

    init(_ error: CedarError, in source: SourceText) { self.init(error.rendered(in: source)) }
    init(_ error: SystemError) { self.init("cannot read `\(error.object)`: \(error.name)") }
    init(_ error: ConfigError) { self.init(error.description) }
}

enum PolicyJudging {
    /// Runs the body and ends the program by what it says; a failure to judge is said on stderr, with `--json` also on stdout.
    ///
    /// - Parameter body: gives whether it holds.
    static func run(json: Bool, _ body: () throws -> Bool) throws {
        let failure: PolicyFailure
        do {
            if try body() { return }
            throw ExitCode(1)
        } catch let error as PolicyFailure {
            failure = error
        } catch let error as PolicyLoadError {
            let text = error.problems.joined(separator: "\n")
            failure = PolicyFailure(text + "\nfumehood: no policy was loaded")
        } catch let error as ConfigError {
            failure = PolicyFailure(error)
        }
        if json {
            write(["fumehood": 1, "error": .string(failure.text), "help": failure.help.map { .string($0) } ?? .null])
        } else {
            Messages.write(failure.text + "\n" + (failure.help.map { "help: \($0)\n" } ?? ""))
        }
        throw ExitCode(2)
    }

    /// One JSON document on stdout.
    static func write(_ document: JSON.Value) {
        Messages.write(String(decoding: document.serialisedBytes(), as: UTF8.self) + "\n", to: 1)
    }
}
