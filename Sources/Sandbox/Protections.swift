// SPDX-License-Identifier: Apache-2.0
// The status of each wall, as a value: what the plan will build on this machine, and what the child reported.
// First walls are on, or waived by name, or the launch is refused; second walls go as far as the kernel does.

package import Events
import Linux

package enum Protections {
    /// Before the launch.
    package static func planned(_ spec: CellSpec, _ facts: HostFacts) -> [Protection: ProtectionStatus] {
        var status: [Protection: ProtectionStatus] = [:]
        for wall in Protection.allCases where wall.isFirst { status[wall] = .on }
        for waiver in spec.waived { if let wall = Protection(rawValue: waiver.rawValue) { status[wall] = .waived } }
        if spec.network == .host { status[.net] = .waived }
        status[.landlock] = landlock(facts.landlockABI)
        status[.cgroupNamespace] = .on
        let lacking = facts.namespaces["time"] == nil ? "time namespaces (Linux 5.6)" : "time namespaces beside vfork (Linux 6.3)"
        status[.timeNamespace] = facts.timeNamespace ? .on : .absent(missing: [lacking])
        status[.cgroupLimits] = groupLimits(spec.groups)
        status[.keyring] = .on
        if !spec.filter.notify { status[.seccomp] = .on }
        status[.groups] =
            spec.identity.isDedicated || facts.supplementaryGroups <= 1
            ? .on : .partial(missing: ["\(facts.supplementaryGroups) supplementary groups of the caller are kept"])
        return status
    }

    /// `on` where the kernel holds every limit that was asked for, over the whole tree.
    static func groupLimits(_ groups: GroupPlan) -> ProtectionStatus {
        if groups.missing.isEmpty { return .on }
        return groups.isEmpty ? .absent(missing: groups.missing) : .partial(missing: groups.missing)
    }

    /// What each Landlock ABI below the newest one that we use lacks.
    static func landlock(_ abi: Int) -> ProtectionStatus {
        if abi == 0 { return .absent(missing: ["Landlock (Linux 5.13)"]) }
        let steps: [(Int, String)] = [
            (2, "renames across folders (ABI 2)"), (3, "truncate (ABI 3)"), (4, "TCP ports (ABI 4)"), (5, "ioctl on devices (ABI 5)"),
            (6, "abstract sockets and signals (ABI 6)"),
        ]
        let missing = steps.filter { abi < $0.0 }.map(\.1)
        return missing.isEmpty ? .on : .partial(missing: missing)
    }

    /// Optional steps that failed in the child take their walls down a step.
    package static func after(_ planned: [Protection: ProtectionStatus], soft: [Report.SoftFailure], plan: LaunchPlan) -> [Protection: ProtectionStatus] {
        var status = planned
        for failure in soft where plan.steps.indices.contains(failure.step) {
            let reason = "\(errnoText(failure.code)) (\(errnoName(failure.code)))"
            switch plan.steps[failure.step].operation {
            case .joinKeyring: status[.keyring] = .partial(missing: ["no new session keyring: \(reason); the filter refuses key calls"])
            case .unshare(.time): status[.timeNamespace] = .absent(missing: [reason])
            case .write(_, let path, _) where path.hasSuffix("timens_offsets"): status[.timeNamespace] = .partial(missing: ["clock offsets: \(reason)"])
            case .unshare(.cgroup): status[.cgroupNamespace] = .absent(missing: [reason])
            default: break
            }
        }
        return status
    }

    /// Second walls that are not whole, and the syscall wall where calls go on that are not granted.
    package static func incomplete(_ status: [Protection: ProtectionStatus]) -> [Protection] {
        status.filter { $0.key.isFirst ? !$0.value.missing.isEmpty : $0.value != .on }.map(\.key).sorted { $0.rawValue < $1.rawValue }
    }
}
