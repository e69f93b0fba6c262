// SPDX-License-Identifier: Apache-2.0
// The door of a cell whose program asks by itself: beside its standard streams, which another handler has, a socket that the command inherited,
// with JSON lines on it. This is its edge: it reads what DoorLines wants, writes what it has, and tells it the time.

package import Broker
package import Events
import Glibc
import Governance
package import Linux
package import Sandbox

package final class DoorStreams: StandardStreams {
    /// Keys from here on are this handler's, those below the other's.
    private static let socketKey = 12
    private static let recordsKey = 13

    private let inner: any StandardStreams
    private let lines: DoorLines
    private let records: LaunchRecords?
    private let say: (String) -> Void
    private let socket: Descriptor
    /// The command's end until it has it, and a second copy that keeps its number free.
    private var theirs: Descriptor?
    private var place: Descriptor?
    private var isOpen = true
    private var watchedRoom: Bool?
    private weak var loop: (any StreamLoop)?
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    /// When the other handler wants to be asked, in its clock, and when this one does.
    private var innerDue: UInt64?
    private var named: UInt64?

    /// - Parameters:
    ///   - inner: has the standard streams.
    ///   - say: sentences for people.
    package init(_ inner: any StandardStreams, _ lines: DoorLines, records: LaunchRecords?, say: @escaping (String) -> Void) throws(SystemError) {
        self.inner = inner
        self.lines = lines
        self.records = records
        self.say = say
        var pair = try LocalSocket.pair()
        guard let ours = pair.ours.take(), let theirs = pair.theirs.take() else { throw SystemError("socketpair", "the door", EBADF) }
        try ours.setNonBlocking()
        place = try theirs.duplicate()
        self.theirs = consume theirs
        socket = ours
    }

    package var door: (source: Int32, number: Int32)? {
        guard let source = theirs?.number, let number = place?.number else { return nil }
        return (source, number)
    }

    package var signals: [Int32] { inner.signals }
    package var lingers: Bool { isOpen }

    package func begin(_ streams: consuming Streams, on loop: any StreamLoop) {
        self.loop = loop
        // The cell has its own copies.
        theirs = nil
        place = nil
        inner.begin(streams, on: self)
    }

    package func launched() {
        if let records {
            do throws(LogPlaceError) { try records.beginCalls() } catch { say(error.message) }
            if let number = records.readiness { loop?.watch(number, .readable, key: Self.recordsKey) }
        }
        inner.launched()
        pump()
    }

    private var now: Int64 { Int64(Clock.boottime) }

    package func ready(key: Int, _ events: Epoll.Interest) {
        switch key {
        case Self.socketKey: read()
        case Self.recordsKey:
            records?.clearReadiness()
            lines.advance(at: now)
        default: return inner.ready(key: key, events)
        }
        pump()
    }

    package func due() {
        named = nil
        if let due = innerDue, Clock.monotonic >= due {
            innerDue = nil
            inner.due()
        }
        lines.tick(at: now)
        pump()
    }

    package func take(_ signal: Int32) -> Bool { inner.take(signal) }
    package var isDrained: Bool { inner.isDrained }
    package var passed: (into: UInt64, out: UInt64) { inner.passed }
    package func pace(bytesPerTurn: Int?) { inner.pace(bytesPerTurn: bytesPerTurn) }

    package func end() {
        lines.ended(at: now)
        inner.end()
        loop = nil
    }

    private func read() {
        guard isOpen, lines.wantsInput else { return }
        // Descriptors that came along are dropped by the kernel: nothing here takes them.
        switch Transfer.read(socket.number, into: &buffer, atMost: buffer.count, receives: true) {
        case .moved(let count): lines.receive(Array(buffer[..<count]), at: now)
        case .wouldBlock: break
        default: close()
        }
    }

    private func pump() {
        while isOpen, !lines.out.isEmpty {
            switch Transfer.write(lines.out.waiting, to: socket.number, sends: true) {
            case .moved(let count):
                lines.out.written(count)
                lines.advance(at: now)
                continue
            case .wouldBlock: break
            default: close()
            }
            break
        }
        if let kill = lines.kill {
            loop?.end(kill.policies.first.map { .policy($0) } ?? .message(kill.reason), isLoss: false)
            return
        }
        watch()
        wake()
    }

    /// The cell may have many holders of the other end; here it is over for all of them.
    private func close() {
        guard isOpen else { return }
        isOpen = false
        loop?.unwatch(key: Self.socketKey)
        lines.ended(at: now)
    }

    private func watch() {
        guard isOpen, let loop else { return }
        let room = !lines.out.isEmpty
        if room == watchedRoom, room || lines.wantsInput { return }
        loop.unwatch(key: Self.socketKey)
        watchedRoom = nil
        guard room || lines.wantsInput else { return }
        // One direction at a time: replies go out before more is read.
        loop.watch(socket.number, room ? .writable : .readable, key: Self.socketKey)
        watchedRoom = room
    }

    private func wake() {
        var next = innerDue ?? .max
        if let due = lines.nextDeadline {
            // The lines go by a clock that runs on while the machine sleeps, the loop by one that does not.
            next = min(next, Clock.monotonic + UInt64(max(0, due - now)))
        }
        if next == .max {
            if named != nil { loop?.wake(at: nil) }
            named = nil
        } else if named == nil || next &+ 1_000_000 < named! {
            loop?.wake(at: next)
            named = next
        }
    }
}

extension DoorStreams: StreamLoop {
    package func watch(_ number: Int32, _ interest: Epoll.Interest, key: Int) { loop?.watch(number, interest, key: key) }
    package func unwatch(key: Int) { loop?.unwatch(key: key) }

    package func wake(at moment: UInt64?) {
        innerDue = moment
        wake()
    }

    package var processorMicroseconds: Int64? { loop?.processorMicroseconds }
    package func signal(_ signal: Int32) { loop?.signal(signal) }
    package func end(_ cause: Cause, isLoss: Bool) { loop?.end(cause, isLoss: isLoss) }
    package func drained() { loop?.drained() }
}
