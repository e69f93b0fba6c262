#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test of the repository and says how it went: passed, failed, skipped by reason.

The Swift tests first, then the scripts of PARTS, which print a line `PASS name`, `FAIL name: why` or `SKIP name: reason`
for each of their tests. A skip whose reason is not in Tests/skips.txt is an error under CI. The last line is that of
Swift's own test runner.

usage: Tests/run.py [--filter REGEX]    only the Swift tests that match
"""
import atexit
import collections
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Name, command, deadline in seconds. Each is a bounded share of what `make soak` does in full.
PARTS = [
    ("surroundings", ["python3", "Tests/Surroundings/doctor.py"], 120),
    ("faults", ["python3", "Tests/Soak/faults.py", "--seconds", "30"], 150),
    ("kills", ["python3", "Tests/Soak/kills.py", "--points", "30"], 120),
    ("process 1", ["python3", "Tests/Soak/firstprocess.py"], 60),
    ("launches", ["python3", "Tests/Soak/launches.py", "--launches", "200"], 120),
    ("streams", ["python3", "Tests/Streams/unread.py"], 90),
    ("terminal", ["python3", "Tests/Streams/terminal.py"], 120),
    ("cedar", ["python3", "Tests/Fuzz/cedar.py"], 400),
    ("hostile peers of MCP", ["python3", "Tests/Broker/hostile.py"], 120),
    ("programs at the door", ["python3", "Tests/Broker/door.py"], 120),
    ("governed calls", ["python3", "Tests/Broker/governed.py"], 120),
    ("sessions", ["python3", "Tests/Broker/session.py"], 180),
    ("limits", ["python3", "Tests/Soak/limits.py", "--quick"], 180),
    ("ladder", ["python3", "Tests/Soak/ladder.py", "--quick"], 150),
    ("top", ["python3", "Tests/Streams/top.py"], 90),
    ("log", ["python3", "Tests/Soak/log.py"], 120),
    ("learn", ["python3", "Tests/Soak/learn.py", "--quick"], 120),
    ("second kernel", ["Tests/vm.sh"], 330),
]


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = collections.defaultdict(list)
        self.closing = None


def allowed_reasons():
    """Tests/skips.txt: one shell pattern of a reason per line."""
    with open(os.path.join(ROOT, "Tests/skips.txt")) as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def read_events(path, tally):
    """What became of each test, from Swift Testing's event stream."""
    names, suites, outcome = {}, set(), {}
    try:
        lines = open(path, encoding="utf-8", errors="replace").read().splitlines()
    except FileNotFoundError:
        lines = []
    for line in lines:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            continue
        payload = record.get("payload", {})
        if record.get("kind") == "test":
            names[payload["id"]] = payload.get("displayName") or payload.get("name") or payload["id"]
            if payload.get("kind") == "suite":
                suites.add(payload["id"])
            continue
        kind, test = payload.get("kind"), payload.get("testID")
        if test is None or test in suites:
            continue
        if kind == "testStarted":
            outcome.setdefault(test, ("started", None))
        elif kind == "issueRecorded" and not (payload.get("issue") or {}).get("isKnown"):
            outcome[test] = ("failed", None)
        elif kind == "testSkipped":
            said = [m.get("text", "") for m in payload.get("messages", []) if m.get("symbol") in ("skip", "details")]
            text = said[0] if said else ""
            reason = text.split("skipped:", 1)[-1].strip().strip('"') if "skipped:" in text else "no reason given"
            outcome[test] = ("skipped", reason)
        elif kind == "testEnded" and outcome.get(test, ("started",))[0] == "started":
            outcome[test] = ("passed", None)
    for test, (how, reason) in outcome.items():
        name = names.get(test, test)
        if how == "passed":
            tally.passed += 1
        elif how == "skipped":
            tally.skipped[reason].append(name)
        else:
            tally.failed.append(name if how == "failed" else name + " (did not end)")


def swift(tally, arguments):
    if subprocess.run(["swift", "build", "--build-tests"], cwd=ROOT).returncode != 0:
        tally.failed.append("the build of the tests")
        return
    events = tempfile.NamedTemporaryFile(suffix=".jsonl", delete=False).name
    command = ["swift", "test", "--skip-build", "--disable-xctest", "--event-stream-version", "0", "--event-stream-output-path", events] + arguments
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    for raw in process.stdout:
        line = raw.decode("utf-8", "replace").rstrip("\n")
        if "Test run with" in line:
            tally.closing = line
        elif line.startswith(("✘", "↳", "error:", "warning:")) or "recorded an issue" in line or line.startswith("Fatal"):
            print(line, flush=True)
    code = process.wait()
    read_events(events, tally)
    os.unlink(events)
    if code != 0 and not tally.failed:
        tally.failed.append(f"swift test ended with {code}")


def part(tally, name, command, deadline):
    if not os.path.exists(os.path.join(ROOT, command[-1] if len(command) == 1 else command[1])):
        tally.skipped["the script is not there"].append(name)
        return
    began = time.monotonic()
    before = (tally.passed, len(tally.failed), sum(map(len, tally.skipped.values())))
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=deadline)
        text, code = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = (late.stdout or b"").decode("utf-8", "replace"), f"no end within {deadline} s"
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "PASS":
            tally.passed += 1
        elif word == "FAIL":
            tally.failed.append(rest)
            print(line, flush=True)
        elif word == "SKIP":
            tally.skipped[rest.partition(": ")[2] or "no reason given"].append(rest.partition(": ")[0])
        else:
            print(line, flush=True)
    after = (tally.passed, len(tally.failed), sum(map(len, tally.skipped.values())))
    if code != 0 and after[1] == before[1]:
        tally.failed.append(f"{name}: ended with {code}")
    print(f"{name}: {after[0] - before[0]} passed, {after[1] - before[1]} failed, {after[2] - before[2]} skipped, {time.monotonic() - began:.0f} s", flush=True)


def main():
    os.environ.setdefault("FUMEHOOD_SHARED", os.path.normpath(os.path.join(ROOT, "../shared")))
    os.environ.setdefault("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood"))
    os.environ.setdefault("SWIFT_BACKTRACE", "enable=no")
    # Nobody's own log grows by a test.
    state = tempfile.mkdtemp(prefix="fumehood-state-")
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    os.environ["XDG_STATE_HOME"] = state
    tally = Tally()
    began = time.monotonic()
    swift(tally, sys.argv[1:])
    print(f"swift: {tally.passed} passed, {len(tally.failed)} failed, {sum(map(len, tally.skipped.values()))} skipped, {time.monotonic() - began:.0f} s with the build", flush=True)
    if "--filter" not in sys.argv:
        for name, command, deadline in PARTS:
            part(tally, name, command, deadline)

    ci = os.environ.get("CI") == "true"
    allowed = allowed_reasons()
    unlisted = 0
    for reason, names in sorted(tally.skipped.items()):
        listed = any(fnmatch.fnmatchcase(reason, pattern) for pattern in allowed)
        unlisted += 0 if listed else len(names)
        print(f"skipped {len(names)}: {reason}" + ("" if listed else "   (not in Tests/skips.txt)"))
    for name in tally.failed:
        print(f"failed: {name}")
    skipped = sum(map(len, tally.skipped.values()))
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {skipped} skipped, {time.monotonic() - began:.0f} s")
    bad = bool(tally.failed) or (ci and unlisted > 0) or tally.passed == 0
    if ci and unlisted:
        print("a skip outside Tests/skips.txt fails here")
    if tally.closing:
        print(tally.closing)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
