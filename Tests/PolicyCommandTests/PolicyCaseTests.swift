// SPDX-License-Identifier: Apache-2.0
// `policy test` and `policy import` as commands, and the commands of the example's README.

import Foundation
import JSON
import Testing

private let schema = """
    entity User; entity Tool { trusted: Bool };
    action call appliesTo { principal: [User], resource: [Tool], context: { n: Long, s?: String } };
    """
private let policies = "@id(\"all\") permit (principal, action, resource);\n@id(\"big\") forbid (principal, action, resource) when { context.n > 5 };\n"

private func cases(_ lines: String, top: String = "") -> String {
    """
    fumehood: 1
    \(top)
    cases:
      - name: one
        principal: User::"u"
        action: Action::"call"
        resource: Tool::"t"
        context: { n: 1, s: 12 }
    \(lines.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
    """
}

@Suite(.enabled(if: Command.isThere, "the binary is absent"), .timeLimit(.minutes(3)))
struct PolicyCaseTests {
    private func folder(_ text: String, _ more: [String: String] = [:]) throws -> Folder {
        try Folder(["p.cedar": policies, "s.cedarschema": schema, "a.cases.yaml": text].merging(more) { _, new in new })
    }

    @Test func `cases that hold end with 0, and what decided nothing is named`() throws {
        let folder = try folder(cases("match: [all]\nnot_match: [big]\nverdict: allow"))
        let ran = try Command.policy(["test", "."], in: folder.path)
        #expect(ran.code == 0)
        #expect(ran.out == "a.cases.yaml\n  ok    one\n1 of 2 policies decided a case\n  never matched: big (p.cedar:2:1)\n1 passed, 0 failed\n")
        #expect(try Command.policy(["test", "--cover", "."], in: folder.path).code == 1)
    }

    @Test func `a case that does not hold ends with 1 and says what differs`() throws {
        let folder = try folder(cases("match: [big]\nverdict: deny"))
        let ran = try Command.policy(["test", "a.cases.yaml"], in: folder.path)
        #expect(ran.code == 1)
        #expect(ran.out.contains("  FAIL  one\n        `big` should match and does not\n        the verdict should be deny and is allow: by `all`\n"))
        let document = try Command.policy(["test", "--json", "."], in: folder.path).document()
        #expect(document["failed"]?.asInteger == 1 && document["sets"]?[0]?["files"]?[0]?["cases"]?[0]?["differences"]?.asArray?.count == 2)
        #expect(document["sets"]?[0]?["coverage"]?[0]?["determining"]?.asInteger == 1)
    }

    @Test func `files of cases for one set are covered together`() throws {
        let big = cases("verdict: deny").replacingOccurrences(of: "n: 1", with: "n: 6")
        let folder = try folder(cases("verdict: allow"), ["b.cases.yaml": big])
        let ran = try Command.policy(["test", "--cover", "."], in: folder.path)
        #expect(ran.code == 0 && ran.out.contains("2 of 2 policies decided a case\n2 passed, 0 failed\n"), "\(ran)")
    }

    @Test func `entities and contexts may stand in files`() throws {
        let text = cases("verdict: allow", top: "entities: e.json").replacingOccurrences(of: "{ n: 1, s: 12 }", with: "c.json")
        let entities = #"[{"uid": {"type": "Tool", "id": "t"}, "attrs": {"trusted": true}, "parents": []}]"#
        let folder = try folder(text, ["e.json": entities, "c.json": #"{"n": 2}"#])
        #expect(try Command.policy(["test", "."], in: folder.path).code == 0)
    }

    /// Lines of a case, what stands at the top, and the message.
    private static let wrong: [(String, String, String)] = [
        ("verdict: allow\nextra: 1", "", "a.cases.yaml:10:5: cases[0]: unknown key `extra`"),
        (
            "verdict: alow", "",
            "a.cases.yaml:9:14: cases[0].verdict: expected `allow`, `throttle`, `ask`, `deny` or `kill`, found `alow`\nhelp: did you mean `allow`?"
        ),
        ("match: [bigg]", "", "a.cases.yaml:9:13: cases[0].match[0]: there is no policy `bigg`\nhelp: did you mean `big`?"),
        ("entities: []", "", "a.cases.yaml:4:5: cases[0]: the case expects nothing"),
        ("verdict: allow\nobligations: { throttle: often }", "", "a.cases.yaml:10:30: cases[0].obligations.throttle: `often` is no rate"),
        ("verdict: allow\nentities: [{ uid: Tool::t }]", "", "a.cases.yaml:10:23: cases[0].entities[0].uid: `Tool::t` is no entity"),
        ("verdict: allow", "mode: lax", "a.cases.yaml:2:7: mode: expected `strict` or `exact`"),
        ("verdict: allow", "policies: absent", "cannot read `absent`: no such file or directory"),
    ]

    @Test(arguments: wrong.indices)
    func `a file of cases that cannot be read is 2, with line and column`(_ index: Int) throws {
        let (lines, top, message) = Self.wrong[index]
        let folder = try folder(cases(lines, top: top))
        let ran = try Command.policy(["test", "."], in: folder.path)
        #expect(ran.code == 2 && ran.err.hasPrefix(message), "\(ran)")
    }

    @Test func `a request that does not fit the schema is 2, at its case`() throws {
        let folder = try folder(cases("verdict: allow").replacingOccurrences(of: "n: 1", with: "n: one"))
        let ran = try Command.policy(["test", "."], in: folder.path)
        #expect(ran.code == 2 && ran.err.hasPrefix("a.cases.yaml:4:5: cases[0]: "), "\(ran)")
    }

    // MARK: import

    private let settings = #"{"permissions": {"allow": ["Bash(ls:*)", "Read"], "deny": ["Read(./.env)"]}}"#

    @Test func `an import checks, is laid out, and stands beside its schema`() throws {
        let folder = try Folder([".claude/settings.json": settings])
        let ran = try Command.policy(["import", "claude-code", ".claude/settings.json", "--out", "p.cedar"], in: folder.path)
        #expect(ran.code == 0 && ran.out.isEmpty && ran.err.hasSuffix("fumehood: 3 of 3 rules translated\n"), "\(ran)")
        #expect(try Command.policy(["check", "--fail-on", "warning", "p.cedar"], in: folder.path).code == 0)
        #expect(try Command.policy(["format", "--check", "p.cedar"], in: folder.path).code == 0)
        #expect(try folder.read("p.cedar").hasPrefix("// Policies made from the permission lists of \".claude/settings.json\".\n"))
    }

    @Test func `an import that leaves rules out ends with 1 and names them`() throws {
        let folder = try Folder(["s.json": #"{"permissions": {"allow": ["Write(x)", "Bash(ls)"]}}"#])
        let ran = try Command.policy(["import", "claude-code", "s.json"], in: folder.path)
        #expect(ran.code == 1 && ran.out.contains("@rule(\"Bash(ls)\")"))
        #expect(ran.err.contains("s.json: allow `Write(x)`: never matches: "))
        let document = try Command.policy(["import", "claude-code", "s.json", "--json"], in: folder.path).document()
        #expect(document["translated"]?.asInteger == 1 && document["rules"]?[0]?["status"]?.asString == "never")
    }

    @Test func `what is no settings file is 2, and nothing is written`() throws {
        let folder = try Folder(["s.json": "[]", "t.json": "{"])
        for name in ["s.json", "t.json", "absent.json"] {
            let ran = try Command.policy(["import", "claude-code", name, "--out", "p.cedar"], in: folder.path)
            #expect(ran.code == 2 && ran.err.contains(name), "\(ran)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.url("p.cedar").path))
    }

    // MARK: The example

    @Test func `the commands of the example's README end as it says`() throws {
        let readme = try String(contentsOf: Command.root.appendingPathComponent("Examples/policy/README.md"), encoding: .utf8)
        // Lines of the form `    build/fumehood policy ...   # 0: ...`.
        let commands = readme.split(separator: "\n").filter { $0.hasPrefix("    build/fumehood ") }
        #expect(commands.count >= 6)
        let folder = try Folder()
        for line in commands {
            let parts = line.components(separatedBy: "# ")
            let code = try #require(parts.last.flatMap { Int32($0.prefix(1)) }, "\(line)")
            let words = parts[0].trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "/tmp/", with: folder.path.path + "/")
                .replacingOccurrences(of: "build/fumehood", with: Command.binary)
            let ran = try Command.run(["/bin/sh", "-c", words])
            #expect(ran.code == code, "\(words)\n\(ran.out)\(ran.err)")
        }
    }
}
