// SPDX-License-Identifier: Apache-2.0
// What one cell is to be, with every path resolved and every number fixed: the value between a profile (what is wanted)
// and a plan (what is done). Built by CellBuilder.swift, planned by LaunchPlan.swift. Inside, the cell is always uid 1000.

package import Linux

package struct CellSpec: Equatable, Sendable {
    /// The ids inside every cell.
    package static let insideUser: UInt32 = 1000

    /// Who the cell is on the host.
    package enum Identity: Equatable, Sendable {
        /// The calling user, mapped alone; supplementary groups cannot be dropped.
        case caller(user: UInt32, group: UInt32)
        /// An id of this cell's own; only root can do that. Sources are copied, and mapped, by the parent.
        case dedicated(user: UInt32, group: UInt32)

        package var isDedicated: Bool { if case .dedicated = self { true } else { false } }
    }

    package enum Network: Equatable, Sendable {
        /// Loopback down, no INET sockets.
        case none
        /// The cell's own loopback.
        case loopback
        /// The cell's own loopback, and named endpoints to which the supervisor connects for it.
        case named
        /// The host's network: a wall waived.
        case host
    }

    /// A file of the host, as it was when the cell was planned.
    package struct Source: Equatable, Sendable {
        /// Absolute, without links.
        package let path: String
        package let status: FileStatus
        package init(path: String, status: FileStatus) {
            self.path = path
            self.status = status
        }
    }

    package enum Access: Equatable, Sendable { case read, write, device }

    /// One entry of the cell's view. Paths are absolute without a leading slash; parents come before what they hold.
    package enum Entry: Equatable, Sendable {
        case directory(String, mode: UInt32)
        case symlink(String, target: String)
        case file(String, contents: String, mode: UInt32)
        /// A folder of the cell's own tmpfs that may be written.
        case scratch(String, mode: UInt32)
        /// `mapOwner`: the owner of the source appears as the cell's user (only where the parent copies the tree).
        case bind(Source, at: String, Access, mapOwner: Bool)
        /// Hidden: an empty folder or file that nobody can write.
        case mask(String, directory: Bool)
        /// Never writable inside something that is: a read-only copy over itself.
        case protect(Source, at: String)
        /// A folder on the way to a protected name, mounted over itself: the kernel renames and removes no mount point, so that
        /// nobody can put the folder aside and make another one without the protection.
        case pin(String)

        package var path: String {
            switch self {
            case .directory(let path, _), .symlink(let path, _), .file(let path, _, _), .scratch(let path, _), .bind(_, let path, _, _),
                .mask(let path, _), .protect(_, let path), .pin(let path):
                path
            }
        }
    }

    /// A compiled, proved filter: classic BPF as the kernel reads it.
    package struct Filter: Equatable, Sendable {
        package let program: [UInt64]
        package let canary: UInt32
        package let notify: Bool
        package let waitKillable: Bool
        package init(program: [UInt64], canary: UInt32, notify: Bool, waitKillable: Bool) {
            self.program = program
            self.canary = canary
            self.notify = notify
            self.waitKillable = waitKillable
        }
    }

    package struct Command: Equatable, Sendable {
        /// The path inside the cell.
        package let executable: String
        package let arguments: [String]
        /// `NAME=VALUE`
        package var environment: [String]
        package let directory: String
        package init(executable: String, arguments: [String], environment: [String], directory: String) {
            self.executable = executable
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
        }
    }

    package var identity: Identity
    package var network: Network
    package var waived: Set<Waiver>
    /// Whether the command waits, built and confined, until the launcher says that its record is on disk.
    package var awaitsRecord = false
    /// The number under which the command gets the socket at which it asks the door; nil for none.
    package var door: Int32?
    package var view: [Entry]
    /// Bytes and inodes of the tmpfs that holds the root, /tmp, /dev/shm and HOME.
    package var scratchSize: UInt64
    package var scratchInodes: UInt64
    package var hostname: String
    /// 0: no Landlock here.
    package var landlockABI: Int
    package var limits: [ResourceLimit]
    package var niceness: Int32
    /// Control groups that hold limits of the whole tree.
    package var groups: GroupPlan
    package var filter: Filter
    package var initFilter: [UInt64]
    package var command: Command
    /// The host's namespaces by name, to prove that the cell's are others.
    package var hostNamespaces: [String: UInt64]
    /// Seconds by which the cell's clocks stand behind the host's: boot time and monotonic.
    package var clockOffsets: ClockOffsets?
    package var terminal: Bool
    package var terminalSize = Terminal.Size()
    /// `require: all`: what may fail otherwise refuses the launch.
    package var strict = false
    package var proofsOfAbsence: [String]
    /// Files of /proc that tell of the host or of the same user's other sessions, and are hidden.
    package var procMasks = CellSpec.tellingFiles

    package static let tellingFiles = ["keys", "key-users", "kallsyms", "timer_list", "sched_debug"]

    package struct ClockOffsets: Equatable, Sendable {
        package let boottime: Int
        package let monotonic: Int
        package init(boottime: Int, monotonic: Int) {
            self.boottime = boottime
            self.monotonic = monotonic
        }
    }
}

extension CellSpec {
    /// Folders of the host that are bound read-only over themselves.
    package var protectedSources: [Source] { view.compactMap { if case .protect(let source, _) = $0 { source } else { nil } } }

    /// Adds protections that only became possible when their placeholders were made. They stand over binds, so they come last.
    package mutating func protect(_ entries: [Entry]) { view += entries }
}

/// A first wall that a profile gives up by name; the others cannot be given up.
package enum Waiver: String, CaseIterable, Sendable {
    case user, net, proc, ipc, uts
}
