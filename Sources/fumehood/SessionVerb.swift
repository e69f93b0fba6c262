// SPDX-License-Identifier: Apache-2.0
// The supervisor of the session of `fumehood mcp --session NAME`: started by the first stub that finds nobody, with the listening socket as
// descriptor 3 and the flags of that stub, which are the session's; gone when nobody has wanted anything of it for a while.

import Events
import Glibc
import Governance
import Linux
import Sandbox
import Session

enum SessionVerb {
    /// As the stub calls it. No verb for people.
    static let name = "session-supervisor"

    /// Nanoseconds without a server after which it leaves.
    static let idle: UInt64 = 3_600_000_000_000

    /// What is wrong with the words of a stub: said, and the exit code; nil where nothing is.
    static func refusal(_ words: [String]) -> Int32? {
        var report = RunReport()
        do {
            let options = try RunOptions(words, verb: .mcp)
            try check(options)
            return nil
        } catch {
            return report.refuse(failure: error)
        }
    }

    /// What a session cannot do for a server that a single run can.
    private static func check(_ options: RunOptions) throws(UsageError) {
        for (sink, flag) in [(options.result, "--result"), (options.events, "--events")] {
            if case .descriptor(let number)? = sink {
                throw UsageError("`\(flag) fd:\(number)` and `--session` do not go together: the session's supervisor writes it", help: "name a file")
            }
        }
    }

    static func main(_ arguments: [String]) -> Int32 {
        Detached.closeOthers()
        signal(SIGPIPE, SIG_IGN)
        let environment = Host.environment()
        let place = SessionPlace(name: arguments[2], runtime: environment["XDG_RUNTIME_DIR"], user: Identity.user)
        guard FileStatus.isSocket(Detached.file) else {
            Messages.error("`\(name)` is started by `fumehood mcp --session`", help: "fumehood mcp --session NAME -- SERVER")
            return 125
        }
        let listener = Descriptor(owning: Detached.file)
        do {
            try listener.setNonBlocking()
            _ = fcntl(listener.number, F_SETFD, FD_CLOEXEC)
            let options = try RunOptions(Array(arguments.dropFirst(3)) + ["--", "none"], verb: .mcp)
            let loop = try SessionLoop()
            let directory = (try? Files.currentDirectory()) ?? "/"
            var session: SessionDoor?
            let said = Messages.kept {
                do {
                    session = try SessionDoor(
                        place.name, rules(options, directory), environment: environment, user: Identity.user, home: Host.home(environment["HOME"]))
                } catch {
                    var report = RunReport()
                    _ = report.refuse(failure: error)
                }
            }
            if let session {
                return try serve(consume listener, session, loop, place, idle: options.idle.map { UInt64($0) * 1000 } ?? idle)
            }
            return try refuse(consume listener, said, loop, place)
        } catch {
            return 125
        }
    }

    /// What flags say of the session as a whole.
    private static func rules(_ options: RunOptions, _ directory: String) -> SessionRules {
        SessionRules(
            policies: options.policies.map { Paths.absolute($0, from: directory) }, log: options.log.map { Paths.absolute($0, from: directory) },
            noLog: options.noLog, limits: options.budgets)
    }

    /// Who joins later may leave out what is the session's, or say the same.
    private static func agree(_ options: RunOptions, _ directory: String, with session: SessionDoor) throws(UsageError) {
        let (said, held) = (rules(options, directory), session.rules)
        let wrong =
            !said.policies.isEmpty && said.policies != held.policies
            ? "--policy"
            : !said.limits.isEmpty && said.limits != held.limits
                ? "--budget" : said.log != nil && said.log != held.log ? "--log" : said.noLog && !held.noLog ? "--no-log" : nil
        guard let wrong else { return }
        throw UsageError(
            "session `\(session.name)` runs already, with another `\(wrong)`",
            help: "leave it out, use another session's name, or end this one: fumehood kill \(session.name)")
    }

    private static func serve(_ listener: consuming Descriptor, _ session: SessionDoor, _ loop: SessionLoop, _ place: SessionPlace, idle: UInt64) throws
        -> Int32
    {
        let host = try SessionHost(session, loop)
        var isEnding = false
        var alarm: UInt64?
        func rest() {
            if let alarm { loop.forget(alarm) }
            alarm = loop.alarm(at: Clock.monotonic + idle) {
                guard host.cells.isEmpty, host.lines.isEmpty, !isEnding else { return }
                guard let hold = try? place.hold(milliseconds: 0) else { return rest() }
                // Whoever connected before the names are gone is served; who comes after finds nobody and starts the next one.
                if host.acceptAll() { return }
                place.leave()
                loop.isOver = true
                _ = consume hold
            }
        }
        host.onIdle = { if isEnding { loop.isOver = true } else { rest() } }
        host.onEnd = { _, _, _ in if isEnding, host.cells.isEmpty { loop.isOver = true } }
        host.end = {
            guard !isEnding else { return }
            isEnding = true
            host.closeEntrances()
            if let hold = try? place.hold(milliseconds: 5000) {
                place.leave()
                _ = consume hold
            }
            if host.cells.isEmpty { loop.isOver = true } else { host.stopAll(.message("its session was ended")) }
        }
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
        let number = signals.descriptor.number
        _ = try loop.watch(number) { _ in host.end() }
        try host.open(
            SessionHost.Entrance(listener, isInside: false, user: Identity.user) { wish in
                let options = try RunOptions(Array(wish.arguments.dropFirst(2)), verb: .mcp)
                let directory = wish.directory ?? "/"
                try check(options)
                try agree(options, directory, with: session)
                if !options.quiet, session.layers.isEmpty, options.patterns == ToolPatterns() {
                    Messages.note("no policy is given: the tools of `\(options.serverName)` are permitted as it lists them first, in its cell")
                }
                return host.order(options, wish, directory: directory, environment: wish.environment)
            })
        rest()
        try loop.run()
        _ = session.close()
        _ = consume signals
        return 0
    }

    /// Nothing can be served: who comes hears why, and the next one starts anew.
    private static func refuse(_ listener: consuming Descriptor, _ why: String, _ loop: SessionLoop, _ place: SessionPlace) throws -> Int32 {
        let deadline = Clock.monotonic + 5_000_000_000
        while Clock.monotonic < deadline {
            guard let socket = LocalSocket.accept(listener) else {
                usleep(2000)
                continue
            }
            guard let line = try? StubLine(socket, isInside: false), line.peer.user == Identity.user || line.peer.user == 0 else { continue }
            while Clock.monotonic < deadline {
                let said = line.next()
                if case .order = said {
                    line.take()
                    line.say(why)
                    line.finish(125)
                    return 125
                }
                if case .gone = said { return 125 }
                usleep(1000)
            }
        }
        return 125
    }
}
