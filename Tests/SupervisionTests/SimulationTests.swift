// SPDX-License-Identifier: Apache-2.0
// Schedules by a seed: random rules, readings that wander, jump and flood, a clock that is late. Each change is held against
// the whole history of readings, which the ladder itself does not keep. FUMEHOOD_SEED and FUMEHOOD_SCHEDULES choose others.

import Events
import Glibc
import Sandbox
import Supervision
import Testing

private struct Random {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func happens(_ percent: Int) -> Bool { below(100) < percent }
}

private struct Sample {
    let time: UInt64
    let values: [Int64]
    let held: [Bool]
}

private let gauges: [Gauge] = [.cpu, .memory, .outputRate]

private func randomRules(_ random: inout Random) -> LadderRules {
    var list: [LadderRules.Rule] = []
    for gauge in gauges.prefix(1 + random.below(3)) {
        var bound: Int64 = 0
        var steps: [LadderRules.Step] = []
        for rung in Rung.allCases.dropFirst() where random.happens(55) {
            bound += Int64(random.below(40))
            steps.append(.init(rung, max(1, bound)))
        }
        if !steps.isEmpty { list.append(.init(gauge, steps, isStraight: random.happens(30))) }
    }
    if list.isEmpty { list = [.init(.cpu, [.init(.throttle, 50)])] }
    var rules = LadderRules(list)
    rules.cap = Rung(rawValue: 1 + random.below(6))!
    rules.samples = 1 + random.below(4)
    rules.quiet = UInt64(1 + random.below(50)) * 100_000_000
    rules.freezeLasts = UInt64(1 + random.below(20)) * 100_000_000
    rules.grace = UInt64(1 + random.below(20)) * 100_000_000
    rules.afterFreeze = random.happens(50) ? .thaw : .kill
    return rules
}

/// What is wrong with one schedule; nil where nothing is.
private func fault(_ seed: UInt64) -> String? {
    var random = Random(state: seed)
    let rules = randomRules(&random)
    var ladder = Ladder(rules)
    var history: [Sample] = []
    var values = [Int64](repeating: 0, count: gauges.count)
    var now: UInt64 = 1_000_000
    var lastUp: UInt64 = 0
    var frozen: UInt64?
    var terminated: UInt64?
    var rung = Rung.observe
    let kind = random.below(4)
    // A freeze may last 2 s, and two quiet times of 5 s may follow one another.
    let steps = 220, calm = 90
    for step in 0..<steps {
        now += random.happens(5) ? UInt64(random.below(2_000_000_000)) + 1 : 100_000_000
        var held = [Bool](repeating: false, count: gauges.count)
        var readings = Readings()
        for i in gauges.indices {
            switch kind {
            case 0: values[i] = Int64(random.below(200))
            case 1: values[i] = max(0, values[i] + Int64(random.below(31)) - 15)
            case 2: values[i] = random.happens(10) ? Int64(random.below(250)) : values[i]
            default: values[i] = step % 40 < 20 ? 220 : 0
            }
            if step >= calm { values[i] = 0 }
            held[i] = step < calm && random.happens(5)
            readings[gauges[i]] = values[i]
            if held[i] { readings.hold(gauges[i]) }
        }
        let change = ladder.observe(readings, at: now)
        if history.count > 120 { history.removeFirst(60) }
        if rung != .freeze && !rung.isFinal { history.append(Sample(time: now, values: values, held: held)) }
        guard let change else {
            if ladder.rung != rung { return "the rung changed to \(ladder.rung) and nobody was told" }
            if let frozen, now - frozen >= rules.freezeLasts { return "frozen for \(now - frozen) ns of \(rules.freezeLasts)" }
            if let terminated, rules.cap == .kill, now - terminated >= rules.grace { return "terminated and not killed" }
            continue
        }
        if change.from != rung || change.to != ladder.rung || change.to == change.from { return "a change from \(change.from) to \(change.to) at \(rung)" }
        if change.to > rules.cap { return "\(change.to) is above the cap \(rules.cap)" }
        if rung.isFinal && !(rung == .terminate && change.to == .kill) { return "\(rung) was left for \(change.to)" }
        let place = gauges.firstIndex(of: change.gauge)!
        let rule = rules.rule(change.gauge)!
        if change.to > rung {
            switch change.reason {
            case .reading:
                let isStraight = rule.isStraight && change.to == .kill
                let asks = history.suffix(isStraight ? 1 : rules.samples)
                if asks.count < (isStraight ? 1 : rules.samples) || !asks.allSatisfy({ $0.values[place] >= change.bound }) {
                    return "up to \(change.to) by \(change.gauge) at \(change.bound), which read \(asks.map { $0.values[place] })"
                }
                if change.reading != values[place] { return "the reading \(change.reading) is not \(values[place])" }
            case .time:
                if !(rung == .freeze && rules.afterFreeze == .kill) && rung != .terminate { return "up by time from \(rung)" }
            default: return "up by \(change.reason)"
            }
            lastUp = now
        } else if rung == .freeze {
            if change.reason != .time || now - frozen! < rules.freezeLasts { return "thawed after \(now - frozen!) ns" }
            // What came before counts no more.
            history = []
            lastUp = 0
        } else {
            let quiet = history.filter { now - $0.time <= rules.quiet }
            if now - lastUp < rules.quiet { return "down after \(now - lastUp) ns of \(rules.quiet)" }
            if quiet.contains(where: { $0.values[place] >= change.bound || $0.held[place] }) {
                return "down to \(change.to), and \(change.gauge) read \(quiet.map { $0.values[place] }) at a bound of \(change.bound)"
            }
        }
        rung = change.to
        frozen = rung == .freeze ? now : nil
        terminated = rung == .terminate ? now : nil
    }
    if !rung.isFinal && rung != .observe { return "nothing was read for thirteen seconds, and it stays at \(rung)" }
    return nil
}

@Test func `in every schedule the ladder keeps its rules`() {
    func setting(_ name: String) -> UInt64? { unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) } }
    let seed = setting("FUMEHOOD_SEED") ?? UInt64.random(in: 0...UInt64.max >> 1)
    #if DEBUG
    let count = setting("FUMEHOOD_SCHEDULES") ?? 3_000
    #else
    let count = setting("FUMEHOOD_SCHEDULES") ?? 10_000
    #endif
    print("ladder: seed \(seed), \(count) schedules")
    for i in 0..<count {
        if let fault = fault(seed &+ i) {
            Issue.record("FUMEHOOD_SEED=\(seed &+ i) FUMEHOOD_SCHEDULES=1: \(fault)")
            return
        }
    }
}
