// SPDX-License-Identifier: Apache-2.0
//
// The forbidden groups (T0): never learnable, granted only by name under `unsafe:` in a profile, and shown in the status then.
// Two of them (clone3, io_uring) are answered with a plain errno, as runtimes probe them and fall back: nothing is recorded.

/// A group of syscalls that only `unsafe:` grants.
public enum Forbidden: UInt8, Hashable, Sendable, CaseIterable {
    case kernelImage, ioUring, kernelPrograms, keyrings, namespaces, clone3, ptrace, handles, host, memory, personality
    case terminalInjection, sockets

    /// The spelling in profiles and messages.
    public var name: String {
        switch self {
        case .kernelImage: "kernel-image"
        case .ioUring: "io-uring"
        case .kernelPrograms: "kernel-programs"
        case .keyrings: "keyrings"
        case .namespaces: "namespaces"
        case .clone3: "clone3"
        case .ptrace: "ptrace"
        case .handles: "handles"
        case .host: "host"
        case .memory: "memory"
        case .personality: "personality"
        case .terminalInjection: "terminal-injection"
        case .sockets: "sockets"
        }
    }

    /// The group of that spelling.
    public init?(named name: some StringProtocol) {
        guard let group = Forbidden.allCases.first(where: { $0.name == name }) else { return nil }
        self = group
    }

    /// What would be opened; for messages, documentation and the status.
    public var reason: String {
        switch self {
        case .kernelImage: "load modules or another kernel, reboot, swap, reach I/O ports, or use calls that only old attacks use"
        case .ioUring: "submit work to the kernel past the filter, which never sees the calls inside the ring"
        case .kernelPrograms: "run programs inside the kernel, watch it or handle its page faults: bpf, perf, userfaultfd, fanotify"
        case .keyrings: "reach kernel keyrings, which are not separated by namespaces"
        case .namespaces: "make or enter namespaces and change mounts, where most of the kernel's privileged code is reached"
        case .clone3: "clone3, whose flags are behind a pointer: a filter cannot tell a thread from a namespace"
        case .ptrace: "read, steer or borrow descriptors from other processes of the cell"
        case .handles: "open files by handle, past every path rule; quotas"
        case .host: "set clock and names of the host, read the kernel's log, change security labels"
        case .memory: "memory that is hidden from the kernel's own view, segment tables, and placement on nodes"
        case .personality: "switch off address randomisation"
        case .terminalInjection: "type into the terminal: TIOCSTI and TIOCLINUX"
        case .sockets: "open sockets of any address family, each of which is kernel code of its own"
        }
    }
}

/// A set of forbidden groups.
public typealias ForbiddenGroups = SmallSet<Forbidden>
