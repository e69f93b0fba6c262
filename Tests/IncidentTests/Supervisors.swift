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
