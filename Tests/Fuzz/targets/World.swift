// SPDX-License-Identifier: Apache-2.0
//
// A small world for policies to decide in: names that the seeds use as well, so that they meet.

import Cedar
import JSON

enum World {
    static let entities = attempt {
        try Entities(
            json: Array(
                """
                [{"uid": {"type": "a", "id": ""}, "attrs": {"s": "foo/bar", "n": 7, "ok": true, "ip": {"__extn": {"fn": "ip", "arg": "10.1.2.3"}}},
                  "parents": [{"type": "G", "id": "g"}], "tags": {"k": "v"}},
                 {"uid": {"type": "T", "id": "t"}, "attrs": {"set": [1, "x"], "rec": {"s": "y"}}, "parents": [{"type": "a", "id": ""}]}]
                """.utf8))
    }

    static let request = attempt {
        try Request(
            json: [
                "principal": ["type": "a", "id": ""], "action": ["type": "Action", "id": "action"], "resource": ["type": "T", "id": "t"],
                "context": ["s": "abc", "n": -1, "ok": false, "rec": ["s": "foo"]],
            ])
    }

    static let schema = attempt {
        try Schema(
            parsing: SourceText(
                """
                entity G; entity a in [G] { s: String, n: Long, ok?: Bool, ip: ipaddr } tags String;
                entity T in [a] { set: Set<Long>, rec: { s: String }, d?: datetime, l?: duration, c?: decimal };
                action "all"; action "action" in ["all"] appliesTo { principal: [a], resource: [T, a],
                  context: { s: String, n: Long, ok?: Bool, rec: { s: String } } };
                """))
    }
}
