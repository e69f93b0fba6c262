// SPDX-License-Identifier: Apache-2.0
// One control group: a folder of cgroupfs, by its path, that is made, set, read and removed. It owns nothing. The same calls serve both versions, since a
// group is a folder with files in each; which files mean what is Sandbox's business. Nothing here moves a running process:
// a cell is cloned into its group, or joins by `tasks` while it has one thread. Kernel: cgroups(7), Documentation/admin-guide/cgroup-v2.

import CLinux
import Glibc

package struct Cgroup: Equatable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Makes it. Its parent must exist.
    /// - Throws: `EACCES` or `EROFS` where it is not ours to make, `EEXIST`, `EAGAIN` at the parent's bound of descendants.
    package func make() throws(SystemError) { try checkErrno("mkdir", path) { unsafe mkdir(path, 0o755) } }

    /// Writes one of its files. - Throws: `ENOENT` for a file that this kernel or controller lacks, `EINVAL` for a value out of its range.
    package func set(_ file: String, to value: String) throws(SystemError) {
        let opened = try Files.open(path + "/" + file, O_WRONLY)
        do { try opened.writeAll(Array(value.utf8)) } catch { throw SystemError("write", path + "/" + file, error.code) }
    }

    /// The text of one of its files; nil where there is none.
    package func text(_ file: String) -> String? { try? Files.text(path + "/" + file) }

    /// A file that holds one number; nil where there is none, or it says `max`.
    package func value(_ file: String) -> UInt64? { text(file).flatMap { UInt64($0.prefix { $0 != "\n" }) } }

    /// One number of a file of `key value` lines, such as `oom_kill 3`.
    package static func field(_ key: String, of text: String) -> UInt64? {
        for line in text.split(separator: "\n") {
            guard line.hasPrefix(key) else { continue }
            let rest = line.utf8.dropFirst(key.utf8.count)
            if rest.first == 0x20 { return UInt64(String(Substring(rest.dropFirst()))) }
        }
        return nil
    }

    /// Removes the group; one whose last process is only just gone may need some milliseconds.
    /// - Returns: whether it is gone.
    package func remove(patience attempts: Int = 20) -> Bool {
        for attempt in 0..<max(1, attempts) {
            if attempt > 0 { usleep(1000) }
            if unsafe rmdir(path) == 0 || errno == ENOENT { return true }
        }
        return false
    }

    /// What is mounted at a path, as far as groups are concerned. Kernel: statfs(2).
    package enum Mount: Sendable { case v1, v2, other }

    package static func mount(at path: String) -> Mount {
        var file = statfs()
        guard unsafe statfs(path, &file) == 0 else { return .other }
        switch file.f_type {
        case 0x6367_7270: return .v2  // CGROUP2_SUPER_MAGIC
        case 0x0027_e0eb: return .v1  // CGROUP_SUPER_MAGIC
        default: return .other
        }
    }
}
