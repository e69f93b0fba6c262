// SPDX-License-Identifier: Apache-2.0
// An owned file descriptor: closed when it goes out of scope, moved but never copied. Kernel: close(2), fcntl(2).

import Glibc

/// One open descriptor and the duty to close it.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning number: Int32) { self.number = number }

    deinit { _ = close(number) }

    /// Gives the duty to close away.
    package consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    /// Another descriptor of the same open file, close-on-exec, numbered 3 or higher. Kernel: fcntl(2), F_DUPFD_CLOEXEC.
    package borrowing func duplicate() throws(SystemError) -> Descriptor {
        let number = self.number
        return Descriptor(owning: try checkErrno("fcntl") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    package borrowing func setNonBlocking(_ on: Bool = true) throws(SystemError) {
        let number = self.number
        let flags = try checkErrno("fcntl") { fcntl(number, F_GETFL) }
        _ = try checkErrno("fcntl") { fcntl(number, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
    }

    /// What one read gives: at most `limit` bytes, empty at the end. Kernel: read(2).
    package borrowing func read(upTo limit: Int) throws(SystemError) -> [UInt8] {
        let number = self.number
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            do throws(SystemError) {
                count = try checkErrno("read", "descriptor \(number)") { unsafe Glibc.read(number, buffer.baseAddress, limit) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Everything to the end of file. Kernel: read(2).
    /// - Throws: `EFBIG` when there are more than `limit` bytes.
    package borrowing func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try read(upTo: min(all.count < 4096 ? 4096 : 64 * 1024, limit + 1 - all.count))
            if part.isEmpty { return all }
            all += part
            if all.count > limit { throw SystemError("read", "descriptor \(number)", EFBIG) }
        }
    }

    /// Writes all of it, waiting where the descriptor blocks. Kernel: write(2).
    package borrowing func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        let number = self.number
        var done = 0
        while done < bytes.count {
            let start = done
            done += try checkErrno("write", "descriptor \(number)") {
                unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress! + start, $0.count - start) }
            }
        }
    }
}

extension Descriptor {
    /// Closes what nobody else owns, in as few calls as the numbers allow. Kernel: close_range(2), since 5.9.
    package static func closeAll(_ numbers: [Int32]) {
        var i = 0
        while i < numbers.count {
            let first = i
            while i + 1 < numbers.count, numbers[i + 1] == numbers[i] + 1 { i += 1 }
            _ = rawCall(436, Int(numbers[first]), Int(numbers[i]), 0)
            i += 1
        }
    }
}

/// Opens /dev/null on 0, 1 and 2 where the caller closed them, so that no descriptor of ours is ever mistaken for one.
package func occupyStandardDescriptors() throws(SystemError) {
    for number in Int32(0)...2 where fcntl(number, F_GETFD) < 0 {
        let opened = try checkErrno("open", "/dev/null") { unsafe open("/dev/null", O_RDWR) }
        if opened != number {  // only if a lower one is closed as well, which the loop has just filled
            throw SystemError("open", "/dev/null", EBADF)
        }
    }
}
