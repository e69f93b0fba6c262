// SPDX-License-Identifier: Apache-2.0
// What this kernel and this user can do, as a value: a test makes any machine it likes. Gathered once per process, by the
// cheapest questions that answer; what costs more (can a user namespace be made?) is asked by the launch itself, or doctor.

package import Linux

package struct HostFacts: Equatable, Sendable {
    package var user: UInt32
    package var group: UInt32
    package var supplementaryGroups: Int
    /// Major and minor version.
    package var kernel: Version
    package var landlockABI: Int
    /// The ids that this user namespace knows; one range of everything on a plain host.
    package var userMap: [Identity.MapRange]
    package var groupMap: [Identity.MapRange]
    /// Inodes of our own namespaces by name.
    package var namespaces: [String: UInt64]
    /// The hard rlimits that cannot be exceeded, by resource.
    package var hardLimits: [UInt32: UInt64]
    package var boottimeSeconds: Int
    package var monotonicSeconds: Int
    /// A number that no other live process of ours has.
    package var process: Int32
    /// Control groups that we may make groups in.
    package var groups = GroupFacts.none("not asked")
    /// Random: with `process` a name that nobody else uses.
    package var nonce: UInt32 = 0

    package struct Version: Equatable, Comparable, Sendable {
        package let major: Int
        package let minor: Int
        package init(_ major: Int, _ minor: Int) {
            self.major = major
            self.minor = minor
        }
        package static func < (a: Version, b: Version) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
    }

    package init(
        user: UInt32, group: UInt32, supplementaryGroups: Int = 0, kernel: Version, landlockABI: Int, userMap: [Identity.MapRange],
        groupMap: [Identity.MapRange], namespaces: [String: UInt64] = [:], hardLimits: [UInt32: UInt64] = [:], boottimeSeconds: Int = 0,
        monotonicSeconds: Int = 0, process: Int32 = 1
    ) {
        self.user = user
        self.group = group
        self.supplementaryGroups = supplementaryGroups
        self.kernel = kernel
        self.landlockABI = landlockABI
        self.userMap = userMap
        self.groupMap = groupMap
        self.namespaces = namespaces
        self.hardLimits = hardLimits
        self.boottimeSeconds = boottimeSeconds
        self.monotonicSeconds = monotonicSeconds
        self.process = process
    }

    /// Seccomp listeners whose received traps survive signals. Since 5.19.
    package var waitKillable: Bool { kernel >= Version(5, 19) }
    /// Time namespaces that a process which shares its memory until it executes can enter, as process 2 does. The kernel has
    /// them since 5.6, this since 6.3: before, the clone after unshare(CLONE_NEWTIME) is EINVAL (seen on 6.1).
    package var timeNamespace: Bool { kernel >= Version(6, 3) && namespaces["time"] != nil }

    /// Asks the running kernel.
    /// - Parameter proc: /proc, opened O_PATH and checked.
    package init(proc: borrowing Descriptor) throws(SystemError) {
        let release = try Host.kernelRelease().split(separator: ".")
        func number(_ i: Int) -> Int { release.count > i ? Int(release[i].prefix { $0.isNumber }) ?? 0 : 0 }
        user = Identity.user
        group = Identity.group
        supplementaryGroups = Identity.supplementaryGroups
        kernel = Version(number(0), number(1))
        landlockABI = Landlock.abi()
        if user == 0 {
            userMap = Identity.parseMap(try Files.text("self/uid_map", limit: 16 << 10, under: proc.number))
            groupMap = Identity.parseMap(try Files.text("self/gid_map", limit: 16 << 10, under: proc.number))
        } else {
            userMap = []
            groupMap = []
        }
        namespaces = [:]
        let own = try Files.open("self/ns", 0o10_200_000 /* O_PATH | O_DIRECTORY */, under: proc.number)
        for (kind, name) in Namespaces.names where kind != .cgroup { namespaces[name] = Host.inode(name, under: own) }
        hardLimits = [:]
        for resource: UInt32 in [0, 1, 2, 6, 7, 8, 12] { hardLimits[resource] = Host.hardLimit(resource) }
        boottimeSeconds = Int(Clock.boottime / 1_000_000_000)
        monotonicSeconds = Int(Clock.monotonic / 1_000_000_000)
        process = Identity.process
        nonce = UInt32(truncatingIfNeeded: try Host.random64())
        groups = (try? Files.text("self/cgroup", limit: 64 << 10, under: proc.number)).map { GroupFacts(own: $0) } ?? .none("/proc/self/cgroup cannot be read")
    }

    /// The name of a cell's groups. - Parameter ordinal: counts the cells of this process.
    package func groupName(ordinal: UInt32) -> String { "fumehood-\(process)-\(String(nonce &+ ordinal, radix: 36))" }

    /// Who the next cell is. Root gives each cell a user of its own out of a high range; where that is not mapped (a
    /// rootless container) the highest id that is; with nothing to choose from, as an ordinary user.
    /// - Parameter ordinal: counts the cells of this process.
    package func identity(ordinal: UInt32) -> CellSpec.Identity {
        guard user == 0 else { return .caller(user: user, group: group) }
        let wanted = HostFacts.cellUsers.lowerBound + (UInt32(bitPattern: process) &+ ordinal &* 65_537) % UInt32(HostFacts.cellUsers.count)
        if let user = HostFacts.pick(wanted, from: userMap), let group = HostFacts.pick(wanted, from: groupMap) {
            return .dedicated(user: user, group: group)
        }
        return .caller(user: user, group: group)
    }

    /// The only id that a cell could have is 0 here and outside as well: a cell is never that.
    package var offersOnlyRoot: Bool {
        guard user == 0, case .caller = identity(ordinal: 0) else { return false }
        return userMap.contains { $0.inside == 0 && $0.outside == 0 }
    }

    /// Far from what distributions give to people, services and containers (subuids usually start at 100,000 or 524,288).
    package static let cellUsers: Range<UInt32> = 1_879_048_192..<1_883_242_496

    private static func pick(_ wanted: UInt32, from map: [Identity.MapRange]) -> UInt32? {
        if map.contains(where: { $0.inside <= wanted && UInt64(wanted) < UInt64($0.inside) + UInt64($0.count) }) { return wanted }
        let highest = map.filter { $0.count > 0 }.map { UInt64($0.inside) + UInt64($0.count) - 1 }.max() ?? 0
        return highest > 0 ? UInt32(min(highest, UInt64(UInt32.max) - 1)) : nil
    }
}
