// SPDX-License-Identifier: Apache-2.0
// An exclusive lock on an open file between processes, waited for until a deadline. It belongs to the open file description: the kernel
// frees it when its holder dies. Kernel: flock(2), which has no deadline of its own, so that it is asked again and again.

import Glibc

package struct FileLock: ~Copyable {
    private let file: Int32

    /// Takes the lock within `milliseconds`; nil where another open file had it until then. The descriptor must outlive the lock.
    /// - Throws: whatever flock is refused for but contention.
    package init?(_ descriptor: borrowing Descriptor, within milliseconds: Int) throws(SystemError) {
        let number = descriptor.number
        let deadline = Clock.monotonic + UInt64(milliseconds) * 1_000_000
        // From 20 us on, doubled up to 1 ms, and a little apart for each process: nobody is always the last to ask.
        var pause = 20_000 + Int(getpid() % 16) * 500
        while flock(number, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == EWOULDBLOCK else { throw SystemError("flock", "descriptor \(number)", code) }
            if Clock.monotonic >= deadline { return nil }
            var time = timespec(tv_sec: 0, tv_nsec: pause)
            _ = unsafe nanosleep(&time, nil)
            pause = min(pause * 2, 1_000_000)
        }
        file = number
    }

    deinit { _ = flock(file, LOCK_UN) }
}
