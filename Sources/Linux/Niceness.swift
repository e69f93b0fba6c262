// SPDX-License-Identifier: Apache-2.0
// How nice the threads of a process tree are. Anybody may make them nicer; back again only who may (CAP_SYS_NICE), which is
// root here. Kernel: setpriority(2) of single threads; what they fork is as nice as they are.

import Glibc

package enum Niceness {
    /// nil when it is gone.
    package static func of(thread: Int32) -> Int32? {
        let raw = rawCall(140, 0, Int(thread))  // 20 less the niceness: 1...40
        return raw < 0 ? nil : 20 - Int32(raw)
    }

    /// - Returns: whether the kernel did it.
    @discardableResult
    package static func set(_ niceness: Int32, thread: Int32) -> Bool { rawCall(141, 0, Int(thread), Int(niceness)) == 0 }

    package static func threads(of process: Int32, proc: borrowing Descriptor) -> [Int32] {
        ((try? Files.list("/proc/\(process)/task")) ?? []).compactMap { Int32($0) }
    }
}
