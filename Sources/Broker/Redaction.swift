// SPDX-License-Identifier: Apache-2.0
//
// The obligation `@redact("field")`: members of that name lose their value in a result, in structured content and in texts that are JSON.

import JSON

enum Redaction {
    static let mark = "[redacted]"

    static func taken(_ fields: [String], from value: Value) -> Value {
        switch value {
        case .object(let object):
            return .object(
                Object(
                    object.members.map { member in
                        if fields.contains(where: { sameBytes($0, member.name) }) { return Member(name: member.name, value: .string(mark)) }
                        if sameBytes(member.name, "text"), let text = member.value.asString {
                            return Member(name: member.name, value: .string(inText(fields, text)))
                        }
                        return Member(name: member.name, value: taken(fields, from: member.value))
                    }))
        case .array(let elements): return .array(elements.map { taken(fields, from: $0) })
        default: return value
        }
    }

    private static func inText(_ fields: [String], _ text: String) -> String {
        guard text.utf8.first(where: { $0 > 0x20 }).map({ $0 == 0x7b || $0 == 0x5b }) ?? false, let value = try? Value(parsing: text) else { return text }
        let redacted = taken(fields, from: value)
        return redacted == value ? text : redacted.serialised()
    }
}
