// SPDX-License-Identifier: Apache-2.0
// Finding fumehood's own process among those that a test began: env, setpriv and surroundings execute into it or stay its parent.

import Foundation

enum FileManagerLink {
    static func read(_ path: String) throws -> String { try FileManager.default.destinationOfSymbolicLink(atPath: path) }
}

/// The process of the program that is, or descends from, the one that was begun; the first from above.
func supervisor(of begun: Begun) -> Int32? {
    var level = [begun.process.processIdentifier]
    for _ in 0..<6 {
        // By its name: it is not dumpable, so that only root may ask for its program.
        for pid in level where contents("/proc/\(pid)/comm") == "fumehood\n" { return pid }
        level = level.flatMap(children)
    }
    return nil
}

func children(_ pid: Int32) -> [Int32] {
    (contents("/proc/\(pid)/task/\(pid)/children") ?? "").split(separator: " ").compactMap { Int32($0) }
}

/// A running cell as the host sees it. Of process 1, which is not dumpable, only root may ask for more than its state.
struct SeenCell {
    let first: Int32
    let namespace: String

    /// Once its command runs.
    init?(of begun: Begun) {
        guard let own = supervisor(of: begun) else { return nil }
        for child in children(own) {
            guard let command = children(child).first, let namespace = try? FileManagerLink.read("/proc/\(command)/ns/pid") else { continue }
            first = child
            self.namespace = namespace
            return
        }
        return nil
    }

    /// Its live processes, process 1 among them.
    var alive: [Int32] {
        let members = processes(inNamespace: namespace)
        guard !members.contains(first), let stat = contents("/proc/\(first)/stat"), let end = stat.lastIndex(of: ")") else { return members }
        return ["Z", "X"].contains(stat[end...].dropFirst(2).prefix(1)) ? members : [first] + members
    }
}
