// SPDX-License-Identifier: Apache-2.0
// Pipes and the sequenced-packet socket pair over which a cell's PID 1 and its supervisor speak.
// Kernel: pipe2(2), fcntl(2) F_SETPIPE_SZ, unix(7), cmsg(3).

import Glibc

/// Both ends of one pipe, close-on-exec.
package struct Pipe: ~Copyable {
    package var read: Descriptor
    package var write: Descriptor

    package init() throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        try check("pipe2") { unsafe withUnsafeMutablePointer(to: &ends) { rawCall(293, Int(bitPattern: $0), Int(O_CLOEXEC)) } }
        let first = try Pipe.clear(ends.0)
        let second = try Pipe.clear(ends.1)
        read = first
        write = second
    }

    /// One end; the other is closed.
    package consuming func keepRead() -> Descriptor { read }
    package consuming func keepWrite() -> Descriptor { write }

    /// Numbers 0-2 belong to the standard streams even while they are closed.
    private static func clear(_ number: Int32) throws(SystemError) -> Descriptor {
        let descriptor = Descriptor(owning: number)
        return number > 2 ? descriptor : try descriptor.duplicate()
    }
}

/// A pair of connected sockets that keep packet boundaries and carry descriptors.
package struct PacketPair: ~Copyable {
    package var ours: Descriptor
    package var theirs: Descriptor

    package init() throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        let kind = Int(SOCK_SEQPACKET.rawValue) | Int(SOCK_CLOEXEC.rawValue)
        try check("socketpair") { unsafe withUnsafeMutablePointer(to: &ends) { rawCall(53, Int(AF_UNIX), kind, 0, Int(bitPattern: $0)) } }
        ours = Descriptor(owning: ends.0)
        theirs = Descriptor(owning: ends.1)
    }

    /// Our end; theirs is closed. Said by a consuming function and not left to the end of a scope: the optimiser of Swift 6.3
    /// lost that close, and with their end open here nobody ever heard that process 1 was gone.
    package consuming func keepOurs() -> Descriptor { ours }
}

extension PacketPair {
    /// Sends one packet with a descriptor, without a wait. Kernel: sendmsg(2) with SCM_RIGHTS.
    /// - Throws: `EAGAIN` when the other side has not taken earlier ones, `EPIPE` when it is gone.
    package static func send(_ bytes: [UInt8], with descriptor: Int32, over socket: Int32) throws(SystemError) {
        var bytes = bytes
        // cmsghdr: length (8), level (4), type (4), then the descriptor.
        var control: (UInt64, Int32, Int32, Int32, Int32) = (20, SOL_SOCKET, Int32(SCM_RIGHTS), descriptor, 0)
        let count = bytes.count
        try checkErrno("sendmsg", "descriptor \(socket)") {
            unsafe bytes.withUnsafeMutableBytes { bytes in
                var vector = unsafe iovec(iov_base: bytes.baseAddress, iov_len: count)
                return unsafe withUnsafeMutablePointer(to: &vector) { vector in
                    unsafe withUnsafeMutableBytes(of: &control) { control in
                        var header = unsafe msghdr()
                        unsafe header.msg_iov = vector
                        unsafe header.msg_iovlen = 1
                        unsafe header.msg_control = control.baseAddress
                        unsafe header.msg_controllen = control.count
                        return unsafe sendmsg(socket, &header, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
                    }
                }
            }
        }
    }
}

/// One packet with the descriptors that came with it (at most two).
package struct Packet: ~Copyable {
    package var bytes: [UInt8]
    package var first: Descriptor?
    package var second: Descriptor?

    /// Receives one packet of at most `limit` bytes; `bytes` is empty when the peer has hung up. Kernel: recvmsg(2).
    package init(from socket: borrowing Descriptor, limit: Int) throws(SystemError) {
        let number = socket.number
        var received: [Int32] = []
        var failure: SystemError?
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            var control: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)  // CMSG_SPACE(2 * sizeof(int)) is 24
            var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: limit)
            do throws(SystemError) {
                count = try checkErrno("recvmsg", "descriptor \(number)") {
                    unsafe withUnsafeMutablePointer(to: &vector) { vector in
                        unsafe withUnsafeMutableBytes(of: &control) { control in
                            var header = unsafe msghdr()
                            unsafe header.msg_iov = vector
                            unsafe header.msg_iovlen = 1
                            unsafe header.msg_control = control.baseAddress
                            unsafe header.msg_controllen = control.count
                            var result = unsafe recvmsg(number, &header, Int32(MSG_CMSG_CLOEXEC))
                            if result < 0, errno == ECONNRESET {
                                // The peer ended without having read all that we sent. That is said once, before what it had sent itself.
                                unsafe header.msg_controllen = control.count
                                result = unsafe recvmsg(number, &header, Int32(MSG_CMSG_CLOEXEC))
                            }
                            // cmsghdr: length (8), level (4), type (4), then the descriptors.
                            let length = unsafe result > 0 && header.msg_controllen >= 16 ? control.load(as: Int.self) : 0
                            if length >= 16, unsafe control.load(fromByteOffset: 12, as: Int32.self) == Int32(SCM_RIGHTS) {
                                for i in 0..<min(2, (length - 16) / 4) {
                                    received.append(unsafe control.load(fromByteOffset: 16 + 4 * i, as: Int32.self))
                                }
                            }
                            return result
                        }
                    }
                }
            } catch {
                failure = error
            }
        }
        first = received.isEmpty ? nil : Descriptor(owning: received[0])
        second = received.count < 2 ? nil : Descriptor(owning: received[1])
        if let failure { throw failure }
    }
}
