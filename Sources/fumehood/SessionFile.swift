// SPDX-License-Identifier: Apache-2.0
// The session file of `fumehood up`, decoded: who runs, which tools each may reach, what all of it may cost. Everything that is wrong has its
// line and column. What a cell may do is written as the flags of `run` and `mcp` mean it, and read by the same code. The keys here and those of
// Profiles/session.schema.json are held together by a test.

import Budget
import Config
import Events
import Glibc
import Linux
import Sandbox
import Session

/// Every key that a session file may have, by the map it stands in.
enum SessionKeys {
    static let top = ["fumehood", "session", "agents", "tools", "policy", "budget", "approval_wait", "log"]
    static let cell = ["command", "profile", "read", "write", "environment", "network", "limits"]
    static let agent = cell + ["group", "tools", "secrets"]
    static let tool = cell + ["secrets"]
    static let limits = ["memory", "cpu", "pids", "cpu_time", "wall", "disk", "output"]
    static let network = ["allow"]
    static let budget = ["session", "tools"]
    /// Of the session alone, held by its supervisor.
    static let clocks = ["wall", "cpu_time"]
    /// Of the session's calls, and of one tool's.
    static let dimensions = ["calls", "output", "usd", "tokens_in", "tokens_out"]
    static let toolDimensions = dimensions + ["wall", "cpu_time"]
}

struct SessionFile {
    struct Secret {
        let name: String
        /// `env:NAME` or `file:PATH`.
        let source: String
        let field: Field
    }

    /// A program with what its cell may do.
    struct Program {
        let name: String
        let field: Field
        /// As `run` or `mcp` read them.
        var words: [String]
        var command: [String]
        var secrets: [Secret] = []
    }

    struct Agent {
        var program: Program
        var groups: [String] = []
        var tools: [String] = []
    }

    var name = ""
    var agents: [Agent] = []
    var tools: [Program] = []
    var policies: [String] = []
    /// Of all calls together.
    var limits: [AccountLimit] = []
    var toolLimits: [(name: String, limits: [AccountLimit])] = []
    /// Microseconds of the session, and of all its cells.
    var wall: Int64?
    var processorTime: Int64?
    /// Microseconds.
    var approvalWait: Int64?
    var log: String?

    /// - Parameter file: as the user knows it.
    init(parsing bytes: [UInt8], file: String) throws(ConfigError) {
        let top = try Field(parsing: bytes, file: file).map(keys: SessionKeys.top)
        try top.checkVersion()
        let named = try top.required("session")
        name = try named.text()
        guard SessionPlace.isName(name) else {
            throw named.error("\(quoted(name)) cannot name a session", help: "small letters, digits, `-`, `_` and `.`, at most 40")
        }
        for (name, mark, value) in try top["tools"]?.entries() ?? [] {
            guard GovernFlag.isServerName(name) else {
                throw ConfigError(
                    file: file, mark: mark, path: value.path, message: "\(quoted(name)) cannot name a tool",
                    help: "small letters, digits and `-`, at most 64, and not `sys` or `llm`")
            }
            let map = try value.map(keys: SessionKeys.tool)
            tools.append(try Self.program(name, map, profile: "tool", flag: "--as"))
        }
        for (name, mark, value) in try top.required("agents").entries() {
            guard Self.isAgent(name) else {
                throw ConfigError(
                    file: file, mark: mark, path: value.path, message: "\(quoted(name)) cannot name an agent",
                    help: "letters, digits, `-`, `_` and `.`, at most 64")
            }
            agents.append(try agent(name, try value.map(keys: SessionKeys.agent)))
        }
        if agents.isEmpty, let field = top["agents"] { throw field.error("a session has at least one agent") }
        if let field = top["policy"] {
            if case .list = field.node.content { policies = try field.texts() } else { policies = [try field.text()] }
        }
        if let field = top["budget"] { try decodeBudget(try field.map(keys: SessionKeys.budget)) }
        approvalWait = try top["approval_wait"]?.duration()
        log = try top["log"]?.text()
    }

    private static func isAgent(_ name: String) -> Bool {
        1...64 ~= name.utf8.count
            && name.utf8.allSatisfy {
                (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f || $0 == 0x2e
            }
    }

    private func agent(_ name: String, _ map: Map) throws(ConfigError) -> Agent {
        var agent = Agent(program: try Self.program(name, map, profile: "agent", flag: "--agent"))
        if let field = map["group"] {
            if case .list = field.node.content { agent.groups = try field.texts() } else { agent.groups = [try field.text()] }
        }
        let known = tools.map(\.name)
        for item in try map["tools"]?.list() ?? [] {
            let tool = try item.text()
            guard known.contains(tool) else {
                throw item.error(
                    "there is no tool \(quoted(tool))",
                    help: nearest(tool, in: known).map { "did you mean `\($0)`?" } ?? "the tools of this session: \(known.joined(separator: ", "))")
            }
            agent.tools.append(tool)
        }
        return agent
    }

    /// - Parameter flag: under which its name is known to the door.
    private static func program(_ name: String, _ map: Map, profile: String, flag: String) throws(ConfigError) -> Program {
        let command = try map.required("command")
        let words = try command.texts()
        if words.isEmpty { throw command.error("the command is empty") }
        var flags = ["-p", try map["profile"]?.text() ?? profile, flag, name]
        for item in try map["read"]?.texts() ?? [] { flags += ["-r", item] }
        for item in try map["write"]?.texts() ?? [] { flags += ["-w", item] }
        if let field = map["environment"] {
            // A list of names to pass, or a map of values.
            if case .list = field.node.content {
                for item in try field.texts() { flags += ["-e", item] }
            } else {
                for (name, _, value) in try field.entries() { flags += ["-e", "\(name)=\(try value.anyText())"] }
            }
        }
        if let field = map["network"] {
            if case .map = field.node.content {
                for item in try field.map(keys: SessionKeys.network).required("allow").texts() { flags += ["--net", item] }
            } else {
                flags += ["--net", try field.text()]
            }
        }
        if let limits = try map["limits"]?.map(keys: SessionKeys.limits) {
            for key in SessionKeys.limits {
                guard let text = try limits[key]?.text() else { continue }
                flags += [key == "wall" ? "--timeout" : key == "cpu_time" ? "--cpu-time" : "--\(key)", text]
            }
        }
        var program = Program(name: name, field: map.field, words: flags, command: words)
        for (name, _, value) in try map["secrets"]?.entries() ?? [] {
            let source = try value.text()
            guard (source.hasPrefix("env:") && source.utf8.count > 4) || (source.hasPrefix("file:") && source.utf8.count > 5) else {
                throw value.error("expected `env:NAME` or `file:PATH`, found \(quoted(source))", help: "a secret's value is never written here")
            }
            program.secrets.append(Secret(name: name, source: source, field: value))
        }
        return program
    }

    private mutating func decodeBudget(_ map: Map) throws(ConfigError) {
        if let field = map["session"] {
            let session = try field.map(keys: SessionKeys.dimensions + SessionKeys.clocks)
            limits = try Self.limits(session, SessionKeys.dimensions)
            wall = try session["wall"]?.duration()
            processorTime = try session["cpu_time"]?.duration()
        }
        for (name, mark, value) in try map["tools"]?.entries() ?? [] {
            guard tools.contains(where: { $0.name == name }) else {
                throw ConfigError(
                    file: value.file, mark: mark, path: value.path, message: "there is no tool \(quoted(name))",
                    help: nearest(name, in: tools.map(\.name)).map { "did you mean `\($0)`?" })
            }
            toolLimits.append((name, try Self.limits(try value.map(keys: SessionKeys.toolDimensions), SessionKeys.toolDimensions)))
        }
    }

    private static func limits(_ map: Map, _ names: [String]) throws(ConfigError) -> [AccountLimit] {
        var limits: [AccountLimit] = []
        for name in names {
            guard let field = map[name], let row = GovernFlag.budgets.first(where: { $0.name == name }),
                let dimension = Dimension.standard.first(where: { $0.name == row.dimension })
            else { continue }
            var texts = [field]
            if case .list = field.node.content { texts = try field.list() }
            for item in texts {
                let text = try item.text()
                do throws(BudgetError) { limits.append(AccountLimit(row.dimension, try Window(parsing: text, for: dimension))) } catch {
                    throw item.error(error.message, help: error.help)
                }
            }
        }
        return limits
    }
}

extension SessionFile.Program {
    /// - Throws: where a secret is not there. Its value is in no message.
    func secretValues(_ environment: [String: String], folder: String) throws(ConfigError) -> [(name: String, value: String)] {
        var values: [(String, String)] = []
        for secret in secrets {
            if secret.source.hasPrefix("env:") {
                let name = String(secret.source.dropFirst(4))
                guard let value = environment[name] else {
                    throw secret.field.error("`\(name)` is not set here", help: "set it before fumehood up")
                }
                values.append((secret.name, value))
            } else {
                let path = Paths.absolute(String(secret.source.dropFirst(5)), from: folder)
                do throws(SystemError) {
                    var text = try Files.text(path, limit: 64 << 10)
                    while text.utf8.last == 0x0a || text.utf8.last == 0x0d { text.removeLast() }
                    values.append((secret.name, text))
                } catch {
                    throw secret.field.error("`\(path)` cannot be read: \(errnoText(error.code)) (\(error.name))")
                }
            }
        }
        return values
    }

    /// - Throws: what the flags that it is written as say, at the entry's place.
    func options(_ verb: CellVerb) throws(ConfigError) -> RunOptions {
        do throws(UsageError) { return try RunOptions(words + ["--"] + command, verb: verb) } catch {
            throw field.error(error.text, help: error.help)
        }
    }
}
