// SPDX-License-Identifier: Apache-2.0
//
// The secret by which a launch's own execveat passes its filter: PID 2 runs it with PID 1 asleep in vfork, when a notified
// call would deadlock. It stands in two constants of the loaded filter and in the sixth argument register of that one call.
//
// Why a cookie that stays in the filter is of no use to the tool:
// - 64 random bits of this launch; each wrong guess is a denial (recorded, and slow where it is notified). The filter
//   compares both halves at once without a branch, so that time tells nothing about one half.
// - execve clears the argument registers (x86_64 ELF_PLAT_INIT, aarch64 start_thread) and replaces the memory; it is in no
//   argument, variable or auxiliary vector. /proc/PID/syscall shows the registers of a call in progress only.
// - The loaded filter cannot be read back: PTRACE_SECCOMP_GET_FILTER asks for CAP_SYS_ADMIN in the first user namespace.
// - The supervisor lives in another pid namespace. PID 1 shares the memory that held the cookie, so it must be non-dumpable
//   *before* PID 2 runs its exec: vfork lets both go at the same moment, and only then is /proc/1/mem closed to the tool
//   at any time. Wiping the words when PID 1 resumes is the second wall, not the first.
// And the prize is small: it is the `exec` family alone; what may be executed is still Landlock's and the mounts' to say.

/// One launch's exec cookie.
public struct ExecCookie: Hashable, Sendable {
    /// The value of the sixth argument register.
    public let value: UInt64

    /// - Parameter random: 64 bits from getrandom(2). Zero is refused: registers hold it by chance; draw again.
    public init?(_ random: UInt64) {
        guard random != 0 else { return nil }
        value = random
    }

    var low: UInt32 { UInt32(truncatingIfNeeded: value) }
    var high: UInt32 { UInt32(truncatingIfNeeded: value >> 32) }
}
