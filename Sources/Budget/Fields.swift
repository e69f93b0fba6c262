// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing the members of the ledger's own JSON: strict, every unknown member an error. Not a general decoder.

internal import JSON

/// The members of one object that have not been read yet.
struct Fields {
    private let object: Object
    private let path: String
    private var left: Set<String>

    init(_ value: Value, _ path: String) throws(BudgetError) {
        guard case .object(let object) = value else { throw BudgetError(.document(member: path, problem: "an object was expected, not \(value.kind)")) }
        self.object = object
        self.path = path
        left = Set(object.members.map(\.name))
    }

    func has(_ name: String) -> Bool { object[name] != nil }

    mutating func value(_ name: String) throws(BudgetError) -> Value {
        guard let value = object[name] else { throw fault(name, "is missing") }
        left.remove(name)
        return value
    }

    mutating func string(_ name: String) throws(BudgetError) -> String {
        guard let text = try value(name).asString else { throw fault(name, "is not a string") }
        return text
    }

    mutating func choice<Choice: RawRepresentable>(_ name: String) throws(BudgetError) -> Choice where Choice.RawValue == String {
        let text = try string(name)
        guard let choice = Choice(rawValue: text) else { throw fault(name, "\(quoted(text)) is none of the choices") }
        return choice
    }

    mutating func integer(_ name: String) throws(BudgetError) -> Int64 {
        let value = try value(name)
        guard let integer = value.asExact else { throw fault(name, "is not an integer") }
        return integer
    }

    mutating func wide(_ name: String) throws(BudgetError) -> Int128 {
        guard let integer = Int128(try string(name)) else { throw fault(name, "is not an integer") }
        return integer
    }

    mutating func array(_ name: String) throws(BudgetError) -> [Value] {
        guard let array = try value(name).asArray else { throw fault(name, "is not an array") }
        return array
    }

    mutating func integers(_ name: String) throws(BudgetError) -> [Int64] {
        var integers: [Int64] = []
        for element in try array(name) {
            guard let integer = element.asExact else { throw fault(name, "holds something that is not an integer") }
            integers.append(integer)
        }
        return integers
    }

    mutating func lease() throws(BudgetError) -> LeaseID {
        let number = try integer("lease")
        guard number > 0 else { throw fault("lease", "is not positive") }
        return LeaseID(UInt64(number))
    }

    mutating func amounts(_ name: String) throws(BudgetError) -> [LedgerRecord.Entry] {
        guard let members = try value(name).asObject?.members else { throw fault(name, "is not an object") }
        var entries: [LedgerRecord.Entry] = []
        for member in members {
            guard let amount = member.value.asExact else { throw fault("\(name).\(member.name)", "is not an integer") }
            entries.append(.init(dimension: member.name, amount: amount))
        }
        return entries
    }

    func end() throws(BudgetError) {
        if let name = left.sorted(by: bytesPrecede).first { throw fault(name, "is not known") }
    }

    func fault(_ name: String, _ problem: String) -> BudgetError { BudgetError(.document(member: "\(path).\(name)", problem: problem)) }
}

extension Value {
    /// An integer; beyond 2^53, where a double would alter it, its digits as a string.
    static func exact(_ integer: Int64) -> Value { integer.magnitude <= 1 << 53 ? .integer(integer) : .string("\(integer)") }

    var asExact: Int64? { asInteger ?? asString.flatMap { Int64($0) } }

    static func amounts(_ entries: [LedgerRecord.Entry]) -> Value {
        .sorted(entries.map { ($0.dimension, .exact($0.amount)) })
    }

    static func sorted(_ members: [(String, Value)]) -> Value {
        .object(Object(members.sorted { bytesPrecede($0.0, $1.0) }.map { Member(name: $0.0, value: $0.1) }))
    }
}

extension Dimension {
    /// The name of its amounts in records.
    var recordName: String { unit == .money ? name + "_pico" : name }

    var members: [(String, Value)] {
        [("name", .string(name)), ("unit", .string(unit.rawValue)), ("firmness", .string(firmness.rawValue))]
    }

    init(_ fields: inout Fields) throws(BudgetError) {
        self = try Dimension(name: try fields.string("name"), unit: try fields.choice("unit"), firmness: try fields.choice("firmness"))
    }
}

extension AccountDefinition {
    var members: [(String, Value)] {
        var members: [(String, Value)] = [
            ("account", .string(name)), ("account_kind", .string(kind.rawValue)), ("limits", .array(limits.map(\.json))),
        ]
        if let parent { members.append(("parent", .string(parent))) }
        return members
    }

    init(_ fields: inout Fields) throws(BudgetError) {
        let parent = fields.has("parent") ? try fields.string("parent") : nil
        var limits: [AccountLimit] = []
        for value in try fields.array("limits") { limits.append(try AccountLimit(json: value)) }
        self.init(try fields.string("account"), kind: try fields.choice("account_kind"), parent: parent, limits: limits)
    }
}

extension AccountLimit {
    var json: Value {
        var members: [(String, Value)] = [("dimension", .string(dimension)), ("bound", .exact(window.bound))]
        switch window {
        case .lifetime: members.append(("window", "lifetime"))
        case .rate(_, let span): members += [("window", "rate"), ("span_ns", .exact(span))]
        case .calendar(_, let unit): members += [("window", "calendar"), ("unit", .string(unit.rawValue))]
        case .sliding(_, let span): members += [("window", "sliding"), ("span_ns", .exact(span))]
        case .concurrent: members.append(("window", "concurrent"))
        }
        return .sorted(members)
    }

    init(json: Value) throws(BudgetError) {
        var fields = try Fields(json, "limits")
        let bound = try fields.integer("bound")
        let kind = try fields.string("window")
        let window: Window
        switch kind {
        case "lifetime": window = .lifetime(bound)
        case "rate": window = .rate(bound, nanoseconds: try fields.integer("span_ns"))
        case "calendar": window = .calendar(bound, try fields.choice("unit"))
        case "sliding": window = .sliding(bound, nanoseconds: try fields.integer("span_ns"))
        case "concurrent": window = .concurrent(bound)
        default: throw fields.fault("window", "\(quoted(kind)) is no kind of window")
        }
        self.init(try fields.string("dimension"), window)
        try fields.end()
    }
}
