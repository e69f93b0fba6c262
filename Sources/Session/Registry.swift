// SPDX-License-Identifier: Apache-2.0
// The cells of this user that run now: a folder with one socket for each, behind which its supervisor answers. There is no
// file to go stale: a socket that nobody answers is of a cell that is gone, and whoever notices removes it. Only the owner and
// root are answered, and nobody who is inside a cell.

import Events
import Glibc
package import JSON
package import Linux

package enum Registry {
    /// What can be asked of a cell.
    package enum Act: String, CaseIterable, Sendable { case status, kill, freeze, thaw, reload }

    /// Where this user's cells stand: below XDG_RUNTIME_DIR, for root below /run, else in a folder of the user's own.
    /// - Parameter runtime: XDG_RUNTIME_DIR, if it is set.
    package static func folder(runtime: String?, user: UInt32) -> String {
        if let runtime, runtime.utf8.first == 0x2f { return runtime + "/fumehood" }
        return user == 0 ? "/run/fumehood" : "/tmp/fumehood-\(user)"
    }

    /// Makes the folder, or finds it to be ours: not a link, owned by us, closed to everybody else.
    static func prepare(_ folder: String, user: UInt32) throws(SystemError) {
        if unsafe mkdir(folder, 0o700) == 0 { return }
        try own(folder, user)
    }

    private static func own(_ folder: String, _ user: UInt32) throws(SystemError) {
        let status = try FileStatus(path: folder, followLinks: false)
        guard status.kind == .directory, status.owner == user, status.mode & 0o077 == 0 else { throw SystemError("stat", folder, EPERM) }
    }

    /// Whether somebody may command a cell of `user`: the owner or root, from our own pid namespace or one above it.
    package static func mayCommand(_ peer: LocalSocket.Peer, user: UInt32, proc: borrowing Descriptor) -> Bool { admits(peer, user: user, proc: proc) }

    static func admits(_ peer: LocalSocket.Peer, user: UInt32, proc: borrowing Descriptor) -> Bool {
        guard peer.user == user || peer.user == 0, peer.process > 0 else { return false }
        guard let depth = depth("\(peer.process)", proc), let own = Registry.depth("self", proc) else { return false }
        return depth <= own
    }

    /// How many pid namespaces a process is in, as far as they can be seen from here.
    private static func depth(_ process: String, _ proc: borrowing Descriptor) -> Int? {
        guard let text = try? Files.text(process + "/status", under: proc.number) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("NSpid:") { return line.split(separator: "\t").count - 1 }
        return nil
    }

    // Asking ----------------------------------------------------------------------------------------------------------

    /// The ids of this user's cells, sorted. - Throws: where the folder is somebody else's.
    package static func cells(in folder: String, user: UInt32) throws(SystemError) -> [String] {
        guard Files.exists(folder) else { return [] }
        if user != 0 { try own(folder, user) }
        return try Files.list(folder, limit: 10_000).filter { ID<CellKind>($0) != nil }.sorted()
    }

    /// One question and its answer; nil where the cell is gone.
    /// - Throws: `EACCES` and the like, or `EAGAIN` where the supervisor does not answer within the time.
    package static func ask(_ act: Act, of cell: String, in folder: String, seconds: Int = 5) throws(SystemError) -> Value? {
        let path = folder + "/" + cell
        do {
            let socket = try LocalSocket.connect(to: path, seconds: seconds)
            try socket.writeAll(Array(act.rawValue.utf8))
            let answer = try Packet(from: socket, limit: 65_536).bytes
            return answer.isEmpty ? nil : try? Value(parsing: String(decoding: answer, as: UTF8.self))
        } catch {
            if error.code == ECONNREFUSED {
                _ = unsafe unlink(path)
                return nil
            }
            if [ENOENT, ECONNRESET, EPIPE].contains(error.code) { return nil }
            throw error
        }
    }
}

/// What a run says of itself.
package struct Registration: Sendable {
    package let folder: String
    package let cell: String
    package let session: String
    /// Of the session, where it has one.
    package let name: String?
    package let command: [String]

    package init(folder: String, cell: String, session: String, name: String? = nil, command: [String]) {
        self.name = name
        self.folder = folder
        self.cell = cell
        self.session = session
        self.command = command
    }

    var path: String { folder + "/" + cell }
}
