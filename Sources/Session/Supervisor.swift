// SPDX-License-Identifier: Apache-2.0
// The loop that owns a running cell: its control socket, seccomp listener, signals and deadlines, on one thread and one epoll.
// It runs by itself, or is one of several on a loop (SessionLoop) that waits for its epoll and lets it take steps.
// This file is what it waits for and what process 1 tells; Ending.swift is how a run ends, Commanding.swift what others may ask
// of it. The standard streams are a handler's (StandardStreams). It decides nothing by itself: denials go to the DenialBook,
// limits were fixed in the spec. Every wait has a deadline, and every way out goes through `close`, which leaves no process behind.

package import Events
import Glibc
package import Linux
package import Sandbox

package final class Supervisor {
    enum Token: Int { case control = 1, listener, signals, timer, process, registry, caller, egress }

    /// Tokens from here on are the keys of the handler of streams.
    static let streamTokens = 16

    private let epoll: Epoll
    /// nil where somebody else receives them.
    private var signals: SignalDescriptor?
    let timer: Timer
    var cell: Cell
    let limits: LoopLimits
    private let plan: LaunchPlan
    private var listener: Descriptor?
    var command: Pidfd?
    /// Signals that came before the cell had said that its command runs. Building ends by itself, or at its deadline.
    private var early: [Int32] = []
    let streams: any StandardStreams
    /// What is watched, by token.
    private var registered = [Int32](repeating: -1, count: 32)
    /// Tokens of what the kernel cannot wait for: ready at every turn of the loop.
    private var always: [Epoll.Ready] = []
    private var linger = Linger()
    var denials: DenialBook
    private let learning: LearnWatch?
    /// nil for a cell that reaches nothing by name.
    let egress: EgressWatch?
    var outcome = Outcome(end: .failed(.silent))
    /// The cell has ended, or its end was decided.
    var reported = false
    /// Nothing is waited for any more.
    var finished = false
    var started: UInt64
    private let began: UInt64
    private let onDenials: (([Denial]) -> Void)?
    var groups: HeldGroups
    let proc: Descriptor
    var meter: LimitWatch
    /// When the tree is looked at again, and when the handler of streams wants to be asked; nanoseconds of CLOCK_MONOTONIC.
    var nextLook: UInt64?
    var streamsDue: UInt64?
    var frozenSince: UInt64?
    /// Without groups: whether nothing ran when it was looked last.
    var standsStill = true
    /// Names that the cell must not make.
    var placeholders: KeptPlaceholders?
    let registration: Registration?
    var isRegistered = false
    var post: CommandPost?
    /// nil for a cell without a ladder, which pays nothing for it.
    let laddering: Laddering?

    /// - Parameters:
    ///   - groups: the cell's, made before it; removed here in the end.
    ///   - proc: /proc, opened O_PATH and checked.
    ///   - signals: those that go to the command, and those that the handler of streams wants.
    ///   - watch: of a learning run: admits calls that the filter sent here.
    ///   - egress: of a cell that reaches named endpoints: answers its calls about them.
    ///   - registration: under what the cell is to be found while it runs.
    ///   - ladder: rules for rungs before the kill; nil for none.
    ///   - began: when this run began, nanoseconds of CLOCK_MONOTONIC, for the latency of its stages.
    package init(
        _ cell: consuming Cell, plan: LaunchPlan, groups: consuming HeldGroups, proc: consuming Descriptor, limits: LoopLimits, denials: DenialBook,
        watch: LearnWatch? = nil, egress: EgressWatch? = nil, signals: consuming SignalDescriptor?, streams: any StandardStreams, registration: Registration?,
        ladder: LadderOrder? = nil,
        began: UInt64, onDenials: (([Denial]) -> Void)? = nil
    )
        throws(SystemError)
    {
        epoll = try Epoll()
        timer = try Timer()
        self.signals = signals
        self.streams = streams
        self.limits = limits
        self.plan = plan
        self.denials = denials
        learning = watch
        self.egress = egress
        self.began = began
        self.onDenials = onDenials
        laddering = ladder.map { [plan = groups.plan] in Laddering($0, plan) }
        self.groups = groups
        self.proc = proc
        self.registration = registration
        meter = LimitWatch(limits.measured, root: cell.pid)
        started = cell.cloned
        outcome.notes = cell.notes
        self.cell = cell
    }

    /// Runs the cell to its end.
    package func run() -> Outcome {
        begin()
        while !finished { if always.isEmpty && streams.lingers { waitBriefly() } else { step(milliseconds: isBusy ? 0 : 600_000) } }
        return close()
    }

    /// Readable when ``step(milliseconds:)`` has something to do.
    package var descriptor: Int32 { epoll.number }

    /// It has something to do in any case: the kernel cannot wait for one of its streams.
    package var isBusy: Bool { !always.isEmpty }

    /// Nothing is waited for any more: ``close()`` comes next.
    package var isFinished: Bool { finished }

    /// Does what is to be done now, having waited for it at most so long.
    package func step(milliseconds: Int32 = 0) {
        do throws(SystemError) {
            try epoll.wait(milliseconds: milliseconds) { handle($0) }
            for ready in always where !finished { handle(ready) }
        } catch { fail(error) }
    }

    /// Looks for a moment before it sleeps, where that has paid lately.
    private func waitBriefly() {
        let began = Clock.monotonic
        let looks = linger.isWorth
        var came = false
        func take(_ ready: Epoll.Ready) {
            if !came { linger.came(after: Clock.monotonic - began, wasLooked: looks, from: Int(ready.token)) }
            came = true
            handle(ready)
        }
        do throws(SystemError) {
            while looks, !came, Clock.monotonic - began < Linger.longest {
                try epoll.wait(milliseconds: 0, take)
                // Whoever is to answer may be waiting for this processor.
                if !came { sched_yield() }
            }
            if !came { try epoll.wait(milliseconds: 600_000, take) }
        } catch { fail(error) }
    }

    private func fail(_ error: SystemError) {
        kill(.message("the supervisor failed: \(error.message)"))
        finished = true
    }

    package func begin() {
        watch(cell.control.number, .readable, .control)
        if let number = signals?.descriptor.number { watch(number, .readable, .signals) }
        watch(timer.descriptor.number, .readable, .timer)
        do throws(SystemError) { try timer.set(cell.cloned + limits.launch) } catch { return fail(error) }
        for stream in [cell.streams.input?.number, cell.streams.output?.number, cell.streams.errors?.number] {
            if let stream { setNonBlocking(stream) }
        }
        // A terminal is made by the cell, and comes by the control socket.
        if cell.streams.output == nil { return }
        streams.begin(Streams(input: cell.streams.input.take(), output: cell.streams.output.take(), errors: cell.streams.errors.take()), on: self)
    }

    private func handle(_ ready: Epoll.Ready) {
        let number = Int(ready.token)
        guard let token = Token(rawValue: number) else {
            if number >= Supervisor.streamTokens {
                streams.ready(key: number - Supervisor.streamTokens, ready.events)
                if let laddering { settleOutput(laddering) }
            }
            return
        }
        switch token {
        case .control: receive()
        case .listener: answerTraps(ready.events)
        case .signals: while let signal = signals?.next() { forward(signal) }
        case .timer: deadline()
        case .process: ended()
        case .registry: if post?.accept(proc: proc) == true, let number = post?.caller?.number { watch(number, .readable, .caller) }
        case .caller: obey()
        case .egress:
            egress?.turn()
            tellDenials()
        }
    }

    // The cell's PID 1 ------------------------------------------------------------------------------------------------

    private func receive() {
        guard let packet = try? Packet(from: cell.control, limit: Report.size), let report = Report(packet.bytes) else {
            unwatch(.control)
            // PID 1 is gone without a report: somebody killed it.
            if !reported {
                if listener == nil && command == nil {
                    finished = true
                } else {
                    kill(meter.memoryCause(groups) ?? .message("process 1 of the cell was killed"))
                }
            }
            return
        }
        switch report {
        case .failed(let step, let code):
            outcome.end = .failed(plan.steps.indices.contains(step) ? .step(plan.steps[step].operation, code) : .silent)
            reported = true
            finished = true
        case .terminal: takeTerminal(packet)
        case .resolver: takeResolver(packet)
        case .launched(let soft, let stages):
            take(packet)
            for signal in early { try? command?.signal(signal) }
            early = []
            outcome.soft = soft
            started = Clock.monotonic
            outcome.began = began
            outcome.cloneBegan = cell.cloneBegan
            outcome.started = started
            outcome.stages = stages
            if meter.isNeeded || registration != nil || laddering != nil { nextLook = started + LimitWatch.first }
            setTimer()
            // From here on the process itself is watched: its report is read when it has gone, which is one wake-up, not two.
            unwatch(.control)
            watch(cell.process.number, .readable, .process)
            streams.launched()
        case .exited(let status, let usage):
            outcome.end = .exited(status)
            if status != .exited(0), let cause = meter.memoryCause(groups) { outcome.end = .killed(cause) }
            leaveLadder()
            outcome.usage = usage
            outcome.wall = Clock.monotonic - started
            reported = true
            unwatch(.control)
            drained()
        }
    }

    /// PID 1 is gone, and with it everything in the cell. What it said before lies in the socket.
    private func ended() {
        unwatch(.process)
        if !reported { receive() }
        // On v2 the kernel kills all of a cell that came to its bound of memory, process 1 with it.
        if !reported { kill(meter.memoryCause(groups) ?? .message("process 1 of the cell was killed")) }
    }

    private func takeTerminal(_ packet: consuming Packet) {
        var packet = packet
        guard let master = packet.first.take(), let second = try? master.duplicate() else { return kill(.message("the cell's terminal did not arrive")) }
        setNonBlocking(master.number)
        streams.begin(Streams(input: master, output: second), on: self)
    }

    private func takeResolver(_ packet: consuming Packet) {
        var packet = packet
        guard let egress, let socket = packet.first.take() else { return kill(.message("the resolver's socket did not arrive")) }
        egress.serve(socket)
        watch(egress.number, .readable, .egress)
    }

    private func take(_ packet: consuming Packet) {
        // With a listener two descriptors come, else the command's pidfd alone.
        var packet = packet
        if let second = packet.second.take() {
            command = Pidfd(second)
            listener = packet.first.take()
        } else if let first = packet.first.take() {
            command = Pidfd(first)
        }
        guard let number = listener?.number else { return }
        setNonBlocking(number)
        Notify.answerAtOnce(listener!)
        watch(number, .readable, .listener)
    }

    func answerTraps(_ events: Epoll.Interest) {
        guard listener != nil else { return }
        // Eagerly: a received trap is safe from being restarted by a signal.
        var budget = 256
        while budget > 0, let trap = try? Notify.receive(listener!) {
            budget -= 1
            do {
                if let egress, egress.takes(trap, on: listener!, proc: proc) { continue }
                if let learning, learning.admits(trap, listener: listener!, proc: proc, root: cell.pid) {
                    try Notify.proceed(trap.id, on: listener!)
                    if learning.audits { audit(trap, learning) }
                } else {
                    laddering?.denials += 1
                    try Notify.deny(trap.id, errno: denials.answer(trap), on: listener!)
                }
            } catch { kill(.message("the seccomp listener failed: \(error.message)")) }
        }
        tellDenials()
        if events.contains(.hangup) {
            unwatch(.listener)
            listener = nil
        }
    }

    private func tellDenials() {
        guard let onDenials else { return }
        let new = denials.takeNew() + (egress?.takeNewDenials() ?? [])
        if !new.isEmpty { onDenials(new) }
    }

    /// Records what the profile would have denied.
    private func audit(_ trap: Trap, _ watch: LearnWatch) {
        denials.answer(trap, wentOn: true)
        for _ in 0..<watch.takeNewProcesses() { denials.noteProcess() }
    }

    /// A signal for the cell, from whoever receives signals.
    package func forward(_ signal: Int32) {
        if streams.take(signal) { return }
        if reported, case .exited = outcome.end {
            // Nobody is left to take it: the run stands still because nobody reads what the cell wrote.
            outcome.end = .killed(.message("ended by a signal before all output had been read"))
            finished = true
        } else {
            self.signal(signal)
        }
    }

    // Registrations -----------------------------------------------------------------------------------------------------

    func watch(_ number: Int32, _ interest: Epoll.Interest, _ token: Token) { watch(number, interest, token: token.rawValue) }

    private func watch(_ number: Int32, _ interest: Epoll.Interest, token: Int) {
        while registered.count <= token { registered.append(-1) }
        if registered[token] == number { return }
        unwatch(token: token)
        do {
            try epoll.add(number, interest, token: UInt64(token))
        } catch {
            // Only a stream that was given to us can be a regular file; what else cannot be watched would never be heard of again.
            guard error.code == EPERM && token >= Supervisor.streamTokens else { return kill(.message("the supervisor failed: \(error.message)")) }
            always.append(Epoll.Ready(token: UInt64(token), events: interest))
        }
        registered[token] = number
    }

    func unwatch(_ token: Token) { unwatch(token: token.rawValue) }

    private func unwatch(token: Int) {
        guard token < registered.count, registered[token] >= 0 else { return }
        let number = registered[token]
        registered[token] = -1
        if let place = always.firstIndex(where: { $0.token == UInt64(token) }) {
            always.remove(at: place)
        } else {
            try? epoll.remove(number)
        }
    }
}

extension Supervisor: StreamLoop {
    package func watch(_ number: Int32, _ interest: Epoll.Interest, key: Int) { watch(number, interest, token: Supervisor.streamTokens + key) }

    package func unwatch(key: Int) { unwatch(token: Supervisor.streamTokens + key) }

    package func wake(at moment: UInt64?) {
        streamsDue = moment
        setTimer()
    }

    package var processorMicroseconds: Int64? {
        if let time = groups.processorTime { return Int64(clamping: time.all) }
        return Int64(clamping: ProcessTree(root: cell.pid, proc: proc, counts: true).cpuMicroseconds)
    }

    package func signal(_ signal: Int32) {
        if command != nil {
            try? command!.signal(signal)
        } else {
            early.append(signal)  // the command may run already, and its PID 1 not have said so
        }
    }

    package func end(_ cause: Cause, isLoss: Bool) {
        if isLoss, reported, case .exited = outcome.end { outcome.end = .killed(cause) } else { kill(cause) }
    }

    /// The cell has ended; what it wrote still has to reach the caller.
    package func drained() {
        if reported && streams.isDrained { finished = true }
    }
}

private func setNonBlocking(_ number: Int32) {
    _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
}
