// SPDX-License-Identifier: Apache-2.0
//
// Single calls at the edges of a rule table, for holding programs to it by running them: the sampling counterpart of
// FilterProof, which runs on sets of calls.

@testable import Syscalls

enum Boundaries {
    /// Every number that can matter: 0...511, and the neighbours of every run's start.
    static func numbers(_ table: RuleTable) -> [UInt32] {
        var numbers = Set(0...511 as ClosedRange<UInt32>)
        for start in table.starts { numbers.formUnion([start &- 1, start, start &+ 1]) }
        for bit in 9..<32 as Range<UInt32> { numbers.formUnion([1 << bit, ~(1 << bit)]) }
        numbers.formUnion([.max, 0x4000_0000 | 57, 0x2C0_FFEE])
        return numbers.sorted()
    }

    /// Argument sets for a number: each constant of its rule and its neighbours, mask bits, all with and without high bits.
    static func arguments(_ table: RuleTable, _ number: UInt32) -> [Arguments] {
        guard case .rule(let index) = table.leaves[table.run(of: number)] else {
            return [Arguments(), Arguments(.max, .max, .max, .max, .max, .max), Arguments(1, 2, 3, 4, 5, 6)]
        }
        let rule = table.rules[index]
        var values: [UInt8: Set<UInt64>] = [:]
        for condition in rule.cases.flatMap(\.conditions) {
            var set: Set<UInt32> = [0, 1, .max]
            for range in condition.ranges {
                set.formUnion([range.first &- 1, range.first, range.first &+ 1, range.last &- 1, range.last, range.last &+ 1])
            }
            if condition.mask != .max {
                for value in set { set.insert(value | ~condition.mask) }
                for bit in 0..<32 as Range<UInt32> { set.insert(1 << bit) }
            }
            for value in set {
                let word = condition.high ? UInt64(value) << 32 : UInt64(value)
                values[condition.argument, default: []].formUnion([word, word | (condition.high ? 1 : 1 << 32)])
            }
        }
        var sets = [Arguments()]
        for (argument, candidates) in values {
            sets = sets.flatMap { base in
                candidates.map { value in
                    var set = base
                    set[argument] = value
                    return set
                }
            }
            // Rules of many words, which only random tables have: a part of the combinations, evenly spread.
            if sets.count > 4000 { sets = stride(from: 0, to: sets.count, by: sets.count / 2000 + 1).map { sets[$0] } }
        }
        if rule.admitsCookie {
            let value = cookie.value
            for other in [value, value ^ 1, value ^ 1 << 40, value ^ (1 << 5 | 1 << 37), 0, .max, UInt64(cookie.low)] {
                sets.append(Arguments(0, 0, 0, 0, 0, other))
            }
        }
        return sets
    }

    /// The first call that `program` answers otherwise than `table`, by running it on single calls.
    static func disagreement(_ program: [BPFInstruction], _ table: RuleTable) -> String? {
        let foreign: [UInt32] = [
            0x4000_0003, 0xC000_003E, 0xC000_00B7, 0x4000_0028, 0xC000_00F3, 0, .max, table.architecture.auditIdentity ^ 1,
        ]
        for identity in foreign where identity != table.architecture.auditIdentity {
            for number in [0, 1, 59, 317, 0x2C0_FFEE, .max] as [UInt32] {
                if let found = compare(program, table, identity, number, Arguments()) { return found }
            }
        }
        for number in numbers(table) {
            for arguments in arguments(table, number) {
                if let found = compare(program, table, table.architecture.auditIdentity, number, arguments) { return found }
            }
        }
        return nil
    }

    private static func compare(
        _ program: [BPFInstruction], _ table: RuleTable, _ identity: UInt32, _ number: UInt32, _ arguments: Arguments
    ) -> String? {
        let expected = table.outcome(architecture: identity, number: number, arguments: arguments, cookie: cookie).answer
        let found = FilterInterpreter.run(program, architecture: identity, number: number, arguments: arguments)
        guard found != expected.returnValue else { return nil }
        return "\(String(identity, radix: 16)) \(number) \(arguments): \(expected) expected, \(String(found, radix: 16)) found"
    }
}
