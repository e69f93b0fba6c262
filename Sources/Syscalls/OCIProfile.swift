// SPDX-License-Identifier: Apache-2.0
//
// Import of seccomp profiles as container engines write them: the OCI runtime specification's `linux.seccomp`, and Docker's
// form with `archMap`, `includes` and `excludes`. The result is a rule table for one architecture, compiled and proved like
// a policy of our own. It says what the profile says and knows nothing of the T0 floor: who runs it puts our own policy's
// filter beside it (the kernel takes the strictest answer of two).
//
// Two readings differ from libseccomp's on purpose. `int` arguments are compared by 32 bits, as the kernel takes them: under
// Docker's rules for socket, `socket(0x1_0000_0028, ..)` opens AF_VSOCK. And calls by any other convention are killed;
// sub-architectures are not taken over.

import JSON

/// An imported profile.
public struct OCIProfile: Hashable, Sendable {
    /// The circumstances that `includes` and `excludes` ask for.
    public struct Circumstances: Hashable, Sendable {
        public var architecture: Architecture
        /// Capabilities of the container, as `CAP_SYS_ADMIN`.
        public var capabilities: Set<String>
        /// Kernel version.
        public var kernel: (major: Int, minor: Int) { (kernelMajor, kernelMinor) }
        private let kernelMajor: Int
        private let kernelMinor: Int

        public init(
            architecture: Architecture = .native, capabilities: Set<String> = [], kernel: (major: Int, minor: Int) = (6, 1)
        ) {
            self.architecture = architecture
            self.capabilities = capabilities
            (kernelMajor, kernelMinor) = kernel
        }
    }

    public let architecture: Architecture
    /// The answer to numbers that no rule names.
    public let defaultAnswer: Answer
    /// Rules by syscall: one answer, or cases in the profile's order.
    let rules: [Syscall: Rule]
    /// Names that this architecture, or the table, does not have: ignored, as engines do.
    public let unknownNames: [String]

    /// The rules as a table for `FilterCompiler` and `FilterProof`.
    public var table: RuleTable {
        let killed = Outcome(.kill, .foreignABI)
        let fallback = Outcome(defaultAnswer, defaultAnswer == .allow ? .none : .unlisted)
        var table = RuleTable(architecture: architecture, compat: killed, foreign: killed)
        for (number, syscall) in architecture.table.enumerated() {
            guard let rule = syscall.flatMap({ rules[$0] }) else {
                table.append(from: UInt32(number), fallback)
                continue
            }
            if rule.cases.isEmpty {
                table.append(from: UInt32(number), rule.otherwise)
            } else {
                table.append(from: UInt32(number), rule)
            }
        }
        table.append(from: UInt32(architecture.table.count), fallback)
        table.append(from: 0x4000_0000, killed)
        table.append(from: 0x8000_0000, fallback)
        table.append(from: 0xC000_0000, killed)
        table.append(from: 0xFFFF_FFFF, fallback)
        return table
    }

    /// The profile's program, proved.
    public func program() throws(SyscallError) -> [BPFInstruction] {
        let table = table
        let program = FilterCompiler.compile(table).program
        try FilterProof.check(program, table)
        return program
    }
}

extension OCIProfile {
    /// Reads a profile's JSON: `linux.seccomp` by itself.
    /// - Throws: `profile`, with line and column.
    public init(parsing bytes: [UInt8], for circumstances: Circumstances = Circumstances()) throws(SyscallError) {
        let root: Located
        do {
            root = try Document(parsing: bytes).root
        } catch {
            throw .profile(error.description)
        }
        guard root.value.asObject != nil else { throw Self.refusal(root, "an object is expected") }
        let answer = try Self.answer(root["defaultAction"], code: root["defaultErrnoRet"], parent: root)
        var collected: [Syscall: (cases: [Case], always: Outcome?)] = [:]
        var unknown: Set<String> = []
        for rule in root["syscalls"]?.children ?? [] {
            guard try Self.applies(rule, circumstances) else { continue }
            let action = try Self.answer(rule["action"], code: rule["errnoRet"], parent: rule)
            // Engines leave out what repeats the default.
            if action == answer { continue }
            let outcome = Outcome(action, action == .allow ? .none : .unlisted)
            for name in try Self.names(rule) {
                guard let syscall = Syscall(rawValue: name), circumstances.architecture.number(of: syscall) != nil else {
                    unknown.insert(name)
                    continue
                }
                let alternatives = try Self.alternatives(rule["args"], syscall)
                if alternatives.contains(where: \.isEmpty) {
                    // An unconditional rule stands over conditional ones, whatever their order.
                    collected[syscall, default: ([], nil)].always = collected[syscall]?.always ?? outcome
                } else {
                    collected[syscall, default: ([], nil)].cases += alternatives.map { Case($0, outcome) }
                }
            }
        }
        let fallback = Outcome(answer, answer == .allow ? .none : .unlisted)
        architecture = circumstances.architecture
        defaultAnswer = answer
        rules = collected.mapValues { $0.always.map { Rule([], otherwise: $0) } ?? Rule($0.cases, otherwise: fallback) }
        unknownNames = unknown.sorted()
    }

    private static func refusal(_ at: Located, _ what: String) -> SyscallError {
        .profile("\(at.place.line):\(at.place.column): \(what)")
    }

    private static func names(_ rule: Located) throws(SyscallError) -> [String] {
        if let name = rule["name"]?.value.asString { return [name] }
        guard let list = rule["names"] else { throw refusal(rule, "`names` is missing") }
        var names: [String] = []
        for item in list.children {
            guard let name = item.value.asString else { throw refusal(item, "a syscall's name is expected") }
            names.append(name)
        }
        return names
    }

    private static func answer(_ action: Located?, code: Located?, parent: Located) throws(SyscallError) -> Answer {
        guard let action, let name = action.value.asString else { throw refusal(parent, "an action is missing") }
        switch name {
        case "SCMP_ACT_ALLOW": return .allow
        case "SCMP_ACT_LOG": return .log
        case "SCMP_ACT_TRAP": return .trap
        case "SCMP_ACT_NOTIFY": return .notify(Errno.permission)
        case "SCMP_ACT_KILL_PROCESS": return .kill
        case "SCMP_ACT_ERRNO":
            guard let code else { return .errno(Errno.permission) }
            guard let value = code.value.asInteger, (0...4095).contains(value) else {
                throw refusal(code, "an errno of 0 to 4095 is expected")
            }
            return .errno(UInt16(value))
        // A thread alone is never killed: the rest of its process would wait for it for ever.
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .kill
        default: throw refusal(action, "action `\(name)` is not supported")
        }
    }

    private static func strings(_ value: Located?) -> [String] { (value?.children ?? []).compactMap(\.value.asString) }

    private static func applies(_ rule: Located, _ circumstances: Circumstances) throws(SyscallError) -> Bool {
        let name = circumstances.architecture == .x86_64 ? "amd64" : "arm64"
        if let includes = rule["includes"] {
            let architectures = strings(includes["arches"])
            if !architectures.isEmpty && !architectures.contains(name) { return false }
            if !strings(includes["caps"]).allSatisfy(circumstances.capabilities.contains) { return false }
            if let least = try kernel(includes["minKernel"]), circumstances.kernel < least { return false }
        }
        if let excludes = rule["excludes"] {
            if strings(excludes["arches"]).contains(name) { return false }
            if strings(excludes["caps"]).contains(where: circumstances.capabilities.contains) { return false }
            if let least = try kernel(excludes["minKernel"]), circumstances.kernel >= least { return false }
        }
        return true
    }

    private static func kernel(_ version: Located?) throws(SyscallError) -> (Int, Int)? {
        guard let version else { return nil }
        let parts = (version.value.asString ?? "").split(separator: ".")
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            throw refusal(version, "a kernel version as `4.8` is expected")
        }
        return (major, minor)
    }

    // MARK: arguments

    /// The alternatives by which `args` can hold, each a list of conditions; one empty alternative where there are none.
    private static func alternatives(_ list: Located?, _ syscall: Syscall) throws(SyscallError) -> [[Condition]] {
        var alternatives: [[Condition]] = [[]]
        for argument in list?.children ?? [] {
            guard let index = argument["index"]?.value.asInteger, (0...5).contains(index) else {
                throw refusal(argument, "an index of 0 to 5 is expected")
            }
            let value = try unsigned(argument["value"], argument)
            let second = try argument["valueTwo"].map { item throws(SyscallError) in try unsigned(item, argument) } ?? 0
            let narrow = Self.integerArguments[syscall]?.contains(UInt8(index)) ?? false
            let word = Comparand(argument: UInt8(index), value: value, second: second, narrow: narrow)
            let operation = argument["op"]?.value.asString ?? ""
            guard let conditions = word.conditions(operation) else {
                throw refusal(argument, "comparison `\(operation)` is not supported")
            }
            alternatives = alternatives.flatMap { known in conditions.map { known + $0 } }
            guard alternatives.count <= 64 else { throw refusal(argument, "too many comparisons in one rule") }
        }
        return alternatives
    }

    private static func unsigned(_ value: Located?, _ parent: Located) throws(SyscallError) -> UInt64 {
        switch value?.value {
        case .integer(let number)?: return UInt64(bitPattern: number)
        // Above 2^63, JSON's integers end.
        case .number(let number)?:
            if let value = UInt64(number.text) { return value }
        default: break
        }
        throw refusal(value ?? parent, "a 64-bit number is expected")
    }

    /// Arguments that the kernel takes as 32 bits, of the syscalls that profiles give rules for.
    private static let integerArguments: [Syscall: Set<UInt8>] = [
        .socket: [0, 1, 2], .socketpair: [0, 1, 2], .personality: [0], .ioctl: [0, 1], .prctl: [0], .setsockopt: [0, 1, 2],
        .kill: [0, 1], .tgkill: [0, 1, 2], .tkill: [0, 1], .prlimit64: [0, 1], .unshare: [0], .setns: [0, 1], .fcntl: [0, 1],
    ]
}

/// One comparison, as conditions on 32-bit words.
private struct Comparand {
    let argument: UInt8
    let value: UInt64
    let second: UInt64
    /// The kernel looks at the lower half only.
    let narrow: Bool

    /// Alternatives of conditions, or `nil` for an unknown operation; an empty list never holds.
    func conditions(_ operation: String) -> [[Condition]]? {
        switch operation {
        case "SCMP_CMP_EQ": between(value, value)
        case "SCMP_CMP_NE": (value == 0 ? [] : between(0, value - 1)) + (value == .max ? [] : between(value + 1, .max))
        case "SCMP_CMP_LT": value == 0 ? [] : between(0, value - 1)
        case "SCMP_CMP_LE": between(0, value)
        case "SCMP_CMP_GT": value == .max ? [] : between(value + 1, .max)
        case "SCMP_CMP_GE": between(value, .max)
        case "SCMP_CMP_MASKED_EQ": masked()
        default: nil
        }
    }

    private func word(_ high: Bool, _ first: UInt32, _ last: UInt32, mask: UInt32 = .max) -> Condition {
        Condition(argument: argument, high: high, mask: mask, ranges: [WordRange(first, last)])
    }

    private func low(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }
    private func high(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }

    /// first <= argument <= last, both 64 bits.
    private func between(_ first: UInt64, _ last: UInt64) -> [[Condition]] {
        if narrow {
            // A bound above 32 bits cannot be met from below, and does not bind from above.
            guard first <= UInt64(UInt32.max) else { return [] }
            return [[word(false, low(first), last > UInt64(UInt32.max) ? .max : low(last))]]
        }
        if high(first) == high(last) { return [[word(true, high(first), high(first)), word(false, low(first), low(last))]] }
        var alternatives: [[Condition]] = [
            [word(true, high(first), high(first)), word(false, low(first), .max)],
            [word(true, high(last), high(last)), word(false, 0, low(last))],
        ]
        if high(last) - high(first) > 1 { alternatives.append([word(true, high(first) + 1, high(last) - 1)]) }
        return alternatives
    }

    /// (argument & value) == second.
    private func masked() -> [[Condition]] {
        guard second & ~value == 0 else { return [] }
        var conditions: [Condition] = []
        if low(value) != 0 { conditions.append(word(false, low(second), low(second), mask: low(value))) }
        if high(value) != 0 {
            // Of a 32-bit argument the upper half counts as zero.
            if narrow { return high(second) == 0 ? [conditions] : [] }
            conditions.append(word(true, high(second), high(second), mask: high(value)))
        }
        return [conditions]
    }
}
