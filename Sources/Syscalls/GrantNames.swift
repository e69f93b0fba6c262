// SPDX-License-Identifier: Apache-2.0
//
// The words of a profile's `syscalls: allow:` and `unsafe:` lists: families, forbidden groups, and single requests as
// `ioctl:TIOCGPTPEER`, `prctl:PR_SET_MM` or `setsockopt:TCP_ULP`, each also as numbers (`ioctl:0x5441`, `setsockopt:6,31`).

import Config

extension SyscallPolicy {
    /// Adds what a word of `allow:` grants.
    /// - Throws: `unknownName` with the nearest spelling; `onlyUnsafe` for forbidden groups and requests.
    public mutating func allow(_ word: String) throws(SyscallError) {
        if let family = Family(named: word) {
            families.insert(family)
            return
        }
        if let group = Forbidden(named: word) { throw .onlyUnsafe(word, group: group) }
        let parts = word.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { throw .unknownName(word, nearest: nearest(word, in: Family.allCases.map(\.name))) }
        let item = parts[1]
        switch parts[0] {
        case "ioctl":
            let request = try Self.value(item, Request.names, in: word)
            if Request.injecting.contains(request) { throw .onlyUnsafe(word, group: .terminalInjection) }
            grant(ioctl: request)
        case "prctl":
            grant(prctl: try Self.value(item, ProcessOption.names, in: word))
        case "setsockopt":
            grant(try Self.socketOption(item, in: word))
        default:
            throw .unknownName(word, nearest: nearest(word, in: ["ioctl:", "prctl:", "setsockopt:"]))
        }
    }

    /// Adds a forbidden group, by its name.
    /// - Throws: `unknownName`.
    public mutating func allowUnsafe(_ word: String) throws(SyscallError) {
        guard let group = Forbidden(named: word) else {
            throw .unknownName(word, nearest: nearest(word, in: Forbidden.allCases.map(\.name)))
        }
        unsafe.insert(group)
    }

    private static func value(
        _ item: Substring, _ names: [(name: String, value: UInt32)], in word: String
    ) throws(SyscallError) -> UInt32 {
        if let known = names.first(where: { $0.name == item }) { return known.value }
        if let number = number(item) { return number }
        let prefix = word.prefix { $0 != ":" }
        throw .unknownName(word, nearest: nearest(String(item), in: names.map(\.name)).map { "\(prefix):\($0)" })
    }

    private static func socketOption(_ item: Substring, in word: String) throws(SyscallError) -> SocketOption {
        if let known = SocketOption.names.first(where: { $0.name == item }) {
            return SocketOption(level: known.level, option: known.option)
        }
        let parts = item.split(separator: ",", omittingEmptySubsequences: false)
        if parts.count == 2, let level = number(parts[0]), let option = number(parts[1]) {
            return SocketOption(level: level, option: option)
        }
        throw .unknownName(word, nearest: nearest(String(item), in: SocketOption.names.map(\.name)).map { "setsockopt:\($0)" })
    }

    private static func number(_ text: Substring) -> UInt32? {
        text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
    }
}
