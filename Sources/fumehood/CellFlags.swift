// SPDX-License-Identifier: Apache-2.0
// The flags that shape a cell, as one table: `run` reads its arguments by it without any reflection, the help text is
// written from it, and a test holds ArgumentParser's definition to it.

import Budget
import Config
import Events
import Governance
import Sandbox
import Session

struct CellFlag: Sendable {
    let names: [String]
    /// What stands after it, such as `PATH`; nil for a switch.
    let value: String?
    let help: String

    static let all: [CellFlag] = [
        CellFlag(
            names: ["-p", "--profile"], value: "PROFILE",
            help: "what the cell may do: a built-in profile, one of yours, or a file (default: base; for mcp tool)"),
        CellFlag(names: ["-r", "--read"], value: "PATH", help: "grant a file or folder for reading; SRC:DST moves it"),
        CellFlag(names: ["-w", "--write"], value: "PATH", help: "grant a file or folder for reading and writing"),
        CellFlag(names: ["-e", "--env"], value: "NAME[=VALUE]", help: "pass a variable of yours, or set one; a value written here is visible in ps"),
        CellFlag(
            names: ["--net"], value: "none|loopback|host|HOST:PORT",
            help: "the cell's network (default: none); HOST:PORT reaches that endpoint and no other, any number of times"),
        CellFlag(names: ["--timeout"], value: "TIME", help: "wall clock, such as 30s; then the whole cell is killed"),
        CellFlag(names: ["--memory"], value: "SIZE", help: "memory, such as 512M"),
        CellFlag(names: ["--cpu"], value: "CORES", help: "processor cores, such as 1.0"),
        CellFlag(names: ["--pids"], value: "N", help: "processes and threads"),
        CellFlag(names: ["--cpu-time"], value: "TIME", help: "processor time, such as 30s"),
        CellFlag(names: ["--disk"], value: "SIZE", help: "bytes written"),
        CellFlag(names: ["--output"], value: "SIZE", help: "bytes of stdout and stderr together"),
        CellFlag(names: ["-t", "--terminal"], value: nil, help: "a terminal of the cell's own, for shells, editors and other full-screen programs"),
        CellFlag(names: ["--result"], value: "FILE|fd:N", help: "write the result record as one JSON object"),
        CellFlag(names: ["--events"], value: "FILE|fd:N", help: "write what happens as JSON lines"),
        CellFlag(names: ["--require"], value: "walls|all", help: "all: refuse where a second wall is not whole"),
        CellFlag(names: ["--waive"], value: "NAME", help: "go without a first wall: net, proc, ipc or uts"),
        CellFlag(names: ["--policy"], value: "DIR", help: "policies for this run, beside the machine's and yours: a file or a folder of *.cedar"),
        CellFlag(names: ["--agent"], value: "NAME", help: "who asks, for policies (default: local)"),
        CellFlag(names: ["--log"], value: "DIR", help: "the log's folder (default: fumehood/log in XDG_STATE_HOME, for root /var/lib/fumehood/log)"),
        CellFlag(names: ["--no-log"], value: nil, help: "keep no log of this run"),
        CellFlag(names: ["--quiet"], value: nil, help: "no footer"),
        CellFlag(names: ["--dry-run"], value: nil, help: "print the plan of the launch and start nothing"),
        CellFlag(names: ["--json"], value: nil, help: "with --dry-run: the plan as JSON"),
    ]

    static func named(_ name: String) -> CellFlag? { all.first { $0.names.contains(name) } }
}

/// Where a record goes.
enum Sink: Equatable {
    case file(String)
    case descriptor(Int32)
}

/// Which verb a cell is built for.
enum CellVerb: String {
    case run, mcp

    /// The flags that it takes.
    var flags: [CellFlag] {
        self == .run
            ? CellFlag.all + [GovernFlag.govern] + GovernFlag.all : CellFlag.all.filter { !$0.names.contains("-t") } + GovernFlag.all + GovernFlag.session
    }
    /// Written in the interface and not there yet, or not for this verb.
    var announced: [String: String] { self == .run ? [:] : GovernFlag.announced }
    var command: String { self == .run ? "COMMAND" : "SERVER" }
    var defaultProfile: String { self == .run ? "base" : "tool" }
}

/// The flags of one run, read.
struct RunOptions {
    let verb: CellVerb
    /// The server's id, as a flag names it.
    var server: String?
    /// The command asks the door by itself.
    var govern = false
    var patterns = ToolPatterns()
    var budgets: [AccountLimit] = []
    var session: String?
    /// Microseconds.
    var idle: Int64?
    var profile: String?
    var grants: [(kind: FileRule.Kind, path: String, flag: String)] = []
    var environment: [String] = []
    var networks: [String] = []
    var limits: [(limit: Limit, text: String, flag: String)] = []
    var result: Sink?
    var events: Sink?
    var requireAll = false
    var requirement: String?
    var waivers: [String] = []
    var policies: [String] = []
    var agent: String?
    var log: String?
    var noLog = false
    var terminal = false
    var quiet = false
    var dryRun = false
    var json = false
    var command: [String] = []

    /// - Throws: a sentence naming the flag and the nearest right spelling.
    init(_ arguments: [String], verb: CellVerb = .run) throws(UsageError) {
        self.verb = verb
        let flags = verb.flags
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--" {
                command = Array(rest)
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                throw UsageError("unexpected `\(word)`", help: "put `--` before the command: fumehood \(verb.rawValue) [FLAGS] -- \(word) ...")
            }
            var name = word
            var value: String?
            if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
                name = String(word[..<equals])
                value = String(word[word.index(after: equals)...])
            }
            guard let flag = flags.first(where: { $0.names.contains(name) }) else {
                if let what = verb.announced[name] { throw UsageError("`\(name)`: \(what)", help: nil) }
                let known = flags.flatMap(\.names)
                throw UsageError(
                    "unknown flag `\(name)`",
                    help: nearest(name, in: known).map { "did you mean `\($0)`?" } ?? "fumehood \(verb.rawValue) --help lists the flags")
            }
            if let placeholder = flag.value {
                if value == nil {
                    guard let next = rest.popFirst(), next != "--" else {
                        throw UsageError("`\(name)` needs a value: \(placeholder)", help: nil)
                    }
                    value = next
                }
            } else if value != nil {
                throw UsageError("`\(name)` takes no value", help: nil)
            }
            try take(flag.names.last!, written: name, value ?? "")
        }
        if command.isEmpty { throw UsageError("no command", help: "fumehood \(verb.rawValue) [FLAGS] -- \(verb.command) [ARGUMENT...]") }
        if command[0].isEmpty { throw UsageError("the command is empty", help: nil) }
        // Opened, the file would be emptied for a record that nobody writes.
        if dryRun && (result != nil || events != nil) {
            let flag = result != nil ? "--result" : "--events"
            throw UsageError("`\(flag)` and `--dry-run` do not go together", help: "nothing is started; --json prints the plan as JSON")
        }
        if idle != nil, session == nil { throw UsageError("`--idle` goes with `--session`", help: nil) }
        if verb == .run, !govern, server != nil || patterns != ToolPatterns() || !budgets.isEmpty {
            let flag = server != nil ? "--as" : !budgets.isEmpty ? "--budget" : "--allow, --ask and --deny"
            throw UsageError("\(flag) go with `--govern`, or with fumehood mcp", help: "a command that asks nothing is decided once, at its launch")
        }
        if noLog, log != nil { throw UsageError("`--log` and `--no-log` do not go together", help: nil) }
        if json && !dryRun { throw UsageError("`--json` goes with `--dry-run`", help: "the result of a run is written by --result") }
    }

    private mutating func take(_ flag: String, written: String, _ value: String) throws(UsageError) {
        func once<T>(_ old: T?) throws(UsageError) { if old != nil { throw UsageError("`\(written)` is given twice", help: nil) } }
        switch flag {
        case "--profile":
            try once(profile)
            profile = value
        case "--read": grants.append((.read, value, written))
        case "--write": grants.append((.write, value, written))
        case "--env": environment.append(value)
        case "--net": networks.append(value)
        case "--timeout": try limit(.wall, value, written)
        case "--memory": try limit(.memory, value, written)
        case "--cpu": try limit(.cpu, value, written)
        case "--pids": try limit(.pids, value, written)
        case "--cpu-time": try limit(.cpuTime, value, written)
        case "--disk": try limit(.disk, value, written)
        case "--output": try limit(.output, value, written)
        case "--result":
            try once(result)
            result = try Self.sink(value, written)
        case "--events":
            try once(events)
            events = try Self.sink(value, written)
        case "--require":
            try once(requirement)
            guard value == "walls" || value == "all" else { throw UsageError("`--require` expects `walls` or `all`, found `\(value)`", help: nil) }
            requirement = value
            requireAll = value == "all"
        case "--waive": waivers.append(value)
        case "--as":
            try once(server)
            guard GovernFlag.isServerName(value) else {
                throw UsageError("`\(value)` cannot name a server", help: "small letters, digits and `-`, at most 64, and not `sys` or `llm`")
            }
            server = value
        case "--govern": govern = true
        case "--allow": patterns.allow.append(value)
        case "--ask": patterns.ask.append(value)
        case "--deny": patterns.deny.append(value)
        case "--budget":
            let limit = try GovernFlag.budget(value)
            if budgets.contains(where: { $0.dimension == limit.dimension && $0.window.isLike(limit.window) }) {
                throw UsageError("`--budget \(value.prefix { $0 != "=" })` is given twice", help: nil)
            }
            budgets.append(limit)
        case "--session":
            try once(session)
            guard SessionPlace.isName(value) else {
                throw UsageError("`\(value)` cannot name a session", help: "small letters, digits, `-`, `_` and `.`, at most 40")
            }
            session = value
        case "--idle":
            try once(idle)
            do { idle = try Quantity.duration(value) } catch { throw UsageError("`--idle \(value)`: \(error.message)", help: error.help) }
        case "--policy": policies.append(value)
        case "--agent":
            try once(agent)
            guard 1...64 ~= value.utf8.count, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw UsageError("`--agent` expects a name of 1 to 64 printable characters, found `\(value)`", help: nil)
            }
            agent = value
        case "--log":
            try once(log)
            if value.isEmpty { throw UsageError("`--log` needs a folder", help: nil) }
            log = value
        case "--no-log": noLog = true
        case "--terminal": terminal = true
        case "--quiet": quiet = true
        case "--dry-run": dryRun = true
        case "--json": json = true
        default: throw UsageError("unknown flag `\(written)`", help: nil)
        }
    }

    /// The server's id.
    var serverName: String { server ?? GovernFlag.serverName(of: command.first ?? "") }

    private mutating func limit(_ limit: Limit, _ text: String, _ flag: String) throws(UsageError) {
        if limits.contains(where: { $0.limit == limit }) { throw UsageError("`\(flag)` is given twice", help: nil) }
        limits.append((limit, text, flag))
    }

    static func sink(_ value: String, _ flag: String) throws(UsageError) -> Sink {
        guard value.hasPrefix("fd:") else {
            if value.isEmpty { throw UsageError("`\(flag)` needs a file or fd:N", help: nil) }
            return .file(value)
        }
        guard let number = Int32(value.dropFirst(3)), number >= 0 else {
            throw UsageError("`\(value)` is not a descriptor", help: "write fd: and a number, such as fd:3")
        }
        return .descriptor(number)
    }
}

/// We were used wrongly: exit 125.
struct UsageError: Error, Equatable {
    let text: String
    let help: String?
    init(_ text: String, help: String?) {
        self.text = text
        self.help = help
    }
}
