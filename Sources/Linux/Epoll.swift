// SPDX-License-Identifier: Apache-2.0
// One epoll instance. The 64-bit token of a registration is the caller's; nothing is remembered here. Kernel: epoll(7).

import CLinux
import Glibc

package struct Epoll: ~Copyable {
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let readable = Interest(rawValue: EPOLLIN.rawValue)
        package static let writable = Interest(rawValue: EPOLLOUT.rawValue)
        package static let hangup = Interest(rawValue: EPOLLHUP.rawValue)
        package static let error = Interest(rawValue: EPOLLERR.rawValue)
    }

    package struct Ready: Sendable {
        package let token: UInt64
        package let events: Interest
        package init(token: UInt64, events: Interest) {
            self.token = token
            self.events = events
        }
    }

    private let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = Descriptor(owning: try checkErrno("epoll_create1") { epoll_create1(O_CLOEXEC) })
    }

    /// Readable when something of it is ready: another instance can watch it.
    package var number: Int32 { descriptor.number }

    /// - Throws: `EPERM` for files that are always ready (regular files, /dev/null).
    package borrowing func add(_ number: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        try control(EPOLL_CTL_ADD, number, interest, token)
    }

    package borrowing func remove(_ number: Int32) throws(SystemError) {
        try control(EPOLL_CTL_DEL, number, [], 0)
    }

    private borrowing func control(_ operation: Int32, _ number: Int32, _ interest: Interest, _ token: UInt64) throws(SystemError) {
        var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
        let own = descriptor.number
        try checkErrno("epoll_ctl", "descriptor \(number)") { unsafe epoll_ctl(own, operation, number, &event) }
    }

    /// Waits at most `milliseconds` (-1: without end) and hands each ready registration to `body`.
    package borrowing func wait(milliseconds: Int32, _ body: (Ready) -> Void) throws(SystemError) {
        let own = descriptor.number
        var failure: SystemError?
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 16) { events in
            do throws(SystemError) {
                let count = try checkErrno("epoll_wait") { unsafe epoll_wait(own, events.baseAddress, 16, milliseconds) }
                for i in 0..<Int(count) { body(unsafe Ready(token: events[i].data.u64, events: Interest(rawValue: events[i].events))) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
