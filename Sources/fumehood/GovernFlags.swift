// SPDX-License-Identifier: Apache-2.0
// The flags that say who asks, what may be done and what it may cost: as a table, like the cell's.

import Budget
import Governance

enum GovernFlag {
    /// Of `run` alone: a server is always governed.
    static let govern = CellFlag(
        names: ["--govern"], value: nil, help: "the command may ask the door by JSON lines on the socket FUMEHOOD_FD; see Examples/python-client")

    static let all: [CellFlag] = [
        CellFlag(names: ["--as"], value: "NAME", help: "the server's id in policies and messages (default: the command's name)"),
        CellFlag(names: ["--allow"], value: "PATTERN", help: "permit tools, by server__tool with * for anything"),
        CellFlag(names: ["--ask"], value: "PATTERN", help: "permit tools when a person agrees to the call"),
        CellFlag(names: ["--deny"], value: "PATTERN", help: "forbid tools, whatever permits them"),
        CellFlag(
            names: ["--budget"], value: "NAME=LIMIT",
            help: "what all calls together may use: calls=200, calls=30/1m, 'calls=4 concurrent', wall=10m, cpu_time=60s, output=8M; usd and tokens as reported"
        ),
    ]

    /// Of `mcp` alone: a session of servers.
    static let session: [CellFlag] = [
        CellFlag(names: ["--session"], value: "NAME", help: "share budget, history and log with every server of this session, whichever process starts it"),
        CellFlag(
            names: ["--idle"], value: "TIME", help: "with --session: how long the session stays without a server (default: 1h); then its budget begins anew"),
    ]

    /// What calls together may use, by the name of a limit and the ledger's. A call reserves a slice of what is known only when it has run.
    static let budgets: [(name: String, dimension: String, slice: Int64?)] = [
        ("calls", "calls", nil), ("wall", "wall_us", 1_000_000), ("cpu_time", "cpu_us", 250_000), ("output", "bytes_out", 64 << 10), ("usd", "usd", 1),
        ("tokens_in", "tokens_in", 1), ("tokens_out", "tokens_out", 1),
    ]

    /// What a call reserves beside itself, under these limits.
    static func slices(_ limits: [AccountLimit]) -> [Cost] {
        budgets.compactMap { row in row.slice.flatMap { slice in limits.contains { $0.dimension == row.dimension } ? Cost(row.dimension, slice) : nil } }
    }

    /// A limit as a flag writes it.
    static func budget(_ text: String) throws(UsageError) -> AccountLimit {
        guard let equals = text.firstIndex(of: "=") else {
            throw UsageError("`--budget` expects NAME=LIMIT, found `\(text)`", help: "such as --budget calls=200")
        }
        let name = String(text[..<equals])
        guard let known = budgets.first(where: { $0.name == name }), let dimension = Dimension.standard.first(where: { $0.name == known.dimension }) else {
            throw UsageError("`--budget` counts \(budgets.map(\.name).joined(separator: ", ")), found `\(name)`", help: nil)
        }
        do throws(BudgetError) {
            return AccountLimit(known.dimension, try Window(parsing: String(text[text.index(after: equals)...]), for: dimension))
        } catch {
            throw UsageError("`--budget \(text)`: \(error.message)", help: error.help)
        }
    }

    /// Written in the interface and not there yet, or not for servers.
    static let announced: [String: String] = [
        "-t": "a server speaks over pipes, not over a terminal",
        "--terminal": "a server speaks over pipes, not over a terminal",
    ]

    /// What may name a server: part of an action, so that `name__tool` is unambiguous.
    static func isServerName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64 && name.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
            && name != "sys" && name != "llm"
    }

    /// Programs that run any server: their name says nothing of which one it is.
    private static let runners: Set<String> = [
        "bash", "bun", "bunx", "dash", "deno", "dotnet", "env", "java", "node", "npx", "perl", "php", "pipx", "python", "ruby", "sh", "uv", "uvx",
    ]

    /// Whether the id names one server, so that its pins hold for the next run too.
    static func identifies(_ options: RunOptions) -> Bool {
        let file = options.command.first?.split(separator: "/").last.map(String.init) ?? ""
        let stem = String(file.prefix { $0.isASCII && $0.isLetter })
        return options.server != nil || !(runners.contains(stem) && file.dropFirst(stem.count).allSatisfy { $0 == "." || $0.isNumber })
    }

    /// The name of a command without one: its file's name in the letters that a server's name has.
    static func serverName(of command: String) -> String {
        let file = command.split(separator: "/").last.map(String.init) ?? command
        let name = String(
            file.lowercased().unicodeScalars.map { scalar in
                ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "-"
            }.prefix(64))
        return isServerName(name) ? name : "server-" + name.prefix(40)
    }
}
