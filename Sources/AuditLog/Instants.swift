// SPDX-License-Identifier: Apache-2.0
//
// The present by both clocks, for the log's own records and for whoever has no clock of theirs.

internal import Linux

public struct Instants: Sendable {
    private let boot: String

    public init() {
        let text = (try? Files.text("/proc/sys/kernel/random/boot_id", limit: 100)) ?? "unknown"
        boot = String(text.prefix { $0 != "\n" })
    }

    public var now: Instant { Instant(boot: boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallNanoseconds: Int64(clamping: Clock.wall)) }
}
