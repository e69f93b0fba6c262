// SPDX-License-Identifier: Apache-2.0
//
// syscall(2) for the live tests: Swift does not import variadic functions, so it is looked up by name and called with all
// six arguments, which the C ABI of both architectures passes alike.

import Glibc

enum Kernel {
    private typealias Call = @convention(c) (Int, UInt, UInt, UInt, UInt, UInt, UInt) -> Int

    /// The result, or minus errno.
    static func call(
        _ number: Int, _ a0: UInt = 0, _ a1: UInt = 0, _ a2: UInt = 0, _ a3: UInt = 0, _ a4: UInt = 0, _ a5: UInt = 0
    ) -> Int {
        // SAFETY: `syscall` is in every libc, takes long arguments and returns long.
        let function = unsafe unsafeBitCast(dlsym(nil, "syscall"), to: Call.self)
        let result = function(number, a0, a1, a2, a3, a4, a5)
        return result == -1 ? -Int(errno) : result
    }
}
