// SPDX-License-Identifier: Apache-2.0
// The rules of a cell's ladder as data: which reading leads to which rung, how long it must last, how far the ladder goes. Two
// forms: what files say, merged and with bounds in percent, and the rules with every number fixed. Taking the rungs is Supervision's.

package import Config
package import Events

/// The rules with every number fixed.
package struct LadderRules: Equatable, Sendable {
    /// What becomes of a cell that has stood frozen for as long as that lasts.
    package enum AfterFreeze: String, Equatable, Sendable, CaseIterable { case thaw, kill }

    package struct Step: Equatable, Sendable {
        package var rung: Rung
        /// In the gauge's unit; a reading that is as high counts.
        package var bound: Int64
        package init(_ rung: Rung, _ bound: Int64) {
            self.rung = rung
            self.bound = bound
        }
    }

    package struct Rule: Equatable, Sendable {
        package var gauge: Gauge
        /// From the lowest rung to the highest, their bounds never falling.
        package var steps: [Step]
        /// Its kill waits for no second sample and for no rung below.
        package var isStraight: Bool
        package init(_ gauge: Gauge, _ steps: [Step], isStraight: Bool = false) {
            self.gauge = gauge
            self.steps = steps
            self.isStraight = isStraight
        }
    }

    package var rules: [Rule]
    /// The highest rung that is ever taken.
    package var cap = Rung.kill
    /// Samples in a row that lead up.
    package var samples = 2
    /// Nanoseconds without a sample at the rung's bound that lead down.
    package var quiet: UInt64 = 5_000_000_000
    /// Nanoseconds between terminate and kill.
    package var grace: UInt64 = 2_000_000_000
    /// Nanoseconds that a freeze lasts, unless somebody decides before.
    package var freezeLasts: UInt64 = 30_000_000_000
    package var afterFreeze = AfterFreeze.thaw
    /// What a throttled cell may have: thousandths of a core, bytes of output and calls of tools a second.
    package var throttledCores: Int64 = 200
    package var throttledOutput: Int64 = 64 << 10
    package var throttledCalls: Int64 = 2

    package init(_ rules: [Rule]) { self.rules = rules }

    package func rule(_ gauge: Gauge) -> Rule? { rules.first { $0.gauge == gauge } }

    /// Whether a rung is ever taken that slows: all from slow on do.
    package var slows: Bool { cap >= .slow && rules.contains { $0.steps.contains { $0.rung >= .slow } } }
}

/// What the files of a profile's chain say, the later over the earlier.
package struct LadderLayer: Equatable, Sendable {
    package enum Bound: Equatable, Sendable {
        case value(Int64)
        /// Of the limit of the same name.
        case percent(Int64)
    }

    package struct Written: Equatable, Sendable {
        package var bound: Bound
        /// For messages; nil for the rules that come with us, which are left out where their limit is not set.
        package var place: Field?
        package static func == (a: Written, b: Written) -> Bool { a.bound == b.bound }
    }

    package var bounds: [Gauge: [Rung: Written]] = [:]
    package var cap: Rung?
    package var samples: Int?
    package var quietMicroseconds: Int64?
    package var graceMicroseconds: Int64?
    package var freezeMicroseconds: Int64?
    package var afterFreeze: LadderRules.AfterFreeze?
    package var straight: Set<Gauge>?
    package var throttledCores: Int64?
    package var throttledOutput: Int64?
    package var throttledCalls: Int64?
    /// `none`: what was inherited counts no more.
    package var clears = false

    package init() {}

    /// Another file's, laid over this one.
    package mutating func merge(_ other: LadderLayer) {
        if other.clears { self = LadderLayer() }
        for (gauge, steps) in other.bounds { bounds[gauge, default: [:]].merge(steps) { $1 } }
        cap = other.cap ?? cap
        samples = other.samples ?? samples
        quietMicroseconds = other.quietMicroseconds ?? quietMicroseconds
        graceMicroseconds = other.graceMicroseconds ?? graceMicroseconds
        freezeMicroseconds = other.freezeMicroseconds ?? freezeMicroseconds
        afterFreeze = other.afterFreeze ?? afterFreeze
        straight = other.straight ?? straight
        throttledCores = other.throttledCores ?? throttledCores
        throttledOutput = other.throttledOutput ?? throttledOutput
        throttledCalls = other.throttledCalls ?? throttledCalls
    }

    /// Gauges whose kill is straight where nobody says otherwise: what they read is a flood, or does not wait.
    package static let usuallyStraight: Set<Gauge> = [.refusedForks, .output, .disk, .wall]

    /// `ladder: standard`: a word before a limit is reached, and room to come back from it.
    package static var standard: LadderLayer {
        var layer = LadderLayer()
        func set(_ gauge: Gauge, _ steps: [Rung: Bound]) { layer.bounds[gauge] = steps.mapValues { Written(bound: $0, place: nil) } }
        set(.memory, [.warn: .percent(80), .throttle: .percent(90)])
        set(.pids, [.warn: .percent(80), .slow: .percent(90)])
        set(.refusedForks, [.warn: .value(10), .throttle: .value(50), .freeze: .value(500)])
        for gauge in [Gauge.cpuTime, .wall, .output, .disk] { set(gauge, [.warn: .percent(80)]) }
        set(.outputRate, [.throttle: .value(64 << 20)])
        set(.denialRate, [.warn: .value(100), .slow: .value(1000), .throttle: .value(5000)])
        return layer
    }

    /// The rules with every number fixed; nil where no reading leads anywhere.
    /// - Parameters:
    ///   - limits: the cell's, in the unit of each.
    ///   - machineCores: what `cpu` in percent is of where the cell has no such limit.
    /// - Throws: at a percentage of a limit that is not set, and at bounds that fall while rungs rise.
    package func rules(limits: [Limit: Int64], machineCores: Int) throws(ConfigError) -> LadderRules? {
        var rules: [LadderRules.Rule] = []
        for gauge in Gauge.allCases {
            guard let written = bounds[gauge] else { continue }
            var steps: [LadderRules.Step] = []
            for rung in Rung.allCases {
                guard let item = written[rung] else { continue }
                guard let bound = try number(item, gauge, limits, machineCores) else { continue }
                if let last = steps.last, last.bound > bound, let place = item.place ?? written[last.rung]?.place {
                    throw place.error(
                        "`\(rung.name)` would come before `\(last.rung.name)`: its bound of \(bound) \(gauge.unit) is lower than \(last.bound)",
                        help: "a higher rung has a bound that is as high or higher")
                }
                steps.append(LadderRules.Step(rung, bound))
            }
            if !steps.isEmpty { rules.append(LadderRules.Rule(gauge, steps, isStraight: (straight ?? LadderLayer.usuallyStraight).contains(gauge))) }
        }
        if rules.isEmpty { return nil }
        var all = LadderRules(rules)
        all.cap = cap ?? all.cap
        all.samples = samples ?? all.samples
        if let quietMicroseconds { all.quiet = UInt64(quietMicroseconds) * 1000 }
        if let graceMicroseconds { all.grace = UInt64(graceMicroseconds) * 1000 }
        if let freezeMicroseconds { all.freezeLasts = UInt64(freezeMicroseconds) * 1000 }
        all.afterFreeze = afterFreeze ?? all.afterFreeze
        all.throttledCores = throttledCores ?? all.throttledCores
        all.throttledOutput =
            throttledOutput ?? bounds[.outputRate]?[.throttle].flatMap { if case .value(let bytes) = $0.bound { bytes } else { nil } } ?? all.throttledOutput
        all.throttledCalls = throttledCalls ?? all.throttledCalls
        return all
    }

    private func number(_ item: Written, _ gauge: Gauge, _ limits: [Limit: Int64], _ machineCores: Int) throws(ConfigError) -> Int64? {
        guard case .percent(let share) = item.bound else {
            if case .value(let value) = item.bound { return value }
            return nil
        }
        let whole = gauge.limit.flatMap { limits[$0] } ?? (gauge == .cpu ? Int64(machineCores) * 1000 : nil)
        guard let whole else {
            guard let place = item.place else { return nil }
            throw place.error(
                "`\(share)%` of `\(gauge.name)`, and this cell has no such limit",
                help: "write a number, or set the limit `\(gauge.limit?.rawValue ?? gauge.name)`")
        }
        // Large bounds are divided first, small ones last: neither overflows nor loses what counts.
        return whole > 1 << 50 ? whole / 100 * share : max(1, whole * share / 100)
    }
}
