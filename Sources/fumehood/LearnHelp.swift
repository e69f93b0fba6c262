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

            Not learned yet: limits (peaks stand in --result), files below the folders of the flags, what stdin brings through a pipe, \
            the calls of `fumehood mcp` and `up`. Values of -e NAME=VALUE, limits and waivers are not written into the profile.
            """)

    @Option(name: .customLong("as"), help: help("--as")) var name: String?
    @Option(name: .customLong("out"), help: help("--out")) var out: String?
    @Option(name: .customLong("without"), help: help("--without")) var without: [String] = []
    @Option(name: .customLong("expect"), help: help("--expect")) var expect: Int?
    @OptionGroup(title: "Flags of the cell, as of run") var cell: RunHelp

    private static func help(_ name: String) -> ArgumentHelp {
        let flag = LearnOptions.flags.first { $0.names.contains(name) }
        return ArgumentHelp(flag?.help ?? "", valueName: flag?.value)
    }
}
