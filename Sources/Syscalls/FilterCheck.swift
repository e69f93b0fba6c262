// SPDX-License-Identifier: Apache-2.0
//
// The checks that the kernel makes before it takes a filter, and stricter: only instruction codes that our compiler writes
// (or libseccomp, in tests) pass. After them a program ends, stays inside its bounds and returns.
// Source: bpf_check_classic() of net/core/filter.c, seccomp_check_filter() of kernel/seccomp.c.

public enum FilterCheck {
    /// BPF_MAXINSNS.
    public static let maximumLength = 4096

    /// - Throws: `malformed` with the first instruction that will not do.
    public static func check(_ program: [BPFInstruction]) throws(SyscallError) {
        guard let last = program.last else { throw .malformed(instruction: 0, what: "empty program") }
        guard program.count <= maximumLength else {
            throw .malformed(instruction: maximumLength, what: "program longer than \(maximumLength) instructions")
        }
        for index in program.indices {
            let instruction = program[index]
            let left = program.count - index - 1
            switch instruction.code {
            case BPFCode.load:
                // seccomp_data is 64 bytes, read by aligned words.
                guard instruction.k < 64, instruction.k % 4 == 0 else {
                    throw .malformed(instruction: index, what: "load at \(instruction.k), outside of seccomp_data")
                }
            case BPFCode.jump:
                guard Int(instruction.k) < left else { throw .malformed(instruction: index, what: "jump past the end") }
            case BPFCode.ifEqual, BPFCode.ifAbove, BPFCode.ifAtLeast, BPFCode.ifAny:
                guard Int(max(instruction.jt, instruction.jf)) < left else {
                    throw .malformed(instruction: index, what: "jump past the end")
                }
            case BPFCode.and, BPFCode.xor, BPFCode.orX, BPFCode.toX, BPFCode.return: break
            default: throw .malformed(instruction: index, what: "code 0x\(String(instruction.code, radix: 16))")
            }
        }
        guard last.code == BPFCode.return else {
            throw .malformed(instruction: program.count - 1, what: "does not end in a return")
        }
    }
}
