// SPDX-License-Identifier: Apache-2.0
//
// The three written forms: one line, indented, and canonical with the vectors of RFC 8785.

import JSON
import Testing

@Test func `one line keeps order and numbers`() throws {
    let text = #"{"z":1.50,"a":[-0,1e3,true,null],"m":{}}"#
    #expect(try Value(parsing: text).serialised() == text)
}

@Test func `what could act on a terminal is escaped`() {
    let value: Value = ["k\u{1b}": "\u{0}\u{9b}31m\u{7f}\u{2028}\u{202e}\u{1f}é😀\"\\"]
    #expect(value.serialised() == #"{"k\u001b":"\u0000\u009b31m\u007f\u2028\u202e\u001fé😀\"\\"}"#)
    #expect((try? Value(parsing: value.serialised())) == value)
}

@Test func `the pretty form is indented by two`() {
    let value: Value = ["a": [1, ["b": nil]], "c": [:], "d": []]
    #expect(value.pretty() == "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}")
}

/// RFC 8785, appendix B.
@Test(
    arguments: [
        (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"), (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"), (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"), (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"), (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"), (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"), (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"), (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"), (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] as [(UInt64, String)])
func `doubles are written as ECMAScript writes them`(_ bits: UInt64, _ expected: String) throws {
    let number = try #require(Number(Double(bitPattern: bits)))
    #expect(number.text == expected)
    #expect(try Value.number(number).canonical() == Array(expected.utf8))
}

@Test func `infinities and not-a-number are no numbers`() {
    #expect(Number(Double.infinity) == nil && Number(-Double.infinity) == nil && Number(Double.nan) == nil)
    #expect(Number("1.") == nil && Number("") == nil && Number("1 ") == nil && Number("1e5")?.double == 100_000)
}

@Test func `random doubles read back from their text`() throws {
    var random = SplitMix(state: 11)
    for _ in 0..<20_000 {
        let double = Double(bitPattern: random.next())
        guard double.isFinite else { continue }
        let number = try #require(Number(double))
        #expect(number.double == double)
        #expect(Number(number.text) == number)
    }
}

@Test(arguments: [
    // RFC 8785, sections 3.2.2 and 3.2.3.
    (
        #"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
        #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
    ),
    (
        #"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    ),
    ("-0", "0"), ("-0.0", "0"), ("1.0", "1"), ("100e-2", "1"), ("9007199254740993", "9007199254740993"), ("1000000000000000000000", "1e+21"),
    ("{\"b\":{\"d\":1,\"c\":2},\"a\":[]}", "{\"a\":[],\"b\":{\"c\":2,\"d\":1}}"), ("\"\u{7f}\u{2028}\"", "\"\u{7f}\u{2028}\""),
])
func `the canonical form is that of RFC 8785`(_ text: String, _ expected: String) throws {
    #expect(String(decoding: try Value(parsing: text).canonical(), as: UTF8.self) == expected)
}

@Test(arguments: ["1e999", "-1e400", "12345678901234567890", "123456789012345678901234567890"])
func `a number without a canonical form is refused`(_ text: String) {
    #expect(throws: JSONError(reason: .numberNotInterchangeable(text), place: nil)) { try Value(parsing: "[\(text)]").canonical() }
}

@Test func `names sort by UTF-16 units`() throws {
    var random = SplitMix(state: 3)
    let pool: [Unicode.Scalar] = ["a", "z", "\u{7f}", "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{10ffff}"]
    for _ in 0..<500 {
        var object = Object()
        for _ in 0..<30 {
            var name = ""
            for _ in 0..<Int.random(in: 0...4, using: &random) { name.unicodeScalars.append(pool.randomElement(using: &random) ?? "a") }
            object[name] = 1
        }
        let names = try Value(parsing: try Value.object(object).canonical()).asObject?.members.map { Array($0.name.utf16) } ?? []
        #expect(names.count == object.count)
        #expect(zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    }
}

@Test func `an object keeps order and finds its members at every size`() {
    var object = Object()
    for size in 0..<40 {
        #expect(object["m\(size)"] == nil)
        object["m\(size)"] = .integer(Int64(size))
        for each in 0...size { #expect(object["m\(each)"] == .integer(Int64(each))) }
    }
    #expect(object.members.map(\.name) == (0..<40).map { "m\($0)" })
    object["m7"] = "seven"
    object["m8"] = nil
    #expect(object.count == 39 && object["m7"] == "seven" && object["m8"] == nil && object["m39"] == 39)
    let backwards = Object(object.members.reversed())
    #expect(object == backwards && object.hashValue == backwards.hashValue)
    #expect(Object(object.members + [Member(name: "m0", value: 9)])["m0"] == 9)
}

@Test func `a number that is seen to be canonical is written so`() throws {
    var random = SplitMix(state: 11)
    var seen = 0
    for _ in 0..<20_000 {
        var text = Bool.random(using: &random) ? "-" : ""
        text += String(Int64.random(in: 0...(Int64(1) << Int64.random(in: 0...50, using: &random)), using: &random))
        text += "." + (0..<Int.random(in: 1...8, using: &random)).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
        guard let number = Number(text), number.isShortest else { continue }
        seen += 1
        #expect(Number(number.double)?.text == text)
    }
    #expect(seen > 5000)
    for text in ["1.50", "0.0", "0.05", "1e3", "1.5e3", "-0.0", "0.00000001", "1234567890123456.5", "9007199254740993.1"] {
        #expect(Number(text)?.isShortest == false, "\(text)")
    }
}

@Test func `texts are escaped run by run as they are character by character`() throws {
    var random = SplitMix(state: 5)
    let pool: [Unicode.Scalar] = [
        "a", "é", "\"", "\\", "\n", "\u{0}", "\u{1f}", "\u{7f}", "\u{80}", "\u{9f}", "\u{a0}", "\u{61c}", "\u{61d}", "\u{200d}", "\u{200e}", "\u{202e}",
        "\u{2028}", "\u{2066}", "\u{206a}",
        "\u{feff}", "\u{fefe}", "\u{ffff}", "\u{1f600}", "\u{10ffff}",
    ]
    for _ in 0..<2000 {
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &random) { text.unicodeScalars.append(pool.randomElement(using: &random) ?? "a") }
        #expect(try Value(parsing: Value.string(text).serialisedBytes()) == .string(text))
        #expect(try Value(parsing: try Value.string(text).canonical()) == .string(text))
        // Nothing that acts on a terminal stands there as itself.
        let written = Value.string(text).serialised().unicodeScalars
        #expect(!written.contains { $0.value < 0x20 || 0x7f...0x9f ~= $0.value || [0x61c, 0x200e, 0x202e, 0x2028, 0x2066, 0xfeff].contains($0.value) })
    }
}
