// SPDX-License-Identifier: Apache-2.0
// Who starts fumehood in a test: root, and an ordinary user without an account. Nothing about cells.

import Glibc

/// The two kinds of callers that everything must work for.
public enum Caller: String, CaseIterable, Sendable, CustomStringConvertible {
    case root, user

    public var description: String { self == .root ? "root" : "an ordinary user" }

    /// The number of the ordinary user where root runs the tests.
    static let number: UInt32 = 12345

    public var user: UInt32 { getuid() != 0 ? getuid() : self == .root ? 0 : Caller.number }

    /// Words before a command that run it as this caller.
    var prefix: [String] {
        getuid() == 0 && self == .user ? ["setpriv", "--reuid=\(Caller.number)", "--regid=\(Caller.number)", "--clear-groups"] : []
    }

    /// Callers that this run can be. As an ordinary user there is only one.
    public static var possible: [Caller] { getuid() == 0 ? [.root, .user] : [.user] }
}
