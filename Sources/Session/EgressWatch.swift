// SPDX-License-Identifier: Apache-2.0
// The network of a cell that reaches named endpoints. Its network namespace is empty; the filter sends connect, shutdown, bind and sends with an
// address here. An address is copied once and decided on by the copy; outside, a socket of ours is connected and put over the caller's.
// What is handed in is never dissolved or connected again: it is one of the host's network, and would then be free to lead anywhere.
//
// INVARIANT: nothing that a call points to decides that it continues. A send with an address continues whatever it is: the kernel has no route
// for it but the cell's loopback. INVARIANT: nothing here waits.

package import Egress
package import Events
import Glibc
package import Linux
import Syscalls

package final class EgressWatch {
    /// Nanoseconds that making a connection may take.
    static let patience: UInt64 = 30_000_000_000
    /// Connections being made at once; what comes above waits for its turn.
    static let most = 256

    let list: AllowList
    let loop: EgressLoop
    let server: NameServer
    private var own: OwnConnects?
    private let ownNetwork: UInt64
    let judge: any ConnectionJudge
    package private(set) var book: EgressBook
    /// A duplicate: calls are answered when their time has come.
    private var listener: Descriptor?
    private var resolver: Descriptor?
    /// Being made, by the id of the trapped call; calls that were answered stay until their connection is made or has failed.
    private var attempts: [UInt64: EgressAttempt] = [:]
    private var queue: [EgressAttempt] = []
    private var ownCalls: Set<UInt64> = []

    /// - Parameter seed: random; ids of denials are made of it.
    package init(_ list: AllowList, _ judge: any ConnectionJudge, seed: UInt64) throws(SystemError) {
        self.list = list
        self.judge = judge
        loop = try EgressLoop()
        server = NameServer(loop)
        book = EgressBook(seed: seed)
        ownNetwork = InternetSocket.ownNetwork()
        // Without it a socket of the host's network could not be told from one of the cell's.
        if ownNetwork == 0 { throw SystemError("getsockopt", "SO_NETNS_COOKIE", ENOPROTOOPT) }
        own = try OwnConnects(loop) { [weak self] id, code in
            if let self, self.ownCalls.remove(id) != nil { self.answer(id, code) }
        }
    }

    /// Readable when `turn` has something to do.
    package var number: Int32 { loop.number }
    package func turn() { loop.turn() }

    /// The socket at port 53 of the cell's loopback.
    package func serve(_ socket: consuming Descriptor) {
        resolver = consume socket
        if let number = resolver?.number { _ = loop.watch(number, .readable) { [weak self] _ in self?.answerQueries() } }
    }

    package func takeNewDenials() -> [Events.Denial] { book.takeNew() }

    // Trapped calls -----------------------------------------------------------------------------------------------------

    /// Whether the call is of those that are answered here; it has been, or will be.
    package func takes(_ trap: Trap, on listener: borrowing Descriptor, proc: borrowing Descriptor) -> Bool {
        guard trap.architecture == Architecture.native.auditIdentity, let syscall = Architecture.native.syscall(trap.number) else { return false }
        if self.listener == nil { self.listener = try? listener.duplicate() }
        switch syscall {
        case .connect: connect(trap, listener, proc)
        case .sendto: send(trap, listener, proc)
        case .shutdown: shutdown(trap, listener, proc)
        case .bind: bind(trap, listener, proc)
        default: return false
        }
        return true
    }

    /// A caller that is gone is no failure.
    private func answer(_ id: UInt64, _ code: Int32) {
        if listener != nil { try? Notify.deny(id, errno: code, on: listener!) }
    }

    /// The caller's socket and what it is; nil where the call was answered already.
    private func socket(_ trap: Trap, _ proc: borrowing Descriptor) -> EgressSocket? {
        let number = Int32(truncatingIfNeeded: trap.arguments[0])
        do {
            let socket = try TaskDescriptors.duplicate(of: number, in: trap.thread, proc: proc)
            let nature = try InternetSocket.nature(of: socket)
            return EgressSocket(consume socket, nature)
        } catch {
            answer(trap.id, error.code == EBADF || error.code == ENOTSOCK ? error.code : EACCES)
            return nil
        }
    }

    /// The address of a call, copied once; nil where the call was answered already.
    private func address(_ trap: Trap, at place: UInt64, length: UInt64) -> [UInt8]? {
        let count = Int(Int32(truncatingIfNeeded: length))
        guard (0...128).contains(count) else {
            answer(trap.id, EINVAL)
            return nil
        }
        if count == 0 { return [] }
        guard let bytes = TaskMemory.read(trap.thread, place, count) else {
            answer(trap.id, EFAULT)
            return nil
        }
        return bytes
    }

    private func connect(_ trap: Trap, _ listener: borrowing Descriptor, _ proc: borrowing Descriptor) {
        guard let bytes = address(trap, at: trap.arguments[1], length: trap.arguments[2]), let socket = socket(trap, proc) else { return }
        let number = Int32(truncatingIfNeeded: trap.arguments[0])
        let closes = TaskDescriptors.closesOnExec(number, in: trap.thread, proc: proc)
        // Only now is it known that all of this was the caller's.
        guard Notify.isValid(trap.id, on: listener), let closes else { return answer(trap.id, EBADF) }
        let kind: SocketKind =
            socket.nature.type == Int32(SOCK_STREAM.rawValue) ? .stream : socket.nature.type == Int32(SOCK_DGRAM.rawValue) ? .datagram : .other
        if socket.nature.network == ownNetwork, socket.nature.domain != SocketAddress.unix {
            // Handed in before. It is asked how it stands, never connected again.
            switch InternetSocket.state(socket.descriptor) {
            case .connecting: return answer(trap.id, EALREADY)
            case .connected: return answer(trap.id, EISCONN)
            case .closed:
                let error = InternetSocket.takeError(socket.descriptor)
                if error != 0 { return answer(trap.id, error) }
            }
        }
        switch SocketAddress.destination(bytes, domain: socket.nature.domain, kind, list) {
        case .malformed(let code): answer(trap.id, code)
        case .disconnect:
            answer(trap.id, socket.nature.network == ownNetwork ? EOPNOTSUPP : InternetSocket.connect(socket.descriptor, bytes))
        case .datagram(let what): refuse(trap.id, "connect(udp \(what))", "datagrams leave no cell", code: ENETUNREACH)
        case .local(let path):
            // In the cell's own network namespace; a path would be the supervisor's to walk.
            if path.first == 0 {
                connectOwn(trap.id, socket, bytes)
            } else {
                refuse(trap.id, "connect(unix \(EgressBook.path(path)))", "unix sockets by path are not reached beside named endpoints")
            }
        case .ownLoopback:
            if socket.nature.network == ownNetwork {
                answer(trap.id, EISCONN)
            } else if kind == .stream {
                connectOwn(trap.id, socket, bytes)
            } else {
                answer(trap.id, InternetSocket.connect(socket.descriptor, bytes))  // a datagram's connect waits for nothing
            }
        case .unnamed(let endpoint):
            let isNameable = if case .address(let address) = endpoint.host { address.kind.isNameable } else { true }
            refuse(trap.id, "connect(\(endpoint.text))", "not named for this cell", remedy: isNameable ? "add --net \(endpoint.text)" : nil, endpoint: endpoint)
        case .outside(let endpoint):
            let attempt = EgressAttempt(trap.id, number, socket, closesOnExec: closes, endpoint)
            if attempts.count < EgressWatch.most { begin(attempt) } else { queue.append(attempt) }
        }
    }

    private func connectOwn(_ id: UInt64, _ socket: EgressSocket, _ bytes: [UInt8]) {
        guard let own, let descriptor = try? socket.descriptor.duplicate() else { return answer(id, EAGAIN) }
        ownCalls.insert(id)
        own.connect(descriptor, bytes, id: id)
    }

    /// For the record and the footer; the namespace decides.
    private func send(_ trap: Trap, _ listener: borrowing Descriptor, _ proc: borrowing Descriptor) {
        let count = min(Int(UInt32(truncatingIfNeeded: trap.arguments[5])), 128)
        if count >= 16, let bytes = TaskMemory.read(trap.thread, trap.arguments[4], count), Notify.isValid(trap.id, on: listener),
            let family = SocketAddress.family(bytes), family == SocketAddress.inet || family == SocketAddress.inet6,
            case .datagram(let what) = SocketAddress.destination(bytes, domain: family, .datagram, list)
        {
            return refuse(trap.id, "sendto(udp \(what))", "datagrams leave no cell", code: ENETUNREACH)
        }
        try? Notify.proceed(trap.id, on: listener)
    }

    /// A socket that is being connected would be dissolved by it, and free to listen.
    private func shutdown(_ trap: Trap, _ listener: borrowing Descriptor, _ proc: borrowing Descriptor) {
        guard let socket = socket(trap, proc) else { return }
        guard Notify.isValid(trap.id, on: listener) else { return }
        if socket.nature.network == ownNetwork, socket.nature.domain != SocketAddress.unix, InternetSocket.state(socket.descriptor) == .connecting {
            return answer(trap.id, ENOTCONN)
        }
        answer(trap.id, InternetSocket.shutdown(socket.descriptor, Int32(truncatingIfNeeded: trap.arguments[1])))
    }

    private func bind(_ trap: Trap, _ listener: borrowing Descriptor, _ proc: borrowing Descriptor) {
        guard let bytes = address(trap, at: trap.arguments[1], length: trap.arguments[2]), let socket = socket(trap, proc) else { return }
        guard Notify.isValid(trap.id, on: listener) else { return }
        let isInternet = socket.nature.domain == SocketAddress.inet || socket.nature.domain == SocketAddress.inet6
        // The supervisor may bind to low ports and for others; the cell may not.
        let isLow = SocketAddress.internet(bytes).map { $0.port != 0 && $0.port < 1024 } ?? false
        if socket.nature.network == ownNetwork { return answer(trap.id, EINVAL) }
        answer(trap.id, !isInternet || isLow ? EACCES : InternetSocket.bind(socket.descriptor, bytes))
    }

    /// One record, one entry of the footer, and the caller's errno.
    private func refuse(_ id: UInt64, _ what: String, _ reason: String, remedy: String? = nil, endpoint: Endpoint? = nil, code: Int32 = EACCES) {
        note(what, reason, remedy: remedy, endpoint: endpoint)
        answer(id, code)
    }

    private func note(_ what: String, _ reason: String, remedy: String?, endpoint: Endpoint?) {
        if book.deny(what, remedy: remedy) { judge.refuse(what, endpoint, reason, remedy: remedy) }
    }

    // Connections outside -----------------------------------------------------------------------------------------------

    private func begin(_ attempt: EgressAttempt) {
        attempts[attempt.id] = attempt
        attempt.time = loop.at(attempt.began + attempt.patience) { [weak self, weak attempt] in
            if let self, let attempt { self.end(attempt, ETIMEDOUT) }
        }
        switch attempt.endpoint.host {
        case .address(let address): judged(attempt, [address])
        case .localhost: judged(attempt, attempt.domain == SocketAddress.inet6 ? [.loopback6, .loopback4] : [.loopback4, .loopback6])
        case .name(let name):
            server.ask(name) { [weak self, weak attempt] answer in
                guard let self, let attempt, self.attempts[attempt.id] === attempt else { return }
                switch answer {
                case .noSuchName, .failed: self.end(attempt, EHOSTUNREACH)
                case .addresses(let addresses):
                    let (usable, refused) = self.list.usable(addresses, port: attempt.endpoint.port)
                    if usable.isEmpty, let refused {
                        let place = Endpoint(.address(refused), port: attempt.endpoint.port)
                        self.note(
                            "connect(\(attempt.endpoint.text))", "it leads to `\(refused.text)`, \(refused.kind.words)",
                            remedy: refused.kind.isNameable ? "it leads to \(refused.kind.words): add --net \(place.text)" : nil, endpoint: attempt.endpoint)
                        self.end(attempt, EACCES)
                    } else {
                        self.judged(attempt, usable)
                    }
                }
            }
        }
    }

    /// Asks the door, and goes on as it says.
    private func judged(_ attempt: EgressAttempt, _ addresses: [NetAddress]) {
        attempt.addresses = addresses
        switch judge.decide(attempt.endpoint) {
        case .no(let reason):
            book.countRefused(attempt.endpoint)
            _ = book.deny("connect(\(attempt.endpoint.text))", remedy: nil, reason: reason)
            end(attempt, EACCES)
        case .go(let call):
            attempt.call = call
            dial(attempt)
        case .later(let call, let due):
            attempt.call = call
            attempt.delay = loop.at(due) { [weak self, weak attempt] in
                if let self, let attempt { self.dial(attempt) }
            }
        }
    }

    private func dial(_ attempt: EgressAttempt) {
        var code = EHOSTUNREACH
        while attempt.next < attempt.addresses.count {
            let address = attempt.addresses[attempt.next]
            attempt.next += 1
            let domain = address.isV4 ? attempt.domain : SocketAddress.inet6
            do {
                let socket = try InternetSocket.stream(domain: domain)
                if let old = attempt.socket { InternetSocket.carry(from: old.descriptor, to: socket, domain: domain) }
                attempt.target = SocketAddress.bytes(address, port: attempt.endpoint.port, domain: domain)
                attempt.ours = consume socket
                code = attempt.connect()
                if code == 0 { return connected(attempt) }
                if code == EINPROGRESS { return wait(attempt) }
                attempt.ours = nil
            } catch { code = error.code }
        }
        if case .name(let name) = attempt.endpoint.host { server.unpin(name) }
        end(attempt, code)
    }

    private func wait(_ attempt: EgressAttempt) {
        guard let number = attempt.ours?.number else { return end(attempt, EACCES) }
        attempt.token = loop.watch(number, .writable) { [weak self, weak attempt] _ in
            if let self, let attempt { self.ready(attempt) }
        }
        if attempt.token == nil { return end(attempt, ENOBUFS) }
        // Its caller goes on, and asks the socket itself what became of it.
        if !attempt.isBlocking { hand(attempt, EINPROGRESS) }
    }

    private func ready(_ attempt: EgressAttempt) {
        if attempt.isAnswered {
            // The error is the caller's to take.
            let state = attempt.state
            if state == .connecting { return }
            return finish(attempt, state == .connected ? 0 : ECONNREFUSED)
        }
        loop.forget(attempt.token)
        attempt.token = nil
        let error = attempt.takeError()
        // The second call says whether it stands; after it the socket is connected for good.
        let code = error != 0 ? error : attempt.connect()
        if code == 0 || code == EISCONN { return connected(attempt) }
        attempt.ours = nil
        attempt.failure = code
        if attempt.next < attempt.addresses.count { dial(attempt) } else { lost(attempt, code) }
    }

    private func lost(_ attempt: EgressAttempt, _ code: Int32) {
        if case .name(let name) = attempt.endpoint.host { server.unpin(name) }
        end(attempt, code)
    }

    private func connected(_ attempt: EgressAttempt) {
        hand(attempt, 0)
        finish(attempt, 0)
    }

    /// Puts our socket over the caller's and answers.
    private func hand(_ attempt: EgressAttempt, _ code: Int32) {
        guard attempt.ours != nil, listener != nil else { return }
        attempt.isAnswered = true
        attempt.socket = nil
        do {
            if attempt.isBlocking { try attempt.ours!.setNonBlocking(false) }
            try Notify.replace(attempt.number, with: attempt.ours!, closesOnExec: attempt.closesOnExec, attempt.id, on: listener!)
            answer(attempt.id, code)
        } catch { answer(attempt.id, error.code) }
    }

    /// Answers a call that came to nothing.
    private func end(_ attempt: EgressAttempt, _ code: Int32) {
        if !attempt.isAnswered {
            attempt.isAnswered = true
            answer(attempt.id, code)
        }
        finish(attempt, code)
    }

    private func finish(_ attempt: EgressAttempt, _ code: Int32) {
        guard attempts.removeValue(forKey: attempt.id) != nil else { return }
        loop.forget(attempt.token)
        loop.forgetTime(attempt.time)
        loop.forgetTime(attempt.delay)
        attempt.ours = nil
        attempt.socket = nil
        if let call = attempt.call {
            judge.ended(call, error: code)
            book.count(attempt.endpoint, error: code)
        }
        while attempts.count < EgressWatch.most, !queue.isEmpty { begin(queue.removeFirst()) }
    }

    // Names -------------------------------------------------------------------------------------------------------------

    private func answerQueries() {
        for _ in 0..<64 {
            guard let (bytes, from) = heard() else { return }
            guard let query = NameQuery(bytes) else { continue }
            switch query.kind {
            case .other: say(query.answer(.refused), from)
            case .a, .aaaa:
                guard let name = query.name, let address = list.standIn(for: name) else {
                    if query.kind == .a, query.name != Host.localhost.text {
                        let what = query.name ?? "a name that is none"
                        note("look-up of \(what)", "not named for this cell", remedy: query.name.map { "add --net \($0):PORT" }, endpoint: nil)
                    }
                    say(query.answer(.noSuchName), from)
                    continue
                }
                server.ask(name) { [weak self] answer in
                    switch answer {
                    case .addresses: self?.say(query.answer(.fine, address), from)
                    case .noSuchName: self?.say(query.answer(.noSuchName), from)
                    case .failed: self?.say(query.answer(.serverFailed), from)
                    }
                }
            }
        }
    }

    private func say(_ bytes: [UInt8], _ to: [UInt8]) {
        switch resolver {
        case .some(let socket): InternetSocket.send(bytes, to: to, socket)
        case nil: break
        }
    }

    private func heard() -> (bytes: [UInt8], from: [UInt8])? {
        switch resolver {
        case .some(let socket): InternetSocket.receive(socket, limit: NameQuery.longest + 1)
        case nil: nil
        }
    }

    /// The cell has ended.
    package func close() {
        for attempt in Array(attempts.values) { finish(attempt, ECANCELED) }
        book.flush { what, count in judge.refuse(what, nil, "\(count) more attempts were refused and have no record of their own", remedy: nil) }
    }
}
