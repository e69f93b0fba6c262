// SPDX-License-Identifier: Apache-2.0
// A stream of somebody else's that is written to and never waited for. Its open file description is shared with the caller's
// shell and with whoever else has it, so O_NONBLOCK is never set on it; what is done instead depends on what it is:
//
//   pipe       pwritev2(2) with RWF_NOWAIT; before Linux 6.4 bytes go into a pipe of ours and are spliced from there with
//              SPLICE_F_NONBLOCK, which asks no flags of the pipe either
//   socket     send(2) with MSG_DONTWAIT
//   terminal   opened anew through /proc/self/fd with O_NONBLOCK: the same terminal, a description of our own
//   terminal   that cannot be opened anew (another user's, the master's side): a thread writes to it and waits; we send to the thread
//   the rest   (files, devices without a queue) is written directly: no reader keeps such a write waiting
//
// Kernel: splice(2), send(2), tty_ioctl(2) TIOCGDEV, proc(5).

import Glibc

package final class Outlet {
    private enum Way { case write, send, bounce }

    /// What to wait for until more can be written.
    package let number: Int32
    package let isTerminal: Bool
    /// Whether bytes may be spliced to ``number`` without a wait.
    package let takesSplices: Bool
    /// The most bytes that one write gets.
    package let chunk: Int

    private let way: Way
    private let own: Descriptor?
    private let isCarried: Bool
    private var bounce: Pipe?
    /// Until the kernel says that it cannot.
    private var writesAtOnce = true
    /// Bytes that lie in ``bounce``: the first ones of what is written next.
    private var held = 0

    /// - Parameter number: stays open, and the caller's.
    package init(_ number: Int32) {
        let kind = (try? FileStatus(of: number))?.kind
        isTerminal = kind == .characterDevice && Terminal.isTerminal(number)
        var way = kind == .fifo ? Way.bounce : kind == .socket ? .send : .write
        var own: Descriptor?
        if isTerminal {
            own = Terminal.openAnew(number, O_WRONLY)
            if own == nil {
                own = try? Outlet.carry(to: number)
                if own != nil { way = .send }
            }
        }
        isCarried = isTerminal && way == .send
        // Where there can be no thread either: as much as a terminal takes that says it is ready.
        chunk = isTerminal ? own == nil ? 256 : 4096 : way == .send ? 16_384 : 65_536
        takesSplices = way != .send && !isTerminal
        self.number = own?.number ?? number
        self.way = way
        self.own = own
    }

    /// A descriptor of our own, which does not block.
    package init(own number: Int32) {
        self.number = number
        (isTerminal, takesSplices, isCarried, chunk, way) = (false, false, false, 4096, .write)
        own = nil
    }

    /// Writes from the beginning of `bytes` what is taken at once. What was not taken must come again at the next call.
    package func write(_ bytes: ArraySlice<UInt8>) -> Transfer.Result {
        switch way {
        case .write: return Transfer.write(bytes.prefix(chunk), to: number)
        case .send: return Transfer.write(bytes.prefix(chunk), to: number, sends: true)
        case .bounce: return splice(bytes)
        }
    }

    private func splice(_ bytes: ArraySlice<UInt8>) -> Transfer.Result {
        if writesAtOnce {
            let result = Transfer.writeAtOnce(bytes.prefix(chunk), to: number)
            if result != .unsupported { return result }
            writesAtOnce = false
        }
        if bounce == nil {
            guard let made = try? Pipe(), (try? made.write.setNonBlocking()) != nil else { return .failed(EMFILE) }
            bounce = consume made
        }
        let (into, out) = (bounce!.write.number, bounce!.read.number)
        if held < bytes.count, case .moved(let n) = Transfer.write(bytes.dropFirst(held).prefix(chunk), to: into) { held += n }
        let result = Transfer.splice(from: out, to: number, atMost: held)
        if case .moved(let n) = result { held -= n }
        return result == .unsupported ? .failed(EINVAL) : result
    }

    /// Writes all of it, waiting no longer than until `deadline`. With a thread behind it, ``settle(by:)`` waits for that.
    /// - Parameter deadline: nanoseconds of CLOCK_MONOTONIC.
    /// - Throws: `ETIMEDOUT` when nobody reads, `EPIPE` when nobody ever will, and what the write failed by.
    package func write(all bytes: [UInt8], by deadline: UInt64) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch write(rest) {
            case .moved(let n): rest = rest.dropFirst(n)
            case .wouldBlock:
                let now = Clock.monotonic
                // Up to the next whole millisecond: a wait of none would be a loop.
                guard now < deadline else { throw SystemError("write", "descriptor \(number)", ETIMEDOUT) }
                _ = Transfer.isWritable(number, milliseconds: Int32(clamping: (deadline - now) / 1_000_000 + 1))
            case .failed(let code): throw SystemError("write", "descriptor \(number)", code)
            case .ended, .sinkClosed, .unsupported: throw SystemError("write", "descriptor \(number)", EPIPE)
            }
        }
    }

    /// Ends it, and waits until all of it has arrived.
    /// - Throws: `ETIMEDOUT`.
    package func settle(by deadline: UInt64) throws(SystemError) {
        finish()
        while !isDrained {
            guard Clock.monotonic < deadline else { throw SystemError("write", "descriptor \(number)", ETIMEDOUT) }
            usleep(1000)
        }
    }

    /// Nothing more will be written.
    package func finish() { if isCarried { _ = shutdown(number, Int32(SHUT_WR)) } }

    /// After ``finish``: whether all of it has arrived. Until then ``number`` is to be watched for becoming readable.
    package var isDrained: Bool { !isCarried || Transfer.isReadable(number) }

    /// The thread that writes where a write may wait, and our end of the line to it. It ends with the line, or with this process.
    private static func carry(to target: Int32) throws(SystemError) -> Descriptor {
        let (ours, theirs) = try LocalSocket.streamPair()
        let (line, sink) = (theirs, target)
        _ = try Thread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            reading: while case .moved(let count) = Transfer.read(line, into: &buffer, atMost: buffer.count) {
                var rest = buffer[0..<count]
                while !rest.isEmpty {
                    switch Transfer.write(rest, to: sink) {
                    case .moved(let n): rest = rest.dropFirst(n)
                    case .wouldBlock: _ = Transfer.isWritable(sink, milliseconds: 1000)  // the caller's own O_NONBLOCK, or a signal
                    default: break reading
                    }
                }
            }
            _ = close(line)
        }
        return Descriptor(owning: ours)
    }
}
