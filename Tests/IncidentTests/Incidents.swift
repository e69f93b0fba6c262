// SPDX-License-Identifier: Apache-2.0
// The security tests of the launcher: known incidents of this field, each by its number, and the walls of a cell, all tried
// on the built program from inside real cells. One suite, one launch at a time: some tests race, kill and measure.
// The incidents and their sources are told in THREATS.md; the programs that play the attacker are in Tests/Sandboxees.

import Foundation
import Glibc
import Testing

@Suite(.serialized) enum Incidents {
    @Suite(.serialized) struct Files {}
    @Suite(.serialized) struct Surroundings {}
    @Suite(.serialized) struct Processes {}
    @Suite(.serialized) struct Calls {}
    @Suite(.serialized) struct Channels {}
    @Suite(.serialized) struct Inputs {}
    @Suite(.serialized) struct Walls {}
    @Suite(.serialized) struct Ends {}
    @Suite(.serialized) struct Streams {}
}

/// Who starts fumehood. As an ordinary user: uid 12345, which needs no account.
enum Caller: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case root, user
    var testDescription: String { rawValue }

    /// Ends the test, said by name, where this caller cannot be had.
    func available() throws {
        if self == .root && getuid() != 0 { try Test.cancel("not root: the run as root is left out") }
    }

    /// What comes before fumehood on the command line.
    var prefix: [String] {
        self == .user && getuid() == 0 ? ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] : []
    }

    var number: UInt32 { self == .root ? 0 : getuid() == 0 ? 12345 : getuid() }
}

/// Surroundings are made by mounts and namespaces of their own, for which the tests must be root.
func surroundingsAvailable() throws {
    if getuid() != 0 { try Test.cancel("not root: these surroundings cannot be made") }
}
