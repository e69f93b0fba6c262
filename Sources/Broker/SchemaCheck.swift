// SPDX-License-Identifier: Apache-2.0
//
// Holding a value against a Schema, in bounded work: JSON Schema 2020-12, Core section 10 and 11, Validation section 6. The first thing that
// does not fit is told.

public import JSON

extension Schema {
    /// Steps that one value may take: nodes looked at, states of patterns, comparisons.
    static let work = 5_000_000

    /// Why the value does not fit; nil where it does.
    public func finding(in value: Value) -> SchemaFinding? {
        var check = SchemaCheck(schema: self)
        var marks = Marks()
        if check.fits(root, value, &marks) { return nil }
        if check.work < 0 { return SchemaFinding(place: "", message: "holding it against the schema takes too long") }
        return check.finding ?? SchemaFinding(place: "", message: "it does not fit")
    }
}

/// Which members and elements a schema has looked at.
struct Marks {
    var members: Set<Int> = []
    var elements: Set<Int> = []

    mutating func add(_ other: Marks) {
        members.formUnion(other.members)
        elements.formUnion(other.elements)
    }
}

struct SchemaCheck {
    let schema: Schema
    var work = Schema.work
    var finding: SchemaFinding?
    private var path: [String] = []
    /// Above zero while what does not fit need not be wrong.
    private var trials = 0
    private var depth = 0
    private static let deepest = 400

    init(schema: Schema) { self.schema = schema }

    private mutating func fail(_ message: @autoclosure () -> String) -> Bool {
        if trials == 0, finding == nil, work >= 0 { finding = SchemaFinding(place: path.map { "/" + SchemaCompiler.escaped($0) }.joined(), message: message()) }
        return false
    }

    private mutating func tries(_ node: Int, _ value: Value, _ marks: inout Marks) -> Bool {
        trials += 1
        defer { trials -= 1 }
        return fits(node, value, &marks)
    }

    mutating func fits(_ index: Int, _ value: Value, _ marks: inout Marks) -> Bool {
        work -= 1
        if work < 0 { return false }
        depth += 1
        defer { depth -= 1 }
        if depth > Self.deepest {
            work = -1
            return false
        }
        let node = schema.nodes[index]
        if node.never { return fail("nothing is allowed here") }
        // Marks of this schema alone, where somebody asks for them.
        var own = Marks()
        for target in node.reference where !fits(target, value, &own) { return false }
        guard plain(node, value) else { return false }
        guard combined(node, value, &own) else { return false }
        switch value {
        case .array(let elements): guard fits(node, elements, &own) else { return false }
        case .object(let object): guard fits(node, object, &own) else { return false }
        default: break
        }
        if schema.tracks { marks.add(own) }
        return true
    }

    private mutating func plain(_ node: Schema.Node, _ value: Value) -> Bool {
        if let types = node.types, !Self.isOne(of: types, value) {
            let names = Schema.Types.names.filter { types.contains($0.1) }.map(\.0)
            return fail("expected \(names.joined(separator: " or ")), found \(value.kind)")
        }
        if let values = node.values {
            work -= values.count
            if !values.contains(value) {
                let shown = Value.array(Array(values.prefix(8))).serialised()
                return fail("expected one of \(shown.count > 200 ? "\(values.count) values" : shown)")
            }
        }
        switch value {
        case .string(let text):
            if let length = node.length, !length.contains(text.unicodeScalars.count) {
                return fail(text.unicodeScalars.count < length.lowerBound ? "shorter than \(length.lowerBound)" : "longer than \(length.upperBound)")
            }
            if let pattern = node.pattern, !pattern.matches(text, work: &work) { return fail("does not match `\(node.patternText)`") }
        case .integer, .number:
            if let bound = node.minimum, Decimal.compare(value, bound) < 0 { return fail("less than \(bound.serialised())") }
            if let bound = node.maximum, Decimal.compare(value, bound) > 0 { return fail("more than \(bound.serialised())") }
            if let bound = node.exclusiveMinimum, Decimal.compare(value, bound) <= 0 { return fail("not above \(bound.serialised())") }
            if let bound = node.exclusiveMaximum, Decimal.compare(value, bound) >= 0 { return fail("not below \(bound.serialised())") }
            if let unit = node.multipleOf, !Decimal.isMultiple(value, of: unit) { return fail("not a multiple of \(unit.serialised())") }
        default: break
        }
        return true
    }

    private static func isOne(of types: Schema.Types, _ value: Value) -> Bool {
        switch value {
        case .null: types.contains(.null)
        case .bool: types.contains(.boolean)
        case .integer: types.contains(.integer) || types.contains(.number)
        case .number(let number): types.contains(.number) || (types.contains(.integer) && number.double == number.double.rounded())
        case .string: types.contains(.string)
        case .array: types.contains(.array)
        case .object: types.contains(.object)
        }
    }

    private mutating func combined(_ node: Schema.Node, _ value: Value, _ own: inout Marks) -> Bool {
        for part in node.all where !fits(part, value, &own) { return false }
        if !node.any.isEmpty {
            var found = false
            for part in node.any {
                if tries(part, value, &own) {
                    found = true
                    if !schema.tracks { break }
                }
            }
            if !found { return fail("fits none of \(node.any.count) schemas") }
        }
        if !node.one.isEmpty {
            var found = 0
            for part in node.one where tries(part, value, &own) { found += 1 }
            if found != 1 { return fail("fits \(found) of \(node.one.count) schemas, not one") }
        }
        if let part = node.not {
            var unused = Marks()
            if tries(part, value, &unused) { return fail("fits what it must not") }
        }
        if let condition = node.condition {
            let holds = tries(condition, value, &own)
            if let part = holds ? node.then : node.otherwise, !fits(part, value, &own) { return false }
        }
        return work >= 0
    }

    private mutating func fits(_ node: Schema.Node, _ elements: [Value], _ own: inout Marks) -> Bool {
        if let count = node.itemCount, !count.contains(elements.count) {
            return fail(elements.count < count.lowerBound ? "fewer than \(count.lowerBound) elements" : "more than \(count.upperBound) elements")
        }
        var unused = Marks()
        for (place, element) in elements.enumerated() {
            let part = place < node.prefix.count ? node.prefix[place] : node.items
            guard let part else { continue }
            path.append(String(place))
            guard fits(part, element, &unused) else { return false }
            path.removeLast()
            if schema.tracks { own.elements.insert(place) }
        }
        if let part = node.contains {
            var found = 0
            for (place, element) in elements.enumerated() where tries(part, element, &unused) {
                found += 1
                if schema.tracks { own.elements.insert(place) }
            }
            if !node.containsCount.contains(found) { return fail("\(found) elements are of the kind of which there must be \(Self.words(node.containsCount))") }
        }
        if node.unique {
            work -= elements.count
            var seen: Set<Value> = []
            for element in elements where !seen.insert(element).inserted { return fail("an element occurs twice") }
        }
        if let part = node.unevaluatedItems {
            for (place, element) in elements.enumerated() where !own.elements.contains(place) {
                path.append(String(place))
                guard fits(part, element, &unused) else { return false }
                path.removeLast()
                own.elements.insert(place)
            }
        }
        return true
    }

    private static func words(_ range: ClosedRange<Int>) -> String {
        range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }

    private mutating func fits(_ node: Schema.Node, _ object: Object, _ own: inout Marks) -> Bool {
        if let count = node.memberCount, !count.contains(object.count) {
            return fail(object.count < count.lowerBound ? "fewer than \(count.lowerBound) members" : "more than \(count.upperBound) members")
        }
        work -= node.required.count + node.properties.count
        for name in node.required where object.position(of: name) == nil { return fail("`\(name)` is missing") }
        for (name, needs) in node.dependentRequired where object.position(of: name) != nil {
            for need in needs where object.position(of: need) == nil { return fail("`\(need)` is missing, which `\(name)` needs") }
        }
        for (name, part) in node.dependentSchemas where object.position(of: name) != nil {
            guard fits(part, .object(object), &own) else { return false }
        }
        var unused = Marks()
        var seen: Set<Int> = []
        for (name, part) in node.properties {
            guard let place = object.position(of: name) else { continue }
            seen.insert(place)
            guard member(part, object.members[place], &unused) else { return false }
        }
        if !node.patterns.isEmpty || node.additional != nil || node.names != nil {
            for (place, each) in object.members.enumerated() {
                for (pattern, part) in node.patterns where pattern.matches(each.name, work: &work) {
                    seen.insert(place)
                    guard member(part, each, &unused) else { return false }
                }
                if let part = node.names {
                    path.append(each.name)
                    guard fits(part, .string(each.name), &unused) else { return false }
                    path.removeLast()
                }
                if let part = node.additional, !seen.contains(place) {
                    if schema.nodes[part].never { return fail("`\(each.name)` is not known") }
                    seen.insert(place)
                    guard member(part, each, &unused) else { return false }
                }
            }
        }
        if schema.tracks { own.members.formUnion(seen) }
        if let part = node.unevaluatedProperties {
            for (place, each) in object.members.enumerated() where !own.members.contains(place) {
                if schema.nodes[part].never { return fail("`\(each.name)` is not known") }
                guard member(part, each, &unused) else { return false }
                own.members.insert(place)
            }
        }
        return work >= 0
    }

    private mutating func member(_ part: Int, _ member: Member, _ marks: inout Marks) -> Bool {
        path.append(member.name)
        guard fits(part, member.value, &marks) else {
            // A trial goes on after it failed, at the place where it began.
            if trials > 0 { path.removeLast() }
            return false
        }
        path.removeLast()
        return true
    }
}
