# SPDX-License-Identifier: Apache-2.0
"""What the soak scripts share: the binary, who they run as, who is left, and one way of running a command under a deadline."""
import atexit
import datetime
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUMEHOOD = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood")))
ORDINARY = 12345

# What the inner command prints, and what it must print behind all walls.
WALLS = ["NoNewPrivs:\t1", "Seccomp:\t2", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
         "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000"]


# Logs and keys of what is run here, one folder for each user: nobody's own log grows by a test.
STATE = tempfile.mkdtemp(prefix="fumehood-state-")
os.chmod(STATE, 0o711)
atexit.register(lambda owner=os.getpid(): os.getpid() == owner and shutil.rmtree(STATE, ignore_errors=True))
os.mkdir(os.path.join(STATE, "ordinary"))
if os.geteuid() == 0:
    os.chown(os.path.join(STATE, "ordinary"), ORDINARY, ORDINARY)
os.environ["XDG_STATE_HOME"] = os.path.join(STATE, "own/state")
os.environ["XDG_CONFIG_HOME"] = os.path.join(STATE, "own/config")


def walls_hold(text):
    return all(wall in text for wall in WALLS)


def as_ordinary(command):
    """The same command as a user without rights; nothing to do where we are one."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "env", "HOME=/nonexistent", "USER=soak",
            f"XDG_STATE_HOME={STATE}/ordinary/state", f"XDG_CONFIG_HOME={STATE}/ordinary/config"] + command


def readable_copy():
    """The binary at a place that any user can reach."""
    folder = tempfile.mkdtemp(prefix="fumehood-soak-")
    os.chmod(folder, 0o755)
    copy = os.path.join(folder, "fumehood")
    shutil.copy(FUMEHOOD, copy)
    os.chmod(copy, 0o755)
    return folder, copy


def marked(marker):
    """Live processes, zombies left out, whose arguments hold the marker: theirs is a cell that should be gone."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                arguments = file.read()
            with open(f"/proc/{name}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if marker.encode() in arguments and state != "Z":
            found.append(int(name))
    return found


def survivors(marker, patience=3.0):
    """What is left after a while of waiting; an ending needs some milliseconds."""
    until = time.monotonic() + patience
    while True:
        left = marked(marker)
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.01)


def run(command, deadline=30.0, **options):
    """(exit code or None at the deadline, stdout, stderr). At the deadline the whole process group is killed."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **options)
    try:
        out, err = process.communicate(timeout=deadline)
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return None, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def record(name, lines):
    """Appends a result with commit and date to Benchmarks/results."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip() or "unknown"
    changed = subprocess.run(["git", "status", "--porcelain", "Sources"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    folder = os.path.join(ROOT, "Benchmarks/results")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name + ".txt"), "a") as file:
        file.write(f"{datetime.date.today().isoformat()} commit {commit}{' with changes' if changed else ''}, Linux {os.uname().release}\n")
        for line in lines:
            file.write("  " + line + "\n")


def groups_left():
    """Control groups of cells, live or forgotten."""
    return glob.glob("/sys/fs/cgroup/**/fumehood-*", recursive=True)


def forgotten_groups(patience=3.0):
    """Those without any process, after a while of waiting: the janitor needs some milliseconds."""
    until = time.monotonic() + patience
    while True:
        empty = []
        for path in groups_left():
            try:
                with open(path + "/cgroup.procs") as file:
                    if not file.read():
                        empty.append(path)
            except OSError:
                pass
        if not empty or time.monotonic() > until:
            return empty
        time.sleep(0.02)


def host_groups():
    """What this machine offers to root."""
    with open("/proc/self/cgroup") as file:
        lines = file.read()
    old = [line for line in lines.splitlines() if not line.startswith("0:") and ":name=" not in line]
    if not old:
        return "v2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "none"
    return "hybrid" if os.path.exists("/sys/fs/cgroup/unified/cgroup.procs") else "v1"


def account():
    return pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() == 0 else f"uid {os.geteuid()}"


def verdict(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}", flush=True)
    return good


def need_binary():
    if not os.access(FUMEHOOD, os.X_OK):
        print(f"FAIL soak: no binary at {os.path.basename(FUMEHOOD)}: make build makes it")
        sys.exit(1)
