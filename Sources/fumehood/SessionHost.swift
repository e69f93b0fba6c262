// SPDX-License-Identifier: Apache-2.0
// The process that a session lives in, as far as it serves stubs: lines in, a cell for each, exit codes back. `mcp --session` and `up` are
// both this; who may ask for what is said by whoever made the listening socket.

import Broker
import Events
import Glibc
import Governance
import Linux
import Sandbox
import Session

final class SessionHost {
    /// Stubs that one socket serves at a time.
    static let mostLines = 256
    /// Nanoseconds in which a stub must have said what it wants.
    static let patience: UInt64 = 10_000_000_000

    let loop: SessionLoop
    let session: SessionDoor
    private var ordinal: UInt32 = 0
    private var isNested = false
    private var seats: [SessionCell.Seat] = []
    /// Cells that run, by themselves or for a stub.
    private(set) var cells: [ObjectIdentifier: SessionCell] = [:]
    private var brokers: [ObjectIdentifier: BrokerStreams] = [:]
    private(set) var lines: [ObjectIdentifier: Served] = [:]
    /// The last line or cell is gone.
    var onIdle: () -> Void = {}
    /// A cell is over; by the server's or agent's name.
    var onEnd: (_ name: String, _ cell: SessionCell, _ end: SessionCell.End) -> Void = { _, _, _ in }

    /// A stub that is served.
    final class Served {
        let line: StubLine
        let door: Entrance
        fileprivate var token: UInt64 = 0
        fileprivate var alarm: UInt64?
        fileprivate var ends: HandedEnds?
        fileprivate var cell: SessionCell?
        fileprivate init(_ line: StubLine, _ door: Entrance) { (self.line, self.door) = (line, door) }
    }

    /// What a stub wants, and where it stands.
    struct Wish {
        let arguments: [String]
        let environment: [String: String]
        /// nil from inside a cell.
        let directory: String?
        let ends: ClientEnds
        let say: (String) -> Void
    }

    /// One listening socket and what it is for.
    final class Entrance {
        let isInside: Bool
        /// Who may connect.
        var user: UInt32
        /// What is to be started for a wish, and which part of the session's judge asks for it.
        let order: (Wish) throws -> CellOrder
        fileprivate let listener: Descriptor
        fileprivate var token: UInt64 = 0
        fileprivate var count = 0
        init(_ listener: consuming Descriptor, isInside: Bool, user: UInt32, order: @escaping (Wish) throws -> CellOrder) {
            (self.isInside, self.user, self.order) = (isInside, user, order)
            self.listener = listener
        }
    }

    init(_ session: SessionDoor, _ loop: SessionLoop) throws {
        (self.session, self.loop) = (session, loop)
        session.say = { [unowned self] text in for served in lines.values { served.line.say("fumehood: " + text + "\n") } }
        if let number = session.records?.readiness {
            _ = try loop.watch(number) { [unowned self] _ in
                session.records?.clearReadiness()
                for broker in Array(brokers.values) { broker.recorded() }
            }
        }
    }

    // Cells -------------------------------------------------------------------------------------------------------------

    /// Starts a cell. `name` is the server's or the agent's.
    @discardableResult
    func start(_ order: CellOrder, name: String) -> SessionCell {
        ordinal += 1
        let seat = SessionCell.Seat(ordinal: ordinal, isNested: isNested)
        var order = order
        let (ended, make) = (order.ended, order.streams)
        var key: ObjectIdentifier?
        var broker: ObjectIdentifier?
        order.streams = { [unowned self] profile, places, governing in
            let streams = try make(profile, places, governing)
            if let old = broker { brokers[old] = nil }
            if let served = streams as? BrokerStreams {
                broker = ObjectIdentifier(served)
                brokers[ObjectIdentifier(served)] = served
            }
            return streams
        }
        weak var started: SessionCell?
        var early: SessionCell.End?
        order.ended = { [unowned self] end in
            if seat.isNested { isNested = true }
            if let broker { brokers[broker] = nil }
            spent += end.processorMicroseconds
            guard let key, let cell = started else {
                early = end
                return
            }
            cells[key] = nil
            ended(end)
            onEnd(name, cell, end)
            rest()
        }
        let cell = SessionCell(order, in: session, on: loop)
        started = cell
        cell.start(seat)
        if let early {
            ended(early)
            onEnd(name, cell, early)
            rest()
        } else {
            key = ObjectIdentifier(cell)
            cells[ObjectIdentifier(cell)] = cell
        }
        return cell
    }

    /// Of all cells, those that are over included.
    var processorMicroseconds: Int64 { cells.values.reduce(spent) { $0 + $1.processorMicroseconds } }
    private var spent: Int64 = 0

    private func rest() { if cells.isEmpty && lines.isEmpty { onIdle() } }

    // Stubs -------------------------------------------------------------------------------------------------------------

    func open(_ entrance: Entrance) throws {
        entrance.token = try loop.watch(entrance.listener.number) { [unowned self, unowned entrance] _ in accept(entrance) }
        entrances.append(entrance)
    }

    private var entrances: [Entrance] = []

    /// Whoever is waiting at any of the sockets. - Returns: whether somebody was.
    @discardableResult
    func acceptAll() -> Bool {
        let before = lines.count
        for entrance in entrances { accept(entrance) }
        return lines.count != before
    }

    func closeEntrances() {
        for entrance in entrances { loop.unwatch(entrance.token) }
        entrances = []
    }

    private func accept(_ entrance: Entrance) {
        while entrance.count < Self.mostLines, let socket = LocalSocket.accept(entrance.listener) {
            guard let line = try? StubLine(socket, isInside: entrance.isInside) else { continue }
            guard line.peer.user == entrance.user || line.peer.user == 0 else { continue }
            guard entrance.isInside || isOutside(line.peer) else { continue }
            let served = Served(line, entrance)
            guard let token = try? (loop.watch(line.number) { [unowned self, unowned served] _ in hear(served) }) else { continue }
            served.token = token
            served.alarm = loop.alarm(at: Clock.monotonic + Self.patience) { [unowned self, unowned served] in close(served) }
            lines[ObjectIdentifier(served)] = served
            entrance.count += 1
        }
        // Whoever comes then waits in the socket until somebody has gone.
        if entrance.count >= Self.mostLines { loop.unwatch(entrance.token) }
    }

    private func isOutside(_ peer: LocalSocket.Peer) -> Bool {
        guard let proc = try? Host.openProc() else { return false }
        return Registry.mayCommand(peer, user: Identity.user, proc: proc)
    }

    private func hear(_ served: Served) {
        while true {
            switch served.line.next() {
            case .nothing: return
            case .order(let words, let files):
                if let alarm = served.alarm { loop.forget(alarm) }
                served.alarm = nil
                serve(served, words, files)
            case .signal(let signal): served.cell?.signal(signal)
            case .end:
                guard !served.door.isInside else { return close(served) }
                return end()
            case .gone: return close(served)
            }
        }
    }

    /// The session is to end; its owner says how.
    var end: () -> Void = {}

    private func close(_ served: Served) {
        guard lines.removeValue(forKey: ObjectIdentifier(served)) != nil else { return }
        loop.unwatch(served.token)
        if let alarm = served.alarm { loop.forget(alarm) }
        served.cell?.abandon("its client has gone")
        let entrance = served.door
        if entrance.count == Self.mostLines, entrances.contains(where: { $0 === entrance }) {
            entrance.token = (try? loop.watch(entrance.listener.number) { [unowned self, unowned entrance] _ in accept(entrance) }) ?? 0
        }
        entrance.count -= 1
        rest()
    }

    private func finish(_ served: Served, _ code: Int32) {
        served.cell = nil
        served.ends = nil  // whoever reads them sees the end before the stub has gone
        served.line.finish(code)
        close(served)
    }

    private func serve(_ served: Served, _ words: [UInt8], _ files: ReceivedFiles) {
        served.line.take()
        let line = served.line
        guard let (arguments, environment) = Host.words(of: words), let ends = HandedEnds(files, isSuspect: served.door.isInside) else {
            line.say("fumehood: standard input, output or error is nothing that can be handed over\n  help: pipes, sockets and files can\n")
            return finish(served, 125)
        }
        served.ends = ends
        var directory: String?
        if !served.door.isInside {
            guard let folder = files.take(3), Files.change(to: folder), let now = try? Files.currentDirectory(), now.hasPrefix("/") else {
                line.say("fumehood: the current directory is gone\n")
                return finish(served, 125)
            }
            directory = now
        }
        var order: CellOrder?
        let said = Messages.kept {
            do {
                order = try served.door.order(
                    Wish(arguments: arguments, environment: environment, directory: directory, ends: ends.ends, say: { line.say($0) }))
            } catch {
                var report = RunReport()
                _ = report.refuse(failure: error)
            }
        }
        line.say(said)
        guard var order else { return finish(served, 125) }
        let ended = order.ended
        order.ended = { [unowned self, weak served] end in
            ended(end)
            if let served { finish(served, end.code) }
            _ = ends  // open as long as the cell has them, whether or not the stub is there
        }
        let cell = start(order, name: order.options.serverName)
        if lines[ObjectIdentifier(served)] != nil { served.cell = cell }
    }

    /// Ends everything that runs.
    func stopAll(_ cause: Events.Cause) { for cell in Array(cells.values) { cell.stop(cause) } }
    func abandonAll(_ why: String) { for cell in Array(cells.values) { cell.abandon(why) } }
}

extension SessionHost {
    /// A server's cell for a wish.
    /// - Parameter options: parsed.
    func order(_ options: RunOptions, _ wish: Wish, directory: String, groups: [String] = [], environment: [String: String]) -> CellOrder {
        let server = options.serverName
        session.add(options.patterns, of: server)
        session.records?.learn(Governing.secrets(options, environment))
        let part = session.judge.part(of: server)
        return CellOrder(
            options: options, environment: environment, directory: directory, groups: groups,
            streams: { [session] profile, places, governing in
                try McpVerb.streams(
                    options, profile, places: places, governing, shared: part, account: session.account(of: server), limits: session.limits(of: server),
                    ends: wish.ends,
                    say: { notes in for note in notes { wish.say(Messages.printable("fumehood: \(note)\n")) } })
            }, say: wish.say, ended: { [session] _ in session.judge.close(part) })
    }
}
