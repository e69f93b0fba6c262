#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runaways of Tests/Sandboxees/runaway.c on each back-end of limits that this machine has: as root on its own control
groups, on v1 alone and on none (by covering the mounts), and as an ordinary user. Each must end, or be held, within its limit
and 200 ms, by the cause that the table says; nothing may be left; a sibling cell's work and the host's fork and exec go on.

usage: limits.py [--quick] [--backend NAME] [--only RUNAWAY] [--record]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

import cells

RUNAWAY = os.path.join(cells.ROOT, "build/sandboxees/runaway")
WALL = 1.2
SLACK = 0.2
MEMORY = 96 << 20
PIDS = 64
# The limits of every run. Each runaway crosses one of them, or is held by one and ended by the clock.
PROFILE = """fumehood: 1
extends: base
files: {tmp: 24M}
syscalls: {allow: [exec, spawn, fs-mutate]}
limits: {memory: 96M, pids: 64, disk: 32M, inodes: 500, open_files: 64, output: 1M, cpu_time: 30s}
"""
FLAGS = {"spin": ["--cpu-time", "200ms"]}
# Told by what is refused to them, a tenth of a second at a time: on a busy machine that takes a while.
WALLS = {"forks": 3.0, "threads": 3.0}
# Who must have ended it, where groups hold and where they do not. A runaway that is refused or held sits until the clock.
CAUSES = {
    "forks": ({"pids", "memory"}, {"wall"}), "zombies": ({"wall", "pids"}, {"wall"}), "threads": ({"pids"}, {"wall"}), "memory": ({"memory"}, {"memory"}),
    "shm": ({"wall", "memory"}, {"wall", "memory"}), "memfd": ({"wall", "memory"}, {"wall", "memory"}), "cache": ({"wall"}, {"wall"}), "tmpfs": ({"wall"}, {"wall"}),
    "disk": ({"disk"}, {"disk"}), "inodes": ({"wall"}, {"wall"}), "descriptors": ({"wall"}, {"wall"}), "spin": ({"cpu_time"}, {"cpu_time"}),
    "hang": ({"wall"}, {"wall"}), "flood": ({"output"}, {"output"}), "stop": ({"wall"}, {"wall"}), "deaf": ({"wall"}, {"wall"}),
}
COVER = {"v1": "mount -t tmpfs none /sys/fs/cgroup/unified", "none": "mount -t tmpfs none /sys/fs/cgroup"}


def command(binary, backend, arguments):
    line = [binary] + arguments
    if backend == "user":
        return cells.as_ordinary(line)
    if backend in COVER and backend != cells.host_groups():
        return ["unshare", "-m", "sh", "-c", COVER[backend] + ' && exec "$@"', "sh"] + line
    return line


def spawn_times(seconds, least=20):
    """Microseconds of fork and exec on the host."""
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until or len(times) < least:
        began = time.perf_counter()
        os.waitpid(os.posix_spawn("/bin/true", ["/bin/true"], {}), 0)
        times.append((time.perf_counter() - began) * 1e6)
        time.sleep(0.002)
    return times


def p95(times):
    return sorted(times)[int(len(times) * 0.95)]


def one(binary, backend, name, folder):
    """(the result record, why it is wrong or None, the host's times)."""
    marker = "limits" + uuid.uuid4().hex
    result = os.path.join(folder, "result")
    work = os.path.join(folder, "work")
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work)
    os.chmod(work, 0o777)
    if backend == "user":
        os.chown(work, cells.ORDINARY, cells.ORDINARY)
    if os.path.exists(result):
        os.remove(result)
    place = work if name in ("disk", "cache") else "/tmp"
    grants = ["-r", os.path.dirname(RUNAWAY)] + (["-w", work] if place == work else [])
    wall_limit = WALLS.get(name, WALL) if backend != "user" else WALL
    limit = ["--timeout", f"{int(wall_limit * 1000)}ms"]
    if name == "cache":
        limit += ["--disk", "8G"]
    arguments = ["run", "--quiet", "-p", os.path.join(folder, "p.yaml"), "--result", result] + limit + FLAGS.get(name, []) + grants + ["--", RUNAWAY, name, place, marker]
    sibling = subprocess.Popen(
        command(binary, backend, ["run", "--quiet", "--", "/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    began = time.monotonic()
    process = subprocess.Popen(command(binary, backend, arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    times = spawn_times(0.6)
    try:
        code = process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        return None, "it did not end within 20 s", times
    took = time.monotonic() - began
    left = cells.survivors(marker, 2.0)
    try:
        with open(result) as file:
            record = json.load(file)
    except (OSError, ValueError):
        return None, f"no record (exit {code})", times
    held = record["backend"] not in ("none",)
    cause = (record["cause"] or {}).get("limit")
    wanted = CAUSES[name][0 if held else 1]
    why = []
    expected = {"user": {"none"}}.get(backend, {backend})
    if os.geteuid() == 0 and record["backend"] not in expected:
        why.append(f"back-end {record['backend']}")
    if cause not in wanted:
        why.append(f"ended by {record['cause']}, exit {code}")
    wall = record["wall_us"] / 1e6
    if wall > wall_limit + SLACK:
        why.append(f"ended after {wall:.2f} s, process time {took:.2f} s")
    if held and (record["memory_peak_bytes"] or 0) > MEMORY * 1.1:
        why.append(f"took {record['memory_peak_bytes']} bytes")
    if (record["pids_peak"] or 0) > PIDS:
        why.append(f"had {record['pids_peak']} processes")
    if record["kill"] and record["kill"]["left"]:
        why.append(f"{record['kill']['left']} left by its own word")
    if left:
        why.append(f"{len(left)} survivors")
    try:
        said = sibling.communicate(timeout=30)[0]
    except subprocess.TimeoutExpired:
        sibling.kill()
        said = "nothing within 30 s"
    if said != "20000\n" or sibling.returncode != 0:
        why.append(f"a sibling's work was harmed: {said!r}, exit {sibling.returncode}")
    forgotten = cells.forgotten_groups(2.0)
    if forgotten:
        why.append(f"groups left: {forgotten[:3]}")
    return record, "; ".join(why) or None, times


# stress-ng's, four or so of each: the tree's readings against its limits, and a tenth more.
STRESSORS = [["--cpu", "4"], ["--fork", "4"], ["--vm", "2", "--vm-bytes", "64M"], ["--switch", "4"], ["--pipe", "4"], ["--sock", "2"], ["--hdd", "1", "--hdd-bytes", "16M"], ["--zombie", "2"]]


def stress(binary, backend, folder):
    """(why a stressor took more than it may, by stressor; lines of the table)."""
    wrong, lines = [], []
    for stressor in STRESSORS:
        result = os.path.join(folder, "result")
        arguments = ["run", "--quiet", "--cpu", "0.5", "--memory", "160M", "--pids", "48", "--timeout", "5s", "--result", result, "--",
                     "stress-ng", "--temp-path", "/tmp", "--quiet", *stressor, "--timeout", "3s"]
        subprocess.run(command(binary, backend, arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        with open(result) as file:
            record = json.load(file)
        share = (record["cpu_user_us"] + record["cpu_system_us"]) / record["wall_us"]
        why = []
        if share > 0.55:
            why.append(f"{share:.2f} cores of 0.5")
        if (record["memory_peak_bytes"] or 0) > (160 << 20) * 1.1:
            why.append(f"{record['memory_peak_bytes']} bytes of 160M")
        if (record["pids_peak"] or 0) > 48:
            why.append(f"{record['pids_peak']} processes of 48")
        lines.append(f"{backend:7} stress-ng {' '.join(stressor[:2]):10} {share:4.2f} cores {(record['memory_peak_bytes'] or 0) >> 20:4} MiB {record['pids_peak'] or 0:3} processes {record['status']}")
        wrong += [f"{stressor[0]}: {text}" for text in why]
    return wrong, lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--backend")
    parser.add_argument("--only")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    cells.need_binary()
    if not os.access(RUNAWAY, os.X_OK):
        subprocess.run([os.path.join(cells.ROOT, "Tests/Sandboxees/build.sh")], check=True)
    own = cells.host_groups()
    backends = ["user"]
    if os.geteuid() == 0:
        backends = [own] + ([] if own == "none" else ["none"]) + (["v1"] if own == "hybrid" else []) + ["user"]
        if options.quick:
            backends = [own, "user"]
    if options.backend:
        backends = [options.backend]
    place, binary = cells.readable_copy()
    folder = tempfile.mkdtemp(prefix="fumehood-limits-")
    os.chmod(folder, 0o777)
    with open(os.path.join(folder, "p.yaml"), "w") as file:
        file.write(PROFILE)
    good, table = True, []
    try:
        idle = p95(spawn_times(1.0, 100))
        for backend in backends:
            harm = []
            for name in CAUSES if not options.only else [options.only]:
                record, why, times = one(binary, backend, name, folder)
                if why:
                    # Once more alone: what another program of this machine did in that second is no fault of the cell.
                    record, why, times = one(binary, backend, name, folder)
                harm.append((statistics.median(times), name))
                cause = record and (record["cause"] or {}).get("limit")
                line = f"{backend:7} {name:12} {str(cause):9}"
                if record:
                    line += f" {record['wall_us'] / 1e6:5.2f} s {(record['memory_peak_bytes'] or 0) >> 20:4} MiB {record['pids_peak'] or 0:4} processes"
                    line += f" host's fork p95 {p95(times) / idle:4.1f} x idle"
                table.append(line + (f"   WRONG: {why}" if why else ""))
                good &= cells.verdict(f"{name} is ended or held, on {backend}", not why, str(why))
        if not options.quick and not options.only:
            for backend in backends:
                if backend in ("none", "user"):
                    continue
                if not shutil.which("stress-ng"):
                    print("SKIP stress-ng in a cell: stress-ng is absent")
                    break
                wrong, lines = stress(binary, backend, folder)
                table += lines
                good &= cells.verdict(f"stress-ng stays within a cell's limits, on {backend}", not wrong, "; ".join(wrong))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    for line in table:
        print(line)
    if options.record:
        cells.record("limits", table)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
