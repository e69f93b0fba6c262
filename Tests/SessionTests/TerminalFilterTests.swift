// SPDX-License-Identifier: Apache-2.0
// What reaches the caller's terminal: text and colours as they are, everything that a terminal would act on as visible text, however the
// stream is cut. Bytes are written as Latin-1 letters: `\u{9d}` is the byte 9d.

import Testing

@testable import Session

private func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }
private func letters(_ bytes: [UInt8]) -> String { String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })) }

private func filtered(_ pieces: [ArraySlice<UInt8>]) -> [UInt8] {
    var filter = TerminalFilter()
    var out: [UInt8] = []
    for piece in pieces { out += filter.pass(piece) }
    return out + filter.finish()
}

@Suite("harmless terminal output")
struct TerminalFilterTests {
    static let kept = [
        "plain text, tabs\tand lines\r\n", "\u{8}", "\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[m", "\u{1b}[38;5;200mx\u{1b}[0m", "\u{1b}[38:2:1:2:3m", "\u{1b}[K",
        "\u{1b}[2K",
        letters(Array("grün 漢字 👍🏽 e\u{301}".utf8)),
    ]

    static let changed: [(String, String)] = [
        ("\u{7}", ""), ("a\u{7}b", "ab"),
        // The clipboard, a title, a link, a notification.
        ("\u{1b}]52;c;aGk=\u{7}x", "^[]52;c;aGk=x"), ("\u{1b}]52;c;?\u{1b}\\", "^[]52;c;?^[\\"), ("\u{1b}]0;title\u{7}", "^[]0;title"),
        ("\u{1b}]8;;http://x\u{1b}\\y", "^[]8;;http://x^[\\y"),
        ("\u{9d}52;c;aGk=\u{9c}", "\\x9d52;c;aGk=\\x9c"),
        // Queries that answer into the input.
        ("\u{1b}P$qm\u{1b}\\", "^[P$qm^[\\"), ("\u{1b}[6n", "^[[6n"), ("\u{1b}[c", "^[[c"), ("\u{1b}[>q", "^[[>q"), ("\u{1b}Z", "^[Z"), ("\u{5}", "^E"),
        // Other strings, screens, modes, keys, resets.
        ("\u{1b}_x\u{1b}\\", "^[_x^[\\"), ("\u{1b}^x\u{1b}\\", "^[^x^[\\"), ("\u{1b}X", "^[X"), ("\u{1b}[?1049h", "^[[?1049h"), ("\u{1b}[2J", "^[[2J"),
        ("\u{1b}[H", "^[[H"),
        ("\u{1b}c", "^[c"), ("\u{1b}[?2004h", "^[[?2004h"), ("\u{1b}[21t", "^[[21t"), ("\u{1b}[5i", "^[[5i"), ("\u{1b}(0", "^[(0"),
        ("\u{1b}[>4;1m", "^[[>4;1m"), ("\u{1b}[?4m", "^[[?4m"),
        ("\u{1b}[1\"q", "^[[1\"q"), ("\u{1b}[!p", "^[[!p"),
        // Controls inside a sequence, sequences inside a sequence.
        ("\u{1b}[3\u{1b}]52;c;x\u{7}", "^[[3^[]52;c;x"), ("\u{1b}\u{1b}]0;x\u{7}", "^[^[]0;x"), ("\u{1b}[\u{18}31m", "^[[^X31m"), ("\u{1b}[3\n1m", "^[[3\n1m"),
        // 8-bit controls, alone and in UTF-8.
        ("\u{9b}31m", "\\x9b31m"), ("\u{90}q", "\\x90q"), ("\u{c2}\u{9b}31m", "\\xc2\\x9b31m"), ("\u{c2}\u{9d}52;c;x", "\\xc2\\x9d52;c;x"),
        ("\u{c2}\u{80}", "\\xc2\\x80"),
        ("\u{0}", "^@"), ("\u{7f}", "^?"), ("\u{e}\u{f}", "^N^O"), ("\u{ff}\u{fe}", "\\xff\\xfe"),
        // UTF-8 that is cut short or wrong hides nothing.
        ("\u{e2}\u{1b}]0;x\u{7}", "\\xe2^[]0;x"), ("\u{f0}\u{9f}A", "\\xf0\\x9fA"), ("\u{c2}", "\\xc2"), ("\u{1b}", "^["), ("\u{1b}[", "^[["),
        ("\u{1b}[31", "^[[31"),
        ("\u{1b}[" + String(repeating: "1;", count: 40) + "m", "^[[" + String(repeating: "1;", count: 40) + "m"),
    ]

    @Test(arguments: kept)
    func `text, colours and line control stay`(text: String) {
        #expect(letters(filtered([bytes(text)[...]])) == text)
    }

    @Test(arguments: changed)
    func `what a terminal would act on is shown`(text: String, expected: String) {
        #expect(letters(filtered([bytes(text)[...]])) == expected)
    }

    @Test(arguments: kept + changed.map(\.0))
    func `a cut anywhere changes nothing`(text: String) {
        let all = bytes("x" + text + "y")
        let whole = filtered([all[...]])
        for cut in 0...all.count {
            #expect(filtered([all[..<cut], all[cut...]]) == whole, "cut at \(cut)")
        }
        #expect(filtered(all.indices.map { all[$0...$0] }) == whole)
    }

    /// Whatever comes in, what goes out holds no control but those of lines and colours.
    @Test func `no bytes at all get a control through`() {
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let telling: [UInt8] = [0x1b, 0x5b, 0x5d, 0x50, 0x9b, 0x9d, 0xc2, 0x07, 0x3b, 0x6d, 0x4b, 0x31, 0x3f, 0x48, 0xe2, 0x80, 0x5c, 0x0a, 0x41]
        for _ in 0..<3000 {
            let input = (0..<next(24)).map { _ in next(4) == 0 ? UInt8(next(256)) : telling[next(telling.count)] }
            let out = filtered([input[...]])
            var rest = out[...]
            while let byte = rest.popFirst() {
                if byte == 0x1b {
                    // Only CSI with plain parameters and m or K.
                    #expect(rest.popFirst() == 0x5b, "\(input)")
                    rest = rest.drop { (0x30...0x3b).contains($0) }
                    let last = rest.popFirst()
                    #expect(last == 0x6d || last == 0x4b, "\(input)")
                } else {
                    #expect(byte >= 0x20 && byte != 0x7f || [0x08, 0x09, 0x0a, 0x0d].contains(byte), "\(input)")
                    if byte == 0xc2 { #expect((rest.first ?? 0xff) >= 0xa0, "\(input)") }
                }
            }
        }
    }

    @Test(arguments: [0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069] as [UInt32])
    func `what turns the direction of text is written out`(value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        var filter = TerminalFilter()
        let out = filter.pass(Array("a\(Character(scalar))b".utf8)[...])
        #expect(out == Array("a".utf8) + TerminalFilter.visible(Array(String(Character(scalar)).utf8)) + Array("b".utf8))
        for near in [value - 1, value + 1] where !TerminalFilter.turns(near) {
            let text = Array(String(Character(try #require(Unicode.Scalar(near)))).utf8)
            #expect(filter.pass(text[...]) == text)
        }
    }

    @Test(arguments: [
        ("a\u{1b}[2J\u{1b}[10;20Hb\u{1b}7\u{1b}8\u{1b}(0q\u{1b}(B", true),
        ("\u{1b}[?1049h\u{1b}[?25l\u{1b}[1;31;48:2::1:2:3m\u{1b}[3;10r\u{1b}[4h\u{1b}[2 q", true),
        ("\u{1b}]52;c;aGFja2Vk\u{7}", false), ("\u{1b}]0;title\u{1b}\\", false), ("\u{1b}P+q544e\u{1b}\\", false), ("\u{1b}[6n", false), ("\u{1b}[c", false),
        ("\u{1b}[>c", false), ("\u{1b}[?1;6n", false), ("\u{1b}[21t", false), ("\u{1b}[5i", false), ("\u{1b}c", false), ("\u{1b}Z", false), ("\u{5}", false),
        ("\u{1b}[?1049;9999h", false), ("\u{1b}_private\u{1b}\\", false), ("\u{1b}%@", false), ("\u{9d}52;c;eA==\u{9c}", false),
    ])
    func `a screen passes, and nothing that asks, prints or speaks to the clipboard`(text: String, passes: Bool) {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var filter = TerminalFilter(screen: true)
            let out = filter.pass(bytes[..<cut]) + filter.pass(bytes[cut...]) + filter.finish()
            if passes { #expect(out == bytes) } else { #expect(!out.contains(0x1b) && !out.contains(0x05) && !out.contains(0x9d), "\(out)") }
        }
    }

    @Test func `what a program has switched is put back`() {
        var filter = TerminalFilter(screen: true)
        _ = filter.pass(Array("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?2004h\u{1b}[?2004l\u{1b}[3;9r\u{1b}=\u{1b}(0".utf8)[...])
        #expect(filter.restoration == Array("\u{1b}[?25h\u{1b}[?1049l\u{1b}7\u{1b}[r\u{1b}8\u{1b}>\u{f}\u{1b}(B\u{1b}[0m".utf8))
        #expect(TerminalFilter(screen: true).restoration == [] && TerminalFilter().restoration == [])
    }
}
