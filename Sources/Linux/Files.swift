// SPDX-License-Identifier: Apache-2.0
// Files by path and by descriptor: identity, kind, owner, reading small files. Kernel: openat2(2), stat(2), readlink(2).

import Glibc

/// What stat tells of a file.
package struct FileStatus: Equatable, Sendable {
    package enum Kind: Sendable { case directory, regular, symlink, characterDevice, blockDevice, fifo, socket }
    package let kind: Kind
    package let device: UInt64
    package let inode: UInt64
    /// Permission bits with setuid, setgid and sticky.
    package let mode: UInt32
    package let owner: UInt32
    package let group: UInt32
    /// Bytes.
    package let size: Int
    /// Modification time, seconds since 1970.
    package let modified: Int
    package let links: UInt64
    package let rawDevice: UInt64

    /// Whether a descriptor is one of a socket.
    package static func isSocket(_ number: Int32) -> Bool { (try? FileStatus(of: number))?.kind == .socket }

    init(_ raw: stat) {
        switch raw.st_mode & S_IFMT {
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symlink
        case S_IFCHR: kind = .characterDevice
        case S_IFBLK: kind = .blockDevice
        case S_IFIFO: kind = .fifo
        case S_IFSOCK: kind = .socket
        default: kind = .regular
        }
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        mode = raw.st_mode & 0o7777
        owner = raw.st_uid
        group = raw.st_gid
        size = Int(raw.st_size)
        modified = raw.st_mtim.tv_sec
        links = UInt64(raw.st_nlink)
        rawDevice = UInt64(raw.st_rdev)
    }

    /// nil if there is no such file, or it cannot be asked about.
    package init?(at path: String, followLinks: Bool) {
        var raw = stat()
        guard unsafe KernelText.with(path, { unsafe fstatat(AT_FDCWD, $0, &raw, followLinks ? 0 : AT_SYMLINK_NOFOLLOW) }) == 0 else { return nil }
        self.init(raw)
    }

    package init(path: String, followLinks: Bool = true) throws(SystemError) {
        var raw = stat()
        try checkErrno("stat", path) { unsafe KernelText.with(path) { unsafe fstatat(AT_FDCWD, $0, &raw, followLinks ? 0 : AT_SYMLINK_NOFOLLOW) } }
        self.init(raw)
    }

    package init(of descriptor: borrowing Descriptor) throws(SystemError) { try self.init(of: descriptor.number) }

    package init(of number: Int32) throws(SystemError) {
        var raw = stat()
        try checkErrno("fstat", "descriptor \(number)") { unsafe fstat(number, &raw) }
        self.init(raw)
    }
}

package enum Files {
    /// The directory that relative paths count from. - Kernel: AT_FDCWD
    package static let workingDirectory: Int32 = -100

    /// Opens a path, close-on-exec. `flags` as of open(2).
    package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0, under directory: Int32 = Files.workingDirectory) throws(SystemError)
        -> Descriptor
    {
        let number = try checkErrno("open", path) { unsafe KernelText.with(path) { unsafe openat(directory, $0, flags | O_CLOEXEC, mode) } }
        return number > 2 ? Descriptor(owning: number) : try Descriptor(owning: number).duplicate()
    }

    /// The whole of a small file. - Throws: `EFBIG` past `limit` bytes.
    package static func read(_ path: String, limit: Int = 1 << 20, under directory: Int32 = Files.workingDirectory) throws(SystemError) -> [UInt8] {
        do {
            let file = try open(path, O_RDONLY, under: directory)
            return try file.readAll(limit: limit)
        } catch {
            throw error.object.hasPrefix("descriptor") ? SystemError("read", path, error.code) : error
        }
    }

    /// The same as text; bytes that are not UTF-8 are replaced.
    package static func text(_ path: String, limit: Int = 1 << 20, under directory: Int32 = Files.workingDirectory) throws(SystemError) -> String {
        String(decoding: try read(path, limit: limit, under: directory), as: UTF8.self)
    }

    /// The target of a symbolic link. Kernel: readlink(2).
    package static func link(_ path: String, under directory: Int32 = Files.workingDirectory) throws(SystemError) -> String {
        guard let target = linkIfAny(path, under: directory) else { throw SystemError("readlink", path, errno) }
        return target
    }

    /// The same; nil where there is no link, as most often.
    package static func linkIfAny(_ path: String, under directory: Int32 = Files.workingDirectory) -> String? {
        // 1,024 bytes are the most that lie on the stack; only a longer target is asked for again.
        let (count, target) = readLink(path, directory, room: 1024)
        return count < 1024 ? target : readLink(path, directory, room: 4096).target
    }

    private static func readLink(_ path: String, _ directory: Int32, room: Int) -> (count: Int, target: String?) {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) { buffer in
            let count = unsafe KernelText.with(path) { unsafe readlinkat(directory, $0, buffer.baseAddress!, buffer.count) }
            return count < 0 ? (count, nil) : (count, unsafe KernelText.text(UnsafeRawBufferPointer(start: buffer.baseAddress!, count: count)))
        }
    }

    /// The absolute path with every link resolved. C library: realpath(3).
    package static func resolve(_ path: String) throws(SystemError) -> String {
        guard let resolved = unsafe KernelText.with(path, { unsafe realpath($0, nil) }) else { throw SystemError("realpath", path, errno) }
        defer { unsafe free(resolved) }
        return unsafe KernelText.text(resolved)
    }

    /// Whether this process may execute (or read, write) the path. Kernel: faccessat2(2) with AT_EACCESS.
    package static func allows(_ path: String, _ mode: Int32) -> Bool { unsafe KernelText.with(path) { unsafe faccessat(AT_FDCWD, $0, mode, AT_EACCESS) } == 0 }

    package static func exists(_ path: String) -> Bool { (try? FileStatus(path: path, followLinks: false)) != nil }

    /// The current directory. - Throws: `ENOENT` when it was removed.
    package static func currentDirectory() throws(SystemError) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = try check("getcwd") { unsafe buffer.withUnsafeMutableBytes { rawCall(79, Int(bitPattern: $0.baseAddress), $0.count) } }
        return unsafe buffer.withUnsafeBytes { unsafe KernelText.text(UnsafeRawBufferPointer(rebasing: $0[0..<max(0, length - 1)])) }
    }

    /// Makes a folder that is open the current directory. - Returns: false where it cannot be. Kernel: fchdir(2).
    package static func change(to folder: borrowing Descriptor) -> Bool { fchdir(folder.number) == 0 }

    /// Names in a directory, unsorted, without `.` and `..`; at most `limit`.
    package static func list(_ path: String, limit: Int = 100_000) throws(SystemError) -> [String] {
        guard let directory = unsafe KernelText.with(path, { unsafe opendir($0) }) else { throw SystemError("opendir", path, errno) }
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory), names.count < limit {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe KernelText.text($0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

extension Files {
    /// Opens a path for identity only (O_PATH), refusing links anywhere in it. Kernel: openat2(2), RESOLVE_NO_SYMLINKS.
    package static func openExactly(_ path: String) throws(SystemError) -> Descriptor {
        var how: (UInt64, UInt64, UInt64) = (UInt64(O_PATH_FLAG | O_CLOEXEC | O_NOFOLLOW), 0, 0x04 | 0x02)
        let number = try check("openat2", path) {
            unsafe withUnsafePointer(to: &how) { how in
                unsafe KernelText.with(path) { rawCall(437, Int(AT_FDCWD), Int(bitPattern: $0), Int(bitPattern: how), 24) }
            }
        }
        return Descriptor(owning: Int32(number))
    }

    private static var O_PATH_FLAG: Int32 { 0o10_000_000 }

    /// Kernel: fchown(2).
    package static func changeOwner(of descriptor: borrowing Descriptor, to user: UInt32, _ group: UInt32) throws(SystemError) {
        let number = descriptor.number
        try checkErrno("fchown", "descriptor \(number)") { fchown(number, user, group) }
    }
}

extension Files {
    /// Kernel: mkdirat(2). The mode is set whatever the umask says.
    package static func makeDirectory(_ name: String, mode: UInt32, under directory: borrowing Descriptor) throws(SystemError) {
        let number = directory.number
        try checkErrno("mkdirat", name) { unsafe KernelText.with(name) { unsafe mkdirat(number, $0, mode) } }
        try checkErrno("fchmodat", name) { unsafe KernelText.with(name) { unsafe fchmodat(number, $0, mode, 0) } }
    }

    /// A new file. Kernel: openat(2) with O_EXCL, fchmod(2), write(2).
    package static func make(_ name: String, _ contents: String, mode: UInt32, under directory: borrowing Descriptor) throws(SystemError) {
        let number = directory.number
        let file = Descriptor(
            owning: try checkErrno("openat", name) { unsafe openat(number, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode) })
        let own = file.number
        try checkErrno("fchmod", name) { fchmod(own, mode) }
        try file.writeAll(Array(contents.utf8))
    }

    /// Kernel: utimensat(2).
    package static func setModified(_ file: borrowing Descriptor, seconds: Int) throws(SystemError) {
        let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        let number = file.number
        try checkErrno("futimens", "descriptor \(number)") { unsafe futimens(number, times) }
    }

    /// A shared lock, if nobody holds an exclusive one. Kernel: flock(2).
    package static func lockShared(_ file: borrowing Descriptor) -> Bool { flock(file.number, LOCK_SH | LOCK_NB) == 0 }
}
