// SPDX-License-Identifier: Apache-2.0
// The clocks that we read. Kernel: clock_gettime(2).

import Glibc

package enum Clock: Sendable {
    /// CLOCK_MONOTONIC in nanoseconds: for durations and deadlines.
    package static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }
    /// CLOCK_BOOTTIME in nanoseconds: as monotonic, and it runs on while the machine sleeps.
    package static var boottime: UInt64 { read(CLOCK_BOOTTIME) }
    /// CLOCK_REALTIME in nanoseconds since 1970.
    package static var wall: UInt64 { read(CLOCK_REALTIME) }

    private static func read(_ id: clockid_t) -> UInt64 {
        var now = timespec()
        _ = unsafe clock_gettime(id, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
