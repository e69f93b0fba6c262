// SPDX-License-Identifier: Apache-2.0
//
// What can be said of a policy before it is evaluated. A policy may be left out only if it is certain that it is not
// satisfied AND that it does not fail: by its scope, which cannot fail, or by the first condition that can fail, where
// that one is known to be false. Everything before that one is either infallible or a `has` that guards it.

/// A part of the request that a policy asks for.
enum Dimension: UInt8, Hashable, Sendable {
    case principal, action, resource
}

/// A key under which a policy is found. The policy matters only to requests that have one of its keys.
enum IndexKey: Hashable, Sendable {
    /// The entity itself.
    case equal(Dimension, EntityUID)
    /// The entity or one below it.
    case within(Dimension, EntityUID)
    case type(Dimension, EntityType)
    /// The path's value is this one, or the path has none.
    case value(GuardedPath, Value)
    /// The path's value is a string that begins so, or it is no string, or the path has no value.
    case prefix(GuardedPath, Text)

    /// Which of two keys that are equally rare is the better: exact ones cost least to look up.
    var rank: Int {
        switch self {
        case .equal: 0
        case .value: 1
        case .prefix: 2
        case .within: 3
        case .type: 4
        }
    }
}

/// A path and which of its attributes an earlier `has` asks for: if one of these is missing the policy is not satisfied
/// and does not fail.
struct GuardedPath: Hashable, Sendable {
    let path: Path
    /// Bit i stands for the attribute at depth i.
    let guards: UInt64
}

enum IndexKeys {
    /// The alternatives under which a policy can be indexed, each a list of keys of which a request must have one.
    /// An empty list means that the policy never matters.
    static func alternatives(_ policy: Policy) -> [[IndexKey]] {
        var found: [[IndexKey]] = []
        scope(policy.principal, .principal, &found)
        scope(policy.resource, .resource, &found)
        switch policy.action {
        case .any: break
        case .equal(let reference): found.append([.equal(.action, reference.uid)])
        case .in(let reference): found.append([.within(.action, reference.uid)])
        case .inSet(let references): found.append(references.map { .within(.action, $0.uid) })
        }
        conditions(policy.conditions, &found)
        return found
    }

    private static func scope(_ constraint: ScopeConstraint, _ dimension: Dimension, _ found: inout [[IndexKey]]) {
        switch constraint {
        case .any: break
        case .equal(let reference): found.append(reference.entity.map { [.equal(dimension, $0)] } ?? [])
        case .in(let reference): found.append(reference.entity.map { [.within(dimension, $0)] } ?? [])
        case .isType(let type, _): found.append([.type(dimension, type)])
        case .isTypeIn(let type, _, let reference):
            found.append([.type(dimension, type)])
            found.append(reference.entity.map { [.within(dimension, $0)] } ?? [])
        }
    }

    /// A `has` that was passed on the way: `owner has names`.
    private struct Guard {
        let owner: Path
        let names: [Text]

        /// On a variable `has` cannot fail.
        var isInfallible: Bool { owner.attributes.isEmpty && names.count == 1 }
        /// What it takes on the way: it cannot fail where all of these are records or entities.
        var taken: [Text] { owner.attributes + names.dropLast() }
    }

    private static func conditions(_ conditions: [Condition], _ found: inout [[IndexKey]]) {
        var guards: [Guard] = []
        for condition in conditions {
            guard condition.isWhen else {
                // Only its negation is known; go on if it cannot fail.
                guard isInfallible(condition.body) else { return }
                continue
            }
            for conjunct in conjuncts(condition.body) {
                // A key of the request's entities says nothing of whether an earlier `has` fails.
                if let keys = keys(conjunct, guards),
                    guards.allSatisfy(\.isInfallible) || keys.contains(where: { source($0) != .dimension })
                {
                    found.append(keys)
                }
                if case .has(let owner, let names) = conjunct.kind, let path = ProgramBuilder.path(owner) {
                    guards.append(Guard(owner: path, names: names))
                } else if !isInfallible(conjunct) {
                    return
                }
            }
        }
    }

    /// The operands of a chain of `&&`, in order; left ones may be chains themselves.
    private static func conjuncts(_ expr: Expr) -> [Expr] {
        guard case .and(let operands) = expr.kind else { return [expr] }
        return operands.flatMap(conjuncts)
    }

    /// Whether the expression has a Boolean value for every request.
    private static func isInfallible(_ expr: Expr) -> Bool {
        switch expr.kind {
        case .literal(.bool): true
        case .not(let operand): isInfallible(operand)
        case .and(let operands), .or(let operands): operands.allSatisfy(isInfallible)
        case .binary(.equal, let left, let right), .binary(.notEqual, let left, let right):
            isTotal(left) && isTotal(right)
        case .binary(.in, let left, let right): isEntity(left) && isEntityOrEntities(right)
        case .isType(let operand, _, let ancestor): isEntity(operand) && (ancestor.map(isEntityOrEntities) ?? true)
        case .has(let owner, let names):
            if case .variable = owner.kind { names.count == 1 } else { false }
        default: false
        }
    }

    private static func isTotal(_ expr: Expr) -> Bool {
        if case .variable = expr.kind { true } else { ProgramBuilder.constant(expr) != nil }
    }

    private static func isEntity(_ expr: Expr) -> Bool {
        switch expr.kind {
        case .literal(.entity), .variable(.principal), .variable(.action), .variable(.resource): true
        default: false
        }
    }

    private static func isEntityOrEntities(_ expr: Expr) -> Bool {
        if case .set(let elements) = expr.kind { return elements.allSatisfy(isEntity) }
        return isEntity(expr)
    }

    /// The keys of one conjunct: it is false, and does not fail, for a request that has none of them.
    private static func keys(_ expr: Expr, _ guards: [Guard]) -> [IndexKey]? {
        switch expr.kind {
        case .binary(.equal, let left, let right):
            if let value = ProgramBuilder.constant(right), let path = ProgramBuilder.path(left) {
                return key(path, value, guards).map { [$0] }
            }
            if let value = ProgramBuilder.constant(left), let path = ProgramBuilder.path(right) {
                return key(path, value, guards).map { [$0] }
            }
            return nil
        case .binary(.contains, let set, let element):
            guard case .set(let values) = ProgramBuilder.constant(set), let path = ProgramBuilder.path(element),
                !values.isEmpty, values.elements.count <= 64
            else { return nil }
            // (For the empty set the policy is never satisfied, but its path may fail.)
            let keys = values.elements.compactMap { key(path, $0, guards) }
            return keys.count == values.elements.count ? keys : nil
        case .binary(.in, let left, let right):
            guard let dimension = dimension(left) else { return nil }
            switch ProgramBuilder.constant(right) {
            case .entity(let uid): return [.within(dimension, uid)]
            case .set(let set):
                var keys: [IndexKey] = []
                for element in set.elements {
                    guard case .entity(let uid) = element else { return nil }
                    keys.append(.within(dimension, uid))
                }
                return keys
            default: return nil
            }
        case .isType(let operand, let type, _): return dimension(operand).map { [.type($0, type)] }
        case .like(let operand, let pattern):
            guard let path = ProgramBuilder.path(operand), !pattern.runs[0].isEmpty else { return nil }
            let prefix = Text(String(decoding: pattern.runs[0], as: UTF8.self))
            return guarded(path, guards).map { [.prefix($0, prefix)] }
        case .or(let operands):
            // Every operand must be decided by the same path, so that it cannot fail where the first does not.
            var keys: [IndexKey] = []
            for operand in operands {
                guard let more = self.keys(operand, guards) else { return nil }
                keys += more
            }
            return Set(keys.map(source)).count <= 1 && keys.count <= 64 ? keys : nil
        default: return nil
        }
    }

    /// What a key depends on: two keys of one source fail together.
    private enum Source: Hashable {
        case dimension
        case path(GuardedPath)
    }

    private static func source(_ key: IndexKey) -> Source {
        switch key {
        case .equal, .within, .type: .dimension
        case .value(let path, _), .prefix(let path, _): .path(path)
        }
    }

    private static func key(_ path: Path, _ value: Value, _ guards: [Guard]) -> IndexKey? {
        if path.attributes.isEmpty, case .entity(let uid) = value {
            switch path.variable {
            case .principal: return .equal(.principal, uid)
            case .action: return .equal(.action, uid)
            case .resource: return .equal(.resource, uid)
            case .context: break
            }
        }
        return guarded(path, guards).map { .value($0, value) }
    }

    private static func dimension(_ expr: Expr) -> Dimension? {
        switch expr.kind {
        case .variable(.principal): .principal
        case .variable(.action): .action
        case .variable(.resource): .resource
        default: nil
        }
    }

    /// The path with its guards, or nil if an earlier `has` may fail where the path does not.
    private static func guarded(_ path: Path, _ guards: [Guard]) -> GuardedPath? {
        var bits: UInt64 = 0
        // Depths at which a `has` fails, before another one has asked for the attribute there.
        var exposed: UInt64 = 0
        for one in guards {
            let related = one.owner.variable == path.variable && path.attributes.starts(with: one.taken)
            // One whose `taken` ends before the path's last attribute cannot fail where the path has a value.
            guard related, one.taken.count < path.attributes.count else {
                guard one.isInfallible else { return nil }
                continue
            }
            let start = one.owner.attributes.count
            for depth in 0..<min(start, 64) where bits & 1 << UInt64(depth) == 0 { exposed |= 1 << UInt64(depth) }
            for (offset, name) in one.names.enumerated() {
                let depth = start + offset
                guard depth < min(path.attributes.count, 64), path.attributes[depth] == name else { break }
                if exposed & 1 << UInt64(depth) == 0 { bits |= 1 << UInt64(depth) }
            }
        }
        return GuardedPath(path: path, guards: bits)
    }
}
