// SPDX-License-Identifier: Apache-2.0
// Where a record goes: a file that is opened here, or a descriptor of the caller's. A reader that does not read, and a named
// pipe that nobody opens, are waited for only so long.

import Config
import Glibc
import Linux
import Sandbox

final class RecordSink {
    private let flag: String
    private let outlet: Outlet
    private let own: Descriptor?
    /// Where the file is that was opened, absolute; nil where it has no name. The cell gets it read-only, wherever it lies.
    let path: String?
    private let identity: FileStatus?
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
            identity = try? FileStatus(of: number)
            let name = try? Files.link("/proc/self/fd/\(number)")
            path = name?.utf8.first == 0x2f && identity?.kind == .regular && RecordSink.names(name, identity) ? name : nil
        case .file(let name):
            let file = try RecordSink.open(name)
            outlet = Outlet(file.number)
            identity = try? FileStatus(of: file)
            own = consume file
            path = (try? Files.currentDirectory()).map { Paths.absolute(name, from: $0) } ?? name
        }
    }

    /// Another name of the same file would stay writable where the name that was given is not.
    func refuseLinked(within grants: [String]) throws(UsageError) {
        guard let path, let identity, identity.kind == .regular, identity.links > 1, let real = try? Files.resolve(path) else { return }
        guard grants.contains(where: { Paths.contains($0, real) }) else { return }
        throw UsageError(
            "`\(path)` has \(identity.links) names, and lies in a folder that the cell may write", help: "write the record to a file of its own, or elsewhere")
    }

    private static func names(_ path: String?, _ identity: FileStatus?) -> Bool {
        guard let path, let identity, let now = FileStatus(at: path, followLinks: true) else { return false }
        return now.device == identity.device && now.inode == identity.inode
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
            if isLast, path != nil, identity?.kind == .regular, !RecordSink.names(path, identity) {
                hasFailed = true
                Messages.error("the record of `\(flag)` was written, and another file has its name by now")
            }
        } catch {
            hasFailed = true
            let why = error.code == ETIMEDOUT ? "nobody reads it" : "\(errnoText(error.code)) (\(error.name))"
            Messages.error("the record of `\(flag)` could not be written: \(why)")
        }
    }
}
