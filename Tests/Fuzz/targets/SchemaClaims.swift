// SPDX-License-Identifier: Apache-2.0
//
// What must hold for every schema, whichever notation it came from.

import Cedar
import JSON

func checkRoundTrip(_ document: SchemaDocument) {
    let resolves = attempt { try Schema(document) } != nil
    let json = SourceText(name: "json", bytes: document.json.serialisedBytes())
    guard let read = attempt({ try SchemaDocument(json: json) }) else {
        return claim(false, "its JSON is read: \(String(decoding: json.bytes, as: UTF8.self))")
    }
    claim(read.json.serialisedBytes() == json.bytes, "its JSON reads back as the same")
    claim((attempt { try Schema(read) } != nil) == resolves, "its JSON resolves as it does: \(String(decoding: json.bytes, as: UTF8.self))")

    // Only the JSON notation can say some things; they are refused by name, and nothing else is.
    let text: String
    do throws(CedarError) {
        text = try document.text()
    } catch {
        return claim(error.kind == .unsupported || error.kind == .limit, "what the text notation cannot say is named: \(error)")
    }
    // A schema that contradicts itself may be written so that reading finds it out.
    guard resolves else { return }
    do throws(CedarError) {
        let written = try SchemaDocument(parsing: SourceText(name: "text", text))
        _ = try Schema(written)
        claim(attempt { try written.text() }.map { Text($0) == Text(text) } == true, "its text writes itself again as the same:\n\(text)")
    } catch {
        claim(false, "its text is read and resolves: \(error)\n\(text)")
    }
}

func checkUse(_ schema: Schema) {
    if let policies = attempt({ try PolicyParser.policies(SourceText(policies)) }) {
        _ = Validator(schema: schema).validate(policies, mode: .exact)
        _ = Validator(schema: schema).validate(policies, mode: .strict)
    }
    if let entities = World.entities { _ = attempt { try schema.validateEntities(entities) } }
    if let request = World.request { _ = attempt { try schema.validateRequest(request) } }
}

private let policies = """
    permit(principal is a, action == Action::"action", resource) when { principal has s && principal.s like "x*" && resource == principal };
    forbid(principal in G::"g", action in [Action::"all"], resource is T in a::"") unless { context.n + 1 > 2 || principal.hasTag("k") && principal.getTag("k") == "v" };
    permit(principal, action, resource) when { [principal, resource].contains(resource) && {a: 1}.a == 1 && ip("::1").isLoopback() };
    """
