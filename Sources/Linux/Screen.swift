// SPDX-License-Identifier: Apache-2.0
// A terminal taken over whole: the other screen, no cursor, keys as they are typed without an echo. Given back when the value
// ends, as it was found; whoever may be stopped or killed by a signal gives it back before. Kernel: termios(3), tty_ioctl(2).

import Glibc

package struct Screen: ~Copyable {
    private let number: Int32
    private var found: termios
    private var isTaken = false

    /// nil where it is no terminal.
    package init?(_ number: Int32) {
        found = termios()
        guard unsafe tcgetattr(number, &found) == 0 else { return nil }
        self.number = number
    }

    deinit { Screen.giveBack(isTaken, number, found) }

    package mutating func take() {
        if isTaken { return }
        var own = found
        own.c_lflag &= ~tcflag_t(ICANON | ECHO)
        _ = unsafe tcsetattr(number, TCSADRAIN, &own)
        isTaken = true
        Screen.write("\u{1b}[?1049h\u{1b}[?25l", number)
    }

    package mutating func giveBack() {
        Screen.giveBack(isTaken, number, found)
        isTaken = false
    }

    private static func giveBack(_ isTaken: Bool, _ number: Int32, _ found: termios) {
        guard isTaken else { return }
        var found = found
        write("\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l", number)
        _ = unsafe tcsetattr(number, TCSADRAIN, &found)
    }

    /// Columns and rows; nil where nobody says.
    package static func size(_ number: Int32) -> (columns: Int, rows: Int)? {
        var size = winsize()
        guard unsafe ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// As it stands: what is obeyed is the caller's to know.
    package borrowing func show(_ text: String) { Screen.write(text, number) }

    private static func write(_ text: String, _ number: Int32) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let start = done
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress! + start, $0.count - start) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            done += count
        }
    }

    /// What was typed, waiting at most so long for it or for a signal to be read from the other descriptor.
    package static func keys(_ number: Int32, orSignalOn signals: borrowing SignalDescriptor, milliseconds: Int32) -> [UInt8] {
        var watched = [pollfd(fd: number, events: Int16(POLLIN), revents: 0), pollfd(fd: signals.descriptor.number, events: Int16(POLLIN), revents: 0)]
        guard unsafe poll(&watched, 2, milliseconds) > 0, watched[0].revents != 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
            count = max(0, unsafe read(number, buffer.baseAddress, 64))
            if count == 0 {  // the terminal is gone
                unsafe buffer[0] = 0x71
                count = 1
            }
        }
    }
}
