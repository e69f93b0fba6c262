# SPDX-License-Identifier: Apache-2.0
"""Times of decisions and of loading, ours beside cedarpy's (the Rust implementation) in the same run.

    bench.py ENGINE [--largest N]

ENGINE is the release build of `cedar-corpus`. Ours is the time of one decision on a loaded set; cedarpy's is that of
`is_authorized` on parsed handles, with its own timing of the decision (without the way through Python) where it gives
one. The shapes are those of Sources/cedar-corpus/Bench.swift.
"""
import argparse
import json
import subprocess
import time

import cedarpy

SHAPES = {
    "named": 'permit(principal, action == Action::"call", resource == Tool::"tool%d");',
    "context, equal": 'permit(principal, action, resource) when { context.input.path == "/srv/data/%d" };',
    "context, prefix": 'permit(principal, action, resource) when { context.input.path like "/srv/data/%d*" };',
    "context, no literal": "permit(principal, action, resource) when { context.input.size == context.input.limit + %d };",
}


def theirs(shape, count):
    text = 'forbid(principal, action == Action::"never", resource);\n' + "\n".join(SHAPES[shape] % i for i in range(count))
    last = count - 1
    request = {"principal": 'Agent::"local"', "action": 'Action::"call"', "resource": 'Tool::"tool%d"' % last, "context": {
        "input": {"path": "/srv/data/%d" % last, "size": last + 7, "limit": 7, "mode": "r"}, "session": {"calls": 3}}}
    entities = cedarpy.Entities.from_json_str(json.dumps([
        {"uid": {"type": "Agent", "id": "local"}, "attrs": {}, "parents": [{"type": "AgentGroup", "id": "all"}]},
        {"uid": {"type": "Tool", "id": "tool%d" % last}, "attrs": {}, "parents": [{"type": "Server", "id": "s"}]}]))
    start = time.perf_counter()
    policies = cedarpy.PolicySet.from_str(text)
    load = time.perf_counter() - start
    best, inner = float("inf"), float("inf")
    for _ in range(max(5, 2000 // max(count, 1))):
        start = time.perf_counter()
        answer = cedarpy.is_authorized(request, policies, entities)
        best = min(best, time.perf_counter() - start)
        metrics = getattr(answer, "metrics", None) or {}
        inner = min(inner, metrics.get("authz_duration_micros", float("inf")))
    assert answer.allowed
    return load, best * 1e6, inner


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--largest", type=int, default=10000)
    args = parser.parse_args()
    print("| shape | policies | ours, us | cedarpy, us | of it the decision, us | ours: parse + index, ms | ours: with validation, ms | cedarpy: parse, ms |")
    print("|---|---|---|---|---|---|---|---|")
    for line in subprocess.run([args.engine, "bench"], check=True, capture_output=True, text=True).stdout.splitlines():
        row = json.loads(line)
        if row["policies"] > args.largest:
            continue
        load, whole, inner = theirs(row["shape"], row["policies"])
        print("| %s | %d | %.2f | %.1f | %s | %.1f | %.1f | %.1f |" % (
            row["shape"], row["policies"], row["decision_ns"] / 1000, whole, inner,
            (row["parse_us"] + row["index_us"]) / 1000, row["load_us"] / 1000, load * 1000))


if __name__ == "__main__":
    main()
