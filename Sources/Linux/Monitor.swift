// SPDX-License-Identifier: Apache-2.0
// State that threads share, and waiting for it to change: a lock with two conditions to wait on, so that those who wait for one thing are
// not woken for another. Waits are on CLOCK_MONOTONIC. C library: pthread_mutex_lock(3), pthread_cond_timedwait(3).

import Glibc

@safe package final class Monitor<State>: @unchecked Sendable {
    // SAFETY: both are allocated once and freed with the object; every access to the state is under the mutex.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let conditions: UnsafeMutablePointer<pthread_cond_t>
    private let count: Int
    private nonisolated(unsafe) var state: State

    /// - Parameter conditions: how many there are to wait on.
    package init(_ state: State, conditions count: Int) {
        unsafe self.state = state
        self.count = count
        unsafe mutex = .allocate(capacity: 1)
        unsafe conditions = .allocate(capacity: count)
        // Held for less than a sleep and a wake-up cost: spun for a little first (PTHREAD_MUTEX_ADAPTIVE_NP).
        var kind = pthread_mutexattr_t()
        unsafe pthread_mutexattr_init(&kind)
        unsafe pthread_mutexattr_settype(&kind, 3)
        unsafe pthread_mutex_init(mutex, &kind)
        unsafe pthread_mutexattr_destroy(&kind)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        for index in 0..<count { unsafe pthread_cond_init(conditions + index, &attributes) }
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        for index in 0..<count { unsafe pthread_cond_destroy(conditions + index) }
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe conditions.deallocate()
    }

    package func with<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&state)
    }

    /// Runs `body` until it gives something, waiting between for a wake-up of that condition.
    /// - Returns: nil at the deadline, in nanoseconds of CLOCK_MONOTONIC.
    package func wait<Result>(on condition: Int, until deadline: UInt64 = .max, _ body: (inout State) -> Result?) -> Result? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        let seconds = Int(clamping: min(deadline / 1_000_000_000, 1 << 40))
        var time = timespec(tv_sec: seconds, tv_nsec: Int(deadline % 1_000_000_000))
        while true {
            if let result = unsafe body(&state) { return result }
            if unsafe pthread_cond_timedwait(conditions + condition, mutex, &time) == ETIMEDOUT { return unsafe body(&state) }
        }
    }

    package func wakeAll(_ condition: Int) { unsafe pthread_cond_broadcast(conditions + condition) }
}
