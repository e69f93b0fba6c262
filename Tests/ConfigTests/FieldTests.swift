// SPDX-License-Identifier: Apache-2.0
//
// Typed reading: the whole message of each refusal.

import Config
import Testing

private enum Mode: String, CaseIterable { case enforce, audit, learn }

/// Reads a file with one getter of each kind, and gives the values or the error.
private func check(_ text: String) -> String {
    do {
        let top = try Field(parsing: Array(text.utf8), file: "p.yaml")
        let map = try top.map(keys: ["fumehood", "memory", "wall", "pids", "cpu", "mode", "flag", "names", "set", "needed"])
        try map.checkVersion()
        var shown: [String] = []
        if let field = map["memory"] { shown.append("\(try field.size())") }
        if let field = map["wall"] { shown.append("\(try field.duration())") }
        if let field = map["pids"] { shown.append("\(try field.count())") }
        if let field = map["cpu"] { shown.append("\(try field.cores())") }
        if let field = map["mode"] { shown.append("\(try field.choice(Mode.self))") }
        if let field = map["flag"] { shown.append("\(try field.bool())") }
        if let field = map["names"] { shown.append("\(try field.texts())") }
        if let field = map["set"] { for (key, _, value) in try field.entries() { shown.append("\(key)=\(try value.anyText())") } }
        if map["needed"] != nil { _ = try map.required("needed").map(keys: ["one"]).required("two") }
        return shown.joined(separator: " ")
    } catch {
        return error.description
    }
}

@Test func `each kind of value is read`() {
    #expect(
        check("fumehood: 1\nmemory: '512M'\nwall: 1m\npids: 64\ncpu: 0.5\nmode: audit\nflag: true\nnames: [a, \"b\"]\nset: {A: '', B: 8080}\n")
            == "536870912 60000000 64 500 audit true [\"a\", \"b\"] A= B=8080")
}

@Test(arguments: [
    ("memory: 1M\n", "p.yaml:1:1: the version line is missing\nhelp: add `fumehood: 1` at the top"),
    ("fumehood: 2\n", "p.yaml:1:11: fumehood: version `2` is not known\nhelp: this fumehood reads `fumehood: 1`"),
    ("fumehood: 1.0\n", "p.yaml:1:11: fumehood: version `1.0` is not known\nhelp: this fumehood reads `fumehood: 1`"),
    ("fumehood:\n", "p.yaml:1:10: fumehood: expected a value, found nothing"),
    ("fumehood: 1\nmemmory: 1M\n", "p.yaml:2:1: unknown key `memmory`\nhelp: did you mean `memory`?"),
    ("fumehood: 1\nNames: 1M\n", "p.yaml:2:1: unknown key `Names`\nhelp: did you mean `names`?"),
    (
        "fumehood: 1\nxyzzy: 1M\n",
        "p.yaml:2:1: unknown key `xyzzy`\nhelp: known keys: fumehood, memory, wall, pids, cpu, mode, flag, names, set, needed"
    ),
    (
        "fumehood: 1\nmemory: 64\n",
        "p.yaml:2:9: memory: `64` has no unit\nhelp: a size is a whole number with a unit: `64K`, `512M`, `1G`, or `4096B` for bytes"
    ),
    ("fumehood: 1\nmemory: [64M]\n", "p.yaml:2:9: memory: expected a size such as `512M`, found a list"),
    ("fumehood: 1\nwall:\n", "p.yaml:2:6: wall: expected a duration such as `30s`, found nothing"),
    ("fumehood: 1\nmode: audti\n", "p.yaml:2:7: mode: expected `enforce`, `audit` or `learn`, found `audti`\nhelp: did you mean `audit`?"),
    ("fumehood: 1\nmode: {}\n", "p.yaml:2:7: mode: expected `enforce`, `audit` or `learn`, found a map"),
    ("fumehood: 1\nflag: yes\n", "p.yaml:2:7: flag: expected true or false, found `yes`"),
    ("fumehood: 1\nnames: a\n", "p.yaml:2:8: names: expected a list, found `a`\nhelp: write [a]"),
    ("fumehood: 1\nnames: [a, [b]]\n", "p.yaml:2:12: names[1]: expected a value, found a list"),
    ("fumehood: 1\nnames: [a, '']\n", "p.yaml:2:12: names[1]: expected a value, found an empty text"),
    ("fumehood: 1\nset: {A: [1]}\n", "p.yaml:2:10: set.A: expected a value, found a list"),
    ("fumehood: 1\nneeded: {one: 1}\n", "p.yaml:2:9: needed: key `two` is missing"),
    ("fumehood: 1\nneeded: {on: 1}\n", "p.yaml:2:10: needed: unknown key `on`\nhelp: did you mean `one`?"),
    ("- 1\n", "p.yaml:1:1: expected a map with `fumehood`, `memory`, `wall`, `pids`, `cpu`, `mode`, `flag`, `names`, `set` or `needed`, found a list"),
    ("fumehood: \"\\e]52;c;x\\a\"\n", "p.yaml:1:11: fumehood: version `\\u{1b}]52;c;x\\u{7}` is not known\nhelp: this fumehood reads `fumehood: 1`"),
])
func `a refusal says where, what and what instead`(_ text: String, _ expected: String) { #expect(check(text) == expected) }

@Test(arguments: [
    ("memmory", "memory"), ("meomry", "memory"), ("Memory", "memory"), ("wal", "wall"), ("pid", "pids"), ("xyz", nil), ("", nil),
    (String(repeating: "m", count: 100_000), nil),
])
func `the nearest spelling is found if it is near`(_ word: String, _ expected: String?) {
    #expect(nearest(word, in: ["memory", "wall", "pids"]) == expected)
}
