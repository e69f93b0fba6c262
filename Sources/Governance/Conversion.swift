// SPDX-License-Identifier: Apache-2.0
//
// A request's context as Cedar's values, by the types of its action: what the schema does not name is left out and said so in `_lossy`,
// what it demands must be there. So each record fits its type, and a policy that was validated cannot meet another.

internal import Cedar
internal import JSON

/// A context that is not what the schema demands.
struct Misfit: Error {
    let path: String
    let problem: String
}

enum Conversion {
    static func record(_ object: JSON.Object, _ type: RecordType, in path: String = "") throws(Misfit) -> Record {
        var fields: [Record.Field] = []
        fields.reserveCapacity(type.attributes.count)
        var lossy: [Cedar.Value] = []
        var seen = 0
        var saysLoss = false
        for attribute in type.attributes {
            let name = attribute.name.string
            guard let json = object[name] else {
                if name == "_lossy" {
                    saysLoss = true
                } else if name.hasSuffix("_len"), let elements = object[String(name.dropLast(4))]?.asArray {
                    fields.append(Record.Field(attribute.name, .long(Int64(elements.count))))
                } else if attribute.isRequired {
                    throw Misfit(path: path + name, problem: "is missing")
                }
                continue
            }
            seen += 1
            if let value = try value(json, attribute.type, in: path + name) {
                fields.append(Record.Field(attribute.name, value))
            } else if attribute.isRequired {
                throw Misfit(path: path + name, problem: "is \(json.kind), and \(attribute.type) was expected")
            } else {
                lossy.append(.string(attribute.name))
            }
        }
        if saysLoss {
            if seen < object.count {
                for member in object.members where type[Text(member.name)] == nil { lossy.append(.string(Text(member.name))) }
            }
            if !lossy.isEmpty { fields.append(Record.Field("_lossy", .set(ValueSet(lossy)))) }
        }
        return Record(fields)
    }

    /// Nil where it does not fit.
    private static func value(_ json: JSON.Value, _ type: SchemaType, in path: String) throws(Misfit) -> Cedar.Value? {
        switch (json, type) {
        case (.bool(let value), .bool): return .bool(value)
        case (.integer(let value), .long): return .long(value)
        case (.string(let text), .string): return .string(Text(text))
        case (.integer(let value), .extension(.datetime)): return .extension(.datetime(value))
        case (.integer(let value), .extension(.decimal)):
            let (units, overflow) = value.multipliedReportingOverflow(by: 10_000)
            return overflow ? nil : .extension(.decimal(units))
        case (.number(let number), .extension(.decimal)):
            // `1.5` and `1.50000`, not `1.00001` and not `1e3`: exact or absent.
            var text = number.text
            if let point = text.utf8.firstIndex(of: 0x2e) {
                while text.utf8.last == 0x30, text.utf8.distance(from: point, to: text.utf8.endIndex) > 2 { text.removeLast() }
            }
            return ExtensionValue.parse(.decimal, Text(text)).map { .extension($0) }
        case (.array(let elements), .set(let inner)):
            var values: [Cedar.Value] = []
            values.reserveCapacity(elements.count)
            for element in elements {
                guard let value = try value(element, inner, in: path) else { return nil }
                values.append(value)
            }
            return .set(ValueSet(values))
        case (.object(let object), .record(let inner)): return .record(try record(object, inner, in: path + "."))
        default: return nil
        }
    }
}
