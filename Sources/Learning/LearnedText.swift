// SPDX-License-Identifier: Apache-2.0
// A learned profile as text: sorted, without dates or counters of this machine, so that the same runs give the same bytes. It is a profile
// like any other; what it was learned from stands under `learned:`, which the launcher does not look at.

import Events
import Syscalls

extension Evidence {
    /// The profile's file. - Parameter home: contracted to `~`.
    package func text(home: String?) -> String {
        func list(_ words: Set<String>) -> String { "[" + words.sorted(by: before).map(YAML.scalar).joined(separator: ", ") + "]" }
        func block(_ name: String, _ words: Set<String>, _ indent: String) -> String {
            if words.isEmpty { return "" }
            return "\(indent)\(name):\n" + words.sorted(by: before).map { "\(indent)  - \(YAML.scalar($0))\n" }.joined()
        }
        func short(_ paths: Set<String>) -> Set<String> { Set(paths.map { Evidence.contracted($0, home: home) }) }
        var out = "# Made by `fumehood learn`, which writes it anew after each run. In words: fumehood profile show\n"
        out += "fumehood: 1\nextends: \(YAML.scalar(extends))\ndescription: \(YAML.scalar(summary))\n"
        if !granted.reads.isEmpty || !granted.writes.isEmpty {
            out += "files:\n" + block("read", short(granted.reads), "  ") + block("write", short(granted.writes), "  ")
        }
        if granted.network != "none" { out += "network: \(granted.network)\n" }
        out += "syscalls: { only: \(list(granted.words)) }\n"
        if !granted.passes.isEmpty { out += "environment: { pass: \(list(granted.passes)) }\n" }
        if !granted.limits.isEmpty {
            let limits = granted.limits.sorted { before($0.key.rawValue, $1.key.rawValue) }
            out += "limits: { \(limits.map { "\($0.key.rawValue): \(LearnedLimits.text($0.key, $0.value))" }.joined(separator: ", ")) }\n"
        }
        out +=
            "learned:\n  version: \(version)\n  command: \(YAML.scalar(command))\n  program: \(YAML.scalar(program))\n  promoted: \"\(promotion.rawValue)\"\n"
        out += "  runs: \(runs)\n  failed: \(failed)\n"
        out += block("inputs", inputs, "  ")
        if !seen.isEmpty {
            out += "  grants:\n"
            for (word, sighting) in seen.sorted(by: { before($0.key, $1.key) }) {
                out += "    - { word: \(YAML.scalar(word)), runs: \(sighting.runs), phase: \(sighting.phase.rawValue), seen: \(list(sighting.calls))"
                let inferred = Evidence.inferred(from: sighting.calls)
                out += (inferred.isEmpty ? "" : ", inferred: \(list(inferred))") + " }\n"
            }
        }
        if !calls.isEmpty {
            out += "  calls:\n"
            for (tool, needs) in calls.sorted(by: { before($0.key, $1.key) }) {
                out += "    - { tool: \(YAML.scalar(tool)), needs: \(list(needs.words))"
                if !needs.programs.isEmpty { out += ", executes: \(list(needs.programs))" }
                if !needs.changes.isEmpty { out += ", changes: \(list(short(needs.changes)))" }
                out += " }\n"
            }
        }
        out += block("executes", programs, "  ") + block("addresses", addresses, "  ") + block("changes", short(changes), "  ")
        out +=
            block("wanted", short(wanted), "  ") + block("secrets", short(secrets), "  ") + block("refused", refused, "  ")
            + block("candidates", candidates, "  ")
        return out
    }

    /// Members of the same classes as the calls, which were not seen themselves.
    static func inferred(from calls: Set<String>) -> Set<String> {
        let seen = Set(calls.compactMap { Syscall(rawValue: String($0.prefix { $0 != "(" })) })
        let made = calls.contains(Sighting.process) ? Syscall.equivalent.first { $0.contains(.clone) } ?? [] : []
        return Set(Syscall.inferred(from: seen).union(made).map(\.rawValue))
    }

    /// One line: the words that a person judges by.
    package var summary: String {
        var parts = [granted.words.isEmpty ? "the base alone" : granted.words.sorted(by: before).joined(separator: " ")]
        if !granted.writes.isEmpty { parts.append("writes") }
        parts.append(granted.network == "none" ? "no network" : "network \(granted.network)")
        return "\(command): \(parts.joined(separator: "; "))"
    }

    static func contracted(_ path: String, home: String?) -> String {
        guard let home, home != "/", path.utf8.starts(with: home.utf8) else { return path }
        let rest = path.dropFirst(home.count)
        return rest.isEmpty || rest.hasPrefix("/") ? "~" + rest : path
    }
}

/// By bytes, whatever the locale.
package func before(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

/// The little YAML that is written here.
package enum YAML {
    /// Plain where every reader takes it for a text, else in double quotes.
    package static func scalar(_ text: String) -> String {
        var plain = !text.isEmpty && text.utf8.count < 200
        for (place, byte) in text.utf8.enumerated() {
            switch byte {
            case 0x61...0x7a, 0x41...0x5a, 0x2f, 0x5f: break
            case 0x7e: plain = plain && place == 0 && text.utf8.count > 1
            case 0x30...0x39, 0x2d, 0x2e: plain = plain && place > 0
            default: plain = false
            }
        }
        if plain && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased()) { return text }
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            default:
                if scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029 || scalar.value == 0xfeff {
                    let digits = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}
