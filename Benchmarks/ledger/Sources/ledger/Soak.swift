// SPDX-License-Identifier: Apache-2.0
//
// The full simulation: many seeds on all cores, stopped at the first broken promise of each core.

import Foundation

enum Soak {
    static func run(schedules: UInt64, seed: UInt64) async -> Bool {
        let cores = UInt64(max(1, ProcessInfo.processInfo.activeProcessorCount))
        let began = Date()
        FileHandle.standardError.write(Data("seed \(seed), \(schedules) schedules\n".utf8))
        var tally = World.Tally()
        var failures: [String] = []
        await withTaskGroup(of: (World.Tally, String?).self) { group in
            for core in 0..<cores {
                group.addTask {
                    var tally = World.Tally()
                    var next = core
                    while next < schedules {
                        do { tally = tally + (try World.run(seed: seed &+ next)) } catch { return (tally, "seed \(seed &+ next): \(error)") }
                        next += cores
                    }
                    return (tally, nil)
                }
            }
            for await (part, failure) in group {
                tally = tally + part
                if let failure { failures.append(failure) }
            }
        }
        for failure in failures { FileHandle.standardError.write(Data("\(failure)\n".utf8)) }
        let seconds = Int(Date().timeIntervalSince(began))
        print(
            "{\"seed\": \(seed), \"schedules\": \(tally.schedules), \"granted\": \(tally.granted), \"denied\": \(tally.denied), "
                + "\"ended\": \(tally.ended), \"crashes\": \(tally.crashes), \"refused\": \(tally.refused), \"retries\": \(tally.retries), "
                + "\"failures\": \(failures.count), \"seconds\": \(seconds)}")
        return failures.isEmpty && tally.schedules == schedules
    }
}
