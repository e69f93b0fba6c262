// SPDX-License-Identifier: Apache-2.0
//
// The built-in profiles as the binary carries them decoded: what the decoder makes of their texts, rule by rule, marks included.

import Config
import Testing

@testable import Sandbox

@Test(
    arguments: BuiltinProfiles.names,
    [
        Places(home: "/home/u", directory: "/work"), Places(home: nil, directory: "/work"), Places(home: "/", directory: "/"),
        Places(home: "/home/u", directory: "/home/u/a b"),
    ])
func `a profile in the binary says what its text says`(_ name: String, _ places: Places) throws {
    let source = try #require(BuiltinProfiles.source(name))
    let decoded = try #require(DecodedProfiles.layer(of: source, places: places))
    let parsed = try ProfileLayer(ProfileSource(name: name, file: source.file, bytes: source.bytes, folder: nil), places: places)
    #expect(decoded.extends?.name ?? "base" == parsed.extends?.name ?? "base")
    #expect(decoded.description == parsed.description && decoded.runtime == parsed.runtime && decoded.network == parsed.network)
    #expect(decoded.rules == parsed.rules, "run Profiles/embed.sh")
    #expect(decoded.tmpBytes == parsed.tmpBytes && decoded.requirement == parsed.requirement && decoded.waived == parsed.waived)
    #expect(decoded.syscalls == parsed.syscalls && decoded.unsafeSyscalls == parsed.unsafeSyscalls && decoded.pass == parsed.pass)
    #expect(decoded.set.map(\.0) == parsed.set.map(\.0) && decoded.set.map(\.1) == parsed.set.map(\.1))
    #expect(decoded.limits.map(\.0) == parsed.limits.map(\.0) && decoded.limits.map(\.1) == parsed.limits.map(\.1), "run Profiles/embed.sh")
    #expect(FileRules(decoded.rules).rules == decoded.rules, "each once: they are not compared with one another at launch")
}

@Test func `a profile that only has the name of a built-in one is read`() {
    let source = ProfileSource(name: "base", file: "base.yaml", bytes: Array("fumehood: 1\n".utf8), folder: "/etc/p")
    let isDecoded = DecodedProfiles.layer(of: source, places: Places(home: nil, directory: "/")).map { _ in true } ?? false
    #expect(!isDecoded)
}
