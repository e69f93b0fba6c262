// SPDX-License-Identifier: Apache-2.0
// What doctor has seen of a machine, as a value: a test makes any machine it likes. Most is read from /proc; whether a cell
// can be built is tried in a throw-away child, since only the attempt tells. What it means is Doctor.swift's.

import CLinux
package import Linux

package struct DoctorFacts: Equatable, Sendable {
    /// A step that building a cell needs, tried: 0, a positive errno, or nil where it was not reached.
    package enum Trial: UInt32, CaseIterable, Sendable {
        case map, makePrivate, tmpfs, attach, proc, pivot, network, time, keyring, hostname, landlock, filter, listener
    }

    package var kernel: String
    package var machine: String
    package var user: UInt32
    package var supplementaryGroups: Int
    package var userMap: [Identity.MapRange]
    package var groupMap: [Identity.MapRange]
    /// Whether clone3 works at all: 0 or errno.
    package var clone3: Int32
    /// Each namespace of a clone, together with a user namespace: 0 or errno. Names as under /proc/self/ns.
    package var namespaces: [String: Int32]
    /// All of them in one clone: 0 or errno.
    package var together: Int32
    package var trials: [Trial: Int32]
    package var landlockABI: Int
    /// Of this process, from /proc/self/status: 0 none, 2 a filter is on it.
    package var seccompMode: Int
    package var seccompFilters: Int
    /// Contents of sysctl files by path below /proc/sys; absent ones are left out.
    package var sysctls: [String: String]
    /// Mount points below /proc, as something around us put them there.
    package var procMasks: [String]
    /// What says that this is a container, in words.
    package var containerSigns: [String]
    /// The security label of this process, such as `docker-default (enforce)`; nil for none.
    package var label: String?
    package var groups: Groups

    package enum Groups: Equatable, Sendable {
        case none
        /// Our own group, and whether we may make groups in it.
        case v2(path: String, delegated: Bool)
        case hybrid(controllers: [String], writable: Bool)
        case v1(controllers: [String], writable: Bool)
    }

    package init(
        kernel: String, machine: String = "x86_64", user: UInt32, supplementaryGroups: Int = 0, userMap: [Identity.MapRange], groupMap: [Identity.MapRange],
        clone3: Int32 = 0, namespaces: [String: Int32] = [:], together: Int32 = 0, trials: [Trial: Int32] = [:], landlockABI: Int = 7,
        seccompMode: Int = 0, seccompFilters: Int = 0, sysctls: [String: String] = [:], procMasks: [String] = [], containerSigns: [String] = [],
        label: String? = nil, groups: Groups = .none
    ) {
        self.kernel = kernel
        self.machine = machine
        self.user = user
        self.supplementaryGroups = supplementaryGroups
        self.userMap = userMap
        self.groupMap = groupMap
        self.clone3 = clone3
        self.namespaces = namespaces
        self.together = together
        self.trials = trials
        self.landlockABI = landlockABI
        self.seccompMode = seccompMode
        self.seccompFilters = seccompFilters
        self.sysctls = sysctls
        self.procMasks = procMasks
        self.containerSigns = containerSigns
        self.label = label
        self.groups = groups
    }
}

extension DoctorFacts {
    static let sysctlNames = [
        "user/max_user_namespaces", "user/max_mnt_namespaces", "user/max_pid_namespaces", "user/max_net_namespaces", "kernel/unprivileged_userns_clone",
        "kernel/apparmor_restrict_unprivileged_userns", "kernel/seccomp/actions_avail",
    ]

    /// Asks the running machine. Takes some milliseconds: it makes a dozen short-lived processes.
    /// - Throws: what keeps it from being judged at all, such as a /proc that is none.
    package static func gather() throws(SystemError) -> DoctorFacts {
        let proc = try Host.openProc()
        let status = fields(try Files.text("self/status", under: proc.number))
        var facts = DoctorFacts(
            kernel: try Host.kernelRelease(), user: Identity.user, supplementaryGroups: Identity.supplementaryGroups,
            userMap: Identity.parseMap(try Files.text("self/uid_map", under: proc.number)),
            groupMap: Identity.parseMap(try Files.text("self/gid_map", under: proc.number)))
        facts.landlockABI = Landlock.abi()
        facts.seccompMode = status["Seccomp"].flatMap { Int($0) } ?? 0
        facts.seccompFilters = status["Seccomp_filters"].flatMap { Int($0) } ?? 0
        for name in sysctlNames {
            if let text = try? Files.text("sys/" + name, under: proc.number) { facts.sysctls[name] = String(text.prefix { $0 != "\n" }) }
        }
        let mounts = MountLine.parse((try? Files.text("self/mountinfo", limit: 4 << 20, under: proc.number)) ?? "")
        facts.procMasks = Set(mounts.map(\.point).filter { $0.hasPrefix("/proc/") && $0 != "/proc/sys/fs/binfmt_misc" }).sorted()
        let own = (try? Files.text("self/cgroup", under: proc.number)) ?? ""
        facts.containerSigns = containerSigns(own)
        facts.label = label(proc.number)
        facts.groups = groups(own, mounts)
        facts.probe()
        return facts
    }

    private mutating func probe() {
        clone3 = Int32(-cl_probe_clone(0))
        let base = Namespaces.user
        namespaces["user"] = Int32(-cl_probe_clone(base.rawValue))
        for (namespace, name) in Namespaces.names where namespace != .user && namespace != .time {
            namespaces[name] = Int32(-cl_probe_clone(base.union(namespace).rawValue))
        }
        let all: Namespaces = [.user, .mount, .pid, .ipc, .uts, .cgroup]
        var results = [Int32](repeating: 1, count: Trial.allCases.count)
        together = unsafe results.withUnsafeMutableBufferPointer { unsafe Int32(-cl_probe_cell(all.rawValue, Identity.user, Identity.group, $0.baseAddress!)) }
        for trial in Trial.allCases where results[Int(trial.rawValue)] <= 0 { trials[trial] = -results[Int(trial.rawValue)] }
    }

    /// `Name:\tvalue` lines.
    private static func fields(_ text: String) -> [String: String] {
        var list: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            list[String(line[..<colon])] = String(line[line.index(after: colon)...].drop { $0 == "\t" || $0 == " " })
        }
        return list
    }

    private static func containerSigns(_ ownGroups: String) -> [String] {
        var signs: [String] = []
        for file in ["/.dockerenv", "/run/.containerenv"] where Files.exists(file) { signs.append("`\(file)` exists") }
        if let kind = Host.environment()["container"] { signs.append("the variable `container` is \(kind)") }
        if let word = ["docker", "kubepods", "libpod", "containerd", "lxc"].first(where: { ownGroups.contains($0) }) {
            signs.append("our control group is named after \(word)")
        }
        return signs
    }

    private static func label(_ proc: Int32) -> String? {
        guard let text = try? Files.text("self/attr/current", under: proc) else { return nil }
        let label = String(text.prefix { $0 != "\n" && $0 != "\0" })
        return label.isEmpty || label == "unconfined" ? nil : label
    }

    private static func groups(_ own: String, _ mounts: [MountLine]) -> Groups {
        let lines = own.split(separator: "\n").map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init) }.filter {
            $0.count == 3
        }
        let old = mounts.filter { $0.type == "cgroup" }
        let controllers = Set(
            lines.filter { $0[0] != "0" && !$0[1].isEmpty && !$0[1].hasPrefix("name=") }.flatMap { $0[1].split(separator: ",").map(String.init) })
        let new = mounts.first { $0.type == "cgroup2" }
        let writable = old.contains { mount in
            guard let line = lines.first(where: { line in line[1].split(separator: ",").contains { mount.options.contains(String($0)) } }) else { return false }
            return Files.allows(mount.point + line[2], 2 /* W_OK */)
        }
        if !controllers.isEmpty, !old.isEmpty {
            let names = controllers.sorted()
            return new == nil ? .v1(controllers: names, writable: writable) : .hybrid(controllers: names, writable: writable)
        }
        guard let new, let line = lines.first(where: { $0[0] == "0" }) else { return .none }
        let path = line[2] == "/" ? new.point : new.point + line[2]
        // As a launch finds it.
        let found = GroupFacts(own: own)
        return .v2(path: found.unified ?? path, delegated: found.unified != nil)
    }
}

/// One line of /proc/self/mountinfo, as far as doctor reads it. Kernel: proc(5).
struct MountLine: Equatable {
    let point: String
    let type: String
    /// Of the super block.
    let options: [String]

    static func parse(_ text: String) -> [MountLine] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count > dash + 3 else { return nil }
            return MountLine(point: words[4], type: words[dash + 1], options: words[dash + 3].split(separator: ",").map(String.init))
        }
    }
}
