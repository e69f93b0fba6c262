// SPDX-License-Identifier: Apache-2.0
// Moving bytes between descriptors: inside the kernel where one side is a pipe. Kernel: splice(2), fcntl(2) F_SETPIPE_SZ.

import Glibc

package enum Transfer {
    /// What one attempt came to.
    package enum Result: Equatable, Sendable {
        case moved(Int)
        /// The source is at its end.
        case ended
        /// Source or sink would block.
        case wouldBlock
        /// The reader of the sink is gone.
        case sinkClosed
        /// This pair cannot be spliced (a terminal, a file opened for appending).
        case unsupported
        case failed(Int32)
    }

    /// Moves at most `count` bytes without copying them; never waits for a pipe.
    package static func splice(from source: Int32, to sink: Int32, atMost count: Int) -> Result {
        let moveNonBlocking = 3
        let result = rawCall(275, Int(source), 0, Int(sink), 0, count, moveNonBlocking)
        // Whatever the reason is, reading and writing finds it as well, and knows which of the two it was.
        if case .failed = classify(result) { return .unsupported }
        return result == -Int(EIO) ? .unsupported : classify(result)
    }

    /// Reads to the beginning of a buffer that is as large as it is to stay.
    /// - Parameter receives: the source is a socket: asked by recv(2), which does not wait whatever the socket's flags say.
    package static func read(_ source: Int32, into buffer: inout [UInt8], atMost count: Int, receives: Bool = false) -> Result {
        let size = min(count, buffer.count)
        return classify(
            unsafe buffer.withUnsafeMutableBytes { bytes in
                let address = Int(bitPattern: bytes.baseAddress)
                return receives ? rawCall(45, Int(source), address, size, 0x40 /* MSG_DONTWAIT */, 0, 0) : rawCall(0, Int(source), address, size)
            })
    }

    /// Writes as much of the bytes as the sink takes at once.
    /// - Parameter sends: the sink is a socket: written by send(2), which does not wait whatever the socket's flags say.
    package static func write(_ bytes: ArraySlice<UInt8>, to sink: Int32, sends: Bool = false) -> Result {
        if bytes.isEmpty { return .moved(0) }
        let result = unsafe bytes.withUnsafeBytes { bytes in
            let address = Int(bitPattern: bytes.baseAddress)
            return sends
                ? rawCall(44, Int(sink), address, bytes.count, 0x40 | 0x4000 /* MSG_DONTWAIT | MSG_NOSIGNAL */, 0, 0)
                : rawCall(1, Int(sink), address, bytes.count)
        }
        // What a write cannot do is no end of anything: bytes would be lost in silence. Only of a terminal does EIO say that nobody is there.
        switch classify(result) {
        case .ended where result < 0 && (try? FileStatus(of: sink).kind) != .characterDevice: return .failed(EIO)
        case .unsupported: return .failed(Int32(-result))
        case let other: return other
        }
    }

    /// Reads from a pipe, or writes to one, what passes at once, whatever the flags of its description are.
    /// - Returns: `unsupported` before Linux 6.4, and for what is no pipe. Kernel: preadv2(2), pwritev2(2) with RWF_NOWAIT.
    package static func readAtOnce(_ source: Int32, into buffer: inout [UInt8]) -> Result {
        classifyAtOnce(
            unsafe buffer.withUnsafeMutableBytes { bytes in
                var piece = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return unsafe withUnsafeMutablePointer(to: &piece) { rawCall(327, Int(source), Int(bitPattern: $0), 1, -1, -1, 8) }
            })
    }

    package static func writeAtOnce(_ bytes: ArraySlice<UInt8>, to sink: Int32) -> Result {
        if bytes.isEmpty { return .moved(0) }
        return classifyAtOnce(
            unsafe bytes.withUnsafeBytes { bytes in
                var piece = unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return unsafe withUnsafeMutablePointer(to: &piece) { rawCall(328, Int(sink), Int(bitPattern: $0), 1, -1, -1, 8) }
            })
    }

    private static func classifyAtOnce(_ result: Int) -> Result {
        [-Int(EOPNOTSUPP), -Int(ESPIPE)].contains(result) ? .unsupported : classify(result)
    }

    private static func classify(_ result: Int) -> Result {
        switch result {
        case 1...: .moved(result)
        case 0: .ended
        case -Int(EAGAIN), -Int(EINTR): .wouldBlock
        case -Int(EPIPE), -Int(ECONNRESET): .sinkClosed
        case -Int(EINVAL), -Int(ENOSYS): .unsupported
        case -Int(EIO): .ended  // the other side of a terminal is gone
        default: .failed(Int32(-result))
        }
    }

    /// Gives a pipe `bytes` of room; a refusal (an ordinary user's total is bounded) leaves it as it is.
    package static func widen(_ pipe: Int32, to bytes: Int32) { _ = fcntl(pipe, 1031 /* F_SETPIPE_SZ */, bytes) }

    /// Whether the descriptor can be polled: regular files and /dev/null are always ready and epoll refuses them.
    package static func isPipe(_ number: Int32) -> Bool { (try? FileStatus(of: number).kind) == .fifo }
}

extension Transfer {
    /// Whether a read would not wait. Kernel: poll(2).
    package static func isReadable(_ number: Int32) -> Bool {
        var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, 0) > 0
    }

    /// Whether a write of a page or less would not wait, or does not within the time. Kernel: poll(2), pipe(7).
    package static func isWritable(_ number: Int32, milliseconds: Int32 = 0) -> Bool {
        var watched = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&watched, 1, milliseconds) > 0
    }
}
