#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many calls through one `fumehood mcp`, as fast as they go: each is answered once, with its own answer, and memory stays where it was.

usage: calls.py [--calls N]
"""
import argparse
import json
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Broker"))
from lines import FUMEHOOD, Session  # noqa: E402


def resident(session):
    with open(f"/proc/{session.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def run(session, first, count):
    """Calls at once, their answers counted."""
    lines = b"".join(
        json.dumps({"jsonrpc": "2.0", "id": f"c{number}", "method": "tools/call", "params": {"name": "echo", "arguments": {"text": str(number)}}}).encode() + b"\n"
        for number in range(first, first + count))
    writer = threading.Thread(target=session.send, args=(lines,))
    writer.start()
    seen = set()
    for _ in range(count):
        answer = session.read(60)
        assert answer is not None, f"{len(seen)} of {count} answers came"
        assert answer["id"] not in seen, f"{answer['id']} was answered twice"
        assert answer["result"]["content"][0]["text"] == answer["id"][1:], answer
        seen.add(answer["id"])
        session.seen.clear()
    writer.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=100_000)
    arguments = parser.parse_args()
    if not os.path.exists(FUMEHOOD):
        print("SKIP many calls: the binary is not built")
        return 0
    failed = 0
    for flags in (["--no-log"], []):
        session = Session("honest", "--quiet", *flags)
        run(session, 0, arguments.calls // 10)
        before = resident(session)
        run(session, arguments.calls, arguments.calls)
        grown = resident(session) - before
        code, _, _ = session.close(20)
        good = code == 0 and grown < 4096
        failed += not good
        print(f"{'PASS' if good else 'FAIL'} {arguments.calls} calls {' '.join(flags) or 'with the log'}: each answered once, {grown} KiB more than before, ended with {code}")
    return 1 if failed else 0


sys.exit(main())
