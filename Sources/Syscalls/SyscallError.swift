// SPDX-License-Identifier: Apache-2.0
//
// Everything that can be wrong with a policy's words, a filter or an imported profile, and its sentence.

/// Why a filter or a policy was refused.
public enum SyscallError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel would not take the program.
    case malformed(instruction: Int, what: String)
    /// The program answers otherwise than the policy says.
    case mismatch(FilterMismatch)
    /// A word of a profile that names no family, group or request.
    case unknownName(String, nearest: String?)
    /// A name under `allow:` that only `unsafe:` can grant.
    case onlyUnsafe(String, group: Forbidden)
    /// An imported profile that cannot be taken over as it stands.
    case profile(String)

    public var description: String {
        switch self {
        case .malformed(let instruction, let what): "filter instruction \(instruction): \(what)"
        case .mismatch(let mismatch): mismatch.description
        case .unknownName(let name, let nearest):
            "`\(name)` is no syscall family" + (nearest.map { "\nhelp: did you mean `\($0)`?" } ?? "")
        case .onlyUnsafe(let name, let group):
            "`\(name)` is forbidden: \(group.reason)\nhelp: not grantable, only by `unsafe: [\(group.name)]`"
        case .profile(let what): "seccomp profile: \(what)"
        }
    }
}

/// A call on which a program and its policy disagree.
public struct FilterMismatch: Hashable, Sendable, CustomStringConvertible {
    public let architecture: UInt32
    public let number: UInt32
    public let arguments: Arguments
    public let expected: Answer
    /// The program's return value.
    public let found: UInt32

    public var description: String {
        let call = "architecture 0x\(String(architecture, radix: 16)), syscall \(Int32(bitPattern: number))"
        let registers = (0..<6).map { "0x" + String(arguments[$0], radix: 16) }.joined(separator: ", ")
        return "filter disagrees with its policy: \(call) (\(registers)): `\(expected)` expected, 0x\(String(found, radix: 16)) found"
    }
}
