#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fault sweep: for every kind of system call on the way from `fumehood run` to its command, EIO and EPERM are injected by
strace on the 1st, 2nd, 3rd ... occurrence until a run has no fault left. Each outcome must be a clean refusal (exit 125
with a message) or a correct run behind all walls: no hang, no survivor, no command without its walls.

usage: faults.py [--seconds N] [--all] [--record] [--calls a,b] [--user root|ordinary]
  --seconds N   a random share that takes about N seconds (the seed is printed)    --all   everything
"""
import argparse
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import cells

# Calls after which nobody could tell a fault: strace itself follows processes by them, or they cannot fail.
UNTOUCHABLE = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "vfork", "fork"}
# Calls of the C library and of Swift's runtime, which end the program when these fail: memory, locks, thread set-up. There is
# nobody to refuse anything then; a hang, a survivor or a command without walls is a failure all the same.
RUNTIME = {"brk", "mmap", "mremap", "munmap", "mprotect", "madvise", "futex", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "execve"}
ERRORS = ["EIO", "EPERM"]
LIMIT = 400


def inner(marker):
    """One program that starts no other, so that its calls can be told from the launch's."""
    return ["/bin/grep", "-e", "^NoNewPrivs", "-e", "^Seccomp", "-e", "^Cap", "-e", marker, "/proc/self/status"]


def command(binary, marker, user):
    line = [binary, "run", "--timeout", "20s", "--"] + inner(marker)
    return cells.as_ordinary(line) if user == "ordinary" else line


def traced(binary, marker, user, options, log):
    strace = ["strace", "-f", "-qq", "-o", log] + options + ["--"]
    line = command(binary, marker, user)
    # strace must be the ordinary user as well, outside of setpriv: it could not follow a set of ids otherwise.
    if user == "ordinary" and os.geteuid() == 0:
        split = line.index(binary)
        return line[:split] + strace + line[split:]
    return strace + line


def kinds(binary, user, folder):
    """How often each call occurs on the launch path: in every process but the command after its exec."""
    log = os.path.join(folder, "count")
    code, out, err = cells.run(traced(binary, uuid.uuid4().hex, user, [], log))
    if code != 0 or not cells.walls_hold(out):
        sys.exit(f"FAIL faults: a run under strace alone does not go well ({code}): {err.strip()}")
    counts, inside = collections.Counter(), set()
    with open(log, errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)[( ]", line)
            if not match:
                continue
            pid, call = match.groups()
            if call == "execveat" and " = 0" in line:
                inside.add(pid)
            if "resumed" in line or pid in inside:
                continue
            counts[call] += 1
    return {call: n for call, n in counts.items() if call not in UNTOUCHABLE and not call.startswith("syscall_")}


def attempt(binary, user, call, error, n, folder):
    """(what came out, whether the fault was reached)."""
    marker = "soak" + uuid.uuid4().hex
    log = os.path.join(folder, "log")
    code, out, err = cells.run(traced(binary, marker, user, ["-e", f"trace={call},execveat", "-e", f"inject={call}:error={error}:when={n}"], log))
    with open(log, errors="replace") as file:
        text = file.read()
    reached = "(INJECTED)" in text
    left = cells.survivors(marker)
    if code is None:
        return "HANG", reached
    if left:
        return "SURVIVOR", reached
    if out.strip() and not cells.walls_hold(out):
        # The command ran: its walls must be whole, whatever failed. A fault in the command itself may cut its output.
        whole = set(out.splitlines()) <= set(cells.WALLS) | {"Seccomp_filters:\t1", "Seccomp_filters:\t2"}
        if not whole:
            return "WITHOUT WALLS", reached
    if code == 0 and cells.walls_hold(out):
        return "ran", reached
    if code in (125, 126, 127) and "fumehood:" in err:
        return "refused", reached
    # The cell was built, and the supervisor or process 1 could not go on: everything was ended, and said.
    if code == 124 and "fumehood:" in err and "reached" not in err:
        return "ended with a message", reached
    if injected_in_command(text):
        return "the command's own", reached
    # A count holds for each process by itself, so that one number can hit a write of process 1 and then the message about it
    # (an address in place of its text: an ordinary user's strace cannot read a process that is not dumpable).
    if code in (124, 125) and not err.strip() and re.search(r'write\(\d+, (?:"fumehood: |0x).*\(INJECTED\)', text):
        return "refused, and the message was hit", reached
    if "Swift runtime path" in err:
        return "ended by the runtime", reached
    if call in RUNTIME and (code < 0 or code in (1, 127, 134, 139)):
        return "ended by the runtime", reached
    return f"UNCLEAR: exit {code}, {err.strip()[:100]!r}", reached


def injected_in_command(text):
    """Whether a fault hit the command itself (strace counts occurrences in each process, so that one run has several)."""
    inside = set()
    for line in text.splitlines():
        pid = line.split(" ", 1)[0]
        if "execveat" in line and " = 0" in line:
            inside.add(pid)
        elif "(INJECTED)" in line and pid in inside:
            return True
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--calls", default="")
    parser.add_argument("--user", choices=["root", "ordinary", "both"], default="both")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    cells.need_binary()
    if shutil.which("strace") is None:
        print("SKIP faults: strace is absent")
        return 0
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "/bin/true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("SKIP faults: ptrace is refused here")
        return 0
    users = ["root", "ordinary"] if os.geteuid() == 0 else ["root"]
    users = users if options.user == "both" else [options.user]
    place, binary = cells.readable_copy()
    folder = tempfile.mkdtemp(prefix="fumehood-faults-")
    os.chmod(folder, 0o777)
    random.seed(options.seed)
    good, lines = True, []
    try:
        for user in users:
            own = os.path.join(folder, user)
            os.mkdir(own)
            os.chmod(own, 0o777)
            tally, bad, began, runs = collections.Counter(), [], time.monotonic(), 0
            counts = kinds(binary, user, own)
            if options.calls:
                counts = {c: n for c, n in counts.items() if c in options.calls.split(",")}
            points = [(call, error, n) for call, many in counts.items() for error in ERRORS for n in range(1, min(many, LIMIT) + 3)]
            random.shuffle(points)
            share = options.seconds / len(users)
            for call, error, n in points:
                if not options.all and time.monotonic() - began > share:
                    break
                what, reached = attempt(binary, user, call, error, n, own)
                runs += 1
                tally[what if reached else "not reached"] += 1
                if what.isupper() or what.startswith(("UNCLEAR", "WITHOUT")):
                    bad.append(f"{call} {error} {n}: {what}")
            summary = ", ".join(f"{count} {what}" for what, count in sorted(tally.items()))
            name = f"faults as {user}: {runs} of {len(points)} points over {len(counts)} calls"
            print(f"{name} (seed {options.seed}): {summary}")
            for line in bad[:40]:
                print("  " + line)
            good &= cells.verdict(f"a fault on the launch path is a refusal or a correct run, as {user}", not bad, f"{len(bad)} points: {'; '.join(bad[:3])}")
            lines += [f"{name}: {summary}"] + ["  " + b for b in bad]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    if options.record:
        cells.record("faults", lines)
    return 0 if good else 1


sys.exit(main())
