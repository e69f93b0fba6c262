// SPDX-License-Identifier: Apache-2.0
// Where the sessions of one user are found: a socket for each in the folder of running cells, made by whoever starts the session, under a
// lock, so that two that come at once start one. Who leaves takes the lock as well. Nothing goes stale: a socket that nobody answers is
// replaced by the next.

import Glibc
package import Linux

package struct SessionPlace: Sendable {
    package let name: String
    package let folder: String
    private let user: UInt32

    /// - Parameter runtime: XDG_RUNTIME_DIR, if it is set.
    package init(name: String, runtime: String?, user: UInt32) {
        (self.name, self.user) = (name, user)
        folder = Registry.folder(runtime: runtime, user: user)
    }

    /// What may name a session: part of a file's name, and of messages.
    package static func isName(_ name: String) -> Bool {
        1...40 ~= name.utf8.count && name.utf8.first != 0x2d
            && name.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f || $0 == 0x2e }
    }

    package var socket: String { folder + "/session-" + name }

    /// Held while a session is started or leaves.
    package struct Hold: ~Copyable {
        private let lock: FileLock
        private let file: Descriptor

        fileprivate init(_ lock: consuming FileLock, _ file: consuming Descriptor) {
            self.lock = lock
            self.file = file
        }
    }

    /// - Throws: `EPERM` where the folder is not ours alone, `ETIMEDOUT`.
    package func hold(milliseconds: Int) throws(SystemError) -> Hold {
        let path = socket + ".lock"
        for _ in 0..<100 {
            try Registry.prepare(folder, user: user)
            let file: Descriptor
            do throws(SystemError) { file = try Files.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600) } catch {
                if error.code == ENOENT { continue }  // the end of a cell removed the empty folder just now
                throw error
            }
            guard let lock = try FileLock(file, within: milliseconds) else { throw SystemError("flock", path, ETIMEDOUT) }
            // The one before us removed the name as it left: what we hold then is nobody else's lock.
            let own = try FileStatus(of: file)
            guard let named = FileStatus(at: path, followLinks: false), named.inode == own.inode, named.device == own.device else { continue }
            return Hold(lock, file)
        }
        throw SystemError("flock", path, ETIMEDOUT)
    }

    /// The listening socket of a new session; the name is then its. Under a hold.
    package func listen() throws(SystemError) -> Descriptor { try LocalSocket.listen(at: socket, backlog: 128) }

    /// Removes the names. Under a hold.
    package func leave() {
        _ = unsafe unlink(socket)
        _ = unsafe unlink(socket + ".lock")
        _ = unsafe rmdir(folder)
    }

    /// A socket in the same folder that anybody may connect to who sees it; a cell is shown it under another name.
    package func listenInside(_ id: String) throws(SystemError) -> Descriptor {
        try Registry.prepare(folder, user: user)
        return try LocalSocket.listen(at: inside(id), mode: 0o666, backlog: 128)
    }

    package func inside(_ id: String) -> String { folder + "/inside-" + id }

    /// Sessions of which there is a name here.
    package static func names(in folder: String) -> [String] {
        ((try? Files.list(folder)) ?? []).filter { $0.hasPrefix("session-") && !$0.hasSuffix(".lock") && !$0.hasSuffix("~") }
            .map { String($0.dropFirst("session-".utf8.count)) }.sorted()
    }
}
