// SPDX-License-Identifier: Apache-2.0
// `fumehood up`: a whole session from one file. This process is its supervisor; the agents start at once, each tool when an agent asks for
// it. Composition only.

import ArgumentParser
import Config
import Events
import Glibc
import Governance
import JSON
import Linux
import Sandbox
import Session

struct UpVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Runs a session: agents and their tools, each in its cell.",
        discussion: """
            FILE (default fumehood.yaml) says which agents run, which tools each may reach, and what all of it may cost. In an agent's cell the \
            MCP configuration of any framework says command: fumehood, args: [mcp, TOOL].

            Exit code: the first that is not 0 of its agents, in the file's order. 124: a limit of the session ended it, or what --fail-on names \
            happened. 125: nothing was started. With CI=true nobody is asked: what a policy would ask about is denied. Where GITHUB_STEP_SUMMARY names a \
            file, a summary is added to it.
            """)

    enum Kind: String, CaseIterable, ExpressibleByArgument { case denied, budget, killed }

    @Option(
        name: .customLong("fail-on"),
        help: ArgumentHelp(
            "exit 124 when it happened, whatever agents say: denied, budget (a call over budget), killed (a cell by a limit)", valueName: "kinds"))
    var failOn: String?
    @Option(name: .customLong("result"), help: ArgumentHelp("write what became of it as one JSON object", valueName: "FILE|fd:N")) var result: String?
    @Flag(name: .customLong("quiet"), help: "no sentences on stderr but for errors") var quiet = false
    @Argument(help: ArgumentHelp("the session file", valueName: "file")) var file = "fumehood.yaml"

    func kinds() throws -> Set<Kind> {
        var kinds: Set<Kind> = []
        for word in (failOn ?? "").split(separator: ",", omittingEmptySubsequences: false) where failOn != nil {
            guard let kind = Kind(rawValue: String(word)) else {
                let known = Kind.allCases.map(\.rawValue)
                throw UsageError(
                    "`--fail-on` does not know `\(word)`",
                    help: nearest(String(word), in: known).map { "did you mean `\($0)`?" } ?? "it knows \(known.joined(separator: ", "))")
            }
            kinds.insert(kind)
        }
        return kinds
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let kinds = try kinds()
        var report = RunReport()
        let code: Int32
        do {
            try occupyStandardDescriptors()
            let sink = try result.map { (text) throws(UsageError) in try RecordSink(try RunOptions.sink(text, "--result"), flag: "--result") }
            let path = Paths.absolute(file, from: try Files.currentDirectory())
            let bytes: [UInt8]
            do { bytes = try Files.read(path, limit: 1 << 20) } catch {
                throw UsageError(
                    "`\(file)` cannot be read: \(errnoText(error.code)) (\(error.name))", help: "name the session file: fumehood up FILE")
            }
            let written = try SessionFile(parsing: bytes, file: file)
            let folder = try Files.resolve(Paths.parent(path))
            let run = try SessionRun(written, folder: folder, environment: Host.environment(), quiet: quiet)
            code = try run.run(failOn: kinds, sink: sink)
        } catch {
            code = report.refuse(failure: error)
        }
        throw ExitCode(code)
    }
}

/// One run of a session file.
final class SessionRun {
    private struct Ended {
        let name: String
        let isAgent: Bool
        let end: SessionCell.End
        let isUnwanted: Bool
    }

    /// Where a cell of an agent has the program and the socket of its session.
    static let programFolder = "/run/fumehood.bin"

    private let file: SessionFile
    private let folder: String
    private let environment: [String: String]
    private let quiet: Bool
    private let session: SessionDoor
    private let loop: SessionLoop
    private let host: SessionHost
    private let place: SessionPlace
    private var sockets: [String] = []
    private var ended: [Ended] = []
    private var running = 0
    private var isEnding = false
    private var cause: Events.Cause?

    init(_ file: SessionFile, folder: String, environment: [String: String], quiet: Bool) throws {
        (self.file, self.folder, self.environment, self.quiet) = (file, folder, environment, quiet)
        var secrets: [String] = []
        for program in file.agents.map(\.program) + file.tools { secrets += try program.secretValues(environment, folder: folder).map(\.value) }
        // All of it is read before anything is started.
        for agent in file.agents { _ = try agent.program.options(.run) }
        for tool in file.tools { _ = try tool.options(.mcp) }
        let rules = SessionRules(
            policies: file.policies.map { Paths.absolute($0, from: folder) }, log: file.log.map { Paths.absolute($0, from: folder) }, noLog: false,
            limits: file.limits, tools: file.toolLimits, approvalWait: file.approvalWait.map { $0 * 1000 }, secrets: secrets)
        session = try SessionDoor(file.name, rules, environment: environment, user: Identity.user, home: Host.home(environment["HOME"]))
        loop = try SessionLoop()
        host = try SessionHost(session, loop)
        place = SessionPlace(name: file.name, runtime: environment["XDG_RUNTIME_DIR"], user: Identity.user)
        session.say = { [quiet] text in if !quiet { Messages.note(text) } }
    }

    /// - Returns: the exit code.
    func run(failOn: Set<UpVerb.Kind>, sink: RecordSink?) throws -> Int32 {
        let began = Clock.monotonic
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
        let number = signals.descriptor.number
        _ = try loop.watch(number) { [unowned self] _ in
            // Agents end by themselves first, as they would in a shell; who insists has it done.
            if isEnding { return stop(.message("ended by a signal")) }
            isEnding = true
            for cell in Array(host.cells.values) { cell.signal(SIGTERM) }
            loop.alarm(at: Clock.monotonic + 5_000_000_000) { [unowned self] in stop(.message("ended by a signal")) }
        }
        host.onEnd = { [unowned self] name, cell, end in over(name, cell, end) }
        if let wall = file.wall {
            loop.alarm(at: began + UInt64(wall) * 1000) { [unowned self] in
                stop(.limit(.wall, bound: wall, reading: Int64((Clock.monotonic - began) / 1000)))
            }
        }
        if file.processorTime != nil { watchProcessorTime() }
        defer { for path in sockets { _ = unsafe unlink(path) } }
        running = file.agents.count
        for agent in file.agents { try start(agent) }
        if running > 0 || !host.cells.isEmpty { try loop.run() }
        _ = consume signals
        if let lost = session.close() { Messages.note(lost) }
        let code = exitCode(failOn)
        let report = SessionReport(
            session: session, code: code, wallMicroseconds: Int64((Clock.monotonic - began) / 1000), cause: cause,
            cells: ended.map { SessionReport.Cell(name: $0.name, isAgent: $0.isAgent, end: $0.end, isUnwanted: $0.isUnwanted) })
        sink?.write(report.json.serialisedBytes() + [0x0a], patience: 5_000_000_000, isLast: true)
        if let path = environment["GITHUB_STEP_SUMMARY"], !path.isEmpty { report.append(to: path) }
        if !quiet { Messages.notes(report.lines) }
        return sink?.hasFailed == true ? 125 : code
    }

    private func exitCode(_ failOn: Set<UpVerb.Kind>) -> Int32 {
        if failOn.contains(.denied), session.tally.denied > 0 { return 124 }
        if failOn.contains(.budget), session.tally.overBudget > 0 { return 124 }
        if failOn.contains(.killed), ended.contains(where: { $0.end.isKilled && !$0.isUnwanted }) { return 124 }
        for agent in file.agents {
            if let code = ended.first(where: { $0.isAgent && $0.name == agent.program.name })?.end.code, code != 0 { return code }
        }
        return cause == nil ? 0 : 124
    }

    // Agents --------------------------------------------------------------------------------------------------------------

    private func start(_ agent: SessionFile.Agent) throws {
        let options = try agent.program.options(.run)
        let id = String(try Host.random64(), radix: 16)
        let listener: Descriptor
        do throws(SystemError) { listener = try place.listenInside(id) } catch {
            throw UsageError("the session's sockets cannot be made: \(error.message)", help: StubVerb.help(error, place))
        }
        let path = place.inside(id)
        sockets.append(path)
        let entrance = SessionHost.Entrance(listener, isInside: true, user: Identity.user) { [unowned self] wish in try tool(wish, of: agent) }
        try host.open(entrance)
        var order = CellOrder(
            options: options, environment: environment, directory: folder, groups: agent.groups,
            streams: { [file] profile, _, _ in RelayedStreams(bound: profile.bound(.output), readsInput: file.agents.count == 1) },
            say: { Messages.write($0) }, ended: { _ in })
        order.secrets = try agent.program.secretValues(environment, folder: folder)
        let program = try Files.resolve("/proc/self/exe")
        order.own = [
            CellRequest.OwnFile(try Files.resolve(path), at: StubVerb.insideSocket, mapsOwner: false),
            CellRequest.OwnFile(program, at: Self.programFolder + "/fumehood", mapsOwner: true),
        ]
        order.ownPath = [Self.programFolder]
        order.keepsDirectory = true
        let cell = host.start(order, name: agent.program.name)
        entrance.user = cell.user
    }

    /// What an agent asks for by `fumehood mcp TOOL`.
    private func tool(_ wish: SessionHost.Wish, of agent: SessionFile.Agent) throws -> CellOrder {
        let name = wish.arguments.count == 1 ? wish.arguments[0] : ""
        guard let tool = file.tools.first(where: { $0.name == name }), agent.tools.contains(name) else {
            let list = agent.tools.isEmpty ? "it has none" : "its tools are \(agent.tools.joined(separator: ", "))"
            throw UsageError("agent `\(agent.program.name)` has no tool `\(name)`: \(list)", help: nil)
        }
        guard !isEnding else { throw UsageError("the session is ending", help: nil) }
        var options = try tool.options(.mcp)
        options.agent = agent.program.name
        var order = host.order(options, wish, directory: folder, groups: agent.groups, environment: environment)
        order.secrets = try tool.secretValues(environment, folder: folder)
        order.keepsDirectory = true
        return order
    }

    // Ends ----------------------------------------------------------------------------------------------------------------

    private func over(_ name: String, _ cell: SessionCell, _ end: SessionCell.End) {
        ended.append(Ended(name: name, isAgent: cell.isAgent, end: end, isUnwanted: cell.isUnwanted))
        if cell.isAgent { running -= 1 }
        guard running == 0 else { return }
        isEnding = true
        if host.cells.isEmpty { loop.isOver = true } else { host.abandonAll("the agents have ended") }
    }

    private func stop(_ cause: Events.Cause) {
        isEnding = true
        self.cause = self.cause ?? cause
        host.stopAll(cause)
    }

    /// Of all cells, those that are over included.
    private func watchProcessorTime() {
        loop.alarm(at: Clock.monotonic + 250_000_000) { [unowned self] in
            guard let bound = file.processorTime else { return }
            let used = host.processorMicroseconds
            if used > bound { stop(.limit(.cpuTime, bound: bound, reading: used)) } else { watchProcessorTime() }
        }
    }
}
