// SPDX-License-Identifier: Apache-2.0
//
// Which file rule applies to a path: incident 25, rules that overlap.

import Testing

@testable import Sandbox

private let origin = Origin(profile: nil, file: "-r", mark: nil, isBuiltIn: false)

/// Rules in a short notation: `r /usr`, `w /w`, `h /h`, `p /p`, `p+ rel` (relative to /base and every writable path), `w /src>/dst` (moved).
private func rules(_ text: String) -> FileRules {
    FileRules(
        text.split(separator: ",").map { item in
            let words = item.split(separator: " ").map(String.init)
            let kinds: [String: FileRule.Kind] = ["r": .read, "w": .write, "h": .hide, "p": .protect, "p+": .protect]
            let parts = words[1].split(separator: ">").map(String.init)
            if words[0] == "p+" { return FileRule(.protect, path: "/base/\(words[1])", everywhere: words[1], origin: origin) }
            return FileRule(kinds[words[0]] ?? .hide, path: parts[parts.count - 1], source: parts[0], origin: origin)
        })
}

@Test(
    arguments: [
        ("", "/x", .none), ("r /usr", "/usr", .read), ("r /usr", "/usr/bin/ls", .read), ("r /usr", "/usrlocal", .none), ("r /usr", "/", .none),
        ("r /", "/anything", .read), ("w /w", "/w/a", .write), ("r /w,w /w/a", "/w/a/b", .write), ("r /w,w /w/a", "/w/b", .read),
        ("w /w,r /w/a", "/w/a/b", .read), ("w /w,h /w/a", "/w/a/b", .hidden), ("h /w,w /w/a", "/w/a/b", .write), ("h /w,w /w/a", "/w/b", .hidden),
        // At one path deny beats allow, in any order.
        ("r /a,w /a", "/a", .write), ("w /a,r /a", "/a", .write), ("r /a,h /a", "/a", .hidden), ("h /a,r /a", "/a", .hidden), ("w /a,h /a,p /a", "/a", .hidden),
        ("w /a,p /a", "/a/b", .protected), ("p /a,w /a", "/a/b", .protected), ("p /a,r /a", "/a/b", .protected),
        // Protection grants nothing.
        ("p /a", "/a", .none), ("h /a,p /a/b", "/a/b", .hidden), ("r /a,p /a/b", "/a/b/c", .protected), ("w /a,p /a/b,w /a/b/c", "/a/b/c/d", .write),
        ("w /a,p /a/b,r /a/b/c", "/a/b/c/d", .read), ("w /a,h /a/b,p /a/b/c", "/a/b/c", .hidden),
        // Bytes, not characters: the same letter composed and decomposed are two names.
        ("w /\u{e9}", "/e\u{301}", .none), ("h /\u{e9},w /", "/e\u{301}", .write),
        ("r /a,h /a/b,r /a/b/c,h /a/b/c/d", "/a/b/c/e", .read), ("r /a,h /a/b,r /a/b/c,h /a/b/c/d", "/a/b/c/d/e", .hidden),
    ] as [(String, String, FileRules.Access)])
func `the most specific path wins and deny beats allow`(_ text: String, _ path: String, _ expected: FileRules.Access) {
    #expect(rules(text).access(to: path).access == expected)
}

@Test func `the order of rules does not count`() {
    let all = rules("r /,w /a,h /a/b,p /a,w /a/b/c,r /a/b,p /a/b/c/d,h /x").rules
    var random = SplitMix(state: 1)
    let paths = ["/", "/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b/c/d/e", "/a/z", "/x/y", "/y"]
    let expected = paths.map { FileRules(all).access(to: $0).access }
    #expect(expected == [.read, .protected, .hidden, .write, .protected, .protected, .protected, .hidden, .read])
    for _ in 0..<200 {
        let shuffled = FileRules(all.shuffled(using: &random))
        #expect(paths.map { shuffled.access(to: $0).access } == expected)
    }
}

@Test func `the answer names the rule`() {
    let rules = rules("r /a,w /a/b,p /a/b/c,h /a/h")
    #expect(rules.access(to: "/a/x").rule?.path == "/a")
    #expect(rules.access(to: "/a/b/x").rule?.kind == .write)
    #expect(rules.access(to: "/a/b/c/x").rule?.kind == .protect)
    #expect(rules.access(to: "/a/h").rule?.kind == .hide)
    #expect(rules.access(to: "/b").rule == nil)
}

@Test func `a relative protection follows every writable path`() {
    let rules = rules("w /w1,w /w2/deep,r /r,p+ .git/hooks").complete()
    for path in ["/w1/.git/hooks", "/w1/.git/hooks/pre-commit", "/w2/deep/.git/hooks"] {
        #expect(rules.access(to: path).access == .protected, "\(path)")
    }
    #expect(rules.access(to: "/w1/.git/config").access == .write)
    #expect(rules.access(to: "/r/.git/hooks").access == .read)
}

@Test func `what is hidden or protected stays so where its folder is moved to`() {
    let moved = rules("h /home/u/.ssh,p+ .git/hooks,w /home/u>/mnt/home,r />/mnt/root").complete()
    #expect(moved.access(to: "/mnt/home/.ssh/id").access == .hidden)
    #expect(moved.access(to: "/mnt/home/x").access == .write)
    #expect(moved.access(to: "/mnt/home/.git/hooks").access == .protected)
    #expect(moved.access(to: "/mnt/root/home/u/.ssh").access == .hidden)
    #expect(moved.access(to: "/mnt/root/etc").access == .read)
    #expect(moved.access(to: "/mnt/home/.ssh/id").rule?.source == "/home/u/.ssh")
    #expect(rules("h /home/u/.ssh,r /home/u>/mnt/home").access(to: "/mnt/home/.ssh/id").access == .read)
}

@Test func `a rule that is there already is not added again`() {
    #expect(rules("r /a,r /a,w /a,r /a").rules.count == 2)
    #expect(rules("r /a,r /b>/a").rules.count == 2)
}
