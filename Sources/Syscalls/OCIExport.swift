// SPDX-License-Identifier: Apache-2.0
//
// Export of a policy as container engines read it: `linux.seccomp` of the OCI runtime specification. Everything by MASKED_EQ over 32 bits,
// the one comparison beside EQ by which libseccomp answers as asked; one condition for each argument, several rules for alternatives.
//
// Three things are other in a container than in a cell, and are exported so: the engine itself executes the command behind the filter, so
// execve is allowed; process 1 is the command and needs no protection from it; and one errno stands for all argument-checked denials.

public import JSON

public enum OCIExport {
    /// `(argument & mask) == value` for some arguments; all hold together.
    private typealias Region = [UInt8: Masked]

    private struct Masked: Hashable {
        let mask: UInt32
        let value: UInt32

        /// Both; nil where no word is both.
        func and(_ other: Masked) -> Masked? {
            (value ^ other.value) & mask & other.mask == 0 ? Masked(mask: mask | other.mask, value: value | other.value) : nil
        }

        /// What it is not: one alternative for each of its bits.
        var opposite: [Masked] {
            (0..<32 as Range<UInt32>).compactMap { bit in mask & (1 << bit) == 0 ? nil : Masked(mask: 1 << bit, value: ~value & (1 << bit)) }
        }
    }

    /// The profile as JSON: sorted, byte-stable.
    /// - Throws: `profile` where a rule has too many alternatives to be written out.
    public static func document(_ policy: SyscallPolicy, architecture: Architecture = .native) throws(SyscallError) -> Value {
        let table = policy.rules(for: architecture, canary: 1)
        var allowed: [String] = ["execve"]
        var refused: [UInt16: [String]] = [:]
        var checked: [Value] = []
        for (number, syscall) in architecture.table.enumerated() {
            guard let syscall, syscall != .execve else { continue }
            switch table.leaves[table.run(of: UInt32(number))] {
            case .plain(let outcome):
                switch outcome.answer {
                case .allow: allowed.append(syscall.rawValue)
                case .notify(let code), .errno(let code): if code != Errno.permission { refused[code, default: []].append(syscall.rawValue) }
                default: break
                }
            case .rule(let index):
                let regions = try regions(table.rules[index], syscall)
                if regions.contains(where: \.isEmpty) {
                    allowed.append(syscall.rawValue)
                } else {
                    checked += regions.map { rule([syscall.rawValue], "SCMP_ACT_ALLOW", arguments: $0) }
                }
            }
        }
        var rules = [rule(allowed.sorted(), "SCMP_ACT_ALLOW")]
        for (code, names) in refused.sorted(by: { $0.key < $1.key }) { rules.append(rule(names.sorted(), "SCMP_ACT_ERRNO", code: code)) }
        let name = architecture == .x86_64 ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64"
        return [
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": .integer(Int64(Errno.permission)), "architectures": [.string(name)],
            "syscalls": .array(rules + checked),
        ]
    }

    private static func rule(_ names: [String], _ action: String, code: UInt16? = nil, arguments: Region = [:]) -> Value {
        var members = [Member(name: "names", value: .array(names.map { .string($0) })), Member(name: "action", value: .string(action))]
        if let code { members.append(Member(name: "errnoRet", value: .integer(Int64(code)))) }
        if !arguments.isEmpty {
            members.append(
                Member(
                    name: "args",
                    value: .array(
                        arguments.sorted { $0.key < $1.key }.map { index, masked in
                            [
                                "index": .integer(Int64(index)), "value": .integer(Int64(masked.mask)), "valueTwo": .integer(Int64(masked.value)),
                                "op": "SCMP_CMP_MASKED_EQ",
                            ]
                        })))
        }
        return .object(Object(members))
    }

    /// Where a rule allows, as alternatives. What only keeps a cell's process 1 safe is left out.
    private static func regions(_ rule: Rule, _ syscall: Syscall) throws(SyscallError) -> [Region] {
        var denied: [Region] = []
        var found: [Region] = []
        func take(_ region: Region) throws(SyscallError) {
            var rest = [region]
            for refusal in denied { rest = rest.flatMap { subtract(refusal, from: $0) } }
            found += rest
            guard found.count <= 4096 else { throw .profile("`\(syscall.rawValue)` has too many alternatives to be written out") }
        }
        for item in rule.cases where item.outcome.cause != .cellInit {
            let here = try alternatives(item.conditions, syscall)
            if item.outcome.answer == .allow {
                for region in here { try take(region) }
            } else {
                denied += here
            }
        }
        if rule.otherwise.answer == .allow { try take([:]) }
        var seen: Set<Region> = []
        return found.filter { seen.insert($0).inserted }.sorted { key($0).lexicographicallyPrecedes(key($1)) }
    }

    /// What of a region does not lie in another one.
    private static func subtract(_ other: Region, from region: Region) -> [Region] {
        if product([region], [other]).isEmpty { return [region] }
        return product([region], other.sorted { $0.key < $1.key }.flatMap { argument, masked in masked.opposite.map { [argument: $0] } })
    }

    private static func key(_ region: Region) -> [UInt64] {
        region.sorted { $0.key < $1.key }.flatMap { [UInt64($0.key), UInt64($0.value.value), UInt64($0.value.mask)] }
    }

    private static func product(_ left: [Region], _ right: [Region]) -> [Region] {
        var all: [Region] = []
        var seen: Set<Region> = []
        for first in left {
            pairs: for second in right {
                var both = first
                for (argument, masked) in second {
                    guard let joined = (both[argument].map { $0.and(masked) }) ?? masked else { continue pairs }
                    both[argument] = joined
                }
                if seen.insert(both).inserted { all.append(both) }
            }
        }
        return all
    }

    /// The ways in which all conditions can hold.
    private static func alternatives(_ conditions: [Condition], _ syscall: Syscall) throws(SyscallError) -> [Region] {
        var all: [Region] = [[:]]
        for condition in conditions {
            var words: [Masked] = []
            for range in condition.ranges {
                if condition.mask == .max {
                    words += blocks(range)
                } else {
                    guard range.first == range.last else { throw .profile("`\(syscall.rawValue)` has a range under a mask") }
                    words.append(Masked(mask: condition.mask, value: range.first))
                }
            }
            guard !condition.high else { throw .profile("`\(syscall.rawValue)` tests an upper half") }
            all = product(all, words.map { [condition.argument: $0] })
        }
        return all
    }

    /// A range of words as aligned blocks.
    private static func blocks(_ range: WordRange) -> [Masked] {
        var blocks: [Masked] = []
        var first = UInt64(range.first)
        let end = UInt64(range.last) + 1
        while first < end {
            var size: UInt64 = first == 0 ? 1 << 32 : first & ~(first - 1)
            while first + size > end { size >>= 1 }
            blocks.append(Masked(mask: UInt32(truncatingIfNeeded: ~(size - 1)), value: UInt32(first)))
            first += size
        }
        return blocks
    }
}

extension OCIProfile {
    /// What the profile allows and how that stands to families: the nearest policy of ours, and what each side has alone.
    public struct Comparison: Hashable, Sendable {
        /// Families of which the profile allows every call that it knows.
        public let families: [Family]
        /// Families of which it allows some calls only: not granted.
        public let partial: [Family]
        /// Calls that it allows and that no family grants: forbidden ones.
        public let forbidden: [String]
        /// Calls of our base that it refuses.
        public let narrower: [String]
        /// Calls that it may allow, with some arguments at least.
        public let allowed: Int
    }

    public var comparison: Comparison {
        let table = table
        func allows(_ syscall: Syscall, _ arguments: Arguments = Arguments()) -> Bool? {
            guard let number = architecture.number(of: syscall) else { return nil }
            return table.outcome(architecture: architecture.auditIdentity, number: UInt32(number), arguments: arguments).answer == .allow
        }
        let unix = UInt64(AddressFamily.unix), inet = UInt64(AddressFamily.inet), netlink = UInt64(AddressFamily.netlink)
        /// Calls that a family stands for, beside those that belong to it alone.
        func samples(_ family: Family) -> [Bool?] {
            switch family {
            case .exec: [allows(.execveat)]
            case .spawn: [allows(.clone, Arguments(17))]
            case .fsMutate: [allows(.ftruncate), allows(.fchmodat), allows(.mknodat)]
            case .netClient: [allows(.socket, Arguments(inet, 1)), allows(.connect)]
            case .netServer: [allows(.socket, Arguments(inet, 1)), allows(.bind), allows(.listen), allows(.accept4)]
            case .unixSocket: [allows(.socket, Arguments(unix, 1)), allows(.connect), allows(.bind), allows(.listen), allows(.accept4)]
            case .netlinkRoute: [allows(.socket, Arguments(netlink, 3)), allows(.bind)]
            case .sched: [allows(.sched_setattr), allows(.sched_setscheduler), allows(.ioprio_set)]
            case .jit: [allows(.mmap, Arguments(0, 0, 6))]
            default: []
            }
        }
        var members: [Family: [Bool?]] = [:]
        for family in Family.allCases { members[family] = samples(family) }
        var forbidden: [String] = []
        var narrower: [String] = []
        var count = 0
        let base = SyscallPolicy().rules(for: architecture, canary: 1)
        let everything = SyscallPolicy(families: .all).rules(for: architecture, canary: 1)
        for (number, syscall) in architecture.table.enumerated() {
            guard let syscall else { continue }
            let allowed = table.mayAllow(UInt32(number))
            count += allowed ? 1 : 0
            if case .families(let families) = syscall.standing, families.elements.count == 1, let family = families.elements.first {
                members[family, default: []].append(allowed)
            }
            if allowed && !everything.mayAllow(UInt32(number)) { forbidden.append(syscall.rawValue) }
            if !allowed && base.mayAllow(UInt32(number)) { narrower.append(syscall.rawValue) }
        }
        func known(_ family: Family) -> [Bool] { members[family, default: []].compactMap(\.self) }
        return Comparison(
            families: Family.allCases.filter { !known($0).isEmpty && known($0).allSatisfy(\.self) },
            partial: Family.allCases.filter { known($0).contains(true) && known($0).contains(false) },
            forbidden: forbidden.sorted(), narrower: narrower.sorted(), allowed: count)
    }
}
