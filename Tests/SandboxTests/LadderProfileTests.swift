// SPDX-License-Identifier: Apache-2.0
// `ladder:` of profiles: read, refused with its place, merged through `extends`, and made into rules with every number fixed.

import Config
import Events
import Testing

@testable import Sandbox

private func rules(_ text: String, others: [String: String] = [:], cores: Int = 2) throws(ConfigError) -> LadderRules? {
    try load(text, others: others).ladderRules(on: .known(memoryBytes: 1 << 33, cores: cores))
}

private func fault(_ text: String) -> String {
    do { return "accepted: \(try rules(text)?.rules.map { $0.gauge.name } ?? [])" } catch {
        let place = error.file + (error.mark.map { ":\($0)" } ?? "") + (error.path.isEmpty ? "" : ": \(error.path)")
        return "\(place): \(error.message)" + (error.help.map { "\nhelp: \($0)" } ?? "")
    }
}

@Test func `every key of a ladder is read`() throws {
    let rules = try #require(
        try rules(
            """
            fumehood: 1
            extends: none
            limits: { memory: 100M, pids: 200, wall: 100s }
            ladder:
              cap: terminate
              samples: 3
              quiet: 4s
              grace: 500ms
              freeze_for: 1m
              after_freeze: kill
              straight: [memory]
              throttled: { cpu: 0.5, output_rate: 1M }
              cpu: { warn: 80%, slow: 1.9 }
              memory: { warn: 50%, throttle: 60M, kill: 90% }
              pids: { freeze: 100 }
              pressure_cpu: { slow: 40% }
              wall: { warn: 90% }
              denial_rate: { warn: 10, throttle: 10 }
            """))
    #expect(rules.cap == .terminate && rules.samples == 3 && rules.quiet == 4_000_000_000 && rules.grace == 500_000_000)
    #expect(rules.freezeLasts == 60_000_000_000 && rules.afterFreeze == .kill && rules.throttledCores == 500 && rules.throttledOutput == 1 << 20)
    #expect(rules.rules.map(\.gauge) == [.cpu, .memory, .pids, .pressureCPU, .wall, .denialRate])
    #expect(rules.rule(.cpu)?.steps == [.init(.warn, 1600), .init(.slow, 1900)])
    #expect(rules.rule(.memory) == .init(.memory, [.init(.warn, 50 << 20), .init(.throttle, 60 << 20), .init(.kill, 90 << 20)], isStraight: true))
    #expect(rules.rule(.wall)?.steps == [.init(.warn, 90_000_000)] && rules.rule(.wall)?.isStraight == false)
}

@Test(arguments: [
    ("ladder: {cpu: {wran: 1}}", "mine.yaml:2:16: ladder.cpu: unknown key `wran`\nhelp: did you mean `warn`?"),
    ("ladder: {cpu: {warn: 0%}}", "mine.yaml:2:22: ladder.cpu.warn: `0%` is not a percentage\nhelp: write `1%` to `100%`"),
    (
        "ladder: {memory: {warn: 5}}",
        "mine.yaml:2:25: ladder.memory.warn: `5` has no unit\nhelp: a size is a whole number with a unit: `64K`, `512M`, `1G`, or `4096B` for bytes"
    ),
    ("ladder: {denial_rate: {warn: 5%}}", "mine.yaml:2:30: ladder.denial_rate.warn: `denial_rate` has no limit to take a percentage of\nhelp: write a number"),
    ("ladder: {pressure_io: {warn: 5}}", "mine.yaml:2:30: ladder.pressure_io.warn: `5` is not a percentage\nhelp: write `1%` to `100%`"),
    ("ladder: {cap: stop}", "mine.yaml:2:15: ladder.cap: expected `warn`, `slow`, `throttle`, `freeze`, `terminate` or `kill`, found `stop`"),
    ("ladder: {samples: 1000}", "mine.yaml:2:19: ladder.samples: 1000 samples in a row are more than a rung may wait for\nhelp: `100` is the most"),
    (
        "ladder: {straight: [cpus]}",
        "mine.yaml:2:21: ladder.straight[0]: expected `cpu`, `cpu_time`, `memory`, `pids`, `refused_forks`, `pressure_cpu`, `pressure_memory`, `pressure_io`, `output`, `output_rate`, `disk`, `write_rate`, `wall`, `call_rate`, `denial_rate` or `call_loops`, found `cpus`\nhelp: did you mean `cpu`?"
    ),
    ("ladder: {throttled: {cpu: 0.001}}", "mine.yaml:2:27: ladder.throttled.cpu: so little of a core cannot be kept\nhelp: `0.01` is the least"),
    (
        "ladder: {cpu_time: {warn: 80%}}",
        "mine.yaml:2:27: ladder.cpu_time.warn: `80%` of `cpu_time`, and this cell has no such limit\nhelp: write a number, or set the limit `cpu_time`"
    ),
    (
        "ladder: {memory: {warn: 60M, slow: 50M}}",
        "mine.yaml:2:36: ladder.memory.slow: `slow` would come before `warn`: its bound of 52428800 bytes is lower than 62914560\nhelp: a higher rung has a bound that is as high or higher"
    ),
    ("ladder: standard", "accepted: [\"memory\", \"pids\", \"refused_forks\", \"output_rate\", \"disk\", \"denial_rate\"]"),
    ("ladder: none", "accepted: []"), ("ladder: {}", "accepted: []"), ("ladder:", "accepted: []"), ("ladder: {cap: warn}", "accepted: []"),
])
func `a ladder is refused with place, reason and remedy`(text: String, expected: String) { #expect(fault("fumehood: 1\n" + text + "\n") == expected) }

@Test func `the later file's bounds lie over the earlier's, and none drops them`() throws {
    let parent = ["parent": "fumehood: 1\nladder: { quiet: 9s, cpu: { warn: 0.5, throttle: 1.0 }, pids: { warn: 10 } }\n"]
    let child = try #require(try rules("fumehood: 1\nextends: parent\nladder: { cpu: { throttle: 1.5, freeze: 2 }, cap: freeze }\n", others: parent))
    #expect(child.quiet == 9_000_000_000 && child.cap == .freeze)
    #expect(child.rule(.cpu)?.steps == [.init(.warn, 500), .init(.throttle, 1500), .init(.freeze, 2000)])
    #expect(child.rule(.pids)?.steps == [.init(.warn, 10)])
    #expect(try rules("fumehood: 1\nextends: parent\nladder: none\n", others: parent) == nil)
    #expect(try rules("fumehood: 1\nextends: parent\n", others: parent)?.rules.count == 2)
}

@Test func `a cell without a ladder has none, and its groups are as before`() throws {
    #expect(try rules("fumehood: 1\n") == nil)
    let facts = GroupFacts(backend: .v2, unified: "/g", controllers: [.cpu, .memory, .pids])
    var limits = CellRequest.Limits()
    limits.memory = 1 << 30
    let before = GroupPlan(facts, limits: limits, name: "n")
    #expect(before.unified?.controllers == [.memory])
    limits.steers = [.cpu, .pids]
    let after = GroupPlan(facts, limits: limits, name: "n")
    #expect(after.unified?.controllers == [.memory, .cpu, .pids] && after.unified?.settings == before.unified?.settings)
    #expect(GroupPlan(.none("no"), limits: limits, name: "n").missing.count == 2)
}

@Test func `what is taken back is what was there`() {
    var limits = CellRequest.Limits()
    limits.steers = [.cpu, .memory]
    let new = GroupPlan(GroupFacts(backend: .v2, unified: "/g", controllers: [.cpu, .memory]), limits: limits, name: "n")
    let free = Steering(new, cores: nil), bounded = Steering(new, cores: 500)
    #expect(free.throttle(200)?.value == "20000 100000" && free.throttle(nil)?.value == "max 100000")
    #expect(bounded.throttle(900)?.value == "50000 100000" && bounded.throttle(nil)?.value == "50000 100000")
    #expect(free.slow(true)?.file == "cpu.weight" && free.slow(false)?.value == "100")
    #expect(free.reclaim(above: 7)?.value == "7" && free.reclaim(above: nil)?.value == "max")
    let old = GroupPlan(GroupFacts(backend: .v1, old: [.cpu: "/c", .memory: "/m", .freezer: "/f"]), limits: limits, name: "n")
    let steering = Steering(old, cores: nil)
    #expect(steering.throttle(200)?.file == "cpu.cfs_quota_us" && steering.throttle(nil)?.value == "-1" && steering.reclaim(above: 1) == nil)
    #expect(steering.slow(true)?.value == "15" && steering.slow(false)?.value == "1024")
    #expect(Steering(GroupPlan(), cores: nil).slow(true) == nil)
}
