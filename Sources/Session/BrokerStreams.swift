// SPDX-License-Identifier: Apache-2.0
// The standard streams of an MCP server in its cell: between our own stdin and stdout, or those of whoever handed them over, where the
// client is, and the server's stands the broker's exchange. This is its edge: it reads what the exchange wants, writes what it has, tells it the time, and ends the server when
// the client has gone. The server's stderr is passed through, made harmless. Whatever is decided is decided elsewhere.

package import Broker
import Events
import Glibc
import Governance
package import Linux
package import Sandbox

package final class BrokerStreams: StandardStreams {
    private enum Key: Int { case client, toClient, server, toServer, errorSource, errorSink, records }

    private let exchange: Exchange
    private let onNotes: ([String]) -> Void
    private let onPins: ([Pin]) -> Void
    private let records: LaunchRecords?
    private var streams = Streams()
    private var loop: (any StreamLoop)?
    private let ends: ClientEnds
    private let client: Outlet
    /// A terminal at our stdin, opened anew: another process may read the line that was seen waiting.
    private var ownInput: Descriptor?
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    private var errors: Relay?
    private let inputIsSocket: Bool
    private var inputIsPipe: Bool
    private let inputIsPolled: Bool
    /// Nobody reads what we write.
    private var clientIsGone = false
    private var launchedYet = false
    private var watchesRoom: Bool?
    /// The moment that the loop was told last; CLOCK_BOOTTIME.
    private var named: Int64?
    private var into: UInt64 = 0
    private var out: UInt64 = 0
    /// The server is to end: by itself, then by SIGTERM, then by force. When the next of these comes; CLOCK_BOOTTIME.
    private var ending: (step: Int, at: Int64)?

    /// What a server is given to end after its input has closed, and again after SIGTERM. Clients wait two seconds and then insist.
    static let grace: Int64 = 1_500_000_000

    /// - Parameters:
    ///   - onNotes: sentences for people, as they come up.
    ///   - onPins: tools that first use pinned.
    ///   - records: where the door's records go; nil where none are kept, and where somebody else hears that they are on disk and says so
    ///     by ``recorded()``.
    ///   - ends: where the client is.
    package init(
        _ exchange: Exchange, records: LaunchRecords?, ends: ClientEnds = .standard, onNotes: @escaping ([String]) -> Void, onPins: @escaping ([Pin]) -> Void
    ) {
        self.ends = ends
        client = Outlet(ends.output)
        let kind = (try? FileStatus(of: ends.input))?.kind
        inputIsSocket = kind == .socket
        inputIsPipe = kind == .fifo
        inputIsPolled = kind == .regular
        self.exchange = exchange
        self.records = records
        self.onNotes = onNotes
        self.onPins = onPins
    }

    package func begin(_ streams: consuming Streams, on loop: any StreamLoop) {
        self.streams = streams
        self.loop = loop
        exchange.processorTime = { [weak loop] in loop?.processorMicroseconds }
        ownInput = Terminal.isTerminal(ends.input) ? Terminal.openAnew(ends.input, 0 /* O_RDONLY */) : nil
        if let source = self.streams.errors?.number { errors = Relay(from: source, to: Outlet(ends.errors), filtered: true) }
        if let errors { loop.watch(errors.source, .readable, key: Key.errorSource.rawValue) }
        if let number = self.streams.output?.number { loop.watch(number, .readable, key: Key.server.rawValue) }
    }

    package func launched() {
        launchedYet = true
        if let records {
            do throws(LogPlaceError) { try records.beginCalls() } catch { onNotes([error.message]) }
            if let number = records.readiness { loop?.watch(number, .readable, key: Key.records.rawValue) }
        }
        pump()
    }

    private var now: Int64 { Int64(Clock.boottime) }

    package func ready(key: Int, _ events: Epoll.Interest) {
        switch Key(rawValue: key) {
        case .client?: readClient()
        case .server?: readServer()
        case .toClient?:
            if events.contains(.error) || events.contains(.hangup) { loseClient() }
        case .toServer?: break
        case .records?:
            records?.clearReadiness()
            exchange.advance(at: now)
        case .errorSource?, .errorSink?: return pumpErrors()
        case nil: return
        }
        pump()
    }

    package func due() {
        named = nil
        exchange.tick(at: now)
        step()
        pump()
    }

    package var isDrained: Bool { streams.output == nil && errors == nil && (exchange.toClient.isEmpty || clientIsGone) }

    package var lingers: Bool { launchedYet }

    package var passed: (into: UInt64, out: UInt64) { (into, out) }

    /// A signal that ends us ends the server, and if it takes no notice, the cell.
    package func take(_ signal: Int32) -> Bool {
        guard [SIGTERM, SIGINT, SIGHUP].contains(signal), launchedYet, streams.output != nil else { return false }
        loop?.signal(signal)
        if ending?.step != 2 { ending = (2, now + Self.grace) }
        wake()
        return true
    }

    /// Records have come to disk.
    package func recorded() {
        exchange.advance(at: now)
        pump()
    }

    /// What was on its way is settled, whatever ended the cell: the accounts may outlive it.
    package func end() {
        exchange.ended(.server, because: "its cell ended", at: now)
        exchange.ended(.client, at: now)
        if !clientIsGone, !exchange.toClient.isEmpty { _ = client.write(exchange.toClient.waiting) }
        loop = nil
    }

    // Reading -----------------------------------------------------------------------------------------------------------

    private var clientNumber: Int32 { ownInput?.number ?? ends.input }

    private func readClient() {
        guard exchange.wants(.client) else { return }
        switch readInput() {
        case .moved(let count): exchange.receive(Array(buffer[..<count]), from: .client, at: now)
        case .wouldBlock: break
        default: exchange.ended(.client, at: now)
        }
    }

    /// The description is the caller's and may block: read only what is there.
    private func readInput() -> Transfer.Result {
        if inputIsPipe {
            let result = Transfer.readAtOnce(clientNumber, into: &buffer)
            if result != .unsupported { return result }
            inputIsPipe = false
        }
        guard inputIsSocket || inputIsPolled || Transfer.isReadable(clientNumber) else { return .wouldBlock }
        return Transfer.read(clientNumber, into: &buffer, atMost: buffer.count, receives: inputIsSocket)
    }

    private func readServer() {
        guard let number = streams.output?.number, exchange.wants(.server) else { return }
        switch Transfer.read(number, into: &buffer, atMost: buffer.count) {
        case .moved(let count):
            out += UInt64(count)
            exchange.receive(Array(buffer[..<count]), from: .server, at: now)
        case .wouldBlock: break
        default:
            exchange.ended(.server, because: ending == nil ? "it closed its output" : "it was told to end", at: now)
            loop?.unwatch(key: Key.server.rawValue)
            streams.output = nil
            closeInput()
            loop?.drained()
        }
    }

    // Writing -----------------------------------------------------------------------------------------------------------

    /// Writes what can be written, and waits for what is wanted next.
    private func pump() {
        guard launchedYet else { return }
        while writeServer() || writeClient() { exchange.advance(at: now) }
        if clientIsGone { exchange.toClient.drop() }
        if let kill = exchange.kill {
            loop?.end(kill.policies.first.map { .policy($0) } ?? .message(kill.reason), isLoss: false)
            return
        }
        if exchange.serverInputIsOver { closeInput() }
        let notes = exchange.takeNotes()
        if !notes.isEmpty { onNotes(notes) }
        let pins = exchange.takePins()
        if !pins.isEmpty { onPins(pins) }
        watch()
        wake()
    }

    /// - Returns: whether something was written.
    private func writeServer() -> Bool {
        guard let number = streams.input?.number, !exchange.toServer.isEmpty else { return false }
        switch Transfer.write(exchange.toServer.waiting, to: number) {
        case .moved(let count):
            into += UInt64(count)
            exchange.toServer.written(count)
            return true
        case .wouldBlock: return false
        default:
            // It reads no more; what it still says is passed on until its output ends.
            exchange.toServer.drop()
            closeInput()
            return true
        }
    }

    private func writeClient() -> Bool {
        guard !clientIsGone, !exchange.toClient.isEmpty else { return false }
        switch client.write(exchange.toClient.waiting) {
        case .moved(let count):
            exchange.toClient.written(count)
            if exchange.toClient.isEmpty && isDrained { loop?.drained() }
            return true
        case .wouldBlock: return false
        default:
            loseClient()
            return true
        }
    }

    private func loseClient() {
        guard !clientIsGone else { return }
        clientIsGone = true
        loop?.unwatch(key: Key.toClient.rawValue)
        exchange.toClient.drop()
        exchange.ended(.client, at: now)
        closeInput()
        if isDrained { loop?.drained() }
    }

    private func closeInput() {
        guard streams.input != nil else { return }
        loop?.unwatch(key: Key.toServer.rawValue)
        streams.input = nil
        if ending == nil { ending = (1, now + Self.grace) }
        wake()
    }

    /// What comes after a server's input was closed and it did not end.
    private func step() {
        guard let (step, at) = ending, now >= at else { return }
        if step == 1 {
            loop?.signal(SIGTERM)
            ending = (2, now + Self.grace)
        } else {
            ending = (step, .max)
            loop?.end(.message("the server did not end when its input closed"), isLoss: false)
        }
    }

    // Waiting -----------------------------------------------------------------------------------------------------------

    private func watch() {
        guard let loop else { return }
        if exchange.wants(.client) && !clientIsGone {
            loop.watch(clientNumber, .readable, key: Key.client.rawValue)
        } else {
            loop.unwatch(key: Key.client.rawValue)
        }
        if let number = streams.output?.number {
            if exchange.wants(.server) || clientIsGone {
                loop.watch(number, .readable, key: Key.server.rawValue)
            } else {
                loop.unwatch(key: Key.server.rawValue)
            }
        }
        if let number = streams.input?.number, !exchange.toServer.isEmpty {
            loop.watch(number, .writable, key: Key.toServer.rawValue)
        } else {
            loop.unwatch(key: Key.toServer.rawValue)
        }
        // Without anything to write, what is waited for is that the reader goes away.
        let wantsRoom = !exchange.toClient.isEmpty
        if !clientIsGone, wantsRoom != watchesRoom {
            loop.unwatch(key: Key.toClient.rawValue)
            loop.watch(client.number, wantsRoom ? .writable : [], key: Key.toClient.rawValue)
            watchesRoom = wantsRoom
        }
    }

    private func wake() {
        let next = min(exchange.nextDeadline ?? .max, ending?.at ?? .max)
        if next == named { return }
        named = next
        if next == .max { return loop?.wake(at: nil) ?? () }
        // Deadlines of calls go by a clock that runs on while the machine sleeps, the loop's by one that does not.
        loop?.wake(at: Clock.monotonic + UInt64(max(0, next - now)))
    }

    private func pumpErrors() {
        guard errors != nil else { return }
        let waiting = errors!.pump()
        if waiting == .source { loop?.watch(errors!.source, .readable, key: Key.errorSource.rawValue) } else { loop?.unwatch(key: Key.errorSource.rawValue) }
        if waiting == .sink { loop?.watch(errors!.sink, .writable, key: Key.errorSink.rawValue) } else { loop?.unwatch(key: Key.errorSink.rawValue) }
        guard waiting == .finished else { return }
        errors!.outlet.finish()
        errors = nil
        streams.errors = nil
        if isDrained { loop?.drained() }
    }
}
