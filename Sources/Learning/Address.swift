// SPDX-License-Identifier: Apache-2.0
// Texts that the kernel was given, made comparable: socket addresses and paths. Looks at nothing. Source: unix(7), ip(7), ipv6(7).

extension LearnedRun {
    /// `/run/x.sock`, `@abstract`, `10.0.0.1:443`, `[20010db8...]:443`; nil for what names nobody.
    package static func address(_ bytes: [UInt8]) -> String? {
        guard bytes.count > 2 else { return nil }
        func port() -> Int { Int(bytes[2]) << 8 | Int(bytes[3]) }
        switch UInt16(bytes[0]) | UInt16(bytes[1]) << 8 {
        case 1:
            if bytes[2] == 0 { return bytes.count > 3 ? "@" + String(decoding: bytes[3...].map { $0 == 0 ? 0x40 : $0 }, as: UTF8.self) : nil }
            let path = bytes[2...].prefix { $0 != 0 }
            return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
        case 2 where bytes.count >= 8: return bytes[4..<8].map(String.init).joined(separator: ".") + ":\(port())"
        case 10 where bytes.count >= 24:
            let parts = stride(from: 8, to: 24, by: 2).map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
            return "[\(parts.joined(separator: ":"))]:\(port())"
        default: return nil
        }
    }

    /// Without `.`, `..` and doubled slashes, by the text alone.
    package static func normal(_ path: String) -> String {
        // Nearly all are so already, and a learning run waits for each.
        var last: UInt8 = 0
        var isNormal = path.utf8.first == 0x2f
        for byte in path.utf8 {
            if last == 0x2f && (byte == 0x2f || byte == 0x2e) { isNormal = false }
            last = byte
        }
        if isNormal && last != 0x2f { return path }
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
