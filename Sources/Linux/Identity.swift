// SPDX-License-Identifier: Apache-2.0
// Who this process is, and which ids its user namespace knows. Kernel: credentials(7), user_namespaces(7).

import Glibc

package enum Identity {
    package static var user: UInt32 { geteuid() }
    package static var group: UInt32 { getegid() }
    package static var process: Int32 { getpid() }

    /// Whether others of this user may look into this process (ptrace, /proc/PID/mem, core dumps). A child begins with its
    /// parent's setting, and one that is not dumpable cannot write its own uid_map. Kernel: prctl(2), PR_SET_DUMPABLE.
    package static func setDumpable(_ on: Bool) { _ = rawCall(157, 4, on ? 1 : 0) }

    /// Number of supplementary groups.
    package static var supplementaryGroups: Int { Int(max(0, getgroups(0, nil))) }

    /// One line of a uid_map or gid_map: `count` ids from `inside` are `outside` in the parent namespace.
    package struct MapRange: Equatable, Sendable {
        package let inside: UInt32
        package let outside: UInt32
        package let count: UInt32
        package init(inside: UInt32, outside: UInt32, count: UInt32) {
            self.inside = inside
            self.outside = outside
            self.count = count
        }
    }

    /// The lines of /proc/self/uid_map or gid_map; lines that are not three numbers are left out.
    package static func parseMap(_ text: String) -> [MapRange] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ").compactMap { UInt32($0) }
            return fields.count == 3 ? MapRange(inside: fields[0], outside: fields[1], count: fields[2]) : nil
        }
    }
}
