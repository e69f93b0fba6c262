#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand calls at once over fifty tiny servers, each in its cell: none is lost, none is answered twice or with another's answer. Then the
same while some of the servers die, flood or fall silent: the others answer all the same.

usage: servers.py [--servers N] [--calls N]
"""
import argparse
import os
import selectors
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Broker"))
from lines import FUMEHOOD, Session  # noqa: E402


def begin(count, modes=("honest",)):
    return [(modes[number % len(modes)], Session(modes[number % len(modes)], "--quiet", "--timeout", "20s")) for number in range(count)]


def run(sessions, calls, seconds=120):
    """Every session gets its share of the calls at once; what came back, by session."""
    each = calls // len(sessions)
    for _, session in sessions:
        session.send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}})
    for number, (_, session) in enumerate(sessions):
        for call in range(1, each + 1):
            session.call(call, f"{number}/{call}")
    selector = selectors.DefaultSelector()
    for number, (_, session) in enumerate(sessions):
        os.set_blocking(session.process.stdout.fileno(), False)
        selector.register(session.process.stdout, selectors.EVENT_READ, number)
    got = [{} for _ in sessions]
    rest = [b""] * len(sessions)
    wrong = []
    until = time.monotonic() + seconds
    import json
    honest = [number for number, (mode, _) in enumerate(sessions) if mode == "honest"]
    while any(len(got[number]) < each for number in honest) and time.monotonic() < until:
        for key, _ in selector.select(1):
            number = key.data
            piece = key.fileobj.read()
            if piece == b"":
                selector.unregister(key.fileobj)
                continue
            lines = (rest[number] + (piece or b"")).split(b"\n")
            rest[number] = lines.pop()
            for line in lines:
                answer = json.loads(line)
                identity = answer.get("id")
                if not identity:
                    continue
                if identity in got[number]:
                    wrong.append(f"{number}/{identity} was answered twice")
                got[number][identity] = answer
                if sessions[number][0] == "honest" and answer["result"]["content"][0]["text"] != f"{number}/{identity}":
                    wrong.append(f"{number}/{identity} has another's answer")
    lost = sum(each - len(got[number]) for number in honest)
    for _, session in sessions:
        session.process.stdin.close()
    for mode, session in sessions:
        try:
            session.process.wait(30)
        except Exception:  # noqa: BLE001
            session.process.kill()
            wrong.append(f"a session of mode {mode} did not end")
    return len(honest) * each, lost, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=50)
    parser.add_argument("--calls", type=int, default=1000)
    arguments = parser.parse_args()
    if not os.path.exists(FUMEHOOD):
        print("SKIP many servers: the binary is not built")
        return 0
    failed = False
    for name, modes in (("honest servers", ["honest"]), ("honest servers beside others", ["honest", "honest", "honest", "die:17", "silent", "flood", "write"])):
        began = time.monotonic()
        count, lost, wrong = run(begin(arguments.servers, modes), arguments.calls)
        failed = failed or lost or bool(wrong)
        print(f"{'FAIL' if lost or wrong else 'PASS'} {count} calls at once over {arguments.servers} {name}: {lost} lost, {wrong[:3] or 'each answered once'}, "
              f"{time.monotonic() - began:.1f} s", flush=True)
    return 1 if failed else 0


sys.exit(main())
