// SPDX-License-Identifier: Apache-2.0
//
// Policy text: what is refused has a place within the text; what is accepted formats, and reads back from its layout and
// from its JSON as the same policies; and each decides as its plain evaluator does when it is compiled.

import Cedar
import JSON

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe run(start, count, check) }

private func check(_ bytes: [UInt8]) {
    let source = SourceText(name: "policy", bytes: bytes)
    let set: PolicySet
    do throws(CedarError) {
        set = try PolicyParser.policies(source)
    } catch {
        let errors = PolicyParser.errors(source)
        claim(!errors.isEmpty, "a refused text has an error")
        claim(errors[0].message == error.message, "the first error is the one that was thrown: \(errors[0].message), \(error.message)")
        for error in errors {
            claim(error.span != nil, "an error has a place: \(error)")
            if let span = error.span { claim(span.start <= span.end && span.end <= bytes.count, "the place lies in the text: \(span)") }
            claim(!error.rendered(in: source).isEmpty, "an error can be shown")
        }
        return
    }
    claim(PolicyParser.errors(source).isEmpty, "an accepted text has no error")

    let written = set.json.serialisedBytes()
    guard let laid = attempt({ try PolicyFormatter.format(source) }) else { return claim(false, "an accepted text is laid out") }
    let layout = SourceText(name: "layout", laid)
    guard let again = attempt({ try PolicyParser.policies(layout) }) else { return claim(false, "the layout is read:\n\(laid)") }
    claim(again.json.serialisedBytes() == written, "the layout means the same:\n\(laid)")
    claim(attempt { try PolicyFormatter.format(layout) }.map { Array($0.utf8) == layout.bytes } == true, "the layout stays as it is:\n\(laid)")

    do throws(CedarError) {
        let read = try PolicySet(json: written)
        claim(read.json.serialisedBytes() == written, "its JSON reads back as the same")
    } catch {
        claim(false, "its JSON is read: \(error)\n\(String(decoding: written, as: UTF8.self))")
    }
    guard let entities = World.entities, let request = World.request else { return claim(false, "the world is read") }
    let compiled = CompiledPolicies(set).authorize(request, entities)
    let plain = set.authorize(request, entities)
    claim(compiled == plain, "the compiled policies decide as the plain ones: \(compiled), \(plain)")
    if let schema = World.schema {
        _ = Validator(schema: schema).validate(set, mode: .exact)
        _ = Validator(schema: schema).validate(set, mode: .strict)
    }
}
