// SPDX-License-Identifier: Apache-2.0
// What a machine's facts mean for cells: one line for each thing that a cell needs, how it stands, and the exact remedy.
// Pure: the same facts give the same lines. Nothing is changed or started here.

import Events
import Linux

package enum Doctor {
    package enum Status: String, Sendable { case on, partial, absent, blocked }

    package struct Line: Equatable, Sendable {
        package let name: String
        package let status: Status
        package let detail: String
        package let remedy: String?
        /// A first wall, or what every launch needs: `blocked` here means that nothing can be launched.
        package let first: Bool

        package init(name: String, status: Status, detail: String, remedy: String?, first: Bool) {
            self.name = name
            self.status = status
            self.detail = detail
            self.remedy = remedy
            self.first = first
        }
    }

    /// Everything at once, in the order in which a launch meets it.
    package static func lines(_ facts: DoctorFacts) -> [Line] {
        var lines = [kernel(facts), container(facts), clone(facts), userNamespace(facts)]
        for name in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] { lines.append(namespace(name, facts)) }
        lines += [time(facts), identity(facts), mounting(facts), proc(facts), seccomp(facts), explanations(facts), endpoints(facts), landlock(facts)]
        lines += [keyring(facts), supplementary(facts), groups(facts)]
        return lines
    }

    /// Whether a cell with all first walls can be had.
    package static func works(_ lines: [Line]) -> Bool { !lines.contains { $0.first && $0.status == .blocked } }

    private static let EPERM: Int32 = 1, EACCES: Int32 = 13, EBUSY: Int32 = 16, EINVAL: Int32 = 22, ENOSPC: Int32 = 28, ENOSYS: Int32 = 38, EUSERS: Int32 = 87

    private static func said(_ code: Int32) -> String { "\(errnoText(code)) (\(errnoName(code)))" }

    // The ground ------------------------------------------------------------------------------------------------------

    private static func version(_ facts: DoctorFacts) -> (Int, Int) {
        let parts = facts.kernel.split(separator: ".").prefix(2).map { Int($0.prefix { $0.isNumber }) ?? 0 }
        return parts.count == 2 ? (parts[0], parts[1]) : (0, 0)
    }

    private static func kernel(_ facts: DoctorFacts) -> Line {
        let version = version(facts)
        // mount_setattr and openat2 with what the plan asks of them.
        if version < (5, 12) {
            return Line(name: "kernel", status: .blocked, detail: "Linux \(facts.kernel)", remedy: "a kernel of 5.12 or newer is needed", first: true)
        }
        let old = version < (5, 19) ? "; calls waiting for an answer can be restarted by signals (5.19 ends that)" : ""
        return Line(name: "kernel", status: old.isEmpty ? .on : .partial, detail: "Linux \(facts.kernel) \(facts.machine)\(old)", remedy: nil, first: true)
    }

    private static func container(_ facts: DoctorFacts) -> Line {
        var signs = facts.containerSigns
        if facts.userMap.count == 1, facts.userMap[0] != Identity.MapRange(inside: 0, outside: 0, count: .max) { signs.append("a user namespace is around us") }
        if facts.seccompMode == 2 { signs.append("\(max(1, facts.seccompFilters)) syscall filter\(facts.seccompFilters > 1 ? "s are" : " is") on us") }
        if let label = facts.label { signs.append("our label is \(label)") }
        if !facts.procMasks.isEmpty { signs.append("\(facts.procMasks.count) place\(facts.procMasks.count == 1 ? "" : "s") of /proc are covered") }
        return Line(
            name: "surroundings", status: signs.isEmpty ? .on : .partial, detail: signs.isEmpty ? "no container is to be seen" : signs.joined(separator: "; "),
            remedy: nil, first: false)
    }

    private static func clone(_ facts: DoctorFacts) -> Line {
        if facts.clone3 == 0 { return Line(name: "clone3", status: .on, detail: "works", remedy: nil, first: true) }
        return Line(
            name: "clone3", status: .blocked, detail: said(facts.clone3),
            remedy: facts.seccompMode == 2 ? containerFilter : "the kernel lacks clone3, or something around us refuses it", first: true)
    }

    private static let containerFilter =
        "the filter around us refuses it: in Docker or Podman add --security-opt seccomp=unconfined; in Kubernetes seccompProfile: {type: Unconfined}"

    // Namespaces ------------------------------------------------------------------------------------------------------

    private static func userNamespace(_ facts: DoctorFacts) -> Line {
        let code = facts.namespaces["user"] ?? 0
        guard code != 0 else {
            if let map = facts.trials[.map], map != 0 {
                return Line(
                    name: "user namespace", status: .blocked, detail: "can be made, but its id maps cannot be written: \(said(map))",
                    remedy: userRemedy(map, facts), first: true)
            }
            // Ubuntu lets it be made and takes the capabilities away inside.
            if restricted(facts), facts.user != 0, facts.trials[.makePrivate] == EACCES || facts.trials[.makePrivate] == EPERM {
                return Line(
                    name: "user namespace", status: .blocked, detail: "can be made, but AppArmor leaves it without rights", remedy: appArmor, first: true)
            }
            return Line(name: "user namespace", status: .on, detail: "can be made", remedy: nil, first: true)
        }
        return Line(name: "user namespace", status: .blocked, detail: said(code), remedy: userRemedy(code, facts), first: true)
    }

    private static func restricted(_ facts: DoctorFacts) -> Bool { facts.sysctls["kernel/apparmor_restrict_unprivileged_userns"] == "1" }

    private static let appArmor =
        "as root write /etc/apparmor.d/fumehood: `abi <abi/4.0>, profile fumehood /**/fumehood flags=(unconfined) { userns, }`, then apparmor_parser -r /etc/apparmor.d/fumehood; or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"

    private static func userRemedy(_ code: Int32, _ facts: DoctorFacts) -> String {
        if facts.sysctls["kernel/unprivileged_userns_clone"] == "0" && facts.user != 0 { return "as root: sysctl -w kernel.unprivileged_userns_clone=1" }
        if facts.sysctls["user/max_user_namespaces"] == "0" || code == ENOSPC {
            return
                "user.max_user_namespaces is \(facts.sysctls["user/max_user_namespaces"] ?? "used up"): as root, outside any container: sysctl -w user.max_user_namespaces=15000; inside a cell of Fumehood it stays 0"
        }
        if code == EUSERS { return "user namespaces are nested 32 deep here" }
        if restricted(facts) && facts.user != 0 { return appArmor }
        if facts.seccompMode == 2 { return containerFilter }
        return code == EINVAL
            ? "this kernel was built without user namespaces (CONFIG_USER_NS)" : "something around us refuses it: a container's filter, or a security module"
    }

    private static func namespace(_ name: String, _ facts: DoctorFacts) -> Line {
        let word = (name == "mnt" ? "mount" : name) + " namespace"
        let first = name != "cgroup"
        let code = facts.namespaces[name] ?? 0
        if code == 0 {
            // Networks are made by unshare at a launch.
            if name == "net", let own = facts.trials[.network], own != 0 {
                return Line(
                    name: word, status: .blocked, detail: "unshare: \(said(own))", remedy: facts.seccompMode == 2 ? containerFilter : limitRemedy("net", facts),
                    first: true)
            }
            return Line(name: word, status: .on, detail: "can be made", remedy: nil, first: first)
        }
        let below = facts.namespaces["user"] == code
        let remedy = below ? "see user namespace" : code == EINVAL ? "this kernel was built without it" : limitRemedy(name, facts)
        return Line(name: word, status: first ? .blocked : .absent, detail: said(code), remedy: remedy, first: first)
    }

    private static func limitRemedy(_ name: String, _ facts: DoctorFacts) -> String {
        if let limit = facts.sysctls["user/max_\(name)_namespaces"], limit == "0" { return "as root: sysctl -w user.max_\(name)_namespaces=15000" }
        return facts.seccompMode == 2 ? containerFilter : "something around us refuses it: a container's filter, or a security module"
    }

    private static func time(_ facts: DoctorFacts) -> Line {
        guard let code = facts.trials[.time] else { return unreached("time namespace", facts) }
        if code == 0 && version(facts) < (6, 3) {
            return Line(
                name: "time namespace", status: .absent,
                detail: "this kernel has them, but not for a process that shares memory until it executes, as ours does",
                remedy: "a kernel of 6.3 or newer allows it", first: false)
        }
        return code == 0
            ? Line(name: "time namespace", status: .on, detail: "can be made", remedy: nil, first: false)
            : Line(name: "time namespace", status: .absent, detail: said(code), remedy: code == EINVAL ? "a kernel of 5.6 or newer has it" : nil, first: false)
    }

    private static func unreached(_ name: String, _ facts: DoctorFacts, first: Bool = false) -> Line {
        Line(
            name: name, status: first ? .blocked : .absent, detail: "cannot be tried without namespaces", remedy: facts.together == 0 ? nil : "see above",
            first: first)
    }

    // Identity and files ------------------------------------------------------------------------------------------------

    private static func identity(_ facts: DoctorFacts) -> Line {
        let groups = facts.user == 0
        guard groups else {
            return Line(name: "ids", status: .on, detail: "cells run as you, uid \(facts.user), seen as 1000 inside", remedy: nil, first: false)
        }
        let known = facts.userMap.map { UInt64($0.count) }.reduce(0, +)
        let range = HostFacts.cellUsers
        let dedicated = facts.userMap.contains { $0.inside <= range.lowerBound && UInt64($0.inside) + UInt64($0.count) >= UInt64(range.upperBound) }
        if dedicated {
            return Line(name: "ids", status: .on, detail: "as root each cell gets an id of its own, from \(range.lowerBound)", remedy: nil, first: false)
        }
        if known > 1 {
            return Line(
                name: "ids", status: .partial, detail: "\(known) ids are mapped here: cells share the highest of them",
                remedy: "map more ids into this container, such as by a larger /etc/subuid range", first: false)
        }
        return Line(
            name: "ids", status: .partial, detail: "one id is mapped here: cells run as the caller",
            remedy: "map more ids into this container, such as by /etc/subuid", first: false)
    }

    private static func mounting(_ facts: DoctorFacts) -> Line {
        for (trial, what) in [
            (DoctorFacts.Trial.makePrivate, "making mounts private"), (.tmpfs, "a tmpfs by fsopen"), (.attach, "move_mount"), (.pivot, "pivot_root"),
        ] {
            guard let code = facts.trials[trial] else { return unreached("mounts", facts, first: true) }
            if code != 0 {
                let remedy =
                    facts.seccompMode == 2
                    ? containerFilter
                    : restricted(facts) && facts.user != 0
                        ? appArmor
                        : facts.label != nil
                            ? "the label \(facts.label!) forbids it: in Docker add --security-opt apparmor=unconfined" : "something around us refuses it"
                return Line(name: "mounts", status: .blocked, detail: "\(what): \(said(code))", remedy: remedy, first: true)
            }
        }
        return Line(name: "mounts", status: .on, detail: "a root of its own can be built and entered", remedy: nil, first: true)
    }

    private static func proc(_ facts: DoctorFacts) -> Line {
        guard let code = facts.trials[.proc] else { return unreached("fresh /proc", facts, first: true) }
        if code == 0 { return Line(name: "fresh /proc", status: .on, detail: "can be mounted", remedy: nil, first: true) }
        let masked =
            facts.procMasks.isEmpty ? "" : "; covered: " + facts.procMasks.prefix(4).joined(separator: ", ") + (facts.procMasks.count > 4 ? ", ..." : "")
        return Line(
            name: "fresh /proc", status: .blocked, detail: said(code) + masked,
            remedy: "in Docker or Podman add --security-opt systempaths=unconfined; in Kubernetes procMount: Unmasked; or go without it: --waive proc",
            first: true)
    }

    // Second walls and the filter ---------------------------------------------------------------------------------------

    private static func seccomp(_ facts: DoctorFacts) -> Line {
        guard let code = facts.trials[.filter] else { return unreached("syscall filter", facts, first: true) }
        return code == 0
            ? Line(name: "syscall filter", status: .on, detail: "can be set", remedy: nil, first: true)
            : Line(
                name: "syscall filter", status: .blocked, detail: said(code),
                remedy: code == EINVAL ? "this kernel was built without CONFIG_SECCOMP_FILTER" : containerFilter, first: true)
    }

    private static func explanations(_ facts: DoctorFacts) -> Line {
        let name = "explained denials"
        guard let code = facts.trials[.listener] else { return unreached(name, facts) }
        switch code {
        case 0: return Line(name: name, status: .on, detail: "by seccomp user notification", remedy: nil, first: false)
        case EBUSY:
            return Line(
                name: name, status: .partial,
                detail: "nested: a program around us listens already, and a process tree has one listener; calls are refused all the same, unexplained",
                remedy: nil, first: false)
        default: return Line(name: name, status: .absent, detail: said(code), remedy: code == EINVAL ? "a kernel of 5.0 or newer has it" : nil, first: false)
        }
    }

    /// What `--net HOST:PORT` stands on.
    private static func endpoints(_ facts: DoctorFacts) -> Line {
        let name = "named endpoints"
        guard let code = facts.trials[.listener] else { return unreached(name, facts) }
        let off = "--net HOST:PORT is refused; none, loopback and host work"
        if code == EBUSY {
            return Line(name: name, status: .absent, detail: "nested: a program around us answers system calls; \(off)", remedy: nil, first: false)
        }
        if code != 0 { return Line(name: name, status: .absent, detail: "\(said(code)); \(off)", remedy: nil, first: false) }
        if version(facts) < (5, 14) {
            return Line(name: name, status: .absent, detail: off, remedy: "a kernel of 5.14 or newer tells one network's sockets from another's", first: false)
        }
        return Line(name: name, status: .on, detail: "--net HOST:PORT connects by seccomp user notification", remedy: nil, first: false)
    }

    private static func landlock(_ facts: DoctorFacts) -> Line {
        if facts.landlockABI > 0, let code = facts.trials[.landlock], code != 0 {
            return Line(name: "landlock", status: .absent, detail: "ABI \(facts.landlockABI), but it cannot be used: \(said(code))", remedy: nil, first: false)
        }
        switch Protections.landlock(facts.landlockABI) {
        case .on: return Line(name: "landlock", status: .on, detail: "ABI \(facts.landlockABI)", remedy: nil, first: false)
        case .partial(let missing):
            return Line(
                name: "landlock", status: .partial, detail: "ABI \(facts.landlockABI) without \(missing.joined(separator: ", "))",
                remedy: "a newer kernel has more of it", first: false)
        case .absent, .waived:
            return Line(
                name: "landlock", status: .absent, detail: "not in this kernel, or not switched on",
                remedy: "boot with lsm=landlock,... on a kernel of 5.13 or newer", first: false)
        }
    }

    private static func keyring(_ facts: DoctorFacts) -> Line {
        guard let code = facts.trials[.keyring] else { return unreached("keyring", facts) }
        return code == 0
            ? Line(name: "keyring", status: .on, detail: "each cell joins a new one", remedy: nil, first: false)
            : Line(
                name: "keyring", status: .partial, detail: "no new session keyring: \(said(code)); cells are refused key calls anyway", remedy: nil,
                first: false)
    }

    private static func supplementary(_ facts: DoctorFacts) -> Line {
        if facts.user == 0 || facts.supplementaryGroups <= 1 { return Line(name: "groups", status: .on, detail: "none is kept", remedy: nil, first: false) }
        return Line(
            name: "groups", status: .partial,
            detail: "your \(facts.supplementaryGroups) supplementary groups stay on the cell: the kernel lets only root drop them",
            remedy: "start it by: setpriv --clear-groups (as root), or as a user without them", first: false)
    }

    private static func groups(_ facts: DoctorFacts) -> Line {
        func line(_ status: Status, _ detail: String, _ remedy: String? = nil) -> Line {
            Line(name: "cgroup limits", status: status, detail: detail, remedy: remedy, first: false)
        }
        let otherwise = "; memory and processes of a cell are held by rlimits and by the supervisor, which sums them up; shares of the processor are not"
        func old(_ kind: String, _ controllers: [String], _ writable: Bool) -> Line {
            if !writable { return line(.absent, "\(kind) that is not writable for you" + otherwise) }
            let lacking = ["memory", "pids", "cpu"].filter { !controllers.contains($0) }
            return lacking.isEmpty
                ? line(.on, "\(kind), \(controllers.joined(separator: ","))") : line(.partial, "\(kind) without \(lacking.joined(separator: ", "))" + otherwise)
        }
        switch facts.groups {
        case .none: return line(.absent, "no control groups are mounted" + otherwise)
        case .v2(let path, true): return line(.on, "v2, delegated to us at \(path)")
        case .v2(_, false):
            return line(
                .absent, "v2, not delegated to us" + otherwise, facts.user == 0 ? nil : "start it by: systemd-run --user --scope -p Delegate=yes fumehood ...")
        case .hybrid(let controllers, let writable): return old("v1 controllers beside a v2 tree", controllers, writable)
        case .v1(let controllers, let writable): return old("v1", controllers, writable)
        }
    }
}
