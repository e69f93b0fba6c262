// SPDX-License-Identifier: Apache-2.0
// A name that must not be made in a writable folder, though nothing stands there yet (`.claude`, `.git/hooks`): an empty
// folder (for git's `commondir` a file) is put there for as long as cells run and bound over itself read-only. A mount needs
// something to stand on, and a rule of Landlock cannot name what does not exist.
//
// A placeholder is told by its mode and its time. Each cell that relies on one holds a shared lock on it; who finds no other
// lock removes it. The janitor, a process outside the cell, does so even when the launcher is killed; should both be
// killed, the next cell that protects the name takes the placeholder over and removes it in the end.

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
    package let entries: [CellSpec.Entry]
    private var janitor: Pidfd?
    private var release: Descriptor?

    /// Modification time of a placeholder, seconds since 1970: the letters `Fume`.
    static let mark = 0x4675_6d65
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
        var held = Held()
        var entries: [CellSpec.Entry] = []
        var made: Set<String> = []
        for path in absent {
            guard let place = Placeholders.firstMissing(path.host), made.insert(place).inserted else { continue }
            // Of a path with several missing parts only the first is held: as many are cut off the cell's name for it.
            let missing = path.host.utf8.count - place.utf8.count
            let at = String(decoding: path.at.utf8.dropLast(missing), as: UTF8.self)
            if let source = try Placeholders.occupy(place, &held) { entries.append(.protect(source, at: Paths.relative(at))) }
        }
        for source in present where source.status.isPlaceholder && made.insert(source.path).inserted {
            _ = try Placeholders.occupy(source.path, &held)
        }
        if held.isEmpty { return Placeholders(entries: [], janitor: nil, release: nil) }
        let pipe = try Pipe()
        var number: Int32 = -1
        let readEnd = pipe.read.number, writeEnd = pipe.write.number
        let pid = unsafe held.withPointers { directories, names, locks, count in
            unsafe cl_janitor(directories, names, locks, count, readEnd, writeEnd, &number)
        }
        if pid < 0 {
            held.removeAll()
            throw SystemError("clone3", "the janitor of placeholders", Int32(-pid))
        }
        return Placeholders(entries: entries, janitor: Pidfd(Descriptor(owning: number)), release: pipe.keepWrite())
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
    private static func occupy(_ path: String, _ held: inout Held) throws(SystemError) -> CellSpec.Source? {
        let folder = Paths.parent(path), name = Paths.name(path)
        for attempt in 0..<500 {
            // A janitor on its way needs the processor more than we do.
            if attempt > 2 { usleep(1000) }
            let directory = try Files.openExactly(folder)
            var isNew = true
            do {
                if let contents = contents(of: name) {
                    try Files.make(name, contents, mode: fileMode, under: directory)
                } else {
                    try Files.makeDirectory(name, mode: mode, under: directory)
                }
            } catch {
                if error.code == 30 /* EROFS */ || error.code == 13 /* EACCES */ { return nil }
                if error.code != 17 /* EEXIST */ { throw error }
                isNew = false
            }
            guard let status = isNew ? try? FileStatus(path: path, followLinks: false) : settled(path) else { continue }
            if !isNew && !status.isPlaceholder { return CellSpec.Source(path: path, status: status) }  // made by somebody just now
            guard let lock = try? Files.open(name, status.kind == .directory ? 0o600000 /* O_DIRECTORY | O_NOFOLLOW */ : 0o400000, under: directory.number), Files.lockShared(lock) else { continue }
            if isNew { try Files.setModified(lock, seconds: mark) }
            // Still the one that has the name?
            guard let named = try? FileStatus(path: path, followLinks: false), let own = try? FileStatus(of: lock), named.inode == own.inode else { continue }
            held.add(directory, name, lock)
            return CellSpec.Source(path: path, status: named)
        }
        throw SystemError("mkdirat", path, 16 /* EBUSY */)
    }
}

extension FileStatus {
    /// Whether this only keeps a name.
    var isPlaceholder: Bool {
        modified == Placeholders.mark && (kind == .directory && mode == Placeholders.mode || kind == .regular && mode == Placeholders.fileMode)
    }
}

/// Descriptors and names that the janitor gets a copy of.
private struct Held: ~Copyable {
    private var directories: [Int32] = []
    private var locks: [Int32] = []
    private var names: [String] = []

    var isEmpty: Bool { names.isEmpty }

    mutating func add(_ directory: consuming Descriptor, _ name: String, _ lock: consuming Descriptor) {
        directories.append(directory.release())
        locks.append(lock.release())
        names.append(name)
    }

    /// Without a janitor nothing may stay.
    func removeAll() {
        for i in names.indices {
            for flags in [0x200 /* AT_REMOVEDIR */, 0] {
                _ = unsafe names[i].withCString { rawCall(263, Int(directories[i]), Int(bitPattern: $0), flags) }
            }
        }
    }

    func withPointers(_ body: (UnsafePointer<Int32>, UnsafePointer<UnsafePointer<CChar>>, UnsafePointer<Int32>, UInt32) -> Int) -> Int {
        unsafe CStrings(names).withPointers { names in
            unsafe directories.withUnsafeBufferPointer { directories in
                unsafe locks.withUnsafeBufferPointer { locks in
                    unsafe body(directories.baseAddress!, names, locks.baseAddress!, UInt32(locks.count))
                }
            }
        }
    }

    deinit { Descriptor.closeAll(directories + locks) }
}
