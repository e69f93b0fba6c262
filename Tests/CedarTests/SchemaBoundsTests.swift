// SPDX-License-Identifier: Apache-2.0
//
// Schemas made to exhaust the reader: each ends in an error or a schema, in bounded time.

import Cedar
import Testing

@Suite(.timeLimit(.minutes(2)))
struct SchemaBoundsTests {
    private static let many = 100_000

    private static func kind(_ text: String) -> CedarError.Kind? {
        do {
            _ = try Schema(parsing: SourceText(text))
            return nil
        } catch {
            return error.kind
        }
    }

    @Test(arguments: [
        "type T = " + String(repeating: "Set<", count: many),
        "type T = " + String(repeating: "{a:", count: many),
        "type T = " + String(repeating: "Set<", count: 257) + "Long" + String(repeating: ">", count: 257) + ";",
    ])
    func `a depth bomb is refused`(text: String) {
        #expect(Self.kind(text) == .limit)
    }

    @Test func `types at the bound are read`() {
        let text = "type T = " + String(repeating: "Set<", count: 256) + "Long" + String(repeating: ">", count: 256)
        #expect(Self.kind(text + ";") == nil)
    }

    @Test func `a chain of common types that nests too deep is refused`() {
        let chain = (0..<5_000).map { "type T\($0 + 1) = Set<T\($0)>;" }.joined()
        #expect(Self.kind(chain + "type T0 = Long;") == .limit)
    }

    @Test func `a long chain of common types that does not nest is read`() {
        let chain = (0..<20_000).map { "type T\($0 + 1) = T\($0);" }.joined()
        #expect(Self.kind(chain + "type T0 = Long;") == nil)
    }

    @Test func `common types that double are refused`() {
        let chain = (0..<100).map { "type T\($0 + 1) = {a: T\($0), b: T\($0)};" }.joined()
        #expect(Self.kind(chain + "type T0 = Long;") == .limit)
    }

    @Test func `a hierarchy with too many pairs is refused`() {
        let chain = (0..<3_000).map { "entity E\($0 + 1) in E\($0);" }.joined()
        #expect(Self.kind(chain + "entity E0;") == .limit)
    }

    @Test func `a hierarchy with few pairs and many ways between them is refused`() {
        let types = (0..<120).map { "E\($0)" }.joined(separator: ", ")
        #expect(Self.kind("entity \(types) in [\(types)];") == .limit)
    }

    @Test func `too many combinations of principal and resource are refused`() {
        let types = (0..<1_100).map { "E\($0)" }.joined(separator: ", ")
        let text = "entity \(types); action a appliesTo {principal: [\(types)], resource: [\(types)]};"
        #expect(Self.kind(text) == .limit)
    }

    @Test func `many annotations and attributes cost no more than their number`() {
        let annotations = (0..<20_000).map { "@a\($0) " }.joined()
        let attributes = (0..<20_000).map { "a\($0): Long" }.joined(separator: ",")
        #expect(Self.kind("\(annotations) entity A {\(attributes)};") == nil)
    }

    @Test func `nested JSON is refused`() {
        let text = String(repeating: "{\"a\":", count: Self.many)
        #expect(throws: CedarError.self) { try Schema(json: SourceText(text)) }
    }
}
