// SPDX-License-Identifier: Apache-2.0
//
// The filters of the built-in profiles' policies and of PID 1, compiled and proved when the repository was made: compiling and
// proving one anew costs as much as building the cell. A test compiles and proves each of them again and compares; a policy that
// is not here (a flag, a profile of the user's, another machine) is compiled and proved at launch.
// The programs stand in ProvedPrograms.swift.

/// One program with the policy that it was proved against.
struct ProvedProgram {
    let families: UInt32
    let paranoid: Bool
    let sites: (low: Int, high: Int)
    let canary: UInt16
    let words: [UInt64]
}

extension SyscallFilter {
    /// The filter of a policy: the one that the binary carries, or compiled now and to be proved before it is used.
    public static func of(_ policy: SyscallPolicy) -> SyscallFilter {
        #if arch(x86_64)
        if policy.isPlain {
            for known in ProvedPrograms.all where known.families == policy.families.bits && known.paranoid == policy.paranoid {
                return SyscallFilter(proved: known.words, known.sites, canary: known.canary)
            }
        }
        #endif
        return SyscallFilter(policy)
    }

    /// The filter of a cell's PID 1, which is always the same.
    public static var ofCellInit: SyscallFilter {
        #if arch(x86_64)
        SyscallFilter(proved: ProvedPrograms.cellInit.words, ProvedPrograms.cellInit.sites, canary: ProvedPrograms.cellInit.canary)
        #else
        cellInit()
        #endif
    }
}

extension SyscallPolicy {
    /// Nothing but families and the paranoid way, answered as usual.
    var isPlain: Bool {
        !watchesPaths && !watchesProcesses && !mediatesConnections && unsafe.isEmpty && ioctls.isEmpty && prctls.isEmpty && socketOptions.isEmpty
            && denials == .notify
            && foreignABI == .kill
    }
}
