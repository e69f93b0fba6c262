// SPDX-License-Identifier: Apache-2.0
// What we ask of terminals: whether a descriptor is one, its size, its modes, and the same terminal once more with a file
// description of our own. Kernel: isatty(3), termios(3), tty_ioctl(2), proc(5).

import Glibc

package enum Terminal {
    package static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }

    /// In characters.
    package struct Size: Equatable, Sendable {
        package var rows: UInt16 = 0
        package var columns: UInt16 = 0
        package init() {}
    }

    /// nil where it is no terminal. Kernel: TIOCGWINSZ.
    package static func size(of number: Int32) -> Size? {
        var raw = winsize()
        guard unsafe ioctl(number, UInt(TIOCGWINSZ), &raw) == 0 else { return nil }
        var size = Size()
        (size.rows, size.columns) = (raw.ws_row, raw.ws_col)
        return size
    }

    /// Programs on it hear of it by SIGWINCH. Kernel: TIOCSWINSZ.
    package static func setSize(_ size: Size, on number: Int32) {
        var raw = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = unsafe ioctl(number, UInt(TIOCSWINSZ), &raw)
    }

    /// How a terminal treats what is typed and written. C library: tcgetattr(3), cfmakeraw(3).
    package struct Modes {
        private var modes = termios()

        /// nil where it is no terminal.
        package init?(of number: Int32) {
            guard unsafe tcgetattr(number, &modes) == 0 else { return nil }
        }

        /// Every byte passes as it is, both ways.
        package var raw: Modes {
            var copy = self
            unsafe cfmakeraw(&copy.modes)
            return copy
        }

        package func set(on number: Int32) {
            var copy = modes
            _ = unsafe tcsetattr(number, TCSANOW, &copy)
        }
    }

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
