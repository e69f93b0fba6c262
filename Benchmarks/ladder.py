#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a ladder costs while cells run: the processor time of all supervisors over ten seconds, with 100 idle cells and 10 busy
ones, each with a ladder of eight readings; beside the same cells without a ladder, and beside one idle supervisor.

And what a runaway takes from its neighbours: the work of a cell beside one that spins, forks, grows or floods under a ladder, as a part of its
work alone, in turn; for comparison the same without a ladder.

usage: ladder.py [--only cost,neighbours] [--idle N] [--busy N] [--seconds S] [--work S] [--record] [--no-fail]
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Tests/Soak"))
import cells  # noqa: E402

# Parts of one core for all supervisors together: the bound.
BOUND = 0.01
LADDER = """ladder:
  cpu: {warn: 1.0, throttle: 1.5}
  memory: {warn: 80%, throttle: 90%}
  pids: {warn: 80%, slow: 90%}
  refused_forks: {warn: 10, throttle: 50}
  pressure_memory: {warn: 50%}
  output_rate: {throttle: 64M}
  denial_rate: {warn: 100, throttle: 5000}
  cpu_time: {warn: 1h}
"""


def spent(process):
    """Nanoseconds on a processor."""
    with open(f"/proc/{process.pid}/schedstat") as file:
        return int(file.read().split()[0])


def trial(binary, folder, ladder, idle, busy, seconds):
    path = os.path.join(folder, "ladder.yaml" if ladder else "bare.yaml")
    with open(path, "w") as file:
        file.write("fumehood: 1\nextends: base\n" + (LADDER if ladder else ""))
    started = []
    try:
        for i in range(idle + busy):
            command = ["/bin/sleep", "600"] if i < idle else ["/bin/sh", "-c", "while :; do :; done"]
            started.append(subprocess.Popen([binary, "run", "--no-log", "--quiet", "-p", path, "--", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, env={**os.environ, "XDG_RUNTIME_DIR": folder}))
        time.sleep(4)
        before = [spent(process) for process in started]
        began = time.monotonic()
        time.sleep(seconds)
        after = [spent(process) for process in started]
        took = time.monotonic() - began
        times = [b - a for a, b in zip(before, after)]
        return sum(times[:idle]) / took / 1e9, sum(times[idle:]) / took / 1e9
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# What a neighbour may lose: the bound.
LOSS = 0.10
TAMING = """ladder:
  cpu: {warn: 0.3, slow: 0.5, throttle: 0.8}
  memory: {warn: 40%, throttle: 60%}
  refused_forks: {warn: 10, throttle: 50}
  output_rate: {warn: 1M, throttle: 8M}
  throttled: {cpu: 0.05, output_rate: 64K}
"""
WORK = "import time\nn, end = 0, time.monotonic() + {seconds}\nwhile time.monotonic() < end:\n    sum(range(2000)); n += 1\nprint(n)\n"
RUNAWAYS = {
    "processors": ["/bin/sh", "-c", "for i in 1 2 3 4; do (while :; do :; done) & done; wait"],
    "forks": ["/usr/bin/python3", "-c", "import os, time\nwhile True:\n    try:\n        if os.fork() == 0: time.sleep(600); os._exit(0)\n    except OSError: pass\n"],
    "memory": ["/usr/bin/python3", "-c", "held = []\nwhile True:\n    if len(held) < 90: held.append(bytearray(2 << 20))\n    for part in held: part[::4096] = bytes(len(part) // 4096)\n"],
    "output": ["/bin/sh", "-c", "while :; do cat /usr/bin/python3; done"],
}


def work(binary, seconds, environment):
    done = subprocess.run([binary, "run", "--no-log", "--quiet", "--", "/usr/bin/python3", "-c", WORK.format(seconds=seconds)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, env=environment, timeout=60)
    return int(done.stdout)


def neighbours(binary, folder, seconds):
    """Lines of the table, and what the worst loses."""
    environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
    lines, worst = [], 0.0
    for name, command in RUNAWAYS.items():
        parts = []
        for ladder in (TAMING, ""):
            if not ladder and name not in ("processors", "forks"):
                continue
            path = os.path.join(folder, "tame.yaml")
            with open(path, "w") as file:
                file.write("fumehood: 1\nextends: base\nlimits: {memory: 256M, pids: 64}\n" + ladder)
            alone = work(binary, seconds, environment)
            runaway = subprocess.Popen([binary, "run", "--no-log", "--quiet", "-p", path, "--", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=environment)
            try:
                time.sleep(1.5)
                beside = work(binary, seconds, environment)
                lives = runaway.poll() is None
            finally:
                runaway.kill()
                runaway.wait()
            alone = (alone + work(binary, seconds, environment)) / 2
            parts.append(f"{beside / alone:5.2f}" + ("" if lives else " (ended)"))
            if ladder:
                worst = max(worst, 1 - beside / alone)
        lines.append(f"a neighbour of a runaway of {name:10} works at {parts[0]} of alone" + (f", without a ladder {parts[1]}" if len(parts) > 1 else ""))
    return lines, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="cost,neighbours")
    parser.add_argument("--idle", type=int, default=100)
    parser.add_argument("--busy", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--work", type=float, default=2.5, help="seconds of a neighbour's work")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--no-fail", action="store_true")
    options = parser.parse_args()
    cells.need_binary()
    lines, good = [], True
    with tempfile.TemporaryDirectory() as folder:
        place, binary = cells.readable_copy()
        for name, ladder, idle, busy in () if "cost" not in options.only else (("without a ladder", False, options.idle, options.busy), ("with a ladder", True, options.idle, options.busy), ("one idle, without", False, 1, 0)):
            of_idle, of_busy = trial(binary, folder, ladder, idle, busy, options.seconds)
            lines.append(f"{name:18} {idle:3} idle {of_idle * 100:6.3f} %, {busy:2} busy {of_busy * 100:6.3f} %, together {(of_idle + of_busy) * 100:6.3f} % of a core")
            if ladder and of_idle + of_busy > BOUND:
                good = False
        if "neighbours" in options.only:
            told, worst = neighbours(binary, folder, options.work)
            lines += told
        shutil.rmtree(place, ignore_errors=True)
    for line in lines:
        print(line)
    if options.record:
        cells.record("ladder", lines)
    if "cost" in options.only:
        cells.verdict("the supervisors of cells with a ladder take at most 1 % of a core", good, lines[1])
    if "neighbours" in options.only:
        good &= cells.verdict("a runaway's neighbours lose at most a tenth", worst <= LOSS, f"the worst lost {worst * 100:.0f} %")
    return 0 if good or options.no_fail else 1


if __name__ == "__main__":
    sys.exit(main())
