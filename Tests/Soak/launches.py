#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of launches, four at a time: afterwards descriptors, mounts, processes, control groups, keys, temporary files
and memory of the machine are as they were, and every run said what it should.

usage: launches.py [--launches N] [--record]
"""
import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time

import cells


def listing(folder):
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def memory():
    with open("/proc/meminfo") as file:
        fields = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return fields["MemAvailable"] + 0, fields.get("SUnreclaim", 0)


def groups():
    count = 0
    for _, folders, _ in os.walk("/sys/fs/cgroup"):
        count += len(folders)
    return count


def state():
    with open("/proc/self/mountinfo") as file:
        mounts = sum(1 for _ in file)
    with open("/proc/sys/fs/file-nr") as file:
        files = int(file.read().split()[0])
    return {"mounts": mounts, "open files": files, "control groups": groups()}


def launch(arguments):
    user, binary, marker, number = arguments
    line = [binary, "run", "--quiet", "--", "/bin/echo", f"{marker}{number}"]
    if user == "ordinary":
        line = cells.as_ordinary(line)
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode == 0 and done.stdout == f"{marker}{number}\n", done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--launches", type=int, default=5000)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    cells.need_binary()
    users = ["root", "ordinary"] if os.geteuid() == 0 else ["root"]
    place, binary = cells.readable_copy()
    good, lines = True, []
    # A folder for temporary files of our own: others of the machine make theirs in /tmp.
    os.environ["TMPDIR"] = os.path.join(place, "tmp")
    os.mkdir(os.environ["TMPDIR"])
    os.chmod(os.environ["TMPDIR"], 0o1777)
    try:
        for user in users:
            many = options.launches // len(users)
            marker = f"launch{os.getpid()}{user}x"
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                # The first ones fill caches of the kernel's: they are not counted.
                list(pool.map(launch, [(user, binary, marker, i) for i in range(min(40, many))]))
                time.sleep(0.5)
                before, memory_before, temporary = state(), memory(), listing(os.environ["TMPDIR"])
                began = time.monotonic()
                results = list(pool.map(launch, [(user, binary, marker, i) for i in range(many)]))
                seconds = time.monotonic() - began
            failed = [err for ok, err in results if not ok]
            left = cells.survivors(marker)
            # Namespaces and files are let go of by the kernel in its own time.
            for _ in range(100):
                after = state()
                if after["mounts"] <= before["mounts"] and after["control groups"] <= before["control groups"] and after["open files"] <= before["open files"] + 64:
                    break
                time.sleep(0.1)
            memory_after, files = memory(), listing(os.environ["TMPDIR"]) - temporary
            grown = memory_after[1] - memory_before[1]
            summary = (f"{many} launches as {user}, 4 at a time: {many / seconds:.0f}/s, {len(failed)} failed, {len(left)} processes left, "
                       f"mounts {before['mounts']} -> {after['mounts']}, open files {before['open files']} -> {after['open files']}, "
                       f"control groups {before['control groups']} -> {after['control groups']}, new temporary files {len(files)}, kernel memory {grown:+d} KiB")
            print(summary)
            lines.append(summary)
            good &= cells.verdict(f"every one of {many} launches answers, as {user}", not failed, f"{len(failed)} did not: {failed[0].strip() if failed else ''}")
            good &= cells.verdict(f"{many} launches leave no process, as {user}", not left, str(left[:5]))
            good &= cells.verdict(f"{many} launches leave no mount, as {user}", after["mounts"] <= before["mounts"], summary)
            good &= cells.verdict(f"{many} launches leave no control group, as {user}", after["control groups"] <= before["control groups"], summary)
            good &= cells.verdict(f"{many} launches leave no temporary file, as {user}", not files, str(sorted(files)[:5]))
            # Other programs of the machine open files as well: a leak of two for each launch would be seen on a quiet one.
            good &= cells.verdict(f"{many} launches leave no open file, as {user}", after["open files"] <= before["open files"] + 1000 + 2 * many, summary)
            # One page per launch would be seen.
            good &= cells.verdict(f"{many} launches leave no kernel memory, as {user}", many < 1000 or grown < many * 4, summary)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if options.record:
        cells.record("launches", lines)
    return 0 if good else 1


sys.exit(main())
