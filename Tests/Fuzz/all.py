#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target in turn: `all.py SECONDS [--record] [NAME ...]`. With --record what came out is appended to
Benchmarks/results/fuzz.txt, with the seconds of each."""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Soak"))
import cells

TARGETS = ["policy", "schema", "schema-json", "documents", "profile", "wire"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=int)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("names", nargs="*", default=[])
    arguments = parser.parse_args()
    good = True
    for name in arguments.names or TARGETS:
        done = subprocess.run([os.path.join(HERE, "fuzz.sh"), name, str(arguments.seconds)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        lines = done.stdout.decode("utf-8", "replace").splitlines() or [f"FAIL fuzz {name}: it said nothing"]
        print("\n".join(lines), flush=True)
        good = good and done.returncode == 0
        # The claim and the input of a finding have many lines; the last says which target it was.
        if arguments.record:
            cells.record("fuzz", [f"{lines[-1]} in {arguments.seconds} s"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
