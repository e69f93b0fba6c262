// SPDX-License-Identifier: Apache-2.0
// `--dry-run`: the cell as it would be, and the plan that would build it, in the order of its kernel operations.

import Events
import JSON
import Linux
import Sandbox
import Session

enum DryRun {
    /// - Returns: whether it was written.
    static func print(_ launch: PreparedLaunch, profile: Profile, json: Bool) -> Bool {
        Messages.print(json ? jsonText(launch, profile) : text(launch, profile))
    }

    private static func text(_ launch: PreparedLaunch, _ profile: Profile) -> String {
        let spec = launch.planned.spec
        var out = "profile \(profile.chain.joined(separator: " -> "))\n"
        out += "command \(spec.command.executable)\n"
        out += "directory \(spec.command.directory)\n"
        for grant in launch.planned.runtime.grants { out += "runtime \(grant.path) (\(grant.reason))\n" }
        for variable in spec.command.environment { out += "env \(String(variable.prefix { $0 != "=" }))\n" }
        for (wall, status) in launch.planned.protections.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            out += "wall \(wall.rawValue) \(status.word)\(status.missing.isEmpty ? "" : ": " + status.missing.joined(separator: ", "))\n"
        }
        for note in launch.planned.notes { out += "note \(note)\n" }
        out += "clone \(launch.plan.cloned.words)\n"
        var inner = 0
        for (i, step) in launch.plan.steps.enumerated() {
            out += String(i).leftPadded(4) + (inner > 0 ? "   " : " ") + step.operation.text + (step.optional ? " (if it can)" : "") + "\n"
            if inner > 0 { inner -= 1 }
            if case .spawnCommand(let count) = step.operation { inner = count }
        }
        return out
    }

    private static func jsonText(_ launch: PreparedLaunch, _ profile: Profile) -> String {
        let spec = launch.planned.spec
        let document: Value = [
            "fumehood": .integer(1),
            "profile": .array(profile.chain.map { .string($0) }),
            "command": .array(spec.command.arguments.map { .string(KernelText.shown($0)) }),
            "executable": .string(KernelText.shown(spec.command.executable)),
            "directory": .string(KernelText.shown(spec.command.directory)),
            "runtime": .array(launch.planned.runtime.grants.map { ["path": .string(KernelText.shown($0.path)), "reason": .string($0.reason)] }),
            "protections": .object(
                Object(
                    launch.planned.protections.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                        Member(name: $0.key.rawValue, value: .string($0.value.word))
                    })),
            "plan": .array(launch.plan.steps.map { ["operation": .string(KernelText.shown($0.operation.text)), "optional": .bool($0.optional)] }),
        ]
        return String(decoding: document.serialisedBytes(), as: UTF8.self) + "\n"
    }
}

extension String {
    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
