#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What limits cost: a launch with control groups beside the same launch without, and beside bwrap, on each back-end that
this machine can show (as root; v1 alone by covering the v2 tree); and how long a tree of 500 live processes takes to die
beside a plain cgroup.kill of the same tree in the same run. Pairs in random order per round; exit codes and effects asserted.

usage: limits.py [--record] [--rounds N] [--only launch,kill] [--no-fail]
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Tests/Soak"))
sys.path.insert(0, HERE)
import cells  # noqa: E402
import launch  # noqa: E402

RUNAWAY = os.path.join(cells.ROOT, "build/sandboxees/runaway")
# Seconds that a tree lives before it is killed: the longer it forks, the longer the queue for the kernel's locks gets, on both sides.
LIFE = 0.8
UNIFIED = next((p for p in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if os.path.exists(p + "/cgroup.procs")), None)


def profiles(folder):
    """The base profile with the limits that need groups, and without: both read from a file, so that only groups differ."""
    with open(os.path.join(cells.ROOT, "Profiles/base.yaml")) as file:
        text = file.read()
    bare = text.replace("memory: 2G, pids: 512, ", "")
    if bare == text:
        sys.exit("the base profile's limits are not where they were")
    paths = []
    for name, contents in (("with", text), ("without", bare)):
        paths.append(os.path.join(folder, name + ".yaml"))
        with open(paths[-1], "w") as file:
            file.write(contents)
    return paths


def launches(binary, rounds, backend):
    with tempfile.TemporaryDirectory() as folder:
        grouped, bare = profiles(folder)
        result = os.path.join(folder, "result")
        seen = []
        for profile in (grouped, bare):
            subprocess.run([binary, "run", "-p", profile, "--result", result, "--", launch.TRUE], check=True, stdin=subprocess.DEVNULL)
            with open(result) as file:
                seen.append(json.load(file)["backend"])
        if seen != [backend, "none"]:
            sys.exit(f"asked for {backend} beside none, got {seen}")
        sides = {
            "groups": lambda: launch.timed([binary, "run", "-p", grouped, "--", launch.TRUE]),
            "bare": lambda: launch.timed([binary, "run", "-p", bare, "--", launch.TRUE]),
            "default": lambda: launch.timed([binary, "run", "--", launch.TRUE]),
        }
        if launch.BWRAP:
            sides["bwrap"] = lambda: launch.timed(launch.peer())
        launch.paired(sides, 3)
        return launch.paired(sides, rounds)


def covered(rounds):
    """The same on v1 alone: this script again, in a mount namespace where the v2 tree is covered."""
    line = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup/unified && exec "$@"', "sh", sys.executable, os.path.abspath(__file__), "--inner", "v1", "--rounds", str(rounds)]
    return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE).stdout)


def wait_for_ready(stream):
    if stream.readline() != b"ready\n":
        sys.exit("the bomb did not start")


def plain_kill(what):
    """Seconds from cgroup.kill to the last process being gone and the first reaped, of a tree that is in a group and nothing else."""
    group = os.path.join(UNIFIED, f"plain-{os.getpid()}")
    os.mkdir(group)
    try:
        join = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        started = time.perf_counter()
        process = subprocess.Popen(["sh", "-c", join, "sh", RUNAWAY, what], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        wait_for_ready(process.stdout)
        time.sleep(max(0, LIFE - (time.perf_counter() - started)))
        began = time.perf_counter()
        with open(group + "/cgroup.kill", "w") as file:
            file.write("1")
        while True:
            with open(group + "/cgroup.events") as file:
                if "populated 0" in file.read():
                    break
        process.wait()
        return time.perf_counter() - began
    finally:
        for _ in range(2000):
            try:
                os.rmdir(group)
                break
            except OSError:
                time.sleep(0.001)


def cell_kill(binary, what):
    """The same of a cell at its time limit: by its record, the instant of the kill until all are gone and reaped."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result")
        process = subprocess.Popen(
            [binary, "run", "--quiet", "--pids", "1500", "--timeout", f"{int(LIFE * 1000)}ms", "--result", result, "-r", os.path.dirname(RUNAWAY), "--", RUNAWAY, what],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        wait_for_ready(process.stdout)
        if process.wait() != 124:
            sys.exit("the cell was not killed")
        with open(result) as file:
            record = json.load(file)
        if record["kill"]["left"] or (record["pids_peak"] or 0) < 500:
            sys.exit(f"no proven kill of 500: {record['kill']}, {record['pids_peak']} processes")
        return (record["kill"]["all_gone_us"] - record["kill"]["issued_us"]) / 1e6


def kills(binary, rounds):
    return launch.paired({"plain": lambda: plain_kill("bomb"), "fumehood": lambda: cell_kill(binary, "bomb")}, rounds)


def milliseconds(times):
    return "; ".join(f"{name} median {statistics.median(t) * 1000:.2f} ms, min {min(t) * 1000:.2f} ms" for name, t in times.items())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--only", default="launch,kill")
    parser.add_argument("--inner")
    parser.add_argument("--no-fail", action="store_true")
    options = parser.parse_args()
    cells.need_binary()
    binary = cells.FUMEHOOD
    if options.inner:
        print(json.dumps(launches(binary, options.rounds, options.inner)))
        return 0
    if not os.access(RUNAWAY, os.X_OK):
        subprocess.run([os.path.join(cells.ROOT, "Tests/Sandboxees/build.sh")], check=True)
    measured, lines = {}, []
    own = cells.host_groups()
    if os.geteuid() != 0 or own == "none":
        print("SKIP limits: no control groups to make groups in")
        return 0
    if "launch" in options.only:
        for backend in [own] + (["v1"] if own == "hybrid" else []):
            times = launches(binary, options.rounds, backend) if backend == own else covered(options.rounds)
            added = statistics.median(times["groups"]) - statistics.median(times["bare"])
            measured[f"{backend}_added_ratio"] = statistics.median(times["groups"]) / statistics.median(times["bare"])
            lines.append(f"launch on {backend}, {options.rounds} rounds: groups add {added * 1e6:.0f} us; {milliseconds(times)}")
            if "bwrap" in times:
                measured[f"{backend}_bwrap_ratio"] = launch.ratios(times, "default", "bwrap")[0]
                measured[f"{backend}_bare_bwrap_ratio"] = launch.ratios(times, "bare", "bwrap")[0]
    if "kill" in options.only and UNIFIED:
        times = kills(binary, max(8, options.rounds // 10))
        measured["bomb_kill_ratio"] = statistics.median(times["fumehood"]) / statistics.median(times["plain"])
        lines.append(f"a live tree of 500 until all are gone, {len(times['plain'])} rounds: {milliseconds(times)}")
    with open(os.path.join(HERE, "thresholds.json")) as file:
        thresholds = json.load(file)
    good = True
    for name, value in measured.items():
        bound = thresholds.get(name, {})
        holds = value <= bound.get("most", float("inf")) and value >= bound.get("least", 0)
        good &= holds
        lines.append(f"{name} {value:.3f}" + (f" (at most {bound['most']})" if "most" in bound else "") + ("" if holds else "  NOT HELD"))
    for line in lines:
        print(line)
    if options.record:
        cells.record("limits-cost", lines)
    return 0 if good or options.no_fail else 1


if __name__ == "__main__":
    sys.exit(main())
