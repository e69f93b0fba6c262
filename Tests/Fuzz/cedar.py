#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Cedar engine against the corpus and against PyPI cedarpy (the Rust implementation): a share of it for `make test`, the
whole with `--all`, appended to Benchmarks/results/cedar.txt with `--record`. The engine is build/cedar-corpus; cedarpy is
installed into build/venv when it is not there. What a comparison printed is kept in build/cedar."""
import argparse
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Soak"))
import cells

ENGINE = os.path.join(cells.ROOT, "build/cedar-corpus")
SHARED = os.environ.get("FUMEHOOD_SHARED", os.path.normpath(os.path.join(cells.ROOT, "../shared")))
LOGS = os.path.join(cells.ROOT, "build/cedar")
CEDARPY = "cedarpy==4.12.2"

# Name, script, mode, cases of the share, cases of the whole. A case is what the script's help says.
COMPARISONS = [
    ("authorize", "cedar_diff.py", "authorize", 6000, 200000),
    ("parse", "cedar_diff.py", "parse", 6000, 200000),
    ("json", "cedar_diff.py", "json", 4000, 50000),
    ("format", "cedar_diff.py", "format", 4000, 50000),
    ("index", "cedar_diff.py", "index", 40000, 1000000),
    ("schema", "cedar_validation_diff.py", "schema", 100, 3000),
    ("validate", "cedar_validation_diff.py", "validate", 100, 3000),
    ("conform", "cedar_validation_diff.py", "conform", 100, 3000),
]


def python():
    """A Python that has cedarpy: build/venv's. None where it cannot be had."""
    path = os.path.join(cells.ROOT, "build/venv/bin/python")
    if os.path.exists(path) and subprocess.run([path, "-c", "import cedarpy"], stderr=subprocess.DEVNULL).returncode == 0:
        return path
    os.makedirs(LOGS, exist_ok=True)
    log = open(os.path.join(LOGS, "venv.log"), "w")
    for command in ([sys.executable, "-m", "venv", "--clear", os.path.join(cells.ROOT, "build/venv")],
                    [path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", CEDARPY]):
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode != 0:
            return None
    return path


def kept(name, command):
    """Runs a command, keeps what it prints; gives its status and its lines."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode("utf-8", "replace")
    with open(os.path.join(LOGS, name + ".log"), "w") as file:
        file.write(text)
    return done.returncode, [line for line in text.splitlines() if line.strip()]


def corpus():
    folder = os.path.join(SHARED, "data/cedar")
    if not os.path.isdir(folder):
        print("SKIP the Cedar corpus: the shared data is absent")
        return True, None
    began = time.monotonic()
    code, lines = kept("corpus", [ENGINE, folder])
    seconds = time.monotonic() - began
    last = lines[-1] if lines else "it printed nothing"
    good = cells.verdict("the Cedar corpus", code == 0 and seconds < 60, f"{last}, {seconds:.0f} s; see build/cedar/corpus.log")
    return good, f"corpus: {last}, {seconds:.1f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("names", nargs="*", help="only these comparisons")
    arguments = parser.parse_args()
    os.makedirs(LOGS, exist_ok=True)
    if not os.access(ENGINE, os.X_OK):
        print("FAIL the Cedar engine: there is no build/cedar-corpus; make build/cedar-corpus makes it")
        return 1
    good, said = True, []
    if not arguments.names:
        good, line = corpus()
        said += [line] if line else []
    interpreter = python()
    for name, script, mode, share, whole in COMPARISONS:
        if arguments.names and name not in arguments.names:
            continue
        if interpreter is None:
            print(f"SKIP Cedar beside cedarpy, {name}: cedarpy cannot be installed")
            continue
        cases = whole if arguments.all else share
        began = time.monotonic()
        code, lines = kept(name, [interpreter, os.path.join(HERE, script), ENGINE, "--mode", mode, "--cases", str(cases)])
        seeds = next((line for line in lines if "seed" in line), "no seed")
        good = cells.verdict(f"Cedar beside cedarpy, {name}", code == 0, f"{seeds}; see build/cedar/{name}.log") and good
        # The schema comparison ends with one count a line.
        counts = [line.strip() for line in lines if "seed" not in line and "DIFFERENCE" not in line]
        result = "; ".join(counts[-8:])[:300] if code == 0 else "DIFFERENCES"
        said.append(f"{name}: {result}; {seeds}; {time.monotonic() - began:.0f} s")
    if arguments.record:
        cells.record("cedar", said)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
