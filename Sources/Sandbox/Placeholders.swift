// SPDX-License-Identifier: Apache-2.0
// A name that must not be made in a writable folder, though nothing stands there yet (`.claude`, `.git/hooks`): an empty
// folder (for git's `commondir` a file) is put there for as long as cells run and bound over itself read-only. A mount needs
// something to stand on, and a rule of Landlock cannot name what does not exist.
//
// A placeholder is told by its mode and its time. Each cell that relies on one holds a shared lock on it; who finds no other
// lock removes it. The janitor, a process outside the cell, stands ready before the first is made and is told of each before it
// is: it removes them even when the launcher is killed half-way. Should both be killed, the next cell that protects the name
// takes the placeholder over and removes it in the end.

import CLinux
import Glibc
package import Linux

package struct Placeholders: ~Copyable {
    /// A path that must not be made: where it would be on the host, and as the cell names it.
    package struct Absent: Equatable, Sendable {
        package let host: String
        package let at: String
        package init(host: String, at: String) {
            self.host = host
            self.at = at
        }
    }

    /// Entries that the view gains.
    package private(set) var entries: [CellSpec.Entry]
    private var janitor: Pidfd?
    private var release: Descriptor?

    /// Modification time of a placeholder, seconds since 1970.
    static let mark = Int(CL_PLACEHOLDER_TIME)
    /// Everybody may look into the empty folder: git in a cell would otherwise complain of each on every call.
    static let mode: UInt32 = 0o555

    /// Of a placeholder that is a file.
    static let fileMode: UInt32 = 0o444

    /// What git reads where a folder would stop it: `commondir` names the folder whose `config` and `hooks` count, and says by a
    /// dot that this one does. A cell that could write it would let the caller's next `git status` run what it likes.
    private static func contents(of name: String) -> String? { name == "commondir" ? ".\n" : nil }

    /// - Parameters:
    ///   - absent: what must not be made.
    ///   - present: folders under writable grants that are denied and exist: placeholders of other cells among them.
    package static func hold(absent: [Absent], present: [CellSpec.Source]) throws(SystemError) -> Placeholders {
        var wanted: [(place: String, at: String?)] = []
        var known: Set<String> = []
        for path in absent {
            guard let place = Placeholders.firstMissing(path.host), known.insert(place).inserted else { continue }
            // Of a path with several missing parts only the first is held: as many are cut off the cell's name for it.
            let missing = path.host.utf8.count - place.utf8.count
            wanted.append((place, String(decoding: path.at.utf8.dropLast(missing), as: UTF8.self)))
        }
        for source in present where source.status.isPlaceholder && known.insert(source.path).inserted { wanted.append((source.path, nil)) }
        if wanted.isEmpty { return Placeholders(entries: [], janitor: nil, release: nil) }
        guard wanted.count <= Int(CL_JANITOR_NAMES) else { throw SystemError("mkdirat", "\(wanted.count) protected names that do not exist", E2BIG) }

        let line = try PacketPair()
        let (ours, theirs) = (line.ours.number, line.theirs.number)
        var number: Int32 = -1
        let pid = unsafe cl_janitor(theirs, ours, &number)
        if pid < 0 { throw SystemError("clone3", "the janitor of placeholders", Int32(-pid)) }
        var held = Placeholders(entries: [], janitor: Pidfd(Descriptor(owning: number)), release: line.keepOurs())
        do throws(SystemError) {
            for (place, at) in wanted {
                if let source = try Placeholders.occupy(place, line: ours), let at { held.entries.append(.protect(source, at: Paths.relative(at))) }
            }
        } catch {
            held.remove()
            throw error
        }
        return held
    }

    private init(entries: [CellSpec.Entry], janitor: consuming Pidfd?, release: consuming Descriptor?) {
        self.entries = entries
        self.janitor = janitor
        self.release = release
    }

    /// Lets the janitor remove what no other cell relies on, and waits for it.
    package mutating func remove() {
        guard let janitor = janitor.take() else { return }
        release = nil
        _ = try? janitor.waitForEnd(milliseconds: 5000)
        _ = try? janitor.reap(block: false)
    }

    /// The first name on the way to a path that is missing, or that a placeholder holds already.
    private static func firstMissing(_ path: String) -> String? {
        var path = path
        while path != "/" {
            let folder = Paths.parent(path)
            if let status = settled(folder) {
                if status.isPlaceholder { return folder }
                return status.kind == .directory ? path : nil
            }
            path = folder
        }
        return nil
    }

    /// What is there, once it is what it is to be: another cell may stand between making a placeholder and marking it, and
    /// taking it for somebody's folder would put a name into it, or leave one unprotected.
    private static func settled(_ path: String) -> FileStatus? {
        for _ in 0..<50 {
            guard let status = try? FileStatus(path: path, followLinks: false) else { return nil }
            let age = Int(Clock.wall / 1_000_000_000) - status.modified
            guard status.kind == .directory, status.mode == mode, !status.isPlaceholder, age <= 1 else { return status }
            usleep(1000)
        }
        return try? FileStatus(path: path, followLinks: false)
    }

    /// Makes the placeholder or takes part in one that is there; nil where we could not make anything, and so the cell cannot.
    /// Another cell's janitor may remove it between two looks: then again, for half a second.
    private static func occupy(_ path: String, line: Int32) throws(SystemError) -> CellSpec.Source? {
        let folder = Paths.parent(path), name = Paths.name(path)
        guard name.utf8.count < 256 else { return nil }  // nobody can make it
        for attempt in 0..<500 {
            // A janitor on its way needs the processor more than we do.
            if attempt > 2 { usleep(1000) }
            let directory = try Files.openExactly(folder)
            var isNew = true
            if attempt == 0 { try PacketPair.send([UInt8(ascii: "n")] + KernelText.bytes(name), with: directory.number, over: line) }
            do {
                if let contents = contents(of: name) {
                    try Files.make(name, contents, mode: fileMode, under: directory)
                } else {
                    try Files.makeDirectory(name, mode: mode, under: directory)
                }
            } catch {
                if error.code == EROFS || error.code == EACCES { return nil }
                if error.code != EEXIST { throw error }
                isNew = false
            }
            guard let status = isNew ? try? FileStatus(path: path, followLinks: false) : settled(path) else { continue }
            if !isNew && !status.isPlaceholder {  // made by somebody just now
                try PacketPair.send([UInt8(ascii: "x")], with: directory.number, over: line)
                return CellSpec.Source(path: path, status: status)
            }
            guard let lock = try? Files.open(name, status.kind == .directory ? O_DIRECTORY | O_NOFOLLOW : O_NOFOLLOW, under: directory.number),
                Files.lockShared(lock)
            else { continue }
            if isNew { try Files.setModified(lock, seconds: mark) }
            // Still the one that has the name?
            guard let named = try? FileStatus(path: path, followLinks: false), let own = try? FileStatus(of: lock), named.inode == own.inode else { continue }
            try PacketPair.send([UInt8(ascii: "l")], with: lock.number, over: line)
            return CellSpec.Source(path: path, status: named)
        }
        throw SystemError("mkdirat", path, EBUSY)
    }
}

extension FileStatus {
    /// Whether this only keeps a name.
    var isPlaceholder: Bool {
        modified == Placeholders.mark && (kind == .directory && mode == Placeholders.mode || kind == .regular && mode == Placeholders.fileMode)
    }
}
