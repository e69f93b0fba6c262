// SPDX-License-Identifier: Apache-2.0
//
// The members of a JSON object in the order in which they were written. Names are compared by UTF-8 bytes and occur once: a small object is
// searched from its start, a large one through an index sorted by name, so that no choice of names by an adversary makes look-ups slow.

/// One named value of an object.
public struct Member: Sendable, Hashable {
    public var name: String
    public var value: Value

    public init(name: String, value: Value) {
        self.name = name
        self.value = value
    }

    public static func == (left: Member, right: Member) -> Bool { sameBytes(left.name, right.name) && left.value == right.value }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(Value.string(name))
        hasher.combine(value)
    }
}

/// An ordered collection of members with distinct names.
public struct Object: Sendable {
    /// In the order of writing; names are distinct by bytes.
    public private(set) var members: [Member]
    /// Positions in `members`, sorted by name; empty while the object is small.
    private var sorted: [UInt32]

    /// Above this number of members an index is kept.
    static let smallCount = 12

    public init() {
        members = []
        sorted = []
    }

    /// An object with these members; where a name occurs again its last value counts, at the place of the first.
    public init(_ members: [Member]) {
        if let sorted = Object.index(members) {
            self.init(distinct: members, sorted: sorted)
        } else {
            self.init()
            for member in members { self[member.name] = member.value }
        }
    }

    /// INVARIANT: the names are distinct; the parser and `init(_:)` have looked, and who writes the names in code knows.
    package init(distinct members: [Member], sorted: [UInt32]? = nil) {
        self.members = members
        self.sorted = members.count > Object.smallCount ? sorted ?? Object.order(members) : []
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

    /// The value of a member; setting one replaces it in place or appends it, setting nil removes it.
    public subscript(name: String) -> Value? {
        get { position(of: name).map { members[$0].value } }
        set {
            let position = position(of: name)
            switch (position, newValue) {
            case (let position?, let value?): members[position].value = value
            case (let position?, nil):
                members.remove(at: position)
                self = Object(distinct: members)
            case (nil, let value?):
                members.append(Member(name: name, value: value))
                insertLast()
            case (nil, nil): break
            }
        }
    }

    /// Where in `members` the name stands.
    public func position(of name: String) -> Int? {
        if sorted.isEmpty {
            let count = name.utf8.count
            return members.firstIndex { $0.name.utf8.count == count && sameBytes($0.name, name) }
        }
        let place = insertionPoint(name)
        guard place < sorted.count else { return nil }
        let position = Int(sorted[place])
        return sameBytes(members[position].name, name) ? position : nil
    }

    private func insertionPoint(_ name: String) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if bytesPrecede(members[Int(sorted[middle])].name, name) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func insertLast() {
        if members.count <= Object.smallCount { return }
        if sorted.isEmpty {
            sorted = Object.order(members)
        } else {
            sorted.insert(UInt32(members.count - 1), at: insertionPoint(members[members.count - 1].name))
        }
    }

    private static func order(_ members: [Member]) -> [UInt32] {
        (0..<UInt32(members.count)).sorted { bytesPrecede(members[Int($0)].name, members[Int($1)].name) }
    }

    /// The sorted positions of many members, or nil where a name occurs twice. For few members the result is empty.
    static func index(_ members: [Member]) -> [UInt32]? {
        if members.count <= smallCount {
            for (position, member) in members.enumerated() {
                for earlier in 0..<position where sameBytes(members[earlier].name, member.name) { return nil }
            }
            return []
        }
        let sorted = order(members)
        for place in 1..<sorted.count
        where sameBytes(members[Int(sorted[place - 1])].name, members[Int(sorted[place])].name) { return nil }
        return sorted
    }
}

extension Object: Hashable {
    public static func == (left: Object, right: Object) -> Bool {
        guard left.count == right.count else { return false }
        if left.members == right.members { return true }
        return left.members.allSatisfy { right[$0.name] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        // The order of members does not count, so neither may it here.
        var sum = 0
        for member in members { sum = sum &+ member.hashValue }
        hasher.combine(sum)
    }
}

extension Object: Sequence {
    public func makeIterator() -> Array<Member>.Iterator { members.makeIterator() }
}
