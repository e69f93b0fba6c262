// SPDX-License-Identifier: Apache-2.0
// `fumehood run`: one command in one cell. Composition only: flags and profile to a request, a request to a plan, a plan to
// a cell, a cell to its end, the end to an exit code, a record and a footer.

import Cedar
import Config
import Events
import Glibc
import Learning
import Linux
import Sandbox
import Session
import Syscalls

enum RunVerb {
    /// - Returns: the exit code.
    /// - Parameter learner: of `fumehood learn`.
    static func main(_ arguments: [String], verb: CellVerb = .run, learner: Learner? = nil) -> Int32 {
        let began = Clock.monotonic
        var report = RunReport()
        do {
            try occupyStandardDescriptors()
            let options = try RunOptions(arguments, verb: verb)
            report.options = options
            try report.openSinks()
            return try run(options, learner, began: began, report: &report)
        } catch {
            return report.refuse(failure: error)
        }
    }

    private static func run(_ options: RunOptions, _ learner: Learner?, began: UInt64, report: inout RunReport) throws -> Int32 {
        let environment = Host.environment()
        guard let directory = try? Files.currentDirectory(), directory.hasPrefix("/") else { throw CellError.directoryGone }
        let places = Places(home: Host.home(environment["HOME"]), directory: directory, machine: .current())
        if places.home == nil, let grant = options.grants.first {
            // Nobody knows then what `~/.ssh` is, and the grant may hold it.
            throw UsageError(
                "nothing says where your home folder is, so that what is hidden in it could be granted by `\(grant.flag) \(grant.path)`",
                help: "set HOME; user \(Identity.user) has no line in /etc/passwd")
        }
        let configuration = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let profile = try options.resolvedProfile(places, configuration: configuration)
        let rules = try profile.ladderRules(on: places.machine)
        var request = try CellRequest(profile, command: options.command, places: places, environment: environment)
        try report.protect(in: &request)
        if options.terminal {
            guard let size = Terminal.size(of: 0) else {
                throw UsageError("`-t` needs a terminal as standard input", help: "without -t pipes and files pass as they are")
            }
            request.terminal = true
            request.terminalSize = size
        }

        let proc = try Host.openProc()
        let facts = try HostFacts(proc: proc)
        let governing = try Governing(options, environment: environment, user: facts.user, places: places, session: report.session, cell: report.cell)
        try governing.hide(in: &request)
        try learner?.begin(profile, &request, run: options, places: places, configuration: configuration)
        var launch = try PreparedLaunch(request, facts: facts, awaitsRecord: governing.keepsRecords)
        try learner?.check(launch.planned)
        report.protections = launch.planned.protections
        if profile.requirement == .all { try launch.requireAll() }
        if options.dryRun {
            return DryRun.print(launch, profile: profile, json: options.json) ? 0 : 125
        }

        try governing.decide(profile, launch.planned, command: options.command)
        report.governing = governing
        signal(SIGPIPE, SIG_IGN)
        if profile.bound(.wall) != nil { report.patience = 500_000_000 }
        if let flag = options.limits.first(where: { $0.limit == .cpu }), !launch.planned.spec.groups.holds(.cpu) {
            Messages.note(
                "`\(flag.flag)` is not held: \(launch.planned.spec.groups.missing.first { $0.hasPrefix("cpu") } ?? "no control group holds it"); `fumehood doctor` says why"
            )
        }
        report.begin(command: options.command)
        var limits = LoopLimits(wall: profile.bound(.wall).map { $0 * 1000 }, output: profile.bound(.output))
        // A server lives as long as its client wants; the time is that of one call.
        if options.verb == .mcp { limits.wall = nil }
        func streams() throws -> (any StandardStreams)? {
            if options.verb == .mcp { return try McpVerb.streams(options, profile, places: places, governing) }
            let streams: (any StandardStreams)? = options.terminal ? TerminalStreams(bound: limits.output) : nil
            return options.govern ? try Governed.streams(options, over: streams ?? RelayedStreams(bound: limits.output), governing) : streams
        }
        if options.verb == .mcp, !options.quiet, !governing.hasPolicy {
            Messages.note("no policy is given: the tools of `\(options.serverName)` are permitted as it lists them first, in its cell")
        }
        if options.govern, !options.quiet, !governing.hasPolicy {
            Messages.note("no policy is given: whatever `\(options.serverName)` asks for is permitted, within its budget")
        }
        limits.measured = MeasuredLimits(profile)
        limits.cores = profile.bound(.cpu)
        limits.accounts = report.isRead
        let registration = Registration(
            folder: Registry.folder(runtime: environment["XDG_RUNTIME_DIR"], user: facts.user), cell: report.cell.text, session: report.session.text,
            command: options.command)
        let ladder = rules.map { LadderOrder($0, cores: profile.bound(.cpu), onChange: report.rungSink) }
        var outcome = try launch.run(
            proc: proc, limits: limits, streams: try streams(), registration: registration, ladder: ladder, began: began, watch: learner?.watch,
            connections: governing.connections(profile), beforeCommand: governing.recordLaunch, onDenials: report.denialSink)
        if case .failed(let error) = outcome.end, error.isNested, launch.notifies {
            if learner != nil {
                throw UsageError("nothing can be learned here: a program around this one listens to system calls already", help: "learn outside of it")
            }
            // The program around us listens already, and a process tree has one listener: answers without explanations.
            try launch.answerByErrno()
            outcome = try launch.run(
                proc: proc, limits: limits, streams: try streams(), registration: registration, ladder: ladder, began: began,
                beforeCommand: governing.recordLaunch, onDenials: report.denialSink)
            report.nested = true
        }
        let code = report.finish(outcome, launch)
        try learner?.end(outcome, launch, profile, quiet: options.quiet)
        return code
    }
}

extension MeasuredLimits {
    init(_ profile: Profile) {
        self.init()
        memory = profile.bound(.memory)
        pids = profile.bound(.pids)
        cpuTimeMicroseconds = profile.bound(.cpuTime)
        disk = profile.bound(.disk)
    }
}

extension RunOptions {
    /// The profile with the flags laid over it.
    /// - Parameter configuration: XDG_CONFIG_HOME, if it is set and absolute.
    func resolvedProfile(_ places: Places, configuration: String?) throws(ConfigError) -> Profile {
        var profile = try ProfileLibrary(places: places, configuration: configuration).profile(named: self.profile ?? verb.defaultProfile)
        for grant in grants { try profile.add(grant.kind, grant.path, flag: grant.flag, places: places) }
        for text in environment { try profile.addEnvironment(text, flag: "-e") }
        if !networks.isEmpty { try profile.setNetwork(networks, flag: "--net") }
        for (limit, text, flag) in limits { try profile.setLimit(limit, text, flag: flag, machine: places.machine) }
        // Only what the flags say among themselves: a flag is there to overrule the profile.
        let written = Dictionary(uniqueKeysWithValues: limits.compactMap { item in profile.limits[item.limit].map { (item.limit, $0) } })
        if limits.count > 1, let wrong = Limit.contradiction(written, on: places.machine) {
            throw ConfigError(file: limits.first { $0.limit == wrong.limit }?.flag ?? "limits", mark: nil, message: wrong.message, help: wrong.help)
        }
        for name in waivers { try profile.waive(name, flag: "--waive") }
        if let requirement { profile.requirement = requirement == "all" ? .all : .walls }
        return profile
    }
}
