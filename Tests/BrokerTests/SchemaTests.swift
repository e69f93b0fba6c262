// SPDX-License-Identifier: Apache-2.0
//
// JSON Schema 2020-12 as tools use it, and patterns that would take others for ever.

import JSON
import Testing

@testable import Broker

@Suite("schemas of tools")
struct SchemaTests {
    /// Schema, values that fit, values that do not.
    static let cases: [(String, [String], [String])] = [
        ("true", ["1", "null"], []),
        ("false", [], ["1", "{}"]),
        (#"{"type":"integer"}"#, ["1", "1.0", "-0", "1e2"], ["1.5", "\"1\"", "true", "null"]),
        (#"{"type":["string","null"]}"#, ["\"\"", "null"], ["1", "[]"]),
        (#"{"type":"number","minimum":1,"exclusiveMaximum":2.5}"#, ["1", "2.4999"], ["0.9999", "2.5", "3"]),
        (#"{"multipleOf":0.1}"#, ["0.3", "1", "\"x\"", "0.7"], ["0.35"]),
        (#"{"multipleOf":0.0001}"#, ["0.0075"], ["0.00751"]),
        (#"{"enum":[1,"a",{"x":[1]}]}"#, ["1", "1.0", "\"a\"", #"{"x":[1]}"#], ["2", "true", #"{"x":[2]}"#]),
        (#"{"const":{"a":1,"b":2}}"#, [#"{"b":2,"a":1}"#], [#"{"a":1}"#]),
        (#"{"minLength":2,"maxLength":3}"#, ["\"ab\"", "\"\u{1f600}\u{1f600}\"", "1"], ["\"a\"", "\"abcd\""]),
        (#"{"pattern":"^a+$"}"#, ["\"aaa\"", "1"], ["\"b\"", "\"\"", "\"ab\""]),
        (
            #"{"minItems":1,"maxItems":2,"uniqueItems":true}"#, ["[1]", "[1,2]", "{}"],
            ["[]", "[1,2,3]", "[1,1]", "[1,1.0]", #"[{"a":1,"b":2},{"b":2,"a":1}]"#]
        ),
        (#"{"prefixItems":[{"type":"string"},{"type":"integer"}],"items":false}"#, ["[]", "[\"a\"]", "[\"a\",1]"], ["[1]", "[\"a\",1,2]"]),
        (#"{"items":[{"type":"string"}],"additionalItems":{"type":"integer"}}"#, ["[\"a\",1,2]"], ["[\"a\",\"b\"]"]),
        (#"{"items":{"type":"integer"}}"#, ["[1,2]", "[]", "{}"], ["[1,\"2\"]"]),
        (#"{"contains":{"type":"integer"},"minContains":2,"maxContains":3}"#, ["[1,2,\"a\"]"], ["[1]", "[1,2,3,4]", "[]"]),
        (#"{"contains":{"const":5}}"#, ["[4,5]"], ["[]", "[4]"]),
        (#"{"properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}"#, [#"{"a":1}"#], ["{}", #"{"a":"x"}"#, #"{"a":1,"b":2}"#]),
        (
            #"{"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#, [#"{"x-a":"s","b":1}"#],
            [#"{"x-a":1}"#, #"{"b":"s"}"#]
        ),
        (#"{"propertyNames":{"maxLength":2}}"#, [#"{"ab":1}"#], [#"{"abc":1}"#]),
        (#"{"minProperties":1,"maxProperties":1}"#, [#"{"a":1}"#], ["{}", #"{"a":1,"b":1}"#]),
        (#"{"dependentRequired":{"a":["b"]}}"#, ["{}", #"{"a":1,"b":1}"#, #"{"b":1}"#], [#"{"a":1}"#]),
        (#"{"dependentSchemas":{"a":{"required":["b"]}}}"#, [#"{"b":1}"#, #"{"a":1,"b":1}"#], [#"{"a":1}"#]),
        (#"{"dependencies":{"a":["b"],"c":{"minProperties":2}}}"#, [#"{"a":1,"b":1}"#, #"{"c":1,"d":1}"#], [#"{"a":1}"#, #"{"c":1}"#]),
        (#"{"allOf":[{"minimum":1},{"maximum":3}]}"#, ["2"], ["0", "4"]),
        (#"{"anyOf":[{"type":"string"},{"minimum":3}]}"#, ["\"a\"", "3"], ["2"]),
        (#"{"oneOf":[{"multipleOf":2},{"multipleOf":3}]}"#, ["2", "3"], ["6", "5"]),
        (#"{"not":{"type":"string"}}"#, ["1"], ["\"a\""]),
        (
            #"{"if":{"properties":{"k":{"const":"a"}},"required":["k"]},"then":{"required":["x"]},"else":{"required":["y"]}}"#,
            [#"{"k":"a","x":1}"#, #"{"y":1}"#], [#"{"k":"a"}"#, "{}"]
        ),
        (
            ##"{"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"},"v":{"type":"integer"}},"required":["v"]}},"$ref":"#/$defs/n"}"##,
            [#"{"v":1,"next":{"v":2}}"#], [#"{"v":1,"next":{}}"#, #"{"v":"a"}"#]
        ),
        (
            ##"{"$defs":{"a/b":{"$anchor":"x","type":"integer"}},"properties":{"p":{"$ref":"#x"},"q":{"$ref":"#/$defs/a~1b"},"r":{"$ref":"#"}}}"##,
            [#"{"p":1,"q":1,"r":{"p":2}}"#], [#"{"p":"a"}"#, #"{"q":"a"}"#, #"{"r":{"p":"a"}}"#]
        ),
        (#"{"allOf":[{"properties":{"a":true}}],"properties":{"b":true},"unevaluatedProperties":false}"#, [#"{"a":1,"b":1}"#], [#"{"c":1}"#]),
        (
            #"{"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":true},"required":["b"]}],"unevaluatedProperties":false}"#,
            [#"{"a":1}"#, #"{"a":1,"b":2}"#], [#"{"a":1,"c":1}"#, #"{"a":2,"b":1}"#]
        ),
        (#"{"prefixItems":[true],"allOf":[{"contains":{"const":7}}],"unevaluatedItems":false}"#, ["[1,7]", "[7]"], ["[1,7,8]", "[1]"]),
        (#"{"type":"object","format":"nonsense","description":"x","x-own":3}"#, ["{}"], ["1"]),
    ]

    @Test(arguments: cases)
    func `a schema lets through what fits`(schema: String, fits: [String], fitsNot: [String]) throws {
        let ready = try Schema(compiling: json(schema).regular())
        for text in fits { #expect(ready.finding(in: try json(text).regular()) == nil, "\(text)") }
        for text in fitsNot { #expect(ready.finding(in: try json(text).regular()) != nil, "\(text)") }
    }

    @Test(arguments: [
        (#"{"properties":{"a":{"items":{"type":"integer"}}}}"#, #"{"a":[1,"x"]}"#, "`/a/1`: expected integer, found a string"),
        (#"{"anyOf":[{"properties":{"a":{"type":"null"}}}],"required":["b"]}"#, #"{"a":1,"b":2}"#, "fits none of 1 schemas"),
        (#"{"additionalProperties":false}"#, #"{"z":1}"#, "`z` is not known"),
        (#"{"enum":["a","b"]}"#, "1", #"expected one of ["a","b"]"#),
    ])
    func `a finding says where and what`(schema: String, value: String, says: String) throws {
        #expect(try Schema(compiling: json(schema)).finding(in: json(value))?.description == says)
    }

    @Test(arguments: [
        (#"{"$ref":"other.json"}"#, "/$ref: a reference out of the schema: `other.json`"),
        (##"{"$ref":"#/nope"}"##, "/$ref: `#/nope` is not in the schema"),
        (#"{"properties":{"a":{"pattern":"(a)\\1"}}}"#, #"/properties/a/pattern: unsupported pattern `(a)\1`: a back-reference"#),
        (#"{"type":"thing"}"#, "/type: an unknown type"),
        (#"{"items":3}"#, "/items: expected a schema, found an integer"),
        (#"{"multipleOf":0}"#, "/multipleOf: expected a number above 0"),
    ])
    func `a schema that is not understood is refused`(schema: String, says: String) {
        #expect(throws: SchemaError.self) { try Schema(compiling: json(schema)) }
        do { _ = try Schema(compiling: json(schema)) } catch { #expect(error.description == says) }
    }

    @Test(arguments: [
        (##"{"$ref":"#"}"##, "1"),
        (
            ##"{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/b"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##,
            "1"
        ),
    ])
    func `a circle of references ends as a refusal`(schema: String, value: String) throws {
        #expect(try Schema(compiling: json(schema)).finding(in: json(value))?.message == "holding it against the schema takes too long")
    }

    /// Pattern, texts that match, texts that do not.
    static let patterns: [(String, [String], [String])] = [
        ("", ["", "x"], []), ("a|b|", ["", "a"], []), ("^(a|bc)*d$", ["d", "abcd", "bcbcd"], ["bd", "abc"]), ("a.c", ["abc", "xa\u{1f600}c"], ["a\nc", "ac"]),
        ("^[a-c_\\-]+$", ["a-b_"], ["d", ""]), ("^[^\\d\\s]$", ["x", "é"], ["1", " "]), ("^\\d{2,3}$", ["12", "123"], ["1", "1234", "\u{0661}\u{0662}"]),
        ("^x{2}$", ["xx"], ["x", "xxx"]), ("^x{2,}$", ["xx", "xxxx"], ["x"]), ("^(?:ab)?c$", ["c", "abc"], ["ac"]), ("^(?<n>a)+?$", ["aa"], ["b"]),
        ("\\bfoo\\b", ["a foo b", "foo"], ["food"]), ("\\Bo", ["foo"], ["o"]), ("^\\u0041\\x42\\u{43}\\t$", ["ABC\t"], ["ABC"]),
        ("^\\p{L}+$", ["aé\u{65e5}"], ["a1"]),
        ("^\\P{Lu}$", ["a"], ["A"]), ("^[\\p{Nd}x]+$", ["1x\u{0661}"], ["y"]), ("^a{,3}$", ["a{,3}"], ["aa"]), ("^[]a]", [], ["a]x", "x"]),
        ("^[^]$", ["\n", "a"], ["", "ab"]),
        ("^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$", ["a.b+c@ex-ample.co.uk"], ["a@b", "@b.c"]), ("^\\/a\\.b\\$$", ["/a.b$"], ["/axb$"]), ("$^", [""], ["a"]),
        ("^\\cA$", ["\u{1}"], ["A"]),
    ]

    @Test(arguments: patterns)
    func `a pattern matches as in ECMA-262`(pattern: String, matching: [String], other: [String]) throws {
        let ready = try Pattern(pattern)
        var work = 1_000_000
        for text in matching { #expect(ready.matches(text, work: &work), "\(text)") }
        for text in other { #expect(!ready.matches(text, work: &work), "\(text)") }
        #expect(work > 0)
    }

    @Test(arguments: ["(a+)+$", "(a|a)*b", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*x", "((a*)*)*b", "(x+x+)+y"])
    func `no pattern takes more than linear time`(pattern: String) throws {
        let ready = try Pattern(pattern)
        func cost(_ count: Int) -> Int {
            var work = 100_000_000
            _ = ready.matches(String(repeating: pattern.contains("x+x+") ? "x" : "a", count: count) + "!", work: &work)
            return 100_000_000 - work
        }
        #expect(cost(20_000) < cost(10_000) * 21 / 10)
        #expect(cost(20_000) < 20_000 * 60)
    }

    @Test(arguments: [
        "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "\\1", "\\k<n>", "(", ")", "[a", "*a", "a**", "a{3,1}", "\\", "[b-a]", "\\p{Script=Latin}", "(?i)a", "a{5000}",
        "((((a{60}){60}){60}))", "\\Z",
    ])
    func `what is not understood is refused by name`(pattern: String) {
        #expect(throws: PatternError.self) { try Pattern(pattern) }
    }
}
