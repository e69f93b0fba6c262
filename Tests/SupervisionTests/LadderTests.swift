// SPDX-License-Identifier: Apache-2.0
// The ladder by hand: single readings, worked out on paper.

import Events
import Sandbox
import Supervision
import Testing

let second: UInt64 = 1_000_000_000

/// A cell sampled ten times a second.
struct Sampled {
    var ladder: Ladder
    var now: UInt64 = 0
    var changes: [RungChange] = []

    init(_ rules: LadderRules) { ladder = Ladder(rules) }

    mutating func read(_ gauge: Gauge, _ value: Int64, times: Int = 1, held: Bool = false) {
        for _ in 0..<times {
            now += second / 10
            var readings = Readings()
            readings[gauge] = value
            if held { readings.hold(gauge) }
            if let change = ladder.observe(readings, at: now) { changes.append(change) }
        }
    }

    var path: [Rung] { changes.map(\.to) }
}

private func rules(_ gauge: Gauge, _ steps: [(Rung, Int64)], isStraight: Bool = false, cap: Rung = .kill) -> LadderRules {
    var rules = LadderRules([.init(gauge, steps.map { .init($0.0, $0.1) }, isStraight: isStraight)])
    rules.cap = cap
    return rules
}

private let cpu = rules(.cpu, [(.warn, 500), (.throttle, 900)])

@Test func `two samples in a row lead one rung up, with the reading that did`() {
    var cell = Sampled(cpu)
    cell.read(.cpu, 950)
    #expect(cell.changes.isEmpty)
    cell.read(.cpu, 960)
    #expect(cell.changes == [RungChange(from: .observe, to: .warn, reason: .reading, gauge: .cpu, bound: 500, reading: 960, wallMicroseconds: 200_000)])
    cell.read(.cpu, 970, times: 2)
    #expect(cell.path == [.warn, .throttle] && cell.changes[1].bound == 900 && cell.changes[1].reading == 970)
}

@Test func `one sample, or one every other time, leads nowhere`() {
    var cell = Sampled(cpu)
    for _ in 0..<100 {
        cell.read(.cpu, 990)
        cell.read(.cpu, 100)
    }
    #expect(cell.changes.isEmpty)
}

@Test func `five quiet seconds lead down, to what was asked for meanwhile`() {
    var cell = Sampled(cpu)
    cell.read(.cpu, 950, times: 4)
    cell.read(.cpu, 600, times: 50)
    #expect(cell.path == [.warn, .throttle])
    cell.read(.cpu, 600)
    #expect(cell.path == [.warn, .throttle, .warn])
    #expect(cell.changes[2].reading == 600 && cell.changes[2].bound == 900)
    cell.read(.cpu, 0, times: 51)
    #expect(cell.path == [.warn, .throttle, .warn, .observe])
}

@Test func `a reading of our own making neither leads down nor up`() {
    var cell = Sampled(cpu)
    cell.read(.cpu, 950, times: 4)
    cell.read(.cpu, 200, times: 300, held: true)
    #expect(cell.path == [.warn, .throttle])
    cell.read(.cpu, 20, times: 51)
    #expect(cell.path == [.warn, .throttle, .observe])
}

@Test func `no rung above the cap, and bounds above it lead to it`() {
    var cell = Sampled(rules(.cpu, [(.warn, 500), (.freeze, 900), (.kill, 950)], cap: .throttle))
    cell.read(.cpu, 2000, times: 100)
    #expect(cell.path == [.warn, .throttle])
    #expect(cell.changes[1].bound == 900)
}

@Test func `a straight kill waits for nothing, other kills for their rungs`() {
    let steps: [(Rung, Int64)] = [(.warn, 10), (.freeze, 100), (.kill, 1000)]
    var straight = Sampled(rules(.refusedForks, steps, isStraight: true))
    straight.read(.refusedForks, 1000)
    #expect(straight.path == [.kill] && straight.changes[0].bound == 1000)
    var patient = Sampled(rules(.refusedForks, steps))
    patient.read(.refusedForks, 1000, times: 3)
    #expect(patient.path == [.warn])
    var capped = Sampled(rules(.refusedForks, steps, isStraight: true, cap: .freeze))
    capped.read(.refusedForks, 5000)
    #expect(capped.path == [])
}

@Test func `a frozen cell is not read, thaws when its time is over, and is ended when it goes on`() {
    var order = rules(.memory, [(.throttle, 100), (.freeze, 200)])
    order.freezeLasts = 10 * second
    var cell = Sampled(order)
    cell.read(.memory, 300, times: 4)
    #expect(cell.path == [.throttle, .freeze])
    cell.read(.memory, 0, times: 99)
    #expect(cell.path == [.throttle, .freeze])
    cell.read(.memory, 0)
    #expect(cell.path == [.throttle, .freeze, .throttle] && cell.changes[2].reason == .time)
    // The quiet time to come down by itself, then the end, then the kill after its grace.
    cell.read(.memory, 300, times: 49)
    #expect(cell.path.count == 3)
    cell.read(.memory, 300, times: 2)
    #expect(cell.path == [.throttle, .freeze, .throttle, .terminate])
    cell.read(.memory, 0, times: 19)
    #expect(cell.path.last == .terminate)
    cell.read(.memory, 0)
    #expect(cell.path.last == .kill && cell.changes.last?.reason == .time && cell.changes.last?.gauge == .memory)
}

@Test func `who comes back to the bottom after a thaw is frozen again, not ended`() {
    var order = rules(.memory, [(.freeze, 200)])
    order.freezeLasts = second
    var cell = Sampled(order)
    cell.read(.memory, 300, times: 12)
    cell.read(.memory, 0, times: 60)
    cell.read(.memory, 300, times: 2)
    #expect(cell.path == [.freeze, .observe, .freeze])
}

@Test func `the end after a freeze may be the rule, and the cap is stronger`() {
    var order = rules(.memory, [(.freeze, 200)])
    order.freezeLasts = second
    order.afterFreeze = .kill
    var cell = Sampled(order)
    cell.read(.memory, 300, times: 12)
    #expect(cell.path == [.freeze, .terminate])
    order.cap = .freeze
    cell = Sampled(order)
    cell.read(.memory, 300, times: 12)
    #expect(cell.path == [.freeze, .observe])
}

@Test func `a person's thaw grants a total as much again`() {
    var cell = Sampled(rules(.cpuTime, [(.throttle, 100), (.freeze, 200)]))
    cell.read(.cpuTime, 210, times: 4)
    #expect(cell.path == [.throttle, .freeze])
    let change = cell.ladder.thaw(.person, at: cell.now)
    #expect(change?.to == .throttle && change?.reason == .person)
    cell.read(.cpuTime, 320, times: 60)
    cell.read(.cpuTime, 409, times: 100)
    #expect(cell.ladder.rung == .throttle)
    cell.read(.cpuTime, 410, times: 2)
    #expect(cell.ladder.rung == .terminate)
}

@Test func `the highest of several gauges counts, and the one that held it is named on the way down`() {
    var order = rules(.cpu, [(.throttle, 900)])
    order.rules.append(.init(.memory, [.init(.slow, 100), .init(.throttle, 200)]))
    var ladder = Ladder(order)
    var changes: [RungChange] = []
    for i in 1...200 {
        var readings = Readings()
        readings[.cpu] = i < 20 ? 1000 : 0
        readings[.memory] = i < 100 ? 250 : 0
        if let change = ladder.observe(readings, at: UInt64(i) * second / 10) { changes.append(change) }
        if i == 10 { #expect(Set(ladder.gauges(atLeast: .throttle)) == [.cpu, .memory]) }
        if i == 90 { #expect(ladder.gauges(atLeast: .throttle) == [.memory]) }
    }
    #expect(changes.map(\.to) == [.throttle, .observe])
    #expect(changes[0].gauge == .cpu && changes[1].gauge == .memory && changes[1].bound == 200)
}

@Test(arguments: [
    (LimitDecision.byRules, Rung.freeze, Rung.freeze), (.throttle, .throttle, .throttle), (.kill, .kill, .kill),
])
func `whoever decides may take another rung`(decision: LimitDecision, told: Rung, rung: Rung) {
    var cell = Sampled(rules(.memory, [(.freeze, 200)]))
    cell.read(.memory, 300, times: 2)
    let other = cell.ladder.decide(decision, on: cell.changes[0], at: cell.now)
    #expect(other?.to == told && cell.ladder.rung == rung)
    #expect(other?.reason == (decision == .byRules ? .reading : .policy))
}

@Test func `raise doubles the bounds, and the rung is not taken`() {
    var cell = Sampled(rules(.memory, [(.freeze, 200)]))
    cell.read(.memory, 300, times: 2)
    #expect(cell.ladder.decide(.raise(nil), on: cell.changes[0], at: cell.now) == nil)
    #expect(cell.ladder.rung == .observe)
    cell.read(.memory, 399, times: 20)
    #expect(cell.changes.count == 1)
    cell.read(.memory, 400, times: 2)
    #expect(cell.path == [.freeze, .freeze])
}

@Test func `a gauge that could not be read changes nothing`() {
    var cell = Sampled(cpu)
    cell.read(.cpu, 950, times: 4)
    cell.read(.memory, 0, times: 200)
    #expect(cell.path == [.warn, .throttle])
}

@Test func `thawed to the bottom and frozen again at once it is ended, after a quiet time it is frozen`() {
    var order = rules(.cpu, [(.freeze, 500)])
    order.freezeLasts = second
    var cell = Sampled(order)
    cell.read(.cpu, 900, times: 2)
    cell.read(.cpu, 0, times: 10)
    #expect(cell.path == [.freeze, .observe])
    var goesOn = cell
    goesOn.read(.cpu, 900, times: 60)
    #expect(goesOn.path == [.freeze, .observe, .terminate])
    cell.read(.cpu, 0, times: 101)
    cell.read(.cpu, 900, times: 2)
    #expect(cell.path == [.freeze, .observe, .freeze])
}

@Test func `a policy raises a bound to what it says, the others in proportion, and no further`() {
    var cell = Sampled(rules(.cpu, [(.slow, 500), (.throttle, 1000)]))
    cell.read(.cpu, 600, times: 2)
    #expect(cell.ladder.decide(.raise(1500), on: cell.changes[0], at: cell.now) == nil && cell.ladder.rung == .observe)
    cell.read(.cpu, 1600, times: 2)
    #expect(cell.changes[1].bound == 1500)
    // No raise at all: the rules go on.
    #expect(cell.ladder.decide(.raise(1500), on: cell.changes[1], at: cell.now)?.to == .slow)
    cell.read(.cpu, 3000, times: 2)
    #expect(cell.path == [.slow, .slow, .throttle] && cell.changes[2].bound == 3000)
}

@Test func `frozen until a person answers it waits without end; a yes thaws, a no ends whatever the cap`() {
    var order = rules(.cpu, [(.throttle, 500)], cap: .throttle)
    order.freezeLasts = second
    var cell = Sampled(order)
    cell.read(.cpu, 600, times: 2)
    let asked = cell.ladder.decide(.ask, on: cell.changes[0], at: cell.now)
    #expect(asked?.to == .freeze && asked?.reason == .policy && cell.ladder.awaitsAnswer && cell.ladder.deadline == nil)
    cell.read(.cpu, 0, times: 500)
    #expect(cell.changes.count == 1)
    var agreed = cell.ladder
    #expect(agreed.thaw(.person, at: cell.now)?.from == .freeze && !agreed.awaitsAnswer && agreed.refuse(at: cell.now) == nil)
    #expect(cell.ladder.refuse(at: cell.now)?.to == .terminate)
    cell.read(.cpu, 0, times: 20)
    #expect(cell.path.last == .kill)
}

@Test func `a rung that a policy put in goes when it is left`() {
    var cell = Sampled(rules(.cpu, [(.slow, 500)]))
    cell.read(.cpu, 600, times: 2)
    _ = cell.ladder.decide(.ask, on: cell.changes[0], at: cell.now)
    #expect(cell.ladder.thaw(.person, at: cell.now)?.to == .slow)
    cell.read(.cpu, 600, times: 300)
    #expect(cell.path == [.slow])
}
