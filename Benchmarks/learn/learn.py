#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What learning costs: each workload plain, in a cell, in a cell that learns (first run: nothing known; later: all known), under the
learned profile, and under `strace -f`, in random order per round; medians against Benchmarks/thresholds.json. Exit codes and output are
compared with the plain run's, since a broken run is fast.

usage: learn.py [--record] [--rounds N] [--only NAME,...] [--no-fail]
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
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood")))
IMPORTS = "import json, re, subprocess, threading, asyncio, http.client, email, xml.dom.minidom, unittest, sqlite3, decimal, logging.config, concurrent.futures, multiprocessing, ctypes"
# An ordinary C file of some length: a compiler that has nothing to do measures the launch.
SOURCE = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" + "".join(
    f"static int f{n}(int x) {{ int a[64]; for (int i = 0; i < 64; i++) a[i] = x * i + {n}; qsort(a, 64, sizeof *a, 0); return a[{n % 64}]; }}\n" for n in range(150)
) + "int main(int n, char **v) { (void)v; return " + " + ".join(f"f{n}(n)" for n in range(150)) + "; }\n"
FORKS = "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done"
WORKLOADS = {
    "python": ["/usr/bin/python3", "-I", "-B", "-c", IMPORTS],
    "gcc": ["gcc", "-O1", "-c", "-o", "/dev/null", "main.c"],
    "find": ["find", "/usr/include", "/usr/lib/python3", "/usr/lib/gcc", "-type", "f", "-newer", "/usr/bin/env"],
    "grep": ["grep", "-r", "-l", "pthread_create", "/usr/include"],
    "forks": ["/bin/sh", "-c", FORKS],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--no-fail", action="store_true")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="fumehood-bench-")
    work = os.path.join(folder, "work")
    os.mkdir(work)
    with open(os.path.join(work, "main.c"), "w") as file:
        file.write(SOURCE)
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "XDG_STATE_HOME": os.path.join(folder, "state")}
    profiles = os.path.join(folder, ".config/fumehood/profiles")
    strace = shutil.which("strace")

    def timed(line):
        began = time.perf_counter()
        ran = subprocess.run(line, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return time.perf_counter() - began, ran

    lines = [f"{'workload':9} {'plain ms':>9} {'cell':>6} {'first':>6} {'later':>6} {'enforced':>9} {'strace -f':>10}   (times plain; medians of {options.rounds} rounds)"]
    ratios = {}
    for name in options.only.split(","):
        command = WORKLOADS[name]
        flags = ["--no-log", "-r", work]
        known = ["learn", *flags, "--quiet", "--as", "known", "--", *command]
        _, expected = timed(command)
        kinds = {
            "plain": command,
            "cell": [BINARY, "run", *flags, "--", *command],
            "first": [BINARY, "learn", *flags, "--quiet", "--as", "fresh", "--", *command],
            "later": [BINARY, *known],
            "enforced": [BINARY, "run", *flags, "-p", "known", "--", *command],
        }
        if strace:
            kinds["strace"] = [strace, "-f", "-qq", "-o", os.path.join(folder, "trace"), *command]
        timed([BINARY, *known])
        times = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind in random.sample(list(kinds), len(kinds)):
                if kind == "first" and os.path.exists(profiles + "/fresh.yaml"):
                    os.unlink(profiles + "/fresh.yaml")
                seconds, ran = timed(kinds[kind])
                if ran.returncode != expected.returncode or ran.stdout != expected.stdout:
                    sys.exit(f"{name}, {kind}: ended with {ran.returncode}, its time means nothing: {ran.stderr.decode()[-400:]}")
                times[kind].append(seconds)
        plain = statistics.median(times["plain"])
        row = {kind: statistics.median(values) / plain for kind, values in times.items()}
        ratios[f"learn_first_{name}"] = row["first"]
        ratios[f"learn_later_{name}"] = row["later"]
        lines.append(
            f"{name:9} {plain * 1000:9.1f} {row['cell']:6.2f} {row['first']:6.2f} {row['later']:6.2f} {row['enforced']:9.2f} {row.get('strace', float('nan')):10.2f}")
        print(lines[-1] if len(lines) > 2 else "\n".join(lines), flush=True)
        for profile in ("known", "fresh"):
            os.unlink(f"{profiles}/{profile}.yaml")
    shutil.rmtree(folder, ignore_errors=True)
    with open(os.path.join(ROOT, "Benchmarks/thresholds.json")) as file:
        thresholds = json.load(file)
    failed = False
    for name, value in sorted(ratios.items()):
        bound = thresholds.get(name.rpartition("_")[0], {}).get("most")
        if bound is not None and value > bound:
            failed = True
            print(f"FAIL {name}: {value:.2f}, at most {bound}")
    if options.record:
        with open(os.path.join(ROOT, "Benchmarks/results/learn-cost.txt"), "w") as file:
            file.write("\n".join(lines) + "\n")
    sys.exit(1 if failed and not options.no_fail else 0)


if __name__ == "__main__":
    main()
