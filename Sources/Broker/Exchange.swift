// SPDX-License-Identifier: Apache-2.0
//
// One client and one server of MCP, and what stands between them: bytes of either side go in, lines for either side come out, and every
// tools/call is a question to the door first. A state machine: no descriptors, no clock, no waiting; whoever owns it reads and writes,
// tells it the time, and asks it whether it wants more of a side's input. Speaks 2024-11-05 to 2026-07-28 at once: it looks at each
// message, and translates nothing between the eras.

import Events
public import Governance
import JSON

public final class Exchange {
    public enum Side: Sendable { case client, server }

    let settings: ExchangeSettings
    let judge: any Judge
    /// The time that the owner told last.
    var now: Instant = 0

    private var clientLines: LineReader
    private var serverLines: LineReader
    /// Lines for the client and for the server, which the owner writes.
    public var toClient = Outbox()
    public var toServer = Outbox()

    /// Requests of the client, and our own, that have no answer yet, by the id that the server sees.
    var calls: [Int64: Call] = [:]
    var callsOfClient: [RequestID: Int64] = [:]
    var callsByToken: [RequestID: Int64] = [:]
    /// The lengths of their lines together.
    var callBytes = 0
    /// Calls and requests of the server that the door was asked about, by the door's id.
    var callsOfDoor: [CallID: Int64] = [:]
    private var lastID: Int64 = 0
    private var callCount: UInt32 = 0
    var batches: [Int64: Batch] = [:]

    /// Requests of the server that the client has not answered, by the id that the client sees.
    var serverRequests: [Int64: ServerRequest] = [:]
    var requestsOfServer: [RequestID: Int64] = [:]

    var table = ToolTable()
    /// What the door was told of the tools.
    var known: [ToolShape] = []
    var openInputs: [OpenInput] = []
    var metering = Metering()
    /// The processor time of the server's cell so far, in microseconds; nil where nobody counts it.
    public var processorTime: (() -> Int64?)?
    /// Calls whose records are not on disk yet.
    var recording: [Int64] = []
    /// Of the initialize handshake: what the server chose.
    var version: String?
    var initializes = false
    /// A result of an untrusted tool has reached the client.
    public internal(set) var isTainted = false

    public private(set) var clientHasEnded = false
    /// Why the server is gone.
    public private(set) var serverEnd: String?
    /// Set where a policy ends the server's cell: why.
    public internal(set) var kill: Refusal?
    private var notes: [String] = []
    private var uncounted = 0
    /// Not later than the first deadline of all.
    private var alarm: Instant = .max

    public init(_ settings: ExchangeSettings, judge: any Judge) {
        self.settings = settings
        self.judge = judge
        clientLines = LineReader(limit: settings.bounds.lineBytes)
        serverLines = LineReader(limit: settings.bounds.lineBytes)
    }

    // What goes in ------------------------------------------------------------------------------------------------------

    /// Whether more of that side's input may be given: a side that sends faster than the other reads has to wait.
    public func wants(_ side: Side) -> Bool {
        let bounds = settings.bounds
        switch side {
        case .client:
            return !clientHasEnded && toServer.count < bounds.waitingBytes && toClient.count < bounds.waitingBytes
                && calls.count < bounds.inFlight && callBytes < bounds.inFlightBytes
        // Not held up by what waits for the server itself: two sides that wait for each other's reading would wait for ever.
        case .server: return serverEnd == nil && toClient.count < bounds.waitingBytes
        }
    }

    /// Bytes of one side, as they came.
    public func receive(_ bytes: [UInt8], from side: Side, at now: Instant) {
        switch side {
        case .client: clientLines.append(bytes)
        case .server: serverLines.append(bytes)
        }
        advance(at: now)
    }

    /// Goes on with what was received; to be called when bytes of an outbox have been written.
    public func advance(at now: Instant) {
        self.now = now
        if !recording.isEmpty { sendRecorded() }
        while wants(.server), let line = serverLines.next() { take(consume line, from: .server) }
        while wants(.client), let line = clientLines.next() { take(consume line, from: .client) }
    }

    /// A side sends no more.
    public func ended(_ side: Side, because reason: String = "it closed its output", at now: Instant) {
        self.now = now
        switch side {
        case .client:
            guard !clientHasEnded else { return }
            while let line = clientLines.next() { take(line, from: .client) }
            if let rest = clientLines.rest() { takeRest(rest, from: .client) }
            clientHasEnded = true
            // A person's answer would come to nobody.
            for own in calls.keys.sorted() {
                guard let call = calls[own], case .pending(_, let reason) = call.state else { continue }
                finish(own, denial(Refusal(.approval, "the client ended while a person was asked: \(reason)"), modern: call.isModern))
            }
            for own in serverRequests.keys.sorted() where serverRequests[own]?.isSent == false { follow(.deny(Self.gone), serverRequest: own) }
        case .server:
            guard serverEnd == nil else { return }
            while let line = serverLines.next() { take(line, from: .server) }
            if let rest = serverLines.rest() { takeRest(rest, from: .server) }
            serverEnd = reason
            toServer.drop()
            for own in calls.keys.sorted() { lose(own, reason) }
            for own in serverRequests.keys.sorted() { withdraw(serverRequest: own) }
        }
    }

    /// The client has ended, all that it asked for is answered, and all that it said is written: the server's input may be closed.
    public var serverInputIsOver: Bool {
        clientHasEnded && toServer.isEmpty && calls.values.allSatisfy { $0.method == "subscriptions/listen" }
    }

    private static let gone = Refusal(.approval, "the client has ended")

    private func take(_ line: consuming Line, from side: Side) {
        switch consume line {
        case .text(let bytes):
            // A long line is let go before what it says is made into another.
            guard let (value, count) = read(consume bytes, from: side) else { return }
            do throws(WireError) { try take(value, count: count, from: side) } catch { refuse(error, value["id"].flatMap { RequestID($0) }, from: side) }
        case .tooLong(let head, let tail):
            refuse(.lineTooLong(limit: settings.bounds.lineBytes), SalvagedID.find(head: head, tail: tail), from: side)
        }
    }

    private func read(_ bytes: consuming [UInt8], from side: Side) -> (Value, count: Int)? {
        let first = bytes.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0d }
        guard first != nil else { return nil }
        do throws(WireError) { return (try parse(bytes), bytes.count) } catch {
            refuse(error, SalvagedID.find(in: bytes), from: side)
            return nil
        }
    }

    /// What stood after the last line feed: a message where it is whole, as a JSON object shows where it ends.
    private func takeRest(_ line: Line, from side: Side) {
        if case .text(let bytes) = line, (try? parse(bytes)) == nil { return refuse(.unfinished, nil, from: side) }
        take(line, from: side)
    }

    private func parse(_ bytes: [UInt8]) throws(WireError) -> Value {
        var options = ParseOptions()
        options.bytes = settings.bounds.lineBytes
        options.depth = settings.bounds.depth
        options.values = settings.bounds.values
        do throws(JSONError) { return try Value(parsing: bytes, options: options).regular() } catch { throw .json(error) }
    }

    private func take(_ value: Value, count: Int, from side: Side) throws(WireError) {
        guard case .array(let parts) = value else {
            let message = try Message(value, idBytes: settings.bounds.idBytes)
            return side == .client ? fromClient(message, count: count, batch: nil) : fromServer(message, count: count)
        }
        guard version == "2025-03-26" else { throw .batchRefused("only peers of 2025-03-26 may send one") }
        guard !parts.isEmpty else { throw .batchRefused("it is empty") }
        guard parts.count <= settings.bounds.batch else { throw .batchRefused("more than \(settings.bounds.batch) messages") }
        var messages: [Message] = []
        for part in parts { messages.append(try Message(part, idBytes: settings.bounds.idBytes)) }
        switch side {
        case .server: for message in messages { fromServer(message, count: count) }
        case .client:
            let requests = messages.count { if case .request = $0 { true } else { false } }
            let batch = newID()
            if requests > 0 { batches[batch] = Batch(open: requests) }
            for message in messages { fromClient(message, count: count, batch: requests > 0 ? batch : nil) }
        }
    }

    /// A line that was no message. Whoever waits for it is told, where that can be known.
    private func refuse(_ error: WireError, _ id: RequestID?, from side: Side) {
        note("a line of the \(side == .client ? "client" : "server") was refused: \(error)")
        switch side {
        case .client:
            if let id, callsOfClient[id] == nil {
                write(.response(id, .failure(error.code, error.description)), to: .client)
            } else if (version ?? "2025-11-25") >= "2025-11-25" {
                // Before 2025-11-25 an error must have an id.
                write(.complaint(["code": .integer(error.code), "message": .string(error.description)]), to: .client)
            }
        case .server:
            var own = id?.value.asInteger
            if own.flatMap({ calls[$0] }) == nil, case .lineTooLong = error {
                // Only where it can be no other's.
                let sent = calls.values.filter { $0.isSent }
                own = sent.count == 1 ? sent[0].own : nil
            }
            guard let own, let call = calls[own], call.isSent else { return }
            settle(call, .failed("its answer was no message"))
            finish(own, .failure(-32603, "the answer of server `\(settings.server)` was refused: \(error)"))
        }
    }

    // What comes out ----------------------------------------------------------------------------------------------------

    func write(_ message: Message, to side: Side) {
        write(line: message.value.serialisedBytes(), to: side)
    }

    func write(line: consuming [UInt8], to side: Side) {
        switch side {
        case .client: toClient.append(line: consume line)
        case .server: if serverEnd == nil { toServer.append(line: consume line) }
        }
    }

    /// Sentences for whoever runs this, taken once.
    public func takeNotes() -> [String] {
        defer {
            notes = []
            uncounted = 0
        }
        return uncounted == 0 ? notes : notes + ["and \(uncounted) more"]
    }

    func note(_ text: @autoclosure () -> String) {
        if notes.count < settings.bounds.notes { notes.append(text()) } else { uncounted += 1 }
    }

    /// Pins that first use made, taken once.
    public func takePins() -> [Pin] { table.takePins() }

    // Time --------------------------------------------------------------------------------------------------------------

    /// When ``tick(at:)`` is to be called at the latest; nil for never.
    public var nextDeadline: Instant? {
        let next = min(alarm, judge.nextDeadline ?? .max)
        return next == .max ? nil : next
    }

    func wake(at instant: Instant?) { if let instant { alarm = min(alarm, instant) } }

    /// Ends what has had its time, and goes on with what waited for it.
    public func tick(at now: Instant) {
        self.now = now
        if let due = judge.nextDeadline, now >= due { for (call, verdict) in judge.tick(at: now) { follow(verdict, call) } }
        if now >= alarm {
            alarm = .max
            if !metering.isIdle { metering.look(processorTime?()) }
            for own in calls.keys.sorted() { if let call = calls[own] { look(at: call) } }
        }
        advance(at: now)
    }

    // Ids ---------------------------------------------------------------------------------------------------------------

    func newID() -> Int64 {
        lastID += 1
        return lastID
    }

    func newCallID() -> CallID {
        callCount += 1
        return CallID(seed: settings.seed, count: callCount)
    }
}
