#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the broker adds to a tools/call: the same client and the same tiny server over plain pipes and behind `fumehood mcp`, in turns, in
one run: without a log, with the log on its way (`durability: fast`), with each call's record on disk first (strict). The server runs in a cell
in these cases and plainly in the first; both sides are Python and answer at once. A relay that only copies bytes stands beside them: what a
third process on the way costs on this machine whatever it does.

AGT's proxy is measured as well where AGENTMESH names its program, or build/agentmesh has it (`python3 -m venv build/agentmesh;
build/agentmesh/bin/pip install agentmesh-platform`).

The bounds are ADDED, for a machine that does nothing else.

usage: bench.py [--calls N] [--record]
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FUMEHOOD = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood")))
AGENTMESH = os.environ.get("AGENTMESH", os.path.join(ROOT, "build/agentmesh/bin/agentmesh"))
TINY = os.path.join(ROOT, "Tests/Broker/tiny.py")
# Microseconds at the median.
ADDED = {"no log": 60.0, "fast": 60.0, "strict": 500.0}
RELAY = """
import os, select, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
ways = {0: child.stdin.fileno(), child.stdout.fileno(): 1}
poll = select.epoll()
for source in ways: poll.register(source, select.EPOLLIN)
while True:
    for source, _ in poll.poll():
        data = os.read(source, 65536)
        if not data: sys.exit(0)
        os.write(ways[source], data)
"""


class Peer:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
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
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            # Not everybody ends with its input.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    work = tempfile.TemporaryDirectory(prefix="fumehood-bench-")
    os.environ.update(XDG_STATE_HOME=os.path.join(work.name, "state"), XDG_CONFIG_HOME=os.path.join(work.name, "config"))
    profile = os.path.join(work.name, "fast.yaml")
    with open(profile, "w") as file:
        file.write("fumehood: 1\nextends: tool\ndurability: fast\nreads: [echo]\n")
    server = [sys.executable, TINY]
    brokered = lambda *flags: [FUMEHOOD, "mcp", "--quiet", "-r", os.path.dirname(TINY), *flags, "--", *server]
    commands = {"plain": server, "relay": [sys.executable, "-c", RELAY, *server], "no log": brokered("--no-log"), "fast": brokered("-p", profile), "strict": brokered()}
    if os.path.exists(AGENTMESH):
        target = [part for word in server for part in ("--target", word)]
        commands["agentmesh proxy"] = [AGENTMESH, "proxy", "--policy", "permissive", "--no-footer", *target]
    peers, start = {}, {}
    for name, command in commands.items():
        began = time.perf_counter()
        try:
            peers[name] = Peer(command)
        except (OSError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        start[name] = (time.perf_counter() - began) * 1000
    times = {name: [] for name in peers}
    for turn in range(arguments.calls // 100 + 3):
        for name, peer in peers.items():
            got = [peer.call() for _ in range(100)]
            if turn >= 3:
                times[name] += got
    result = {"calls": arguments.calls, "unit": "us"}
    plain = statistics.median(times["plain"])
    for name, peer in peers.items():
        values = sorted(times[name])
        row = {"p50": round(statistics.median(values), 1), "p99": round(values[len(values) * 99 // 100], 1), "added_p50": round(statistics.median(values) - plain, 1),
               "start_added_ms": round(start[name] - start["plain"], 1)}
        with open(f"/proc/{peer.process.pid}/status") as file:
            row["memory_kib"] = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        with open(f"/proc/{peer.process.pid}/stat") as file:
            used = file.read().rsplit(")", 1)[1].split()
        row["processor_us_per_call"] = round((int(used[11]) + int(used[12])) * 1e6 / os.sysconf("SC_CLK_TCK") / (len(values) + 300), 1)
        result[name] = row
        print(f"{name:16} " + "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    for peer in peers.values():
        peer.close()
    if arguments.record:
        os.makedirs(os.path.join(ROOT, "Benchmarks/results"), exist_ok=True)
        with open(os.path.join(ROOT, "Benchmarks/results/broker.json"), "w") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    failed = [f"{name}: {result[name]['added_p50']} us added, more than {bound}" for name, bound in ADDED.items() if result[name]["added_p50"] > bound]
    print("\n".join(failed), file=sys.stderr)
    return 1 if failed else 0


sys.exit(main())
