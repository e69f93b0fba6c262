// SPDX-License-Identifier: Apache-2.0
// What we ask of terminals: whether a descriptor is one, and the same terminal once more with a file description of our own.
// Kernel: isatty(3), tty_ioctl(2) TCGETS and TIOCGDEV, proc(5).

import Glibc

package enum Terminal {
    package static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }

    /// The terminal behind a descriptor, opened once more: it does not block, and nobody else's flags have changed.
    /// - Parameter access: O_RDONLY or O_WRONLY.
    /// - Returns: nil where it is not ours to open, and for the master's side of a pair, whose name makes a new pair.
    package static func openAnew(_ number: Int32, _ access: Int32) -> Descriptor? {
        guard let device = device(number), let status = try? FileStatus(of: number), status.rawDevice != masters else { return nil }
        guard let again = try? Files.open("/proc/self/fd/\(number)", access | O_NONBLOCK | O_NOCTTY) else { return nil }
        // /proc may lie, and /dev/tty be another terminal by now.
        guard Terminal.device(again.number) == device else { return nil }
        return again
    }

    /// /dev/ptmx.
    private static let masters: UInt64 = 5 << 8 | 2

    /// The number of the terminal itself, whatever name it was opened by.
    private static func device(_ number: Int32) -> UInt32? {
        var device: UInt32 = 0
        return unsafe ioctl(number, 0x8004_5432 /* TIOCGDEV */, &device) == 0 ? device : nil
    }
}
