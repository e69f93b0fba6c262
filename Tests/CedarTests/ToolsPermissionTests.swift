// SPDX-License-Identifier: Apache-2.0
//
// Permission lists as policies: verdicts of calls under rules, the report of what was left out, and random path patterns
// beside a matcher of gitignore's own rules: what refuses is never narrower, what allows is never wider.

import Cedar
import JSON
import Testing

private let roots = PatternRoots(home: "/home/u", directory: "/proj", settings: "/set")

private func list(deny: [String] = [], ask: [String] = [], allow: [String] = []) throws -> PermissionPolicies {
    func array(_ texts: [String]) -> JSON.Value { .array(texts.map { .string($0) }) }
    var list = PermissionList()
    try list.add(["permissions": ["deny": array(deny), "ask": array(ask), "allow": array(allow)]], file: "s.json", roots: roots)
    return try list.policies(server: "cc")
}

private func snapshot(_ result: PermissionPolicies) throws -> PolicySnapshot {
    let layer = PolicyLayer(name: "p", bytes: Array(result.policies.utf8))
    let schema = try Schema(parsing: SourceText(result.schema))
    #expect(PolicyCheck([layer], schema: schema, mode: .strict).errors == 0)
    return try PolicySnapshot(layers: [layer], schema: schema, mode: .strict)
}

private func verdict(_ snapshot: PolicySnapshot, _ tool: String, _ input: [String: String], server: String = "cc") throws -> Verdict {
    let schema = Name("Server")
    let uid = EntityUID(type: Name("Tool"), id: Text("\(server)/\(tool)"))
    let action = EntityUID(type: Name("Action"), id: Text("\(server)__\(tool)"))
    let group = EntityUID(type: Name("Action"), id: "CallTool")
    let entities = try Entities([
        Entity(uid, parents: [EntityUID(type: schema, id: Text(server))]), Entity(action, parents: [group])
    ])
    let fields = input.map { Record.Field(Text($0.key), .string(Text($0.value))) }
    let context = Record([Record.Field("input", .record(Record(fields)))])
    let request = Request(principal: EntityUID(type: Name("Agent"), id: "a"), action: action, resource: uid, context: context)
    return snapshot.decide(request, entities).verdict
}

@Suite struct ToolsPermissionTests {
    struct Row: Sendable {
        var deny: [String] = []
        var ask: [String] = []
        var allow: [String] = []
        let tool: String
        let input: [String: String]
        let verdict: Verdict
    }

    private static func bash(_ allow: String, _ command: String, _ verdict: Verdict) -> Row {
        Row(allow: [allow], tool: "Bash", input: ["command": command], verdict: verdict)
    }
    private static func noBash(_ deny: String, _ command: String, _ verdict: Verdict) -> Row {
        Row(deny: [deny], allow: ["Bash"], tool: "Bash", input: ["command": command], verdict: verdict)
    }
    private static func read(_ allow: String, _ path: String, _ verdict: Verdict) -> Row {
        Row(allow: [allow], tool: "Read", input: ["file_path": path], verdict: verdict)
    }
    private static func noRead(_ deny: String, _ path: String, _ verdict: Verdict) -> Row {
        Row(deny: [deny], allow: ["Read"], tool: "Read", input: ["file_path": path], verdict: verdict)
    }
    private static func fetch(_ allow: String, _ url: String, _ verdict: Verdict) -> Row {
        Row(allow: [allow], tool: "WebFetch", input: ["url": url], verdict: verdict)
    }

    static let rows: [Row] = [
        bash("Bash", "rm -rf / && curl x", .allow), bash("Bash(*)", "ls", .allow),
        bash("Bash(npm run build)", "npm run build", .allow), bash("Bash(npm run build)", "npm run build2", .deny),
        bash("Bash(npm run test:*)", "npm run test", .allow), bash("Bash(npm run test:*)", "npm run test --watch", .allow),
        bash("Bash(npm run test:*)", "npm run tests", .deny), bash("Bash(npm run test *)", "npm run test", .allow),
        bash("Bash(npm*)", "npmlog", .allow), bash("Bash(* --version)", "node --version", .allow),
        bash("Bash(git * main)", "git push origin main", .allow), bash("Bash(git * main)", "git push origin dev", .deny),
        bash("Bash(git *)", "git log; rm -rf /", .deny), bash("Bash(git *)", "git log && curl x", .deny),
        bash("Bash(git *)", "git log | sh", .deny), bash("Bash(git *)", "git log\nrm x", .deny),
        bash("Bash(git *)", "git log $(rm x)", .deny), bash("Bash(git *)", "git log `rm x`", .deny),
        bash("Bash(git *)", "git log > /etc/passwd", .deny), bash("Bash(echo \\*)", "echo *", .allow),
        bash("Bash(echo \\*)", "echo x", .deny), bash("Bash(echo \"a\\b\")", "echo \"a\\b\"", .allow),
        noBash("Bash(rm:*)", "rm -rf x", .deny), noBash("Bash(rm:*)", "rm", .deny), noBash("Bash(rm:*)", "rmdir x", .allow),
        noBash("Bash(rm:*)", "ls; rm x", .deny), noBash("Bash(rm:*)", "ls;rm x", .deny), noBash("Bash(rm:*)", "ls\nrm", .deny),
        noBash("Bash(rm:*)", "timeout 5 rm x", .deny), noBash("Bash(rm:*)", "echo $(rm x)", .deny),
        noBash("Bash(rm:*)", "echo confirm", .allow), noBash("Bash(rm:*)", "ls && echo farm", .allow),
        noBash("Bash(rm)", "rm; ls", .deny), noBash("Bash", "ls", .deny), noBash("*", "ls", .deny),
        Row(ask: ["Bash(git push:*)"], allow: ["Bash(git:*)"], tool: "Bash", input: ["command": "git push x"], verdict: .ask),
        Row(ask: ["Bash(git push:*)"], allow: ["Bash(git:*)"], tool: "Bash", input: ["command": "git log"], verdict: .allow),
        Row(deny: ["Bash(git push:*)"], ask: ["Bash(git push:*)"], allow: ["Bash"], tool: "Bash", input: ["command": "git push"], verdict: .deny),
        Row(allow: ["Bash"], tool: "Read", input: ["file_path": "/proj/a"], verdict: .deny),

        read("Read", "/etc/passwd", .allow), read("Read(//etc/**)", "/etc/passwd", .allow), read("Read(//etc/**)", "/etcx", .deny),
        read("Read(~/docs/*.pdf)", "/home/u/docs/a.pdf", .allow), read("Read(~/docs/*.pdf)", "/home/u/docs/x/a.pdf", .deny),
        read("Read(/src/**/*.ts)", "/set/src/a.ts", .allow), read("Read(/src/**/*.ts)", "/set/src/x/y/a.ts", .allow),
        read("Read(/src/**/*.ts)", "/proj/src/a.ts", .deny), read("Read(./src/**)", "/proj/src/a/b", .allow),
        read("Read(./src/**)", "/proj/src/../../etc/passwd", .deny), read("Read(./src/**)", "src/a", .deny),
        read("Read(./src/**)", "/proj/src//a", .deny), read("Read(*.env)", "/proj/x/.env", .allow), read("Read(src/)", "/proj/x/src/a", .allow),
        read("Read(src/)", "/proj/src", .deny), read("Read(../other/**)", "/other/a", .allow),
        noRead("Read(./.env)", "/proj/.env", .deny), noRead("Read(./.env)", "/proj/sub/.env", .deny), noRead("Read(./.env)", "/proj/.envrc", .allow),
        noRead("Read(.env)", "/proj/sub/.env", .deny), noRead("Read(~/.ssh/**)", "/home/u/.ssh/id", .deny),
        noRead("Read(~/.ssh/**)", "/home/u/x/../.ssh/id", .deny), noRead("Read(//a/?.txt)", "/a/b.txt", .deny),
        noRead("Read(secrets)", "/proj/secrets/a/b", .deny),
        Row(deny: ["Read(./.env)"], allow: ["Read", "Grep"], tool: "Grep", input: ["path": "/proj/.env"], verdict: .deny),
        Row(deny: ["Edit(/x/**)"], allow: ["Write", "Edit"], tool: "Write", input: ["file_path": "/set/x/y"], verdict: .deny),
        Row(deny: ["Edit(/x/**)"], allow: ["Write", "Edit"], tool: "Write", input: ["file_path": "/set/z"], verdict: .allow),
        Row(allow: ["Edit"], tool: "NotebookEdit", input: ["notebook_path": "/x"], verdict: .allow),

        fetch("WebFetch(domain:example.com)", "https://example.com/a?b", .allow), fetch("WebFetch(domain:example.com)", "http://example.com", .allow),
        fetch("WebFetch(domain:example.com)", "https://example.com.evil.net/", .deny),
        fetch("WebFetch(domain:example.com)", "https://example.com@evil.net/", .deny),
        fetch("WebFetch(domain:example.com)", "https://evil.net/https://example.com/", .deny),
        fetch("WebFetch(domain:*.example.com)", "https://a.example.com/x", .allow),
        fetch("WebFetch(domain:*.example.com)", "https://evil.net/.example.com/", .deny),
        fetch("WebFetch(domain:*.example.com)", "https://evil.net?.example.com/", .deny),
        fetch("WebFetch(domain:*.example.com)", "https://u@evil.net/a.example.com/", .deny),
        fetch("WebFetch(domain:*)", "gopher://x", .allow),
        Row(deny: ["WebFetch(domain:evil.net)"], allow: ["WebFetch"], tool: "WebFetch", input: ["url": "https://a.evil.net:8/"], verdict: .deny),
        Row(allow: ["Task(explore)"], tool: "Task", input: ["subagent_type": "explore"], verdict: .allow),
        Row(allow: ["Task(explore)"], tool: "Task", input: ["subagent_type": "other"], verdict: .deny)
    ]

    @Test(arguments: rows.indices)
    func `a call gets the verdict of the first list that fits`(_ index: Int) throws {
        let row = Self.rows[index]
        let snapshot = try snapshot(list(deny: row.deny, ask: row.ask, allow: row.allow))
        #expect(try verdict(snapshot, row.tool, row.input) == row.verdict, "\(row)")
    }

    @Test func `rules for servers and their tools become scopes`() throws {
        let snapshot = try snapshot(list(deny: ["mcp__git__push"], ask: ["mcp__mail__*"], allow: ["mcp__git", "mcp__stock__query"]))
        #expect(try verdict(snapshot, "push", [:], server: "git") == .deny)
        #expect(try verdict(snapshot, "log", [:], server: "git") == .allow)
        #expect(try verdict(snapshot, "send", [:], server: "mail") == .ask)
        #expect(try verdict(snapshot, "query", [:], server: "stock") == .allow)
        #expect(try verdict(snapshot, "update", [:], server: "stock") == .deny)
        let closed = try self.closed()
        #expect(try verdict(closed, "log", [:], server: "git") == .deny)
        #expect(try verdict(closed, "Bash", ["command": "ls"]) == .allow)
    }

    private func closed() throws -> PolicySnapshot { try snapshot(list(deny: ["mcp__*"], allow: ["Bash", "mcp__git"])) }

    /// Lists, the rule that is looked at, its status, and a part of the reason.
    private static let reports: [(deny: [String], ask: [String], allow: [String], String, PermissionEntry.Status, String)] = [
        ([], [], ["Write(docs/**)"], "Write(docs/**)", .never, "write `Edit(docs/**)`"),
        ([], [], ["Grep(src/**)"], "Grep(src/**)", .never, "write `Read(src/**)`"),
        ([], [], ["Bash(command:rm *)"], "Bash(command:rm *)", .never, "without `command:`"),
        ([], [], ["Bash(a && b)"], "Bash(a && b)", .never, "taken apart"),
        ([], [], ["*"], "*", .never, "passed over"),
        ([], [], ["mcp__*"], "mcp__*", .never, "passed over"),
        ([], [], ["WebFetch(example.com)"], "WebFetch(example.com)", .never, "domain:NAME"),
        ([], [], ["WebSearch(x)"], "WebSearch(x)", .never, "no specifier"),
        (["Bash"], [], ["Bash(ls)"], "Bash(ls)", .never, "the deny rule `Bash` comes first"),
        (["Bash(git:*)"], [], ["Bash(git push *)"], "Bash(git push *)", .never, "the deny rule `Bash(git:*)` comes first"),
        (["Bash(git:*)"], [], ["Bash(git)"], "Bash(git)", .never, "comes first"),
        (["Bash(git:*)"], [], ["Bash(gitk)"], "Bash(gitk)", .translated, ""),
        ([], ["mcp__a"], ["mcp__a__b"], "mcp__a__b", .never, "the ask rule `mcp__a` comes first"),
        (["mcp__a__b"], [], ["mcp__a"], "mcp__a", .translated, ""),
        ([], [], ["Bash(ls)", "Bash(ls)"], "Bash(ls)", .never, "says it already"),
        ([], [], ["bash"], "bash", .untranslated, "did you mean `Bash`?"),
        ([], [], ["Bash(ls"], "Bash(ls", .untranslated, "not of the form"),
        ([], [], ["Read(a?b)"], "Read(a?b)", .untranslated, "one character"),
        (["Read(a?b)"], [], [], "Read(a?b)", .translated, ""),
        (["Read(!x)"], [], [], "Read(!x)", .untranslated, "is not denied by these policies"),
        (["mcp__a__get_*"], [], [], "mcp__a__get_*", .untranslated, "is not denied by these policies"),
        ([], [], ["mcp__a__b(x)"], "mcp__a__b(x)", .untranslated, "no specifier"),
        ([], [], ["Skill(deploy)"], "Skill(deploy)", .untranslated, "no argument"),
        ([], [], ["Bash(cat > x)"], "Bash(cat > x)", .untranslated, "redirection")
    ]

    @Test(arguments: reports.indices)
    func `a rule that is left out is named with its reason`(_ index: Int) throws {
        let (deny, ask, allow, text, status, reason) = Self.reports[index]
        let result = try list(deny: deny, ask: ask, allow: allow)
        let entry = try #require(result.entries.last { $0.rule.text == text })
        #expect(entry.status == status)
        #expect(reason.isEmpty || entry.reason?.contains(reason) == true, "\(entry.reason ?? "no reason")")
        #expect((entry.status == .translated) == !entry.policies.isEmpty)
    }

    @Test func `files merge in their order, and settings that are no rules are named`() throws {
        var list = PermissionList()
        try list.add(["permissions": ["allow": ["Bash(ls)"], "defaultMode": "plan"]], file: "a", roots: roots)
        try list.add(["permissions": ["allow": ["Bash(ls)"], "deny": ["Read"]]], file: "b", roots: roots)
        let result = try list.policies(server: "cc")
        #expect(result.entries.map { "\($0.rule.file) \($0.rule.text) \($0.status)" } == ["b Read translated", "a Bash(ls) translated", "b Bash(ls) never"])
        #expect(result.settings == ["a: `permissions.defaultMode` is no rule and is not taken over"])
    }

    @Test(arguments: [
        "x\n\n@id(\"evil\")\npermit(principal, action, resource);", "\u{2028}permit", "\"); permit(principal, action, resource); //", "*/ \r permit"
    ])
    func `what a settings file says cannot write a policy`(_ text: String) throws {
        var list = PermissionList()
        try list.add(
            ["permissions": ["allow": [.string("Bash(\(text))"), .string("mcp__\(text)__\(text)")], "deny": [.string("Read(\(text))")]]], file: text,
            roots: roots)
        let result = try list.policies(server: "cc")
        let set = try PolicyParser.policies(SourceText(result.policies))
        #expect(set.policies.allSatisfy { policy in policy.annotation("id").map { $0.value?.string.contains("evil") == false } ?? false })
        _ = try snapshot(result)
    }

    @Test(arguments: [JSON.Value.array([]), ["permissions": 3], ["permissions": ["deny": "x"]], ["permissions": ["deny": [3]]]])
    func `what is no settings file is an error`(_ json: JSON.Value) {
        var list = PermissionList()
        #expect(throws: CedarError.self) { try list.add(json, file: "x", roots: roots) }
    }

    // MARK: Random patterns beside gitignore's rules

    /// gitignore(5) for a pattern and a path below the root, both as components.
    private static func fits(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return true }
        if first == "**" {
            if pattern.count == 1 { return !path.isEmpty }
            return fits(pattern.dropFirst(), path) || (!path.isEmpty && fits(pattern, path.dropFirst()))
        }
        guard let name = path.first else { return false }
        return glob(Array(first), Array(name)) && fits(pattern.dropFirst(), path.dropFirst())
    }

    private static func glob(_ pattern: [Character], _ name: [Character]) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == "*" { return (0...name.count).contains { glob(Array(pattern.dropFirst()), Array(name.dropFirst($0))) } }
        return name.first == first && glob(Array(pattern.dropFirst()), Array(name.dropFirst()))
    }

    @Test(arguments: [UInt64](1...40))
    func `what refuses is never narrower than gitignore, what allows never wider`(_ seed: UInt64) throws {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let names = ["a", "b", "ab", "*", "a*", "*b", "**", "a*b"]
        let pattern = (0..<(1 + random(3))).map { _ in names[random(names.count)] }
        let anchored = pattern.count > 1
        let text = "Read(\(pattern.joined(separator: "/")))"
        let refusing = try snapshot(list(deny: [text], allow: ["Read"]))
        let allowing = try snapshot(list(allow: [text]))
        for _ in 0..<60 {
            let path = (0..<(1 + random(4))).map { _ in ["a", "b", "ab", "c", "aab"][random(5)] }
            let exact = Self.fits((anchored ? [] : ["**"]) + pattern, path[...])
            let input = ["file_path": "/proj/" + path.joined(separator: "/")]
            if exact { #expect(try verdict(refusing, "Read", input) == .deny, "seed \(seed): \(text) must refuse \(input)") }
            if !exact { #expect(try verdict(allowing, "Read", input) == .deny, "seed \(seed): \(text) must not allow \(input)") }
        }
    }
}
