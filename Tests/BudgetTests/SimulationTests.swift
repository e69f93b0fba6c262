// SPDX-License-Identifier: Apache-2.0
//
// A share of the simulated schedules; `make soak` runs a million by Benchmarks/ledger. FUMEHOOD_LEDGER_SEED begins elsewhere.

import Budget
import Foundation
import Testing

@Suite("a ledger keeps its promises")
struct SimulationTests {
    static let seed = ProcessInfo.processInfo.environment["FUMEHOOD_LEDGER_SEED"].flatMap { UInt64($0) } ?? 20_261_121
    static let schedules: UInt64 = 8_000
    static let parts: UInt64 = 8

    @Test(arguments: 0..<Self.parts)
    func `whatever callers, clocks and crashes do`(part: UInt64) {
        var tally = World.Tally()
        let share = Self.schedules / Self.parts
        for seed in (Self.seed + part * share)..<(Self.seed + (part + 1) * share) {
            do { tally = tally + (try World.run(seed: seed, steps: 16)) } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
        print("seeds from \(Self.seed + part * share): \(tally)")
        // A simulation in which nothing happens shows nothing.
        #expect(tally.granted > 1000 && tally.denied > 500 && tally.ended > 500 && tally.crashes > 200 && tally.refused > 100 && tally.retries > 0)
    }
}
