// SPDX-License-Identifier: Apache-2.0
// Sockets of the internet families, ours and those that another process holds: made, connected without waiting, looked at, and given options of
// one another. Addresses are bytes as the kernel takes them; what they mean is not known here. Kernel: socket(7), ip(7), tcp(7), udp(7).

import CLinux
import Glibc

package enum InternetSocket {
    /// What a socket is, as it says itself.
    package struct Nature: Equatable, Sendable {
        /// AF_*, SOCK_*, IPPROTO_*.
        package let domain: UInt16
        package let type: Int32
        package let protocolNumber: Int32
        /// Tells one network namespace from another. Kernel: SO_NETNS_COOKIE, since 5.14; 0 where it is not known.
        package let network: UInt64
    }

    /// A stream that does not block, close-on-exec.
    package static func stream(domain: UInt16) throws(SystemError) -> Descriptor { try make(domain, SOCK_STREAM.rawValue, 6) }

    package static func datagram(domain: UInt16) throws(SystemError) -> Descriptor { try make(domain, SOCK_DGRAM.rawValue, 17) }

    private static func make(_ domain: UInt16, _ type: UInt32, _ number: Int32) throws(SystemError) -> Descriptor {
        let kind = Int32(type) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try checkErrno("socket") { socket(Int32(domain), kind, number) })
    }

    /// - Throws: `ENOTSOCK` among others.
    package static func nature(of socket: borrowing Descriptor) throws(SystemError) -> Nature {
        let number = socket.number
        let domain = try option(number, SOL_SOCKET, SO_DOMAIN)
        let type = try option(number, SOL_SOCKET, SO_TYPE)
        let proto = (try? option(number, SOL_SOCKET, SO_PROTOCOL)) ?? 0
        return Nature(domain: UInt16(truncatingIfNeeded: domain), type: type, protocolNumber: proto, network: network(of: number))
    }

    private static func network(of number: Int32) -> UInt64 {
        var cookie: UInt64 = 0
        var length = socklen_t(8)
        return unsafe getsockopt(number, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &length) == 0 ? cookie : 0
    }

    /// Of this process; 0 where the kernel does not tell.
    package static func ownNetwork() -> UInt64 {
        guard let socket = try? datagram(domain: UInt16(AF_INET)) else { return 0 }
        return network(of: socket.number)
    }

    private static func option(_ number: Int32, _ level: Int32, _ name: Int32) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(4)
        try checkErrno("getsockopt") { unsafe getsockopt(number, level, name, &value, &length) }
        return value
    }

    /// - Returns: 0, or the errno: `EINPROGRESS` where it does not wait and goes on.
    package static func connect(_ socket: borrowing Descriptor, _ address: [UInt8]) -> Int32 { connect(number: socket.number, address) }

    /// The same for a bare number, whose owner keeps it open meanwhile.
    package static func connect(number: Int32, _ address: [UInt8]) -> Int32 {
        let result = unsafe address.withUnsafeBytes { rawCall(42, Int(number), Int(bitPattern: $0.baseAddress), $0.count) }
        return Int32(truncatingIfNeeded: -min(result, 0))
    }

    package static func bind(_ socket: borrowing Descriptor, _ address: [UInt8]) -> Int32 {
        let number = socket.number
        let result = unsafe address.withUnsafeBytes { rawCall(49, Int(number), Int(bitPattern: $0.baseAddress), $0.count) }
        return Int32(truncatingIfNeeded: -min(result, 0))
    }

    package static func shutdown(_ socket: borrowing Descriptor, _ how: Int32) -> Int32 {
        Int32(truncatingIfNeeded: -min(rawCall(48, Int(socket.number), Int(how)), 0))
    }

    /// How long a call that sends, or connects, may wait; nanoseconds, nil for no bound. Kernel: SO_SNDTIMEO.
    package static func sendTimeout(_ socket: borrowing Descriptor) -> UInt64? {
        var value = timeval()
        var length = socklen_t(MemoryLayout<timeval>.size)
        guard unsafe getsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &value, &length) == 0, value.tv_sec > 0 || value.tv_usec > 0 else { return nil }
        return UInt64(min(value.tv_sec, 1 << 30)) * 1_000_000_000 + UInt64(max(0, value.tv_usec)) * 1000
    }

    /// Takes the error that a connection ended with; 0 for none. Kernel: SO_ERROR, which forgets it.
    package static func takeError(_ socket: borrowing Descriptor) -> Int32 { (try? option(socket.number, SOL_SOCKET, SO_ERROR)) ?? EIO }

    /// Kernel: TCP_INFO, whose first byte is the state.
    package enum State: Equatable, Sendable { case connecting, connected, closed }

    package static func state(_ socket: borrowing Descriptor) -> State {
        var info = [UInt8](repeating: 0, count: 104)
        var length = socklen_t(104)
        let number = socket.number
        guard unsafe getsockopt(number, Int32(IPPROTO_TCP), 11 /* TCP_INFO */, &info, &length) == 0 else { return .closed }
        return switch info[0] {
        case 2, 3: .connecting  // SYN_SENT, SYN_RECV
        case 7, 10: .closed  // CLOSE, LISTEN
        default: .connected
        }
    }

    // Options ---------------------------------------------------------------------------------------------------------

    /// Level and name of what is a number and may be set on a stream before it is connected. Not what binds it to a place.
    private static let numbers: [(Int32, Int32)] = [
        (1, 9), (1, 10), (1, 12), (1, 18),  // SO_KEEPALIVE, OOBINLINE, PRIORITY, RCVLOWAT
        (6, 1), (6, 2), (6, 4), (6, 5), (6, 6), (6, 7), (6, 18), (6, 25),  // TCP_NODELAY, MAXSEG, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, USER_TIMEOUT, NOTSENT_LOWAT
    ]
    private static let families: [UInt16: [(Int32, Int32)]] = [2: [(0, 1), (0, 2)], 10: [(41, 67), (41, 16)]]  // IP_TOS, IP_TTL; IPV6_TCLASS, UNICAST_HOPS

    /// Sets on `new` what was set on `old`, as far as both know it: what cannot be carried over is left as it is.
    package static func carry(from old: borrowing Descriptor, to new: borrowing Descriptor, domain: UInt16) {
        let (from, to) = (old.number, new.number)
        for (level, name) in numbers + (families[domain] ?? []) {
            guard let value = try? option(from, level, name), let now = try? option(to, level, name), value != now else { continue }
            set(to, level, name, value)
        }
        // The kernel tells twice what was asked for.
        for name in [SO_SNDBUF, SO_RCVBUF] {
            guard let value = try? option(from, SOL_SOCKET, name), let now = try? option(to, SOL_SOCKET, name), value != now else { continue }
            set(to, SOL_SOCKET, name, value / 2)
        }
        for (level, name, size) in [
            (SOL_SOCKET, SO_RCVTIMEO, 16), (SOL_SOCKET, SO_SNDTIMEO, 16), (SOL_SOCKET, SO_LINGER, 8), (6, 13 /* TCP_CONGESTION */, 16),
        ] {
            carry(from, to, level, name, size)
        }
    }

    private static func carry(_ from: Int32, _ to: Int32, _ level: Int32, _ name: Int32, _ size: Int) {
        var (value, now) = ([UInt8](repeating: 0, count: size), [UInt8](repeating: 0, count: size))
        var (length, other) = (socklen_t(size), socklen_t(size))
        guard unsafe getsockopt(from, level, name, &value, &length) == 0, unsafe getsockopt(to, level, name, &now, &other) == 0, value != now else { return }
        _ = unsafe setsockopt(to, level, name, &value, length)
    }

    private static func set(_ number: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(number, level, name, &value, 4)
    }

    // Datagrams -------------------------------------------------------------------------------------------------------

    /// The next datagram and who sent it; nil when there is none. Does not wait. - Parameter limit: longer ones are cut off.
    package static func receive(_ socket: borrowing Descriptor, limit: Int) -> (bytes: [UInt8], from: [UInt8])? {
        let number = socket.number
        var from = [UInt8](repeating: 0, count: 28)
        var length = socklen_t(28)
        var count = -1
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, used in
            count = unsafe from.withUnsafeMutableBytes { from in
                let address = unsafe from.baseAddress?.assumingMemoryBound(to: sockaddr.self)
                return unsafe recvfrom(number, buffer.baseAddress, limit, Int32(MSG_DONTWAIT), address, &length)
            }
            used = max(0, count)
        }
        return count < 0 ? nil : (bytes, Array(from.prefix(Int(length))))
    }

    /// What cannot be sent at once is lost, as datagrams are.
    package static func send(_ bytes: [UInt8], to address: [UInt8] = [], _ socket: borrowing Descriptor) {
        let number = socket.number
        _ = unsafe bytes.withUnsafeBytes { bytes in
            unsafe address.withUnsafeBytes { address in
                let place = unsafe address.isEmpty ? 0 : Int(bitPattern: address.baseAddress)
                let flags = Int(MSG_DONTWAIT) | Int(MSG_NOSIGNAL)
                return rawCall(44, Int(number), Int(bitPattern: bytes.baseAddress), bytes.count, flags, place, address.count)
            }
        }
    }
}
