// SPDX-License-Identifier: Apache-2.0
//
// The words of `syscalls:`. What each opens is the business of Syscalls; here a word only has to be one.

import Config

enum ProfileGrant {
    static let families = [
        "exec", "spawn", "fs-mutate", "net-client", "net-server", "unix-socket", "netlink-route", "jit", "memfd", "sysv-ipc", "mqueue", "aio",
        "inotify", "sched", "mlock", "splice", "sync",
    ]
    static let requests = ["ioctl:", "prctl:", "setsockopt:"]
    static let forbidden = [
        "kernel-image", "io-uring", "kernel-programs", "keyrings", "namespaces", "clone3", "ptrace", "handles", "host", "memory", "personality",
        "terminal-injection", "sockets",
    ]

    static func checkAllowed(_ word: String) throws(ProfileFault) {
        if families.contains(word) { return }
        if let prefix = requests.first(where: { word.hasPrefix($0) }) {
            let name = word.dropFirst(prefix.count)
            if !name.isEmpty, name.utf8.allSatisfy(isWordByte) { return }
            throw ProfileFault(message: "\(quoted(word)) names no request", help: "write \(prefix)NAME, such as `ioctl:TIOCGPTPEER`")
        }
        if forbidden.contains(word) {
            throw ProfileFault(message: "\(quoted(word)) cannot be allowed", help: "nothing should need it; `unsafe: [\(word)]` grants it all the same")
        }
        throw unknown(word, families + requests)
    }

    static func checkUnsafe(_ word: String) throws(ProfileFault) {
        if forbidden.contains(word) { return }
        if families.contains(word) { throw ProfileFault(message: "\(quoted(word)) is not forbidden", help: "write it under `allow:`") }
        throw unknown(word, forbidden)
    }

    private static func unknown(_ word: String, _ words: [String]) -> ProfileFault {
        ProfileFault(
            message: "unknown family \(quoted(word))",
            help: nearest(word, in: words).map { "did you mean `\($0)`?" } ?? "families: \(words.joined(separator: ", "))")
    }

    /// Letters, digits, `_`, and `,` between the numbers of a socket option.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x2c: true
        default: false
        }
    }
}
