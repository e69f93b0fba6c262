// SPDX-License-Identifier: Apache-2.0
// Random bytes from the kernel, for keys and names. Kernel: urandom(4).

import Glibc

package enum Random {
    /// - Parameter count: at most 256, which one read always gives.
    package static func bytes(_ count: Int) throws(SystemError) -> [UInt8] {
        try Files.open("/dev/urandom", O_RDONLY).read(upTo: count)
    }
}
