// SPDX-License-Identifier: Apache-2.0
//
// The checks of the strict mode that look at several policies, or at what they look like.

import Cedar
import Testing

struct ValidationStaticTests {
    private func kinds(_ policies: String) throws -> [String] {
        let set = try PolicyParser.policies(SourceText(policies))
        return Validator(schema: try ValidationSchema.schema()).validate(set, mode: .strict).map {
            "\($0.policy) \($0.kind.rawValue)"
        }
    }

    private static let view = "action == Action::\"view\""

    @Test(arguments: [
        ("principal, action, resource", "principal, \(view), resource"),
        ("principal, action in Action::\"any\", resource", "principal, \(view), resource"),
        ("principal, action in Action::\"any\", resource", "principal, action in [Action::\"view\", Action::\"edit\"], resource"),
        ("principal is User, action, resource", "principal == User::\"a\", action, resource"),
        ("principal in Group::\"a\", action, resource", "principal is User in Group::\"a\", action, resource"),
        ("principal, action, resource is Doc", "principal, action, resource == Doc::\"d\""),
        ("principal, \(view), resource", "principal, \(view), resource"),
    ])
    func `a permit that a forbid always overrides is a warning`(forbid: String, permit: String) throws {
        #expect(try kinds("forbid(\(forbid)); permit(\(permit));") == ["policy1 shadowed"])
        let condition = "when { context.mfa && principal.age > 1 }"
        if permit.contains(Self.view), permit.hasSuffix("resource") {
            #expect(
                try kinds("forbid(principal, \(Self.view), resource) when { context.mfa }; permit(\(permit)) \(condition);")
                    == ["policy1 shadowed"])
        }
    }

    @Test(arguments: [
        ("principal, \(view), resource", "principal, action, resource"),
        ("principal, action == Action::\"edit\", resource", "principal, \(view), resource"),
        ("principal == User::\"b\", action, resource", "principal == User::\"a\", action, resource"),
        ("principal in Group::\"a\", action, resource", "principal == User::\"a\", action, resource"),
        ("principal is User in Group::\"a\", action, resource", "principal in Group::\"a\", action, resource"),
        ("principal, \(view), resource", "principal, action in [Action::\"view\", Action::\"edit\"], resource"),
    ])
    func `a permit that a forbid only sometimes overrides is none`(forbid: String, permit: String) throws {
        #expect(try kinds("forbid(\(forbid)); permit(\(permit));") == [])
    }

    @Test func `a forbid with one condition more than the permit is no reason to warn`() throws {
        let scope = "(principal, \(Self.view), resource)"
        for more in ["context.mfa && context.n == 1", "context.n == 1 && context.mfa"] {
            #expect(try kinds("forbid\(scope) when { \(more) }; permit\(scope) when { context.mfa };") == [])
            #expect(try kinds("forbid\(scope) when { context.mfa }; permit\(scope) when { \(more) };") == ["policy1 shadowed"])
        }
    }

    @Test func `a forbid that only logs overrides nothing`() throws {
        let text = "forbid(principal, action, resource); permit(principal, action, resource);"
        #expect(try kinds(text) == ["policy1 shadowed"])
        #expect(try kinds("@log_only " + text) == [])
    }

    @Test(arguments: [
        "context.mfa && !context.mfa", "context.n == 1 && context.n == 2", "1 == context.n && context.mfa && context.n == 2",
    ])
    func `conditions that contradict each other are a warning`(condition: String) throws {
        #expect(try kinds("permit(principal, \(Self.view), resource) when { \(condition) };") == ["policy0 impossible"])
    }

    @Test func `a condition and its exception may be alike only in part`() throws {
        #expect(
            try kinds("permit(principal, \(Self.view), resource) when { context.mfa } unless { context.n == 1 };") == [])
        #expect(
            try kinds("permit(principal, \(Self.view), resource) when { context.mfa } unless { context.mfa };") == [
                "policy0 impossible"
            ])
    }

    @Test func `text that is shown in another order is a warning`() throws {
        #expect(
            try kinds("permit(principal == User::\"a\u{202e}b\", \(Self.view), resource);") == ["policy0 misleading_text"])
        #expect(try kinds("permit(principal == User::\"שלום\", \(Self.view), resource);") == [])
    }

    @Test func `exact mode makes none of these checks`() throws {
        let text = "forbid(principal, action, resource); permit(principal, action, resource);"
        #expect(try ValidationSchema.findings(text) == [])
    }
}
