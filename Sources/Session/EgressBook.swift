// SPDX-License-Identifier: Apache-2.0
// What a cell's network came to: connections by endpoint, and what was refused, with a count and what would grant it. Bounded, however hard a
// cell tries: past a number of attempts they are counted, not recorded one by one. Bytes are not counted: what is handed in is a plain socket.

import Egress
package import Events
import Glibc
import JSON

package struct EgressBook: Sendable {
    /// Attempts that have a record each, and kinds of them that have an entry of their own.
    static let recorded = 10_000
    static let kinds = 256

    private let seed: UInt64
    private var entries: [(what: String, remedy: String?, count: Int64)] = []
    private var places: [String: Int] = [:]
    private var unreported: [Int] = []
    private var attempts = 0
    private var unrecorded: [(what: String, count: Int64)] = []
    private var overflow: Int64 = 0
    private var counts: [Endpoint: ConnectionCount] = [:]

    init(seed: UInt64) { self.seed = seed }

    /// By endpoint, in the order of their names.
    package var connections: [ConnectionCount] { counts.values.sorted { $0.endpoint < $1.endpoint } }

    mutating func count(_ endpoint: Endpoint, error: Int32) {
        if error == 0 {
            counts[endpoint, default: ConnectionCount(endpoint: endpoint.text)].made += 1
        } else {
            counts[endpoint, default: ConnectionCount(endpoint: endpoint.text)].failed += 1
        }
    }

    mutating func countRefused(_ endpoint: Endpoint) { counts[endpoint, default: ConnectionCount(endpoint: endpoint.text)].refused += 1 }

    /// - Returns: whether the attempt gets a record of its own.
    mutating func deny(_ what: String, remedy: String?, reason: String? = nil) -> Bool {
        let text = reason.map { "\(what), \($0)" } ?? what
        if let place = places[text] {
            entries[place].count += 1
        } else if entries.count < EgressBook.kinds {
            places[text] = entries.count
            unreported.append(entries.count)
            entries.append((text, remedy, 1))
        } else {
            overflow += 1
        }
        attempts += 1
        if attempts <= EgressBook.recorded { return true }
        if let last = unrecorded.firstIndex(where: { $0.what == what }) {
            unrecorded[last].count += 1
        } else if unrecorded.count < EgressBook.kinds {
            unrecorded.append((what, 1))
        }
        return false
    }

    func flush(_ body: (String, Int64) -> Void) { for item in unrecorded { body(item.what, item.count) } }

    package var denials: [Denial] {
        var list = entries.indices.map(denial)
        if overflow > 0 { list.append(Denial(id: id(entries.count), what: "other connections", count: overflow, remedy: nil)) }
        return list
    }

    package mutating func takeNew() -> [Denial] {
        defer { unreported = [] }
        return unreported.map(denial)
    }

    private func denial(_ i: Int) -> Denial { Denial(id: id(i), what: entries[i].what, count: entries[i].count, remedy: entries[i].remedy) }

    private func id(_ i: Int) -> DenialID {
        let mixed = (seed &+ UInt64(i)) &* 0x9e37_79b9_7f4a_7c15
        return DenialID(bytes: [UInt8(truncatingIfNeeded: mixed >> 56), UInt8(truncatingIfNeeded: mixed >> 48), UInt8(truncatingIfNeeded: mixed >> 40)])!
    }

    /// A path that a caller gave, for people: what does not print is hexadecimal.
    static func path(_ bytes: [UInt8]) -> String {
        bytes.prefix { $0 != 0 }.map { 0x20 < $0 && $0 < 0x7f ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }.joined()
    }
}
