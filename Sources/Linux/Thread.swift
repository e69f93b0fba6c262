// SPDX-License-Identifier: Apache-2.0
// One thread beside the supervisor's, for waits on the disk. It takes no signal: those are the supervisor's. C library: pthread_create(3).

import Glibc

package struct Thread: ~Copyable, Sendable {
    private let handle: pthread_t

    /// Begins it. What it runs answers for its own end.
    /// - Throws: `EAGAIN` where there can be no more threads.
    package init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let box = Box(body)
        var handle = pthread_t()
        var all = sigset_t()
        var before = sigset_t()
        // SAFETY: the sets are filled before they are read; the thread takes over the one reference to the box.
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        let reference = unsafe Unmanaged.passRetained(box)
        let code = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, reference.toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        if code != 0 {
            unsafe reference.release()
            throw SystemError("pthread_create", "", code)
        }
        self.handle = handle
    }

    /// It runs on by itself.
    deinit { _ = pthread_detach(handle) }

    /// Waits for its end.
    package consuming func join() {
        _ = pthread_join(handle, nil)
        discard self
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
