// SPDX-License-Identifier: Apache-2.0
// Where a record goes: a file that is opened here, or a descriptor of the caller's. A reader that does not read, and a named
// pipe that nobody opens, are waited for only so long.

import Config
import Glibc
import Linux

final class RecordSink {
    private let flag: String
    private let outlet: Outlet
    private let own: Descriptor?
    /// Said once; then nothing more is tried.
    private(set) var hasFailed = false

    /// Nanoseconds that a named pipe may have no reader.
    static let patience: UInt64 = 1_000_000_000

    /// - Throws: a sentence where nothing can be written there.
    init(_ sink: Sink, flag: String) throws(UsageError) {
        self.flag = flag
        switch sink {
        case .descriptor(let number):
            guard fcntl(number, F_GETFD) >= 0 else { throw UsageError("descriptor \(number) is not open", help: nil) }
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
            own = nil
            outlet = Outlet(number)
        case .file(let path):
            let file = try RecordSink.open(path)
            outlet = Outlet(file.number)
            own = consume file
        }
    }

    private static func open(_ path: String) throws(UsageError) -> Descriptor {
        let deadline = Clock.monotonic + patience
        while true {
            do {
                // A named pipe without a reader is ENXIO now instead of a wait without end; of other files it changes nothing.
                return try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_NONBLOCK, mode: 0o600)
            } catch {
                guard error.code == ENXIO else { throw UsageError("cannot write `\(path)`: \(errnoText(error.code)) (\(error.name))", help: nil) }
                guard Clock.monotonic < deadline else { throw UsageError("nobody reads the pipe `\(path)`", help: "start its reader first") }
                usleep(5000)
            }
        }
    }

    /// Whether a small record would not wait.
    var isReady: Bool { !hasFailed && Transfer.isWritable(outlet.number) }

    /// Writes it whole, or says why not.
    /// - Parameter isLast: nothing follows.
    func write(_ bytes: [UInt8], patience: UInt64, isLast: Bool = false) {
        if hasFailed { return }
        let deadline = Clock.monotonic + patience
        do {
            try outlet.write(all: bytes, by: deadline)
            if isLast { try outlet.settle(by: deadline) }
        } catch {
            hasFailed = true
            let why = error.code == ETIMEDOUT ? "nobody reads it" : "\(errnoText(error.code)) (\(error.name))"
            Messages.error("the record of `\(flag)` could not be written: \(why)")
        }
    }
}
