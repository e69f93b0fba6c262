// SPDX-License-Identifier: Apache-2.0
// What somebody wants of a cell: a profile and flags brought together, every path absolute, the caller's surroundings as
// values. Input of CellBuilder.swift.

package import Egress
package import Linux
package import Syscalls

package struct CellRequest: Sendable {
    package enum Kind: Equatable, Sendable { case read, write, hide, protect }

    /// One line about files.
    package struct Rule: Equatable, Sendable {
        package let kind: Kind
        /// Absolute, as it was written (links and all).
        package let path: String
        /// Where it stands in the view; nil for the same place.
        package let target: String?
        private let place: Origin
        /// How messages name its place: `-r`, `profile.yaml:4:10`. Written out only for a message.
        package var origin: String { place.description }
        /// Part of a built-in profile: what the host lacks is left out.
        package let builtin: Bool
        package init(_ kind: Kind, _ path: String, target: String? = nil, origin: String, builtin: Bool = false) {
            self.kind = kind
            self.path = path
            self.target = target
            place = Origin(profile: nil, file: origin, mark: nil, isBuiltIn: builtin)
            self.builtin = builtin
        }

        /// A rule of a profile or flag.
        init(_ rule: FileRule) {
            kind = rule.kind.request
            path = rule.source
            target = samePath(rule.path, rule.source) ? nil : rule.path
            place = rule.origin
            builtin = rule.origin.isBuiltIn
        }
    }

    package struct Limits: Equatable, Sendable {
        /// Bytes, of the whole tree; of one process's data where no group counts the tree.
        package var memory: UInt64?
        /// Thousandths of a core, of the whole tree.
        package var cpuMillicores: UInt64?
        package var processes: UInt64?
        package var openFiles: UInt64?
        /// Bytes of one file.
        package var fileSize: UInt64?
        /// Seconds of one process.
        package var cpuSeconds: UInt64?
        /// Bytes and inodes of /tmp, /dev/shm and HOME together.
        package var scratch: UInt64 = 64 << 20
        package var inodes: UInt64 = 10_000
        /// Groups that a ladder acts on while the cell runs, besides those that hold a limit.
        package var steers: Set<GroupFacts.Controller> = []
        package init() {}
    }

    /// A file of ours that the cell sees, read-only, whatever its rules say: the program itself, the socket of its session.
    package struct OwnFile: Equatable, Sendable {
        /// Absolute, without links.
        package let path: String
        /// Where the cell sees it, absolute.
        package let target: String
        /// Whether it belongs to the cell's user there.
        package let mapsOwner: Bool
        package init(_ path: String, at target: String, mapsOwner: Bool) {
            (self.path, self.target, self.mapsOwner) = (path, target, mapsOwner)
        }
    }

    package var command: [String]
    /// The caller's current directory.
    package var directory: String
    /// Whether the command stands in ``directory`` also where only something in it is visible.
    package var keepsDirectory = false
    package var environment: [String: String]
    package var rules: [Rule] = []
    package var findsRuntime = true
    package var network = CellSpec.Network.none
    /// With `network` named: what the cell may reach.
    package var reaches = AllowList()
    package var waived: Set<Waiver> = []
    package var limits = Limits()
    /// Names whose values are passed on, and pairs that are set.
    package var passes: [String] = []
    package var sets: [(name: String, value: String)] = []
    package var secrets: [(name: String, value: String)] = []
    package var own: [OwnFile] = []
    /// Folders of ``own`` that come last in the cell's PATH.
    package var ownPath: [String] = []
    package var syscalls: SyscallPolicy
    package var terminal = false
    package var terminalSize = Terminal.Size()
    package var hostname = "cell"

    package init(command: [String], directory: String, environment: [String: String], syscalls: SyscallPolicy) {
        self.command = command
        self.directory = directory
        self.environment = environment
        self.syscalls = syscalls
    }
}
