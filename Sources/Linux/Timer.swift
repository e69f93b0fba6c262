// SPDX-License-Identifier: Apache-2.0
// One deadline as a descriptor, on CLOCK_MONOTONIC. Kernel: timerfd_create(2).

import CLinux
import Glibc

package struct Timer: ~Copyable {
    package let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = Descriptor(owning: try checkErrno("timerfd_create") { timerfd_create(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK) })
    }

    /// Fires once at `deadline` (nanoseconds of CLOCK_MONOTONIC; a past one fires at once), nil disarms.
    package borrowing func set(_ deadline: UInt64?) throws(SystemError) {
        var value = itimerspec()
        if let deadline {
            let at = max(1, deadline)
            value.it_value = timespec(tv_sec: Int(at / 1_000_000_000), tv_nsec: Int(at % 1_000_000_000))
        }
        let own = descriptor.number
        try checkErrno("timerfd_settime") { unsafe timerfd_settime(own, 1 /* TFD_TIMER_ABSTIME */, &value, nil) }
    }

    /// Consumes the expiry.
    package borrowing func acknowledge() {
        var count: UInt64 = 0
        let own = descriptor.number
        _ = unsafe read(own, &count, 8)
    }
}
