// SPDX-License-Identifier: Apache-2.0
//
// The filter of a cell's own PID 1: the few calls that reaping, forwarding and reporting need, by name; everything else kills
// it, and with it the cell. It is loaded after PID 2 has left for its exec, so nothing of it is inherited by the tool.

public enum InitFilter {
    /// What PID 1 may call.
    public static let allowed: [Syscall] = [
        .read, .write, .close, .wait4, .waitid, .kill, .exit, .exit_group, .poll, .ppoll, .sendmsg, .rt_sigtimedwait, .rt_sigreturn,
        .restart_syscall, .clock_gettime, .getrusage, .seccomp,
    ]

    /// Options of prctl that PID 1 may set: PR_SET_DUMPABLE.
    static let options: [UInt32] = [4]

    /// The meaning: `allowed`, prctl by option, the canary, else KILL_PROCESS.
    public static func rules(for architecture: Architecture = .native, canary: UInt16) -> RuleTable {
        let refused = Outcome(.kill, .unlisted)
        var rules = RuleTable(architecture: architecture, compat: refused, foreign: refused)
        let table = architecture.table
        for number in table.indices {
            let start = UInt32(number)
            switch table[number] {
            case .prctl?: rules.append(from: start, Rule([Case([Condition(0, in: options)], .allowed)], otherwise: refused))
            case let syscall?: rules.append(from: start, allowed.contains(syscall) ? .allowed : refused)
            case nil: rules.append(from: start, refused)
            }
        }
        rules.append(from: UInt32(table.count), refused)
        rules.append(from: SyscallPolicy.canaryNumber, Outcome(.errno(canary), .canary))
        rules.append(from: SyscallPolicy.canaryNumber + 1, refused)
        return rules
    }
}
