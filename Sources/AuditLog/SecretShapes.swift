// SPDX-License-Identifier: Apache-2.0
//
// How secrets are named and what well-known ones look like: prefixes that their makers publish so that they can be found. A table, and the
// matching of its rows; what is done about a match is Redactor's.

enum SecretShapes {
    /// Whole names, in lower case without `-`, `_` and `.`.
    static let names: Set<String> = [
        "auth", "authorization", "proxyauthorization", "cookie", "setcookie", "credentials", "credential", "passwd", "pwd", "pass", "pin", "otp", "bearer",
        "jwt", "apikey", "xapikey", "sessionid", "connectionstring", "dsn", "pgpassword", "mysqlpwd",
    ]
    /// Ends of names: `db_password`, `AWS_SECRET_ACCESS_KEY`, `client-secret`; not `max_tokens`.
    static let endings = [
        "password", "passphrase", "secret", "token", "apikey", "secretkey", "privatekey", "accesskey", "accesskeyid", "signingkey", "encryptionkey",
        "authkey", "secretaccesskey",
    ]

    /// A prefix, what may follow it, and how much of that there must be.
    struct Shape: Sendable {
        let prefix: [UInt8]
        let least: Int
        let isMember: @Sendable (UInt8) -> Bool

        init(_ prefix: String, _ least: Int, _ isMember: @escaping @Sendable (UInt8) -> Bool) {
            self.prefix = Array(prefix.utf8)
            self.least = least
            self.isMember = isMember
        }
    }

    static let shapes: [Shape] = [
        Shape("AKIA", 16, isUpperOrDigit), Shape("ASIA", 16, isUpperOrDigit),
        Shape("ghp_", 30, isWord), Shape("gho_", 30, isWord), Shape("ghu_", 30, isWord), Shape("ghs_", 30, isWord), Shape("ghr_", 30, isWord),
        Shape("github_pat_", 30, isWord), Shape("glpat-", 18, isToken), Shape("sk-", 20, isToken), Shape("sk_live_", 16, isWord),
        Shape("sk_test_", 16, isWord), Shape("rk_live_", 16, isWord), Shape("xoxb-", 10, isToken), Shape("xoxp-", 10, isToken),
        Shape("xoxa-", 10, isToken), Shape("xoxs-", 10, isToken), Shape("xoxr-", 10, isToken), Shape("xapp-", 10, isToken), Shape("AIza", 30, isToken),
        Shape("ya29.", 20, isToken), Shape("npm_", 30, isWord), Shape("pypi-", 30, isToken), Shape("hf_", 30, isWord), Shape("dop_v1_", 30, isWord),
        Shape("SG.", 30, isTokenOrDot), Shape("eyJ", 20, isTokenOrDot), Shape("AGE-SECRET-KEY-1", 30, isUpperOrDigit),
        Shape("-----BEGIN ", 10, { _ in true }), Shape("://", 3, { _ in true }), Shape("Bearer ", 8, isTokenOrDot), Shape("Basic ", 8, isTokenOrDot),
    ]

    /// The shapes by their first byte.
    private static let byBegin: [[Shape]] = (0..<256).map { byte in shapes.filter { $0.prefix[0] == UInt8(byte) } }

    /// Which bytes can begin a match, so that the others cost one look-up.
    struct Begins: Sendable {
        static let shape: UInt8 = 1
        static let value: UInt8 = 2
        static let assignment: UInt8 = 4
        private let kinds: [UInt8]

        init(values: [[UInt8]]) {
            var kinds = [UInt8](repeating: 0, count: 256)
            for shape in shapes { kinds[Int(shape.prefix[0])] |= Self.shape }
            for value in values { kinds[Int(value[0])] |= Self.value }
            kinds[0x3d] |= Self.assignment
            kinds[0x3a] |= Self.assignment
            self.kinds = kinds
        }

        func kind(_ byte: UInt8) -> UInt8 { kinds[Int(byte)] }
    }

    /// The secret that begins there by its shape.
    static func token(in text: Span<UInt8>, at place: Int) -> Range<Int>? {
        // Within a longer word it is something else: `task-...` is no `sk-...`.
        let isWithin = place > 0 && isWord(text[place - 1]) && isWord(text[place])
        if isWithin { return nil }
        for shape in byBegin[Int(text[place])] where begins(text, at: place, with: shape.prefix) {
            let after = place + shape.prefix.count
            switch shape.prefix.first {
            case 0x2d:
                if let range = privateKey(in: text, at: place) { return range }
            case 0x3a:
                if let range = userPassword(in: text, from: after) { return range }
            default:
                var end = after
                while end < text.count, shape.isMember(text[end]) { end += 1 }
                if end - after < shape.least { continue }
                let isScheme = shape.prefix.last == 0x20
                if shape.prefix == Array("eyJ".utf8), !(after..<end).contains(where: { text[$0] == 0x2e }) { continue }
                return (isScheme ? after : place)..<end
            }
        }
        return nil
    }

    /// From `-----BEGIN ... PRIVATE KEY-----` to its end, or that of the text.
    private static func privateKey(in text: Span<UInt8>, at place: Int) -> Range<Int>? {
        let (words, closing) = (Array("PRIVATE KEY".utf8), Array("-----END ".utf8))
        var at = place + 11
        while at < min(text.count, place + 64), !begins(text, at: at, with: words) { at += 1 }
        guard begins(text, at: at, with: words) else { return nil }
        while at < text.count, !begins(text, at: at, with: closing) { at += 1 }
        at = min(text.count, at + closing.count)
        while at < text.count, isUpperOrDigit(text[at]) || text[at] == 0x20 { at += 1 }
        while at < text.count, text[at] == 0x2d { at += 1 }
        return place..<at
    }

    /// The password in `scheme://user:password@host`.
    private static func userPassword(in text: Span<UInt8>, from begin: Int) -> Range<Int>? {
        var at = begin
        var colon: Int?
        while at < text.count, at - begin < 512, text[at] > 0x20, text[at] != 0x2f, text[at] != 0x3f, text[at] != 0x23, text[at] != 0x22, text[at] != 0x40 {
            if text[at] == 0x3a, colon == nil { colon = at }
            at += 1
        }
        guard at < text.count, text[at] == 0x40, let colon, at > colon + 1 else { return nil }
        return (colon + 1)..<at
    }

    private static func begins(_ text: Span<UInt8>, at place: Int, with prefix: [UInt8]) -> Bool {
        prefix.count <= text.count - place && prefix.indices.allSatisfy { text[place + $0] == prefix[$0] }
    }

    static func isScheme(in text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        ["bearer", "basic", "token", "digest"].contains { scheme in
            scheme.utf8.count == range.count && zip(range, scheme.utf8).allSatisfy { text[$0] | 0x20 == $1 }
        }
    }

    static func isName(_ byte: UInt8) -> Bool { isWord(byte) || byte == 0x2d || byte == 0x2e }

    /// What ends a value that is not quoted.
    static func endsValue(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x22 || byte == 0x27 || byte == 0x2c || byte == 0x3b || byte == 0x26 || byte == 0x7d || byte == 0x29
    }

    static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f: true
        default: false
        }
    }

    private static func isUpperOrDigit(_ byte: UInt8) -> Bool { 0x41...0x5a ~= byte || 0x30...0x39 ~= byte }
    private static func isToken(_ byte: UInt8) -> Bool { isWord(byte) || byte == 0x2d }
    private static func isTokenOrDot(_ byte: UInt8) -> Bool { isToken(byte) || byte == 0x2e || byte == 0x2b || byte == 0x2f || byte == 0x3d }
}
