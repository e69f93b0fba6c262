// SPDX-License-Identifier: Apache-2.0
// One thread for many cells: an epoll over the epolls of their supervisors, and over whatever else its owner waits for. It knows no calls and
// no policy; what happens when something is ready is the owner's. Nothing here waits but the loop itself. Kernel: epoll(7), which nests.

import Glibc
package import Linux

package final class SessionLoop {
    private let epoll: Epoll
    private var last: UInt64 = 0
    private var watched: [UInt64: (number: Int32, body: (Epoll.Interest) -> Void)] = [:]
    private var cells: [UInt64: (supervisor: Supervisor, ended: (Outcome) -> Void)] = [:]
    private var alarms: [UInt64: (at: UInt64, body: () -> Void)] = [:]
    /// Leaves ``run()`` at the end of this turn.
    package var isOver = false

    package init() throws(SystemError) { epoll = try Epoll() }

    // What is waited for ------------------------------------------------------------------------------------------------

    /// Waits for a descriptor. - Returns: what to call ``unwatch(_:)`` with, before the descriptor is closed.
    package func watch(_ number: Int32, _ interest: Epoll.Interest = .readable, _ body: @escaping (Epoll.Interest) -> Void) throws(SystemError) -> UInt64 {
        last += 1
        try epoll.add(number, interest, token: last)
        watched[last] = (number, body)
        return last
    }

    package func unwatch(_ token: UInt64) {
        guard let known = watched.removeValue(forKey: token) else { return }
        try? epoll.remove(known.number)
    }

    /// Calls `body` once at this moment; nanoseconds of CLOCK_MONOTONIC. - Returns: what to call ``forget(_:)`` with.
    @discardableResult
    package func alarm(at moment: UInt64, _ body: @escaping () -> Void) -> UInt64 {
        last += 1
        alarms[last] = (moment, body)
        return last
    }

    package func forget(_ alarm: UInt64) { alarms[alarm] = nil }

    /// Supervises a cell from here on. `ended` is called when nothing of it is left.
    package func add(_ supervisor: Supervisor, ended: @escaping (Outcome) -> Void) throws(SystemError) {
        last += 1
        try epoll.add(supervisor.descriptor, .readable, token: last)
        cells[last] = (supervisor, ended)
        supervisor.begin()
    }

    package var cellCount: Int { cells.count }

    // The loop ----------------------------------------------------------------------------------------------------------

    package func run() throws(SystemError) {
        while !isOver {
            try epoll.wait(milliseconds: patience) { ready in
                if let known = watched[ready.token] { known.body(ready.events) } else { cells[ready.token]?.supervisor.step() }
            }
            for token in cells.keys where cells[token]?.supervisor.isBusy == true { cells[token]?.supervisor.step() }
            bury()
            let now = Clock.monotonic
            for (token, alarm) in alarms where alarm.at <= now {
                guard alarms.removeValue(forKey: token) != nil else { continue }
                alarm.body()
            }
        }
    }

    /// Milliseconds until something is to be done by itself.
    private var patience: Int32 {
        if cells.values.contains(where: { $0.supervisor.isBusy || $0.supervisor.isFinished }) { return 0 }
        guard let next = alarms.values.map(\.at).min() else { return 600_000 }
        let now = Clock.monotonic
        return next <= now ? 0 : Int32(clamping: (next - now) / 1_000_000 + 1)
    }

    /// Cells that are over, by themselves or because somebody ended them.
    private func bury() {
        for token in cells.keys.sorted() {
            guard let cell = cells[token], cell.supervisor.isFinished else { continue }
            try? epoll.remove(cell.supervisor.descriptor)
            cells[token] = nil
            cell.ended(cell.supervisor.close())
        }
    }
}
