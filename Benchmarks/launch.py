#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Launch benchmarks: pairs side by side, in random order per round, since a launch's asynchronous teardown is paid by the
next one; exit codes and effects asserted, since a broken launch is fast; medians and minima; ratios against
Benchmarks/thresholds.json. Absolute times change from hour to hour: only the ratios are held.

usage: launch.py [--record] [--rounds N] [--only cold,rate,stages,memory,relay,inside,size] [--no-fail]
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
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Soak"))
import cells  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BWRAP = shutil.which("bwrap")
TRUE = "/bin/true"
SECTIONS = ["size", "cold", "rate", "stages", "memory", "relay", "inside"]


def peer():
    return [BWRAP, "--unshare-all", "--ro-bind", "/", "/", TRUE]


def ours(binary):
    return [binary, "run", "--", TRUE]


def timed(line):
    """Seconds of one run, which must succeed."""
    devnull = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
    began = time.perf_counter()
    pid = os.posix_spawn(line[0], line, os.environ, file_actions=devnull)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        sys.exit(f"a run failed, its time means nothing: {' '.join(line)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds


def assert_effect(binary):
    """Both sides really isolate: ours behind all walls, theirs in namespaces of their own."""
    out = subprocess.run([binary, "run", "--", "/bin/cat", "/proc/self/status"], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL).stdout
    if not cells.walls_hold(out):
        sys.exit("a cell without walls was measured")
    mine = os.readlink("/proc/self/ns/net")
    if BWRAP:
        theirs = subprocess.run(peer()[:-1] + ["--proc", "/proc", "/bin/readlink", "/proc/self/ns/net"], stdout=subprocess.PIPE, text=True).stdout.strip()
        if not theirs or theirs == mine:
            sys.exit("bwrap did not isolate")


def paired(sides, rounds, check=None):
    times = {name: [] for name in sides}
    for i in range(rounds):
        if check and i % 50 == 0:
            check()
        for name in random.sample(list(sides), len(sides)):
            times[name].append(sides[name]())
    return times


def ratios(times, ours_name, theirs_name):
    a, b = times[ours_name], times[theirs_name]
    return statistics.median(a) / statistics.median(b), min(a) / min(b)


def cold(binary, rounds):
    sides = {"fumehood": lambda: timed(ours(binary)), "bwrap": lambda: timed(peer())}
    paired(sides, 5)
    times = paired(sides, rounds, lambda: assert_effect(binary))
    median, least = ratios(times, "fumehood", "bwrap")
    text = "; ".join(f"{name} median {statistics.median(t) * 1000:.2f} ms, min {min(t) * 1000:.2f} ms" for name, t in times.items())
    return {"cold_ratio": median, "cold_ratio_min": least}, [f"cold, {rounds} rounds: {text}"]


def burst(line, count):
    """Launches a second, four at a time."""
    lock, left, failed = threading.Lock(), [count], []

    def worker():
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            try:
                timed(line)
            except SystemExit as error:
                failed.append(error)
                return

    threads = [threading.Thread(target=worker) for _ in range(4)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(str(failed[0]))
    return count / (time.perf_counter() - began)


def rate(binary, rounds):
    count, blocks = 80, max(4, rounds // 40)
    rates = paired({"fumehood": lambda: burst(ours(binary), count), "bwrap": lambda: burst(peer(), count)}, blocks)
    median = statistics.median(rates["fumehood"]) / statistics.median(rates["bwrap"])
    text = "; ".join(f"{name} median {statistics.median(r):.0f}/s, best {max(r):.0f}/s" for name, r in rates.items())
    return {"rate_ratio": median}, [f"four at a time, {blocks} blocks of {count}: {text}"]


def stages(binary, rounds):
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result")
        for _ in range(min(rounds, 100)):
            subprocess.run([binary, "run", "--result", result, "--", TRUE], check=True, stdin=subprocess.DEVNULL)
            with open(result) as file:
                tables.append(json.load(file)["launch_us"])
    names = max(tables, key=len).keys()
    rows = sorted(((statistics.median(t.get(n, 0) for t in tables), min(t.get(n, 0) for t in tables), n) for n in names), reverse=True)
    return {}, ["stages, median / min us: " + ", ".join(f"{n} {m:.0f} / {least}" for m, least, n in rows)]


def private(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))


def idle(binary):
    """A cell that sleeps: its supervisor, and the ids of what that has begun."""
    process = subprocess.Popen([binary, "run", "--", "/bin/sleep", "30"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    time.sleep(0.5)
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return process, [int(word) for word in file.read().split()]


def memory(binary, rounds):
    """What one more idle cell takes for itself: measured beside another, so that the program's text, which all share, is no one's."""
    other, _ = idle(binary)
    process, children = idle(binary)
    try:
        # Beside process 1 there may be a janitor, which shares the supervisor's memory: process 1 stands in a namespace of its own.
        first = next(pid for pid in children if len(next(line for line in open(f"/proc/{pid}/status") if line.startswith("NSpid")).split()) > 2)
        try:
            supervisor, inner = private(process.pid), private(first)
        except PermissionError:
            return {}, ["idle memory: supervisor and PID 1 are non-dumpable, their own user cannot read it; see root's figure"]
        other.kill()
        other.wait()
        alone = private(process.pid) + private(first)
        return {"idle_memory_kib": supervisor + inner}, [f"idle memory, private beside another cell: supervisor {supervisor} KiB, PID 1 {inner} KiB; alone on the machine, text included: {alone} KiB"]
    finally:
        for each in (process, other):
            each.kill()
            each.wait()


def relayed(line):
    """Bytes a second of 1 GiB from pipe to pipe."""
    size = 1 << 30
    source = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
    middle = subprocess.Popen(line, stdin=source.stdout, stdout=subprocess.PIPE)
    source.stdout.close()
    began = time.perf_counter()
    sink = subprocess.Popen(["wc", "-c"], stdin=middle.stdout, stdout=subprocess.PIPE, text=True)
    middle.stdout.close()
    count = int(sink.communicate()[0])
    seconds = time.perf_counter() - began
    if count != size or middle.wait() != 0 or source.wait() != 0:
        sys.exit(f"{' '.join(line)} passed {count} bytes of {size} on")
    return size / seconds


def relay(binary, rounds):
    rates = paired({"fumehood": lambda: relayed([binary, "run", "--", "/bin/cat"]), "cat": lambda: relayed(["/bin/cat"])}, 5)
    ratio = statistics.median(rates["fumehood"]) / statistics.median(rates["cat"])
    return {"relay_ratio": ratio}, ["relay of 1 GiB, 5 rounds: " + "; ".join(f"{n} median {statistics.median(r) / 1e9:.2f} GB/s" for n, r in rates.items())]


LOOP = """
import subprocess, sys, time, json
times = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
    times.append(time.perf_counter() - began)
print(json.dumps(times))
"""


def inside(binary, rounds):
    """The same loop in a cell and outside: the launch itself is not in the times."""
    held, lines = {}, []
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    with tempfile.TemporaryDirectory() as folder:
        for i in range(400):
            os.makedirs(f"{folder}/src/{i % 20}", exist_ok=True)
            with open(f"{folder}/src/{i % 20}/file{i}.txt", "w") as file:
                file.write("text\n" * 20)
        with open(f"{folder}/program.c", "w") as file:
            file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(void) { puts(\"x\"); return 0; }\n")
        quiet = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        subprocess.run(["git", "init", "-q", "."], **quiet)
        subprocess.run(["git", "add", "-A"], **quiet)
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "x"], **quiet)
        work = {
            "git": ("git status", 25, ["/usr/bin/git", "-c", "safe.directory=*", "status", "--porcelain"]),
            "python": ("python imports", 8, [python, "-B", "-c", "import json, argparse, subprocess, email, http.client, unittest, decimal"]),
            "gcc": ("gcc", 5, ["/usr/bin/gcc", "-O1", "-o", "program", "program.c"]),
        }
        for name, (what, count, command) in work.items():
            loop = [python, "-B", "-c", LOOP, str(count)] + command
            times = {"inside": [], "outside": []}
            blocks = max(4, rounds // 40)
            for _ in range(blocks):
                for side in random.sample(["inside", "outside"], 2):
                    line = [binary, "run", "-p", "build", "-w", ".", "--quiet", "--"] + loop if side == "inside" else loop
                    done = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
                    if done.returncode != 0:
                        sys.exit(f"{what} failed {side}")
                    times[side] += json.loads(done.stdout)[1:]
            median, least = ratios(times, "inside", "outside")
            held[f"inside_{name}"] = median
            lines.append(f"{what}, {len(times['inside'])} runs: inside median {statistics.median(times['inside']) * 1000:.2f} ms, outside {statistics.median(times['outside']) * 1000:.2f} ms; ratio of minima {least:.3f}")
    return held, lines


def size(binary, rounds):
    return {"binary_bytes": os.path.getsize(binary)}, []


def measure(options, binary):
    held, lines = {}, []
    for name in SECTIONS:
        if options.only and name not in options.only.split(","):
            continue
        if name in ("cold", "rate") and BWRAP is None:
            lines.append(f"{name}: not measured, bwrap is absent")
            continue
        found, said = globals()[name](binary, options.rounds)
        held.update(found)
        lines += said
    return held, lines


def judged(held):
    with open(os.path.join(HERE, "thresholds.json")) as file:
        thresholds = json.load(file)
    lines, good = [], True
    for name, value in held.items():
        bound = thresholds[name]
        limit = bound.get("most", bound.get("least"))
        holds = value <= limit if "most" in bound else value >= limit
        aim = f", aim {bound['aim']}" if "aim" in bound else ""
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        lines.append(f"{'holds ' if holds else 'FAILS '} {name} {shown} ({'at most' if 'most' in bound else 'at least'} {limit}{aim}): {bound['what']}")
        good &= holds
    return lines, good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-fail", action="store_true", help="exit 0 whatever the ratios")
    parser.add_argument("--as-json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cells.need_binary()
    if options.as_json:
        print(json.dumps(measure(options, cells.FUMEHOOD)))
        return 0
    place, binary = cells.readable_copy()
    good, report = True, []
    try:
        os.environ["FUMEHOOD_BIN"] = cells.FUMEHOOD = binary
        sides = [("root" if os.geteuid() == 0 else "an ordinary user", [])]
        if os.geteuid() == 0:
            sides.append(("an ordinary user", cells.as_ordinary([])))
        for who, front in sides:
            home = os.path.join(place, who.replace(" ", "-"))
            os.mkdir(home)
            # The scripts, at a place that any user can read.
            for folder in ("Benchmarks", "Tests/Soak"):
                shutil.copytree(os.path.join(HERE, "..", folder), os.path.join(home, folder))
            if front:
                subprocess.run(["chown", "-R", str(cells.ORDINARY), home], check=True)
            python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
            line = front + ["env", f"HOME={home}", f"TMPDIR={home}", "PATH=/usr/local/bin:/usr/bin:/bin", f"FUMEHOOD_BIN={binary}",
                            python, "-B", f"{home}/Benchmarks/launch.py", "--as-json", "--rounds", str(options.rounds), "--only", options.only]
            done = subprocess.run(line, stdout=subprocess.PIPE, text=True, cwd=home, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                print(f"as {who}: not measured to the end")
                good = False
                continue
            held, lines = json.loads(done.stdout)
            verdicts, holds = judged(held)
            good &= holds
            report += [f"as {who}:"] + ["  " + text for text in lines + verdicts]
        print("\n".join(report))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if options.record:
        cells.record("launch", report)
    return 0 if good or options.no_fail else 1


if __name__ == "__main__":
    sys.exit(main())
