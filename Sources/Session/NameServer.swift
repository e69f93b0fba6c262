// SPDX-License-Identifier: Apache-2.0
// The host's name service as far as a cell needs it: names of its list, asked of the host's own servers over UDP, without a wait. What a name
// leads to is asked once and pinned: the address that is used is the address that was judged. It is asked anew only after none of them could
// be connected, and judged anew then. Source: resolv.conf(5); the messages are Egress/NameLookup.swift's.

import Egress
import Linux

final class NameServer {
    enum Answer: Equatable {
        case addresses([NetAddress])
        case noSuchName
        /// No server said anything of use.
        case failed
    }

    /// Nanoseconds that one question to one server has, and how often all of them are asked.
    static let patience: UInt64 = 2_000_000_000
    static let rounds = 2

    private enum State {
        case asking(Question)
        case known(Answer)
    }

    private let loop: EgressLoop
    private var names: [String: State] = [:]
    /// Of the host's files, read at the first question.
    private var files: (servers: [NetAddress], hosts: String)?

    init(_ loop: EgressLoop) { self.loop = loop }

    /// Answers at once where the name is pinned, else when it is.
    func ask(_ name: String, _ then: @escaping (Answer) -> Void) {
        switch names[name] {
        case .known(let answer): then(answer)
        case .asking(let question): question.waiting.append(then)
        case nil:
            if files == nil {
                files = (
                    NameFiles.servers((try? Files.text("/etc/resolv.conf", limit: 65_536)) ?? ""), (try? Files.text("/etc/hosts", limit: 1 << 20)) ?? ""
                )
            }
            let written = NameFiles.addresses(of: name, in: files?.hosts ?? "")
            if !written.isEmpty {
                names[name] = .known(.addresses(written))
                return then(.addresses(written))
            }
            let question = Question(name, files?.servers ?? [])
            question.waiting.append(then)
            names[name] = .asking(question)
            send(question)
        }
    }

    /// The pinned addresses are of no use any more.
    func unpin(_ name: String) { if case .known = names[name] { names[name] = nil } }

    final class Question {
        let name: String
        let servers: [NetAddress]
        var waiting: [(Answer) -> Void] = []
        var turn = 0
        var socket: Descriptor?
        var token: UInt64?
        var time: UInt64?
        var ids: [NameLookup.Record: UInt16] = [:]
        var found: [NameLookup.Record: [NetAddress]] = [:]
        var missing = 0

        init(_ name: String, _ servers: [NetAddress]) {
            self.name = name
            self.servers = servers
        }

        func heard() -> [UInt8]? {
            switch socket {
            case .some(let socket): InternetSocket.receive(socket, limit: 4096)?.bytes
            case nil: nil
            }
        }
    }

    /// To the next server, from a new port with new numbers.
    private func send(_ question: Question) {
        close(question)
        guard question.turn < question.servers.count * NameServer.rounds else { return end(question, .failed) }
        let server = question.servers[question.turn % question.servers.count]
        question.turn += 1
        let domain = server.isV4 ? SocketAddress.inet : SocketAddress.inet6
        guard let socket = try? InternetSocket.datagram(domain: domain), let random = try? Host.random64(),
            InternetSocket.connect(socket, SocketAddress.bytes(server, port: 53, domain: domain)) == 0
        else { return retry(question) }
        question.ids = [.a: UInt16(truncatingIfNeeded: random), .aaaa: UInt16(truncatingIfNeeded: random >> 16)]
        if question.ids[.a] == question.ids[.aaaa] { question.ids[.aaaa]? ^= 1 }
        (question.found, question.missing) = ([:], 0)
        question.token = loop.watch(socket.number, .readable) { [weak self, weak question] _ in
            if let self, let question { self.hear(question) }
        }
        for (record, id) in question.ids { InternetSocket.send(NameLookup.question(question.name, record, id: id), socket) }
        question.socket = consume socket
        question.time = loop.at(Clock.monotonic + NameServer.patience) { [weak self, weak question] in
            if let self, let question { self.send(question) }
        }
    }

    /// Through the loop, so that no depth of calls grows with the servers.
    private func retry(_ question: Question) {
        question.time = loop.at(Clock.monotonic) { [weak self, weak question] in
            if let self, let question { self.send(question) }
        }
    }

    private func hear(_ question: Question) {
        for _ in 0..<16 {
            guard let bytes = question.heard() else { break }
            for (record, id) in question.ids where question.found[record] == nil {
                switch NameLookup.read(bytes, question.name, record, id: id) {
                case .unrelated: continue
                case .addresses(let addresses): question.found[record] = addresses
                case .noSuchName:
                    question.found[record] = []
                    question.missing += 1
                case .truncated, .failed: return retryAtOnce(question)
                }
            }
        }
        guard question.found.count == 2 else { return }
        // IPv4 first: what the cell sees of a name is an IPv4 address.
        let addresses = (question.found[.a] ?? []) + (question.found[.aaaa] ?? [])
        end(question, addresses.isEmpty ? .noSuchName : .addresses(addresses))
    }

    private func retryAtOnce(_ question: Question) {
        close(question)
        retry(question)
    }

    private func end(_ question: Question, _ answer: Answer) {
        close(question)
        // What failed is asked again when it is wanted again.
        names[question.name] = answer == .failed ? nil : .known(answer)
        let waiting = question.waiting
        question.waiting = []
        for then in waiting { then(answer) }
    }

    private func close(_ question: Question) {
        loop.forget(question.token)
        loop.forgetTime(question.time)
        (question.token, question.time) = (nil, nil)
        question.socket = nil
    }
}
