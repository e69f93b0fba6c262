// SPDX-License-Identifier: Apache-2.0
// Where the program begins: `run` takes the fast way past ArgumentParser, whose set-up costs more than a launch.

import ArgumentParser
import Glibc

@main
enum Main {
    static func main() {
        let arguments = CommandLine.arguments
        if arguments.count > 1, arguments[1] == "run", !arguments.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            exit(RunVerb.main(Array(arguments.dropFirst(2))))
        }
        Fumehood.main()
    }
}

/// The verbs, for help, completion and everything that is not in a hurry.
struct Fumehood: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fumehood", abstract: "Runs untrusted programs in cells: behind namespaces, Landlock and seccomp, with no capability left.",
        version: Version.text, subcommands: [RunHelp.self, DoctorVerb.self])
}

enum Version {
    static let text = "fumehood 0.1.0"
}
