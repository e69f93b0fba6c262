// SPDX-License-Identifier: Apache-2.0
// How a run ends: deadlines, looks at what the cell uses, the kill, and the proof that nothing of it is left.

import Events
import Glibc
import JSON
import Linux
import Sandbox
import Supervision

extension Supervisor {
    /// The next thing that time brings.
    func setTimer() {
        var next = command == nil ? cell.cloned + limits.launch : .max
        if command != nil, let wall = limits.wall { next = started + wall }
        if command != nil, let nextLook { next = min(next, nextLook) }
        if let streamsDue { next = min(next, streamsDue) }
        if let due = laddering?.actions.due { next = min(next, due) }
        try? timer.set(next == .max ? nil : next)
    }

    func look() {
        register()
        if let laddering, laddering.passesOver(at: Clock.monotonic) {
            nextLook = Clock.monotonic + laddering.pause
            return
        }
        if let cause = meter.look(groups, proc: proc) { return kill(cause) }
        nextLook = meter.isNeeded ? Clock.monotonic + meter.pause : nil
        guard let laddering else { return }
        climb(laddering)
        // What does nothing is looked at less often, by the limits as well.
        let next = Clock.monotonic + (meter.isClose ? meter.pause : laddering.pause)
        nextLook = min(next, max(Clock.monotonic, laddering.ladder.deadline ?? next))
    }

    func deadline() {
        timer.acknowledge()
        let now = Clock.monotonic
        if command == nil {
            if now >= cell.cloned + limits.launch {
                outcome.end = .failed(.deadline(Int(limits.launch / 1_000_000)))
                reported = true
                finished = true
            }
        } else if let wall = limits.wall, now >= started + wall {
            let cause = Cause.limit(.wall, bound: Int64(wall / 1000), reading: Int64((now - started) / 1000))
            // It may have ended in time, and nobody reads what it wrote: that is lost now, and never in silence.
            end(cause, isLoss: true)
            finished = true
        } else if let due = nextLook, now >= due {
            nextLook = nil
            if !reported { look() }
        }
        if let laddering, let due = laddering.actions.due, now >= due, !reported { actOnTime(laddering, at: now) }
        if let due = streamsDue, now >= due, !finished {
            streamsDue = nil
            streams.due()
        }
        setTimer()
    }

    func kill(_ cause: Cause) {
        guard !reported else { return }
        reported = true
        outcome.end = .killed(cause)
        outcome.wall = Clock.monotonic - started
        finished = true
    }

    /// Nothing of the cell is left when this returns, or it says so.
    package func close() -> Outcome {
        let issued = Clock.monotonic
        var left: Int64 = 0
        // The group first, which nobody can fork away from; then process 1, whose end the kernel holds back until all others are reaped.
        if case .exited = outcome.end {
        } else {
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
        (outcome.bytesIn, outcome.bytesOut) = streams.passed
        streams.end()
        egress?.close()
        outcome.denials = denials.denials + (egress?.book.denials ?? [])
        outcome.connections = egress?.book.connections
        if limits.accounts { meter.finish(groups, reported: outcome.usage) }
        outcome.tree = meter.usage
        outcome.ladder = laddering?.changes
        post?.remove()
        groups.remove(wait: false)
        placeholders?.remove()
        if post?.waitsForEnd == true { post?.answer(["fumehood": 1, "kill": outcome.kill?.json ?? .null]) }
        return outcome
    }

    func reap(by deadline: UInt64) -> Bool {
        let now = Clock.monotonic
        let patience = deadline > now ? (deadline - now) / 1_000_000 : 0
        if (try? cell.process.reap(block: false)) != nil { return true }
        guard (try? cell.process.waitForEnd(milliseconds: Int32(clamping: patience))) == true else { return false }
        return (try? cell.process.reap(block: false)) != nil
    }
}
