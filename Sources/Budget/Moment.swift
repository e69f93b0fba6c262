// SPDX-License-Identifier: Apache-2.0
//
// Time as the ledger is told it. Nothing here reads a clock: rates, sliding windows and deadlines go by CLOCK_BOOTTIME, calendar windows by
// the wall clock, and the boot id says to which boot the first belongs.

/// One reading of both clocks.
public struct Moment: Sendable, Hashable {
    /// /proc/sys/kernel/random/boot_id, or any other text that no two boots share.
    public let boot: String
    /// CLOCK_BOOTTIME, 0 ..< 2^61 (73 years).
    public let bootNanoseconds: Int64
    /// Seconds since 1970 in UTC, of magnitude below 2^40; it may jump.
    public let wallSeconds: Int64

    public init(boot: String, bootNanoseconds: Int64, wallSeconds: Int64) {
        self.boot = boot
        self.bootNanoseconds = bootNanoseconds
        self.wallSeconds = wallSeconds
    }

    /// The same boot and wall clock, later by so many nanoseconds.
    public func after(_ nanoseconds: Int64) -> Moment {
        let (sum, overflow) = bootNanoseconds.addingReportingOverflow(nanoseconds)
        return Moment(boot: boot, bootNanoseconds: overflow ? .max : sum, wallSeconds: wallSeconds)
    }

    /// Later by so many nanoseconds, the wall clock too (rounded up to a second: it is a clock that does not run backwards).
    public func elapsed(_ nanoseconds: Int64) -> Moment {
        let later = after(nanoseconds)
        return Moment(boot: boot, bootNanoseconds: later.bootNanoseconds, wallSeconds: wallSeconds + (nanoseconds + 999_999_999) / 1_000_000_000)
    }
}
