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

/// The type of a context with what each look at it would work out anew: made once for an action.
struct ContextShape: Sendable {
    final class Attribute: Sendable {
        let name: String
        let field: Text
        let type: SchemaType
        let isRequired: Bool
        /// The member whose elements this one counts. Such a count is ours: the asker has no say in it.
        let counted: String?
        /// Of a record.
        let inner: ContextShape?

        init(_ attribute: RecordType.Attribute, declared properties: JSON.Value?) {
            name = attribute.name.string
            field = attribute.name
            type = attribute.type
            isRequired = attribute.isRequired
            counted = properties != nil && name.hasSuffix("_len") && properties?[name] == nil ? String(name.dropLast(4)) : nil
            if case .record(let record) = type { inner = ContextShape(record, declared: properties?[name]) } else { inner = nil }
        }
    }

    /// What can stand in an object; `_lossy`, which names what was left out, is ours.
    let attributes: [Attribute]
    let saysLoss: Bool
    /// Whether an object without members fits it.
    let mayBeEmpty: Bool

    /// - Parameter declared: the JSON Schema that the type was made of; nil where it was not made of one.
    init(_ type: RecordType, declared: JSON.Value? = nil) {
        let properties = declared?["properties"]
        attributes = type.attributes.filter { !sameBytes($0.name.string, Self.lossy) }.map { Attribute($0, declared: properties) }
        saysLoss = attributes.count < type.attributes.count
        mayBeEmpty = !attributes.contains(where: \.isRequired)
    }

    static let lossy = "_lossy"
}

enum Conversion {
    static func record(_ object: JSON.Object, _ shape: ContextShape) throws(Misfit) -> Record {
        var lossy: [String] = []
        return try record(object, shape, &lossy)
    }

    /// - Parameter lost: gains what was left out and is not told by the record itself.
    private static func record(_ object: JSON.Object, _ shape: ContextShape, _ lost: inout [String]) throws(Misfit) -> Record {
        if object.isEmpty, shape.mayBeEmpty { return .empty }
        var fields: [Record.Field] = []
        fields.reserveCapacity(shape.attributes.count)
        var lossy: [String] = []
        var seen = 0
        for attribute in shape.attributes {
            if let counted = attribute.counted {
                if let elements = object[counted]?.asArray { fields.append(Record.Field(attribute.field, .long(Int64(elements.count)))) }
                continue
            }
            guard let json = object[attribute.name] else {
                if attribute.isRequired { throw Misfit(path: attribute.name, problem: "is missing") }
                continue
            }
            seen += 1
            if let value = try value(json, attribute, &lossy) {
                fields.append(Record.Field(attribute.field, value))
            } else if attribute.isRequired {
                throw Misfit(path: attribute.name, problem: "is \(json.kind), and \(attribute.type) was expected")
            } else {
                lossy.append(attribute.name)
            }
        }
        if seen < object.count {
            for member in object.members where !shape.attributes.contains(where: { $0.counted == nil && sameBytes($0.name, member.name) }) {
                lossy.append(member.name)
            }
        }
        if !lossy.isEmpty {
            if shape.saysLoss {
                fields.append(Record.Field(Text(ContextShape.lossy), .set(ValueSet(lossy.map { .string(Text($0)) }))))
            } else {
                lost += lossy
            }
        }
        return Record(fields)
    }

    private static func value(_ json: JSON.Value, _ attribute: ContextShape.Attribute, _ lossy: inout [String]) throws(Misfit) -> Cedar.Value? {
        do throws(Misfit) {
            var lost: [String] = []
            let value: Cedar.Value?
            if case .object(let object) = json, let inner = attribute.inner {
                value = .record(try record(object, inner, &lost))
            } else {
                value = try self.value(json, attribute.type, &lost)
            }
            if !lost.isEmpty { lossy += lost.map { "\(attribute.name).\($0)" } }
            return value
        } catch {
            throw Misfit(path: "\(attribute.name).\(error.path)", problem: error.problem)
        }
    }

    /// Nil where it does not fit.
    private static func value(_ json: JSON.Value, _ type: SchemaType, _ lost: inout [String]) throws(Misfit) -> Cedar.Value? {
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
                guard let value = try value(element, inner, &lost) else { return nil }
                values.append(value)
            }
            return .set(ValueSet(values))
        case (.object(let object), .record(let inner)): return .record(try record(object, ContextShape(inner), &lost))
        default: return nil
        }
    }
}
