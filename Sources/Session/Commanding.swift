// SPDX-License-Identifier: Apache-2.0
// What others may ask of a running cell through the registry, and what it does then: say how it is, stand still, go on, die.

import Events
import Glibc
import JSON
import Linux
import Sandbox
import Supervision

extension Supervisor {
    func register() {
        guard !isRegistered, let registration else { return }
        isRegistered = true  // or never: what failed once is said once
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

    func obey() {
        guard post != nil else { return }
        unwatch(.caller)
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
            approve()
            post!.answer(state)
        case .reload:
            // Its one question was answered when it was launched.
            post!.answer(["fumehood": 1, "reload": "decided"])
        }
    }

    var state: Value {
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
            backend: groups.plan.backend.rawValue, memoryBytes: memory, processorMicroseconds: time, processes: processes,
            rung: laddering?.ladder.rung, lastChange: laddering?.last, bytesOut: streams.passed.out, limits: limits
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
}
