// SPDX-License-Identifier: Apache-2.0
// From what a cell is to be to the kernel operations that make it so, in the one order that works on every kernel and
// for every user. Pure: the same spec gives the same plan, and a test can ask for a machine that is not there.
// Each step that stands at a surprising place says why; ARCHITECTURE.md tells of the choices.

package import Linux

package struct LaunchPlan: Equatable, Sendable {
    /// What the parent puts into slots before the clone.
    package enum Inherited: Equatable, Sendable {
        case ruleset
        case tree(Slot, CellSpec.Source, CellSpec.Access, mapOwner: Bool)
        case group(Slot, String)
    }

    package var steps: [Step] = []
    package var inherited: [Inherited] = []
    /// Namespaces that the clone itself makes.
    package var cloned: Namespaces = []
    /// Rights on host files that the parent enters into the ruleset.
    package var rules: [Rule] = []

    package struct Rule: Equatable, Sendable {
        package let source: CellSpec.Source
        package let access: Landlock.Access
    }

    package init(for spec: CellSpec) {
        var planner = Planner(spec)
        planner.plan()
        self = planner.result
    }
}

/// What MountTree attributes each kind of mount gets: everything nosuid, and nodev but for device nodes.
private var confined: MountTree.Attributes { MountTree.Attributes(rawValue: 2 | 4) }  // nosuid, nodev

private struct Planner {
    let spec: CellSpec
    var result = LaunchPlan.empty
    /// Paths that exist in the root tmpfs so far.
    var made: Set<String> = []
    var trees = 0

    /// Folders of the host in the view.
    let boundFolders: [String]
    /// Folders that hold files of the plan's own making.
    let fileFolders: [String]

    init(_ spec: CellSpec) {
        self.spec = spec
        var folders: [String] = []
        var files: [String] = []
        for entry in spec.view {
            switch entry {
            case .bind(let source, let at, _, _): if source.status.kind == .directory { folders.append(at) }
            case .file(let path, _, _):
                let folder = Planner.folder(of: path)
                if files.last != folder { files.append(folder) }
            default: break
            }
        }
        boundFolders = folders
        fileFolders = files
        result.steps.reserveCapacity(256)
    }

    mutating func add(_ operation: Operation, optional: Bool = false) {
        result.steps.append(Step(operation, optional: optional && !spec.strict))
    }

    func has(_ waiver: Waiver) -> Bool { spec.waived.contains(waiver) }

    var ownNetwork: Bool { spec.network != .host }

    mutating func plan() {
        cloneFlags()
        add(.stage(.started))
        if ownNetwork { add(.beginNetwork) }
        identity()
        add(.stage(.mapped))
        isolation()
        add(.stage(.isolated))
        view()
        confinement()
        add(.forgetArguments)  // before the command is there to read them
        command()
        add(.handOver(notify: spec.filter.notify))
        add(.seal)
        add(.releaseHeap)
        add(.initFilter(instructions: spec.initFilter.count))
        add(.reap)
    }

    mutating func cloneFlags() {
        // The network namespace is made by a helper thread. The time namespace freezes its offsets in a clone. A cgroup
        // namespace made before the groups are joined, or in the same clone, would have the wrong root.
        result.cloned = [.user, .mount, .pid]
        if !has(.ipc) { result.cloned.insert(.ipc) }
        if !has(.uts) { result.cloned.insert(.uts) }
        if spec.groups.isEmpty { result.cloned.insert(.cgroup) }
    }

    mutating func identity() {
        switch spec.identity {
        case .caller(let user, let group):
            // The child maps itself: no round trip. setgroups must be denied before gid_map may be written.
            add(.write(under: .proc, path: "self/setgroups", "deny"))
            add(.write(under: .proc, path: "self/gid_map", "\(CellSpec.insideUser) \(group) 1\n"))
            add(.write(under: .proc, path: "self/uid_map", "\(CellSpec.insideUser) \(user) 1\n"))
        case .dedicated:
            add(.waitForMaps)
        }
        if let offsets = spec.clockOffsets {
            // Before the identity changes: the offsets file belongs to root.
            add(.unshare(.time), optional: true)
            add(.write(under: .proc, path: "self/timens_offsets", "boottime -\(offsets.boottime) 0\nmonotonic -\(offsets.monotonic) 0\n"), optional: true)
        }
        // Before any mount, or the kernel answers EOVERFLOW for an owner without a mapping. No capability is lost: uid 0
        // has no mapping inside.
        if spec.identity.isDedicated { add(.identity(user: CellSpec.insideUser, group: CellSpec.insideUser)) }
        add(.deathSignal)  // after setresuid, which clears it
    }

    mutating func isolation() {
        if !spec.groups.isEmpty {
            for (i, group) in spec.groups.joined.enumerated() {
                result.inherited.append(.group(.group(i), group.path + "/tasks"))
                add(.joinGroup(.group(i)))
            }
            add(.unshare(.cgroup), optional: true)
        }
        add(.write(under: .proc, path: "sys/user/max_user_namespaces", "0"))
        // Best effort: an ordinary user's keys are freed late, and the filter refuses every key call anyway.
        add(.joinKeyring, optional: true)
        add(.makePrivate)
    }

    // The view ------------------------------------------------------------------------------------------------------

    mutating func view() {
        // Attached before it is filled: moving into a detached tree needs Linux 6.15.
        add(.umask(0))
        add(.tmpfs(.root, size: spec.scratchSize, inodes: spec.scratchInodes, mode: 0o755, confined))
        add(.attachRoot(.root))
        add(.stage(.root))
        if spec.landlockABI > 0 {
            result.inherited.append(.ruleset)
            add(.landlockRule(.root, [.readDirectory]))
        }
        for entry in spec.view where !entry.isDevice { place(entry) }
        add(.stage(.files))
        for entry in spec.view where entry.isDevice { place(entry) }
        add(.devpts(.scratch, [.noSetuid, .noExecute]), optional: false)
        makeDirectory("dev/pts", mode: 0o755)
        add(.attach(.scratch, at: "dev/pts", absentIsFine: false))
        add(.close(.scratch))
        if spec.terminal { add(.openTerminal(rows: spec.terminalSize.rows, columns: spec.terminalSize.columns)) }
        add(.stage(.devices))
        if !has(.proc) { proc() }
        add(.stage(.proc))
        // Only the mount is read-only: the writable folders of the same tmpfs are mounts of their own.
        add(.setAttributes(.root, confined.union(.readOnly), deep: false))
        add(.pivot)
        add(.close(.root))
        add(.changeDirectory(spec.command.directory))
        add(.umask(0o022))
        add(.stage(.pivoted))
    }

    mutating func place(_ entry: CellSpec.Entry) {
        if entry.isMade && bound(entry.path) { return }  // the host's own stands there
        parents(of: entry.path)
        switch entry {
        case .directory(let path, let mode):
            makeDirectory(path, mode: mode)
            // What the plan puts there must be usable behind the second wall as well: devices, and files of its own making.
            let rights: Landlock.Access? =
                path == "dev" ? [.readFile, .writeFile, .readDirectory, .ioctlDevice] : fileFolders.contains(path) ? [.readFile, .readDirectory] : nil
            if spec.landlockABI > 0, let rights {
                add(.openInRoot(.scratch, path: path))
                rule(.scratch, rights)
                add(.close(.scratch))
            }
        case .symlink(let path, let target):
            if made.insert(path).inserted { add(.makeSymlink(path, target: target)) }
        case .file(let path, let contents, let mode):
            if made.insert(path).inserted { add(.makeFile(path, contents: contents, mode: mode)) }
        case .scratch(let path, let mode):
            makeDirectory(path, mode: mode)
            add(.copyOfRoot(.scratch, path: path))
            add(.attach(.scratch, at: path, absentIsFine: false))
            rule(.scratch, .write)
            add(.close(.scratch))
        case .bind(let source, let path, let access, let mapOwner):
            target(path, like: source)
            let slot = tree(source, access, mapOwner: mapOwner)
            add(.attach(slot, at: path, absentIsFine: false))
            add(.close(slot))
            hostRule(source, access, at: path)
        case .protect(let source, let path):
            let slot = tree(source, .read, mapOwner: false)
            add(.attach(slot, at: path, absentIsFine: false))
            add(.close(slot))
        case .pin(let path):
            add(.copyOfRoot(.scratch, path: path))
            add(.attach(.scratch, at: path, absentIsFine: false))
            add(.close(.scratch))
        case .mask(let path, let directory):
            if directory {
                add(.tmpfs(.scratch, size: 4096, inodes: 1, mode: 0, confined.union([.readOnly, .noExecute])))
            } else {
                makeEmptyFile()
                add(.copyOfRoot(.scratch, path: Planner.emptyFile))
            }
            add(.attach(.scratch, at: path, absentIsFine: false))
            add(.close(.scratch))
        }
    }

    /// What hidden files look like: no byte, no permission.
    static let emptyFile = "dev/.hidden"

    /// Made once and bound read-only over itself: every copy of that mount is read-only as well.
    mutating func makeEmptyFile() {
        makeDirectory("dev", mode: 0o755)
        guard made.insert(Planner.emptyFile).inserted else { return }
        add(.makeFile(Planner.emptyFile, contents: "", mode: 0))
        add(.copyOfRoot(.scratch, path: Planner.emptyFile))
        add(.setAttributes(.scratch, confined.union([.readOnly, .noExecute]), deep: false))
        add(.attach(.scratch, at: Planner.emptyFile, absentIsFine: false))
        add(.close(.scratch))
    }

    mutating func makeDirectory(_ path: String, mode: UInt32) {
        parents(of: path)
        if made.insert(path).inserted { add(.makeDirectory(path, mode: mode)) }
    }

    /// Makes the folders above `path`, as far as they lie in the root tmpfs and not inside something bound.
    mutating func parents(of path: String) {
        let above = Planner.folder(of: path)
        if above.isEmpty { return }
        if made.contains(above) || bound(above) { return }
        parents(of: above)
        made.insert(above)
        add(.makeDirectory(above, mode: 0o755))
    }

    /// The folder of a path without a leading slash; empty for the root.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2f) else { return "" }
        return String(path[..<slash])
    }

    /// Whether `path` is, or lies in, a bound folder.
    func bound(_ path: String) -> Bool { boundFolders.contains { Paths.contains($0, path) } }

    /// A place to attach a bind at: it is there already if it lies in another bind.
    mutating func target(_ path: String, like source: CellSpec.Source) {
        let above = Planner.folder(of: path)
        if !above.isEmpty && bound(above) { return }
        guard made.insert(path).inserted else { return }
        add(source.status.kind == .directory ? .makeDirectory(path, mode: 0o755) : .makeFile(path, contents: "", mode: 0o444))
    }

    /// A detached copy with its attributes: by the parent where it may, else by the child.
    mutating func tree(_ source: CellSpec.Source, _ access: CellSpec.Access, mapOwner: Bool) -> Slot {
        if spec.identity.isDedicated {
            let slot = Slot.tree(trees)
            trees += 1
            result.inherited.append(.tree(slot, source, access, mapOwner: mapOwner))
            return slot
        }
        let deep = source.status.kind == .directory
        add(.openTree(.scratch, path: source.path, device: source.status.device, inode: source.status.inode, deep: deep))
        add(.setAttributes(.scratch, access.attributes, deep: deep))
        return .scratch
    }

    mutating func rule(_ slot: Slot, _ access: Landlock.Access) {
        let known = access.intersection(.handled(abi: spec.landlockABI))
        if !known.isEmpty { add(.landlockRule(slot, known)) }
    }

    /// Rights on a file of the host. The folder that it is bound into says enough where that folder has a rule for what the
    /// plan puts there: for devices, and for what can be read and not executed.
    mutating func hostRule(_ source: CellSpec.Source, _ access: CellSpec.Access, at path: String) {
        var rights: Landlock.Access
        switch access {
        case .read:
            if source.status.kind == .regular && source.status.mode & 0o111 == 0 && fileFolders.contains(where: { Paths.contains($0, path) }) { return }
            rights = .read
        case .write: rights = .write.union(.execute)
        case .device: return
        }
        if source.status.kind != .directory { rights.formIntersection(.ofFiles) }
        rights.formIntersection(.handled(abi: spec.landlockABI))
        if !rights.isEmpty { result.rules.append(LaunchPlan.Rule(source: source, access: rights)) }
    }

    mutating func proc() {
        makeDirectory("proc", mode: 0o555)
        // While the old root is there: after the pivot the kernel finds no fully visible /proc and says EPERM. Read-only as
        // a whole: one mount instead of seven over the single files.
        add(.proc(.procTree, subset: nil, [.noSetuid, .noDevices, .noExecute, .readOnly]))
        add(.attach(.procTree, at: "proc", absentIsFine: false))
        rule(.procTree, [.readFile, .readDirectory, .writeFile])
        for name in spec.procMasks {
            makeEmptyFile()
            add(.copyOfRoot(.scratch, path: Planner.emptyFile))
            add(.attachInProc(.scratch, at: name))
            add(.close(.scratch))
        }
        add(.close(.procTree))
    }

    // Confinement and command -----------------------------------------------------------------------------------------

    mutating func confinement() {
        if !has(.uts) { add(.hostname(spec.hostname)) }
        add(.newSession)
        add(.duplicate(.input, number: 0))
        add(.duplicate(.output, number: 1))
        add(.duplicate(.errors, number: 2))
        if ownNetwork { add(.joinNetwork) }
        if spec.network == .loopback || spec.network == .named { add(.loopbackUp) }
        if spec.network == .named { add(.openResolver) }
        add(.dropCapabilities)
        add(.noNewPrivileges)
        add(.nonDumpable)
        add(.stage(.confined))
    }

    mutating func command() {
        var inner: [Step] = []
        func add(_ operation: Operation, optional: Bool = false) { inner.append(Step(operation, optional: optional)) }
        add(.newSession)
        if spec.terminal { add(.controllingTerminal(.input)) }
        add(.nice(spec.niceness), optional: true)  // an ordinary user cannot go below the caller's
        for limit in spec.limits { add(.limit(limit)) }
        add(.resetSignals)
        if spec.landlockABI > 0 { add(.landlockRestrict) }
        add(.closeOnExec(from: 3))
        for proof in proofs() { add(.prove(proof)) }
        add(.stage(.proved))
        // The one file that the command gets beside its standard streams; the number was kept free for it.
        if let number = spec.door { add(.duplicate(.door, number: number)) }
        // As late as it can be: under the filter nothing reads but the command.
        if spec.awaitsRecord { add(.waitForRecord) }
        add(.commandFilter(instructions: spec.filter.program.count, notify: spec.filter.notify, waitKillable: spec.filter.waitKillable))
        add(.canary(errno: spec.filter.canary))
        add(.stage(.filtered))
        add(.execute(spec.command.executable))
        self.add(.spawnCommand(operations: inner.count))
        result.steps += inner
    }

    /// One attempt or fact for each protection that can be shown from inside; the filter is shown by its canary.
    func proofs() -> [Proof] {
        var proofs: [Proof] = [.childOfFirst, .noNewPrivileges, .capabilitiesEmpty, .capability, .identity, .descriptorsCloseOnExec]
        proofs += [.unshareUser, .mount, .create("/.fumehood-proof")]
        if !has(.uts) { proofs.append(.hostname) }
        if !has(.proc) {
            proofs += [.openForWriting("/proc/sys/kernel/core_pattern"), .openForWriting("/proc/sysrq-trigger")]
            for (namespace, name) in Namespaces.names {
                let kept = namespace == .net && !ownNetwork || namespace == .ipc && has(.ipc) || namespace == .uts && has(.uts)
                let optional = namespace == .time || namespace == .cgroup
                if !kept && !optional, let inode = spec.hostNamespaces[name] { proofs.append(.namespace("/proc/self/ns/\(name)", hostInode: inode)) }
            }
        }
        return proofs + spec.proofsOfAbsence.map { .absent($0) }
    }
}

extension LaunchPlan {
    fileprivate static let empty = LaunchPlan()
    private init() {}
}

extension CellSpec.Entry {
    /// Made by the plan, not taken from the host.
    var isMade: Bool {
        switch self {
        case .directory, .symlink, .file, .scratch: true
        case .bind, .mask, .protect, .pin: false
        }
    }

    var isDevice: Bool { if case .bind(_, _, .device, _) = self { true } else { false } }
}

extension CellSpec.Access {
    /// Read: nothing of it can be written; device: its node may be opened, but nothing executed.
    package var attributes: MountTree.Attributes {
        switch self {
        case .read: [.noSetuid, .noDevices, .readOnly]
        case .write: [.noSetuid, .noDevices]
        case .device: [.noSetuid, .noExecute]
        }
    }
}
