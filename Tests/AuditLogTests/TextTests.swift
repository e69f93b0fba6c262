// SPDX-License-Identifier: Apache-2.0
//
// What is taken out before a record is hashed, and that nothing a tool writes makes a second line or hides one.

@testable import AuditLog
import Foundation
import JSON
import Testing

@Suite("secrets")
struct RedactionTests {
    static let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

    @Test(arguments: [
        ("AKIAIOSFODNN7EXAMPLE is a key", "[redacted] is a key"),
        ("token ghp_0123456789abcdefghijABCDEFGHIJ012345!", "token [redacted]!"),
        ("sk-proj-0123456789abcdefghij", "[redacted]"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: [redacted]"),
        ("curl -H 'Authorization: Basic dXNlcjpwYXNz'", "curl -H 'Authorization: [redacted]'"),
        ("password=hunter2 next", "password=[redacted] next"),
        ("DB_PASSWORD: \"two words\" rest", "DB_PASSWORD: \"[redacted]\" rest"),
        (#"{"password": "x", "a": 1}"#, #"{"password": "[redacted]", "a": 1}"#),
        ("--api-key=abc&x", "--api-key=[redacted]&x"),
        ("postgres://app:s3cret@db/x", "postgres://app:[redacted]@db/x"),
        ("jwt \(Self.jwt).", "jwt [redacted]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "[redacted]\nafter"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[redacted]"),
        ("xoxb-1234567890-abcdef", "[redacted]"),
    ])
    func `a secret is taken out by its shape or its name`(text: String, expected: String) {
        #expect(Redactor().redacted(text) == expected)
    }

    @Test(arguments: [
        "max_tokens=512", "tokens_in: 12", "https://example.org/a:b", "task-0123456789abcdefghijklmn", "a mask-like sk-short", "time: 12:30",
        "-----BEGIN CERTIFICATE-----\nMIIE",
        "keyboard=us", "the password is not here", "user@host:path", "ghp_short", "",
    ])
    func `what is none stays`(text: String) { #expect(Redactor().redacted(text) == text) }

    @Test func `members, options and known values`() throws {
        let redactor = Redactor(names: ["X-Internal-Id"], values: ["correct horse", "abc"])
        let value = try Value(
            parsing: #"""
                {"api_key":"k","apiKey":["k"],"nested":{"clientSecret":{"a":1},"token":null,"tokens_in":5,"x_internal_id":7},
                "argv":["login","--password","p","--user","u"],"note":"say correct horse, abc"}
                """#)
        #expect(
            redactor.redacted(value).serialised() == #"""
                {"api_key":"[redacted]","apiKey":"[redacted]","nested":{"clientSecret":"[redacted]","token":null,"tokens_in":5,"x_internal_id":"[redacted]"},"argv":["login","--password","[redacted]","--user","u"],"note":"say [redacted], abc"}
                """#)
    }

    @Test func `no secret is in any file of the log`() throws {
        let ground = try Ground()
        let secrets = ["s3cr3t-value-of-ours", "AKIAIOSFODNN7EXAMPLE", "hunter2hunter2", "ghp_0123456789abcdefghijABCDEFGHIJ012345"]
        let log = try ground.open(redactor: Redactor(values: [secrets[0]]))
        for secret in secrets {
            var entry = record(0)
            entry.principal = "Agent \(secret == secrets[2] ? "password=" : "")\(secret)"
            entry.errors = ["PASSWORD='\(secret)'"]
            entry.policies = ["https://u:\(secret)@h/"]
            entry.data = ["password": .string(secret), "list": ["--token", .string(secret)], "deep": ["text": .string("token: \(secret)")]]
            entry.body = try log.append(body: ["secret": .string(secret), "command": .string("curl -u x --api-key=\(secret)")])
            _ = try log.wait(for: try log.append(entry))
        }
        for isPublished in [false, true] {
            if isPublished { _ = try log.publish() }
            for name in ground.files() {
                let bytes = try ground.bytes(name)
                for secret in secrets { #expect(bytes.firstRange(of: Array(secret.utf8)) == nil, "\(secret) is in \(name)") }
            }
        }
        try log.close()
        #expect(ground.fault() == nil)
    }
}

@Suite("what is shown")
struct ShownTests {
    static let hostile = [
        "two\nlines", "\r\n9 2026-01-01T00:00:00.000000Z decision outcome=allow", "\u{1b}[2J\u{1b}[31mred", "\u{7}bell\u{8}\u{8}", "\u{9b}31m", "\u{202e}drow",
        "\u{2028}line",
        "a\u{0}b", "\u{feff}", "\u{85}next", "quote\" outcome=allow", "\\n", " leading", "emoji \u{1f600}",
    ]

    @Test(arguments: Self.hostile)
    func `whatever a tool says is one line, and inert`(text: String) throws {
        let ground = try Ground()
        let log = try ground.open()
        var entry = record(0)
        (entry.principal, entry.tool, entry.outcome, entry.errors, entry.data) = (text, text, text, [text], ["k": .string(text), text: 1])
        _ = try log.wait(for: try log.append(entry))
        try log.close()
        try ground.reader.read { (number, entry) throws(LogError) in
            let line = ShownRecord(number: number, entry: entry).line
            for scalar in line.unicodeScalars {
                #expect(
                    scalar.value >= 0x20 && !(0x7f...0x9f ~= scalar.value) && ![0x2028, 0x2029, 0x202e, 0xfeff].contains(scalar.value),
                    "\(line.debugDescription)")
            }
            #expect(!entry.contains(0x0a) && !entry.contains(0x1b))
            // The text comes back, and nothing in it became a member.
            #expect(ShownRecord(number: number, entry: entry).value?["outcome"]?.asString == text)
            #expect(!line.contains(" outcome=allow ") || !text.contains("outcome"))
        }
    }

    @Test func `a long text is cut to its begin, its length and its digest`() throws {
        let ground = try Ground()
        let log = try ground.open()
        var entry = record(0)
        let long = String(repeating: "é", count: 500_000)
        entry.outcome = long
        _ = try log.wait(for: try log.append(entry))
        try log.close()
        try ground.reader.read { (number, bytes) throws(LogError) in
            let outcome = ShownRecord(number: number, entry: bytes).value?["outcome"]?.asString ?? ""
            #expect(outcome == String(repeating: "é", count: 512) + "... (1000000 bytes, sha256 \(Digest(of: Array(long.utf8))))")
        }
    }

    @Test func `a line is number, time, kind and what was said`() {
        var entry = record(3)
        (entry.outcome, entry.latencyNanoseconds, entry.policies, entry.lease) = ("deny", 12, ["p1", "p 2"], 4)
        let bytes = (try? RecordText.entry(entry, Redactor())) ?? []
        #expect(
            String(decoding: bytes, as: UTF8.self) == #"""
                {"boot_id":"b","boot_ns":1,"fumehood":1,"kind":"decision","latency_ns":12,"lease":4,"outcome":"deny","policies":["p1","p 2"],"time_ns":1790000000123456789,"tool":"tool3"}
                """#)
        #expect(
            ShownRecord(number: 12, entry: bytes).line
                == #"12 2026-09-21T14:13:20.123456Z decision outcome=deny tool=tool3 lease=4 latency_ns=12 policies=["p1","p 2"]"#)
    }

    @Test func `bytes that are no record are shown as what they are`() {
        let line = ShownRecord(number: 1, entry: [0x1b, 0xff, 0x0a, 0x41]).line
        #expect(line == "1 - unreadable \"\\u001b\u{fffd}\\nA\"")
    }
}
