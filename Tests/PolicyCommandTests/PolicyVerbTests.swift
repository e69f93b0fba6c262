// SPDX-License-Identifier: Apache-2.0
// The policy verbs as commands: exit codes, what is said where, JSON, and that a refusal leaves everything as it was.

import Foundation
import JSON
import Testing

private let schema = """
    entity User; entity Tool { trusted: Bool };
    action call appliesTo { principal: [User], resource: [Tool], context: { n: Long } };
    """
private let permit = "@id(\"all\")\npermit (principal, action, resource);\n"
private let asked = ["--policies", ".", "--principal", "User::\"u\"", "--action", "Action::\"call\"", "--resource", "Tool::\"t\"", "--context", "{\"n\": 1}"]

@Suite(.enabled(if: Command.isThere, "the binary is absent"), .timeLimit(.minutes(3)))
struct PolicyVerbTests {
    private func folder(_ text: String, _ more: [String: String] = [:]) throws -> Folder {
        try Folder(["p.cedar": text, "s.cedarschema": schema].merging(more) { _, new in new })
    }

    // MARK: check

    @Test func `check of a right set ends with 0`() throws {
        let folder = try folder(permit)
        let ran = try Command.policy(["check", "."], in: folder.path)
        #expect(ran.code == 0 && ran.out == "1 policy: no error\n" && ran.err.isEmpty)
    }

    @Test func `check shows line, column, caret and hint on stderr and ends with 1`() throws {
        let folder = try folder("permit (principal, action, resource)\nwhen { resource.trustd };\n")
        let ran = try Command.policy(["check", "p.cedar"], in: folder.path)
        #expect(ran.code == 1 && ran.out.isEmpty)
        #expect(ran.err.hasPrefix("p.cedar:2:8: "))
        #expect(ran.err.contains("2 | when { resource.trustd };\n  |        ^^^^^^^^^^^^^^^\n"))
        #expect(ran.err.contains("\nhelp: did you mean `trusted`?\n"))
        #expect(ran.err.hasSuffix("1 error: the set does not load\n"))
    }

    @Test func `check cannot judge without a schema, unless asked to judge as Cedar alone`() throws {
        let folder = try Folder(["p.cedar": permit])
        let ran = try Command.policy(["check", "p.cedar"], in: folder.path)
        #expect(ran.code == 2 && ran.err.contains("there is no schema") && ran.err.contains("help: name it with --schema"))
        let exact = try Command.policy(["check", "--mode", "exact", "p.cedar"], in: folder.path)
        #expect(exact.code == 0 && exact.out == "1 policy, not validated: there is no schema: no error\n")
    }

    @Test func `a file that cannot be read is 2, and a folder without policies is`() throws {
        let folder = try Folder(["s.cedarschema": schema])
        #expect(try Command.policy(["check", "absent.cedar"], in: folder.path).err == "cannot read `absent.cedar`: no such file or directory (ENOENT)\n")
        #expect(try Command.policy(["check", "absent.cedar"], in: folder.path).code == 2)
        let empty = try Command.policy(["check", "."], in: folder.path)
        #expect(empty.code == 2 && empty.err.hasPrefix("no `*.cedar` file is in `.`"))
    }

    @Test func `a schema with an error is 2, with its place`() throws {
        let folder = try folder(permit, ["s.cedarschema": "entity User in [Nobody];"])
        let ran = try Command.policy(["check", "."], in: folder.path)
        #expect(ran.code == 2 && ran.err.contains("s.cedarschema:1:17: "))
    }

    @Test func `a warning is said and fails only where asked`() throws {
        let folder = try folder("permit (principal, action == Action::\"cal\", resource);")
        let ran = try Command.policy(["check", "."], in: folder.path)
        #expect(ran.code == 0 && ran.err.contains("warning: action `Action::\"cal\"` is not in the schema") && ran.out == "1 policy, 1 warning: no error\n")
        #expect(try Command.policy(["check", "--fail-on", "warning", "."], in: folder.path).code == 1)
    }

    @Test func `check as JSON has every problem with its place`() throws {
        let folder = try folder("permit (principal, action, resource) when { };\nforbid (principal);")
        let ran = try Command.policy(["check", "--json", "."], in: folder.path)
        let document = try ran.document()
        #expect(ran.code == 1 && ran.err.isEmpty && document["verdict"]?.asString == "found" && document["errors"]?.asInteger == 2)
        #expect(document["problems"]?[1]?["line"]?.asInteger == 2 && document["problems"]?[1]?["file"]?.asString == "p.cedar")
        let failed = try Command.policy(["check", "--json", "absent"], in: folder.path)
        let said = try failed.document()["error"]?.asString
        #expect(failed.code == 2 && said?.contains("absent") == true)
    }

    // MARK: format

    private let untidy = "permit(principal,action,resource);// all\n"

    @Test func `format writes in place and a second time changes nothing`() throws {
        let folder = try folder(untidy)
        #expect(try Command.policy(["format", "--check", "."], in: folder.path).code == 1)
        #expect(try folder.read("p.cedar") == untidy)
        #expect(try Command.policy(["format", "p.cedar"], in: folder.path).code == 0)
        let once = try folder.read("p.cedar")
        #expect(once == "permit (principal, action, resource); // all\n")
        #expect(try Command.policy(["format", "--check", "."], in: folder.path).code == 0)
        #expect(try Command.policy(["format", "."], in: folder.path).code == 0)
        #expect(try folder.read("p.cedar") == once)
    }

    @Test func `format keeps a file's mode and leaves nothing beside it`() throws {
        let folder = try folder(untidy)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.url("p.cedar").path)
        #expect(try Command.policy(["format", "."], in: folder.path).code == 0)
        let mode = try FileManager.default.attributesOfItem(atPath: folder.url("p.cedar").path)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path.path).sorted() == ["p.cedar", "s.cedarschema"])
    }

    @Test func `one file with an error and none is written`() throws {
        let folder = try folder(untidy, ["z.cedar": "permit(principal,action);"])
        let ran = try Command.policy(["format", "."], in: folder.path)
        #expect(ran.code == 1 && ran.err.hasPrefix("z.cedar:1:24: ") && ran.err.hasSuffix("fumehood: nothing was written\n"))
        #expect(try folder.read("p.cedar") == untidy)
    }

    @Test func `stdin goes to stdout, and a file with --stdout`() throws {
        let folder = try folder(untidy)
        #expect(try Command.policy(["format", "-"], in: folder.path, input: untidy).out == "permit (principal, action, resource); // all\n")
        #expect(try Command.policy(["format", "--stdout", "p.cedar"], in: folder.path).out == "permit (principal, action, resource); // all\n")
        #expect(try folder.read("p.cedar") == untidy)
    }

    @Test func `format as JSON says what changed`() throws {
        let folder = try folder(untidy)
        let ran = try Command.policy(["format", "--check", "--json", "."], in: folder.path)
        let document = try ran.document()
        #expect(ran.code == 1 && document["files"]?[0]?["changed"]?.asBool == true)
    }

    // MARK: authorize and explain

    private static let verdicts: [(String, Int32, String)] = [
        (permit, 0, "allow\n  by all (p.cedar:1:1)\n"),
        ("", 1, "deny\n  by default: no permit matches\n"),
        ("@ask(\"sure?\") \(permit)", 1, "ask\n  by all (p.cedar:1:1)\n  ask: sure? (all)\n"),
        ("@throttle(\"5/60s\") @redact(\"x\") \(permit)", 0, "throttle\n  by all (p.cedar:1:1)\n  throttle: 5/1m\n  redact: x\n"),
        ("\(permit)@id(\"no\") @kill forbid (principal, action, resource);", 1, "kill\n  by no (p.cedar:3:1)\n"),
        (
            "\(permit)@id(\"no\") forbid (principal, action, resource) when { resource.trusted };", 1,
            "deny\n  by no (p.cedar:3:1)\n  error in no (p.cedar:3:1), which denies: there is no entity `Tool::\"t\"`\n"
        )
    ]

    @Test(arguments: verdicts.indices)
    func `authorize says verdict, reasons, errors and obligations`(_ index: Int) throws {
        let (text, code, out) = Self.verdicts[index]
        let folder = try folder(text)
        let ran = try Command.policy(["authorize"] + asked, in: folder.path)
        #expect(ran.code == code && ran.out == out && ran.err.isEmpty, "\(ran)")
    }

    @Test func `authorize takes files, and as JSON says the same`() throws {
        let request = #"{"principal": "User::\"u\"", "action": {"type": "Action", "id": "call"}, "resource": "Tool::\"t\"", "context": {"n": 3}}"#
        let entities = #"[{"uid": {"type": "Tool", "id": "t"}, "attrs": {"trusted": true}, "parents": []}]"#
        let folder = try folder(
            "@id(\"a\") @raise(\"9\") permit (principal, action, resource) when { resource.trusted && context.n == 3 };",
            ["r.json": request, "e.json": entities])
        let ran = try Command.policy(
            ["authorize", "--policies", "p.cedar", "--schema", "s.cedarschema", "--entities", "e.json", "--request", "r.json", "--json"], in: folder.path)
        let document = try ran.document()
        #expect(ran.code == 0 && document["decision"]?.asString == "allow" && document["verdict"]?.asString == "allow")
        #expect(document["reasons"]?[0]?.asString == "p.cedar#a" && document["obligations"]?["raise"]?.asInteger == 9)
    }

    private static let wrong: [([String], String)] = [
        (
            ["--policies", ".", "--principal", "User::u", "--action", "Action::\"call\"", "--resource", "Tool::\"t\""],
            "--principal:1:1: `User::u` is not an entity"
        ),
        (
            ["--policies", ".", "--principal", "User::\"u\"", "--action", "Action::\"cal\"", "--resource", "Tool::\"t\""],
            "action `Action::\"cal\"` is not in the schema"
        ),
        (Array(asked.dropLast()) + ["{\"n\": \"x\"}"], "context"),
        (Array(asked.dropLast()) + ["{\"n\": }"], "--context:1:7: "),
        (asked + ["--entities", "absent.json"], "cannot read `absent.json`"),
        (asked + ["--entities", "bad.json"], "bad.json: "),
        (asked + ["--entities", "unfit.json"], "unfit.json: ")
    ]

    @Test(arguments: wrong.indices)
    func `a request that cannot be is 2 and named`(_ index: Int) throws {
        let (words, message) = Self.wrong[index]
        let folder = try folder(permit, ["bad.json": "{}", "unfit.json": #"[{"uid": {"type": "Tool", "id": "t"}, "attrs": {"trusted": 3}, "parents": []}]"#])
        let ran = try Command.policy(["authorize"] + words, in: folder.path)
        #expect(ran.code == 2 && ran.err.contains(message) && ran.out.isEmpty, "\(ran)")
    }

    @Test func `policies that do not load decide nothing`() throws {
        let folder = try folder(permit, ["z.cedar": "permit (principal, action, resource) when { context.m };"])
        let ran = try Command.policy(["authorize"] + asked, in: folder.path)
        #expect(ran.code == 2 && ran.out.isEmpty && ran.err.hasPrefix("z.cedar:1:45: ") && ran.err.hasSuffix("fumehood: no policy was loaded\n"), "\(ran)")
    }

    @Test func `no request and two requests are wrong use`() throws {
        let folder = try folder(permit)
        #expect(try Command.policy(["authorize", "--policies", "."], in: folder.path).code == 125)
        #expect(try Command.policy(["authorize", "--request", "r"] + asked, in: folder.path).code == 125)
    }

    @Test func `explain shows the false conjunct with its value and what would allow it`() throws {
        let folder = try folder("@id(\"some\") permit (principal, action, resource) when { context.n >= 0 && context.n > 5 };")
        let ran = try Command.policy(["explain"] + asked, in: folder.path)
        #expect(ran.code == 0)
        #expect(ran.out.contains("  permit some (p.cedar:1:1), 1 of 2 conditions\n    context.n > 5\n      is false\n      context.n is 1\n"), "\(ran.out)")
        #expect(ran.out.contains("\nto allow it\n  the nearest permit is `some` (p.cedar:1:1): `context.n > 5` is false\n"), "\(ran.out)")
        let document = try Command.policy(["explain", "--json"] + asked, in: folder.path).document()
        #expect(document["policies"]?[0]?["conjuncts"]?[0]?["found"]?[0]?["value"]?.asString == "1")
        #expect(document["advice"]?[0]?.asString?.hasPrefix("the nearest permit") == true)
    }

    @Test(arguments: ["check", "format", "authorize", "explain", "test", "import"])
    func `every verb has help with its exit codes and takes --json`(_ verb: String) throws {
        let ran = try Command.policy([verb, "--help"])
        #expect(ran.code == 0 && ran.out.contains("Exit code 0: ") && ran.out.contains("--json"))
    }
}
