// SPDX-License-Identifier: Apache-2.0
// Sockets in the file system between processes of one machine: packets with boundaries, and whom the kernel says the other
// side is. Kernel: unix(7), SO_PEERCRED.

import CLinux
import Glibc

package enum LocalSocket {
    /// Who is at the other end, as it was when it connected.
    package struct Peer: Equatable, Sendable {
        package let process: Int32
        package let user: UInt32
    }

    /// Bytes of the longest path of a socket.
    package static let longestPath = 107

    /// A listening socket that only its owner may connect to, unless `mode` says otherwise. Does not block. It gets its name when it listens: whoever finds
    /// the name and is refused knows that nobody is there any more.
    /// - Throws: `EADDRINUSE` where something has the name with a `~` behind it, `ENAMETOOLONG`.
    package static func listen(at path: String, mode: UInt32 = 0o600, backlog: Int32 = 8) throws(SystemError) -> Descriptor {
        let socket = try make(Int32(SOCK_NONBLOCK.rawValue))
        let number = socket.number
        let early = path + "~"
        try unsafe with(early) { address, length in unsafe bind(number, address, length) == 0 ? 0 : -Int(errno) }
        do {
            try checkErrno("chmod", early) { unsafe chmod(early, mode) }
            try checkErrno("listen", early) { Glibc.listen(number, backlog) }
            try checkErrno("rename", path) { unsafe rename(early, path) }
        } catch {
            _ = unsafe unlink(early)
            throw error
        }
        return socket
    }

    /// - Throws: `ECONNREFUSED` where nobody listens any more, `ENOENT`, `EACCES`, `EAGAIN` past the time.
    package static func connect(to path: String, seconds: Int) throws(SystemError) -> Descriptor {
        let socket = try make(0)
        let number = socket.number
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            try checkErrno("setsockopt") { unsafe setsockopt(number, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size)) }
        }
        try unsafe with(path) { address, length in unsafe Glibc.connect(number, address, length) == 0 ? 0 : -Int(errno) }
        return socket
    }

    /// The next connection; nil when there is none. Does not block.
    package static func accept(_ listener: borrowing Descriptor) -> Descriptor? {
        let number = listener.number
        let result = rawCall(288, Int(number), 0, 0, Int(SOCK_CLOEXEC.rawValue) | Int(SOCK_NONBLOCK.rawValue))
        return result < 0 ? nil : Descriptor(owning: Int32(result))
    }

    package static func peer(of socket: borrowing Descriptor) throws(SystemError) -> Peer {
        var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
        var length = socklen_t(12)
        let number = socket.number
        try checkErrno("getsockopt") { unsafe getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &length) }
        return Peer(process: credentials.0, user: credentials.1)
    }

    /// Two ends of a stream of bytes, close-on-exec, as bare numbers: they go to different owners.
    private static func high(_ descriptor: consuming Descriptor) throws(SystemError) -> Descriptor {
        if descriptor.number > 2 { return descriptor }
        return try descriptor.duplicate()
    }

    /// A connected pair of streams, numbered 3 or higher.
    package static func pair() throws(SystemError) -> StreamPair {
        let (one, other) = try streamPair()
        // Numbers 0-2 belong to the standard streams even while they are closed.
        return StreamPair(ours: try high(Descriptor(owning: one)), theirs: try high(Descriptor(owning: other)))
    }

    static func streamPair() throws(SystemError) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        let kind = Int(SOCK_STREAM.rawValue) | Int(SOCK_CLOEXEC.rawValue)
        try check("socketpair") { unsafe withUnsafeMutablePointer(to: &ends) { rawCall(53, Int(AF_UNIX), kind, 0, Int(bitPattern: $0)) } }
        return ends
    }

    private static func make(_ flags: Int32) throws(SystemError) -> Descriptor {
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags
        return Descriptor(owning: try checkErrno("socket") { socket(AF_UNIX, kind, 0) })
    }

    private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int) throws(SystemError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count <= longestPath else { throw SystemError("bind", path, ENAMETOOLONG) }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
        try check("bind or connect", path) {
            unsafe withUnsafePointer(to: &address) { unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) } }
        }
    }
}

/// Two connected sockets, close-on-exec.
package struct StreamPair: ~Copyable {
    package var ours: Descriptor?
    package var theirs: Descriptor?
}
