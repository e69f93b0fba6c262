// SPDX-License-Identifier: Apache-2.0
//
// Schema JSON: as schema text, from the other notation.

import Cedar
import JSON

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe run(start, count, check) }

private func check(_ bytes: [UInt8]) {
    let source = SourceText(name: "schema", bytes: bytes)
    do throws(CedarError) {
        let document = try SchemaDocument(json: source)
        checkRoundTrip(document)
        let schema = try Schema(document)
        checkUse(schema)
    } catch {
        if let span = error.span { claim(span.start <= span.end && span.end <= bytes.count + 1, "the place lies in the text: \(span)") }
        claim(!error.rendered(in: source).isEmpty, "an error can be shown")
    }
}
