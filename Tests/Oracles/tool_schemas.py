#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Arguments of tools against random JSON Schemas, as `fumehood mcp` takes them and as PyPI's jsonschema (2020-12) does: a call that one of
them refuses and the other does not is shown. jsonschema is taken from build/mcp2, which Tests/Broker/peers.py makes.

usage: tool_schemas.py [--tools N] [--values N] [--seed N]
"""
import argparse
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Tests/Broker"))
from lines import HERE as BROKER, STATE, Session  # noqa: E402

ORACLE = """
import json, sys
from jsonschema import Draft202012Validator
for line in sys.stdin:
    schema, value = json.loads(line)
    print(int(Draft202012Validator(schema).is_valid(value)))
"""
NAMES = ["a", "b", "c", "x-1", "é", "a/b", "~"]
PATTERNS = ["^a", "b$", "^[a-c]+$", "a|b", "^(ab)*$", "[0-9]{2,3}", "\\\\d+", "^.?$", "^x-", "é", "^[^a]*$", "a{2}"]


def scalar(dice):
    return dice.choice([None, True, False, 0, 1, -1, 2, 3, 10, 1.0, 1.5, 2.0, 0.3, -0.1, 1e3, "", "a", "ab", "abab", "b", "aa", "é", "12", "abc", "x-1"])


def value(dice, depth=0):
    kind = dice.random()
    if depth > 2 or kind < 0.5:
        return scalar(dice)
    if kind < 0.75:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {name: value(dice, depth + 1) for name in dice.sample(NAMES, dice.randrange(4))}


def schema(dice, depth=0):
    if dice.random() < 0.05:
        return dice.choice([True, False])
    made = {}
    below = lambda: schema(dice, depth + 1)  # noqa: E731
    for _ in range(dice.randrange(1, 4)):
        words = ["type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems",
                 "maxItems", "uniqueItems", "required", "minProperties", "maxProperties", "dependentRequired"]
        if depth < 3:
            words += ["properties", "properties", "properties", "patternProperties", "additionalProperties", "items", "prefixItems", "contains", "allOf", "anyOf", "oneOf",
                      "not", "if", "propertyNames", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "$ref"]
        word = dice.choice(words)
        kinds = ["null", "boolean", "integer", "number", "string", "array", "object"]
        made[word] = {
            "type": lambda: dice.choice([dice.choice(kinds), dice.sample(kinds, 2)]), "enum": lambda: [value(dice, 1) for _ in range(3)], "const": lambda: value(dice, 1),
            "minimum": lambda: dice.choice([0, 1, 1.5]), "maximum": lambda: dice.choice([0, 1, 2.5]), "exclusiveMinimum": lambda: dice.choice([0, 1]),
            "exclusiveMaximum": lambda: dice.choice([1, 2]), "multipleOf": lambda: dice.choice([1, 2, 0.5]), "minLength": lambda: dice.randrange(3),
            "maxLength": lambda: dice.randrange(3), "pattern": lambda: dice.choice(PATTERNS).replace("\\\\", "\\"), "minItems": lambda: dice.randrange(3),
            "maxItems": lambda: dice.randrange(3), "uniqueItems": lambda: True, "required": lambda: dice.sample(NAMES, 1), "minProperties": lambda: dice.randrange(3),
            "maxProperties": lambda: dice.randrange(4), "dependentRequired": lambda: {dice.choice(NAMES): dice.sample(NAMES, 1)},
            "properties": lambda: {name: below() for name in dice.sample(NAMES, 2)}, "patternProperties": lambda: {dice.choice(["^a", "^x-", "é", "b"]): below()},
            "additionalProperties": below, "items": below, "prefixItems": lambda: [below() for _ in range(2)], "contains": below, "allOf": lambda: [below(), below()],
            "anyOf": lambda: [below(), below()], "oneOf": lambda: [below(), below()], "not": below, "if": below, "propertyNames": below,
            "dependentSchemas": lambda: {dice.choice(NAMES): below()}, "unevaluatedProperties": below, "unevaluatedItems": below,
            "$ref": lambda: dice.choice(["#/$defs/one", "#/$defs/two"]),
        }[word]()
        if word == "if":
            made["then"], made["else"] = below(), below()
    # Contradictory bounds are refused as a schema: no tool means them.
    for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")):
        if made.get(low, 0) > made.get(high, 99):
            del made[low]
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=int, default=400)
    parser.add_argument("--values", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    python = os.path.join(ROOT, "build/mcp2/bin/python")
    if not os.path.exists(python):
        print("SKIP schemas of tools: PyPI is out of reach")
        return 0
    dice = random.Random(arguments.seed)
    tools = []
    for number in range(arguments.tools):
        made = schema(dice)
        made = made if isinstance(made, dict) else {"properties": {"a": made}}
        made["$defs"] = {"one": {"type": ["integer", "object"]}, "two": {"properties": {"a": {"$ref": "#/$defs/one"}}, "maxProperties": 2}}
        tools.append({"name": f"t{number}", "inputSchema": made})
    path = os.path.join(STATE, "tools.json")
    with open(path, "w") as file:
        json.dump(tools, file)
    session = Session("honest", "--no-log", "--quiet", "-r", path, "-e", f"TINY_TOOLS={path}").start()
    cases, ours = [], []
    for tool in tools:
        for _ in range(arguments.values):
            given = {name: value(dice, 1) for name in dice.sample(NAMES, dice.randrange(5))}
            session.send({"jsonrpc": "2.0", "id": len(cases), "method": "tools/call", "params": {"name": tool["name"], "arguments": given}})
            answer = session.read(20)
            text = answer["result"]["content"][0].get("text") or ""
            cases.append((tool["inputSchema"], given))
            ours.append(None if "set aside" in text or "failed too often" in text else "do not fit its schema" not in text)
    session.close()
    done = subprocess.run([python, "-c", ORACLE], input="\n".join(map(json.dumps, cases)), stdout=subprocess.PIPE, text=True)
    theirs = [line == "1" for line in done.stdout.split()]
    assert len(theirs) == len(ours), (len(theirs), len(ours))
    different = [(case, mine, their) for case, mine, their in zip(cases, ours, theirs) if mine is not None and mine != their]
    for case, mine, their in different[:5]:
        print(f"ours {mine}, theirs {their}: {json.dumps(case)}")
    aside = sum(1 for mine in ours if mine is None)
    word = "FAIL" if different else "PASS"
    print(f"{word} {len(cases)} calls against {len(tools)} random schemas: {sum(theirs)} fit, {aside} set aside, {len(different)} judged otherwise than jsonschema does")
    return 1 if different else 0


sys.exit(main())
