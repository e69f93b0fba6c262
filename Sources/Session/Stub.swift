// SPDX-License-Identifier: Apache-2.0
// The process that stands where a client expects its server: it hands its standard streams to the supervisor of the session, passes signals
// on, and ends with the server's exit code. No byte of the protocol goes through it. When it dies its cell does, and when the supervisor
// dies it ends with 125. Little is done here: clients start one for every call.

import Glibc
package import Linux

package enum Stub {
    /// How it went where there is no exit code.
    package enum Failure: Error {
        /// Nobody is there, or leaves just now.
        case absent
        /// It was taken, and whoever had it is gone.
        case lost
        case system(SystemError)
    }

    private static let patience = 10

    /// Hands over and waits for the end.
    /// - Parameters:
    ///   - path: the socket.
    ///   - say: what people should read.
    /// - Returns: the exit code.
    package static func serve(_ words: [UInt8], at path: String, signals: borrowing SignalDescriptor, say: (String) -> Void) throws(Failure) -> Int32 {
        let socket = try connected(path)
        do throws(SystemError) {
            let directory = try Files.open(".", 0o10_200_000 /* O_PATH | O_DIRECTORY */)
            try Parcel.send(StubWord.order.packet(Int32(clamping: words.count)), with: [0, 1, 2, directory.number], over: socket, waits: true)
            var start = 0
            while start < words.count {
                let end = min(words.count, start + StubLine.chunk)
                try Parcel.send([StubWord.words.rawValue] + words[start..<end], over: socket, waits: true)
                start = end
            }
        } catch {
            if [EPIPE, ECONNRESET].contains(error.code) { throw .absent }
            throw .system(error)
        }
        var taken = false
        while true {
            var watched = [
                pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0), pollfd(fd: signals.descriptor.number, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&watched, 2, -1)
            while let signal = signals.next() { try? Parcel.send(StubWord.signal.packet(signal), over: socket, waits: false) }
            receiving: while true {
                let arrival: Parcel.Arrival
                do throws(SystemError) { arrival = try Parcel.receive(from: socket, limit: StubLine.chunk + 8) } catch { throw .system(error) }
                switch arrival {
                case .none: break receiving
                case .over: throw taken ? .lost : .absent
                case .packet(let bytes, _):
                    switch bytes.first.flatMap(StubWord.init) {
                    case .taken?: taken = true
                    case .message?: say(String(decoding: bytes.dropFirst(), as: UTF8.self))
                    case .over?: return StubWord.number(bytes) ?? 125
                    default: throw .lost
                    }
                }
            }
        }
    }

    /// Asks a session to end, and waits until it has. - Returns: false where there is none.
    package static func end(at path: String) throws(Failure) -> Bool {
        let socket: Descriptor
        do throws(Failure) { socket = try connected(path) } catch {
            if case .absent = error { return false }
            throw error
        }
        do throws(SystemError) {
            try Parcel.send(StubWord.end.packet(), over: socket, waits: true)
            var watched = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&watched, 1, 10_000) > 0 else { throw SystemError("poll", path, ETIMEDOUT) }
        } catch {
            if [EPIPE, ECONNRESET].contains(error.code) { return false }
            throw .system(error)
        }
        return true
    }

    private static func connected(_ path: String) throws(Failure) -> Descriptor {
        do throws(SystemError) { return try LocalSocket.connect(to: path, seconds: patience) } catch {
            if [ECONNREFUSED, ENOENT].contains(error.code) { throw .absent }
            throw .system(error)
        }
    }

    /// Makes sure that there is a session: one that nobody answers for is started anew.
    /// - Parameter start: the program that is to have the listening socket as its descriptor 3.
    package static func ensure(_ place: SessionPlace, start: [String]) throws(SystemError) {
        let hold = try place.hold(milliseconds: 10_000)
        if (try? connected(place.socket)) == nil {
            let listener = try place.listen()
            try Detached.start(start, giving: listener.number)
        }
        _ = consume hold
    }
}
