// SPDX-License-Identifier: Apache-2.0
//
// What the reader accepts and refuses (RFC 8259), and where it says the fault is.

import JSON
import Testing

private func check(_ text: String, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(throws: Never.self, sourceLocation: sourceLocation) {
        let value = try Value(parsing: text)
        #expect(value == expected, sourceLocation: sourceLocation)
    }
}

private func fault(_ bytes: [UInt8], _ options: ParseOptions = ParseOptions()) -> String {
    do {
        return "accepted: \(try Value(parsing: bytes, options: options).serialised())"
    } catch {
        return error.description
    }
}

private func fault(_ text: String, _ options: ParseOptions = ParseOptions()) -> String { fault(Array(text.utf8), options) }

@Test(
    arguments: [
        ("null", nil), (" true\n", true), ("\tfalse\r", false), ("0", 0), ("-1", -1),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("\"\"", ""), ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{c}\n\r\t"), ("\"\\u00e9\\ud83d\\uDE00\"", "é😀"), ("\"é😀\u{7f}\"", "é😀\u{7f}"),
        ("[]", []), ("[ 1 ,[2],{} ]", [1, [2], [:]]), ("{\"a\":1,\"b\":{\"c\":[]}}", ["a": 1, "b": ["c": []]]), ("{ \"\" : null }", ["": nil]),
        ("\"\\u0000\"", "\u{0}"),
    ] as [(String, Value)])
func `a valid text is read`(_ text: String, _ expected: Value) { check(text, expected) }

@Test(arguments: [
    "-0", "1.0", "1e3", "1E+3", "-0.0e-1", "9223372036854775808", "-9223372036854775809", "0.1", "1e999", "123456789012345678901234567890",
])
func `a number that is not a 64-bit integer keeps its text`(_ text: String) throws {
    guard case .number(let number) = try Value(parsing: text) else {
        Issue.record("not a number")
        return
    }
    #expect(number.text == text)
    #expect(try Value(parsing: "[\(text)]").serialised() == "[\(text)]")
}

@Test(arguments: [
    ("", "1:1: the text ends where a value was expected"),
    ("  \n ", "2:2: the text ends where a value was expected"),
    ("nul", "1:4: the text ends where `null` was expected"),
    ("nulx", "1:1: `n` where a value was expected"),
    ("tru1", "1:1: `t` where a value was expected"),
    ("1 2", "1:3: something follows the value"),
    ("[1,]", "1:4: `]` where a value was expected"),
    ("[1 2]", "1:4: `2` where `,` or `]` was expected"),
    ("[", "1:2: the text ends where a value was expected"),
    ("[1", "1:3: the text ends where `,` or `]` was expected"),
    ("{\"a\" 1}", "1:6: `1` where `:` was expected"),
    ("{a:1}", "1:2: `a` where a member's name was expected"),
    ("{\"a\":1,}", "1:8: `}` where a member's name was expected"),
    ("{\"a\":1", "1:7: the text ends where `,` or `}` was expected"),
    ("01", "1:1: not a number of JSON"), ("-", "1:1: not a number of JSON"), ("1.", "1:1: not a number of JSON"),
    ("1e", "1:1: not a number of JSON"), ("-01", "1:1: not a number of JSON"), ("[1.e3]", "1:2: not a number of JSON"),
    ("+1", "1:1: `+` where a value was expected"), (".5", "1:1: `.` where a value was expected"),
    ("0x1", "1:2: something follows the value"), ("NaN", "1:1: `N` where a value was expected"),
    ("Infinity", "1:1: `I` where a value was expected"),
    ("'a'", "1:1: `'` where a value was expected"), ("\u{feff}1", "1:1: byte 0xef where a value was expected"),
    ("// c\n1", "1:1: `/` where a value was expected"),
    ("\"a", "1:3: the text ends where the end of a string was expected"),
    ("\"a\nb\"", "1:3: byte 0x0a in a string must be escaped"),
    ("\"a\\n\u{1}\"", "1:5: byte 0x01 in a string must be escaped"),
    ("\"\\x41\"", "1:2: not an escape of JSON"), ("\"\\u12g4\"", "1:2: not an escape of JSON"),
    ("\"\\", "1:3: the text ends where an escape was expected"), ("\"\\u12", "1:6: the text ends where a hexadecimal digit was expected"),
    ("\"\\ud800\"", "1:2: half of a surrogate pair"), ("\"\\udc00\"", "1:2: half of a surrogate pair"),
    ("\"\\ud800\\u0041\"", "1:2: half of a surrogate pair"), ("\"\\ud800\\ud800\"", "1:2: half of a surrogate pair"),
    ("\"é\\ud800x\"", "1:3: half of a surrogate pair"),
    ("{\"a\":1,\n \"b\":2,\n \"a\":3}", "3:2: member \"a\" occurs twice"),
    ("{\"a\":1,\"\\u0061\":3}", "1:8: member \"a\" occurs twice"),
])
func `an invalid text is refused with its place`(_ text: String, _ expected: String) { #expect(fault(text) == expected) }

@Test(
    arguments: [
        ([0x22, 0xff, 0x22], "1:2: not valid UTF-8"), ([0x22, 0x61, 0xc0, 0x80, 0x22], "1:3: not valid UTF-8"),
        ([0x22, 0xed, 0xa0, 0x80, 0x22], "1:2: not valid UTF-8"), ([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], "1:2: not valid UTF-8"),
        ([0x22, 0xe2, 0x82, 0x22], "1:2: not valid UTF-8"), ([0x22, 0x5c, 0x6e, 0x80, 0x22], "1:4: not valid UTF-8"),
        ([0x80], "1:1: byte 0x80 where a value was expected"), ([0x31, 0x00], "1:2: something follows the value"),
    ] as [([UInt8], String)])
func `bytes that are not UTF-8 are refused`(_ bytes: [UInt8], _ expected: String) { #expect(fault(bytes) == expected) }

@Test func `a depth bomb is refused`() {
    let bomb = String(repeating: "[", count: 1_000_000)
    #expect(fault(bomb) == "1:129: nested deeper than 128")
    let deepest = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(fault(deepest).hasPrefix("accepted"))
    #expect(fault(String(repeating: "{\"a\":", count: 129)) == "1:641: nested deeper than 128")
}

@Test func `every limit holds at its number and not before`() {
    var options = ParseOptions()
    options.bytes = 5
    #expect(fault("[1,2]", options) == "accepted: [1,2]")
    #expect(fault("[1,23]", options) == "1:6: the text is longer than 5 bytes")
    options = ParseOptions()
    options.members = 2
    #expect(fault("[1,2]", options) == "accepted: [1,2]")
    #expect(fault("[1,2,3]", options) == "1:6: more than 2 members")
    #expect(fault("{\"a\":1,\"b\":2,\"c\":3}", options) == "1:14: more than 2 members")
    options = ParseOptions()
    options.numberBytes = 3
    #expect(fault("[123]", options) == "accepted: [123]")
    #expect(fault("[1234]", options) == "1:2: a number longer than 3 bytes")
}

@Test func `a duplicate among many members is found at its place`() {
    var members = (0..<1000).map { "\"m\($0)\":\($0)" }
    #expect(fault("{\(members.joined(separator: ","))}").hasPrefix("accepted"))
    members.append("\n\"m500\":0")
    members.append("\"m1\":0")
    #expect(fault("{\(members.joined(separator: ","))}") == "2:1: member \"m500\" occurs twice")
}

@Test func `duplicates may be allowed and then the last counts`() throws {
    var options = ParseOptions()
    options.allowsDuplicates = true
    #expect(try Value(parsing: "{\"a\":1,\"b\":2,\"a\":3}", options: options).serialised() == "{\"a\":3,\"b\":2}")
}

@Test func `names that only look alike are different members`() throws {
    // The same letter composed and decomposed: equal for Swift's String, not for a file system or a policy.
    let value = try Value(parsing: "{\"\u{e9}\":1,\"e\u{301}\":2}")
    #expect(value["\u{e9}"] == 1)
    #expect(value["e\u{301}"] == 2)
    #expect(Value.string("\u{e9}") != .string("e\u{301}"))
}

@Test func `a document knows where each value and name stands`() throws {
    let text = "{ \"a\" : [1, {\"b\": \"x\"}],\n  \"c\":true }"
    let document = try Document(parsing: Array(text.utf8))
    func slice(_ node: Located?) -> String { node.map { String(decoding: document.bytes[$0.span], as: UTF8.self) } ?? "none" }
    #expect(slice(document.root) == text)
    #expect(slice(document.root["a"]) == "[1, {\"b\": \"x\"}]")
    #expect(slice(document.root["a"]?[1]?["b"]) == "\"x\"")
    #expect(slice(document.root["c"]) == "true")
    #expect(document.root["c"]?.place.line == 2)
    #expect(document.root["c"]?.place.column == 7)
    #expect(document.root["c"]?.namePlace.column == 3)
    #expect(document.root["a"]?.children.map(slice) == ["1", "{\"b\": \"x\"}"])
    #expect(document.root.children.map(slice) == ["[1, {\"b\": \"x\"}]", "true"])
    #expect(document.root["d"] == nil && document.root["a"]?[2] == nil)
}

@Test func `random bytes and mutated texts never crash the reader`() {
    var random = SplitMix(state: 7)
    let seed = Array("{\"a\":[1,-2.5e3,\"\\u00e9\\ud83d\\ude00é\",null,true,false,{\"b\":{}}],\"c\":\"x\"}".utf8)
    var accepted = 0
    for round in 0..<20_000 {
        var bytes = seed
        if round % 4 == 0 { bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) } }
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        guard let value = try? Value(parsing: bytes) else { continue }
        accepted += 1
        #expect((try? Value(parsing: value.serialised())) == value)
        #expect((try? Value(parsing: value.pretty())) == value)
    }
    #expect(accepted > 1000)
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
