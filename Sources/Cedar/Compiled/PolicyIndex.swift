// SPDX-License-Identifier: Apache-2.0
//
// From a request to the policies that may matter to it: a superset of those that are satisfied or fail. Each policy
// stands under the rarest of its keys, or among those that are always asked.

struct PolicyIndex: Sendable {
    /// The policies under keys of one variable.
    struct Table: Sendable {
        var equal: [EntityUID: [Int32]] = [:]
        var within: [EntityUID: [Int32]] = [:]
        var types: [EntityType: [Int32]] = [:]

        var isEmpty: Bool { equal.isEmpty && within.isEmpty && types.isEmpty }
    }

    /// The policies under keys of one path.
    struct PathTable: Sendable {
        let path: Int32
        let guards: UInt64
        var values: [Value: [Int32]] = [:]
        var prefixes = PrefixTable()
        /// All policies of the table, for a request in which the path has no value.
        var all: [Int32] = []
        /// Those under prefixes, for a value that is no string.
        var allPrefixes: [Int32] = []
    }

    private(set) var always: [Int32] = []
    private var principal = Table()
    private var action = Table()
    private var resource = Table()
    private var paths: [PathTable] = []

    /// Indexes the policies; paths get their numbers from the builder.
    init(_ policies: [Policy], _ builder: inout ProgramBuilder) {
        let alternatives = policies.map(IndexKeys.alternatives)
        var count: [IndexKey: Int] = [:]
        for keys in alternatives.joined() { for key in keys { count[key, default: 0] += 1 } }
        var tables: [GuardedPath: Int] = [:]
        var entries: [GuardedPath: [(prefix: Text, policy: Int32)]] = [:]
        for (number, choices) in alternatives.enumerated() {
            let policy = Int32(number)
            func cost(_ keys: [IndexKey]) -> (Int, Int) {
                (keys.reduce(0) { $0 + (count[$1] ?? 0) }, keys.reduce(0) { max($0, $1.rank) })
            }
            guard let best = choices.min(by: { cost($0) < cost($1) }) else {
                always.append(policy)
                continue
            }
            for key in Set(best) {
                switch key {
                case .equal(let dimension, let uid): self[dimension].equal[uid, default: []].append(policy)
                case .within(let dimension, let uid): self[dimension].within[uid, default: []].append(policy)
                case .type(let dimension, let type): self[dimension].types[type, default: []].append(policy)
                case .value(let path, let value):
                    let table = table(path, &tables, &builder)
                    paths[table].values[value, default: []].append(policy)
                    if paths[table].all.last != policy { paths[table].all.append(policy) }
                case .prefix(let path, let prefix):
                    let table = table(path, &tables, &builder)
                    entries[path, default: []].append((prefix, policy))
                    if paths[table].all.last != policy { paths[table].all.append(policy) }
                    if paths[table].allPrefixes.last != policy { paths[table].allPrefixes.append(policy) }
                }
            }
        }
        for (path, entries) in entries {
            if let table = tables[path] { paths[table].prefixes = PrefixTable(entries) }
        }
    }

    private subscript(_ dimension: Dimension) -> Table {
        get {
            switch dimension {
            case .principal: principal
            case .action: action
            case .resource: resource
            }
        }
        _modify {
            switch dimension {
            case .principal: yield &principal
            case .action: yield &action
            case .resource: yield &resource
            }
        }
    }

    private mutating func table(
        _ path: GuardedPath, _ tables: inout [GuardedPath: Int], _ builder: inout ProgramBuilder
    ) -> Int {
        if let known = tables[path] { return known }
        paths.append(PathTable(path: builder.index(of: path.path), guards: path.guards))
        tables[path] = paths.count - 1
        return paths.count - 1
    }

    /// Shows the decider every policy that may matter, some perhaps more than once.
    func candidates(_ decider: inout Decider) {
        if !always.isEmpty { decider.visit(always) }
        if !principal.isEmpty { look(principal, decider.run.request.principal, &decider) }
        if !action.isEmpty { look(action, decider.run.request.action, &decider) }
        if !resource.isEmpty { look(resource, decider.run.request.resource, &decider) }
        if paths.count > 1 { decider.run.remember() }
        for index in paths.indices { look(paths[index], &decider) }
    }

    private func look(_ table: PathTable, _ decider: inout Decider) {
        switch decider.run.path(table.path) {
        case .value(let value):
            if !table.values.isEmpty, let found = table.values[value] { decider.visit(found) }
            guard !table.allPrefixes.isEmpty else { return }
            if case .string(let text) = value {
                table.prefixes.matches(text, &decider)
            } else {
                decider.visit(table.allPrefixes)
            }
        case .failed(let kind, let depth):
            switch kind {
            case .missingAttribute, .missingEntity:
                if depth < 64, table.guards & 1 << UInt64(depth) != 0 { return }
            default: break
            }
            decider.visit(table.all)
        }
    }

    private func look(_ table: Table, _ uid: EntityUID, _ decider: inout Decider) {
        if !table.equal.isEmpty, let found = table.equal[uid] { decider.visit(found) }
        if !table.within.isEmpty {
            if let found = table.within[uid] { decider.visit(found) }
            if let entity = decider.run.entities[uid] {
                for ancestor in entity.ancestors {
                    if let found = table.within[ancestor] { decider.visit(found) }
                }
            }
        }
        if !table.types.isEmpty, let found = table.types[uid.type] { decider.visit(found) }
    }
}

/// Texts, each with policies, to be found by what begins with them.
struct PrefixTable: Sendable {
    private struct Entry: Sendable {
        let prefix: Text
        var policies: [Int32]
        /// The longest other entry that is a prefix of this one, or -1.
        var shorter: Int32
    }

    private var entries: [Entry] = []

    init() {}

    init(_ pairs: [(prefix: Text, policy: Int32)]) {
        for (prefix, policy) in pairs.sorted(by: { $0.prefix == $1.prefix ? $0.policy < $1.policy : $0.prefix < $1.prefix }) {
            if let last = entries.last, last.prefix == prefix {
                entries[entries.count - 1].policies.append(policy)
                continue
            }
            var shorter = Int32(entries.count) - 1
            while shorter >= 0, !prefix.hasPrefix(entries[Int(shorter)].prefix) { shorter = entries[Int(shorter)].shorter }
            entries.append(Entry(prefix: prefix, policies: [policy], shorter: shorter))
        }
    }

    /// Shows the decider the policies of every entry that the text begins with.
    func matches(_ text: Text, _ decider: inout Decider) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if text < entries[middle].prefix { high = middle } else { low = middle + 1 }
        }
        // The last entry that is not greater; every prefix of the text among the entries is a prefix of it, too.
        var index = Int32(low) - 1
        while index >= 0 {
            if text.hasPrefix(entries[Int(index)].prefix) { decider.visit(entries[Int(index)].policies) }
            index = entries[Int(index)].shorter
        }
    }
}
