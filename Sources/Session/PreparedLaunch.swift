// SPDX-License-Identifier: Apache-2.0
// Everything of a run that can be known before anything is started: the filter compiled and proved, the cell planned. Then
// the run itself. `fumehood run` is a session of one cell on this.

package import Events
import Glibc
package import Linux
package import Sandbox
import Syscalls

package struct PreparedLaunch {
    package private(set) var planned: PlannedCell
    package private(set) var plan: LaunchPlan
    private var filter: SyscallFilter
    private var request: CellRequest
    private var facts: HostFacts

    /// - Throws: ``CellError``, or the proof's refusal of a filter.
    private let ordinal: UInt32

    /// - Parameters:
    ///   - awaitsRecord: whether the command waits, built and confined, until its record is on disk.
    ///   - ordinal: counts the cells of this process: each has its own user, as root, and its own groups.
    package init(_ request: CellRequest, facts: HostFacts, awaitsRecord: Bool = false, ordinal: UInt32 = 0) throws {
        self.request = request
        self.facts = facts
        self.ordinal = ordinal
        try PreparedLaunch.refuseHostRoot(facts)
        (planned, filter) = try PreparedLaunch.plan(request, facts, ordinal)
        planned.spec.awaitsRecord = awaitsRecord
        plan = LaunchPlan(for: planned.spec)
    }

    /// Where the only id is the host's root nothing is started; where there are no namespaces at all, that is what is said.
    private static func refuseHostRoot(_ facts: HostFacts) throws {
        guard facts.offersOnlyRoot else { return }
        let refusal = Launcher.probe(.user)
        throw refusal == 0 ? CellError.hostRoot : LaunchError.clone(.user, refusal)
    }

    private static func plan(_ request: CellRequest, _ facts: HostFacts, _ ordinal: UInt32) throws -> (PlannedCell, SyscallFilter) {
        let filter = SyscallFilter.of(request.syscalls)
        let cookie = ExecCookie(1)!
        let spec = CellSpec.Filter(
            program: filter.words(admitting: cookie), canary: UInt32(filter.canary), notify: request.syscalls.denials == .notify,
            waitKillable: facts.waitKillable)
        let planned = try PlannedCell(request, facts, filter: spec, initFilter: SyscallFilter.ofCellInit.words(admitting: cookie), ordinal: ordinal)
        return (planned, filter)
    }

    package var notifies: Bool { planned.spec.filter.notify }

    /// Nested in another listener: denials are errno, and nobody sees them.
    package mutating func answerByErrno() throws {
        request.syscalls.denials = .errno
        try planAnew()
        planned.protections[.seccomp] = .on
    }

    /// After the request or the facts have changed. What was demanded before still is.
    private mutating func planAnew() throws {
        let (strict, awaits, seccomp) = (planned.spec.strict, planned.spec.awaitsRecord, planned.protections[.seccomp])
        (planned, filter) = try PreparedLaunch.plan(request, facts, ordinal)
        planned.spec.strict = strict
        planned.spec.awaitsRecord = awaits
        planned.protections[.seccomp] = seccomp
        plan = LaunchPlan(for: planned.spec)
    }

    /// Second walls must be whole: what is known beforehand refuses here, what the child finds refuses there.
    package mutating func requireAll() throws(CellError) {
        let lacking = Protections.incomplete(planned.protections)
        if !lacking.isEmpty {
            let details = lacking.map { wall in "\(wall.rawValue) (\(planned.protections[wall]!.missing.joined(separator: ", ")))" }
            throw .wallsMissing(details, help: "without `require: all` they are used as far as this kernel goes")
        }
        planned.spec.strict = true
        plan = LaunchPlan(for: planned.spec)
    }

    /// Launches and supervises to the end.
    /// - Parameters:
    ///   - streams: who handles the cell's standard streams; nil relays the caller's. One object serves one run.
    ///   - ladder: rungs before the kill; nil for none.
    ///   - connections: who decides on what a cell reaches by name.
    ///   - watch: of a learning run, whose request has `watch.released` for a policy.
    package mutating func run(
        proc: borrowing Descriptor, limits: LoopLimits, streams: (any StandardStreams)? = nil, registration: Registration? = nil, ladder: LadderOrder? = nil,
        began: UInt64,
        watch: LearnWatch? = nil, connections: (any ConnectionJudge)? = nil, beforeCommand: (() throws -> Void)? = nil,
        onDenials: (([Events.Denial]) -> Void)?
    ) throws -> Outcome {
        let streams: any StandardStreams = streams ?? RelayedStreams(bound: limits.output)
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] + streams.signals)
        let supervisor = try start(
            proc: proc, limits: limits, streams: streams, signals: consume signals, registration: registration, ladder: ladder, began: began, watch: watch,
            connections: connections, beforeCommand: beforeCommand, onDenials: onDenials)
        return supervisor.run()
    }

    /// Launches, and gives the cell to whoever supervises it.
    /// - Parameter signals: those of this process, for this cell; nil where they are somebody else's.
    package mutating func start(
        proc: borrowing Descriptor, limits: LoopLimits, streams: any StandardStreams, signals: consuming SignalDescriptor?, registration: Registration? = nil,
        ladder: LadderOrder? = nil, began: UInt64, watch: LearnWatch? = nil, connections: (any ConnectionJudge)? = nil,
        beforeCommand: (() throws -> Void)? = nil, onDenials: (([Events.Denial]) -> Void)?
    ) throws -> Supervisor {
        let placeholders = KeptPlaceholders(try Placeholders.hold(absent: planned.placeholders, present: planned.spec.protectedSources))
        do {
            let supervisor = try launch(
                placeholders.entries, proc, limits, streams, signals, registration, ladder, began, watch, connections, beforeCommand, onDenials)
            supervisor.placeholders = placeholders
            return supervisor
        } catch {
            placeholders.remove()
            throw error
        }
    }

    private mutating func launch(
        _ placeholders: [CellSpec.Entry], _ proc: borrowing Descriptor, _ limits: LoopLimits, _ streams: any StandardStreams,
        _ signals: consuming SignalDescriptor?, _ registration: Registration?, _ ladder: LadderOrder?, _ began: UInt64, _ watch: LearnWatch?,
        _ connections: (any ConnectionJudge)?, _ beforeCommand: (() throws -> Void)?, _ onDenials: (([Events.Denial]) -> Void)?
    ) throws -> Supervisor {
        var random: UInt64 = 0
        while random == 0 { random = try Host.random64() }
        let cookie = ExecCookie(random)!
        if !filter.isProved {
            try FilterProof.check(filter.program(admitting: cookie), planned.policy, canary: filter.canary, cookie: cookie)
        }
        var egress: EgressWatch?
        if planned.spec.network == .named {
            guard let connections, notifies else { throw CellError.endpointsNested }
            egress = try EgressWatch(request.reaches, connections, seed: try Host.random64())
        }
        let book = DenialBook(watch?.ceiling ?? planned.policy, canary: filter.canary, seed: try Host.random64())
        var groups = try makeGroups(link: registration?.path ?? "")
        var spec = planned.spec
        var plan = plan
        if !placeholders.isEmpty {
            spec.protect(placeholders)
            plan = LaunchPlan(for: spec)
        }
        if let door = streams.door {
            spec.door = door.number
            spec.command.environment = spec.command.environment.filter { !$0.hasPrefix("FUMEHOOD_FD=") } + ["FUMEHOOD_FD=\(door.number)"]
            plan = LaunchPlan(for: spec)
        }
        Identity.setDumpable(true)  // a second attempt comes here again
        let cell: Cell
        do {
            cell = try Launcher.launch(
                plan, spec: spec, program: filter.words(admitting: cookie), cookie: cookie.value, proc: proc,
                streams: try CellEnds(terminal: spec.terminal, door: streams.door?.source ?? -1))
        } catch {
            groups.remove(wait: true)
            throw error
        }
        Identity.setDumpable(false)
        if let beforeCommand, spec.awaitsRecord {
            do {
                try beforeCommand()
                try cell.go()
            } catch {
                cell.abandon()
                groups.remove(wait: true)
                throw error
            }
        }
        return try Supervisor(
            cell, plan: plan, groups: groups, proc: try proc.duplicate(), limits: limits, denials: book, watch: watch, egress: egress, signals: signals,
            streams: streams, registration: registration, ladder: ladder, began: began, onDenials: onDenials)
    }

    /// Groups that cannot be made after all are a second wall that is not there: the cell is planned anew without them.
    private mutating func makeGroups(link: String) throws -> HeldGroups {
        do {
            return planned.spec.groups.isEmpty ? HeldGroups() : try HeldGroups.made(planned.spec.groups, link: link)
        } catch {
            if planned.spec.strict { throw LaunchError.system(error) }
            facts.groups = .none("control groups cannot be made here: \(error.message)")
            try planAnew()
            return HeldGroups()
        }
    }
}

/// Placeholders that stay until the cell is gone.
final class KeptPlaceholders {
    private var held: Placeholders

    init(_ held: consuming Placeholders) { self.held = held }

    var entries: [CellSpec.Entry] { held.entries }

    func remove() { held.remove() }
}

extension LaunchError {
    /// Somebody outside listens to this process tree's system calls already. Kernel: seccomp(2), EBUSY.
    package var isNested: Bool {
        if case .step(.commandFilter, EBUSY) = self { true } else { false }
    }
}
