// SPDX-License-Identifier: Apache-2.0
// `-t`: the caller's terminal before a terminal of the cell's own. What is typed passes as bytes, Ctrl-C and Ctrl-Z with it:
// the cell's terminal makes signals of them. What the cell writes passes the filter. The caller's terminal is raw meanwhile and is
// put back on every way out, with what a killed full-screen program left switched on.

import Events
import Glibc
package import Linux
package import Sandbox

package final class TerminalStreams: StandardStreams {
    private enum Key: Int { case inputSource, inputSink, outputSource, outputSink }

    private let bound: UInt64?
    private var streams = Streams()
    private var loop: (any StreamLoop)?
    private var modes: Terminal.Modes?
    private var input: Relay?
    private var output: Relay?
    private var ownInput: Descriptor?
    private var outlet: Outlet?
    private var into: UInt64 = 0
    private var out: UInt64 = 0
    private var restoration: [UInt8] = []

    /// - Parameter bound: bytes of output; nil for any number.
    package init(bound: UInt64?) { self.bound = bound }

    package var signals: [Int32] { [SIGWINCH, SIGCONT] }

    package func begin(_ streams: consuming Streams, on loop: any StreamLoop) {
        self.streams = streams
        self.loop = loop
        modes = Terminal.Modes(of: 0)
        // The cell's terminal treats bytes as the caller's did, the caller's leaves them alone.
        if let modes, let master = self.streams.input?.number { modes.set(on: master) }
        becomeRaw()
        ownInput = Terminal.openAnew(0, O_RDONLY)
        let outlet = Outlet(1)
        self.outlet = outlet
        if let master = self.streams.input?.number { input = Relay(from: ownInput?.number ?? 0, to: Outlet(own: master), filtered: false) }
        if let master = self.streams.output?.number {
            output = Relay(from: master, to: outlet, filtered: outlet.isTerminal, screen: true)
            loop.watch(master, .readable, key: Key.outputSource.rawValue)
        }
    }

    package func launched() { pumpInput() }

    /// Raw, and of the caller's size: also after somebody stopped us and the shell took the terminal back for a while.
    private func becomeRaw() {
        modes?.raw.set(on: 0)
        if let master = streams.input?.number, let size = Terminal.size(of: 0) { Terminal.setSize(size, on: master) }
    }

    package func take(_ signal: Int32) -> Bool {
        guard signal == SIGWINCH || signal == SIGCONT else { return false }
        if signal == SIGCONT { becomeRaw() }
        if let master = streams.output?.number, let size = Terminal.size(of: 0) { Terminal.setSize(size, on: master) }
        return true
    }

    package func ready(key: Int, _ events: Epoll.Interest) {
        switch Key(rawValue: key) {
        case .inputSource?, .inputSink?: pumpInput()
        case .outputSource?, .outputSink?: pumpOutput()
        case nil: break
        }
    }

    package var isDrained: Bool { output == nil }
    package var passed: (into: UInt64, out: UInt64) { (into, output?.count ?? out) }

    private func pumpInput() {
        guard input != nil else { return }
        let waiting = input!.pump()
        into = input!.count
        settle(waiting, input!, .inputSource, .inputSink)
        // The master stays: closing it would be a hang-up, and that comes to us as a signal where it is one.
        if waiting == .finished { input = nil }
    }

    private func pumpOutput() {
        guard output != nil else { return }
        let waiting = output!.pump(allowance: bound.map { $0 - min($0, output!.count) } ?? .max)
        settle(waiting, output!, .outputSource, .outputSink)
        if output!.exceeded, let bound { loop?.end(.limit(.output, bound: Int64(clamping: bound), reading: Int64(clamping: bound) + 1), isLoss: false) }
        guard waiting == .finished, let relay = output else { return }
        out = relay.count
        restoration = relay.restoration
        output = nil
        if let code = relay.failure {
            loop?.end(.message("standard output could not be written: \(errnoText(code)) (\(errnoName(code)))"), isLoss: true)
        }
        if isDrained { loop?.drained() }
    }

    private func settle(_ waiting: Relay.Waiting, _ relay: Relay, _ source: Key, _ sink: Key) {
        if waiting == .source { loop?.watch(relay.source, .readable, key: source.rawValue) } else { loop?.unwatch(key: source.rawValue) }
        if waiting == .sink { loop?.watch(relay.sink, .writable, key: sink.rawValue) } else { loop?.unwatch(key: sink.rawValue) }
    }

    /// Nanoseconds that the terminal has to take what puts it back.
    private static let patience: UInt64 = 200_000_000

    package func end() {
        if let relay = output {
            out = relay.count
            restoration = relay.restoration
            output = nil
        }
        if let outlet {
            let deadline = Clock.monotonic + TerminalStreams.patience
            if !restoration.isEmpty { try? outlet.write(all: restoration, by: deadline) }
            try? outlet.settle(by: deadline)
        }
        outlet = nil
        modes?.set(on: 0)
        modes = nil
        loop = nil
    }
}
