// SPDX-License-Identifier: Apache-2.0
// Reading and writing at places of a file, its blocks and its way to the disk, and files that appear whole or not at all. Kernel:
// pread(2), pwrite(2), posix_fallocate(3), ftruncate(2), fdatasync(2), fsync(2), rename(2).

import Glibc

package enum Storage {
    /// At most `count` bytes from a place; fewer only at the end of the file. Kernel: pread(2).
    package static func read(_ file: borrowing Descriptor, at place: Int, count: Int) throws(SystemError) -> [UInt8] {
        let number = file.number
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            do throws(SystemError) {
                while done < count {
                    let part = try checkErrno("pread", "descriptor \(number)") { unsafe pread(number, buffer.baseAddress! + done, count - done, place + done) }
                    if part == 0 { break }
                    done += part
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// All of it, from a place on. Kernel: pwrite(2).
    package static func write(_ bytes: [UInt8], to file: borrowing Descriptor, at place: Int) throws(SystemError) {
        let number = file.number
        var done = 0
        while done < bytes.count {
            let start = done
            done += try checkErrno("pwrite", "descriptor \(number)") {
                unsafe bytes.withUnsafeBytes { unsafe pwrite(number, $0.baseAddress! + start, $0.count - start, place + start) }
            }
        }
    }

    /// Blocks for a range, the file as long as its end: writing there cannot fail for want of space. C library: posix_fallocate(3), which
    /// is fallocate(2) where the file system has it and writes to each block where not.
    package static func allocate(_ file: borrowing Descriptor, from place: Int, count: Int) throws(SystemError) {
        let number = file.number
        try check("fallocate", "descriptor \(number)") { -Int(posix_fallocate(number, place, count)) }
    }

    /// Kernel: ftruncate(2).
    package static func truncate(_ file: borrowing Descriptor, to size: Int) throws(SystemError) {
        let number = file.number
        try checkErrno("ftruncate", "descriptor \(number)") { ftruncate(number, size) }
    }

    /// The data of a file, and what is needed to find it. Kernel: fdatasync(2).
    package static func synchroniseData(_ file: borrowing Descriptor) throws(SystemError) {
        let number = file.number
        try checkErrno("fdatasync", "descriptor \(number)") { fdatasync(number) }
    }

    /// The data of a file by its name. Kernel: fdatasync(2).
    package static func synchroniseData(of path: String) throws(SystemError) { try synchroniseData(try Files.open(path, O_RDONLY)) }

    /// Everything of the file system that holds this folder, others' files too: one wait instead of one for each of many files. Kernel:
    /// syncfs(2), which tells of failed writes since 5.8.
    package static func synchroniseFileSystem(of folder: String) throws(SystemError) {
        let file = try Files.open(folder, O_RDONLY)
        let number = Int(file.number)
        try check("syncfs", folder) { rawCall(306, number) }
    }

    /// A file or folder with its names. Kernel: fsync(2).
    package static func synchronise(_ path: String) throws(SystemError) {
        let file = try Files.open(path, O_RDONLY)
        let number = file.number
        try checkErrno("fsync", path) { fsync(number) }
    }

    /// A file with this content under this name, whole or not at all: written beside it, then renamed over it.
    /// - Parameter isSynchronised: whether its data is on disk before it has the name. The name itself is the caller's to synchronise.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600, isSynchronised: Bool) throws(SystemError) {
        let beside = "\(path).\(getpid()).new"
        do {
            let file = try Files.open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
            try file.writeAll(bytes)
            if isSynchronised { try synchroniseData(file) }
            try rename(beside, path)
        } catch {
            _ = unsafe unlink(beside)
            throw error
        }
    }

    /// Kernel: rename(2).
    package static func rename(_ from: String, _ to: String) throws(SystemError) {
        try checkErrno("rename", to) { unsafe Glibc.rename(from, to) }
    }

    /// Nothing happens where there is none. Kernel: unlink(2).
    package static func remove(_ path: String) throws(SystemError) {
        do { try checkErrno("unlink", path) { unsafe unlink(path) } } catch { if error.code != ENOENT { throw error } }
    }

    /// Kernel: rmdir(2); nothing happens where there is none.
    package static func removeFolder(_ path: String) throws(SystemError) {
        do { try checkErrno("rmdir", path) { unsafe rmdir(path) } } catch { if error.code != ENOENT { throw error } }
    }

    /// A folder and those above it, of this mode where they are made. Kernel: mkdir(2).
    package static func makeFolders(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
        if unsafe mkdir(path, mode) == 0 { return }
        let code = errno
        if code == EEXIST { return }
        let parent = path.split(separator: "/", omittingEmptySubsequences: true).dropLast().joined(separator: "/")
        guard code == ENOENT, !parent.isEmpty else { throw SystemError("mkdir", path, code) }
        try makeFolders(path.hasPrefix("/") ? "/" + parent : parent, mode: mode)
        do { try checkErrno("mkdir", path) { unsafe mkdir(path, mode) } } catch { if error.code != EEXIST { throw error } }
    }
}
