// SPDX-License-Identifier: Apache-2.0
// A process held by descriptor: it can be signalled and waited for without ever meaning another one.
// Kernel: pidfd_open(2), pidfd_send_signal(2), waitid(2) with P_PIDFD.

import Glibc

package struct Pidfd: ~Copyable, Sendable {
    package let descriptor: Descriptor

    package init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    package var number: Int32 { descriptor.number }

    /// - Throws: `ESRCH` when the process has been reaped.
    package borrowing func signal(_ signal: Int32) throws(SystemError) {
        let own = number
        try check("pidfd_send_signal", "signal \(signal)") { rawCall(424, Int(own), Int(signal), 0, 0) }
    }

    /// Waits for a child to end and reaps it; nil if `block` is false and it still runs.
    package borrowing func reap(block: Bool) throws(SystemError) -> WaitStatus? {
        let own = number
        var info = unsafe siginfo_t()
        let options = WEXITED | (block ? 0 : WNOHANG)
        _ = try checkErrno("waitid") { unsafe waitid(idtype_t(3) /* P_PIDFD */, id_t(own), &info, options) }
        // siginfo_t of a child: signo, errno, code, padding, pid, uid, status: each 4 bytes.
        return unsafe withUnsafeBytes(of: &info) { info in
            guard unsafe info.load(as: Int32.self) == SIGCHLD else { return nil }
            let code = unsafe info.load(fromByteOffset: 8, as: Int32.self)
            let status = unsafe info.load(fromByteOffset: 24, as: Int32.self)
            return code == CLD_EXITED_CODE ? .exited(status) : .signaled(status)
        }
    }
}

private let CLD_EXITED_CODE: Int32 = 1

/// How a process ended.
package enum WaitStatus: Equatable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    /// From the status word of wait4(2).
    package init(word: Int32) {
        self = word & 0x7f == 0 ? .exited((word >> 8) & 0xff) : .signaled(word & 0x7f)
    }
}

extension Pidfd {
    /// Kills a child and reaps it. One that the kernel does not let go within the time (in state D) is left to whoever inherits it.
    package borrowing func kill(within milliseconds: Int32 = 2000) {
        try? signal(SIGKILL)
        if (try? waitForEnd(milliseconds: milliseconds)) == true { _ = try? reap(block: false) }
    }

    /// Whether the process has ended within the time. Kernel: poll(2) on a pidfd.
    package borrowing func waitForEnd(milliseconds: Int32) throws(SystemError) -> Bool {
        var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return try checkErrno("poll") { unsafe poll(&watched, 1, milliseconds) } > 0
    }
}
