// SPDX-License-Identifier: Apache-2.0
// The line between a stub and the supervisor of its session, which keeps packets apart. The stub says what is to be run, in whose standard
// streams, and passes signals on; the supervisor says that it has taken it, what people should read, and in the end the exit code. Who the
// stub is the kernel says, and the socket that it came by. Nothing here waits.
//
//   stub        o COUNT, with stdin, stdout, stderr and the working directory     an order, whose words follow in COUNT bytes
//               w BYTES                                                           its words
//               e                                                                 the session is to end
//               s NUMBER                                                          a signal
//   supervisor  a                                                                 taken
//               m TEXT                                                            for people
//               x CODE                                                            over

import Glibc
package import Linux

package enum StubWord: UInt8 {
    case order = 0x6f, words = 0x77, end = 0x65, signal = 0x73, taken = 0x61, message = 0x6d, over = 0x78

    package func packet(_ number: Int32 = 0) -> [UInt8] { [rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }

    /// The number of a packet.
    package static func number(_ packet: [UInt8]) -> Int32? {
        guard packet.count == 5 else { return nil }
        return (0..<4).reduce(Int32(0)) { $0 | Int32(packet[1 + $1]) << ($1 * 8) }
    }
}

/// The supervisor's end of one.
package final class StubLine {
    package enum Said {
        case order(words: [UInt8], files: ReceivedFiles)
        case end
        case signal(Int32)
        case gone
        /// Nothing whole yet.
        case nothing
    }

    /// Bytes of an order's words, from a process outside and from inside a cell.
    package static let mostOutside = 8 << 20
    package static let mostInside = 64 << 10
    static let chunk = 32 << 10

    private let socket: Descriptor
    package let peer: LocalSocket.Peer
    private let most: Int
    private var files: ReceivedFiles?
    private var words: [UInt8] = []
    private var expected: Int?
    private var hasOrdered = false

    /// - Parameter isInside: whether it may come from inside a cell.
    package init(_ socket: consuming Descriptor, isInside: Bool) throws(SystemError) {
        peer = try LocalSocket.peer(of: socket)
        most = isInside ? Self.mostInside : Self.mostOutside
        self.socket = socket
    }

    package var number: Int32 { socket.number }

    /// The next thing that it says. Whatever is against the rules above is as good as gone.
    package func next() -> Said {
        while true {
            guard let arrival = try? Parcel.receive(from: socket, limit: Self.chunk + 8) else { return .gone }
            guard case .packet(let bytes, let files) = arrival else {
                if case .none = arrival { return .nothing }
                return .gone
            }
            switch bytes.first.flatMap(StubWord.init) {
            case .order?:
                guard !hasOrdered, expected == nil, let count = StubWord.number(bytes), 1...most ~= Int(count) else { return .gone }
                expected = Int(count)
                self.files = files
            case .words?:
                guard let expected, !hasOrdered, words.count + bytes.count - 1 <= expected else { return .gone }
                words += bytes.dropFirst()
                guard words.count == expected, let files = self.files else { continue }
                hasOrdered = true
                defer { (words, self.files) = ([], nil) }
                return .order(words: words, files: files)
            case .end?: return .end
            case .signal?:
                guard hasOrdered, let signal = StubWord.number(bytes), 1...64 ~= signal else { return .gone }
                return .signal(signal)
            default: return .gone
            }
        }
    }

    package func take() { send(StubWord.taken.packet()) }

    /// A sentence for people. One who does not read loses it.
    package func say(_ text: String) {
        if !text.isEmpty { send([StubWord.message.rawValue] + Array(text.utf8.prefix(Self.chunk))) }
    }

    package func finish(_ code: Int32) { send(StubWord.over.packet(code)) }

    private func send(_ bytes: [UInt8]) { try? Parcel.send(bytes, over: socket, waits: false) }
}
