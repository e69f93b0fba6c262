// SPDX-License-Identifier: Apache-2.0
// `run` as ArgumentParser knows it: for help and completion. The program itself reads `run`'s arguments by CellFlags; a
// test holds both to the same flags.

import ArgumentParser
import Sandbox

struct RunHelp: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs one command in a cell.", usage: "fumehood run [FLAGS] -- COMMAND [ARGUMENT...]",
        discussion: """
            Built-in profiles: \(BuiltinProfiles.names.joined(separator: ", ")). A TIME is written 250ms, 30s, 1h30m; a SIZE 64K, 512M, 1G.

            Exit code: the command's own, 128+N where signal N ended it. 124: a limit or `fumehood kill` ended it. 125: nothing was \
            started, the cell was refused or could not be built; or a record that was asked for could not be written. 126, 127: the command cannot be executed, is not there.
            """)

    @Option(name: [.customShort("p"), .customLong("profile")], help: help("-p")) var profile: String?
    @Option(name: [.customShort("r"), .customLong("read")], help: help("-r")) var read: [String] = []
    @Option(name: [.customShort("w"), .customLong("write")], help: help("-w")) var write: [String] = []
    @Option(name: [.customShort("e"), .customLong("env")], help: help("-e")) var env: [String] = []
    @Option(name: .customLong("net"), help: help("--net")) var net: String?
    @Option(name: .customLong("timeout"), help: help("--timeout")) var timeout: String?
    @Option(name: .customLong("memory"), help: help("--memory")) var memory: String?
    @Option(name: .customLong("cpu"), help: help("--cpu")) var cpu: String?
    @Option(name: .customLong("pids"), help: help("--pids")) var pids: String?
    @Option(name: .customLong("cpu-time"), help: help("--cpu-time")) var cpuTime: String?
    @Option(name: .customLong("disk"), help: help("--disk")) var disk: String?
    @Option(name: .customLong("output"), help: help("--output")) var output: String?
    @Flag(name: [.customShort("t"), .customLong("terminal")], help: help("-t")) var terminal = false
    @Option(name: .customLong("result"), help: help("--result")) var result: String?
    @Option(name: .customLong("events"), help: help("--events")) var events: String?
    @Option(name: .customLong("require"), help: help("--require")) var require: String?
    @Option(name: .customLong("waive"), help: help("--waive")) var waive: [String] = []
    @Option(name: .customLong("policy"), help: help("--policy")) var policy: [String] = []
    @Option(name: .customLong("agent"), help: help("--agent")) var agent: String?
    @Option(name: .customLong("log"), help: help("--log")) var log: String?
    @Flag(name: .customLong("no-log"), help: help("--no-log")) var noLog = false
    @Flag(name: .customLong("quiet"), help: help("--quiet")) var quiet = false
    @Flag(name: .customLong("dry-run"), help: help("--dry-run")) var dryRun = false
    @Flag(name: .customLong("json"), help: help("--json")) var json = false
    @Flag(name: .customLong("govern"), help: help("--govern")) var govern = false
    @Option(name: .customLong("as"), help: help("--as")) var server: String?
    @Option(name: .customLong("allow"), help: help("--allow")) var allow: [String] = []
    @Option(name: .customLong("ask"), help: help("--ask")) var ask: [String] = []
    @Option(name: .customLong("deny"), help: help("--deny")) var deny: [String] = []
    @Option(name: .customLong("budget"), help: help("--budget")) var budget: [String] = []
    @Argument(parsing: .postTerminator, help: "the command and its arguments") var command: [String] = []

    private static func help(_ name: String) -> ArgumentHelp {
        let flag = CellVerb.run.flags.first { $0.names.contains(name) }
        return ArgumentHelp(flag?.help ?? "", valueName: flag?.value)
    }
}
