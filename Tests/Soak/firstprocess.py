#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Process 1 of a cell killed from outside, as the kernel does when memory runs out: the run ends at once and says so, and
nothing is left. Needs the program as it is shipped: what this once found was there in the optimised build alone.

usage: firstprocess.py      prints PASS and FAIL lines
"""
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid

import cells


def first_process(supervisor):
    """The child in a pid namespace of its own: the janitor of control groups stands beside it."""
    with open(f"/proc/{supervisor}/task/{supervisor}/children") as file:
        children = [int(word) for word in file.read().split()]
    for child in children:
        with open(f"/proc/{child}/status") as file:
            if len(next(line for line in file if line.startswith("NSpid")).split()) > 2:
                return child
    sys.exit("no process 1 below the supervisor")


def main():
    cells.need_binary()
    place, binary = cells.readable_copy()
    good = True
    try:
        for user in ["root", "ordinary"] if os.geteuid() == 0 else ["root"]:
            marker = "first" + uuid.uuid4().hex
            line = [binary, "run", "--", "/bin/sh", "-c", f"echo up; sleep 60 & sleep 60; : {marker}"]
            line = cells.as_ordinary(line) if user == "ordinary" else line
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            process.stdout.readline()
            time.sleep(0.3)  # the command may be there before its process 1 has said so
            first = first_process(process.pid)
            began = time.monotonic()
            os.kill(first, signal.SIGKILL)
            try:
                _, err = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                err = "no end within 10 s"
            what = f"process 1 killed: the run ends and says so, as {user}"
            good &= cells.verdict(what, process.returncode == 124 and "process 1" in err, f"exit {process.returncode}: {err.strip()[:200]}")
            good &= cells.verdict(f"process 1 killed: nothing is left, as {user}", not cells.survivors(marker), f"after {time.monotonic() - began:.1f} s")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0 if good else 1


sys.exit(main())
