// SPDX-License-Identifier: Apache-2.0
//
// Policy JSON, entities JSON and request JSON, in this order with a zero byte between them: policies that are read write
// themselves and read back as the same; what all three say is decided by the plain and the compiled evaluator alike.

import Cedar
import JSON

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { unsafe run(start, count, check) }

private func check(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
    let set = attempt { try PolicySet(json: parts[0]) }
    if let set {
        let written = set.json.serialisedBytes()
        do throws(CedarError) {
            let again = try PolicySet(json: written)
            claim(again.json.serialisedBytes() == written, "its JSON reads back as the same: \(String(decoding: written, as: UTF8.self))")
        } catch {
            claim(false, "its JSON is read: \(error)\n\(String(decoding: written, as: UTF8.self))")
        }
    }
    var entities = World.entities
    if parts.count > 1, let given = attempt({ try Entities(json: parts[1]) }) {
        entities = given
        if let schema = World.schema {
            _ = attempt { try Entities(json: parts[1], schema: schema) }
            _ = attempt { try schema.validateEntities(given) }
        }
    }
    var request = World.request
    if parts.count > 2, let json = attempt({ try JSON.Value(parsing: parts[2]) }) {
        if let given = attempt({ try Request(json: json) }) { request = given }
        _ = attempt { try Request(json: json, schema: World.schema) }
    }
    guard let set, let entities, let request else { return }
    let compiled = CompiledPolicies(set).authorize(request, entities)
    let plain = set.authorize(request, entities)
    claim(compiled == plain, "the compiled policies decide as the plain ones: \(compiled), \(plain)")
    if let schema = World.schema { _ = Validator(schema: schema).validate(set, mode: .strict) }
}
