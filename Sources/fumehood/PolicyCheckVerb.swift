// SPDX-License-Identifier: Apache-2.0
// `fumehood policy check`: whether policies can be loaded, and what looks wrong in those that can.

import ArgumentParser
import Cedar
import JSON

struct PolicyCheckVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Says whether policies are right: their text, their types, their annotations, what can never match.",
        discussion: """
            All files are one set: a forbid of one may make a permit of another useless. Nothing is loaded; a set with an error \
            would be refused whole. Exit code 0: no error. 1: errors, or warnings with --fail-on warning. 2: a file or the schema cannot be read.
            """)

    enum Severity: String, ExpressibleByArgument, CaseIterable { case error, warning }

    @Option(
        name: .customLong("schema"), help: ArgumentHelp("the schema, as text or JSON (default: the one *.cedarschema beside the policies)", valueName: "file"))
    var schema: String?
    @Option(name: .customLong("mode"), help: "strict: as in a session, with the static checks. exact: as Cedar alone")
    var mode: PolicyModeFlag = .strict
    @Option(name: .customLong("fail-on"), help: "what gives exit code 1") var failOn: Severity = .error
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("policy files, or folders of *.cedar", valueName: "file|dir")) var paths: [String]

    func run() throws {
        try PolicyJudging.run(json: json) {
            let layers = try PolicyFiles.policies(paths)
            let schema = try PolicyFiles.schema(schema, beside: paths, mode: mode.mode)
            let check = PolicyCheck(layers, schema: schema, mode: mode.mode)
            let holds = check.errors == 0 && (failOn == .error || check.warnings == 0)
            let untold = check.errors + check.warnings - check.problems.count
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "verdict": .string(holds ? "holds" : "found"), "policies": .integer(Int64(check.count)),
                    "validated": .bool(schema != nil), "errors": .integer(Int64(check.errors)), "warnings": .integer(Int64(check.warnings)),
                    "problems": .array(check.problems.map(\.json)), "untold": .integer(Int64(untold)),
                ])
                return holds
            }
            for problem in check.problems { Messages.write(problem.rendered + "\n") }
            if untold > 0 { Messages.write("... and \(untold) more\n") }
            Messages.write(summary(check, validated: schema != nil) + "\n", to: check.errors > 0 ? 2 : 1)
            return holds
        }
    }

    private func summary(_ check: PolicyCheck, validated: Bool) -> String {
        func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
        let warnings = check.warnings == 0 ? "" : ", \(count(check.warnings, "warning"))"
        if check.errors > 0 { return "\(count(check.errors, "error"))\(warnings): the set does not load" }
        let policies = check.count == 1 ? "1 policy" : "\(check.count) policies"
        return "\(policies)\(validated ? "" : ", not validated: there is no schema")\(warnings): no error"
    }
}
