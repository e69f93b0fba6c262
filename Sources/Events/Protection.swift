// SPDX-License-Identifier: Apache-2.0
//
// The walls of a cell by name, and how each of them stands. What is enforced is a value that is returned and shown, never only a log line.
// How a wall is built and proved is not known here.

/// A wall or limit of a cell.
public enum Protection: String, Sendable, Hashable, CaseIterable {
    case user, mount, pid, net, ipc, uts
    case pivotRoot = "pivot_root"
    case proc, seccomp, capabilities
    case noNewPrivs = "no_new_privs"
    case descriptors, environment
    case landlock
    case cgroupNamespace = "cgroup_namespace"
    case timeNamespace = "time_namespace"
    case cgroupLimits = "cgroup_limits"
    case keyring, groups

    /// A first wall is `on`, or waived by name, or the launch is refused. The others, second walls, go as far as the kernel does and are required
    /// whole only under `require: all`.
    public var isFirst: Bool {
        switch self {
        case .landlock, .cgroupNamespace, .timeNamespace, .cgroupLimits, .keyring, .groups: false
        default: true
        }
    }

    /// Whether a profile or `--waive` may give this wall up.
    public var isWaivable: Bool {
        switch self {
        case .user, .net, .proc, .ipc, .uts: true
        default: false
        }
    }
}

/// How a protection stands in one cell.
public enum ProtectionStatus: Sendable, Hashable {
    case on
    /// What the kernel or the surroundings lack, in words: `TCP ports (Landlock ABI 4)`.
    case partial(missing: [String])
    case absent(missing: [String])
    /// Given up by name.
    case waived

    /// `on`, `partial`, `absent` or `waived`.
    public var word: String {
        switch self {
        case .on: "on"
        case .partial: "partial"
        case .absent: "absent"
        case .waived: "waived"
        }
    }

    /// Empty unless `partial` or `absent`.
    public var missing: [String] {
        switch self {
        case .partial(let missing), .absent(let missing): missing
        case .on, .waived: []
        }
    }
}
