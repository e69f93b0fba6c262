#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`-t`: a cell's own terminal before a caller's, by pty and under tmux: names, sizes, job control, exact ends, full-screen programs,
what the filter keeps back, and the caller's terminal put back on every way out.

usage: Tests/Streams/terminal.py    (the program is $FUMEHOOD_BIN, or build/fumehood)
"""
import fcntl
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood"))
GROUND = tempfile.mkdtemp(prefix="fumehood-terminal-")
os.chmod(GROUND, 0o777)
shutil.copy(PROGRAM, GROUND + "/fumehood")
for name in ["home", "desk"]:
    os.mkdir(f"{GROUND}/{name}")
    os.chmod(f"{GROUND}/{name}", 0o777)
failed = 0


def verdict(name, good, why=""):
    global failed
    failed += not good
    print(f"PASS {name}" if good else f"FAIL {name}: {why}", flush=True)


def session(words, acts=(), user=False, seconds=8):
    """Runs `fumehood run WORDS` on a new pty. Acts: (what to wait for, bytes to type or a function). -> code, output, put back?"""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in (0, 1, 2):
            os.dup2(slave, number)
        os.chdir(GROUND + "/desk")
        if user and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(12345)
            os.setuid(12345)
        environment = {"PATH": os.environ["PATH"], "HOME": GROUND + "/home", "TERM": "xterm-256color", "XDG_RUNTIME_DIR": GROUND + "/home"}
        os.execve(GROUND + "/fumehood", ["fumehood", "run", "--no-log"] + words, environment)
    out, acts, status, until = b"", list(acts), None, time.monotonic() + seconds
    while time.monotonic() < until and status is None:
        if select.select([master], [], [], 0.02)[0]:
            out += os.read(master, 65536)
        while acts and acts[0][0] in out:
            act = acts.pop(0)[1]
            time.sleep(0.1)
            os.write(master, act) if isinstance(act, bytes) else act(master, pid)
        done, code = os.waitpid(pid, os.WNOHANG)
        status = code if done else None
    if status is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    while select.select([master], [], [], 0.05)[0]:
        out += os.read(master, 65536)
    restored = termios.tcgetattr(slave) == before
    os.close(master), os.close(slave)
    return ("no end" if status is None else os.waitstatus_to_exitcode(status)), out, restored


def resize(master, pid):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))


def by_pty(user):
    who = "an ordinary user" if user else "root"
    code, out, back = session(["-t", "--", "sh", "-c", "tty; stty size; echo through >/dev/tty; exit 7"], user=user)
    verdict(f"the cell's terminal has a name, a size and /dev/tty, as {who}", code == 7 and back and out == b"/dev/pts/0\r\n30 100\r\nthrough\r\n", (code, out, back))
    code, out, back = session(["-t", "--", "sh", "-c", 'trap "stty size; exit 3" WINCH; echo ready; while :; do sleep 0.1; done'], [(b"ready", resize)], user)
    verdict(f"a new size is heard of, as {who}", code == 3 and back and b"40 120" in out, (code, out, back))
    acts = [(b"$ ", b"sleep 30\r"), (b"sleep 30\r\n", b"\x1a"), (b"Stopped", b"bg; kill %1; wait; exit 5\r")]
    code, out, back = session(["-t", "--", "bash", "--norc", "--noprofile"], acts, user)
    verdict(f"a shell has job control, as {who}", code == 5 and back and b"^Z" in out, (code, out, back))
    code, out, back = session(["-t", "--", "sh", "-c", "echo ready; exec sleep 30"], [(b"ready", b"\x03")], user)
    verdict(f"Ctrl-C is the command's, as {who}", code == 130 and back, (code, out, back))
    for name, number in [("SIGTERM", signal.SIGTERM), ("SIGHUP", signal.SIGHUP)]:
        code, out, back = session(["-t", "--", "sh", "-c", "echo ready; exec sleep 30"], [(b"ready", lambda master, pid, n=number: os.kill(pid, n))], user)
        verdict(f"{name} to us ends the command and puts the terminal back, as {who}", code == 128 + number and back, (code, out, back))
    code, out, back = session(["-t", "--", "sh", "-c", "kill -KILL $$"], user=user)
    verdict(f"a killed command puts the terminal back, as {who}", code == 137 and back, (code, out, back))
    hostile = r"printf '\033[?1049h\033[?25l\033[?1003h\033]52;c;aGFja2Vk\007\033]0;root\007\033[6n\033[c\033P+q544e\033\\\033[5i\033c\033[2Jx'; sleep 30"
    code, out, back = session(["-t", "--timeout", "1s", "--quiet", "--", "sh", "-c", hostile], user=user)
    wanted = b"\x1b[?1049h\x1b[?25l\x1b[?1003h\x1b[2Jx\x1b[?25h\x1b[?1003l\x1b[?1049l\x1b[0m"
    verdict(f"the screen passes, clipboard, titles and questions do not, modes are put back, as {who}", code == 124 and back and out == wanted, (code, out, back))


def refused():
    run = subprocess.run([GROUND + "/fumehood", "run", "--no-log", "-t", "--", "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    verdict("without a terminal as standard input it is refused", run.returncode == 125 and "`-t` needs a terminal as standard input" in run.stderr, run.stderr)


def tmux(*words):
    return subprocess.run(["tmux", "-L", os.path.basename(GROUND)] + list(words), capture_output=True, text=True).stdout


def shows(text, seconds=6):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if text in tmux("capture-pane", "-p"):
            return True
        time.sleep(0.1)
    return False


def under_tmux():
    if shutil.which("tmux") is None:
        print("SKIP -t under tmux: tmux is absent")
        return
    run = f"{GROUND}/fumehood run --no-log -t -w . --"
    tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", GROUND + "/desk", "env", f"HOME={GROUND}/home", "PS1=outer> ", "sh")
    try:
        shows("outer>")
        tmux("send-keys", f"{run} bash --norc --noprofile", "Enter")
        good = shows("bash-")
        tmux("send-keys", "echo $((6*7)) $(stty size)", "Enter")
        verdict("bash under tmux", good and shows("42 30 100"), tmux("capture-pane", "-p"))
        tmux("send-keys", "exit 4", "Enter")
        tmux("send-keys", "echo code $?", "Enter")
        verdict("the outer shell has its terminal back", shows("code 4"), tmux("capture-pane", "-p"))
        if shutil.which("vi"):
            tmux("send-keys", f"clear; {run} vi -u NONE note.txt", "Enter")
            good = shows("~")
            tmux("send-keys", "ihello", "Escape")
            good = good and shows("hello")
            tmux("send-keys", ":wq", "Enter")
            good = good and shows("outer>")
            text = open(GROUND + "/desk/note.txt").read() if os.path.exists(GROUND + "/desk/note.txt") else None
            verdict("vi under tmux writes a file", good and text == "hello\n", (text, tmux("capture-pane", "-p")))
        else:
            print("SKIP -t with vi: vi is absent")
        program = "import curses; curses.wrapper(lambda s: (s.box(), s.addstr(10, 20, 'curses %dx%d' % s.getmaxyx()), s.refresh(), s.getkey()))"
        tmux("send-keys", f'clear; {run} /usr/bin/python3 -c "{program}"', "Enter")
        good = shows("curses 30x100")
        tmux("resize-window", "-x", "90", "-y", "25")
        tmux("send-keys", "q", "Enter")
        verdict("a curses program under tmux", good and shows("outer>"), tmux("capture-pane", "-p"))
    finally:
        tmux("kill-server")


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("SKIP -t: the program is not built")
        return 0
    try:
        for user in [False, True] if os.geteuid() == 0 else [True]:
            by_pty(user)
        refused()
        under_tmux()
    finally:
        shutil.rmtree(GROUND, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
