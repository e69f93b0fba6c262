// SPDX-License-Identifier: Apache-2.0
// One packet with up to four open files between two processes of one machine, sent and received without a wait where nothing is said of
// one. What a packet means is not known here. Kernel: sendmsg(2), recvmsg(2), unix(7) SCM_RIGHTS.

import Glibc

/// Open files that came with a packet: closed with this, but for those that were taken.
package final class ReceivedFiles {
    private var numbers: [Int32]

    init(_ numbers: [Int32]) { self.numbers = numbers }

    deinit { for number in numbers where number >= 0 { _ = close(number) } }

    package var count: Int { numbers.count }

    /// The file at a place; nil where there is none, or it was taken.
    package func take(_ place: Int) -> Descriptor? {
        guard numbers.indices.contains(place), numbers[place] >= 0 else { return nil }
        defer { numbers[place] = -1 }
        return Descriptor(owning: numbers[place])
    }
}

package enum Parcel {
    /// The most files in one.
    package static let most = 4

    package enum Arrival {
        case packet([UInt8], ReceivedFiles)
        /// There is none now.
        case none
        /// The other side is gone.
        case over
    }

    /// - Parameters:
    ///   - files: at most ``most``; they stay open here.
    ///   - waits: until the other side takes it, as long as the socket says.
    /// - Throws: `EAGAIN` where it is not taken, `EPIPE` where nobody is there.
    package static func send(_ bytes: [UInt8], with files: [Int32] = [], over socket: borrowing Descriptor, waits: Bool) throws(SystemError) {
        var bytes = bytes
        // cmsghdr: length (8), level (4), type (4), then the descriptors.
        var control = [UInt8](repeating: 0, count: 32)
        let (length, number, count) = (16 + 4 * files.count, socket.number, bytes.count)
        unsafe control.withUnsafeMutableBytes { control in
            unsafe control.storeBytes(of: length, as: Int.self)
            unsafe control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
            unsafe control.storeBytes(of: Int32(SCM_RIGHTS), toByteOffset: 12, as: Int32.self)
            for (place, file) in files.prefix(most).enumerated() { unsafe control.storeBytes(of: file, toByteOffset: 16 + 4 * place, as: Int32.self) }
        }
        let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
        try checkErrno("sendmsg", "descriptor \(number)") {
            unsafe bytes.withUnsafeMutableBytes { bytes in
                var vector = unsafe iovec(iov_base: bytes.baseAddress, iov_len: count)
                return unsafe withUnsafeMutablePointer(to: &vector) { vector in
                    unsafe control.withUnsafeMutableBytes { control in
                        var header = unsafe msghdr()
                        unsafe header.msg_iov = vector
                        unsafe header.msg_iovlen = 1
                        if !files.isEmpty {
                            unsafe header.msg_control = control.baseAddress
                            unsafe header.msg_controllen = 16 + (4 * files.count + 7) / 8 * 8
                        }
                        return unsafe sendmsg(number, &header, flags)
                    }
                }
            }
        }
    }

    /// The next packet of at most `limit` bytes.
    /// - Throws: what is neither a packet, nor its absence, nor the end.
    package static func receive(from socket: borrowing Descriptor, limit: Int) throws(SystemError) -> Arrival {
        let number = socket.number
        var received: [Int32] = []
        var code: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            var control: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: limit)
            count = unsafe withUnsafeMutablePointer(to: &vector) { vector in
                unsafe withUnsafeMutableBytes(of: &control) { control in
                    var header = unsafe msghdr()
                    var result = -1
                    for _ in 0..<4 where result < 0 {
                        unsafe header.msg_iov = vector
                        unsafe header.msg_iovlen = 1
                        unsafe header.msg_control = control.baseAddress
                        unsafe header.msg_controllen = control.count
                        result = unsafe recvmsg(number, &header, Int32(MSG_CMSG_CLOEXEC) | Int32(MSG_DONTWAIT))
                        code = result < 0 ? errno : 0
                        // Interrupted; or the other side ended without having read all, which is said once before what it had sent itself.
                        if code != EINTR && code != ECONNRESET { break }
                    }
                    let length = unsafe result >= 0 && header.msg_controllen >= 16 ? control.load(as: Int.self) : 0
                    if length >= 16, unsafe control.load(fromByteOffset: 12, as: Int32.self) == Int32(SCM_RIGHTS) {
                        for i in 0..<min(most, (length - 16) / 4) { received.append(unsafe control.load(fromByteOffset: 16 + 4 * i, as: Int32.self)) }
                    }
                    return max(0, result)
                }
            }
        }
        let files = ReceivedFiles(received)
        switch code {
        case 0: return bytes.isEmpty ? .over : .packet(bytes, files)
        case EAGAIN: return .none
        case ECONNRESET, EPIPE: return .over
        default: throw SystemError("recvmsg", "descriptor \(number)", code)
        }
    }
}
