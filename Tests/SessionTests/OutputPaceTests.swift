// SPDX-License-Identifier: Apache-2.0
// The pace at which a throttled cell's output is read, and which readings a rung makes itself; by hand, on a clock of numbers.

import Events
import Sandbox
import Supervision
import Testing

@testable import Session

private let millisecond: UInt64 = 1_000_000

@Test func `output passes at its rate, a tenth of a second's worth at once`() throws {
    var pace = OutputPace()
    var now: UInt64 = 1_000 * millisecond
    var passed: UInt64 = 0
    pace.begin(100_000, passed: 0, at: now)
    #expect(pace.burst == 10_000)
    let began = now
    for _ in 0..<1000 {
        guard let turn = pace.settle(passed, at: now) else { break }
        if turn == 0 {
            #expect(try #require(pace.due) > now)
            now = pace.due ?? now
        } else {
            passed += UInt64(turn)
        }
    }
    let seconds = Double(now - began) / 1e9
    #expect(abs(Double(passed) / seconds / 100_000 - 1) < 0.05, "\(passed) bytes in \(seconds) s")
}

@Test func `a pace holds while it waits and for half a second after, and never when it is over`() {
    var pace = OutputPace()
    pace.begin(1000, passed: 0, at: 0)
    #expect(pace.isHolding(at: 1))
    #expect(pace.settle(0, at: 600 * millisecond) == 4096)
    #expect(!pace.isHolding(at: 600 * millisecond))
    #expect(pace.settle(9000, at: 700 * millisecond) == 0)
    #expect(pace.isHolding(at: 60_000 * millisecond))
    pace.end()
    #expect(pace.settle(1 << 40, at: 800 * millisecond) == nil && !pace.isHolding(at: 800 * millisecond) && pace.due == nil)
}

@Test func `a throttled cell that takes its share holds its rates, one that does not holds nothing`() {
    let rules = LadderRules([.init(.cpu, [.init(.throttle, 500)])])
    var ladder = Ladder(rules)
    for i in 1...2 {
        var readings = Readings()
        readings[.cpu] = 900
        _ = ladder.observe(readings, at: UInt64(i) * 100 * millisecond)
    }
    var actions = LadderActions()
    actions.aim(ladder)
    #expect(actions.sharesProcessors && actions.isSlow && !actions.pacesOutput && !actions.reclaims)
    func held(_ cpu: Int64) -> Bool {
        var readings = Readings()
        readings[.cpu] = cpu
        actions.markHeld(&readings, rules, isPressureOwn: true, at: 0)
        return readings.isHeld(.cpu) && readings.isHeld(.denialRate)
    }
    #expect(held(190) && !held(20))
    actions.leave()
    #expect(!held(190))
}
