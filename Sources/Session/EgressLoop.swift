// SPDX-License-Identifier: Apache-2.0
// What the egress of one cell waits for: sockets, a notice of its helpers, and times, behind one descriptor that the supervisor's loop watches
// among its own. Nothing is decided here.

import Linux

final class EgressLoop {
    private let epoll: Epoll
    private let timer: Timer
    private var handlers: [UInt64: (number: Int32, handler: (Epoll.Interest) -> Void)] = [:]
    private var times: [UInt64: (due: UInt64, action: () -> Void)] = [:]
    private var next: UInt64 = 2
    private var armed: UInt64?

    init() throws(SystemError) {
        epoll = try Epoll()
        timer = try Timer()
        try epoll.add(timer.descriptor.number, .readable, token: 1)
    }

    /// Readable when `turn` has something to do.
    var number: Int32 { epoll.number }

    /// - Returns: what it is forgotten by; nil where it cannot be watched.
    func watch(_ number: Int32, _ interest: Epoll.Interest, _ handler: @escaping (Epoll.Interest) -> Void) -> UInt64? {
        let token = next
        next += 1
        guard (try? epoll.add(number, interest, token: token)) != nil else { return nil }
        handlers[token] = (number, handler)
        return token
    }

    /// Before the descriptor is closed: a duplicate elsewhere would go on telling.
    func forget(_ token: UInt64?) {
        guard let token, let entry = handlers.removeValue(forKey: token) else { return }
        try? epoll.remove(entry.number)
    }

    /// - Parameter due: nanoseconds of CLOCK_MONOTONIC.
    func at(_ due: UInt64, _ action: @escaping () -> Void) -> UInt64 {
        let token = next
        next += 1
        times[token] = (due, action)
        if armed ?? .max > due { arm(due) }
        return token
    }

    /// The timer may ring for what was forgotten; it is set anew then.
    func forgetTime(_ token: UInt64?) {
        if let token { times[token] = nil }
    }

    private func arm(_ due: UInt64?) {
        armed = due
        try? timer.set(due)
    }

    func turn() {
        try? epoll.wait(milliseconds: 0) { ready in
            if ready.token == 1 {
                timer.acknowledge()
                ring()
            } else {
                handlers[ready.token]?.handler(ready.events)
            }
        }
    }

    private func ring() {
        let now = Clock.monotonic
        armed = nil
        let due = times.filter { $0.value.due <= now }.sorted { $0.value.due < $1.value.due }
        for (token, entry) in due where times.removeValue(forKey: token) != nil { entry.action() }
        if let first = times.values.map(\.due).min(), armed ?? .max > first { arm(first) }
    }
}
