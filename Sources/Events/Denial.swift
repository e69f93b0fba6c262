// SPDX-License-Identifier: Apache-2.0
//
// One thing that a cell tried and was not allowed to do, however often.

public import JSON

/// A denial, counted.
public struct Denial: Sendable, Hashable {
    public let id: DenialID
    /// The call as people write it: `socket(AF_INET)`.
    public var what: String
    /// 1 or more.
    public var count: Int64
    /// What would grant it: `add --net HOST:PORT`; nil where nothing would.
    public var remedy: String?
    /// The call went on: its profile audits, and does not enforce.
    public var wentOn: Bool

    public init(id: DenialID, what: String, count: Int64, remedy: String?, wentOn: Bool = false) {
        self.wentOn = wentOn
        self.id = id
        self.what = what
        self.count = count
        self.remedy = remedy
    }

    /// Members `count`, `id`, `remedy`, `what`; `went_on` where it did.
    public var json: Value {
        let members: [(String, Value)] = [("id", .string(id.text)), ("what", .string(what)), ("count", .integer(count)), ("remedy", .text(remedy))]
        return sorted(wentOn ? members + [("went_on", true)] : members)
    }
}

/// An object with its members sorted by name, as every record of ours has them.
func sorted(_ members: [(String, Value)]) -> Value {
    .object(Object(members.sorted { bytesPrecede($0.0, $1.0) }.map { Member(name: $0.0, value: $0.1) }))
}

extension Value {
    static func text(_ text: String?) -> Value { text.map(Value.string) ?? .null }
    static func count(_ number: Int64?) -> Value { number.map(Value.integer) ?? .null }
}
