// SPDX-License-Identifier: Apache-2.0
//
// Entities and their store. The store holds the transitive closure of the parents, so that `in` is one look-up.

/// An entity: attributes, tags, parents and, once in a store, all its ancestors.
public struct Entity: Sendable {
    public let uid: EntityUID
    public let attributes: Record
    public let tags: Record
    /// As given.
    public let parents: [EntityUID]
    /// The transitive closure of the parents; without the entity itself.
    public internal(set) var ancestors: Set<EntityUID>

    public init(_ uid: EntityUID, attributes: Record = .empty, tags: Record = .empty, parents: [EntityUID] = []) {
        self.uid = uid
        self.attributes = attributes
        self.tags = tags
        self.parents = parents
        self.ancestors = Set(parents)
    }
}

/// The entities of a request. A parent need not be among them.
public struct Entities: Sendable {
    /// How many ancestors may be gathered, summed over the entities; one that comes by two parents may count twice.
    public static let maximumAncestors = 1 << 22

    private var table: [EntityUID: Entity]

    /// No entities.
    public init() { table = [:] }

    /// A store of the entities, with the ancestors worked out.
    ///
    /// - Throws: `.data` for two different entities with one uid and for a cycle of parents, `.limit` past `maximum` ancestors.
    public init(_ entities: [Entity], maximum: Int = maximumAncestors) throws(CedarError) {
        table = [:]
        table.reserveCapacity(entities.count)
        for entity in entities {
            if let present = table[entity.uid] {
                guard present.attributes == entity.attributes, present.tags == entity.tags,
                    Set(present.parents) == Set(entity.parents)
                else { throw CedarError(.data, "two different entities are `\(entity.uid)`") }
            } else {
                table[entity.uid] = entity
            }
        }
        try close(maximum)
    }

    public subscript(_ uid: EntityUID) -> Entity? { table[uid] }
    public var count: Int { table.count }
    public var all: Dictionary<EntityUID, Entity>.Values { table.values }

    /// Whether `child` is `ancestor` or has it among its ancestors.
    public func isIn(_ child: EntityUID, _ ancestor: EntityUID) -> Bool {
        child == ancestor || table[child]?.ancestors.contains(ancestor) == true
    }

    /// The parents with what is above them.
    ///
    /// - Parameter left: how many may still be gathered.
    private static func ancestors(
        _ parents: [(uid: EntityUID, above: Set<EntityUID>)], _ left: inout Int
    ) throws(CedarError) -> Set<EntityUID> {
        var ancestors: Set<EntityUID> = []
        // The one with most above it first: it often has the others above it, and what these have.
        for parent in parents.sorted(by: { $0.above.count > $1.above.count }) {
            guard ancestors.insert(parent.uid).inserted else { continue }
            left -= 1 + parent.above.count
            guard left >= 0 else {
                throw CedarError(.limit, "the entities have too many ancestors", help: "all together may have \(maximumAncestors)")
            }
            ancestors.formUnion(parent.above)
        }
        return ancestors
    }

    /// Works out the ancestors by a walk without recursion.
    private mutating func close(_ maximum: Int) throws(CedarError) {
        enum State { case open, closed }
        var states: [EntityUID: State] = [:]
        var left = maximum
        for start in table.keys where states[start] == nil {
            var stack: [(uid: EntityUID, next: Int)] = [(start, 0)]
            states[start] = .open
            while let top = stack.last {
                guard let entity = table[top.uid] else { break }
                if top.next < entity.parents.count {
                    stack[stack.count - 1].next += 1
                    let parent = entity.parents[top.next]
                    guard table[parent] != nil else { continue }
                    switch states[parent] {
                    case .closed: continue
                    case .open: throw CedarError(.data, "the parents of `\(parent)` lead back to it")
                    case nil:
                        states[parent] = .open
                        stack.append((parent, 0))
                    }
                } else {
                    let ancestors = try Self.ancestors(entity.parents.map { ($0, table[$0]?.ancestors ?? []) }, &left)
                    table[top.uid]?.ancestors = ancestors
                    states[top.uid] = .closed
                    stack.removeLast()
                }
            }
        }
    }
}

/// One question: may the principal do the action on the resource?
public struct Request: Sendable {
    public let principal: EntityUID
    public let action: EntityUID
    public let resource: EntityUID
    public let context: Record

    public init(principal: EntityUID, action: EntityUID, resource: EntityUID, context: Record = .empty) {
        self.principal = principal
        self.action = action
        self.resource = resource
        self.context = context
    }
}
