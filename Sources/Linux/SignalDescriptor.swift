// SPDX-License-Identifier: Apache-2.0
// Signals read from a descriptor instead of handled. Kernel: signalfd(2), rt_sigprocmask(2).

import CLinux
import Glibc

package struct SignalDescriptor: ~Copyable {
    package let descriptor: Descriptor

    /// Blocks `signals` in this thread and makes them readable.
    package init(_ signals: [Int32]) throws(SystemError) {
        var set = SignalDescriptor.mask(signals)
        try check("rt_sigprocmask") { unsafe withUnsafePointer(to: &set) { rawCall(14, Int(SIG_BLOCK), Int(bitPattern: $0), 0, 8) } }
        let number = try check("signalfd4") { unsafe withUnsafePointer(to: &set) { rawCall(289, -1, Int(bitPattern: $0), 8, Int(O_CLOEXEC | O_NONBLOCK)) } }
        descriptor = Descriptor(owning: Int32(number))
    }

    /// The next pending signal, or nil.
    package borrowing func next() -> Int32? {
        var info = signalfd_siginfo()
        let own = descriptor.number
        let count = unsafe withUnsafeMutablePointer(to: &info) { unsafe read(own, $0, MemoryLayout<signalfd_siginfo>.size) }
        return count == MemoryLayout<signalfd_siginfo>.size ? Int32(info.ssi_signo) : nil
    }

    private static func mask(_ signals: [Int32]) -> UInt64 {
        signals.reduce(0) { $0 | 1 << UInt64($1 - 1) }
    }
}
