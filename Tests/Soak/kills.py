#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of `fumehood run` at many points, by strace at the Nth system call and after random times: nothing of the cell
may be left. Zombies do not count: they wait for whoever inherits them.

usage: kills.py [--points N] [--record]
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import cells


def by_call(binary, user, n, folder):
    """Killed at the Nth system call of the launcher itself (children are not followed)."""
    marker = "soak" + uuid.uuid4().hex
    line = ["strace", "-qq", "-o", os.path.join(folder, "log"), "-e", f"inject=all:signal=SIGKILL:when={n}", "--", binary, "run", "--quiet", "--", "/bin/sleep", "60", marker]
    if user == "ordinary":
        line = cells.as_ordinary(line)
    # A command that was not killed sleeps on: the deadline then ends it, by the same signal.
    cells.run(line, deadline=3)
    return marker


def placeholders(binary, user, quick):
    """Killed at each call that makes a placeholder: what is left in a folder that the cell was to write."""
    left = []
    calls = ["mkdirat", "fchmodat", "utimensat", "sendmsg"] if quick else ["mkdirat", "fchmodat", "openat", "flock", "utimensat", "fchmod", "write", "sendmsg", "clone3"]
    for call in calls:
        for n in [2, 3] if quick else [1, 2, 3, 5] if call not in ("openat", "write") else [2, 6, 10, 14, 18]:
            folder = tempfile.mkdtemp(prefix="fumehood-kills-")
            os.makedirs(folder + "/.git")
            for path in [folder, folder + "/.git"]:
                os.chmod(path, 0o777)
            line = ["strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={n}", "--", binary, "run", "--quiet", "-w", folder, "--", "/bin/sleep", "60"]
            process = subprocess.Popen(cells.as_ordinary(line) if user == "ordinary" else line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:  # not killed by that call: a SIGKILL while the cell runs
                subprocess.run(["pkill", "-KILL", "-P", str(process.pid)])
                process.wait()
            until = time.monotonic() + 2
            while (found := sorted(set(os.listdir(folder)) - {".git"}) + os.listdir(folder + "/.git")) and time.monotonic() < until:
                time.sleep(0.01)
            if found:
                left.append(f"{call} {n}: {' '.join(found)}")
            shutil.rmtree(folder, ignore_errors=True)
    return left


def by_time(binary, user, delay):
    marker = "soak" + uuid.uuid4().hex
    line = [binary, "run", "--quiet", "--", "/bin/sh", "-c", f"sleep 60 & sleep 61 & sleep 62; : {marker}", marker]
    if user == "ordinary":
        line = cells.as_ordinary(line)
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return marker


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    cells.need_binary()
    users = ["root", "ordinary"] if os.geteuid() == 0 else ["root"]
    place, binary = cells.readable_copy()
    folder = tempfile.mkdtemp(prefix="fumehood-kills-")
    os.chmod(folder, 0o777)
    good, lines = True, []
    traces = shutil.which("strace") is not None
    if not traces:
        print("SKIP kills at each call: strace is absent")
    try:
        for user in users:
            points = options.points // len(users)
            worst, left = 0.0, []
            for i in range(points):
                if traces and i % 2 == 0:
                    # Spread over the whole launch: a launch has a few hundred calls.
                    n = 1 + (i * 4) % 400 if points >= 50 else 1 + random.randrange(400)
                    what, marker = f"call {n}", by_call(binary, user, n, folder)
                else:
                    delay = random.choice([random.random() * 0.01, random.random() * 0.05, 0.2])
                    what, marker = f"{delay * 1000:.1f} ms", by_time(binary, user, delay)
                began = time.monotonic()
                if cells.survivors(marker):
                    left.append(what)
                elif cells.forgotten_groups():
                    left.append(what + " (a control group)")
                worst = max(worst, time.monotonic() - began)
            summary = f"kills as {user}: {points} points, {len(left)} with survivors, worst {worst * 1000:.0f} ms until all were gone"
            print(summary)
            lines.append(summary)
            good &= cells.verdict(f"SIGKILL of the launcher leaves nothing, as {user}", not left, f"survivors after {', '.join(left[:5])}")
            if traces:
                found = placeholders(binary, user, options.points < 50)
                good &= cells.verdict(f"SIGKILL while placeholders are made leaves none, as {user}", not found, "; ".join(found[:5]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    if options.record:
        cells.record("kills", lines)
    return 0 if good else 1


sys.exit(main())
