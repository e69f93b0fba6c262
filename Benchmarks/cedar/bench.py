#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times of decisions and of loading, ours beside cedarpy's (the Rust implementation) in the same run, held to
Benchmarks/cedar/thresholds.json.

    bench.py [--record] [--no-fail] [--largest N]

Ours is build/cedar-corpus (`make build/cedar-corpus`): the time of one decision on a loaded set, and of loading: parse,
validation, index. cedarpy's decision is `is_authorized` on parsed handles, and its own timing of it (without the way
through Python); its loading is parse and validation. The ratio is ours to cedarpy's own timing. Every time is the best of
several, since other work of the machine only adds. The shapes are those of Sources/cedar-corpus/Bench.swift.
"""
import argparse
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "Tests/Fuzz"), os.path.join(ROOT, "Tests/Soak")]
import cedar  # noqa: E402
import cells  # noqa: E402

SHAPES = {
    "named": 'permit(principal, action == Action::"call", resource == Tool::"tool%d");',
    "context, equal": 'permit(principal, action, resource) when { context.input.path == "/srv/data/%d" };',
    "context, prefix": 'permit(principal, action, resource) when { context.input.path like "/srv/data/%d*" };',
    "context, no literal": "permit(principal, action, resource) when { context.input.size == context.input.limit + %d };",
}
SCHEMA = """entity Agent in [AgentGroup]; entity AgentGroup; entity Server; entity Tool in [Server];
action call, never appliesTo { principal: [Agent], resource: [Tool], context: {
  input: { path: String, size: Long, limit: Long, mode: String }, session: { calls: Long } } };"""


def best(times, body):
    least = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        body()
        least = min(least, time.perf_counter() - began)
    return least


def theirs(shape, count):
    """Microseconds of a decision through Python and of the decision itself, of loading."""
    import cedarpy
    text = 'forbid(principal, action == Action::"never", resource);\n' + "\n".join(SHAPES[shape] % i for i in range(count))
    last = count - 1
    request = {"principal": 'Agent::"local"', "action": 'Action::"call"', "resource": 'Tool::"tool%d"' % last, "context": {
        "input": {"path": "/srv/data/%d" % last, "size": last + 7, "limit": 7, "mode": "r"}, "session": {"calls": 3}}}
    entities = cedarpy.Entities.from_json_str(json.dumps([
        {"uid": {"type": "Agent", "id": "local"}, "attrs": {}, "parents": [{"type": "AgentGroup", "id": "all"}]},
        {"uid": {"type": "Tool", "id": "tool%d" % last}, "attrs": {}, "parents": [{"type": "Server", "id": "s"}]}]))
    schema = cedarpy.Schema.from_str(SCHEMA)
    policies = cedarpy.PolicySet.from_str(text)

    def load():
        assert cedarpy.validate_policies(text, schema).validation_passed

    answers = []
    whole = best(max(5, 2000 // count), lambda: answers.append(cedarpy.is_authorized(request, policies, entities)))
    assert all(answer.allowed for answer in answers)
    inner = min((getattr(answer, "metrics", None) or {}).get("authz_duration_micros", float("inf")) for answer in answers)
    return whole * 1e6, inner, best(3, load) * 1e6


def judged(rows):
    """The rows against the thresholds: lines, and whether all hold."""
    with open(os.path.join(HERE, "thresholds.json")) as file:
        thresholds = json.load(file)
    lines, good = [], True
    for bound in thresholds:
        row = next((row for row in rows if row["shape"] == bound["shape"] and row["policies"] == bound["policies"]), None)
        if row is None:
            continue
        value = row[bound["value"]]
        holds = value <= bound["most"]
        good &= holds
        lines.append("%s %s, %d policies: %s %.4g, at most %g" % (
            "holds:" if holds else "BROKEN:", bound["shape"], bound["policies"], bound["value"], value, bound["most"]))
    return lines, good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--no-fail", action="store_true", help="exit 0 whatever the figures")
    parser.add_argument("--largest", type=int, default=10000)
    arguments = parser.parse_args()
    interpreter = cedar.python()
    if interpreter is None:
        print("cedarpy cannot be installed, and ours is measured beside it: see build/cedar/venv.log")
        return 1
    if os.path.abspath(sys.executable) != interpreter:
        os.execv(interpreter, [interpreter, os.path.abspath(__file__)] + sys.argv[1:])
    load = os.getloadavg()[0]
    lines = ["load of the machine %.1f on %d cores" % (load, os.cpu_count() or 1),
             "| shape | policies | ours, us | cedarpy, us | of it the decision, us | ratio | ours: load, ms | cedarpy: load, ms | ratio |",
             "|---|---|---|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    rows = []
    for line in subprocess.run([cedar.ENGINE, "bench"], check=True, capture_output=True, text=True).stdout.splitlines():
        row = json.loads(line)
        if row["policies"] > arguments.largest:
            continue
        whole, inner, loading = theirs(row["shape"], row["policies"])
        row["decision_us"] = row["decision_ns"] / 1000
        row["load_ms"] = row["load_us"] / 1000
        row["decision_ratio"] = row["decision_us"] / min(whole, inner)
        row["load_ratio"] = row["load_us"] / loading
        rows.append(row)
        lines.append("| %s | %d | %.2f | %.1f | %s | %.4f | %.1f | %.1f | %.2f |" % (
            row["shape"], row["policies"], row["decision_us"], whole, inner, row["decision_ratio"], row["load_ms"], loading / 1000, row["load_ratio"]))
        print(lines[-1], flush=True)
    verdicts, good = judged(rows)
    print("\n".join(verdicts))
    if arguments.record:
        cells.record("cedar-bench", lines + verdicts)
    return 0 if good or arguments.no_fail else 1


if __name__ == "__main__":
    sys.exit(main())
