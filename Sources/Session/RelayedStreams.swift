// SPDX-License-Identifier: Apache-2.0
// The caller's standard streams, passed through: our stdin to the cell's, the cell's stdout and stderr to ours, counted and
// bounded, made harmless where they reach a terminal.

import Events
package import Linux
package import Sandbox

package final class RelayedStreams: StandardStreams {
    private enum Key: Int { case inputSource, inputSink, outputSource, outputSink, errorSource, errorSink }

    private let bound: UInt64?
    private let ends: ClientEnds
    private let readsInput: Bool
    private var streams = Streams()
    private var loop: (any StreamLoop)?
    private var input: Relay?
    private var output: Relay?
    private var errors: Relay?
    /// A terminal at our stdin, opened anew: another process may read the line that was seen waiting.
    private var ownInput: Descriptor?
    private var into: UInt64 = 0
    /// What relays passed that are over.
    private var finished: UInt64 = 0
    /// Bytes of output a turn; nil for as many as there are.
    private var pace: Int?
    /// Sinks that have everything, and whose other side still writes it.
    private var draining: (output: Outlet?, errors: Outlet?)

    /// - Parameters:
    ///   - bound: bytes of stdout and stderr together; nil for any number.
    ///   - readsInput: false where the command's input is empty.
    package init(bound: UInt64?, ends: ClientEnds = .standard, readsInput: Bool = true) { (self.bound, self.ends, self.readsInput) = (bound, ends, readsInput) }

    package func begin(_ streams: consuming Streams, on loop: any StreamLoop) {
        self.streams = streams
        self.loop = loop
        if !readsInput { self.streams.input = nil }
        ownInput = readsInput && Terminal.isTerminal(ends.input) ? Terminal.openAnew(ends.input, 0 /* O_RDONLY */) : nil
        if let sink = self.streams.input?.number { input = Relay(from: ownInput?.number ?? ends.input, to: sink, filtered: false) }
        if let source = self.streams.output?.number { output = RelayedStreams.relay(source, to: ends.output) }
        if let source = self.streams.errors?.number { errors = RelayedStreams.relay(source, to: ends.errors) }
        if let output { loop.watch(output.source, .readable, key: Key.outputSource.rawValue) }
        if let errors { loop.watch(errors.source, .readable, key: Key.errorSource.rawValue) }
    }

    package func launched() { pumpInput() }

    private static func relay(_ source: Int32, to sink: Int32) -> Relay {
        let outlet = Outlet(sink)
        return Relay(from: source, to: outlet, filtered: outlet.isTerminal)
    }

    package func ready(key: Int, _ events: Epoll.Interest) {
        switch Key(rawValue: key) {
        case .inputSource?, .inputSink?: pumpInput()
        case .outputSource?, .outputSink?: pumpOutput()
        case .errorSource?, .errorSink?: pumpErrors()
        case nil: break
        }
    }

    package var isDrained: Bool { output == nil && errors == nil && draining.output == nil && draining.errors == nil }

    package var passed: (into: UInt64, out: UInt64) { (into, finished + (output?.count ?? 0) + (errors?.count ?? 0)) }

    private func pumpInput() {
        guard input != nil else { return }
        let waiting = input!.pump()
        into = input!.count
        settle(waiting, input!, .inputSource, .inputSink)
        if waiting == .finished {
            input = nil
            streams.input = nil  // the command sees the end of its input
        }
    }

    private func pumpOutput() {
        guard output != nil else { return drain() }
        if pace == 0 { return stand(.outputSource, .outputSink) }
        let waiting = output!.pump(allowance: allowance, limit: pace ?? Relay.turn)
        settle(waiting, output!, .outputSource, .outputSink)
        if output!.exceeded { exceed() }
        guard waiting == .finished, let relay = output else { return }
        finished += relay.count
        output = nil
        streams.output = nil
        draining.output = finish(relay, .outputSink)
        lost("standard output", relay.failure)
        if isDrained { loop?.drained() }
    }

    private func pumpErrors() {
        guard errors != nil else { return drain() }
        if pace == 0 { return stand(.errorSource, .errorSink) }
        let waiting = errors!.pump(allowance: allowance, limit: pace ?? Relay.turn)
        settle(waiting, errors!, .errorSource, .errorSink)
        if errors!.exceeded { exceed() }
        guard waiting == .finished, let relay = errors else { return }
        finished += relay.count
        errors = nil
        streams.errors = nil
        draining.errors = finish(relay, .errorSink)
        lost("standard error", relay.failure)
        if isDrained { loop?.drained() }
    }

    /// What stdout and stderr may still pass together.
    private var allowance: UInt64 {
        guard let bound else { return .max }
        return bound - min(bound, passed.out)
    }

    private func exceed() {
        guard let bound else { return }
        loop?.end(.limit(.output, bound: Int64(clamping: bound), reading: Int64(clamping: bound) + 1), isLoss: false)
    }

    /// Output that could not be passed on is never lost in silence, whether or not the command has ended by then.
    private func lost(_ stream: String, _ code: Int32?) {
        guard let code else { return }
        loop?.end(.message("\(stream) could not be written: \(errnoText(code)) (\(errnoName(code)))"), isLoss: true)
    }

    private func settle(_ waiting: Relay.Waiting, _ relay: Relay, _ source: Key, _ sink: Key) {
        if waiting == .source { loop?.watch(relay.source, .readable, key: source.rawValue) } else { loop?.unwatch(key: source.rawValue) }
        if waiting == .sink { loop?.watch(relay.sink, .writable, key: sink.rawValue) } else { loop?.unwatch(key: sink.rawValue) }
    }

    package func pace(bytesPerTurn: Int?) {
        let stood = pace == 0
        pace = bytesPerTurn
        if stood == (pace == 0) { return }
        if output != nil { pumpOutput() }
        if errors != nil { pumpErrors() }
    }

    /// Nothing is read for now: the cell waits when its pipes are full.
    private func stand(_ source: Key, _ sink: Key) {
        loop?.unwatch(key: source.rawValue)
        loop?.unwatch(key: sink.rawValue)
    }

    package func end() { loop = nil }

    // A sink with a thread of ours behind it has everything only when the thread has written it --------------------------

    private func finish(_ relay: Relay, _ key: Key) -> Outlet? {
        if relay.sinkClosed { return nil }
        relay.outlet.finish()
        if relay.outlet.isDrained { return nil }
        loop?.watch(relay.sink, .readable, key: key.rawValue)
        return relay.outlet
    }

    private func drain() {
        if draining.output?.isDrained == true {
            loop?.unwatch(key: Key.outputSink.rawValue)
            draining.output = nil
        }
        if draining.errors?.isDrained == true {
            loop?.unwatch(key: Key.errorSink.rawValue)
            draining.errors = nil
        }
        if isDrained { loop?.drained() }
    }
}
