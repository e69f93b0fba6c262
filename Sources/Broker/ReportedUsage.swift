// SPDX-License-Identifier: Apache-2.0
//
// What a tool or a program says that it spent. Money and tokens alone: what is measured here nobody needs to report, and what somebody says of
// it changes nothing.

import Governance
import JSON

enum ReportedUsage {
    /// Where results carry it, in `_meta`.
    static let key = "fumehood/usage"

    struct Fault: Error {
        let text: String
    }

    static let names: Set<String> = ["usd_micros", "tokens_in", "tokens_out"]
    static let dimensions: Set<String> = ["usd", "tokens_in", "tokens_out"]
    /// Nobody spends more in one call.
    static let largest: Int64 = 1_000_000_000_000

    static func costs(_ usage: Object) throws(Fault) -> [Cost] {
        var costs: [Cost] = []
        for member in usage {
            guard names.contains(member.name) else {
                throw Fault(text: "unknown \(Value.string(member.name).serialised()); known are usd_micros, tokens_in and tokens_out")
            }
            guard let amount = member.value.asInteger, 0...largest ~= amount else {
                throw Fault(text: "`\(member.name)` must be a whole number from 0 to \(largest)")
            }
            costs.append(member.name == "usd_micros" ? Cost("usd", amount * 1_000_000) : Cost(member.name, amount))
        }
        return costs
    }

    /// Of a result; what is not understood is nothing, and said.
    static func reported(by result: Object) -> (costs: [Cost], fault: String?) {
        guard let usage = result["_meta"]?[key] else { return ([], nil) }
        guard let object = usage.asObject else { return ([], "`\(key)` must be an object") }
        do throws(Fault) { return (try costs(object), nil) } catch { return ([], error.text) }
    }
}
