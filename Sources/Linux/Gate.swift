// SPDX-License-Identifier: Apache-2.0
// Opens once, for any number of threads that wait. Those who are woken take no lock: they see that it is open and go. Waits are on
// CLOCK_MONOTONIC. Kernel: futex(2), FUTEX_WAIT_BITSET and FUTEX_WAKE.

import Glibc
import Synchronization

@safe package final class Gate: @unchecked Sendable {
    // SAFETY: allocated once and freed with the object; only atomic operations and the kernel touch it.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    package init() {
        unsafe word = .allocate(capacity: 1)
        unsafe word.initialize(to: Atomic(0))
    }

    deinit {
        unsafe word.deinitialize(count: 1)
        unsafe word.deallocate()
    }

    /// Whether it is open. What was written before `open` is seen after this said yes.
    package var isOpen: Bool { unsafe word.pointee.load(ordering: .acquiring) == 1 }

    package func open() {
        unsafe word.pointee.store(1, ordering: .releasing)
        _ = unsafe rawCall(Self.futex, Int(bitPattern: word), Self.wake, Int(Int32.max))
    }

    /// - Parameter deadline: in nanoseconds of CLOCK_MONOTONIC.
    /// - Returns: whether it is open.
    package func wait(until deadline: UInt64) -> Bool {
        var time = timespec(tv_sec: Int(clamping: deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while !isOpen {
            let answer = unsafe withUnsafePointer(to: &time) { time in
                unsafe rawCall(Self.futex, Int(bitPattern: word), Self.waitBitset, 0, Int(bitPattern: time), 0, Int(UInt32.max))
            }
            if answer == -Int(ETIMEDOUT) { return isOpen }
        }
        return true
    }

    private static let futex = 202
    // Each with FUTEX_PRIVATE_FLAG.
    private static let wake = 1 | 128
    private static let waitBitset = 9 | 128
}
