// SPDX-License-Identifier: Apache-2.0
//
// Seeded numbers for simulations: SplitMix64. The same seed gives the same schedule on every machine.

struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// 0 ..< bound; the bias is below one in 2^32 for the small bounds of simulations.
    mutating func below(_ bound: Int) -> Int { Int(next() >> 32) % bound }

    mutating func amount(_ bound: Int64) -> Int64 { Int64(next() >> 2) % max(1, bound) }

    mutating func one(in bound: Int) -> Bool { below(bound) == 0 }
}
