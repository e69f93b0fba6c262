#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The log as processes meet it: twenty writers at once, ends at every write boundary, full and read-only and failing disks,
and Go's verifier on the files.

    log.py [--kills N] [--all] [--record]

--kills takes that many boundaries, spread over all of them (default 16); --all takes each. --record adds the result to
Benchmarks/results/log-soak.txt. Programs: build/audit-log-writer and build/goverifier, or where FUMEHOOD_LOG_WRITER and
FUMEHOOD_LOG_GO point to. Prints PASS, FAIL or SKIP for each part.
"""
import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WRITER = os.environ.get("FUMEHOOD_LOG_WRITER", os.path.join(ROOT, "build/audit-log-writer"))
GO = os.environ.get("FUMEHOOD_LOG_GO", os.path.join(ROOT, "build/goverifier"))
# Whatever changes a file or its way to the disk.
BOUNDARIES = "pwrite64,write,fdatasync,fsync,rename,ftruncate,fallocate,unlink,mkdir"


class Wrong(Exception):
    pass


def need(holds, what):
    if not holds:
        raise Wrong(what)


class Ground:
    """A folder with a log and its key."""

    def __init__(self, base=None):
        self.path = tempfile.mkdtemp(prefix="fumehood-log-", dir=base)
        self.log, self.key, self.public = (os.path.join(self.path, name) for name in ("log", "key", "public"))
        private, public = subprocess.run([WRITER, "key", "test.example/log"], check=True, capture_output=True, text=True).stdout.split()
        for path, line in [(self.key, private), (self.public, public)]:
            with open(path, "w") as file:
                file.write(line + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def command(self, verb, *rest, key=None):
        return [WRITER, verb, self.log, key or self.key, *map(str, rest)]

    def run(self, verb, *rest, key=None):
        return subprocess.run(self.command(verb, *rest, key=key), capture_output=True, text=True, timeout=120)

    def verify(self, *rest):
        done = self.run("verify", *rest, key=self.public)
        need(done.returncode == 0, "verify: " + done.stdout.strip())
        return int(re.match(r"ok (\d+)", done.stdout).group(1))

    def shown(self):
        """Lines of the log by number."""
        done = self.run("show", key=self.public)
        need(done.returncode == 0, "show: " + done.stdout[-300:])
        return {int(line.split(" ", 1)[0]): line for line in done.stdout.splitlines()}

    def holds(self, acknowledged):
        """Every record that was said to be on disk is there, under its number."""
        lines = self.shown()
        for number, process, thread, index in acknowledged:
            line = lines.get(number, "")
            need("principal=writer-%d " % process in line and '"thread":%d,"index":%d,' % (thread, index) in line, "record %d was acknowledged and is lost: %s" % (number, line[:120]))
        return lines

    def go(self, *rest):
        done = subprocess.run([GO, self.log, self.public, *map(str, rest)], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout.strip()


def acks(text):
    return [tuple(map(int, line.split()[1:])) for line in text.splitlines() if line.startswith("ack ") and len(line.split()) == 5]


def twenty():
    """Twenty processes at once: nothing is lost, there is one order, and Go agrees."""
    with Ground() as ground:
        running = [subprocess.Popen(ground.command("write", 25, "publish=100", "segment=20000", "lock=60000"), stdout=subprocess.PIPE, text=True) for _ in range(20)]
        texts = [process.communicate(timeout=120)[0] for process in running]
        said = [ack for text in texts for ack in acks(text)]
        need(len(said) == 500, "%d of 500 records were acknowledged: %s" % (len(said), [t for t in texts if "closed" not in t][:1]))
        need(sorted(ack[0] for ack in said) == list(range(500)), "two records have one number")
        ground.holds(said)
        need(ground.verify() == 500, "verify does not see all records")
        ground.run("publish")
        code, text = ground.go("all")
        need(code == 0 and text == "ok 500 500", "Go: " + text)
    return "500 records"


def go():
    """Go's verifier: signature, inclusion, consistency of two checkpoints; and it sees what was changed."""
    with Ground() as ground:
        need("closed" in ground.run("write", 3, "threads=100", "publish=0").stdout, "the first records were not written")
        ground.run("publish")
        older = os.path.join(ground.path, "older")
        shutil.copy(os.path.join(ground.log, "checkpoint"), older)
        ground.run("write", 5, "threads=100", "publish=0")
        ground.run("publish")
        code, text = ground.go("0,1,255,256,299,300,511,799", older)
        need(code == 0 and text == "ok 800 8", "Go: " + text)
        # Rollback, seen by both.
        newer = os.path.join(ground.path, "newer")
        shutil.copy(os.path.join(ground.log, "checkpoint"), newer)
        shutil.copy(older, os.path.join(ground.log, "checkpoint"))
        code, text = ground.go("none", newer)
        need(code == 1 and "rolled back" in text, "Go does not see a rollback: " + text)
        shutil.copy(newer, os.path.join(ground.log, "checkpoint"))
        bundle = os.path.join(ground.log, "tile/entries/001")
        with open(bundle, "r+b") as file:
            file.seek(5)
            file.write(b"X")
        code, text = ground.go("all", older)
        need(code == 1 and text.startswith("record 256:"), "Go does not name the changed record: " + text)
        done = ground.run("verify", key=ground.public)
        need(done.returncode == 1 and "record 256 is not what was written" in done.stdout, "verify does not name the changed record: " + done.stdout)
        note = os.path.join(ground.log, "checkpoint")
        with open(note) as file:
            text = file.read()
        with open(note, "w") as file:
            file.write(text.replace("\n800\n", "\n799\n"))
        code, text = ground.go("none")
        need(code == 1, "Go takes a checkpoint that was not signed")
    return "800 records, two checkpoints"


def kills(count):
    """SIGKILL before each call that writes: what was acknowledged is there, and the log goes on."""
    def killed(ground, number):
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "trace=" + BOUNDARIES, "-e", "inject=%s:signal=KILL:when=%d" % (BOUNDARIES, number), "-o", "/dev/null"]
            + ground.command("write", 8, "publish=5", "segment=2500"), capture_output=True, text=True, timeout=120)
        return acks(done.stdout), "closed" not in done.stdout

    # A log that is being made: each of the first boundaries, on a folder of its own.
    for number in range(1, 14) if count is None else (2, 5, 8):
        with Ground() as ground:
            said, was = killed(ground, number)
            need(was, "boundary %d of a new log was not met" % number)
            need("closed" in ground.run("write", 2).stdout, "a log whose making was killed at %d does not go on" % number)
            ground.verify()
            ground.holds(said)
    with Ground() as ground:
        said, points = acks(ground.run("write", 8, "publish=5", "segment=2500").stdout), 0
        # One whole run, to know how many boundaries there are in its busiest thread.
        trace = os.path.join(ground.path, "trace")
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=" + BOUNDARIES, "-o", trace] + ground.command("write", 8, "publish=5", "segment=2500"),
                              capture_output=True, text=True, timeout=120)
        need("closed" in done.stdout, "a run under strace does not end: " + done.stdout[-200:] + done.stderr[-200:])
        said += acks(done.stdout)
        with open(trace) as file:
            threads = [line.split()[0] for line in file]
        most = max(threads.count(thread) for thread in set(threads))
        # Later ones are met in some runs only: a share takes from those that every run has.
        sure = min(most, 24)
        for number in range(1, most + 1) if count is None else sorted({1 + round(i * (sure - 1) / max(1, count - 1)) for i in range(count)}):
            acknowledged, was = killed(ground, number)
            points += was
            said += acknowledged
            ground.verify()
            ground.holds(said)
        need(points >= 2 and (count is not None or points >= 10), "only %d runs were killed" % points)
        need("closed" in ground.run("write", 2).stdout, "the log does not go on")
        size = ground.verify()
        ground.run("publish")
        code, text = ground.go("all")
        need(code == 0, "Go: " + text)
    return "%d of %d boundaries, %d acknowledged of %d records" % (points, most, len(said), size)


def failing():
    """A disk whose synchronisation fails: nothing of that group is acknowledged, and later ones are."""
    with Ground() as ground:
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=3..4", "-o", "/dev/null"] + ground.command("write", 8),
                              capture_output=True, text=True, timeout=60)
        refused = [line for line in done.stdout.splitlines() if line.startswith("refused")]
        need(refused and all("the log cannot be written: fdatasync" in line and "EIO" in line for line in refused), "no refusal: " + done.stdout)
        said = acks(done.stdout)
        need(len(said) + len(refused) == 8 and len(said) >= 4, done.stdout)
        lines = ground.holds(said)
        need(any(" resumed " in line for line in lines.values()), "nothing says that the disk took records again")
        ground.verify()
    return "%d refused, %d acknowledged" % (len(refused), len(said))


def within(name):
    """A part that mounts: run again in user and mount namespaces of its own."""
    command = ["unshare", "-rm"] if os.geteuid() != 0 else ["unshare", "-m"]
    if subprocess.run(command + ["true"], capture_output=True).returncode != 0:
        return None
    done = subprocess.run(command + [sys.executable, os.path.abspath(__file__), "--inside", name], capture_output=True, text=True, timeout=120)
    need(done.returncode == 0, (done.stdout + done.stderr).strip()[-600:])
    return done.stdout.strip()


def mounted(size):
    base = tempfile.mkdtemp(prefix="fumehood-log-disk-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", base], check=True)
    return base


def full():
    """A full disk: refused and said so, nothing acknowledged is lost, urgent records still go, and it resumes by itself."""
    base = mounted("400k")
    with Ground(base) as ground:
        process = subprocess.Popen(ground.command("write", 400, "bytes=2000", "publish=0", "pause=2"), stdout=subprocess.PIPE, text=True)
        said, refused, resumed = [], 0, 0
        for line in process.stdout:
            if line.startswith("ack"):
                said += acks(line)
                resumed += 1 if refused else 0
            elif line.startswith("refused"):
                refused += 1
                need("the log cannot be written" in line and "ENOSPC" in line, line)
                if refused == 5:
                    # What has happened is still said, by another process, in the space that is kept.
                    urgent = ground.run("write", 3, "urgent", "publish=0")
                    need(len(acks(urgent.stdout)) == 3, "urgent records are refused: " + urgent.stdout)
                    said += acks(urgent.stdout)
                    subprocess.run(["mount", "-o", "remount,size=8m", base], check=True)
        process.wait(timeout=60)
        need(refused >= 5 and resumed > 50, "%d refused, %d acknowledged after it" % (refused, resumed))
        lines = ground.holds(said)
        need(sum(" refused " in line for line in lines.values()) == 1, "the refusal is not in the log")
        need(sum(" resumed " in line for line in lines.values()) == 1, "that it took records again is not in the log")
        ground.verify()
        need(ground.run("publish").returncode == 0, "it does not publish")
        ground.verify()
        print("%d refused, %d acknowledged" % (refused, len(said)))


def readonly():
    """A read-only disk: refused, verified and shown all the same, and it goes on when it can."""
    base = mounted("4m")
    with Ground(base) as ground:
        said = acks(ground.run("write", 5).stdout)
        subprocess.run(["mount", "-o", "remount,ro", base], check=True)
        done = ground.run("write", 2)
        need(done.returncode == 1 and "EROFS" in done.stdout and not acks(done.stdout), "not refused: " + done.stdout)
        ground.verify()
        ground.holds(said)
        subprocess.run(["mount", "-o", "remount,rw", base], check=True)
        said += acks(ground.run("write", 2).stdout)
        need(len(said) == 7, "it does not go on")
        ground.holds(said)
        need(ground.verify() == 7, "verify")
        print("7 records")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=16)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--inside")
    args = parser.parse_args()
    if args.inside:
        try:
            {"full": full, "readonly": readonly}[args.inside]()
        except Wrong as wrong:
            sys.exit(str(wrong))
        return
    parts = [
        ("twenty writers", twenty), ("Go's verifier", go), ("ends at write boundaries", lambda: kills(None if args.all else args.kills)), ("failing disk", failing),
        ("full disk", lambda: within("full")), ("read-only disk", lambda: within("readonly")),
    ]
    failed, results = False, []
    for name, part in parts:
        if not os.path.exists(WRITER) or not os.path.exists(GO):
            print("SKIP log, %s: %s is not built" % (name, WRITER if not os.path.exists(WRITER) else GO))
            continue
        try:
            result = part()
            if result is None:
                print("SKIP log, %s: no mount namespace can be made" % name)
                continue
            print("PASS log, %s (%s)" % (name, result), flush=True)
            results.append("  %s: %s" % (name, result))
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            failed = True
            print("FAIL log, %s: %s" % (name, str(wrong).replace("\n", " ")), flush=True)
            results.append("  %s: failed: %s" % (name, str(wrong)[:200]))
    if args.record:
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"
        with open(os.path.join(ROOT, "Benchmarks/results/log-soak.txt"), "a") as file:
            file.write("%s commit %s, Linux %s\n%s\n" % (datetime.date.today().isoformat(), commit, os.uname().release, "\n".join(results)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
