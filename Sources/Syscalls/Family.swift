// SPDX-License-Identifier: Apache-2.0
//
// The learnable families (T2): what a profile grants under `syscalls: allow:`. A family is a sentence that a person can
// judge, not a list of numbers; which syscalls belong to it stands in Standing.swift and ArgumentRules.swift.

/// A family of syscalls that a profile may grant.
public enum Family: UInt8, Hashable, Sendable, CaseIterable {
    case exec, spawn, fsMutate, netClient, netServer, unixSocket, netlinkRoute, jit, memfd, sysvIPC, mqueue, aio, inotify
    case sched, mlock, splice, sync

    /// The spelling in profiles and messages.
    public var name: String {
        switch self {
        case .exec: "exec"
        case .spawn: "spawn"
        case .fsMutate: "fs-mutate"
        case .netClient: "net-client"
        case .netServer: "net-server"
        case .unixSocket: "unix-socket"
        case .netlinkRoute: "netlink-route"
        case .jit: "jit"
        case .memfd: "memfd"
        case .sysvIPC: "sysv-ipc"
        case .mqueue: "mqueue"
        case .aio: "aio"
        case .inotify: "inotify"
        case .sched: "sched"
        case .mlock: "mlock"
        case .splice: "splice"
        case .sync: "sync"
        }
    }

    /// The family of that spelling.
    public init?(named name: some StringProtocol) {
        guard let family = Family.allCases.first(where: { $0.name == name }) else { return nil }
        self = family
    }

    /// Why somebody would want it, and what it opens; for messages and documentation.
    public var reason: String {
        switch self {
        case .exec: "start other programs; the launched command itself is admitted without it"
        case .spawn: "make processes and signal them by pidfd; threads need no grant"
        case .fsMutate:
            "create, rename, remove, truncate and relabel files where the mounts allow writing; flock, which can stall "
                + "other readers of a file"
        case .netClient: "connect INET sockets, and bind them as UDP clients do; the network mode decides what they reach"
        case .netServer: "listen and accept on INET sockets"
        case .unixSocket: "open, connect and serve unix sockets, by which other programs' services are reached"
        case .netlinkRoute: "read interfaces and routes through NETLINK_ROUTE, as getifaddrs and ip do"
        case .jit:
            "memory that is writable and executable, or becomes executable later: just-in-time compilers; withheld only under "
                + "paranoid"
        case .memfd: "files without a name, which can also carry a program past path rules"
        case .sysvIPC: "System V shared memory, semaphores and messages, inside the cell's own ipc namespace"
        case .mqueue: "POSIX message queues, inside the cell's own ipc namespace"
        case .aio: "the old asynchronous I/O interface of databases"
        case .inotify: "watch files for changes: build tools, editors and development servers"
        case .sched: "choose scheduling class and I/O priority"
        case .mlock: "keep memory from being swapped, within RLIMIT_MEMLOCK"
        case .splice: "move data between pipes and files inside the kernel"
        case .sync: "flush whole file systems, which every program of the host waits for"
        }
    }
}

/// A set of families.
public typealias Families = SmallSet<Family>
