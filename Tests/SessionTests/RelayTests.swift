// SPDX-License-Identifier: Apache-2.0
// One direction of a cell's streams between real pipes and files: exact bytes, exact bounds, and never a wait.

import Glibc
import Linux
import Testing

@testable import Session

/// A non-blocking pipe with a pattern in it.
private struct Ends: ~Copyable {
    var pipe: Pipe
    init() throws {
        pipe = try Pipe()
        for end in [pipe.read.number, pipe.write.number] { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    }
}

private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

private func drain(_ number: Int32) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case .moved(let n) = Transfer.read(number, into: &buffer, atMost: 65_536) { all += buffer[0..<n] }
    return all
}

@Suite("a relay")
struct RelayTests {
    @Test(arguments: [false, true], [0, 1, 4095, 4096, 4097, 65_536])
    func `bytes arrive as they were`(filtered: Bool, count: Int) throws {
        let source = try Ends(), sink = try Ends()
        let sent = filtered ? pattern(count).map { 0x20 + $0 % 0x5f } : pattern(count)
        if count > 0 { #expect(Transfer.write(sent[...], to: source.pipe.write.number) == .moved(count)) }
        var relay = Relay(from: source.pipe.read.number, to: sink.pipe.write.number, filtered: filtered)
        var waiting = relay.pump()
        var got = drain(sink.pipe.read.number)
        for _ in 0..<4 where waiting == .sink {
            waiting = relay.pump()
            got += drain(sink.pipe.read.number)
        }
        #expect(waiting == .source)
        #expect(got == sent)
        #expect(relay.count == UInt64(count))
    }

    @Test func `the end of the source is the end`() throws {
        let source = try Ends(), sink = try Ends()
        let number = source.pipe.read.number
        #expect(Transfer.write(pattern(10)[...], to: source.pipe.write.number) == .moved(10))
        let read = source.pipe.keepRead()  // the write end is closed
        var relay = Relay(from: number, to: sink.pipe.write.number, filtered: false)
        #expect(relay.pump() == .finished)
        #expect(drain(sink.pipe.read.number) == pattern(10))
        _ = consume read
    }

    @Test func `a full sink is waited for and loses nothing`() throws {
        let source = try Ends(), sink = try Ends()
        let sent = pattern(5_000_000)  // more than the largest pipe that is asked for
        var relay = Relay(from: source.pipe.read.number, to: sink.pipe.write.number, filtered: false)
        var offset = 0
        var got: [UInt8] = []
        var waits: Set<String> = []
        for _ in 0..<2000 where got.count < sent.count {
            if offset < sent.count, case .moved(let n) = Transfer.write(sent[offset..<min(sent.count, offset + 65_536)], to: source.pipe.write.number) {
                offset += n
            }
            let waiting = relay.pump()
            waits.insert("\(waiting)")
            if waiting == .sink || offset == sent.count { got += drain(sink.pipe.read.number) }
        }
        #expect(got == sent)
        #expect(waits.contains("sink"))
    }

    @Test func `a sink whose reader is gone ends the relay`() throws {
        signal(SIGPIPE, SIG_IGN)
        let source = try Ends(), sink = try Ends()
        let number = sink.pipe.write.number
        let write = sink.pipe.keepWrite()
        #expect(Transfer.write(pattern(10)[...], to: source.pipe.write.number) == .moved(10))
        var relay = Relay(from: source.pipe.read.number, to: number, filtered: false)
        #expect(relay.pump() == .finished)
        #expect(relay.sinkClosed)
        _ = consume write
    }

    @Test(arguments: [false, true], [0, 1, 99, 100, 101])
    func `no byte passes the allowance`(filtered: Bool, allowance: UInt64) throws {
        let source = try Ends(), sink = try Ends()
        #expect(Transfer.write([UInt8](repeating: 0x41, count: 100)[...], to: source.pipe.write.number) == .moved(100))
        var relay = Relay(from: source.pipe.read.number, to: sink.pipe.write.number, filtered: filtered)
        let waiting = relay.pump(allowance: allowance)
        #expect(drain(sink.pipe.read.number).count == Int(min(allowance, 100)))
        #expect(relay.exceeded == (allowance < 100))
        #expect((waiting == .finished) == (allowance < 100))
    }

    @Test(arguments: [false, true])
    func `a socket that blocks is not waited for`(filtered: Bool) throws {
        var ends: [Int32] = [-1, -1]
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let source = try Ends(), reader = Descriptor(owning: ends[0]), writer = Descriptor(owning: ends[1])
        var relay = Relay(from: source.pipe.read.number, to: writer.number, filtered: filtered)
        var waiting = Relay.Waiting.source
        for _ in 0..<100 where waiting == .source {
            _ = Transfer.write([UInt8](repeating: 0x41, count: 60_000)[...], to: source.pipe.write.number)
            waiting = relay.pump()
        }
        #expect(waiting == .sink)
        #expect(fcntl(writer.number, F_GETFL) & O_NONBLOCK == 0)
        _ = consume reader
    }

    @Test func `a pipe of somebody else's that blocks takes what it can and no more`() throws {
        let pipe = try Pipe()  // as a caller's: it blocks
        let outlet = Outlet(pipe.write.number)
        let sent = pattern(200_000)
        #expect(throws: SystemError.self) { try outlet.write(all: sent, by: Clock.monotonic + 20_000_000) }
        #expect(fcntl(pipe.write.number, F_GETFL) & O_NONBLOCK == 0)
        _ = fcntl(pipe.read.number, F_SETFL, O_NONBLOCK)
        let got = drain(pipe.read.number)
        #expect(got.count >= 4096 && got == Array(sent.prefix(got.count)))
    }

    @Test func `what is held back of a sequence comes at the end`() throws {
        let source = try Ends(), sink = try Ends()
        let number = source.pipe.read.number
        #expect(Transfer.write([0x41, 0x1b, 0x5d][...], to: source.pipe.write.number) == .moved(3))
        let read = source.pipe.keepRead()
        var relay = Relay(from: number, to: sink.pipe.write.number, filtered: true)
        #expect(relay.pump() == .finished)
        #expect(drain(sink.pipe.read.number) == Array("A^[]".utf8))
        _ = consume read
    }
}
