// SPDX-License-Identifier: Apache-2.0
// User namespaces for id-mapped mounts: made by a throw-away child, kept by descriptor, one for each mount.
// Kernel: mount_setattr(2) with MOUNT_ATTR_IDMAP, user_namespaces(7).

import CLinux
import Glibc
import Linux

struct IDMap: ~Copyable {
    private let proc: Int32

    init(proc: borrowing Descriptor) { self.proc = proc.number }

    /// Whether mount_setattr said that this file system cannot be mapped (EINVAL), or not by us (EPERM: its user namespace).
    static func isUnsupported(_ code: Int32) -> Bool { code == EINVAL || code == EPERM || code == EOPNOTSUPP }

    /// A namespace in which `owner` of the disk is `user` of the mount. The mount keeps it when the descriptor is closed.
    func namespace(from owner: UInt32, _ ownerGroup: UInt32, to user: UInt32, _ group: UInt32) throws -> Descriptor {
        let release = try Pipe()
        var number: Int32 = -1
        let pid = unsafe cl_hold_namespace(UInt64(Namespaces.user.rawValue), release.read.number, &number)
        if pid < 0 { throw SystemError("clone3", "a user namespace for an id-mapped mount", Int32(-pid)) }
        let holder = Pidfd(Descriptor(owning: number))
        defer { holder.kill() }
        for (file, from, to) in [("gid_map", ownerGroup, group), ("uid_map", owner, user)] {
            let map = try Files.open("\(pid)/\(file)", O_WRONLY, under: proc)
            try map.writeAll(Array("\(from) \(to) 1\n".utf8))
        }
        return try Files.open("\(pid)/ns/user", O_RDONLY, under: proc)
    }
}
