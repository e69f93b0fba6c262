// SPDX-License-Identifier: Apache-2.0
//
// Schema text: what is refused has a place within the text; what is read writes itself in both notations and reads back
// from them as the same declarations; a schema whose names resolve validates policies.

import Cedar
import JSON

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe run(start, count, check) }

private func check(_ bytes: [UInt8]) {
    let source = SourceText(name: "schema", bytes: bytes)
    do throws(CedarError) {
        let document = try SchemaDocument(parsing: source)
        checkRoundTrip(document)
        let schema = try Schema(document)
        checkUse(schema)
    } catch {
        if let span = error.span { claim(span.start <= span.end && span.end <= bytes.count, "the place lies in the text: \(span)") }
        claim(error.kind != .syntax || error.span != nil, "an error of syntax has a place: \(error)")
        claim(!error.rendered(in: source).isEmpty, "an error can be shown")
    }
}
