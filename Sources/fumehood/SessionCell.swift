// SPDX-License-Identifier: Apache-2.0
// One cell of a session, from its words to its end: the composition of `fumehood run`, on a loop with others, behind a door that they share.

import Config
import Events
import Glibc
import Governance
import JSON
import Linux
import Sandbox
import Session
import Syscalls

/// What a cell of a session is made of.
struct CellOrder {
    var options: RunOptions
    /// The caller's.
    var environment: [String: String]
    var directory: String
    /// Whether relative paths count from it also where only some of it is granted: those of a session file.
    var keepsDirectory = false
    var groups: [String] = []
    var secrets: [(name: String, value: String)] = []
    var own: [CellRequest.OwnFile] = []
    var ownPath: [String] = []
    /// Who speaks with it, made for each attempt.
    var streams: (Profile, Places, Governing) throws -> any StandardStreams
    /// Sentences for people.
    var say: (String) -> Void
    /// Nothing of it is left.
    var ended: (SessionCell.End) -> Void
}

final class SessionCell {
    struct End {
        let code: Int32
        /// What became of it; nil where nothing was started.
        let outcome: Session.Outcome.End?
        let wallMicroseconds: Int64
        let denials: Int64
        var processorMicroseconds: Int64 = 0
    }

    private let session: SessionDoor
    private let loop: SessionLoop
    private let order: CellOrder
    private let began = Clock.monotonic
    private var report = RunReport()
    private var launch: PreparedLaunch?
    private var profile: Profile?
    private var rules: LadderRules?
    private var places: Places?
    private var governing: Governing?
    private var supervisor: Supervisor?
    /// It ends because whoever it served has gone, or the session has.
    private(set) var isUnwanted = false

    init(_ order: CellOrder, in session: SessionDoor, on loop: SessionLoop) {
        (self.order, self.session, self.loop) = (order, session, loop)
        report.options = order.options
        report.session = session.id
    }

    var isAgent: Bool { order.options.verb == .run }

    /// Its user on the host.
    var user: UInt32 {
        switch launch?.planned.spec.identity {
        case .dedicated(let user, _)?, .caller(let user, _)?: user
        case nil: Identity.user
        }
    }

    /// What it has used until now.
    var processorMicroseconds: Int64 { supervisor?.processorMicroseconds ?? 0 }

    /// Starts it. Where nothing is started that is said, and told as its end at once.
    func start(_ seat: Seat) {
        var refusal: Int32?
        let said = Messages.kept {
            do {
                try report.openSinks()
                try prepare(seat)
                try attempt(nested: seat.isNested)
            } catch {
                refusal = report.refuse(failure: error)
            }
        }
        order.say(said)
        if let refusal { order.ended(End(code: refusal, outcome: nil, wallMicroseconds: 0, denials: 0)) }
    }

    /// A place among the cells of one process.
    final class Seat {
        let ordinal: UInt32
        /// Somebody outside listens to system calls already.
        var isNested: Bool
        init(ordinal: UInt32, isNested: Bool) { (self.ordinal, self.isNested) = (ordinal, isNested) }
    }

    private func prepare(_ seat: Seat) throws {
        let options = order.options
        let places = Places(home: Host.home(order.environment["HOME"]), directory: order.directory, machine: .current())
        if places.home == nil, let grant = options.grants.first {
            throw UsageError(
                "nothing says where your home folder is, so that what is hidden in it could be granted by `\(grant.flag) \(grant.path)`",
                help: "set HOME; user \(Identity.user) has no line in /etc/passwd")
        }
        let configuration = order.environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let profile = try options.resolvedProfile(places, configuration: configuration)
        rules = try profile.ladderRules(on: places.machine)
        var request = try CellRequest(profile, command: options.command, places: places, environment: order.environment)
        request.secrets += order.secrets
        (request.own, request.ownPath) = (order.own, order.ownPath)
        request.keepsDirectory = order.keepsDirectory
        try report.protect(in: &request)
        let proc = try Host.openProc()
        let facts = try HostFacts(proc: proc)
        let governing = Governing(in: session, options, groups: order.groups, cell: report.cell)
        try governing.hide(in: &request)
        var launch = try PreparedLaunch(request, facts: facts, awaitsRecord: governing.keepsRecords, ordinal: seat.ordinal)
        report.protections = launch.planned.protections
        if profile.requirement == .all { try launch.requireAll() }
        try governing.decide(profile, launch.planned, command: options.command)
        report.governing = governing
        (self.governing, self.launch, self.profile, self.places) = (governing, launch, profile, places)
        self.seat = seat
    }

    private var seat: Seat?

    private func attempt(nested: Bool) throws {
        guard let profile, let governing, let places else { return }
        if nested {
            try launch?.answerByErrno()
            report.nested = true
        }
        var limits = LoopLimits(wall: profile.bound(.wall).map { $0 * 1000 }, output: profile.bound(.output))
        if order.options.verb == .mcp { limits.wall = nil }
        limits.measured = MeasuredLimits(profile)
        limits.cores = profile.bound(.cpu)
        limits.accounts = report.isRead
        let registration = Registration(
            folder: Registry.folder(runtime: Host.environment()["XDG_RUNTIME_DIR"], user: Identity.user), cell: report.cell.text, session: session.id.text,
            name: session.name, command: order.options.command)
        report.begin(command: order.options.command)
        let ladder = rules.map { LadderOrder($0, cores: profile.bound(.cpu), onChange: report.rungSink) }
        let streams = try order.streams(profile, places, governing)
        guard
            let supervisor = try launch?.start(
                proc: try Host.openProc(), limits: limits, streams: streams, signals: nil, registration: registration, ladder: ladder, began: began,
                connections: governing.connections(profile), beforeCommand: governing.recordLaunch, onDenials: report.denialSink)
        else { return }
        self.supervisor = supervisor
        try loop.add(supervisor) { [self] in over($0) }
    }

    private func over(_ outcome: Session.Outcome) {
        supervisor = nil
        if case .failed(let error) = outcome.end, error.isNested, let seat, !seat.isNested, launch?.notifies == true {
            seat.isNested = true
            var refusal: Int32?
            let said = Messages.kept { do { try attempt(nested: true) } catch { refusal = report.refuse(failure: error) } }
            order.say(said)
            if let refusal { order.ended(End(code: refusal, outcome: nil, wallMicroseconds: 0, denials: 0)) }
            return
        }
        guard let launch else { return }
        var code: Int32 = 125
        let said = Messages.kept { code = report.finish(outcome, launch) }
        if !isUnwanted { order.say(said) }
        order.ended(
            End(
                code: code, outcome: outcome.end, wallMicroseconds: Int64(outcome.wall / 1000), denials: outcome.denials.reduce(0) { $0 + $1.count },
                processorMicroseconds: Int64(
                    clamping: (outcome.tree.userMicroseconds ?? outcome.usage.userMicroseconds)
                        + (outcome.tree.systemMicroseconds ?? outcome.usage.systemMicroseconds))))
    }

    // What others want of it ----------------------------------------------------------------------------------------------

    func signal(_ signal: Int32) { supervisor?.forward(signal) }

    /// Ends it because nobody wants it any more.
    func abandon(_ why: String) {
        isUnwanted = true
        supervisor?.end(.message(why), isLoss: false)
    }

    /// Ends it for what the session came to.
    func stop(_ cause: Events.Cause) { supervisor?.end(cause, isLoss: false) }
}
