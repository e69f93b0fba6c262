// SPDX-License-Identifier: Apache-2.0
// What looks wrong in a profile that is right by its form: grants that are wider than their evidence, folders that hold more than a tool
// should have, walls given up. Each finding is a sentence with what to do; none of them keeps a profile from being used.

package struct LintFinding: Equatable, Sendable {
    package let text: String
    package let help: String
}

extension ProfileFacts {
    package func findings(home: String?) -> [LintFinding] {
        var found: [LintFinding] = []
        func say(_ text: String, _ help: String) { found.append(LintFinding(text: text, help: help)) }
        for word in unsafe.sorted(by: before) {
            say("`unsafe: [\(word)]` opens what no learning grants", "leave it out, or say in the description why it is needed")
        }
        for path in writes.sorted(by: before) {
            if let home, path == home { say("the whole home folder is writable", "grant the folders in it that the tool works in") }
            if ["/usr", "/etc", "/bin", "/lib", "/opt", "/var", "/home", "/root"].contains(path) {
                say("`\(path)` is writable", "grant the folder in it that the tool works in")
            }
            if hidden.isEmpty { say("`\(path)` is writable and nothing is hidden", "extend base, which hides the places of secrets") }
        }
        if let home, reads.contains(home) { say("the whole home folder is readable", "grant the folders in it that the tool reads") }
        if network == "host" { say("the network is the host's", "`network: loopback` or none, where the tool does without") }
        for wall in waived.sorted(by: before) { say("the wall `\(wall)` is given up", "leave it on where the machine has it") }
        guard let evidence else { return found }
        if let doubt = evidence.doubt { say("it was learned and is not sure yet: \(doubt)", "run fumehood learn on more inputs") }
        if evidence.promotion == .forced { say("it was promoted by force", "learn from more inputs, then promote it again") }
        for word in words.subtracting(evidence.seen.keys).sorted(by: before) { say("`\(word)` is granted and was never seen in use", "take it out of `only`") }
        for word in words.sorted(by: before) where evidence.seen[word]?.runs == 1 && evidence.distinct >= Evidence.leastRuns {
            say("`\(word)` was needed in one run of \(evidence.distinct)", "look whether that run did what it should")
        }
        for path in evidence.secrets.sorted(by: before) {
            say("the tool asks for `\(Evidence.contracted(path, home: home))`, which is hidden", "find out why; it is never granted")
        }
        for call in evidence.refused.sorted(by: before) where !call.hasPrefix("socket(") && !call.hasPrefix("get_mempolicy") {
            say("the tool tries `\(call)`, which is refused", "find out why; it is never learned")
        }
        return found
    }
}
