// SPDX-License-Identifier: Apache-2.0
// `fumehood policy test`: the cases beside the policies, and which policies no case needed.

import ArgumentParser
import Cedar
import JSON

struct PolicyTestVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Runs the cases beside policies (*.cases.yaml) and says which policies no case needed.",
        discussion: """
            A case names a request and what should come of it: `match` and `not_match` (ids of policies), `decision`, `verdict`, `errors`, \
            `obligations`. Exit code 0: all hold. 1: some do not, or with --cover some policy decided no case. 2: cases or policies cannot be read.

            fumehood: 1
            cases:
            - name: a secret is not read
              principal: User::"alice"
              action: Action::"read"
              resource: Doc::"plan"
              entities: [{uid: Doc::"plan", attrs: {secret: true}}]
              verdict: deny
            """)

    @Flag(name: .customLong("cover"), help: "a policy that decided no case is a failure") var cover = false
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("files of cases, or folders of *.cases.yaml", valueName: "file|dir")) var paths: [String]

    /// Files that test the same policies; they are covered together.
    private struct Group {
        var run: CaseRun
        let schema: Schema?
        let layers: [PolicyLayer]
        /// Each file with its results.
        var files: [(path: String, results: Range<Int>)] = []
    }

    func run() throws {
        try PolicyJudging.run(json: json) {
            var groups: [(key: String, group: Group)] = []
            for path in try files() {
                let file = try PolicyCaseFile(path)
                let key = "\(file.mode) \(file.schemaPath ?? "") \(file.policies)"
                if !groups.contains(where: { $0.key == key }) { groups.append((key, try group(file))) }
                guard let index = groups.firstIndex(where: { $0.key == key }) else { continue }
                let tests = try file.read(schema: groups[index].group.schema, places: groups[index].group.run.places)
                let start = groups[index].group.run.results.count
                for test in tests { groups[index].group.run.run(test) }
                groups[index].group.files.append((path, start..<groups[index].group.run.results.count))
            }
            let all = groups.map(\.group)
            let results = all.flatMap(\.run.results)
            let passed = results.count { $0.isPassed }
            let uncovered = all.reduce(0) { $0 + $1.run.coverage.unused.count }
            let holds = passed == results.count && !(cover && uncovered > 0)
            if json {
                PolicyJudging.write(document(all, passed: passed, failed: results.count - passed, holds: holds))
            } else {
                for group in all { Messages.write(text(group), to: 1) }
                Messages.write("\(passed) passed, \(results.count - passed) failed\n", to: 1)
            }
            return holds
        }
    }

    private func files() throws(PolicyFailure) -> [String] {
        var files: [String] = []
        for path in paths {
            guard try PolicyFiles.isFolder(path) else {
                files.append(path)
                continue
            }
            let found = try PolicyFiles.list(path, ".cases.yaml")
            if found.isEmpty { throw PolicyFailure("no `*.cases.yaml` file is in `\(path)`", help: "name a file, or the folder that holds them") }
            files += found
        }
        return files
    }

    private func group(_ file: PolicyCaseFile) throws -> Group {
        let layers = try PolicyFiles.policies(file.policies)
        let schema = try PolicyFiles.schema(file.schemaPath, beside: file.policies, mode: file.mode)
        let snapshot = try PolicySnapshot(layers: layers, schema: schema, mode: file.mode)
        return Group(run: CaseRun(snapshot, places: PolicyPlaces(snapshot, layers: layers)), schema: schema, layers: layers)
    }

    private func text(_ group: Group) -> String {
        var out = ""
        for file in group.files {
            out += "\(file.path)\n"
            for result in group.run.results[file.results] {
                out += "  \(result.isPassed ? "ok  " : "FAIL")  \(result.name)\n"
                for difference in result.differences { out += "        \(difference)\n" }
            }
        }
        let coverage = group.run.coverage
        out += "\(coverage.ids.count - coverage.unused.count) of \(coverage.ids.count) policies decided a case\n"
        for id in coverage.unused {
            let why = coverage.matching(id) > 0 ? "matched and never decided" : "never matched"
            out += "  \(why): \(group.run.places.short(id)) (\(group.run.places.place(id)))\n"
        }
        return out
    }

    private func document(_ groups: [Group], passed: Int, failed: Int, holds: Bool) -> JSON.Value {
        let sets = groups.map { group -> JSON.Value in
            let files = group.files.map { file -> JSON.Value in
                let cases = group.run.results[file.results].map { result -> JSON.Value in
                    [
                        "name": .string(result.name), "passed": .bool(result.isPassed),
                        "differences": .array(result.differences.map { .string($0) }), "outcome": result.outcome.json,
                    ]
                }
                return ["file": .string(file.path), "cases": .array(cases)]
            }
            let coverage = group.run.coverage
            let covered = coverage.ids.map { id -> JSON.Value in
                [
                    "policy": .string(id.string), "place": .string(group.run.places.place(id)),
                    "determining": .integer(Int64(coverage.determining(id))), "matching": .integer(Int64(coverage.matching(id))),
                ]
            }
            return ["policies": .array(group.layers.map { .string($0.name) }), "files": .array(files), "coverage": .array(covered)]
        }
        return [
            "fumehood": 1, "verdict": .string(holds ? "holds" : "found"), "passed": .integer(Int64(passed)), "failed": .integer(Int64(failed)),
            "sets": .array(sets),
        ]
    }
}
