// SPDX-License-Identifier: Apache-2.0
//
// One instruction of classic BPF and the codes that our filters use, a part of what seccomp accepts.
// Source: linux/filter.h, linux/bpf_common.h, seccomp_check_filter() of kernel/seccomp.c.

/// `struct sock_filter`: the same fields in the same order, 8 bytes.
public struct BPFInstruction: Hashable, Sendable {
    public var code: UInt16
    /// Instructions to skip when the test holds, and when it does not.
    public var jt: UInt8
    public var jf: UInt8
    public var k: UInt32

    public init(code: UInt16, jt: UInt8 = 0, jf: UInt8 = 0, k: UInt32) {
        self.code = code
        self.jt = jt
        self.jf = jf
        self.k = k
    }

    /// The instruction as one little-endian word.
    public var word: UInt64 { UInt64(code) | UInt64(jt) << 16 | UInt64(jf) << 24 | UInt64(k) << 32 }

    init(word: UInt64) {
        code = UInt16(truncatingIfNeeded: word)
        jt = UInt8(truncatingIfNeeded: word >> 16)
        jf = UInt8(truncatingIfNeeded: word >> 24)
        k = UInt32(truncatingIfNeeded: word >> 32)
    }
}

/// Instruction codes: class | size or operation | source.
public enum BPFCode {
    /// A = the word of seccomp_data at byte k.
    public static let load: UInt16 = 0x20
    public static let and: UInt16 = 0x54
    public static let xor: UInt16 = 0xA4
    /// A |= X.
    public static let orX: UInt16 = 0x4C
    /// X = A.
    public static let toX: UInt16 = 0x07
    public static let jump: UInt16 = 0x05
    public static let ifEqual: UInt16 = 0x15
    public static let ifAbove: UInt16 = 0x25
    public static let ifAtLeast: UInt16 = 0x35
    public static let ifAny: UInt16 = 0x45
    public static let `return`: UInt16 = 0x06
}

/// Offsets into `struct seccomp_data` on a little-endian machine.
enum SeccompData {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4
    static func argument(_ index: UInt8, high: Bool) -> UInt32 { 16 + 8 * UInt32(index) + (high ? 4 : 0) }
}
