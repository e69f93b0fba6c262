#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger's soak and benchmark: builds the program of this folder and runs it.

    soak.py [--schedules N] [--seed N] [--bench] [--record]

Simulated schedules by the million, judged by a checker that knows nothing of the ledger's code; any broken promise is a
failure and named with its seed. --bench measures reserve + settle against thresholds.json instead. --record writes
Benchmarks/results/ledger-soak.json or ledger-bench.json with the commit and the date.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Beside the other builds: the tidy tests read every file below Benchmarks.
SCRATCH = os.path.join(ROOT, ".build-ledger")
PROGRAM = os.path.join(SCRATCH, "release/ledger")


def build():
    done = subprocess.run(["swift", "build", "-c", "release", "--scratch-path", SCRATCH], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout)


def record(name, result):
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    result = {"commit": git.stdout.strip() or "unknown", "date": datetime.date.today().isoformat(), **result}
    os.makedirs(os.path.join(ROOT, "Benchmarks/results"), exist_ok=True)
    with open(os.path.join(ROOT, "Benchmarks/results", name), "w") as file:
        json.dump(result, file, indent=2, sort_keys=True)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--bench", action="store_true")
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    build()
    if args.bench:
        # The quietest of five: neighbours on the same cores only ever add.
        runs = [json.loads(subprocess.run([PROGRAM, "bench"], check=True, stdout=subprocess.PIPE).stdout) for _ in range(5)]
        result = min(runs, key=lambda run: run["p50_ns"])
        result["p50_ns_of_runs"] = [run["p50_ns"] for run in runs]
        most = json.load(open(os.path.join(HERE, "thresholds.json")))["reserve_settle_ns"]["most"]
        holds = result["p50_ns"] <= most
        print("%s reserve + settle: %d ns, at most %d" % ("PASS" if holds else "FAIL", result["p50_ns"], most))
    else:
        print("seed %d" % args.seed, flush=True)
        done = subprocess.run([PROGRAM, "soak", str(args.schedules), str(args.seed)], stdout=subprocess.PIPE)
        result = json.loads(done.stdout)
        holds = done.returncode == 0
        print("%s ledger: %s" % ("PASS" if holds else "FAIL", json.dumps(result)))
    if args.record:
        record("ledger-bench.json" if args.bench else "ledger-soak.json", result)
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
