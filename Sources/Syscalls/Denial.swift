// SPDX-License-Identifier: Apache-2.0
//
// What a denied call was, in the words of a person: the call with its telling arguments, the family or group that it belongs
// to, and what would grant it. Made from the number and the scalar arguments alone; what pointers hold is not looked at.

/// A call that a policy does not allow, explained.
public struct Denial: Hashable, Sendable {
    /// As written in code: `socket(AF_INET, SOCK_STREAM)`, `unshare(CLONE_NEWUSER)`.
    public let what: String
    public let syscall: Syscall?
    public let outcome: Outcome
    /// The word for `syscalls: allow:`, where there is one: `spawn`, `ioctl:0x1234`.
    public let grant: String?

    /// - Parameter number: as in `seccomp_data.nr`.
    public init(number: Int32, arguments: Arguments, outcome: Outcome, architecture: Architecture = .native) {
        syscall = architecture.syscall(number)
        what = CallText.describe(syscall, number, arguments)
        self.outcome = outcome
        switch outcome.cause {
        case .family(let family): grant = family.name
        case .item: grant = syscall.flatMap { CallText.item($0, arguments) }
        default: grant = nil
        }
    }

    /// The errno that the caller gets; `nil` where it is killed or allowed.
    public var errno: UInt16? {
        switch outcome.answer {
        case .notify(let code), .errno(let code): code
        default: nil
        }
    }

    /// Whether this is a T0 call: three of them a second are a runaway's sign.
    public var isForbidden: Bool {
        if case .forbidden = outcome.cause { true } else { false }
    }

    /// What would grant the call, as the footer prints it; `nil` where nothing does.
    public var remedy: String? {
        switch outcome.cause {
        case .family(.netClient), .family(.netServer): "add --net ..."
        case .family, .item: grant.map { "syscalls: allow: [\($0.contains(",") ? "'\($0)'" : $0)]" }
        case .forbidden(let group): "not grantable, only by unsafe: [\(group.name)]"
        default: nil
        }
    }

    /// Why the call is denied, in a sentence without a full stop.
    public var reason: String {
        switch outcome.cause {
        case .none, .watched: "allowed"
        case .mediated: "done by the supervisor, where it is named"
        case .family(let family): "\(family.name): \(family.reason)"
        case .item: "a request that the base does not hold"
        case .forbidden(let group): "\(group.name): \(group.reason)"
        case .cellInit: "it would reach the cell's own PID 1, which is never granted"
        case .otherProcess: "only pid 0, the caller itself, is meant: another process's limits are never granted"
        case .setID: "a set-user-id or set-group-id file would outlive the cell, which is never granted"
        case .unknown: "no kernel that the tables know has this syscall"
        case .foreignABI: "a call by another architecture's convention"
        case .canary: "the number by which the filter is proved to be live"
        case .unlisted: "not on the list"
        }
    }
}

extension SyscallPolicy {
    /// Explains a call of the native convention that was reported by the listener, and says what it is answered.
    /// The rules are made anew: for messages, not for a hot path; a supervisor keeps `rules(for:canary:)` and asks that.
    public func denial(
        number: Int32, arguments: Arguments, architecture: Architecture = .native
    ) -> Denial {
        let outcome = rules(for: architecture, canary: 1).outcome(
            architecture: architecture.auditIdentity, number: UInt32(bitPattern: number), arguments: arguments)
        return Denial(number: number, arguments: arguments, outcome: outcome, architecture: architecture)
    }
}
