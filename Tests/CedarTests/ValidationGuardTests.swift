// SPDX-License-Identifier: Apache-2.0
//
// What a `has` or a `hasTag` proves, and where: optional attributes and tags may be read only where they are known to be.

import Cedar
import Testing

struct ValidationGuardTests {
    @Test(arguments: [
        "principal has nick && principal.nick == \"\"",
        "principal has nick && principal[\"nick\"] == \"\"",
        "principal has \"nick\" && principal.nick == \"\"",
        "if principal has nick then principal.nick == \"\" else false",
        "!(principal has nick) || true",
        "(principal has nick && principal.age > 1) && principal.nick == \"\"",
        "principal has nick && (principal.age > 1 && principal.nick == \"\")",
        "(principal has nick || principal has nick) && principal.nick == \"\"",
        "((principal has nick && context.mfa) || (context.mfa && principal has nick)) && principal.nick == \"\"",
        "(if context.mfa then principal has nick else principal has nick) && principal.nick == \"\"",
        "(principal has nick && true) && principal.nick == \"\"",
        "(false || principal has nick) && principal.nick == \"\"",
        "context has note.text && context.note.text == \"\"",
        "context has note && context.note has text && context.note.text == \"\"",
        "principal has manager.nick && principal.manager.nick == \"\"",
        "principal has manager && principal.manager has manager && principal.manager.manager.age > 1",
        "principal.hasTag(\"k\") && principal.getTag(\"k\") > 1",
        "principal.hasTag(principal.address.street) && principal.getTag(principal[\"address\"].street) > 1",
        "principal has nick && (if principal.nick == \"\" then true else principal.nick == \"x\")",
        "(if principal has nick then principal else principal) has nick && (if principal has nick then principal else principal).nick == \"\"",
        "principal.address has street && principal.address.street == \"\"",
        "{a: 1} has a && true",
    ])
    func `what is proved may be read`(condition: String) throws {
        #expect(try ValidationSchema.findings(condition: condition) == [])
    }

    @Test(arguments: [
        "principal.nick == \"\"",
        "principal has manager && principal.nick == \"\"",
        "principal.nick == \"\" && principal has nick",
        "(principal has nick || context.mfa) && principal.nick == \"\"",
        "!(principal has nick) && principal.nick == \"\"",
        "!(!(principal has nick)) && principal.nick == \"\"",
        "!(principal has nick) || principal.nick == \"\"",
        "principal has nick || principal.nick == \"\"",
        "if principal has nick then true else principal.nick == \"\"",
        "if context.mfa && principal has nick then true else principal.nick == \"\"",
        "(if principal has nick then context.mfa else false) && principal.nick == \"\"",
        "(if context.mfa then principal has nick else true) && principal.nick == \"\"",
        "(principal has nick) == true && principal.nick == \"\"",
        "resource.owner has nick && principal.nick == \"\"",
        "principal has manager.nick && principal.nick == \"\"",
        "principal has manager && principal.manager.manager.age > 1",
        "principal.hasTag(\"k\") && principal.getTag(\"l\") > 1",
        "principal.hasTag(\"k\") && resource.owner.getTag(\"k\") > 1",
        "principal.hasTag(\"k\") || principal.getTag(\"k\") > 1",
        "[principal has nick].contains(true) && principal.nick == \"\"",
        "(true || principal has nick) && principal.nick == \"\"",
    ])
    func `what is not proved may not be read`(condition: String) throws {
        let findings = try ValidationSchema.findings(condition: condition)
        #expect(findings.count == 1 && findings.first?.hasPrefix("missing_guard: ") == true, "\(findings)")
    }

    @Test func `the help says what to write`() throws {
        #expect(
            try ValidationSchema.findings(condition: "context.note.text == \"\"") == [
                "missing_guard: attribute `note` is optional and may be missing here (ask first: `context has note && ..`)"
            ])
        #expect(
            try ValidationSchema.findings(condition: "principal.getTag(\"k\") == 1") == [
                "missing_guard: the tag may be missing here (ask first: `.hasTag(..) && ..`, with the same key)"
            ])
    }

    @Test func `a guard in one condition holds in the next`() throws {
        let scope = "permit(principal, action == Action::\"view\", resource)"
        let read = "{ principal.nick == \"\" }"
        #expect(try ValidationSchema.findings("\(scope) when { principal has nick } when \(read);") == [])
        #expect(try ValidationSchema.findings("\(scope) when { principal has nick } unless \(read);") == [])
        #expect(try ValidationSchema.findings("\(scope) unless { principal has nick } when \(read);").count == 1)
        #expect(try ValidationSchema.findings("\(scope) when \(read) when { principal has nick };").count == 1)
    }

    @Test func `an attribute that is not there makes a policy impossible, not wrong`() throws {
        #expect(
            try ValidationSchema.findings(condition: "resource has nothing && resource.nothing.more == 1") == [
                "impossible: the policy is false for every request (look at its scope and conditions: something in them can never be true)"
            ])
    }
}
