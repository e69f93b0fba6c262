// SPDX-License-Identifier: Apache-2.0
// The supervisor's end of a seccomp listener: receive, look whether still valid, answer.
// Kernel: seccomp_unotify(2), since 5.0; the structures by size of SECCOMP_GET_NOTIF_SIZES.

import CLinux
import Glibc

/// One trapped system call.
package struct Trap: Sendable, Equatable {
    package let id: UInt64
    /// The thread, as the supervisor's pid namespace numbers it; 0 if it cannot be seen from here.
    package let thread: Int32
    package let number: Int32
    package let architecture: UInt32
    package let arguments: [UInt64]
}

package enum Notify {
    private static let receiveRequest = 0xc050_2100, sendRequest = 0xc018_2101, validRequest = 0x4008_2102

    /// The next trapped call; nil when there is none (any more: the target may have died in between, which is normal).
    package static func receive(_ listener: borrowing Descriptor) throws(SystemError) -> Trap? {
        var raw = seccomp_notif()  // must be zeroed, or the kernel says EINVAL
        let own = listener.number
        // Kernels of some age wait in the request whatever O_NONBLOCK says (6.1 does, 6.18 does not): asked only when it has something to give.
        var asked = pollfd(fd: own, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&asked, 1, 0) == 1, asked.revents & Int16(POLLIN) != 0 else { return nil }
        let result = unsafe withUnsafeMutablePointer(to: &raw) { rawCall(16, Int(own), receiveRequest, Int(bitPattern: $0)) }
        if result == -Int(ENOENT) || result == -Int(EAGAIN) || result == -Int(EINTR) { return nil }
        if result < 0 { throw SystemError("ioctl", "seccomp listener", Int32(-result)) }
        let a = raw.data.args
        return Trap(
            id: raw.id, thread: Int32(bitPattern: raw.pid), number: raw.data.nr, architecture: raw.data.arch,
            arguments: [a.0, a.1, a.2, a.3, a.4, a.5])
    }

    /// Answers with an errno. A target that is gone is no failure.
    package static func deny(_ id: UInt64, errno code: Int32, on listener: borrowing Descriptor) throws(SystemError) {
        try send(seccomp_notif_resp(id: id, val: 0, error: -code, flags: 0), listener)
    }

    private static func send(_ response: seccomp_notif_resp, _ listener: borrowing Descriptor) throws(SystemError) {
        var response = response
        let own = listener.number
        let result = unsafe withUnsafeMutablePointer(to: &response) { rawCall(16, Int(own), sendRequest, Int(bitPattern: $0)) }
        if result < 0 && result != -Int(ENOENT) { throw SystemError("ioctl", "seccomp listener", Int32(-result)) }
    }
}

extension Notify {
    /// Lets the call go on as it stands in the caller's registers. Never where what is behind a pointer decided it: another thread may
    /// have written that anew. Kernel: SECCOMP_USER_NOTIF_FLAG_CONTINUE, since 5.5.
    package static func proceed(_ id: UInt64, on listener: borrowing Descriptor) throws(SystemError) {
        try send(seccomp_notif_resp(id: id, val: 0, error: 0, flags: 1), listener)
    }

    /// Whether the caller still waits: what was read of its memory before was its own. Kernel: SECCOMP_IOCTL_NOTIF_ID_VALID.
    package static func isValid(_ id: UInt64, on listener: borrowing Descriptor) -> Bool {
        var id = id
        let own = listener.number
        return unsafe withUnsafeMutablePointer(to: &id) { rawCall(16, Int(own), validRequest, Int(bitPattern: $0)) } == 0
    }

    /// Whoever answers runs at once, on the processor of the call: fewer calls are interrupted before they are received.
    /// Nothing happens where the kernel has not heard of it. Kernel: SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, since 6.6.
    package static func answerAtOnce(_ listener: borrowing Descriptor) { _ = rawCall(16, Int(listener.number), 0x4008_2104, 1) }
}
