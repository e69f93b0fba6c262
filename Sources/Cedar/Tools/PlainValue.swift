// SPDX-License-Identifier: Apache-2.0
//
// Values as a file of plain words gives them (YAML without types): texts, lists and maps. What a text means is decided by
// the schema's type where it has one; else `true`, `false` and whole numbers are what they look like, and all else is text.

public import JSON

/// A value whose scalars have no types.
public indirect enum PlainValue: Sendable {
    case nothing
    case text(String)
    case list([PlainValue])
    case map([(key: String, value: PlainValue)])

    /// The value in the notation of entities and contexts.
    ///
    /// - Parameter type: what a schema says of it; nil where it says nothing.
    public func json(as type: SchemaType? = nil) -> JSON.Value {
        switch self {
        case .nothing: return .null
        case .text(let text): return Self.scalar(text, type)
        case .list(let items):
            var element: SchemaType?
            if case .set(let inner) = type { element = inner }
            return .array(items.map { $0.json(as: element) })
        case .map(let entries):
            var record: RecordType?
            if case .record(let inner) = type { record = inner }
            // What is inside an escape is named by its own words, never by the schema.
            let isEscape = entries.count == 1 && entries[0].key.hasPrefix("__")
            return .object(
                JSON.Object(
                    entries.map { entry in
                        let value = isEscape ? entry.value.texts : entry.value.json(as: record?[Text(entry.key)]?.type)
                        return JSON.Member(name: entry.key, value: value)
                    }))
        }
    }

    /// All scalars as texts.
    private var texts: JSON.Value {
        switch self {
        case .nothing: .null
        case .text(let text): .string(text)
        case .list(let items): .array(items.map(\.texts))
        case .map(let entries): .object(JSON.Object(entries.map { JSON.Member(name: $0.key, value: $0.value.texts) }))
        }
    }

    private static func scalar(_ text: String, _ type: SchemaType?) -> JSON.Value {
        switch type {
        case .string?, .extension?: return .string(text)
        case .entity?:
            // `Agent::"a"` is the shortest way to write one.
            if let uid = try? PolicyParser.entity(SourceText(text)) { return ["__entity": uid.json] }
            return .string(text)
        default: break
        }
        switch text {
        case "true": return true
        case "false": return false
        default: break
        }
        // Only what Cedar itself would write is a number: `007` and `+1` are texts.
        if let number = Int64(text), String(number) == text { return .integer(number) }
        return .string(text)
    }
}
