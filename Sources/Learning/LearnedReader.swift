// SPDX-License-Identifier: Apache-2.0
// A learned profile's file back to its evidence: strict, with line and column, as every profile is read. A profile without `learned:` is
// one that somebody wrote, and has none.

package import Config
import Events
import Sandbox
import Syscalls

extension Evidence {
    static let keys = [
        "version", "command", "program", "promoted", "runs", "failed", "inputs", "grants", "executes", "addresses", "changes", "wanted", "secrets",
        "refused", "candidates", "calls",
    ]

    /// - Parameters:
    ///   - bytes: of a whole profile.
    ///   - home: what `~` stands for.
    /// - Returns: nil where the profile was not learned.
    package init?(profile bytes: [UInt8], file: String, home: String?) throws(ConfigError) {
        let root = try Field(parsing: bytes, file: file)
        var top: [String: Field] = [:]
        for entry in try root.entries() { top[entry.key] = entry.value }
        guard let learned = try top["learned"]?.map(keys: Evidence.keys) else { return nil }
        func expanded(_ path: String) -> String { path.hasPrefix("~/") || path == "~" ? (home ?? "~") + path.dropFirst() : path }
        func words(_ field: Field?) throws(ConfigError) -> Set<String> { Set(try field?.texts() ?? []) }
        func paths(_ field: Field?) throws(ConfigError) -> Set<String> { Set(try words(field).map(expanded)) }
        func entry(_ key: String, of name: String) throws(ConfigError) -> Field? {
            try top[name]?.entries().first { $0.key == key }?.value
        }
        self.init(
            command: try learned.required("command").text(), program: try learned.required("program").text(), extends: try top["extends"]?.text() ?? "base")
        version = try Evidence.number(learned.required("version"))
        promotion = try learned.required("promoted").choice(Promotion.self)
        runs = try Evidence.number(learned.required("runs"))
        failed = try Evidence.number(learned.required("failed"))
        inputs = try words(learned["inputs"])
        granted.words = try words(try entry("only", of: "syscalls"))
        granted.reads = try paths(try entry("read", of: "files"))
        granted.writes = try paths(try entry("write", of: "files"))
        granted.network = try top["network"]?.text() ?? "none"
        granted.passes = try words(try entry("pass", of: "environment"))
        programs = try words(learned["executes"])
        addresses = try words(learned["addresses"])
        changes = try paths(learned["changes"])
        wanted = try paths(learned["wanted"])
        secrets = try paths(learned["secrets"])
        refused = try words(learned["refused"])
        candidates = try words(learned["candidates"])
        for (key, _, field) in try top["limits"]?.entries() ?? [] {
            guard let limit = Limit(rawValue: key), let value = try? limit.bound(try field.anyText()) else { throw field.error("unknown limit") }
            granted.limits[limit] = value
        }
        for item in try learned["calls"]?.list() ?? [] {
            let map = try item.map(keys: ["tool", "needs", "executes", "changes"])
            var needs = CallNeeds()
            needs.words = try words(map["needs"])
            needs.programs = try words(map["executes"])
            needs.changes = try paths(map["changes"])
            calls[try map.required("tool").text()] = needs
        }
        for item in try learned["grants"]?.list() ?? [] {
            let map = try item.map(keys: ["word", "runs", "phase", "seen", "inferred"])
            let phase = try map.required("phase")
            guard let known = Phase(rawValue: try phase.choice(Phase.allCases.map(\.rawValue))) else { throw phase.error("unknown phase") }
            seen[try map.required("word").text()] = Sighting(
                runs: try Evidence.number(map.required("runs")), phase: known, calls: try words(try map.required("seen")))
        }
    }

    private static func number(_ field: Field) throws(ConfigError) -> Int {
        guard let value = Int(try field.text()), (0...1_000_000_000).contains(value) else { throw field.error("expected a number of runs") }
        return value
    }
}
