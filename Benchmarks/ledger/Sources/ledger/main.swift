// SPDX-License-Identifier: Apache-2.0
//
// ledger soak SCHEDULES [SEED]   simulated schedules on all cores; one JSON line, status 1 if a promise was broken
// ledger bench                   times of reserve and settle; one JSON line
// ledger windows                 answers the oracle: one JSON request per line

import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "soak":
    let schedules = arguments.count > 1 ? UInt64(arguments[1]) ?? 0 : 1_000_000
    let seed = arguments.count > 2 ? UInt64(arguments[2]) ?? 0 : UInt64(Date().timeIntervalSince1970)
    exit(await Soak.run(schedules: schedules, seed: seed) ? 0 : 1)
case "bench": try Bench.run()
case "windows": try Windows.run()
default:
    print("usage: ledger soak SCHEDULES [SEED] | bench | windows")
    exit(2)
}
