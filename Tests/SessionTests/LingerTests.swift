// SPDX-License-Identifier: Apache-2.0
// Looking for the next event before sleeping: only where that pays, and never for long where it does not.

import Testing

@testable import Session

@Suite("looking before sleeping")
struct LingerTests {
    /// Nanoseconds spent looking in vain, of so many events from one source that come after these times in turn.
    static func wasted(_ pauses: [UInt64], events: Int) -> (looks: Int, vain: Int) {
        var linger = Linger()
        var (looks, vain) = (0, 0)
        for event in 0..<events {
            let pause = pauses[event % pauses.count]
            let looked = linger.isWorth
            if looked {
                looks += 1
                if pause > Linger.longest { vain += 1 }
            }
            linger.came(after: pause, wasLooked: looked, from: 3)
        }
        return (looks, vain)
    }

    @Test func `what comes at once is looked for`() {
        let (looks, vain) = Self.wasted([20_000], events: 1000)
        #expect(looks > 990 && vain == 0)
    }

    @Test(arguments: [[10_000_000 as UInt64], [600_000], [20_000, 10_000_000], [20_000, 20_000, 20_000, 600_000]])
    func `what does not come at once is looked for seldom`(pauses: [UInt64]) {
        let (_, vain) = Self.wasted(pauses, events: 4000)
        // Three answers at once pay for one look that was in vain.
        #expect(vain <= 500)
    }

    @Test func `each source has its own guess`() {
        var linger = Linger()
        // The server answers at once, the client thinks.
        for _ in 0..<100 {
            linger.came(after: 20_000_000, wasLooked: linger.isWorth, from: 1)
            linger.came(after: 20_000, wasLooked: linger.isWorth, from: 2)
        }
        #expect(!linger.isWorth)
        linger.came(after: 20_000_000, wasLooked: false, from: 1)
        #expect(linger.isWorth)
    }
}
