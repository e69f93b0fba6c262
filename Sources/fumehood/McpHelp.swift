// SPDX-License-Identifier: Apache-2.0
// `mcp` as ArgumentParser knows it: for help and completion. The program itself reads `mcp`'s arguments by CellFlags and GovernFlags; a
// test holds both to the same flags.

import ArgumentParser
import Sandbox

struct McpHelp: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp", abstract: "Serves MCP from a server in a cell; every tool call is judged.",
        usage: "fumehood mcp [FLAGS] -- SERVER [ARGUMENT...]\n       fumehood mcp TOOL        inside the cell of an agent of `fumehood up`",
        discussion: """
            In the configuration of any client: command: fumehood, args: [mcp, --, SERVER]. The server runs in a cell (profile tool); the wall limit is that \
            of one call. With --session NAME the supervisor of that session starts the server, and is itself started by the first process that asks for it: \
            processes that live for one call share a budget then, what was called before, and the log. --policy, --budget, --log and --no-log are the \
            session's: who comes later leaves them out or gives the same. Built-in profiles: \(BuiltinProfiles.names.joined(separator: ", ")).

            Exit code: the server's own, 128+N where signal N ended it. 124: it was ended by a limit, a policy or `fumehood kill`. 125: nothing was started. \
            126, 127: the command cannot be executed, is not there. A session whose supervisor is killed ends with its servers: 125.
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
    @Option(name: .customLong("as"), help: help("--as")) var server: String?
    @Option(name: .customLong("allow"), help: help("--allow")) var allow: [String] = []
    @Option(name: .customLong("ask"), help: help("--ask")) var ask: [String] = []
    @Option(name: .customLong("deny"), help: help("--deny")) var deny: [String] = []
    @Option(name: .customLong("budget"), help: help("--budget")) var budget: [String] = []
    @Option(name: .customLong("session"), help: help("--session")) var session: String?
    @Option(name: .customLong("idle"), help: help("--idle")) var idle: String?
    @Argument(parsing: .postTerminator, help: "the server and its arguments") var command: [String] = []

    private static func help(_ name: String) -> ArgumentHelp {
        let flag = CellVerb.mcp.flags.first { $0.names.contains(name) }
        return ArgumentHelp(flag?.help ?? "", valueName: flag?.value)
    }
}
