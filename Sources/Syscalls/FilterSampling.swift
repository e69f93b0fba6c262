// SPDX-License-Identifier: Apache-2.0
//
// Runs a program on single calls at the edges of its rules, as the kernel would: what `fumehood profile verify` does beside the proof over
// all calls (FilterProof), by other code. Three architectures, every number up to 511 and around each run, each constant and its
// neighbours, with and without high bits.

public enum FilterSampling {
    /// - Returns: how many calls were tried. - Throws: `mismatch` with the first that is answered otherwise than the table says.
    public static func check(_ program: [BPFInstruction], _ table: RuleTable, cookie: ExecCookie? = nil) throws(SyscallError) -> Int {
        try FilterCheck.check(program)
        var count = 0
        var numbers = Set(UInt32(0)...511)
        for start in table.starts { numbers.formUnion([start &- 1, start, start &+ 1]) }
        let other: Architecture = table.architecture == .x86_64 ? .aarch64 : .x86_64
        let identities: [UInt32] = [table.architecture.auditIdentity, table.architecture.compatIdentity, other.auditIdentity]
        numbers.formUnion([.max, 0x4000_0000 | 57, 0x2C0_FFEE])
        for identity in identities {
            for number in numbers.sorted() {
                for arguments in edges(table, number) {
                    let expected = table.outcome(architecture: identity, number: number, arguments: arguments, cookie: cookie).answer
                    let found = FilterInterpreter.run(program, architecture: identity, number: number, arguments: arguments)
                    count += 1
                    if found != expected.returnValue {
                        throw .mismatch(FilterMismatch(architecture: identity, number: number, arguments: arguments, expected: expected, found: found))
                    }
                }
            }
        }
        return count
    }

    private static func edges(_ table: RuleTable, _ number: UInt32) -> [Arguments] {
        guard case .rule(let index) = table.leaves[table.run(of: number)] else { return [Arguments(), Arguments(.max, .max, .max, .max, .max, .max)] }
        var values: [UInt8: Set<UInt64>] = [:]
        for condition in table.rules[index].cases.flatMap(\.conditions) {
            var set: Set<UInt32> = [0, .max]
            for range in condition.ranges { set.formUnion([range.first &- 1, range.first, range.last, range.last &+ 1]) }
            if condition.mask != .max { for value in set { set.insert(value | ~condition.mask) } }
            for value in set {
                let word = condition.high ? UInt64(value) << 32 : UInt64(value)
                values[condition.argument, default: []].formUnion([word, word | (condition.high ? 1 : 1 << 32)])
            }
        }
        var sets = [Arguments()]
        for (argument, candidates) in values.sorted(by: { $0.key < $1.key }) {
            sets = sets.flatMap { base in
                candidates.sorted().map { value in
                    var set = base
                    set[argument] = value
                    return set
                }
            }
            if sets.count > 2000 { sets = stride(from: 0, to: sets.count, by: sets.count / 1000 + 1).map { sets[$0] } }
        }
        return sets
    }
}
