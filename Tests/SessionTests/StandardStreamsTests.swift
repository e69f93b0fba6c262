// SPDX-License-Identifier: Apache-2.0
// The seam between the loop and a handler of streams: the relay on a loop of the test's own, which is asked for what it was told
// to wait for and nothing else.

import Events
import Glibc
import Linux
import Sandbox
import Testing

@testable import Session

/// A loop that writes down what is asked of it.
private final class NotedLoop: StreamLoop {
    var watched: [Int: Int32] = [:]
    var causes: [(cause: Cause, isLoss: Bool)] = []
    var drains = 0
    var due: UInt64?
    var signals: [Int32] = []
    func watch(_ number: Int32, _ interest: Epoll.Interest, key: Int) { watched[key] = number }
    func unwatch(key: Int) { watched[key] = nil }
    func wake(at moment: UInt64?) { due = moment }
    var processorMicroseconds: Int64? { nil }
    func signal(_ signal: Int32) { signals.append(signal) }
    func end(_ cause: Cause, isLoss: Bool) { causes.append((cause, isLoss)) }
    func drained() { drains += 1 }
}

@Suite("the caller's streams on a loop", .serialized)
struct StandardStreamsTests {
    @Test func `the streams are drained when the cell's ends are closed, and not before`() throws {
        let output = try Pipe(), errors = try Pipe()
        for end in [output.read.number, errors.read.number] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        let loop = NotedLoop()
        let streams = RelayedStreams(bound: nil)
        streams.begin(Streams(input: nil, output: try output.read.duplicate(), errors: try errors.read.duplicate()), on: loop)
        #expect(loop.watched.count == 2 && !streams.isDrained)
        _ = consume output
        _ = consume errors
        for key in Array(loop.watched.keys) { streams.ready(key: key, .readable) }
        #expect(streams.isDrained && loop.drains > 0 && loop.watched.isEmpty)
    }

    @Test func `more than the bound ends the cell by its name`() throws {
        let output = try Pipe(), errors = try Pipe()
        for end in [output.read.number, errors.read.number] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        let loop = NotedLoop()
        let streams = RelayedStreams(bound: 0)
        #expect(Transfer.write([0x78][...], to: errors.write.number) == .moved(1))
        streams.begin(Streams(output: try output.read.duplicate(), errors: try errors.read.duplicate()), on: loop)
        for key in Array(loop.watched.keys) { streams.ready(key: key, .readable) }
        #expect(loop.causes.count == 1 && loop.causes.first?.cause == .limit(.output, bound: 0, reading: 1) && loop.causes.first?.isLoss == false)
        #expect(streams.passed.out == 0)
    }
}
