// SPDX-License-Identifier: Apache-2.0
// Which control groups this process may make groups in, as a value: v2 delegated to us, the hybrid of v1 controllers beside
// a v2 tree, v1 alone, or none. Found by reading /proc/self/cgroup and asking a handful of paths; nothing is searched, and
// nothing is made. What a cell gets of it is GroupPlan.swift's.

package import Events
package import Linux

package struct GroupFacts: Equatable, Sendable {
    package enum Controller: String, CaseIterable, Comparable, Sendable {
        case cpu, freezer, memory, pids
        package static func < (a: Controller, b: Controller) -> Bool { a.rawValue < b.rawValue }
    }

    package var backend: ResultRecord.Backend
    /// The folder of the v2 tree in which groups of cells are made: v2 and hybrid.
    package var unified: String?
    /// Controllers that groups in `unified` have.
    package var controllers: Set<Controller>
    /// Folders of v1 hierarchies in which groups of cells are made.
    package var old: [Controller: String]
    /// Why there is none, or what of it is out of reach; in words.
    package var reason: String?

    package init(
        backend: ResultRecord.Backend, unified: String? = nil, controllers: Set<Controller> = [], old: [Controller: String] = [:], reason: String? = nil
    ) {
        self.backend = backend
        self.unified = unified
        self.controllers = controllers
        self.old = old
        self.reason = reason
    }

    package static func none(_ reason: String) -> GroupFacts { GroupFacts(backend: .none, reason: reason) }

    /// What finding out asks of the machine, so that a test can be any machine.
    package struct Questions {
        package var mount: (String) -> Cgroup.Mount
        package var text: (String) -> String?
        package var exists: (String) -> Bool
        package var isWritable: (String) -> Bool

        package init(
            mount: @escaping (String) -> Cgroup.Mount, text: @escaping (String) -> String?, exists: @escaping (String) -> Bool,
            isWritable: @escaping (String) -> Bool
        ) {
            self.mount = mount
            self.text = text
            self.exists = exists
            self.isWritable = isWritable
        }

        package static var kernel: Questions {
            Questions(
                mount: { Cgroup.mount(at: $0) }, text: { try? Files.text($0, limit: 4096) }, exists: { FileStatus(at: $0, followLinks: false) != nil },
                isWritable: { Files.allows($0, 2 /* W_OK */) })
        }
    }

    package static let place = "/sys/fs/cgroup"

    /// - Parameter own: the text of /proc/self/cgroup.
    package init(own: String, _ ask: Questions = .kernel) {
        var unifiedPath: String?
        var lines: [(names: String, path: String)] = []
        for line in own.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[0] == "0" { unifiedPath = String(fields[2]) } else { lines.append((String(fields[1]), String(fields[2]))) }
        }
        if ask.mount(GroupFacts.place) == .v2 {
            guard let unifiedPath else {
                self = .none("this process stands in no control group of v2")
                return
            }
            self = GroupFacts.delegated(GroupFacts.place, unifiedPath, ask)
            return
        }
        var old: [Controller: String] = [:]
        var refused = false
        for (names, path) in lines {
            let controllers = names.split(separator: ",").compactMap { Controller(rawValue: String($0)) }
            guard let first = controllers.first else { continue }
            let mount = [names, first.rawValue].map { GroupFacts.place + "/" + $0 }.first { ask.mount($0) == .v1 }
            guard let mount else { continue }
            // In a container the hierarchy often begins at our own group, whatever its path outside is.
            let folder = path == "/" || !ask.exists(mount + path) ? mount : mount + path
            guard ask.isWritable(folder) else {
                refused = true
                continue
            }
            for controller in controllers { old[controller] = folder }
        }
        var unified: String?
        let tree = GroupFacts.place + "/unified"
        if let unifiedPath, ask.mount(tree) == .v2 { unified = GroupFacts.delegated(tree, unifiedPath, ask).unified }
        if old.isEmpty && unified == nil {
            self = .none(refused ? "the control groups here (v1) are not writable for this user" : "no control groups are mounted at \(GroupFacts.place)")
        } else {
            self.init(backend: unified == nil ? .v1 : .hybrid, unified: unified, old: old)
        }
    }

    /// Groups with controllers may not hold processes beside groups (but at the root): a cell's group stands beside ours, not
    /// in it. Cloning into it needs `cgroup.procs` of where both hang.
    private static func delegated(_ mount: String, _ path: String, _ ask: Questions) -> GroupFacts {
        let own = path == "/" ? mount : mount + path
        let places = path == "/" || path.hasPrefix("/..") ? [own] : [Paths.parent(own), own]
        for folder in places where ask.isWritable(folder) && ask.isWritable(folder + "/cgroup.procs") {
            let names = (ask.text(folder + "/cgroup.subtree_control") ?? "").split { $0 == " " || $0 == "\n" }
            return GroupFacts(backend: .v2, unified: folder, controllers: Set(names.compactMap { Controller(rawValue: String($0)) }))
        }
        return .none("the control groups here (v2) are not delegated to this user")
    }
}
