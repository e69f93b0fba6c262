// SPDX-License-Identifier: Apache-2.0
// `ladder:` of a profile, read with its places: `standard`, `none`, or a map of settings and of readings, each with a bound for
// every rung that it leads to.

package import Config
import Events

extension ProfileKeys {
    static let ladderSettings = ["cap", "samples", "quiet", "grace", "freeze_for", "after_freeze", "straight", "throttled"]
    static let ladder = ladderSettings + Gauge.allCases.map(\.name)
    static let rungs = Rung.allCases.dropFirst().map(\.name)
    static let throttled = ["cpu", "output_rate", "call_rate"]
    static let ladderWords = ["standard", "none"]
}

extension LadderLayer {
    /// Most samples in a row that a rung may wait for.
    static let mostSamples: Int64 = 100

    /// - Returns: nil where the file says nothing.
    init?(_ field: Field) throws(ConfigError) {
        switch field.node.content {
        case .nothing: return nil
        case .scalar:
            if try field.choice(ProfileKeys.ladderWords) == "standard" {
                self = .standard
            } else {
                self.init()
                clears = true
            }
        default:
            self.init()
            let map = try field.map(keys: ProfileKeys.ladder)
            for gauge in Gauge.allCases { if let field = map[gauge.name] { bounds[gauge] = try LadderLayer.steps(gauge, field) } }
            try readSettings(map)
            if self == LadderLayer() { return nil }
        }
    }

    private mutating func readSettings(_ map: Map) throws(ConfigError) {
        cap = try map["cap"].map { field throws(ConfigError) in Rung(name: try field.choice(ProfileKeys.rungs)) } ?? nil
        if let field = map["samples"] {
            let count = try field.count()
            if count > LadderLayer.mostSamples {
                throw field.error("\(count) samples in a row are more than a rung may wait for", help: "`\(LadderLayer.mostSamples)` is the most")
            }
            samples = Int(count)
        }
        quietMicroseconds = try LadderLayer.duration(map["quiet"])
        graceMicroseconds = try LadderLayer.duration(map["grace"])
        freezeMicroseconds = try LadderLayer.duration(map["freeze_for"])
        afterFreeze = try map["after_freeze"]?.choice()
        if let field = map["straight"] {
            var gauges: Set<Gauge> = []
            for item in try field.list() { if let gauge = Gauge(name: try item.choice(Gauge.allCases.map(\.name))) { gauges.insert(gauge) } }
            straight = gauges
        }
        if let field = map["throttled"] {
            let throttled = try field.map(keys: ProfileKeys.throttled)
            if let cores = throttled["cpu"] {
                let value = try cores.cores()
                if value < Limit.leastCores { throw cores.error("so little of a core cannot be kept", help: "`0.01` is the least") }
                throttledCores = value
            }
            throttledOutput = try throttled["output_rate"]?.size()
            throttledCalls = try throttled["call_rate"]?.count()
        }
    }

    private static func duration(_ field: Field?) throws(ConfigError) -> Int64? {
        guard let field else { return nil }
        let time = try field.duration()
        if time > Limit.longestTime { throw field.error("longer than time can be counted here", help: "`876000h`, a hundred years, is the most") }
        return time
    }

    private static func steps(_ gauge: Gauge, _ field: Field) throws(ConfigError) -> [Rung: Written] {
        let map = try field.map(keys: ProfileKeys.rungs)
        var steps: [Rung: Written] = [:]
        for rung in Rung.allCases { if let field = map[rung.name] { steps[rung] = Written(bound: try bound(gauge, field), place: field) } }
        return steps
    }

    private static func bound(_ gauge: Gauge, _ field: Field) throws(ConfigError) -> Bound {
        let text = try field.text()
        if text.utf8.last == 0x25 {
            guard let share = Int64(text.dropLast()), 1...100 ~= share else {
                throw field.error("\(quoted(text)) is not a percentage", help: "write `1%` to `100%`")
            }
            if gauge.unit == "percent" { return .value(share) }
            guard gauge.limit != nil else { throw field.error("`\(gauge.name)` has no limit to take a percentage of", help: "write a number") }
            return .percent(share)
        }
        switch gauge.unit {
        case "us": return .value(try field.duration())
        case "bytes": return .value(try field.size())
        case "millicores": return .value(try field.cores())
        case "percent": throw field.error("\(quoted(text)) is not a percentage", help: "write `1%` to `100%`")
        default: return .value(try field.count())
        }
    }
}

extension Profile {
    /// The rules of this profile's ladder; nil where it has none.
    package func ladderRules(on machine: Machine) throws(ConfigError) -> LadderRules? {
        guard let ladder else { return nil }
        var cores = 1
        if case .known(_, let count) = machine { cores = count }
        return try ladder.rules(limits: limits, machineCores: cores)
    }
}
