#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many traps: nothing hangs, no record is lost, exit codes are right. A million calls that are learned, audited and denied, each counted; a
storm of SIGCHLD meanwhile; cells frozen and let go in the middle of it; supervisors killed in the middle of it.

usage: Tests/Soak/traps.py [--quick] [--record]
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

from learn import BINARY, ROOT, Ground, say
import learn

PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile sig_atomic_t ended;
static void child(int number) { (void)number; ended++; }
int main(int argc, char **argv) {
    long count = atol(argv[2]), failed = 0;
    if (!strcmp(argv[1], "opens")) {
        for (long i = 0; i < count; i++) {
            int file = open("/dev/null", O_RDONLY);
            if (file < 0) failed++;
            close(file);
        }
        if (memfd_create("last", 0) < 0) failed++;
    } else if (!strcmp(argv[1], "locks")) {
        for (long i = 0; i < count; i++) if (flock(0, LOCK_UN)) failed++;
    } else {
        struct sigaction action = {.sa_handler = child, .sa_flags = SA_RESTART};
        sigaction(SIGCHLD, &action, NULL);
        for (long i = 0; i < count; i++) {
            pid_t made = fork();
            if (made == 0) _exit(0);
            if (made < 0) failed++;
            for (int k = 0; k < 3; k++) {
                int file = open("/dev/null", O_RDONLY);
                if (file < 0) failed++;
                close(file);
            }
            if (i % 50 == 49) while (waitpid(-1, NULL, WNOHANG) > 0) {}
        }
        while (wait(NULL) > 0 || errno == EINTR) {}
        if (memfd_create("last", 0) < 0) failed++;
    }
    printf("%ld failed\n", failed);
    return argc > 3 ? 0 : 7;
}
"""
figures = []


def built(ground):
    path = os.path.join(ground.folder, "home", "traps")
    with open(path + ".c", "w") as file:
        file.write(PROGRAM)
    done = subprocess.run(["gcc", "-O1", "-o", path, path + ".c"], capture_output=True, text=True)
    ground.give()
    return path if done.returncode == 0 else None


def timed(ground, *words, limit=500):
    began = time.monotonic()
    prefix = [] if ground.as_root else ["setpriv", f"--reuid={learn.USER}", f"--regid={learn.USER}", "--clear-groups"]
    ran = subprocess.run(prefix + [ground.binary, *words], cwd=ground.work, env=ground.environment(), capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL)
    return ran, time.monotonic() - began


def words(ground, name):
    return set(learn.evidence(ground, name).get("syscalls", []))


def test(title, as_root=False):
    def run(body):
        ground = Ground(as_root)
        try:
            program = built(ground)
            if program is None:
                return say("SKIP", title, "gcc is absent")
            wrong = body(ground, program)
            say("FAIL" if wrong else "PASS", title, wrong or "")
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
            say("FAIL", title, repr(error))
        finally:
            ground.close()
    return run


def counted(count):
    @test(f"{count} calls are learned, and the last of them is not lost")
    def _(ground, program):
        ran, seconds = timed(ground, "learn", "--no-log", "--expect", "7", "--as", "opens", "-r", program, "--timeout", "8m", "--", program, "opens", str(count))
        figures.append(f"learned  {count} traps in {seconds:.1f} s, {seconds / count * 1e6:.1f} us each")
        if ran.returncode != 7 or ran.stdout != "0 failed\n" or words(ground, "opens") != {"memfd"}:
            return f"exit {ran.returncode}, {ran.stdout!r}, {words(ground, 'opens')}, {ran.stderr}"

    for mode, wanted in (("enforce", f"{count} failed\n"), ("audit", "0 failed\n")):
        @test(f"{count} calls under mode {mode} are counted one by one")
        def _(ground, program):
            folder = ground.home + "/.config/fumehood/profiles"
            os.makedirs(folder)
            with open(folder + "/none.yaml", "w") as file:
                file.write(f"fumehood: 1\nextends: base\nsyscalls: {{ only: [], mode: {mode} }}\n")
            ground.give()
            ran, seconds = timed(ground, "run", "-p", "none", "--result", ground.home + "/r.json", "-r", program, "--timeout", "8m", "--", program, "locks", str(count))
            with open(ground.home + "/r.json") as file:
                denials = {d["what"]: d["count"] for d in json.load(file)["denials"]}
            figures.append(f"{mode:8} {count} traps in {seconds:.1f} s, {seconds / count * 1e6:.1f} us each")
            if ran.returncode != 7 or ran.stdout != wanted or denials != {"flock()": count}:
                return f"exit {ran.returncode}, {ran.stdout!r}, {denials}, {ran.stderr}"


def children(count):
    @test(f"{count} children end while calls are learned")
    def _(ground, program):
        ran, seconds = timed(ground, "learn", "--no-log", "--expect", "7", "--as", "storm", "-r", program, "--", program, "children", str(count))
        figures.append(f"SIGCHLD  {count} children in {seconds:.1f} s")
        if ran.returncode != 7 or ran.stdout != "0 failed\n" or words(ground, "storm") != {"memfd", "spawn"}:
            return f"exit {ran.returncode}, {ran.stdout!r}, {words(ground, 'storm')}, {ran.stderr}"


def started(ground, *arguments):
    prefix = [] if ground.as_root else ["setpriv", f"--reuid={learn.USER}", f"--regid={learn.USER}", "--clear-groups"]
    return subprocess.Popen(prefix + [ground.binary, *arguments], cwd=ground.work, env=ground.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def frozen(rounds, count):
    @test(f"a cell is frozen and let go {rounds} times while its calls are learned")
    def _(ground, program):
        process = started(ground, "learn", "--no-log", "--expect", "7", "--as", "ice", "-r", program, "--timeout", "8m", "--", program, "opens", str(count))
        until, cell = time.monotonic() + 30, None
        while cell is None and time.monotonic() < until:
            found = re.findall(r"\bc[a-z0-9]{8,}\b", ground.fumehood("ps").stdout)
            cell = found[0] if found else None
        done = 0
        while cell and done < rounds and process.poll() is None:
            if ground.fumehood("freeze", cell).returncode or process.poll() is not None:
                break
            time.sleep(random.random() / 50)
            if ground.fumehood("thaw", cell).returncode:
                break
            done += 1
        out, err = process.communicate(timeout=500)
        figures.append(f"frozen   {done} times in {count} traps")
        if process.returncode != 7 or out != "0 failed\n" or words(ground, "ice") != {"memfd"} or done < rounds / 2:
            return f"exit {process.returncode}, frozen {done} times, {out!r}, {err}"


def alive(marker):
    """Processes with that in their command line, but zombies."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if marker.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def orphaned(rounds):
    @test(f"{rounds} supervisors are killed while calls are learned: nothing of their cells is left, and the profile is whole")
    def _(ground, program):
        known = timed(ground, "learn", "--no-log", "--expect", "7", "--as", "left", "-r", program, "--", program, "opens", "5")[0]
        path = ground.home + "/.config/fumehood/profiles/left.yaml"
        with open(path) as file:
            before = file.read()
        for number in range(rounds):
            marker = f"m{os.getpid()}x{number}x"
            process = started(ground, "learn", "--no-log", "--as", "left", "-r", program, "--", program, "opens", "1000000000", marker)
            time.sleep(random.random() * 0.6)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            until = time.monotonic() + 20
            while (rest := alive(marker)) and time.monotonic() < until:
                time.sleep(0.02)
            if rest:
                return f"round {number}: processes {rest} are left"
        with open(path) as file:
            if file.read() != before:
                return "the profile has changed"
        again = timed(ground, "learn", "--no-log", "--expect", "7", "--as", "left", "-r", program, "--", program, "opens", "6")[0]
        if known.returncode != 7 or again.returncode != 7 or "2 runs" not in again.stderr:
            return f"{known} {again}"


def main():
    quick = "--quick" in sys.argv
    if not os.access(BINARY, os.X_OK):
        return say("FAIL", "traps", f"{BINARY} is not built")
    count = 3000 if quick else 1_000_000
    counted(count)
    children(100 if quick else 5000)
    frozen(4 if quick else 40, 60_000 if quick else 1_000_000)
    orphaned(2 if quick else 30)
    if "--record" in sys.argv:
        with open(os.path.join(ROOT, "Benchmarks/results/traps.txt"), "w") as file:
            file.write("\n".join(figures) + "\n")
    print("\n".join(figures))
    sys.exit(1 if learn.failures else 0)


if __name__ == "__main__":
    main()
