#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A caller's stream that nobody reads must not keep the supervisor from its deadlines, whatever the stream is: a terminal, a
terminal of another user's, a socket, a pipe, a named pipe for records. Nor may flags of the caller's own descriptors change.

usage: Tests/Streams/unread.py    (the program is $FUMEHOOD_BIN, or build/fumehood)
"""
import concurrent.futures
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tty

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood"))
USER = 12345
IS_ROOT = os.geteuid() == 0
GROUND = tempfile.mkdtemp(prefix="fumehood-streams-")
os.chmod(GROUND, 0o777)
# A caller without an account reaches no program below /root.
shutil.copy(PROGRAM, GROUND + "/fumehood")
failed = 0


def say(name, why=None):
    global failed
    failed += why is not None
    print(f"PASS {name}" if why is None else f"FAIL {name}: {why}", flush=True)


def ends(kind, small=False):
    """Both ends of a stream: ours to read, the caller's to write."""
    if kind == "pipe":
        reader, writer = os.pipe()
        if small:
            fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
        return reader, writer
    if kind == "socket":
        pair = socket.socketpair()
        if small:
            pair[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return tuple(s.detach() for s in pair)
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, True)
    return master, slave


def caller(user):
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if user and IS_ROOT else []


def home_of(user):
    """A folder of the caller's own, for its log and its key."""
    own = GROUND + ("/user" if user else "/owner")
    if not os.path.isdir(own):
        os.mkdir(own, 0o700)
        if user and IS_ROOT:
            os.chown(own, USER, USER)
    return own


def start(flags, command, user=False, **streams):
    words = caller(user) + [GROUND + "/fumehood", "run"] + flags + ["--"] + command
    own = home_of(user)
    home = {"PATH": os.environ["PATH"], "HOME": own, "XDG_RUNTIME_DIR": own + "/runtime", "XDG_STATE_HOME": own + "/state"}
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | streams
    return subprocess.Popen(words, cwd="/", env=home, **given)


def wait(process, seconds):
    """The exit code and how long it took; a process that does not end is killed."""
    began = time.monotonic()
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = "no end"
    return code, time.monotonic() - began


def unread(kind, stream, user):
    reader, writer = ends(kind)
    before = fcntl.fcntl(writer, fcntl.F_GETFL)
    command = ["/bin/sh", "-c", "exec yes >&2"] if stream == "stderr" else ["yes"]
    code, took = wait(start(["--timeout", "1s"], command, user, **{stream: writer}), 6)
    after = fcntl.fcntl(writer, fcntl.F_GETFL)
    os.close(reader), os.close(writer)
    if code != 124 or took > 2:
        return f"ended with {code} after {took:.1f} s"
    return None if before == after else f"flags of the stream went from {before:o} to {after:o}"


def both_unread(kind):
    reader, writer = ends(kind)
    code, took = wait(start(["--timeout", "1s"], ["yes"], stdout=writer, stderr=writer), 6)
    os.close(reader), os.close(writer)
    return None if code == 124 and took < 2 else f"ended with {code} after {took:.1f} s"


def lost(kind):
    """The command ends at once; what it wrote fits into the cell's pipe and not into the stream."""
    reader, writer = ends(kind, small=True)
    result = f"{GROUND}/lost-{kind}"
    code, took = wait(start(["--timeout", "1s", "--result", result], ["head", "-c", "60000", "/dev/zero"], stdout=writer), 6)
    os.close(reader), os.close(writer)
    text = open(result).read()
    return None if code == 124 and took < 2 and '"limit":"wall"' in text else f"ended with {code} after {took:.1f} s: {text}"


def stopped(kind):
    """The same without a deadline: a signal ends the wait."""
    reader, writer = ends(kind, small=True)
    process = start([], ["head", "-c", "60000", "/dev/zero"], stdout=writer)
    time.sleep(0.7)
    if process.poll() is not None:
        return f"ended with {process.returncode} while nobody had read"
    process.send_signal(signal.SIGTERM)
    code, took = wait(process, 3)
    os.close(reader), os.close(writer)
    return None if code == 124 and took < 1 else f"ended with {code} after {took:.1f} s"


def whole(kind, user):
    """A slow reader gets every byte, and the end after the last of them."""
    reader, writer = ends(kind)
    process = start([], ["seq", "60000"], user, stdout=writer)
    os.close(writer)
    got = b""
    while True:
        try:
            part = os.read(reader, 50_000)
        except OSError:  # the last one at a terminal is gone
            break
        if not part:
            break
        got += part
        time.sleep(0.005)
    code, _ = wait(process, 5)
    os.close(reader)
    wanted = b"".join(b"%d\n" % i for i in range(1, 60001))
    return None if code == 0 and got == wanted else f"ended with {code}, {len(got)} of {len(wanted)} bytes, same beginning: {wanted.startswith(got)}"


def record(flag, how):
    """A named pipe for a record: read by nobody, opened by nobody, read."""
    path = f"{GROUND}/fifo{flag}-{how}"
    os.mkfifo(path)
    held = []
    if how != "absent":
        held = [os.open(path, os.O_RDWR)]
    if how == "full":
        os.set_blocking(held[0], False)
        try:
            while True:
                os.write(held[0], b"x" * 4096)
        except BlockingIOError:
            pass
    errors = open(path + ".err", "w+")
    code, took = wait(start(["--timeout", "1s", flag, path], ["sleep", "5"], stderr=errors), 6)
    said = open(path + ".err").read()
    text = os.read(held[0], 65536) if how == "read" else b""
    for number in held:
        os.close(number)
    if how == "read":
        return None if code == 124 and b'"fumehood":1' in text else f"ended with {code}: {text!r} {said}"
    sentence = "nobody reads it" if how == "full" else "nobody reads the pipe"
    # Opened by nobody: refused after a second. Read by nobody: the run and half a second for each of at most two records.
    return None if code == 125 and took < 2.5 and sentence in said else f"ended with {code} after {took:.1f} s: {said}"


def inputs(kind):
    """A stdin that says nothing keeps no deadline waiting, and one that speaks is heard to its end."""
    reader, writer = ends(kind)
    if kind == "pipe":
        reader, writer = writer, reader
    process = start(["--timeout", "1s"], ["cat"], stdin=writer, stdout=subprocess.PIPE)
    os.write(reader, b"heard\n")
    code, took = wait(process, 6)
    said = process.stdout.read()
    os.close(reader), os.close(writer)
    return None if code == 124 and took < 2 and said == b"heard\n" else f"ended with {code} after {took:.1f} s: {said}"


def tests():
    for kind in ["terminal", "socket", "pipe"]:
        for stream in ["stdout", "stderr"]:
            for user in [False, True] if IS_ROOT else [True]:
                who = "an ordinary user, whose stream it is not" if user and IS_ROOT else "its owner"
                yield f"a {kind} that nobody reads as {stream} of {who} keeps no deadline waiting", unread, (kind, stream, user)
        for user in [False, True] if IS_ROOT else [True]:
            yield f"a slow reader of a {kind} gets every byte ({'user' if user else 'root'})", whole, (kind, user)
        yield f"a {kind} that nobody reads as both streams keeps no sentence waiting", both_unread, (kind,)
        yield f"output that nobody reads from a {kind} is not lost in silence", lost, (kind,)
        yield f"a signal ends the wait for the reader of a {kind}", stopped, (kind,)
        yield f"a {kind} as standard input keeps no deadline waiting", inputs, (kind,)
    for flag in ["--result", "--events"]:
        for how in ["absent", "full", "read"]:
            yield f"a named pipe for {flag}: {how}", record, (flag, how)


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("SKIP streams that nobody reads: the program is not built")
        return 0
    try:
        # Few at a time: the bounds are of wall clock.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for name, future in [(name, pool.submit(body, *arguments)) for name, body, arguments in tests()]:
                say(name, future.result())
    finally:
        shutil.rmtree(GROUND, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
