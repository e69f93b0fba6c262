#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the broker adds to a tools/call: the same client and the same tiny server over plain pipes and behind `fumehood mcp`, in turns, in
one run. The server runs in a cell in one case and plainly in the other; both sides are Python and answer at once.

The aim is 60 us added at the median without a log; what is held today is ADDED.

usage: bench.py [--calls N] [--record] [--flags FLAGS]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FUMEHOOD = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood")))
TINY = os.path.join(ROOT, "Tests/Broker/tiny.py")
ADDED = 250.0


class Peer:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.number = 0
        self.send("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}})
        self.send("tools/list", {})

    def send(self, method, params):
        self.number += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}).encode() + b"\n"
        began = time.perf_counter_ns()
        self.process.stdin.write(line)
        self.process.stdin.flush()
        self.process.stdout.readline()
        return (time.perf_counter_ns() - began) / 1000

    def call(self):
        return self.send("tools/call", {"name": "echo", "arguments": {"text": "x" * 200, "n": self.number, "list": [1, 2, 3], "o": {"b": 1, "a": 2.5}}})

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--flags", default="--no-log", help="of fumehood mcp; without --no-log each call waits until its record is on disk")
    arguments = parser.parse_args()
    began = time.perf_counter()
    plain = Peer([sys.executable, TINY])
    plain_start = time.perf_counter() - began
    began = time.perf_counter()
    brokered = Peer([FUMEHOOD, "mcp", "-r", os.path.dirname(TINY), *arguments.flags.split(), "--", sys.executable, TINY])
    brokered_start = time.perf_counter() - began
    for _ in range(300):
        plain.call()
        brokered.call()
    times = {"plain": [], "brokered": []}
    for _ in range(arguments.calls // 100):
        times["plain"] += [plain.call() for _ in range(100)]
        times["brokered"] += [brokered.call() for _ in range(100)]
    with open(f"/proc/{brokered.process.pid}/status") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    plain.close()
    brokered.close()
    result = {"calls": arguments.calls, "flags": arguments.flags, "start_added_ms": round((brokered_start - plain_start) * 1000, 1), "broker_memory_kib": memory}
    for name, values in times.items():
        values.sort()
        result[name + "_us"] = {"p50": round(statistics.median(values), 1), "p99": round(values[len(values) * 99 // 100], 1)}
    result["added_p50_us"] = round(result["brokered_us"]["p50"] - result["plain_us"]["p50"], 1)
    print(json.dumps(result))
    if arguments.record:
        os.makedirs(os.path.join(ROOT, "Benchmarks/results"), exist_ok=True)
        with open(os.path.join(ROOT, "Benchmarks/results/broker.json"), "w") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    if result["added_p50_us"] > ADDED:
        print(f"more than {ADDED} us added", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
