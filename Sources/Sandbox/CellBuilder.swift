// SPDX-License-Identifier: Apache-2.0
// Profile and host facts to the spec of one cell. Pure but for the host's files, which it asks through HostFiles: the same
// answers give the same spec. What cannot be had is an error here, before anything is started.

package import Events
import Linux
package import Syscalls

/// A planned cell and what people should know of it.
package struct PlannedCell: Sendable {
    package var spec: CellSpec
    package var policy: SyscallPolicy
    package var runtime: Runtime
    /// Paths among the arguments that exist on the host and that the cell does not see.
    package var unseen: [String]
    /// Absent paths that the cell must not be able to make.
    package var placeholders: [Placeholders.Absent]
    package var protections: [Protection: ProtectionStatus]
    /// What the command may stumble over, in sentences: shown by `--dry-run`, and in the footer when it fails.
    package var notes: [String] = []
}

extension PlannedCell {
    /// A cell on this host.
    /// - Parameter ordinal: counts the cells of this process.
    package init(_ request: CellRequest, _ facts: HostFacts, filter: CellSpec.Filter, initFilter: [UInt64], ordinal: UInt32 = 0) throws(CellError) {
        self = try CellBuilder(facts: facts, files: KernelFiles()).plan(request, filter: filter, initFilter: initFilter, ordinal: ordinal)
    }
}

package struct CellBuilder<Host: HostFiles> {
    let facts: HostFacts
    let files: Host

    package init(facts: HostFacts, files: Host) {
        self.facts = facts
        self.files = files
    }

    /// - Parameter filter: compiles and proves the filter of a policy; its errors are the caller's.
    package func plan(_ request: CellRequest, filter: CellSpec.Filter, initFilter: [UInt64], ordinal: UInt32 = 0) throws(CellError) -> PlannedCell {
        try refuseDownloads(request)
        let home = homeFolder(request)
        let identity = facts.identity(ordinal: ordinal)
        let finder = RuntimeFinder(files: files, directory: request.directory, environment: request.environment, home: home)
        let runtime = try finder.find(request.command[0])

        var view = View(files: files, mapsOwners: identity.isDedicated)
        var rules = request.rules
        if request.findsRuntime {
            for grant in runtime.grants where !hidden(grant.path, request.rules) {
                rules.append(CellRequest.Rule(.read, grant.path, origin: "runtime: auto", builtin: true))
            }
        }
        rules += environmentFiles(request)
        try view.apply(rules)

        guard view.leads(to: runtime.executable) != nil else {
            throw .commandOutside(runtime.executable, grant: Paths.parent(runtime.executable))
        }
        let entries = try standardEntries(request, home: home, &view) + view.entries + own(request)
        try refuseTooMany(entries, placeholders: view.placeholders.count)
        let place = Paths.relative(request.directory)
        let holdsSome =
            request.keepsDirectory && view.entries.contains { entry in if case .bind(_, let at, _, _) = entry { Paths.contains(place, at) } else { false } }
        let directory = view.shows(request.directory) || holdsSome ? request.directory : home
        let environment = cellEnvironment(request, runtime, home: home, &view)
        let groups = GroupPlan(facts.groups, limits: request.limits, name: facts.groupName(ordinal: ordinal))
        var spec = CellSpec(
            identity: identity, network: request.network, waived: request.waived, view: ordered(entries),
            scratchSize: request.limits.scratch, scratchInodes: request.limits.inodes, hostname: request.hostname, landlockABI: facts.landlockABI,
            limits: limits(request, groups), niceness: 0, groups: groups, filter: filter, initFilter: initFilter,
            command: CellSpec.Command(
                executable: runtime.executable, arguments: request.command, environment: environment, directory: directory),
            hostNamespaces: facts.namespaces, clockOffsets: clockOffsets(), terminal: request.terminal, proofsOfAbsence: ["/sys/kernel"])
        spec.terminalSize = request.terminalSize
        // What this kernel has not, or what only root reads (uid 0 has no mapping in the cell), needs no mask.
        spec.procMasks = []
        for name in CellSpec.tellingFiles {
            if let status = files.status("/proc/" + name, followLinks: false), status.mode & 0o077 != 0 { spec.procMasks.append(name) }
        }
        let unseen = unseenArguments(request, view: view)
        return PlannedCell(
            spec: spec, policy: request.syscalls, runtime: runtime, unseen: unseen.ungranted,
            placeholders: view.placeholders, protections: Protections.planned(spec, facts),
            notes: (identity.isDedicated ? foreignOwners(view) : []) + unseen.hidden.map { "`\($0)` is hidden by the profile: -r and -w do not show it" })
    }

    // Files -----------------------------------------------------------------------------------------------------------

    private func hidden(_ path: String, _ rules: [CellRequest.Rule]) -> Bool {
        rules.contains { $0.kind == .hide && Paths.contains($0.path, path) }
    }

    /// HOME has the caller's path, so that files granted below it stand where programs look for them.
    private func homeFolder(_ request: CellRequest) -> String {
        guard let home = request.environment["HOME"], home.hasPrefix("/") else { return "/home/cell" }
        let path = Paths.absolute(home, from: "/")
        let taken = ["/usr", "/etc", "/proc", "/sys", "/dev", "/bin", "/lib", "/lib64", "/sbin"]
        return path == "/" || path == "/tmp" || taken.contains { Paths.contains($0, path) } || path.utf8.contains { $0 < 0x20 || $0 == 0x3a }
            ? "/home/cell" : path
    }

    /// What every cell has: the root's links, /etc as far as we write it, devices, writable folders.
    private func standardEntries(_ request: CellRequest, home: String, _ view: inout View<Host>) throws(CellError) -> [CellSpec.Entry] {
        var entries: [CellSpec.Entry] = []
        for name in rootLinks {
            if let target = view.link("/" + name) { entries.append(.symlink(name, target: target)) }
        }
        entries.append(.directory("etc", mode: 0o755))
        let network = request.network != .none
        entries += [
            .file("etc/passwd", contents: "cell:x:1000:1000:cell:\(home):/bin/sh\n", mode: 0o444),
            .file("etc/group", contents: "cell:x:1000:\n", mode: 0o444),
            .file("etc/hosts", contents: "127.0.0.1 localhost \(request.hostname)\n::1 localhost\n", mode: 0o444),
            .file("etc/hostname", contents: request.hostname + "\n", mode: 0o444),
            .file("etc/nsswitch.conf", contents: "passwd: files\ngroup: files\nhosts: files\(network ? " dns" : "")\n", mode: 0o444),
        ]
        if request.network == .host, let text = files.head("/etc/resolv.conf", 4096) {
            entries.append(.file("etc/resolv.conf", contents: String(decoding: text, as: UTF8.self), mode: 0o444))
        }
        if request.network == .named {
            // One server, which answers at once or never will.
            entries.append(.file("etc/resolv.conf", contents: "nameserver 127.0.0.1\noptions timeout:10 attempts:1\n", mode: 0o444))
        }
        // /var/tmp is /tmp, unless something below it was granted: nothing is mounted through a link.
        let granted = view.entries.contains { $0.path.hasPrefix("var/tmp/") }
        entries += [
            .scratch("tmp", mode: 0o1777), .directory("var", mode: 0o755), granted ? .scratch("var/tmp", mode: 0o1777) : .symlink("var/tmp", target: "/tmp"),
            .directory("run", mode: 0o755),
        ]
        if !view.shows(home) { entries.append(.scratch(Paths.relative(home), mode: 0o700)) }
        entries += [.directory("dev", mode: 0o755), .scratch("dev/shm", mode: 0o1777)]
        // By their numbers: what stands at these names may be a link or another device that somebody has put there.
        for (name, number) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] as [(String, UInt64)] {
            guard let status = files.status("/dev/" + name, followLinks: false) else {
                if name == "null" { throw .refusedPath("/dev/null", why: "it is not there", origin: "every cell has it") }
                continue
            }
            guard status.kind == .characterDevice, status.rawDevice == 1 << 8 | number else {
                throw .refusedPath("/dev/" + name, why: "it is not the kernel's device of that name", origin: "every cell has it")
            }
            entries.append(.bind(CellSpec.Source(path: "/dev/" + name, status: status), at: "dev/" + name, .device, mapOwner: false))
        }
        // Whoever opens it gets the terminal of its own session: the cell's.
        if request.terminal, let status = files.status("/dev/tty", followLinks: false), status.kind == .characterDevice, status.rawDevice == 5 << 8 {
            entries.append(.bind(CellSpec.Source(path: "/dev/tty", status: status), at: "dev/tty", .device, mapOwner: false))
        }
        if !request.waived.contains(.proc) {
            entries += [
                .symlink("dev/fd", target: "/proc/self/fd"), .symlink("dev/stdin", target: "/proc/self/fd/0"),
                .symlink("dev/stdout", target: "/proc/self/fd/1"), .symlink("dev/stderr", target: "/proc/self/fd/2"),
            ]
        }
        entries.append(.symlink("dev/ptmx", target: "pts/ptmx"))
        return entries
    }

    /// What is ours and no rule is about.
    private func own(_ request: CellRequest) throws(CellError) -> [CellSpec.Entry] {
        var entries: [CellSpec.Entry] = []
        for file in request.own {
            guard let status = files.status(file.path, followLinks: false) else { throw .noSuchPath(file.path, origin: "fumehood itself") }
            entries.append(
                .bind(
                    CellSpec.Source(path: file.path, status: status), at: Paths.relative(file.target), .read,
                    mapOwner: file.mapsOwner && facts.identity(ordinal: 0).isDedicated))
        }
        return entries
    }

    /// Folders before what they hold; at one path the first wins.
    private func ordered(_ entries: [CellSpec.Entry]) -> [CellSpec.Entry] {
        var keys: [(key: [UInt8], weight: Int, place: Int)] = []
        keys.reserveCapacity(entries.count)
        for (place, entry) in entries.enumerated() {
            // The separator sorts before every byte of a name, so that a folder's contents follow it at once.
            keys.append((entry.path.utf8.map { $0 == 0x2f ? 0 : $0 }, weight(entry), place))
        }
        keys.sort { a, b in
            let length = min(a.key.count, b.key.count)
            for i in 0..<length where a.key[i] != b.key[i] { return a.key[i] < b.key[i] }
            if a.key.count != b.key.count { return a.key.count < b.key.count }
            return a.weight == b.weight ? a.place < b.place : a.weight < b.weight
        }
        var list: [CellSpec.Entry] = []
        list.reserveCapacity(keys.count)
        var last: [UInt8]?
        for item in keys {
            // A mask or protection stands over the bind of the same path; anything else stands there once.
            if item.weight < 2 && last == item.key { continue }
            last = item.key
            list.append(entries[item.place])
        }
        return list
    }

    private func weight(_ entry: CellSpec.Entry) -> Int {
        switch entry {
        case .bind: 0
        case .symlink, .file, .directory, .scratch, .pin: 1
        case .protect: 2
        case .mask: 3
        }
    }

    /// Files that the environment names are granted with the names.
    private func environmentFiles(_ request: CellRequest) -> [CellRequest.Rule] {
        var rules: [CellRequest.Rule] = []
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            guard let path = request.environment[name], path.utf8.first == 0x2f else { continue }
            rules.append(CellRequest.Rule(.read, Paths.absolute(path, from: "/"), origin: name, builtin: true))
        }
        return rules
    }

    /// A writable folder is mapped from its own owner to the cell: what belongs to others in it cannot be written, and
    /// renaming or removing it is EOVERFLOW. Only the first level is looked at, and at most a thousand names of it.
    private func foreignOwners(_ view: View<Host>) -> [String] {
        var notes: [String] = []
        for case .bind(let source, let at, .write, true) in view.entries where source.status.kind == .directory {
            let others = files.list(source.path).prefix(1000).filter { name in
                files.status(source.path + "/" + name, followLinks: false).map { $0.owner != source.status.owner } == true
            }
            guard let first = others.first else { continue }
            let more = others.count > 1 ? " and \(others.count - 1) more" : ""
            notes.append(
                "`\(first)`\(more) in /\(at) belongs to another user than the folder: the cell can read it, but not write, rename or remove it (EACCES, EOVERFLOW)"
            )
        }
        return notes
    }

    /// Arguments that name what exists and what the cell does not see: those that a grant would show, and those that none would.
    private func unseenArguments(_ request: CellRequest, view: View<Host>) -> (ungranted: [String], hidden: [String]) {
        if request.command.count == 1 { return ([], []) }
        var ungranted: [String] = []
        var hiddenOnes: [String] = []
        for argument in request.command.dropFirst() {
            let text = argument.hasPrefix("-") ? argument.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? "" : argument
            guard !text.isEmpty, text.utf8.count < 4096, !text.contains("\0") else { continue }
            let path = Paths.absolute(text, from: request.directory)
            guard path != "/", let real = files.resolve(path), !view.shows(real), !Paths.contains("/dev", real), !Paths.contains("/proc", real),
                !["/tmp", request.environment["HOME"] ?? "/"].contains(real)
            else { continue }
            if hidden(path, request.rules) || hidden(real, request.rules) { hiddenOnes.append(text) } else { ungranted.append(text) }
        }
        return (ungranted, hiddenOnes)
    }

    // Environment and limits ----------------------------------------------------------------------------------------------

    private func cellEnvironment(_ request: CellRequest, _ runtime: Runtime, home: String, _ view: inout View<Host>) -> [String] {
        var values: [(name: String, value: String)] = []
        func set(_ name: String, _ value: String) {
            if let old = values.firstIndex(where: { $0.name == name }) { values.remove(at: old) }
            values.append((name, value))
        }
        set("PATH", searchPath(request, runtime, &view))
        set("HOME", home)
        set("USER", "cell")
        set("LOGNAME", "cell")
        set("LANG", "C.UTF-8")
        var passed: [String] = []
        for name in request.environment.keys where name.utf8.starts(with: "LC_".utf8) { passed.append(name) }
        passed.sort()
        passed += ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "TERM", "TZ"]
        for name in passed { if let value = request.environment[name] { set(name, value) } }
        for name in request.passes { if let value = request.environment[name] { set(name, value) } }
        for (name, value) in request.sets { set(name, value) }
        for (name, value) in request.secrets { set(name, value) }
        var lines: [String] = []
        lines.reserveCapacity(values.count)
        for (name, value) in values { lines.append(name + "=" + value) }
        return lines
    }

    /// The caller's PATH, as far as the cell sees it.
    private func searchPath(_ request: CellRequest, _ runtime: Runtime, _ view: inout View<Host>) -> String {
        var seen: [String] = []
        var path = ""
        func add(_ folder: String) {
            if seen.contains(folder) { return }
            seen.append(folder)
            path += path.isEmpty ? folder : ":" + folder
        }
        // A shim was resolved: what it stands for comes first, or the program would look for itself elsewhere.
        if runtime.resolvedShim {
            let own = Paths.parent(runtime.executable)
            if view.leads(to: own) != nil { add(own) }
        }
        var rest = (request.environment["PATH"] ?? "")[...]
        while !rest.isEmpty {
            let end = rest.utf8.firstIndex(of: 0x3a) ?? rest.endIndex
            let folder = String(rest[..<end])
            rest = end == rest.endIndex ? rest[end...] : rest[rest.utf8.index(after: end)...]
            if folder.utf8.first == 0x2f, view.leads(to: Paths.absolute(folder, from: "/")) != nil { add(folder) }
        }
        if path.isEmpty { path = "/usr/local/bin:/usr/bin:/bin" }
        for folder in request.ownPath { add(folder) }
        return path
    }

    /// Per process where the kernel counts no further; never above what this user may set.
    private func limits(_ request: CellRequest, _ groups: GroupPlan) -> [ResourceLimit] {
        let wanted = request.limits
        var list = [ResourceLimit("core", 4, 0), ResourceLimit("msgqueue", 12, 0), ResourceLimit("memlock", 8, 64 << 10)]
        func add(_ name: String, _ resource: UInt32, _ value: UInt64?, grace: UInt64 = 0) {
            guard let value else { return }
            let ceiling = facts.hardLimits[resource] ?? .max
            list.append(ResourceLimit(name, resource, min(value, ceiling), hard: min(value + grace, ceiling)))
        }
        // PID 1 of ours counts as well. A group counts refused forks, which tells a fork bomb: its bound comes first then.
        let margin: UInt64 = groups.holds(.pids) && wanted.processes != 1 ? 64 : 0
        add("nproc", 6, wanted.processes.map { $0 + 1 + margin })
        add("nofile", 7, wanted.openFiles)
        add("fsize", 1, wanted.fileSize)
        add("cpu", 0, wanted.cpuSeconds, grace: 1)  // SIGXCPU, then SIGKILL
        if !groups.holds(.memory) { add("data", 2, wanted.memory) }
        return list
    }

    private func clockOffsets() -> CellSpec.ClockOffsets? {
        facts.timeNamespace ? CellSpec.ClockOffsets(boottime: facts.boottimeSeconds, monotonic: facts.monotonicSeconds) : nil
    }

    /// Each grant and each protected path is a mount, and as root a descriptor that the parent prepares.
    private func refuseTooMany(_ entries: [CellSpec.Entry], placeholders: Int) throws(CellError) {
        let mounts =
            placeholders
            + entries.filter { entry in
                switch entry {
                case .bind, .protect: true
                default: false
                }
            }.count
        if mounts > Slot.treeLimit { throw .badValue("the view has \(mounts) granted and protected paths, and \(Slot.treeLimit) are the most") }
    }

    // Refusals ----------------------------------------------------------------------------------------------------------

    private func refuseDownloads(_ request: CellRequest) throws(CellError) {
        guard request.network == .none || request.network == .loopback else { return }
        let name = Paths.name(request.command[0])
        if ["uvx", "npx", "bunx"].contains(name) || (name == "pipx" && request.command.dropFirst().first == "run") { throw .downloads(name) }
    }
}
