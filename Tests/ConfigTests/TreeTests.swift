// SPDX-License-Identifier: Apache-2.0
//
// What a file of ours may be written in, and how a refusal reads.

import Config
import Testing

/// A tree in a notation of one line.
private func show(_ node: Node) -> String {
    switch node.content {
    case .nothing: "-"
    case .scalar(let text): "'\(text)'"
    case .list(let items): "[\(items.map(show).joined(separator: " "))]"
    case .map(let entries): "{\(entries.map { "\($0.key)=\(show($0.value))" }.joined(separator: " "))}"
    }
}

private func read(_ text: String, _ limits: TreeLimits = TreeLimits()) -> String { read(Array(text.utf8), limits) }

private func read(_ bytes: [UInt8], _ limits: TreeLimits = TreeLimits()) -> String {
    do {
        return show(try Node(parsing: bytes, file: "f.yaml", limits: limits))
    } catch {
        return error.description
    }
}

@Test(arguments: [
    ("a: 1\nb: [x, 'y z', \"\\u00e9\"]\nc: {d: e}\n", "{a='1' b=['x' 'y z' 'é'] c={d='e'}}"),
    ("# comment\na:\n  - 1\n  - - 2\n", "{a=['1' ['2']]}"),
    ("a:\nb: ''\nc: ~\nd: no\ne: 010\n", "{a=- b='' c='~' d='no' e='010'}"),
    ("a: |\n  two\n  lines\n", "{a='two\nlines\n'}"), ("--- \nx\n...\n", "'x'"), ("\u{feff}a: 1", "{a='1'}"), ("{}", "{}"), ("[]", "[]"),
    ("a: b\r\nc: d\r\n", "{a='b' c='d'}"), ("https://x: [.git/hooks, ~/.ssh, api:443]", "{https://x=['.git/hooks' '~/.ssh' 'api:443']}"),
])
func `a file is read as text, lists and maps`(_ text: String, _ expected: String) { #expect(read(text) == expected) }

@Test(arguments: [
    ("", "f.yaml:1:1: the file is empty"), ("# only\n", "f.yaml:2:1: the file is empty"),
    ("a: &x 1\n", "f.yaml:1:4: anchors are not read\nhelp: a value that starts with `&` needs quotes"),
    ("a: &x [1]\n", "f.yaml:1:4: anchors are not read\nhelp: a value that starts with `&` needs quotes"),
    ("a: 1\nb: &x {c: d}\n", "f.yaml:2:4: anchors are not read\nhelp: a value that starts with `&` needs quotes"),
    ("a: *x\n", "f.yaml:1:4: aliases are not read\nhelp: write the value out; a value that starts with `*` needs quotes"),
    ("a: !!str 1\n", "f.yaml:1:4: tags are not read\nhelp: a value that starts with `!` needs quotes"),
    ("a: ! 1\n", "f.yaml:1:4: tags are not read\nhelp: a value that starts with `!` needs quotes"),
    ("!x {a: 1}\n", "f.yaml:1:1: tags are not read\nhelp: a value that starts with `!` needs quotes"),
    ("%YAML 1.1\n---\na: 1\n", "f.yaml:1:1: directives are not read\nhelp: remove the lines that start with `%`"),
    ("%TAG ! tag:x,2000:\n---\na: 1\n", "f.yaml:1:1: directives are not read\nhelp: remove the lines that start with `%`"),
    ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document; one file holds one"),
    ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key `a` occurs twice, first at 1:1"),
    ("x: {a: 1, 'a': 2}\n", "f.yaml:1:11: key `a` occurs twice, first at 1:5"),
    ("? [a]\n: b\n", "f.yaml:1:3: a key must be a plain word, not a list or a map"),
    ("{a: 1}: b\n", "f.yaml:1:1: a key must be a plain word, not a list or a map"),
    ("a: [1\nb: 2\n", "f.yaml:2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence"),
    ("a: b: c\n", "f.yaml:1:5: not YAML: mapping values are not allowed in this context"),
    ("\ta: 1\n", "f.yaml:1:1: not YAML: found character that cannot start any token while scanning for the next token"),
    ("a: \"\\0\"\n", "f.yaml:1:4: a value holds a NUL character"), ("b:\na: é\u{1}\n", "f.yaml:2:5: not YAML: control characters are not allowed"),
    ("a: \"x\n", "f.yaml:2:1: not YAML: found unexpected end of stream while scanning a quoted scalar"),
])
func `what could surprise is refused with its place`(_ text: String, _ expected: String) { #expect(read(text) == expected) }

@Test func `bytes that are not UTF-8 are refused`() {
    #expect(read([0x61, 0x3a, 0x20, 0xff]) == "f.yaml:1:4: not YAML: invalid leading UTF-8 octet")
    // UTF-16 is legal YAML, but no file of ours.
    #expect(read([0xff, 0xfe, 0x61, 0x00]).contains("not YAML"))
}

@Test func `every limit of a tree holds at its number and not before`() {
    var limits = TreeLimits()
    limits.bytes = 4
    #expect(read("a: 1", limits) == "{a='1'}")
    #expect(read("a: 12", limits) == "f.yaml: the file is longer than 4 bytes")
    limits = TreeLimits()
    limits.depth = 2
    #expect(read("[[1]]", limits) == "[['1']]")
    #expect(read("[[[1]]]", limits) == "f.yaml:1:3: nested deeper than 2")
    #expect(read("a: {b: {c: 1}}", limits) == "f.yaml:1:8: nested deeper than 2")
    #expect(read(String(repeating: "[", count: 100_000)) == "f.yaml:1:17: nested deeper than 16")
    limits = TreeLimits()
    limits.nodes = 5
    #expect(read("a: [1, 2]\n", limits) == "{a=['1' '2']}")
    #expect(read("a: [1, 2, 3]\n", limits) == "f.yaml:1:11: more than 5 values")
}

@Test func `random bytes and mutated files never crash the reader`() {
    var random = SplitMix(state: 5)
    let seed = Array("fumehood: 1\nextends: tool\nfiles: {read: [/usr, '~/x'], write: [\".\"]}\nlimits:\n  memory: 512M\n  - x\n".utf8)
    let alphabet = Array("{}[]:,-?&*!|>'\"%@`#\n\t \\ab1~\u{e9}".utf8)
    var accepted = 0
    for round in 0..<10_000 {
        var bytes = seed
        if round % 2 == 0 {
            bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                round % 4 == 0 ? UInt8.random(in: 0...255, using: &random) : alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
        }
        for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...2, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: at)
            default: bytes.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: at)
            }
        }
        let shown = read(bytes)
        if !shown.hasPrefix("f.yaml") { accepted += 1 }
    }
    #expect(accepted > 100)
}

/// A small generator with a seed, so that a failure can be had again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
