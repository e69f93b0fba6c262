// SPDX-License-Identifier: Apache-2.0
// `fumehood policy reload`: running sessions take the policies as the files now are. What does not load is told to nobody, so that each keeps
// what it has.

import ArgumentParser
import Governance
import JSON
import Linux
import Session

struct PolicyReloadVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Has the running sessions of this user load the policies anew, each as a whole.",
        discussion: """
            The policies of /etc/fumehood/policy.d and of yours are loaded here first; if they do not load, nobody is told. A run of one command was \
            decided when it was launched and has nothing to load. Exit code 0: every session has them. 1: one refused. 2: they do not load.
            """)
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func run() throws {
        try PolicyJudging.run(json: json) {
            let place: LogPlace
            do { place = try LogOptions.own() } catch let error as LogFailure { throw PolicyFailure(error.text, help: error.help) }
            let rulebook = try Governing.rulebook(named: [], place: place)
            var results: [JSON.Value] = []
            var holds = true
            let folder = RunningCells.folder
            for cell in try RunningCells.all() {
                guard let id = cell["cell"]?.asString else { continue }
                var word = "refused"
                do throws(SystemError) { word = try Registry.ask(.reload, of: id, in: folder)?["reload"]?.asString ?? "ended" } catch { word = error.message }
                if !["decided", "loaded", "ended"].contains(word) { holds = false }
                results.append(["cell": .string(id), "result": .string(word)])
                if !json { Messages.write("\(id) \(word)\n", to: 1) }
            }
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "policy_set_sha256": .string(rulebook.digestText), "layers": .array(rulebook.layers.map { .string($0.name) }),
                    "results": .array(results),
                    "warnings": .array(rulebook.warnings.map { .string($0) }),
                ])
            } else {
                for warning in rulebook.warnings { Messages.note(warning) }
                Messages.write("\(rulebook.layers.count) files, set \(rulebook.digestText)\n", to: 1)
            }
            return holds
        }
    }
}
