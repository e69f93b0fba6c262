// SPDX-License-Identifier: Apache-2.0
//
// The two machines that Fumehood runs on, as seccomp sees them: their audit identity, that of their 32-bit companion,
// and their syscall tables (SyscallTables.swift). Numbers of the x32 ABI are in neither table. Source: linux/audit.h.

/// A machine whose native syscalls a filter may allow.
public enum Architecture: String, Hashable, Sendable, CaseIterable {
    case x86_64, aarch64

    /// The architecture that this program was built for.
    public static var native: Architecture {
        #if arch(x86_64)
        .x86_64
        #elseif arch(arm64)
        .aarch64
        #else
        #error("only x86_64 and aarch64 have syscall tables")
        #endif
    }

    /// `AUDIT_ARCH_*`, as in `seccomp_data.arch`.
    public var auditIdentity: UInt32 {
        switch self {
        case .x86_64: 0xC000_003E
        case .aarch64: 0xC000_00B7
        }
    }

    /// `AUDIT_ARCH_*` of the 32-bit ABI that the same kernel may serve: i386 or arm.
    public var compatIdentity: UInt32 {
        switch self {
        case .x86_64: 0x4000_0003
        case .aarch64: 0x4000_0028
        }
    }

    /// The table, indexed by number; `nil` where the kernel has assigned none.
    @inlinable public var table: [Syscall?] {
        switch self {
        case .x86_64: tableOfX86_64
        case .aarch64: tableOfAarch64
        }
    }

    /// The syscall of a number, or `nil` when the number is unassigned, negative or past the table.
    public func syscall(_ number: Int32) -> Syscall? {
        let table = table
        return number >= 0 && number < Int32(table.count) ? table[Int(number)] : nil
    }

    /// The number of a syscall, or `nil` when this architecture has none. A scan of the table: for tests, import and messages.
    public func number(of syscall: Syscall) -> Int32? {
        table.firstIndex(of: syscall).map(Int32.init)
    }
}
