#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ladder on each back-end that this machine has: work that was slowed, throttled or frozen is restored and finishes with the
right result; each kind of runaway climbs by the reading that names it. Thresholds are low, so that a busy machine changes times
and not verdicts.

usage: ladder.py [--quick] [--backend NAME] [--only WORD]      prints PASS, FAIL and SKIP lines
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import cells
import limits

RUNGS = ["observe", "warn", "slow", "throttle", "freeze", "terminate", "kill"]
SUM = "i=0; while [ $i -lt 120000 ]; do i=$((i+1)); done; echo $i; sleep {rest}; echo rested"
RUNAWAY = limits.RUNAWAY
DENIED = "import socket\nwhile True:\n    try: socket.socket(socket.AF_INET)\n    except OSError: pass\n"
GROWER = "import time\nheld = []\nwhile True:\n    held.append(bytearray(b'x') * (2 << 20)); time.sleep(0.03)\n"
FORKER = "import os, time\nwhile True:\n    try:\n        if os.fork() == 0: time.sleep(60); os._exit(0)\n    except OSError: pass\n"


def cell(binary, backend, folder, ladder, command, flags=(), deadline=60):
    """(exit code, stdout's bytes, the record, lines of events, seconds)."""
    result, events = os.path.join(folder, "r.json"), os.path.join(folder, "e.json")
    for path in (result, events):
        if os.path.exists(path):
            os.remove(path)
    with open(os.path.join(folder, "p.yaml"), "w") as file:
        file.write("fumehood: 1\nextends: base\nlimits: {memory: 256M, pids: 64, output: 64M}\nladder: " + json.dumps(ladder) + "\n")
    arguments = ["run", "--quiet", "-p", os.path.join(folder, "p.yaml"), "--result", result, "--events", events, *flags, "--", *command]
    began = time.monotonic()
    process = subprocess.Popen(limits.command(binary, backend, arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, b"", {}, [], deadline
    try:
        with open(result) as file:
            record = json.load(file)
        with open(events) as file:
            lines = [json.loads(line) for line in file]
    except (OSError, ValueError):
        return process.returncode, out, {}, [], time.monotonic() - began
    return process.returncode, out, record, lines, time.monotonic() - began


def climbed(record):
    return [change["rung"] for change in record.get("ladder") or []]


def told(record, events):
    """Every change is an event with the same reading."""
    return [line["data"] for line in events if line["kind"] == "rung"][:64] == (record.get("ladder") or [])


def restored(binary, backend, folder, rung):
    """Why restoration from this rung does not hold; None where it does."""
    ladder = {"cpu": {rung: 0.04}, "quiet": "600ms", "cap": rung, "throttled": {"cpu": 0.3}, "freeze_for": "700ms"}
    code, out, record, events, _ = cell(binary, backend, folder, ladder, ["/bin/sh", "-c", SUM.format(rest=4)])
    path = climbed(record)
    if code != 0 or out != b"120000\nrested\n":
        return f"exit {code}, {out!r}, {record.get('cause')}"
    if rung not in path or path[-1] != "observe":
        return f"its path was {path}"
    first = next(change for change in record["ladder"] if change["rung"] == rung)
    if first["gauge"] != "cpu" or first["reading_millicores"] < first["bound_millicores"] or first["bound_millicores"] != 40:
        return f"the reading is wrong: {first}"
    if rung == "freeze" and record["frozen_us"] < 500_000:
        return f"frozen for {record['frozen_us']} us"
    return None if told(record, events) else "the events are not the record's changes"


def paced(binary, backend, folder):
    """Output that is read at a pace comes whole, and not faster."""
    ladder = {"output_rate": {"throttle": "200K"}, "quiet": "500ms"}
    script = "import sys, time\nfor i in range(60):\n    sys.stdout.write(('%06d' % i) * 2000); sys.stdout.flush(); time.sleep(0.01)\ntime.sleep(2)"
    code, out, record, events, took = cell(binary, backend, folder, ladder, ["/usr/bin/python3", "-c", script])
    wanted = b"".join(b"%06d" % i * 2000 for i in range(60))
    if code != 0 or hashlib.sha256(out).digest() != hashlib.sha256(wanted).digest():
        return f"exit {code}, {len(out)} bytes of {len(wanted)}, {record.get('cause')}"
    path = climbed(record)
    if "throttle" not in path or path[-1] != "observe" or record["ladder"][0]["gauge"] != "output_rate":
        return f"its path was {record.get('ladder')}"
    return None if told(record, events) else "the events are not the record's changes"


# Name: command, ladder, the rungs that must be there in this order, the gauges that may have led to the last of them, flags.
RUNAWAYS = {
    "cpu": (["RUNAWAY", "spin"], {"cpu": {"warn": 0.02, "throttle": 0.03}, "cpu_time": {"freeze": "300ms"}, "freeze_for": "300ms", "after_freeze": "kill", "grace": "300ms"},
            ["warn", "throttle", "freeze", "terminate"], {"cpu_time"}, []),
    "memory": (["/usr/bin/python3", "-c", GROWER], {"memory": {"warn": "15%", "slow": "25%", "throttle": "40%", "kill": "70%"}, "straight": ["memory"]}, ["warn", "slow", "throttle"], {"memory"}, ["--timeout", "15s"]),
    "fork": (["/usr/bin/python3", "-c", FORKER], {"pids": {"warn": "50%", "freeze": "85%"}, "freeze_for": "300ms", "after_freeze": "kill", "grace": "200ms"},
             ["warn"], {"pids"}, []),
    "output": (["RUNAWAY", "flood"], {"output_rate": {"warn": "10K", "throttle": "2M"}}, ["warn", "throttle"], {"output_rate"}, ["--timeout", "3s", "--output", "8G"]),
    "output past its kill": (["RUNAWAY", "flood"], {"output_rate": {"warn": "10K"}, "output": {"kill": "6M"}}, ["kill"], {"output"}, []),
    "denials": (["/usr/bin/python3", "-c", DENIED], {"denial_rate": {"warn": 20, "slow": 40, "throttle": 60}}, ["warn", "slow", "throttle"], {"denial_rate"}, ["--timeout", "6s"]),
}


def runaway(binary, backend, folder, name):
    command, ladder, rungs, gauges, flags = RUNAWAYS[name]
    marker = "ladder" + uuid.uuid4().hex
    command = [RUNAWAY if word == "RUNAWAY" else word for word in command]
    if command[0] == RUNAWAY:
        command += ["/tmp", marker]
        flags = flags + ["-r", os.path.dirname(RUNAWAY)]
    code, out, record, events, took = cell(binary, backend, folder, ladder, command, flags=flags, deadline=40)
    changes = record.get("ladder") or []
    path = [change["rung"] for change in changes]
    if code != 124:
        return f"exit {code}, {record.get('cause')}, path {path}"
    rest = iter(path)
    if not all(rung in rest for rung in rungs):
        return f"its path was {path}, ended by {record.get('cause')}"
    if changes[-1]["gauge"] not in gauges:
        return f"the last reading is {changes[-1]}"
    if any(RUNGS.index(change["rung"]) > RUNGS.index(change["from"]) and change["reason"] == "reading" and
           [v for k, v in change.items() if k.startswith("reading_")][0] < [v for k, v in change.items() if k.startswith("bound_")][0] for change in changes):
        return f"a reading is below its bound: {changes}"
    if not told(record, events):
        return "the events are not the record's changes"
    if (record.get("kill") or {}).get("left"):
        return "some are left by its own word"
    left = cells.survivors(marker, 2.0)
    return f"{len(left)} survivors" if left else None


def terminated(binary, backend, folder, obeys):
    ladder = {"cpu": {"terminate": 0.02}, "grace": "1s"}
    trap = "trap 'echo bye; exit 7' TERM; " if obeys else "trap '' TERM; "
    code, out, record, _, _ = cell(binary, backend, folder, ladder, ["/bin/sh", "-c", trap + "while :; do :; done"], deadline=30)
    path = climbed(record)
    wanted = ["terminate"] if obeys else ["terminate", "kill"]
    cause = ((record.get("cause") or {}).get("ladder") or {}).get("rung")
    if code != 124 or path != wanted or cause != wanted[-1] or (out == b"bye\n") != obeys:
        return f"exit {code}, {out!r}, path {path}, {record.get('cause')}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--backend")
    parser.add_argument("--only")
    options = parser.parse_args()
    cells.need_binary()
    if not os.access(RUNAWAY, os.X_OK):
        subprocess.run([os.path.join(cells.ROOT, "Tests/Sandboxees/build.sh")], check=True)
    own = cells.host_groups()
    backends = ["user"]
    if os.geteuid() == 0:
        backends = [own, "user"] if options.quick else [own] + ([] if own == "none" else ["none"]) + (["v1"] if own == "hybrid" else []) + ["user"]
    if options.backend:
        backends = [options.backend]
    place, binary = cells.readable_copy()
    folder = tempfile.mkdtemp(prefix="fumehood-ladder-")
    os.chmod(folder, 0o777)
    good = True
    trials = [(f"work comes back from {rung} and finishes", lambda b, r=rung: restored(binary, b, folder, r)) for rung in ("warn", "slow", "throttle", "freeze")]
    trials += [("output at a pace comes whole", lambda b: paced(binary, b, folder))]
    trials += [("who obeys SIGTERM ends by it", lambda b: terminated(binary, b, folder, True)), ("who does not is killed", lambda b: terminated(binary, b, folder, False))]
    trials += [(f"a runaway of {name} climbs by its reading", lambda b, n=name: runaway(binary, b, folder, n)) for name in RUNAWAYS]
    if options.quick:
        quick = {backends[0]: ("throttle", "SIGTERM", "memory", "denials"), backends[-1]: ("throttle", "pace", "fork")}
    try:
        for backend in backends:
            for name, trial in trials:
                if options.only and options.only not in name:
                    continue
                if options.quick and not any(word in name for word in quick[backend]):
                    continue
                why = trial(backend)
                if why:
                    why = trial(backend)  # once more: a machine that stands still for a second is no fault of the ladder
                good &= cells.verdict(f"{name}, on {backend}", not why, str(why))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
