// SPDX-License-Identifier: Apache-2.0
// The thin edge of a launch: opens what the plan inherits, clones, writes the maps where only the parent may, and gives
// back a cell that is being built. Everything was decided before; here it only happens. No policy, no waiting.

import CLinux
import Glibc
package import Linux

/// Our ends of a cell's standard streams.
package struct Streams: ~Copyable {
    package var input: Descriptor?
    package var output: Descriptor?
    package var errors: Descriptor?

    package init(input: consuming Descriptor? = nil, output: consuming Descriptor? = nil, errors: consuming Descriptor? = nil) {
        self.input = input
        self.output = output
        self.errors = errors
    }
}

/// A cell from its clone on: the process, the line to its PID 1, its streams.
package struct Cell: ~Copyable {
    package let process: Pidfd
    package let pid: Int32
    package let control: Descriptor
    package var streams: Streams
    /// CLOCK_MONOTONIC, nanoseconds: when the clone was asked for and when it had come back.
    package let cloneBegan: UInt64
    package let cloned: UInt64
    /// What could not be done as planned and is no wall.
    package let notes: [String]

    /// Lets a command go that waits for its record. One whose cell could not be built waits no more, and says why over `control`.
    package borrowing func go() throws(SystemError) {
        do { try control.writeAll([0]) } catch { if error.code != EPIPE, error.code != ECONNRESET { throw error } }
    }

    /// Nothing of it is left when this returns.
    package borrowing func abandon() { process.kill() }
}

package enum Launcher {
    /// Whether this process may make such namespaces: 0, or errno.
    package static func probe(_ namespaces: Namespaces) -> Int32 { Int32(-cl_probe_clone(namespaces.rawValue)) }

    /// Starts building the cell. What goes wrong in the child comes over `control` as a ``Report``.
    /// - Parameters:
    ///   - program: the filter of this launch, its own cookie patched in.
    ///   - proc: /proc, opened O_PATH and checked.
    /// - Throws: ``LaunchError`` for what the parent could not do; nothing is left behind then.
    package static func launch(
        _ plan: LaunchPlan, spec: CellSpec, program: [UInt64], cookie: UInt64, proc: borrowing Descriptor, streams: consuming CellEnds
    ) throws(LaunchError) -> Cell {
        do {
            return try begin(plan, spec, program, cookie, proc, streams)
        } catch let error as SystemError {
            throw .system(error)
        } catch let error as LaunchError {
            throw error
        } catch {
            throw .changed("\(error)")
        }
    }

    private static func begin(
        _ plan: LaunchPlan, _ spec: CellSpec, _ program: [UInt64], _ cookie: UInt64, _ proc: borrowing Descriptor, _ ends: consuming CellEnds
    ) throws -> Cell {
        var slots = [Int32](repeating: -1, count: Int(CL_SLOTS))
        var held = HeldDescriptors()
        let control = try PacketPair()
        slots[Int(Slot.control.index)] = control.theirs.number
        slots[Int(Slot.supervisor.index)] = control.ours.number
        slots[Int(Slot.proc.index)] = proc.number
        slots[Int(Slot.input.index)] = ends.inner.input
        slots[Int(Slot.output.index)] = ends.inner.output
        slots[Int(Slot.errors.index)] = ends.inner.errors
        slots[Int(Slot.door.index)] = ends.door
        if case .dedicated(let user, let group) = spec.identity { try ends.give(to: user, group) }

        let idMap = IDMap(proc: proc)
        var rules = plan.rules
        var ruleset: Descriptor?
        var notes: [String] = []
        for item in plan.inherited {
            switch item {
            case .ruleset:
                ruleset = try Landlock.ruleset(handled: .handled(abi: spec.landlockABI), tcp: spec.network == .none, scopes: 3, abi: spec.landlockABI)
            case .tree(let slot, let source, let access, let mapOwner):
                let deep = source.status.kind == .directory
                // A device by a path without any link: were /dev one, what it leads to could have been chosen for us.
                let tree =
                    access == .device
                    ? try MountTree.copy(of: try Files.openExactly(source.path), object: source.path, deep: false)
                    : try MountTree.copy(of: source.path, deep: deep)
                try compare(tree, source)
                // What is opened for the mount serves for its rule as well.
                if ruleset != nil, let i = rules.firstIndex(where: { $0.source == source }) {
                    try Landlock.allow(rules.remove(at: i).access, on: tree.number, in: ruleset!, object: source.path)
                }
                var namespace: Descriptor?
                if mapOwner, case .dedicated(let user, let group) = spec.identity {
                    namespace = try idMap.namespace(from: source.status.owner, source.status.group, to: user, group)
                }
                // Only the top mount is id-mapped: a file system below it that cannot be is no reason to refuse the rest.
                if deep { try MountTree.set(access.attributes, on: tree, object: source.path, deep: true) }
                let mapping = namespace?.number
                if !deep || mapping != nil, try !attributes(access.attributes, of: tree, source.path, mapping) {
                    notes.append("`\(source.path)` lies on a file system without id-mapped mounts: its files belong to somebody else in the cell")
                }
                slots[Int(slot.index)] = held.keep(tree)
            case .group(let slot, let file):
                slots[Int(slot.index)] = held.keep(try Files.open(file, 1 /* O_WRONLY */))
            }
        }

        if let ruleset = ruleset.take() {
            for rule in rules {
                let file = try open(rule.source)
                try Landlock.allow(rule.access, on: file.number, in: ruleset, object: rule.source.path)
            }
            slots[Int(Slot.ruleset.index)] = held.keep(ruleset)
        }

        var group: Descriptor?
        if let path = spec.groups.unified?.path { group = try Files.open(path, 0o200000 /* O_DIRECTORY */) }
        let encoded = EncodedPlan(plan, spec: spec, program: program, cookie: cookie)
        var userMap: [CChar] = []
        var groupMap: [CChar] = []
        if case .dedicated(let user, let group) = spec.identity {
            userMap = Array("\(CellSpec.insideUser) \(user) 1\n".utf8CString)
            groupMap = Array("\(CellSpec.insideUser) \(group) 1\n".utf8CString)
        }
        let arguments = CStrings(spec.command.arguments)
        let environment = CStrings(spec.command.environment)
        var pidfd: Int32 = -1
        let began = Clock.monotonic
        let groupNumber = group?.number ?? -1
        let (procNumber, ours) = (proc.number, control.ours.number)
        var mapStep = cl_map_step.CL_MAP_GROUP
        var mapResult = 0
        let result = unsafe encoded.operations.withUnsafeBufferPointer { operations in
            unsafe encoded.bytes.withUnsafeBufferPointer { bytes in
                unsafe slots.withUnsafeMutableBufferPointer { slots in
                    unsafe arguments.withVector { argv in
                        unsafe environment.withVector { envp in
                            var wire = unsafe cl_plan(
                                ops: operations.baseAddress!, op_count: UInt32(operations.count), slot_count: UInt32(slots.count),
                                bytes: bytes.baseAddress!, slots: slots.baseAddress!, argv: argv, envp: envp)
                            let pid = unsafe cl_launch(&wire, plan.cloned.rawValue, 17 /* SIGCHLD */, groupNumber, &pidfd)
                            // At once: the child waits for its maps.
                            if pid > 0, !userMap.isEmpty { mapResult = unsafe cl_write_maps(procNumber, pid, groupMap, userMap, ours, &mapStep) }
                            return pid
                        }
                    }
                }
            }
        }
        let cloned = Clock.monotonic
        if result < 0 { throw LaunchError.clone(plan.cloned, Int32(-result)) }
        let pid = Int32(result)
        let process = Pidfd(Descriptor(owning: pidfd))
        if mapResult < 0 {
            process.kill()
            let object =
                switch mapStep {
                case .CL_MAP_GROUP: "/proc/\(pid)/gid_map"
                case .CL_MAP_USER: "/proc/\(pid)/uid_map"
                case .CL_MAP_GO: "the control socket"
                }
            throw SystemError("write", object, Int32(-mapResult))
        }
        _ = consume held
        return Cell(process: process, pid: pid, control: control.keepOurs(), streams: ends.outer(), cloneBegan: began, cloned: cloned, notes: notes)
    }

    /// - Returns: false where the file system cannot be id-mapped and only the attributes were set.
    private static func attributes(
        _ attributes: MountTree.Attributes, of tree: borrowing Descriptor, _ path: String, _ namespace: Int32?
    ) throws(SystemError) -> Bool {
        guard let namespace else {
            try MountTree.set(attributes, on: tree, object: path, deep: false)
            return true
        }
        let refusal = MountTree.mapped(attributes, on: tree, namespace: namespace)
        if refusal == 0 { return true }
        guard IDMap.isUnsupported(refusal) else { throw SystemError("mount_setattr", path, refusal) }
        try MountTree.set(attributes, on: tree, object: path, deep: false)
        return false
    }

    /// The file that was there when the cell was planned, without following any link.
    private static func open(_ source: CellSpec.Source) throws -> Descriptor {
        let file = try Files.openExactly(source.path)
        try compare(file, source)
        return file
    }

    private static func compare(_ file: borrowing Descriptor, _ source: CellSpec.Source) throws {
        let now = try FileStatus(of: file)
        guard now.device == source.status.device, now.inode == source.status.inode else { throw LaunchError.changed(source.path) }
    }
}

/// Descriptors that live until the clone.
private struct HeldDescriptors: ~Copyable {
    private var numbers: [Int32] = []

    mutating func keep(_ descriptor: consuming Descriptor) -> Int32 {
        let number = descriptor.release()
        numbers.append(number)
        return number
    }

    deinit { Descriptor.closeAll(numbers) }
}
