// SPDX-License-Identifier: Apache-2.0
// The vocabulary of launch plans: one case per thing the child can do, with the words by which people read it.
// How each is done is CLinux/child.c; in which order, LaunchPlan.swift. Wire form: PlanEncoder.swift.

package import Linux

/// A descriptor's place in the child's table. Some are filled by the parent, some by operations.
package struct Slot: Hashable, Sendable {
    package let index: Int16

    private init(_ index: Int16) { self.index = index }

    package static var control: Slot { Slot(0) }
    package static var proc: Slot { Slot(1) }
    package static var input: Slot { Slot(2) }
    package static var output: Slot { Slot(3) }
    package static var errors: Slot { Slot(4) }
    package static var ruleset: Slot { Slot(5) }
    package static var root: Slot { Slot(6) }
    package static var listener: Slot { Slot(7) }
    package static var command: Slot { Slot(8) }
    package static var scratch: Slot { Slot(9) }
    package static var procTree: Slot { Slot(10) }
    /// The parent's end of the control socket; the child closes its copy before anything else.
    package static var supervisor: Slot { Slot(11) }
    /// The command's end of the socket at which it asks the door.
    package static var door: Slot { Slot(12) }
    /// Trees that the parent has copied, in the order of the view.
    package static func tree(_ i: Int) -> Slot { Slot(Int16(16 + i)) }
    package static var treeLimit: Int { 216 }
    /// `tasks` files of v1 groups.
    package static func group(_ i: Int) -> Slot { Slot(Int16(240 + i)) }

    /// As plans name it.
    package var name: String {
        switch index {
        case 16..<240: "tree \(index - 16)"
        case 240...: "group \(index - 240)"
        default: Slot.names[Int(index)]
        }
    }

    private static let names = [
        "control", "/proc", "stdin", "stdout", "stderr", "ruleset", "root", "listener", "command", "tree", "proc", "supervisor", "door", "", "", "",
    ]
}

/// An attempt that must fail inside the finished cell, or a fact that must hold there.
package enum Proof: Equatable, Sendable {
    case unshareUser
    case mount
    case openForWriting(String)
    case create(String)
    case capability
    case identity
    case hostname
    case namespace(String, hostInode: UInt64)
    case childOfFirst
    case noNewPrivileges
    case capabilitiesEmpty
    case absent(String)
    case descriptorsCloseOnExec
}

package enum Operation: Equatable, Sendable {
    case waitForMaps
    /// Until the launch's record is on disk.
    case waitForRecord
    /// A pty of the cell's devpts becomes stdin, stdout and stderr.
    case openTerminal(rows: UInt16, columns: UInt16)
    case write(under: Slot, path: String, String)
    case unshare(Namespaces)
    case beginNetwork
    case joinNetwork
    case identity(user: UInt32, group: UInt32)
    case deathSignal
    case joinGroup(Slot)
    case joinKeyring
    case makePrivate
    case loopbackUp
    /// A socket at port 53 of the cell's loopback, which the supervisor answers.
    case openResolver
    case tmpfs(Slot, size: UInt64, inodes: UInt64, mode: UInt32, MountTree.Attributes)
    case proc(Slot, subset: String?, MountTree.Attributes)
    case devpts(Slot, MountTree.Attributes)
    case openTree(Slot, path: String, device: UInt64, inode: UInt64, deep: Bool)
    /// A copy of what lies at `path` in the new root.
    case copyOfRoot(Slot, path: String)
    case setAttributes(Slot, MountTree.Attributes, deep: Bool)
    case attachRoot(Slot)
    case attach(Slot, at: String, absentIsFine: Bool)
    case attachInProc(Slot, at: String)
    case makeDirectory(String, mode: UInt32)
    case makeSymlink(String, target: String)
    case makeFile(String, contents: String, mode: UInt32)
    case openInRoot(Slot, path: String)
    case openInProc(Slot, path: String)
    case close(Slot)
    case landlockRule(Slot, Landlock.Access)
    case pivot
    case changeDirectory(String)
    case hostname(String)
    case newSession
    case controllingTerminal(Slot)
    case duplicate(Slot, number: Int32)
    case umask(UInt32)
    case nice(Int32)
    case limit(ResourceLimit)
    case dropCapabilities
    case noNewPrivileges
    case spawnCommand(operations: Int)
    case resetSignals
    case closeOnExec(from: Int32)
    case landlockRestrict
    case prove(Proof)
    case commandFilter(instructions: Int, notify: Bool, waitKillable: Bool)
    case initFilter(instructions: Int)
    case canary(errno: UInt32)
    case execute(String)
    case handOver(notify: Bool)
    /// Process 1 overwrites the launcher's command line, which the cell could read in /proc/1/cmdline.
    case forgetArguments
    /// Before the command shares memory with process 1: the cookie that admits its exec lies there.
    case nonDumpable
    case seal
    /// Process 1 is a copy of the launcher: what that had on its heap is given back before the command can run for long.
    case releaseHeap
    case reap
    case stage(Stage)
}

/// Namespaces by the flag that makes them. - Kernel: CLONE_NEW*
package struct Namespaces: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static let time = Namespaces(rawValue: 0x80)
    package static let mount = Namespaces(rawValue: 0x0002_0000)
    package static let cgroup = Namespaces(rawValue: 0x0200_0000)
    package static let uts = Namespaces(rawValue: 0x0400_0000)
    package static let ipc = Namespaces(rawValue: 0x0800_0000)
    package static let user = Namespaces(rawValue: 0x1000_0000)
    package static let pid = Namespaces(rawValue: 0x2000_0000)
    package static let net = Namespaces(rawValue: 0x4000_0000)

    package static let names: [(Namespaces, String)] = [
        (.user, "user"), (.mount, "mnt"), (.pid, "pid"), (.net, "net"), (.ipc, "ipc"), (.uts, "uts"), (.cgroup, "cgroup"), (.time, "time"),
    ]
    package var words: String { Namespaces.names.filter { contains($0.0) }.map(\.1).joined(separator: " ") }
}

/// One rlimit, soft and hard alike. `resource` as in getrlimit(2).
package struct ResourceLimit: Equatable, Sendable {
    package let name: String
    package let resource: UInt32
    package let soft: UInt64
    package let hard: UInt64

    package init(_ name: String, _ resource: UInt32, _ soft: UInt64, hard: UInt64? = nil) {
        self.name = name
        self.resource = resource
        self.soft = soft
        self.hard = hard ?? soft
    }
}

/// Points of a launch whose time the child notes, in their order.
package enum Stage: UInt32, CaseIterable, Sendable {
    case started, mapped, isolated, root, files, devices, proc, pivoted, confined, proved, filtered

    /// Spelled out: reflection would cost more than a stage.
    package var name: String {
        switch self {
        case .started: "started"
        case .mapped: "mapped"
        case .isolated: "isolated"
        case .root: "root"
        case .files: "files"
        case .devices: "devices"
        case .proc: "proc"
        case .pivoted: "pivoted"
        case .confined: "confined"
        case .proved: "proved"
        case .filtered: "filtered"
        }
    }
}

/// An operation as it stands in a plan.
package struct Step: Equatable, Sendable {
    package let operation: Operation
    /// A failure is noted and reported as part of the status, and the launch goes on.
    package let optional: Bool

    package init(_ operation: Operation, optional: Bool = false) {
        self.operation = operation
        self.optional = optional
    }
}
