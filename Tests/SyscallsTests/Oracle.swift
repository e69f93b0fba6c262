// SPDX-License-Identifier: Apache-2.0
//
// A filter built by libseccomp and exported as classic BPF, to be run by our interpreter beside our own.

import CSeccomp
import Glibc
import Testing

@testable import Syscalls

/// One libseccomp filter under construction.
@safe struct Oracle: ~Copyable {
    private let context: UnsafeMutableRawPointer

    init(default action: UInt32) throws {
        unsafe context = try #require(seccomp_init(action))
        // Its default for a foreign architecture is to kill the thread.
        unsafe #expect(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, 0x8000_0000) == 0)
    }

    deinit { unsafe seccomp_release(context) }

    /// Conditions: (argument, mask, value), all of which must hold.
    func add(_ action: UInt32, _ number: Int32, _ conditions: [(argument: UInt32, mask: UInt64, value: UInt64)] = []) {
        let comparisons = conditions.map {
            scmp_arg_cmp(arg: $0.argument, op: SCMP_CMP_MASKED_EQ, datum_a: $0.mask, datum_b: $0.value)
        }
        add(action, number, comparing: comparisons)
    }

    /// Comparisons as a profile writes them, 64 bits wide.
    func add(_ action: UInt32, _ number: Int32, comparing comparisons: [scmp_arg_cmp]) {
        let status = unsafe comparisons.withUnsafeBufferPointer {
            unsafe seccomp_rule_add_array(context, action, number, UInt32($0.count), $0.baseAddress)
        }
        #expect(status == 0, "seccomp_rule_add_array(\(number)): \(status)")
    }

    /// The program, by way of a file in memory.
    func export() throws -> [BPFInstruction] {
        var path = Array("/tmp/fumehood-oracle-XXXXXX".utf8CString)
        let file = unsafe path.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
        try #require(file >= 0)
        unsafe path.withUnsafeBufferPointer { _ = unsafe unlink($0.baseAddress!) }
        defer { close(file) }
        try #require(unsafe seccomp_export_bpf(context, file) == 0)
        let size = Int(lseek(file, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: size)
        try #require(unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, size, 0) } == size)
        return stride(from: 0, to: size, by: 8).map { at in
            let k = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + 4 + $1]) << UInt32(8 * $1) }
            return BPFInstruction(
                code: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8, jt: bytes[at + 2], jf: bytes[at + 3], k: k)
        }
    }
}
