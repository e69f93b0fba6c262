// SPDX-License-Identifier: Apache-2.0
// Machines that tests plan cells for, and the plans as text: what the parent prepares, then the lines of `--dry-run`.

import Config
import Events
import Linux
import Syscalls
import Testing

@testable import Sandbox

extension HostFacts {
    private static let all = Identity.MapRange(inside: 0, outside: 0, count: .max)
    private static let inodes: [String: UInt64] = [
        "user": 11, "mnt": 12, "pid": 13, "net": 14, "ipc": 15, "uts": 16, "cgroup": 17, "time": 18,
    ]

    /// A machine with everything, as root.
    static let root = HostFacts(
        user: 0, group: 0, kernel: Version(6, 18), landlockABI: 7, userMap: [all], groupMap: [all], namespaces: inodes, boottimeSeconds: 5000,
        monotonicSeconds: 4000, process: 100)

    /// The same as user 1001, who has no maps to choose from.
    static let ordinary = root.with {
        $0.user = 1001
        $0.group = 1001
        $0.userMap = []
        $0.groupMap = []
    }

    func with(_ change: (inout HostFacts) -> Void) -> HostFacts {
        var copy = self
        change(&copy)
        return copy
    }

    func mapping(_ ranges: [Identity.MapRange]) -> HostFacts {
        with {
            $0.userMap = ranges
            $0.groupMap = ranges
        }
    }
}

extension GroupFacts {
    /// Every controller, delegated.
    static let v2 = GroupFacts(backend: .v2, unified: "/sys/fs/cgroup/cells", controllers: [.cpu, .memory, .pids])
    static let v1 = GroupFacts(
        backend: .v1,
        old: [.memory: "/sys/fs/cgroup/memory/cells", .pids: "/sys/fs/cgroup/pids", .cpu: "/sys/fs/cgroup/cpu,cpuacct", .freezer: "/sys/fs/cgroup/freezer"])
    static let hybrid = GroupFacts(backend: .hybrid, unified: "/sys/fs/cgroup/unified", old: v1.old)
}

/// One cell somewhere.
struct PlannedCase: Sendable, CustomTestStringConvertible {
    let name: String
    var facts = HostFacts.root
    var files = FakeFiles.debian
    var profile = "base"
    var change: @Sendable (inout CellRequest) -> Void = { _ in }
    var terminal = false
    var strict = false
    /// Names that the launch finds missing and puts placeholders for.
    var fills: [String] = []

    var testDescription: String { name }

    static let filter = CellSpec.Filter(program: [1, 2, 3], canary: 1234, notify: true, waitKillable: true)

    func request() throws -> CellRequest {
        let places = Places(home: "/home/u", directory: "/home/u/project")
        guard let profile = try Profile.builtIn(profile, places: places) else { throw CellError.badValue("no profile \(profile)") }
        var request = try CellRequest(
            profile, command: ["python3", "main.py"], places: places, environment: ["HOME": "/home/u", "PATH": "/usr/local/bin:/usr/bin:/bin"])
        request.terminal = terminal
        change(&request)
        return request
    }

    func planned() throws -> PlannedCell {
        var cell = try CellBuilder(facts: facts, files: files).plan(try request(), filter: PlannedCase.filter, initFilter: [1, 2])
        cell.spec.strict = strict
        return cell
    }

    func plan() throws -> LaunchPlan { LaunchPlan(for: try planned().spec) }
}

extension LaunchPlan {
    /// What the parent prepares and what the child does, line by line.
    var lines: [String] {
        var lines = ["clone \(cloned.words)"]
        for item in inherited {
            switch item {
            case .ruleset: lines.append("parent: ruleset")
            case .tree(let slot, let source, let access, let mapOwner):
                lines.append("parent: \(slot.name) of \(source.path)\(access.attributes.words)\(mapOwner ? " idmapped" : "")")
            case .group(let slot, let file): lines.append("parent: \(slot.name) \(file)")
            }
        }
        for rule in rules { lines.append("parent: landlock \(rule.source.path)\(rule.access.words) \(rule.access.bits)") }
        var inner = 0
        for step in steps {
            lines.append((inner > 0 ? "   " : "") + step.operation.text + rights(step.operation) + (step.optional ? " (if it can)" : ""))
            if inner > 0 { inner -= 1 }
            if case .spawnCommand(let count) = step.operation { inner = count }
        }
        return lines
    }
}

/// Rights by number: the words of a plan leave out what came with later ABIs.
private func rights(_ operation: Operation) -> String { if case .landlockRule(_, let access) = operation { " \(access.bits)" } else { "" } }

extension Landlock.Access {
    fileprivate var bits: String { String(rawValue, radix: 16) }
}
