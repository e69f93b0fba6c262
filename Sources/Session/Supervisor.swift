// SPDX-License-Identifier: Apache-2.0
// The loop that owns a running cell: its control socket, seccomp listener, streams, signals and deadlines, on one thread
// and one epoll. It decides nothing by itself: denials go to the DenialBook, limits were fixed in the spec.
// Every wait has a deadline, and every way out of the loop goes through `end`, which leaves no process behind.

package import Events
import Glibc
import JSON
package import Linux
package import Sandbox

/// What a run came to, before it is written as a record.
package struct Outcome: Sendable {
    package enum End: Equatable, Sendable {
        case exited(WaitStatus)
        /// We ended it.
        case killed(Cause)
        case failed(LaunchError)
    }

    package var end: End
    package var usage = Report.Usage()
    package var bytesOut: UInt64 = 0
    package var bytesIn: UInt64 = 0
    package var denials: [Denial] = []
    /// Nanoseconds from the command's start to its end.
    package var wall: UInt64 = 0
    package var soft: [Report.SoftFailure] = []
    /// When the run began, the clone was asked for and the command was known to run; nanoseconds of CLOCK_MONOTONIC.
    package var began: UInt64 = 0
    package var cloneBegan: UInt64 = 0
    package var started: UInt64 = 0
    package var stages = Report.StageTimes()
    package var kill: ResultRecord.Kill?
    package var tree = TreeUsage()
    package var frozenMicroseconds: UInt64 = 0
    package var notes: [String] = []
}

/// Bounds that the loop itself watches.
package struct LoopLimits: Sendable {
    /// Nanoseconds from the command's start; nil for none.
    package var wall: UInt64?
    /// Bytes of stdout and stderr together; nil for any number.
    package var output: UInt64?
    /// What is measured while the cell runs.
    package var measured = MeasuredLimits()
    /// Whether anybody reads what the cell used.
    package var accounts = true
    /// Nanoseconds that building the cell may take.
    package var launch: UInt64 = 20_000_000_000

    package init(wall: UInt64?, output: UInt64?) {
        self.wall = wall
        self.output = output
    }
}

extension Outcome {
    /// What each stage of the launch took.
    package var launch: [ResultRecord.Stage] {
        if started == 0 { return [] }
        var list = [ResultRecord.Stage(name: "prepared", microseconds: Int64((cloneBegan - began) / 1000))]
        var last = cloneBegan
        for stage in Stage.allCases {
            let time = stages[stage]
            guard time >= last else { continue }
            list.append(ResultRecord.Stage(name: stage.name, microseconds: Int64((time - last) / 1000)))
            last = time
        }
        list.append(ResultRecord.Stage(name: "running", microseconds: Int64((started - min(last, started)) / 1000)))
        return list
    }
}

package final class Supervisor {
    private enum Token: UInt64 {
        case control = 1, listener, signals, timer, process, inputSource, inputSink, outputSource, outputSink, errorSource, errorSink
        case registry, caller
    }

    private let epoll: Epoll
    private let signals: SignalDescriptor
    private let timer: Timer
    private var cell: Cell
    private let limits: LoopLimits
    private let plan: LaunchPlan
    private var listener: Descriptor?
    private var command: Pidfd?
    /// Signals that came before the cell had said that its command runs. Building ends by itself, or at its deadline.
    private var early: [Int32] = []
    private var input: Relay?
    private var output: Relay?
    private var errors: Relay?
    /// What is watched, by token.
    private var registered = [Int32](repeating: -1, count: 16)
    private var denials: DenialBook
    private var outcome = Outcome(end: .failed(.silent))
    private var reported = false
    private var finished = false
    private var started: UInt64
    private let began: UInt64
    private let onDenials: (([Denial]) -> Void)?
    private var groups: HeldGroups
    private let proc: Descriptor
    private var meter: LimitWatch
    /// When the tree is looked at again; nanoseconds of CLOCK_MONOTONIC.
    private var nextLook: UInt64?
    private var frozenSince: UInt64?
    private let registration: Registration?
    private var post: CommandPost?

    /// - Parameters:
    ///   - groups: the cell's, made before it; removed here in the end.
    ///   - proc: /proc, opened O_PATH and checked.
    ///   - registration: under what the cell is to be found while it runs.
    ///   - began: when this run began, nanoseconds of CLOCK_MONOTONIC, for the latency of its stages.
    package init(_ cell: consuming Cell, plan: LaunchPlan, groups: consuming HeldGroups, proc: consuming Descriptor, limits: LoopLimits, denials: DenialBook,
        signals: consuming SignalDescriptor, registration: Registration?, began: UInt64, onDenials: (([Denial]) -> Void)? = nil) throws(SystemError)
    {
        epoll = try Epoll()
        timer = try Timer()
        self.signals = signals
        self.limits = limits
        self.plan = plan
        self.denials = denials
        self.began = began
        self.onDenials = onDenials
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
        do {
            try begin()
            while !finished {
                try epoll.wait(milliseconds: 600_000) { handle($0) }
            }
        } catch {
            kill(.message("the supervisor failed: \(error.message)"))
        }
        return end()
    }

    private func begin() throws(SystemError) {
        try epoll.add(cell.control.number, .readable, token: Token.control.rawValue)
        registered[Int(Token.control.rawValue)] = cell.control.number
        try epoll.add(signals.descriptor.number, .readable, token: Token.signals.rawValue)
        try epoll.add(timer.descriptor.number, .readable, token: Token.timer.rawValue)
        try timer.set(cell.cloned + limits.launch)
        for stream in [cell.streams.input?.number, cell.streams.output?.number, cell.streams.errors?.number] {
            if let stream { setNonBlocking(stream) }
        }
        if let sink = cell.streams.input?.number { input = Relay(from: 0, to: sink, filtered: false) }
        if let source = cell.streams.output?.number {
            output = Relay(from: source, to: 1, filtered: Terminal.isTerminal(1))
        }
        if let source = cell.streams.errors?.number {
            errors = Relay(from: source, to: 2, filtered: Terminal.isTerminal(2))
        }
        pumpInput()
        watch(output!.source, .readable, .outputSource)
        watch(errors!.source, .readable, .errorSource)
    }

    private func handle(_ ready: Epoll.Ready) {
        guard let token = Token(rawValue: ready.token) else { return }
        switch token {
        case .control: receive()
        case .listener: answerTraps(ready.events)
        case .signals: while let signal = signals.next() { forward(signal) }
        case .timer: deadline()
        case .process: ended()
        case .inputSource, .inputSink: pumpInput()
        case .outputSource, .outputSink: pumpOutput()
        case .errorSource, .errorSink: pumpErrors()
        case .registry: if post?.accept(proc: proc) == true, let number = post?.caller?.number { watch(number, .readable, .caller) }
        case .caller: obey()
        }
    }

    // The cell's PID 1 ------------------------------------------------------------------------------------------------

    private func receive() {
        guard let packet = try? Packet(from: cell.control, limit: Report.size), let report = Report(packet.bytes) else {
            unwatch(cell.control.number)
            // PID 1 is gone without a report: somebody killed it.
            if !reported { if listener == nil && command == nil { finished = true } else { kill(.message("process 1 of the cell was killed")) } }
            return
        }
        switch report {
        case .failed(let step, let code):
            outcome.end = .failed(plan.steps.indices.contains(step) ? .step(plan.steps[step].operation, code) : .silent)
            reported = true
            finished = true
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
            if meter.isNeeded || registration != nil { nextLook = started + LimitWatch.first }
            setTimer()
            // From here on the process itself is watched: its report is read when it has gone, which is one wake-up, not two.
            unwatch(cell.control.number)
            watch(cell.process.number, .readable, .process)
        case .exited(let status, let usage):
            outcome.end = .exited(status)
            if status != .exited(0), let cause = meter.memoryCause(groups) { outcome.end = .killed(cause) }
            outcome.usage = usage
            outcome.wall = Clock.monotonic - started
            reported = true
            unwatch(cell.control.number)
            finishWhenDrained()
        }
    }

    /// PID 1 is gone, and with it everything in the cell. What it said before lies in the socket.
    private func ended() {
        unwatch(cell.process.number)
        if !reported { receive() }
        // On v2 the kernel kills all of a cell that came to its bound of memory, process 1 with it.
        if !reported { kill(meter.memoryCause(groups) ?? .message("process 1 of the cell was killed")) }
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
        watch(number, .readable, .listener)
    }

    private func answerTraps(_ events: Epoll.Interest) {
        guard listener != nil else { return }
        // Eagerly: a received trap is safe from being restarted by a signal.
        var budget = 256
        while budget > 0, let trap = try? Notify.receive(listener!) {
            budget -= 1
            let code = denials.answer(trap)
            do { try Notify.deny(trap.id, errno: code, on: listener!) } catch { kill(.message("the seccomp listener failed: \(error.message)")) }
        }
        if let onDenials {
            let new = denials.takeNew()
            if !new.isEmpty { onDenials(new) }
        }
        if events.contains(.hangup), let number = listener?.number {
            unwatch(number)
            listener = nil
        }
    }

    private func forward(_ signal: Int32) {
        if command != nil {
            try? command!.signal(signal)
        } else {
            early.append(signal)  // the command may run already, and its PID 1 not have said so
        }
    }

    // Streams ---------------------------------------------------------------------------------------------------------

    private func pumpInput() {
        guard input != nil else { return }
        let waiting = input!.pump()
        outcome.bytesIn = input!.count
        settle(waiting, source: input!.source, sink: input!.sink, .inputSource, .inputSink)
        if waiting == .finished {
            input = nil
            cell.streams.input = nil  // the command sees the end of its input
        }
    }

    private func pumpOutput() {
        guard output != nil else { return }
        let waiting = output!.pump(allowance: outputAllowance)
        afterOutput(waiting, output!, .outputSource, .outputSink)
        if waiting == .finished {
            lost("standard output", output!.failure)
            outcome.bytesOut += output!.count
            output = nil
            cell.streams.output = nil
            finishWhenDrained()
        }
    }

    private func pumpErrors() {
        guard errors != nil else { return }
        let waiting = errors!.pump(allowance: outputAllowance)
        afterOutput(waiting, errors!, .errorSource, .errorSink)
        if waiting == .finished {
            lost("standard error", errors!.failure)
            outcome.bytesOut += errors!.count
            errors = nil
            cell.streams.errors = nil
            finishWhenDrained()
        }
    }

    /// Output that could not be passed on is never lost in silence, whether or not the command has ended by then.
    private func lost(_ stream: String, _ code: Int32?) {
        guard let code else { return }
        let cause = Cause.message("\(stream) could not be written: \(errnoText(code)) (\(errnoName(code)))")
        if reported, case .exited = outcome.end { outcome.end = .killed(cause) } else { kill(cause) }
    }

    private func afterOutput(_ waiting: Relay.Waiting, _ relay: Relay, _ source: Token, _ sink: Token) {
        settle(waiting, source: relay.source, sink: relay.sink, source, sink)
        if relay.exceeded, let bound = limits.output { kill(.limit(.output, bound: Int64(clamping: bound), reading: Int64(clamping: bound) + 1)) }
    }

    /// What stdout and stderr may still pass together.
    private var outputAllowance: UInt64 {
        guard let bound = limits.output else { return .max }
        let passed = outcome.bytesOut + (output?.count ?? 0) + (errors?.count ?? 0)
        return bound - min(bound, passed)
    }

    private func settle(_ waiting: Relay.Waiting, source: Int32, sink: Int32, _ sourceToken: Token, _ sinkToken: Token) {
        if waiting == .source { watch(source, .readable, sourceToken) } else { unwatch(source) }
        if waiting == .sink { watch(sink, .writable, sinkToken) } else { unwatch(sink) }
    }

    /// The cell has ended; what it wrote still has to reach the caller.
    private func finishWhenDrained() {
        if reported && output == nil && errors == nil { finished = true }
    }

    // Deadlines and the end ----------------------------------------------------------------------------------------------

    /// The next thing that time brings.
    private func setTimer() {
        let wall = limits.wall.map { started + $0 }
        guard let wall, let nextLook else {
            try? timer.set(wall ?? nextLook)
            return
        }
        try? timer.set(min(wall, nextLook))
    }

    private func look() {
        register()
        if let cause = meter.look(groups, proc: proc) { return kill(cause) }
        nextLook = meter.isNeeded ? Clock.monotonic + meter.pause : nil
        setTimer()
    }

    private func deadline() {
        timer.acknowledge()
        if command != nil, !reported, let due = nextLook, Clock.monotonic >= due, limits.wall.map({ Clock.monotonic < started + $0 }) ?? true {
            look()
            return
        }
        if command == nil {
            outcome.end = .failed(.deadline(Int(limits.launch / 1_000_000)))
            reported = true
            finished = true
        } else if let wall = limits.wall {
            if reported {
                finished = true  // it ended in time, but nobody reads what it wrote
            } else {
                kill(.limit(.wall, bound: Int64(wall / 1000), reading: Int64((Clock.monotonic - started) / 1000)))
            }
        }
    }

    private func kill(_ cause: Cause) {
        guard !reported else { return }
        reported = true
        outcome.end = .killed(cause)
        outcome.wall = Clock.monotonic - started
        finished = true
    }

    /// Nothing of the cell is left when this returns, or it says so.
    private func end() -> Outcome {
        let issued = Clock.monotonic
        var left: Int64 = 0
        // The group first, which nobody can fork away from; then process 1, whose end the kernel holds back until all others are reaped.
        if case .exited = outcome.end {} else {
            _ = groups.kill()
            try? cell.process.signal(SIGKILL)
            if frozenSince != nil { thaw() }  // a task frozen by v1 dies only when it is let go
        }
        // PID 1 answers for the whole pid namespace: the kernel lets it go only when all others are reaped.
        let gone = reap(by: issued + 2_000_000_000)
        if !gone {
            try? cell.process.signal(SIGKILL)
            left = reap(by: Clock.monotonic + 2_000_000_000) ? 0 : Int64(groups.members ?? 1)
        }
        if case .killed = outcome.end {
            outcome.kill = ResultRecord.Kill(
                issuedMicroseconds: Int64((issued - started) / 1000),
                allGoneMicroseconds: left == 0 ? Int64((Clock.monotonic - started) / 1000) : nil, left: left)
        }
        outcome.bytesOut += (output?.count ?? 0) + (errors?.count ?? 0)
        outcome.denials = denials.denials
        if limits.accounts { meter.finish(groups, reported: outcome.usage) }
        outcome.tree = meter.usage
        post?.remove()
        groups.remove(wait: false)
        if post?.waitsForEnd == true { post?.answer(["fumehood": 1, "kill": outcome.kill?.json ?? .null]) }
        return outcome
    }

    // Being found and commanded -----------------------------------------------------------------------------------------

    private func register() {
        guard post == nil, let registration else { return }
        do {
            // Where no groups are held no janitor stands by yet, and the name must go when we are killed.
            if groups.plan.isEmpty { groups = try HeldGroups.made(GroupPlan(), link: registration.path) }
            let new = try CommandPost(registration, user: Identity.user)
            watch(new.listener.number, .readable, .registry)
            post = consume new
        } catch {
            outcome.notes.append("`fumehood ps` does not show this cell: \(error.message)")
        }
    }

    private func obey() {
        guard post != nil, let number = post?.caller?.number else { return }
        unwatch(number)
        guard let act = post!.question() else { return }
        switch act {
        case .status: post!.answer(state)
        case .kill:
            post!.waitsForEnd = true
            kill(.message("killed by `fumehood kill`"))
        case .freeze:
            freeze()
            // Not all of it may stand still at once: a call that waits for an answer of ours ends first.
            for _ in 0..<20 where groups.canFreeze && !groups.isFrozen { usleep(500) }
            post!.answer(state)
        case .thaw:
            thaw()
            post!.answer(state)
        }
    }

    private var state: Value {
        let now = Clock.monotonic
        var memory = groups.memoryBytes, processes = groups.processes.map { $0 - min($0, 1) }, time = groups.processorTime?.all
        if memory == nil || processes == nil || time == nil {
            let tree = ProcessTree(root: cell.pid, proc: proc, counts: true)
            memory = memory ?? tree.residentBytes
            processes = processes ?? UInt64(max(0, tree.threads - 1))
            time = time ?? tree.cpuMicroseconds
        }
        return CellState(
            registration: registration!, process: Identity.process, startedMicroseconds: Int64((Clock.wall - (now - started)) / 1000),
            ranMicroseconds: Int64((now - started) / 1000), frozen: isFrozen, standsStill: !groups.canFreeze || groups.isFrozen,
            backend: groups.plan.backend.rawValue, memoryBytes: memory, processorMicroseconds: time, processes: processes
        ).json
    }

    // Standing still ----------------------------------------------------------------------------------------------------

    package var isFrozen: Bool { frozenSince != nil }

    /// Lets nothing of the cell run until ``thaw``. Traps that wait for an answer are answered first: a task in one is never
    /// frozen. Without groups each process is stopped by a signal, which its own parent can see.
    package func freeze() {
        guard frozenSince == nil, !reported else { return }
        answerTraps([])
        frozenSince = Clock.monotonic
        if !groups.freeze(true) { ProcessTree.signal(SIGSTOP, below: cell.pid, proc: proc) }
    }

    package func thaw() {
        guard let since = frozenSince else { return }
        frozenSince = nil
        outcome.frozenMicroseconds += (Clock.monotonic - since) / 1000
        if !groups.freeze(false) { ProcessTree.signal(SIGCONT, below: cell.pid, proc: proc) }
    }

    private func reap(by deadline: UInt64) -> Bool {
        let now = Clock.monotonic
        let patience = deadline > now ? (deadline - now) / 1_000_000 : 0
        if (try? cell.process.reap(block: false)) != nil { return true }
        guard (try? cell.process.waitForEnd(milliseconds: Int32(clamping: patience))) == true else { return false }
        return (try? cell.process.reap(block: false)) != nil
    }

    // Registrations -----------------------------------------------------------------------------------------------------

    private func watch(_ number: Int32, _ interest: Epoll.Interest, _ token: Token) {
        if registered[Int(token.rawValue)] == number { return }
        do {
            try epoll.add(number, interest, token: token.rawValue)
            registered[Int(token.rawValue)] = number
        } catch {
            // A regular file is always ready and cannot be polled: it is pumped at once instead of waited for. Only the
            // caller's own streams can be one; what else cannot be watched would never be heard of again.
            if error.code == EPERM && number <= 2 {
                handle(Epoll.Ready(token: token.rawValue, events: interest))
            } else {
                kill(.message("the supervisor failed: \(error.message)"))
            }
        }
    }

    private func unwatch(_ number: Int32) {
        guard let place = registered.firstIndex(of: number) else { return }
        registered[place] = -1
        try? epoll.remove(number)
    }
}

private func setNonBlocking(_ number: Int32) {
    _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
}
