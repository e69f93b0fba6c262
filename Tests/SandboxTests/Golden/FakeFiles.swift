// SPDX-License-Identifier: Apache-2.0
// A host's files as a table of lines, so that a cell can be planned for a machine that is not there. Links are followed as
// a kernel does; nothing is mounted, nobody else looks. Line: KIND PATH [-> TARGET] [owner N] [: CONTENTS], folders above are made.

import Glibc

@testable import Linux
@testable import Sandbox

struct FakeFiles: HostFiles {
    private enum Node {
        case directory
        case file(String, executable: Bool)
        case link(String)
        case device
        case fifo
    }

    private var nodes: [String: (node: Node, owner: UInt32, inode: UInt)] = ["/": (.directory, 0, 1)]

    /// Kinds: `d` folder, `f` file, `x` program, `l` link, `c` character device, `p` fifo.
    init(_ table: String) { add(table) }

    func adding(_ table: String) -> FakeFiles {
        var more = self
        more.add(table)
        return more
    }

    private mutating func add(_ table: String) {
        for line in table.split(separator: "\n") where !line.allSatisfy({ $0 == " " }) {
            let halves = line.split(separator: ":", maxSplits: 1)
            let words = halves[0].split(separator: " ").map(String.init)
            let contents =
                halves.count > 1 ? String(halves[1].drop { $0 == " " }).split(separator: "\\n", omittingEmptySubsequences: false).joined(separator: "\n") : ""
            var owner: UInt32 = 0
            if let at = words.firstIndex(of: "owner") { owner = UInt32(words[at + 1]) ?? 0 }
            let node: Node =
                switch words[0] {
                case "d": .directory
                case "x": .file(contents, executable: true)
                case "l": .link(words[3])
                case "c": .device
                case "p": .fifo
                default: .file(contents, executable: false)
                }
            var above = Paths.parent(words[1])
            while nodes[above] == nil {
                nodes[above] = (.directory, owner, UInt(nodes.count + 1))
                above = Paths.parent(above)
            }
            nodes[words[1]] = (node, owner, UInt(nodes.count + 1))
        }
    }

    private func walk(_ path: String, _ followLast: Bool, _ left: Int = 40) -> String? {
        guard left > 0, path.hasPrefix("/") else { return nil }
        let parts = path.split(separator: "/").map(String.init)
        var at = "/"
        for (i, part) in parts.enumerated() {
            let next = Paths.absolute(part, from: at)
            guard let node = nodes[next]?.node else { return nil }
            if case .link(let target) = node, followLast || i + 1 < parts.count {
                let rest = parts[(i + 1)...].joined(separator: "/")
                return walk(Paths.absolute(target + "/" + rest, from: at), followLast, left - 1)
            }
            if i + 1 < parts.count { guard case .directory = node else { return nil } }
            at = next
        }
        return at
    }

    func status(_ path: String, followLinks: Bool) -> FileStatus? {
        guard let real = walk(path, followLinks), let (node, owner, inode) = nodes[real] else { return nil }
        var raw = stat()
        raw.st_uid = owner
        raw.st_gid = owner
        raw.st_ino = inode
        raw.st_dev = 1
        switch node {
        case .directory: raw.st_mode = S_IFDIR | 0o755
        case .file(_, let executable): raw.st_mode = S_IFREG | (executable ? 0o755 : 0o644)
        case .link: raw.st_mode = S_IFLNK | 0o777
        case .device:
            raw.st_mode = S_IFCHR | 0o666
            raw.st_rdev = 1 << 8 | (["null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9][Paths.name(real)] ?? 0)
        case .fifo: raw.st_mode = S_IFIFO | 0o644
        }
        return FileStatus(raw)
    }

    func link(_ path: String) -> String? {
        guard let real = walk(path, false), case .link(let target)? = nodes[real]?.node else { return nil }
        return target
    }

    func list(_ path: String) -> [String] {
        guard let real = walk(path, true) else { return [] }
        return nodes.keys.filter { $0 != "/" && Paths.parent($0) == real }.map(Paths.name).sorted()
    }

    func head(_ path: String, _ count: Int) -> [UInt8]? {
        guard let real = walk(path, true), case .file(let contents, _)? = nodes[real]?.node else { return nil }
        return Array(contents.utf8.prefix(count))
    }

    func resolve(_ path: String) -> String? { walk(path, true) }

    func isExecutable(_ path: String) -> Bool {
        guard let real = walk(path, true), case .file(_, true)? = nodes[real]?.node else { return false }
        return true
    }
}

extension FakeFiles {
    /// A small Debian with merged /usr, a home of a user 1001 and a project in it.
    static let debian = FakeFiles(
        """
        l /bin -> usr/bin
        l /sbin -> usr/sbin
        l /lib -> usr/lib
        l /lib64 -> usr/lib64
        d /usr/sbin
        d /usr/lib
        d /usr/lib64
        d /usr/local/bin
        x /usr/bin/sh
        x /usr/bin/env
        l /usr/bin/python3 -> python3.11
        x /usr/bin/python3.11
        d /etc/alternatives
        d /etc/ssl/certs
        f /etc/ssl/openssl.cnf
        f /etc/ld.so.cache
        l /etc/localtime -> /usr/share/zoneinfo/Etc/UTC
        f /usr/share/zoneinfo/Etc/UTC
        f /etc/mime.types
        f /etc/protocols
        f /etc/services
        f /etc/shadow
        f /etc/resolv.conf : nameserver 192.0.2.1\\n
        f /proc/keys
        f /proc/key-users
        f /proc/kallsyms
        c /dev/null
        c /dev/zero
        c /dev/full
        c /dev/random
        c /dev/urandom
        d /home/u owner 1001
        d /home/u/project/src owner 1001
        d /home/u/project/.git/hooks owner 1001
        f /home/u/project/.git/config owner 1001
        f /home/u/.gitconfig owner 1001
        d /home/u/.ssh owner 1001
        d /home/u/tools owner 1001
        d /tmp
        d /proc
        d /sys
        d /srv
        """)
}
