// SPDX-License-Identifier: Apache-2.0
// Connects the cell's own sockets where the cell itself is: its loopback, its abstract names. Such a call can wait as long as the cell likes (its
// server may not accept), and whether the socket waits is the cell's to say at any moment: so each has a thread, and the loop never waits for one.

import Glibc
import Linux
import Synchronization

final class OwnConnects {
    /// More at once wait for their turn: they are the cell's own.
    static let most = 32

    private let results: Results
    private var queue: [Job] = []
    private var running = 0
    private let done: (UInt64, Int32) -> Void

    private struct Job {
        let id: UInt64
        /// Ours until the call has ended.
        let number: Int32
        let address: [UInt8]
    }

    private final class Results: Sendable {
        let list = Mutex<[(id: UInt64, code: Int32)]>([])
        let event: EventDescriptor
        init() throws(SystemError) { event = try EventDescriptor() }
    }

    /// - Parameter done: called from the loop with the id and the errno.
    init(_ loop: EgressLoop, _ done: @escaping (UInt64, Int32) -> Void) throws(SystemError) {
        results = try Results()
        self.done = done
        _ = loop.watch(results.event.number, .readable) { [weak self] _ in self?.collect() }
    }

    func connect(_ socket: consuming Descriptor, _ address: [UInt8], id: UInt64) {
        queue.append(Job(id: id, number: socket.release(), address: address))
        begin()
    }

    private func begin() {
        while running < OwnConnects.most, !queue.isEmpty {
            let job = queue.removeFirst()
            let results = results
            let body: @Sendable () -> Void = {
                let code = InternetSocket.connect(number: job.number, job.address)
                _ = close(job.number)
                results.list.withLock { $0.append((job.id, code)) }
                results.event.signal()
            }
            do {
                _ = try Thread(body)
                running += 1
            } catch {
                _ = close(job.number)
                done(job.id, EAGAIN)
            }
        }
    }

    private func collect() {
        results.event.clear()
        let ended = results.list.withLock { list in
            defer { list = [] }
            return list
        }
        running -= ended.count
        for (id, code) in ended { done(id, code) }
        begin()
    }

    deinit { for job in queue { _ = close(job.number) } }
}
