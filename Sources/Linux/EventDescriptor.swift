// SPDX-License-Identifier: Apache-2.0
// A counter to wait on beside other descriptors: one thread says that something happened, a loop sees it readable. Kernel: eventfd(2).

import Glibc

package struct EventDescriptor: ~Copyable, Sendable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = Descriptor(owning: Int32(try check("eventfd2") { rawCall(290, 0, Int(O_CLOEXEC | O_NONBLOCK)) }))
    }

    package var number: Int32 { descriptor.number }

    package borrowing func signal() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor.number, &one, 8)
    }

    package borrowing func clear() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor.number, &count, 8)
    }
}
