# SPDX-License-Identifier: Apache-2.0
"""Seeds of a fuzz target, one file each: `seeds.py NAME FOLDER`. Texts come from the shared Cedar corpus (the shortest
ones, which still hold every construct) and from Profiles; JSON policies and schemas are written here, since the corpus has
text only. Without the shared data the few of this file are all."""
import json
import os
import random
import sys
import tarfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(os.environ.get("FUMEHOOD_SHARED", os.path.join(ROOT, "../shared")), "data/cedar")
MOST, LONGEST = 400, 4096

POLICIES = [
    'permit(principal == a::"", action in [Action::"action"], resource is T in a::"") when { context.s like "a*" && principal.ok };',
    '@id("x") @y forbid(principal in ?principal, action, resource == ?resource) unless { [1, "x"].containsAny(resource.set) || {"a b": -1}["a b"] < 2 * 3 - 1 };',
    'permit(principal is a, action == Action::"all", resource) when { principal has s && ip("10.0.0.0/8").isInRange(ip("::1")) };\n// end\n'
    'forbid(principal, action, resource) when { if principal.hasTag("k") then principal.getTag("k") == "v" else !(context has rec.s) };',
    'permit(principal, action, resource) when { decimal("1.0").lessThan(decimal("2.5")) && datetime("2024-10-15").offset(duration("1d2h")) > datetime("2024-10-15T11:35:00Z") };',
]
SCHEMAS = [
    'namespace N { type R = { "a b"?: Set<Long>, c: __cedar::String }; entity U in [G] = R tags Long; entity G enum ["x", "y"]; '
    '@doc("d") action "r", w in ["r"] appliesTo { principal: [U, G], resource: U, context: R }; }\nentity U { d: datetime, e: N::U, };',
]
SCHEMAS_JSON = [
    {"": {"commonTypes": {"R": {"type": "Record", "attributes": {"a": {"type": "Set", "element": {"type": "Long"}, "required": False}}}},
          "entityTypes": {"U": {"memberOfTypes": ["G"], "shape": {"type": "R"}, "tags": {"type": "String"}}, "G": {"enum": ["x"]},
                          "T": {"shape": {"type": "Record", "attributes": {"e": {"type": "Entity", "name": "U"}, "i": {"type": "Extension", "name": "ipaddr"}, "o": {"type": "EntityOrCommon", "name": "R"}}, "additionalAttributes": False}}},
          "actions": {"all": {}, "r": {"memberOf": [{"id": "all", "type": "Action"}], "appliesTo": {"principalTypes": ["U"], "resourceTypes": ["T"], "context": {"type": "Record", "attributes": {"b": {"type": "Boolean"}}}},
                                      "annotations": {"doc": "d"}}}},
     "N::M": {"entityTypes": {}, "actions": {}}},
]
ENTITY = {"uid": {"type": "a", "id": ""}, "attrs": {"s": "x", "e": {"__entity": {"type": "T", "id": "t"}}, "d": {"__extn": {"fn": "decimal", "arg": "1.5"}}, "set": [1, {"k": True}]}, "parents": [{"type": "G", "id": "g"}], "tags": {"k": 2}}
REQUEST = {"principal": {"type": "a", "id": ""}, "action": {"type": "Action", "id": "action"}, "resource": {"type": "T", "id": "t"}, "context": {"s": "abc", "rec": {"s": [1]}}}


def binary(op, left, right):
    return {op: {"left": left, "right": right}}


def documents():
    """Policy sets in JSON, each with entities and a request."""
    value, var = (lambda x: {"Value": x}), (lambda x: {"Var": x})
    attr = lambda of, name: {".": {"left": of, "attr": name}}
    bodies = [
        binary("&&", binary("==", attr(var("context"), "s"), value("abc")), {"!": {"arg": {"has": {"left": var("principal"), "attr": "s"}}}}),
        {"if-then-else": {"if": value(True), "then": {"neg": {"arg": value(1)}}, "else": {"Record": {"a b": {"Set": [value(1), {"Value": {"__entity": {"type": "a", "id": ""}}}]}}}}},
        {"like": {"left": attr(var("context"), "s"), "pattern": [{"Literal": "a"}, "Wildcard"]}},
        {"is": {"left": var("resource"), "entity_type": "T", "in": value({"__entity": {"type": "a", "id": ""}})}},
        binary("isInRange", {"ip": [value("1.1.1.1")]}, {"ip": [value("::/0")]}),
        {"isInRange": [{"ip": [value("1.1.1.1")]}, {"ip": [value("10.0.0.0/8")]}]},
        {"lessThan": [{"decimal": [value("1.0")]}, {"Value": {"__extn": {"fn": "decimal", "arg": "2.0"}}}]},
        binary("||", binary("containsAll", attr(var("resource"), "set"), {"Set": []}), {"isEmpty": {"arg": attr(var("resource"), "set")}}),
        binary("getTag", var("principal"), value("k")), binary("in", var("principal"), {"Set": [value({"__entity": {"type": "G", "id": "g"}})]}),
        binary("<=", binary("*", value(3), value(-9223372036854775808)), binary("+", value(1), binary("-", attr(var("context"), "n"), value(2)))),
    ]
    for number, body in enumerate(bodies):
        policy = {"effect": "permit" if number % 3 else "forbid", "principal": {"op": "is", "entity_type": "a"} if number % 2 else {"op": "All"},
                  "action": [{"op": "All"}, {"op": "in", "entities": [REQUEST["action"]]}, {"op": "==", "entity": REQUEST["action"]}][number % 3],
                  "resource": {"op": "==", "entity": REQUEST["resource"]}, "conditions": [{"kind": "when" if number % 4 else "unless", "body": body}], "annotations": {"id": "x", "y": None}}
        template = {"effect": "permit", "principal": {"op": "==", "slot": "?principal"}, "action": {"op": "All"}, "resource": {"op": "is", "entity_type": "T", "in": {"slot": "?resource"}}, "conditions": []}
        links = [{"templateId": "t", "newId": "l", "values": {"?principal": REQUEST["principal"], "?resource": REQUEST["resource"]}}]
        whole = {"staticPolicies": {"p%d" % number: policy}, "templates": {"t": template} if number % 2 else {}, "templateLinks": links if number % 2 else []}
        yield b"\0".join(json.dumps(part).encode() for part in (whole, [ENTITY], REQUEST))


def corpus(ending):
    """The shortest files of that ending, half of them chosen by chance among the longer ones (always the same)."""
    archive = os.path.join(DATA, "corpus.tar.gz")
    if not os.path.exists(archive):
        return []
    texts = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.endswith(ending) and member.size <= LONGEST:
                texts.add(tar.extractfile(member).read())
    texts = sorted(texts, key=lambda text: (len(text), text))
    return texts[: MOST // 2] + random.Random(1).sample(texts[MOST // 2:], max(0, min(MOST // 2, len(texts) - MOST // 2)))


def seeds(name):
    if name == "policy":
        return [text.encode() for text in POLICIES] + corpus(".cedar")
    if name == "schema":
        return [text.encode() for text in SCHEMAS] + corpus(".cedarschema")
    if name == "schema-json":
        return [json.dumps(schema).encode() for schema in SCHEMAS_JSON]
    if name == "documents":
        head = next(documents()).split(b"\0")[0]
        return list(documents()) + [head + b"\0" + text + b"\0" + json.dumps(REQUEST).encode() for text in corpus(".entities.json")[:100]]
    if name == "wire":
        call = b'c{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s}}\n'
        meta = b'{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'
        return [
            call % (1, b"free", b'{"t":"x"}') + b's{"jsonrpc":"2.0","id":3,"result":{"content":[]}}\n',
            call % (1, b"add", b'{"a":1,"t":"aab"}') + call % (2, b"add", b'{"a":1.0}') + b't\nc{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n',
            b'c[{"jsonrpc":"2.0","id":5,"method":"ping"},{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"free","arguments":{}}}]\n',
            b's{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{"maxTokens":7,"messages":[]}}\nc{"jsonrpc":"2.0","id":3,"result":{}}\n',
            b's{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n' + call % (1, b"free", b"{}"),
            b'c{"jsonrpc":"2.0","id":"m","method":"tools/call","params":{"name":"free","arguments":{"a":"\\u00e9"},"_meta":' + meta + b'}}\n'
            b's{"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required","inputRequests":{"r":{"method":"roots/list"}},"requestState":"s"}}\n',
            b'd{"id":1,"op":"decide","tool":"a__b","arguments":{"x":[1,2],"o":{"k":1.5}}}\nd{"id":2,"op":"settle","lease":"k0000","usage":{"tokens_in":3}}\nd{"id":3,"op":"budget"}\nd{"id":4,"op":"log","note":"n"}\n',
        ]
    profiles = [open(os.path.join(ROOT, "Profiles", file), "rb").read() for file in sorted(os.listdir(os.path.join(ROOT, "Profiles"))) if file.endswith(".yaml")]
    chain = b"fumehood: 1\nextends: p1\nfiles: { read: [/srv:/data, {path: 'a:b'}], write: [., ~/x] }\n\0fumehood: 1\nextends: none\nwaive: [proc]\nlimits: { wall: 1.5h, cpu: 0.5 }\n"
    return profiles + [chain, b"fumehood: 1\nsyscalls: { allow: [jit, 'ioctl:TIOCSTI'], unsafe: [ptrace] }\nenvironment: { set: { A: '1' }, pass: [LC_*] }\n"]


def main():
    name, folder = sys.argv[1:]
    for number, text in enumerate(seeds(name)):
        with open(os.path.join(folder, "%04d" % number), "wb") as file:
            file.write(text)


if __name__ == "__main__":
    main()
