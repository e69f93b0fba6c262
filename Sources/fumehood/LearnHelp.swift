// SPDX-License-Identifier: Apache-2.0
// `learn` as ArgumentParser knows it: for help and completion. The program itself reads the arguments by LearnOptions and RunOptions.

import ArgumentParser

struct LearnHelp: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn", abstract: "Runs one command in a cell and learns the profile that it needs.",
        usage: "fumehood learn [FLAGS] -- COMMAND [ARGUMENT...]",
        discussion: """
            Every wall stands as under `run`. Calls of syscall families that are not granted go on and are learned, where their number and \
            plain arguments say what they do; forbidden groups, hidden files, set-id modes and a network that the cell has not stay refused. The \
            profile extends the one of -p and holds the families, the paths and network of the flags, and under `learned:` the evidence. \
            Each run adds to it; runs count when their arguments, folder or files differ. `fumehood profile show NAME` says it in words.

            With --mcp the command is an MCP server and the client is at stdin and stdout, as under `fumehood mcp`: what is needed is noted \
            for the tools whose calls are on their way, all of them where there are several. Runs count when their calls differ. A profile that says \
            `syscalls: { mode: learn }` makes any run a learning run; `mode: audit` only records what would be denied.

            Limits are the most that was measured, with head-room, never above those of -p; memory and processes only where control groups count \
            them. Not learned: files below \
            the folders of the flags, what stdin brings through a pipe. Values of -e NAME=VALUE and waivers are not written into the profile.
            """)

    @Option(name: .customLong("as"), help: help("--as")) var name: String?
    @Option(name: .customLong("out"), help: help("--out")) var out: String?
    @Flag(name: .customLong("mcp"), help: help("--mcp")) var mcp = false
    @Option(name: .customLong("without"), help: help("--without")) var without: [String] = []
    @Option(name: .customLong("expect"), help: help("--expect")) var expect: Int?
    @OptionGroup(title: "Flags of the cell, as of run") var cell: RunHelp

    private static func help(_ name: String) -> ArgumentHelp {
        let flag = LearnOptions.flags.first { $0.names.contains(name) }
        return ArgumentHelp(flag?.help ?? "", valueName: flag?.value)
    }
}
