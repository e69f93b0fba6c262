// SPDX-License-Identifier: Apache-2.0
//
// Docker's default profile imported, compiled and simulated, beside the same rules given to libseccomp as they stand.

import CSeccomp
import Foundation
import Testing

@testable import Syscalls

private func profile(_ json: String) throws(SyscallError) -> OCIProfile { try OCIProfile(parsing: Array(json.utf8)) }

@Suite struct OCITests {
    private static let path = Shared.seccomp + "/moby-default.json"
    private static var bytes: [UInt8] { get throws { try Array(Data(contentsOf: URL(filePath: path))) } }

    @Test(.enabled(if: Shared.isThere, "the shared data is absent"))
    func `Docker's default profile allows as many calls as it should`() throws {
        for (architecture, count) in [(Architecture.x86_64, 308), (.aarch64, 266)] {
            let imported = try OCIProfile(parsing: Self.bytes, for: .init(architecture: architecture))
            _ = try imported.program()
            let table = imported.table
            let allowed = architecture.table.indices.filter { number in
                switch table.leaves[table.run(of: UInt32(number))] {
                case .plain(let outcome): outcome.answer == .allow
                case .rule(let index): table.rules[index].cases.contains { $0.outcome.answer == .allow }
                }
            }
            #expect(allowed.count == count)
        }
    }

    @Test(
        .enabled(if: Shared.isThere && Architecture.native == .x86_64, "the shared data is absent, or this is not x86_64"),
        arguments: [Set<String>(), ["CAP_SYS_ADMIN"], ["CAP_SYS_PTRACE", "CAP_SYS_NICE"]])
    func `every call is answered as by libseccomp`(capabilities: Set<String>) throws {
        let imported = try OCIProfile(parsing: Self.bytes, for: .init(architecture: .x86_64, capabilities: capabilities))
        let ours = try imported.program()
        let theirs = try Self.oracle(capabilities)
        let numbers = Array(0..<600 as Range<UInt32>) + [0x4000_0000, 0x7FFF_FFFF, .max]
        let values: [UInt64] = [
            0, 1, 2, 8, 10, 16, 37, 38, 39, 40, 41, 0x2_0000, 0x2_0008, 0x4_0000, 0x7E02_0000, 0x1000_0000, 0x8000_0000, 0xFFFF_FFFF,
        ]
        for number in numbers {
            for identity in [0xC000_003E, 0x4000_0003] as [UInt32] {
                for value in values {
                    let arguments = Arguments(value, value, value)
                    let mine = FilterInterpreter.run(ours, architecture: identity, number: number, arguments: arguments)
                    let other = FilterInterpreter.run(theirs, architecture: identity, number: number, arguments: arguments)
                    #expect(mine == other, "\(identity) \(number) \(value)")
                }
            }
        }
    }

    @Test(.enabled(if: Shared.isThere, "the shared data is absent"))
    func `high bits do not open AF_VSOCK in the imported profile`() throws {
        let program = try OCIProfile(parsing: Self.bytes, for: .init(architecture: .x86_64)).program()
        func run(_ family: UInt64) -> UInt32 {
            FilterInterpreter.run(program, architecture: 0xC000_003E, number: 41, arguments: Arguments(family))
        }
        #expect(run(40) == Answer.errno(1).returnValue)
        #expect(run(0x1_0000_0028) == Answer.errno(1).returnValue)
        #expect(run(0x1_0000_0002) == Answer.allow.returnValue)
    }

    /// Every comparison, against the arithmetic that it stands for.
    @Test(arguments: ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"])
    func `comparisons are 64 bits wide`(operation: String) throws {
        let edges: [UInt64] = [0, 1, 2, 0xFFFF_FFFE, 0xFFFF_FFFF, 1 << 32, 1 << 32 | 1, 5 << 32 | 7, .max - 1, .max]
        for datum in edges {
            let json = """
                {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["lseek"], "action": "SCMP_ACT_ALLOW",
                 "args": [{"index": 1, "value": \(datum), "valueTwo": \(datum & 0x5_0000_0007), "op": "SCMP_CMP_\(operation)"}]}]}
                """
            let program = try profile(json).program()
            let number = try #require(Architecture.native.number(of: .lseek))
            for argument in edges + edges.map({ $0 &+ 3 }) {
                let holds =
                    switch operation {
                    case "EQ": argument == datum
                    case "NE": argument != datum
                    case "LT": argument < datum
                    case "LE": argument <= datum
                    case "GT": argument > datum
                    case "GE": argument >= datum
                    default: argument & datum == datum & 0x5_0000_0007
                    }
                let found = FilterInterpreter.run(
                    program, architecture: Architecture.native.auditIdentity, number: UInt32(number), arguments: Arguments(0, argument))
                #expect((found == Answer.allow.returnValue) == holds, "\(argument) \(operation) \(datum)")
            }
        }
    }

    @Test(arguments: [
        ("[]", "seccomp profile: 1:1: an object is expected"),
        ("{}", "seccomp profile: 1:1: an action is missing"),
        (#"{"defaultAction": "SCMP_ACT_TRACE"}"#, "seccomp profile: 1:19: action `SCMP_ACT_TRACE` is not supported"),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 9999}]}"#,
            "seccomp profile: 1:110: an errno of 0 to 4095 is expected"
        ),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [1], "action": "SCMP_ACT_ERRNO"}]}"#,
            "seccomp profile: 1:61: a syscall's name is expected"
        ),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "kill", "action": "SCMP_ACT_ERRNO", "args": [{"index": 6}]}]}"#,
            "seccomp profile: 1:104: an index of 0 to 5 is expected"
        ),
    ])
    func `a profile that is not one is told with its place`(json: String, message: String) {
        let error = #expect(throws: SyscallError.self) { try profile(json) }
        #expect(error?.description == message)
    }

    /// The profile's rules as they stand, 64-bit comparisons and all, read by another JSON parser.
    private static func oracle(_ capabilities: Set<String>) throws -> [BPFInstruction] {
        struct Profile: Decodable {
            struct Argument: Decodable {
                let index: UInt32
                let value: UInt64
                let valueTwo: UInt64?
                let op: String
            }
            struct Filter: Decodable {
                let arches: [String]?
                let caps: [String]?
            }
            struct Rule: Decodable {
                let names: [String]
                let action: String
                let errnoRet: UInt32?
                let args: [Argument]?
                let includes: Filter?
                let excludes: Filter?
            }
            let syscalls: [Rule]
        }
        let operations = [
            "SCMP_CMP_EQ": SCMP_CMP_EQ, "SCMP_CMP_GT": SCMP_CMP_GT, "SCMP_CMP_LT": SCMP_CMP_LT, "SCMP_CMP_MASKED_EQ": SCMP_CMP_MASKED_EQ,
        ]
        let decoded = try JSONDecoder().decode(Profile.self, from: Data(bytes))
        let filter = try Oracle(default: 0x0005_0001)
        for rule in decoded.syscalls {
            if let arches = rule.includes?.arches, !arches.contains("amd64") { continue }
            if let caps = rule.includes?.caps, !capabilities.isSuperset(of: caps) { continue }
            if let arches = rule.excludes?.arches, arches.contains("amd64") { continue }
            if let caps = rule.excludes?.caps, !capabilities.isDisjoint(with: caps) { continue }
            let action: UInt32 = rule.action == "SCMP_ACT_ALLOW" ? 0x7FFF_0000 : 0x0005_0000 | (rule.errnoRet ?? 1)
            for name in rule.names {
                guard let syscall = Syscall(rawValue: name), let number = Architecture.x86_64.number(of: syscall) else { continue }
                let comparisons = try (rule.args ?? []).map { argument in
                    scmp_arg_cmp(
                        arg: argument.index, op: try #require(operations[argument.op]), datum_a: argument.value,
                        datum_b: argument.valueTwo ?? 0)
                }
                filter.add(action, number, comparing: comparisons)
            }
        }
        return try filter.export()
    }
}
