// SPDX-License-Identifier: Apache-2.0
//
// What a filter answers, and why: the vocabulary shared by the model, the compiler, the proof and the supervisor.
// Source: seccomp(2), SECCOMP_RET_*.

/// What the kernel does with a call.
public enum Answer: Hashable, Sendable {
    case allow
    /// Ask the supervisor, which answers with this errno and records the call.
    case notify(UInt16)
    /// Fail with this errno, 1...4095, unseen by the supervisor.
    case errno(UInt16)
    /// End the process with SIGSYS.
    case kill
    /// Allow, and leave a line in the host's audit log. Only imported profiles say so.
    case log
    /// Send SIGSYS to the thread. Only imported profiles say so.
    case trap

    /// The filter's return value. The errno of `notify` is not part of it: the supervisor asks the model.
    public var returnValue: UInt32 {
        switch self {
        case .allow: 0x7FFF_0000
        case .notify: 0x7FC0_0000
        case .errno(let code): 0x0005_0000 | UInt32(code)
        case .kill: 0x8000_0000
        case .log: 0x7FFC_0000
        case .trap: 0x0003_0000
        }
    }
}

/// Why a call is not allowed.
public enum Cause: Hashable, Sendable {
    /// It is allowed.
    case none
    /// A family that the profile does not grant.
    case family(Family)
    /// One request, option or socket option that can be granted by itself.
    case item
    /// A forbidden group.
    case forbidden(Forbidden)
    /// It names the cell's own PID 1, or every process of the user: never granted.
    case cellInit
    /// It acts on another process, where only the caller itself is meant: never granted.
    case otherProcess
    /// It would make a file with a set-user-id or set-group-id mode: never granted.
    case setID
    /// A number that the tables do not have.
    case unknown
    /// A call by another architecture's convention.
    case foreignABI
    /// The impossible number by which the filter is proved to be live.
    case canary
    /// It is allowed, and seen on its way: a learning run reads the path that it names.
    case watched
    /// The supervisor does it for the caller, on a copy of what the caller points to, or refuses it.
    case mediated
    /// Not on a list that has no families (PID 1's filter, imported profiles).
    case unlisted
}

/// An answer with its cause.
public struct Outcome: Hashable, Sendable {
    public let answer: Answer
    public let cause: Cause

    public init(_ answer: Answer, _ cause: Cause) {
        self.answer = answer
        self.cause = cause
    }

    public static let allowed = Outcome(.allow, .none)
    public static let mediated = Outcome(.notify(Errno.noAccess), .mediated)
}

/// The errnos that the policy itself answers with. Source: asm-generic/errno.h.
enum Errno {
    static let permission: UInt16 = 1  // EPERM
    static let noAccess: UInt16 = 13  // EACCES
    static let noSyscall: UInt16 = 38  // ENOSYS
    static let notSupported: UInt16 = 95  // EOPNOTSUPP
    static let addressFamily: UInt16 = 97  // EAFNOSUPPORT
}
