// SPDX-License-Identifier: Apache-2.0
//
// Times of decisions and loading, as JSON lines: `cedar-corpus bench`. Benchmarks/cedar/bench.py sets them beside
// cedarpy's. The request is a call of a tool with arguments; the last policy matches; one forbid is present.

import Cedar
import JSON

enum Bench {
    /// The shapes of policy sets, each with the policy of number `index`.
    static let shapes: [(name: String, policy: @Sendable (Int) -> String)] = [
        ("named", { "permit(principal, action == Action::\"call\", resource == Tool::\"tool\($0)\");" }),
        (
            "context, equal",
            { "permit(principal, action, resource) when { context.input.path == \"/srv/data/\($0)\" };" }
        ),
        (
            "context, prefix",
            { "permit(principal, action, resource) when { context.input.path like \"/srv/data/\($0)*\" };" }
        ),
        (
            "context, no literal",
            { "permit(principal, action, resource) when { context.input.size == context.input.limit + \($0) };" }
        ),
    ]

    private static let schema = """
        entity Agent in [AgentGroup]; entity AgentGroup; entity Server; entity Tool in [Server];
        action call, never appliesTo { principal: [Agent], resource: [Tool], context: {
          input: { path: String, size: Long, limit: Long, mode: String }, session: { calls: Long } } };
        """

    static func request(_ count: Int) throws -> (Request, Entities) {
        let last = count - 1
        let json: JSON.Value = [
            "principal": ["type": "Agent", "id": "local"], "action": ["type": "Action", "id": "call"],
            "resource": ["type": "Tool", "id": .string("tool\(last)")],
            "context": [
                "input": ["path": .string("/srv/data/\(last)"), "size": .integer(Int64(last) + 7), "limit": 7, "mode": "r"],
                "session": ["calls": 3],
            ],
        ]
        let entities: JSON.Value = [
            [
                "uid": ["type": "Agent", "id": "local"], "attrs": [:],
                "parents": [["type": "AgentGroup", "id": "all"]],
            ],
            ["uid": ["type": "Tool", "id": .string("tool\(last)")], "attrs": [:], "parents": [["type": "Server", "id": "s"]]],
        ]
        return (try Request(json: json), try Entities(json: entities))
    }

    static func text(_ shape: (Int) -> String, _ count: Int) -> String {
        "forbid(principal, action == Action::\"never\", resource);\n" + (0..<count).map(shape).joined(separator: "\n")
    }

    static func run() throws {
        let clock = ContinuousClock()
        for (name, shape) in shapes {
            for count in [1, 10, 100, 1000, 10_000] {
                let text = text(shape, count)
                let (request, entities) = try request(count)
                // Short rounds and the best of several, here and below: what else runs on the machine then hardly counts.
                func best(_ times: Int, _ body: () throws -> Void) rethrows -> Duration {
                    var best = Duration.seconds(1000)
                    for _ in 0..<times { best = min(best, try clock.measure(body)) }
                    return best
                }
                var set = PolicySet()
                let parse = try best(3) { set = try PolicyParser.policies(SourceText(text)) }
                var compiled = CompiledPolicies(PolicySet())
                let index = best(3) { compiled = CompiledPolicies(set) }
                guard compiled.authorize(request, entities) == set.authorize(request, entities),
                    compiled.authorize(request, entities).decision == .allow
                else { throw Failure("\(name), \(count): wrong decision") }
                // What the launcher does: parse, validate, index.
                let schema = try Schema(parsing: SourceText(Self.schema))
                let layer = PolicyLayer(name: "bench", bytes: Array(text.utf8))
                let load = try best(3) { _ = try PolicySnapshot(layers: [layer], schema: schema, mode: .strict) }
                var rounds = 1
                while clock.measure({ for _ in 0..<rounds { _ = compiled.authorize(request, entities) } }) < .microseconds(100) {
                    rounds *= 2
                }
                let decision = best(200) { for _ in 0..<rounds { _ = compiled.authorize(request, entities) } }
                let line: JSON.Value = [
                    "shape": .string(name), "policies": .integer(Int64(count)),
                    "decision_ns": .integer(Int64(decision / rounds / .nanoseconds(1))),
                    "parse_us": .integer(Int64(parse / .microseconds(1))),
                    "index_us": .integer(Int64(index / .microseconds(1))),
                    "load_us": .integer(Int64(load / .microseconds(1))),
                ]
                print(line.serialised())
            }
        }
    }
}
