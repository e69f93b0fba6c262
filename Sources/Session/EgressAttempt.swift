// SPDX-License-Identifier: Apache-2.0
// One connection that is being made for a cell: the caller's socket, ours, and how far it is.

import Egress
import Events
import Glibc
import Linux

/// A socket of the caller's, duplicated here, and what it is.
final class EgressSocket {
    let descriptor: Descriptor
    let nature: InternetSocket.Nature

    init(_ socket: consuming Descriptor, _ nature: InternetSocket.Nature) {
        descriptor = socket
        self.nature = nature
    }
}

final class EgressAttempt {
    /// Of the trapped call.
    let id: UInt64
    /// The descriptor as the caller names it.
    let number: Int32
    let domain: UInt16
    let isBlocking: Bool
    let closesOnExec: Bool
    let endpoint: Endpoint
    let began = Clock.monotonic
    /// Nanoseconds.
    let patience: UInt64
    var socket: EgressSocket?
    var ours: Descriptor?
    var target: [UInt8] = []
    var addresses: [NetAddress] = []
    var next = 0
    var call: CallID?
    var token: UInt64?
    var time: UInt64?
    var delay: UInt64?
    var failure: Int32 = 0
    var isAnswered = false

    init(_ id: UInt64, _ number: Int32, _ socket: EgressSocket, closesOnExec: Bool, _ endpoint: Endpoint) {
        self.id = id
        self.number = number
        self.socket = socket
        self.closesOnExec = closesOnExec
        self.endpoint = endpoint
        domain = socket.nature.domain
        isBlocking = fcntl(socket.descriptor.number, F_GETFL) & O_NONBLOCK == 0
        patience = InternetSocket.sendTimeout(socket.descriptor).map { min($0, EgressWatch.patience) } ?? EgressWatch.patience
    }
    // Of our socket --------------------------------------------------------------------------------------------------

    func connect() -> Int32 {
        switch ours {
        case .some(let socket): InternetSocket.connect(socket, target)
        case nil: EIO
        }
    }

    func takeError() -> Int32 {
        switch ours {
        case .some(let socket): InternetSocket.takeError(socket)
        case nil: EIO
        }
    }

    var state: InternetSocket.State {
        switch ours {
        case .some(let socket): InternetSocket.state(socket)
        case nil: .closed
        }
    }
}
