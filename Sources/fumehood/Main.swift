// SPDX-License-Identifier: Apache-2.0
// Where the program begins: `run` takes the fast way past ArgumentParser, whose set-up costs more than a launch.

import ArgumentParser
import Config
import Glibc
import Linux

@main
enum Main {
    static func main() {
        let arguments = Host.arguments()
        // A client may start one of these for each call.
        if arguments.count > 2, arguments[1] == CellVerb.mcp.rawValue, let code = StubVerb.main(arguments) { _exit(code) }
        if arguments.count > 3, arguments[1] == SessionVerb.name { _exit(SessionVerb.main(arguments)) }
        if arguments.count > 1, let verb = CellVerb(rawValue: arguments[1]),
            !arguments.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" })
        {
            // Everything was written by write(2): there is nothing to flush.
            _exit(RunVerb.main(Array(arguments.dropFirst(2)), verb: verb))
        }
        if arguments.count > 1, arguments[1] == "learn", !arguments.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            _exit(LearnVerb.main(Array(arguments.dropFirst(2))))
        }
        do {
            try knownVerb(arguments)
            var command = try Fumehood.parseAsRoot(Array(arguments.dropFirst()))
            try command.run()
        } catch let error as UsageError {
            Messages.error(error.text, help: error.help)
            exit(125)
        } catch  where Fumehood.exitCode(for: error) == .validationFailure {
            Messages.error(Fumehood.message(for: error), help: help(arguments))
            exit(125)
        } catch {
            Fumehood.exit(withError: error)
        }
    }

    private static func knownVerb(_ arguments: [String]) throws(UsageError) {
        guard arguments.count > 1, !arguments[1].hasPrefix("-"), arguments[1] != "help" else { return }
        let verbs = Fumehood.configuration.subcommands.compactMap { $0.configuration.commandName }
        if arguments[1] == PolicyVerb.configuration.commandName { return try knownPolicyVerb(arguments.dropFirst(2)) }
        if verbs.contains(arguments[1]) { return }
        let near = nearest(arguments[1], in: verbs)
        throw UsageError(
            "unknown verb `\(arguments[1])`",
            help: near.map { "did you mean `\($0)`?" } ?? "fumehood run -- COMMAND runs a command in a cell; fumehood --help lists the verbs")
    }

    private static let policyVerbs = PolicyVerb.configuration.subcommands.compactMap { $0.configuration.commandName }

    private static func knownPolicyVerb(_ arguments: ArraySlice<String>) throws(UsageError) {
        guard let verb = arguments.first, !verb.hasPrefix("-"), verb != "help", !policyVerbs.contains(verb) else { return }
        throw UsageError(
            "unknown verb `policy \(verb)`",
            help: nearest(verb, in: policyVerbs).map { "did you mean `policy \($0)`?" } ?? "fumehood policy --help lists the verbs")
    }

    /// Where the flags of the verb are explained that was called.
    private static func help(_ arguments: [String]) -> String {
        let verbs = arguments.dropFirst()
        guard verbs.first == PolicyVerb.configuration.commandName else {
            let known = Fumehood.configuration.subcommands.compactMap { $0.configuration.commandName }
            guard let verb = verbs.first, known.contains(verb) else { return "fumehood --help lists the verbs" }
            return "fumehood \(verb) --help lists the flags"
        }
        guard let verb = verbs.dropFirst().first, policyVerbs.contains(verb) else { return "fumehood policy --help lists the verbs" }
        return "fumehood policy \(verb) --help lists the flags"
    }
}

/// The verbs, for help, completion and everything that is not in a hurry.
struct Fumehood: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fumehood", abstract: "Runs untrusted programs in cells: behind namespaces, Landlock and seccomp, with no capability left.",
        version: Version.text,
        subcommands: [
            RunHelp.self, LearnHelp.self, McpHelp.self, UpVerb.self, ToolsVerb.self, PsVerb.self, TopVerb.self, KillVerb.self, FreezeVerb.self, ThawVerb.self,
            DoctorVerb.self, PolicyVerb.self, ProfileVerb.self, LogVerb.self, WhyVerb.self,
            BudgetVerb.self, ApproveVerb.self,
        ])
}

enum Version {
    static let text = "fumehood 0.1.0"
}
