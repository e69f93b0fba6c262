// SPDX-License-Identifier: Apache-2.0
// What doctor says of machines that are not there: Ubuntu's rule, Debian's sysctl, Docker's and Kubernetes' defaults, a
// rootless container, an old kernel. Surroundings that can be made are made by Tests/Surroundings.

import Linux
import Testing

@testable import Sandbox

@Suite("doctor")
struct DoctorTests {
    static let host = [Identity.MapRange(inside: 0, outside: 0, count: .max)]
    static let fine: [DoctorFacts.Trial: Int32] = Dictionary(uniqueKeysWithValues: DoctorFacts.Trial.allCases.map { ($0, 0) })

    static func facts(user: UInt32 = 1000, _ change: (inout DoctorFacts) -> Void = { _ in }) -> DoctorFacts {
        var facts = DoctorFacts(kernel: "6.18.44", user: user, userMap: host, groupMap: host, trials: fine)
        change(&facts)
        return facts
    }

    struct Machine: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let facts: DoctorFacts
        let line: String
        let status: Doctor.Status
        let remedy: String?
        let works: Bool
    }

    static let machines: [Machine] = [
        Machine(testDescription: "a plain host", facts: facts(), line: "user namespace", status: .on, remedy: nil, works: true),
        Machine(
            testDescription: "Ubuntu's AppArmor rule",
            facts: facts {
                $0.sysctls["kernel/apparmor_restrict_unprivileged_userns"] = "1"; $0.trials[.makePrivate] = 13
            },
            line: "user namespace", status: .blocked, remedy: "/etc/apparmor.d/fumehood", works: false),
        Machine(
            testDescription: "Ubuntu's AppArmor rule, refusing the maps",
            facts: facts {
                $0.sysctls["kernel/apparmor_restrict_unprivileged_userns"] = "1"; $0.trials[.map] = 1
            },
            line: "user namespace", status: .blocked, remedy: "userns,", works: false),
        Machine(
            testDescription: "Debian's sysctl",
            facts: facts {
                $0.sysctls["kernel/unprivileged_userns_clone"] = "0"; $0.namespaces["user"] = 1; $0.trials = [:]; $0.together = 1
            },
            line: "user namespace", status: .blocked, remedy: "sysctl -w kernel.unprivileged_userns_clone=1", works: false),
        Machine(
            testDescription: "no user namespaces left",
            facts: facts {
                $0.sysctls["user/max_user_namespaces"] = "0"; $0.namespaces["user"] = 28; $0.trials = [:]; $0.together = 28
            },
            line: "user namespace", status: .blocked, remedy: "sysctl -w user.max_user_namespaces", works: false),
        Machine(
            testDescription: "Docker's filter",
            facts: facts {
                $0.seccompMode = 2; $0.namespaces["user"] = 1; $0.trials = [:]; $0.together = 1
            },
            line: "user namespace", status: .blocked, remedy: "--security-opt seccomp=unconfined", works: false),
        Machine(
            testDescription: "an old Docker's filter",
            facts: facts {
                $0.seccompMode = 2; $0.clone3 = 38; $0.trials = [:]; $0.together = 38
            },
            line: "clone3", status: .blocked, remedy: "--security-opt seccomp=unconfined", works: false),
        Machine(
            testDescription: "Docker's masks",
            facts: facts {
                $0.procMasks = ["/proc/kcore", "/proc/keys"]; $0.trials[.proc] = 1
            },
            line: "fresh /proc", status: .blocked, remedy: "systempaths=unconfined", works: false),
        Machine(
            testDescription: "Docker's label",
            facts: facts {
                $0.label = "docker-default (enforce)"; $0.trials[.makePrivate] = 13
            },
            line: "mounts", status: .blocked, remedy: "apparmor=unconfined", works: false),
        Machine(
            testDescription: "a rootless container",
            facts: facts(user: 0) { $0.userMap = [.init(inside: 0, outside: 1000, count: 1), .init(inside: 1, outside: 100_000, count: 65_536)] },
            line: "ids", status: .partial, remedy: "/etc/subuid", works: true),
        Machine(
            testDescription: "Debian 12's kernel",
            facts: facts {
                $0.kernel = "6.1.0-56-amd64"; $0.landlockABI = 2
            }, line: "landlock", status: .partial, remedy: "newer", works: true),
        Machine(
            testDescription: "Debian 12's clocks", facts: facts { $0.kernel = "6.1.0-56-amd64" }, line: "time namespace", status: .absent, remedy: "6.3",
            works: true),
        Machine(testDescription: "no Landlock", facts: facts { $0.landlockABI = 0 }, line: "landlock", status: .absent, remedy: "lsm=landlock", works: true),
        Machine(testDescription: "an old kernel", facts: facts { $0.kernel = "5.10.0" }, line: "kernel", status: .blocked, remedy: "5.12", works: false),
        Machine(
            testDescription: "a listener around us", facts: facts { $0.trials[.listener] = 16 }, line: "explained denials", status: .partial, remedy: nil,
            works: true),
        Machine(
            testDescription: "a listener around us, for endpoints", facts: facts { $0.trials[.listener] = 16 }, line: "named endpoints", status: .absent,
            remedy: nil, works: true),
        Machine(
            testDescription: "a kernel that tells no networks apart", facts: facts { $0.kernel = "5.13.0" }, line: "named endpoints", status: .absent,
            remedy: "5.14", works: true),
        Machine(
            testDescription: "supplementary groups", facts: facts { $0.supplementaryGroups = 5 }, line: "groups", status: .partial, remedy: "--clear-groups",
            works: true),
        Machine(
            testDescription: "no quota of keys left", facts: facts { $0.trials[.keyring] = 122 }, line: "keyring", status: .partial, remedy: nil, works: true),
        Machine(
            testDescription: "delegated groups", facts: facts { $0.groups = .v2(path: "/sys/fs/cgroup/user", delegated: true) }, line: "cgroup limits",
            status: .on, remedy: nil, works: true),
        Machine(
            testDescription: "groups of somebody else", facts: facts { $0.groups = .v2(path: "/sys/fs/cgroup/user", delegated: false) }, line: "cgroup limits",
            status: .absent, remedy: "systemd-run", works: true),
        Machine(
            testDescription: "v1 that is not writable", facts: facts { $0.groups = .v1(controllers: ["memory"], writable: false) }, line: "cgroup limits",
            status: .absent, remedy: nil, works: true),
        Machine(
            testDescription: "v1 without memory", facts: facts { $0.groups = .v1(controllers: ["pids"], writable: true) }, line: "cgroup limits",
            status: .partial, remedy: nil, works: true),
    ]

    @Test(arguments: machines)
    func `a machine is judged by what it shows`(machine: Machine) throws {
        let lines = Doctor.lines(machine.facts)
        let line = try #require(lines.first { $0.name == machine.line })
        #expect(line.status == machine.status, "\(line.detail)")
        if let remedy = machine.remedy { #expect(line.remedy?.contains(remedy) == true, "\(line.remedy ?? "no remedy")") }
        #expect(Doctor.works(lines) == machine.works)
    }

    @Test(arguments: machines)
    func `whatever blocks names a remedy`(machine: Machine) {
        for line in Doctor.lines(machine.facts) where line.status == .blocked { #expect(line.remedy != nil, "\(line.name)") }
    }

    @Test func `each thing has one line`() {
        let names = Doctor.lines(Self.facts()).map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func `a line of mountinfo is read with and without optional fields`() {
        let text = """
            36 35 98:0 /mnt1 /proc/kcore rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            37 35 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            broken
            """
        #expect(
            MountLine.parse(text) == [
                MountLine(point: "/proc/kcore", type: "ext3", options: ["rw", "errors=continue"]),
                MountLine(point: "/sys/fs/cgroup/memory", type: "cgroup", options: ["rw", "memory"]),
            ])
    }
}
