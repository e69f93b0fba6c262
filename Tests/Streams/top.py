#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fumehood top` in a terminal of tmux, 80 and 200 columns wide: what is on the screen, what the keys do, and that the terminal is
as it was before on every way out. Elsewhere than on a terminal: plain rows, and JSON.

usage: top.py [--show]        prints PASS, FAIL and SKIP lines; --show the captured screens as well
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Soak"))
import cells  # noqa: E402

PROFILE = "fumehood: 1\nextends: base\nlimits: {memory: 64M, pids: 16}\nladder: {cpu: {throttle: 0.05}, throttled: {cpu: 0.1}}\n"
good = True


def check(name, held, why=""):
    global good
    good &= cells.verdict(name, bool(held), why)


class Pane:
    """A shell in a terminal of its own."""

    def __init__(self, folder, columns, environment):
        self.socket = os.path.join(folder, "tmux-" + uuid.uuid4().hex[:8])
        self.tmux("new-session", "-d", "-c", folder, "-x", str(columns), "-y", "24", "env", *[f"{k}={v}" for k, v in environment.items()], "PS1=ready> ", "sh")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", self.socket, *words], capture_output=True, text=True, timeout=20).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait(self, pattern, seconds=15):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.screen()
            if re.search(pattern, text):
                return text
            time.sleep(0.1)
        return None

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def end(self):
        self.tmux("kill-server")


def main():
    cells.need_binary()
    if not shutil.which("tmux"):
        print("SKIP top in a terminal: tmux is absent")
        return 0
    place, binary = cells.readable_copy()
    folder = tempfile.mkdtemp(prefix="fumehood-top-")
    environment = {"XDG_RUNTIME_DIR": folder}
    with open(os.path.join(folder, "p.yaml"), "w") as file:
        file.write(PROFILE)
    running, panes = [], []
    try:
        for script in ("while :; do :; done", "sleep 600"):
            running.append(subprocess.Popen([binary, "run", "--no-log", "--quiet", "-p", os.path.join(folder, "p.yaml"), "--", "/bin/sh", "-c", script],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment}))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            out = subprocess.run([binary, "top", "--json"], capture_output=True, text=True, env={**os.environ, **environment}).stdout
            seen = json.loads(out)["cells"]
            # Its rate is known from the second look on.
            if len(seen) == 2 and seen[0]["rung"] == "throttle" and seen[0]["cpu_millicores"] is not None:
                break
        found = json.loads(out)["cells"]
        check("top --json names rung, limits and cores", len(found) == 2 and found[0]["rung"] == "throttle" and found[0]["limits"]["memory_bytes"] == 64 << 20
              and found[0]["last_change"]["gauge"] == "cpu" and isinstance(found[0]["cpu_millicores"], int), out[:600])
        busy, idle = found[0]["cell"], found[1]["cell"]
        rows = subprocess.run([binary, "top"], capture_output=True, text=True, env={**os.environ, **environment}).stdout
        check("elsewhere than on a terminal: plain rows", rows.startswith("CELL") and len(rows.splitlines()) == 3 and "\x1b" not in rows, repr(rows))

        for columns in (80, 200):
            pane = Pane(folder, columns, environment)
            panes.append(pane)
            pane.wait("ready>")
            pane.keys("stty -g > before; clear; " + binary + " top; echo code $?; stty -g > after; cmp before after && echo same", "Enter")
            pane.wait(busy + ".*throttle")
            time.sleep(1.2)
            text = pane.screen()
            if "--show" in sys.argv:
                print(text)
            lines = text.splitlines()
            check(f"{columns} columns: the throttled cell stands first, with its bars",
                  lines[0].startswith("fumehood top  2 cells") and lines[1].startswith("CELL") and lines[2].startswith(busy) and "throttle" in lines[2] and "....." in lines[2]
                  and lines[3].startswith(idle) and all(len(line) <= columns for line in lines) and "q quit" in lines[-1], text)
            if columns == 200:
                check("200 columns: the reading that led there is shown", re.search(r"cpu [0-9.]+ of 0.05", lines[2]), lines[2])
            pane.keys("f")
            check(f"{columns} columns: f freezes", pane.wait(busy + " +froz"), pane.screen())
            pane.keys("t")
            check(f"{columns} columns: t thaws", pane.wait(busy + " +throttle"), pane.screen())
            pane.keys("k")
            check(f"{columns} columns: k asks first", pane.wait("kill " + busy + r"\? y or n"), pane.screen())
            pane.keys("n")
            pane.wait("q quit")
            pane.keys("q")
            check(f"{columns} columns: q gives the terminal back", pane.wait("code 0\n(.*\n)?same") and "CELL" not in pane.screen(), pane.screen())
        pane = panes[0]
        for how, code in (("C-c", 130), ("TERM", 143)):
            pane.keys("clear; " + binary + " top; echo code $?; stty -g > after; cmp before after && echo same", "Enter")
            pane.wait(busy)
            if how == "TERM":
                for pid in cells.marked(binary + "\0top"):
                    os.kill(pid, 15)
            else:
                pane.keys(how)
            check(f"{how} gives the terminal back", pane.wait(f"code {code}\n(.*\n)?same"), pane.screen())
        pane.keys("clear; " + binary + " top", "Enter")
        pane.wait(busy)
        pane.keys("C-z")
        check("a stopped top gives the terminal back", pane.wait(r"ready>") and "CELL" not in pane.screen(), pane.screen())
        pane.keys("fg", "Enter")
        check("and takes it again", pane.wait(busy), pane.screen())
        pane.keys("k")
        pane.wait("y or n")
        pane.keys("y")
        check("k and y kill", pane.wait("1 cell "), pane.screen())
        pane.keys("q")
        check("the killed cell's run ended", running[0].wait(timeout=10) == 124)
    finally:
        for pane in panes:
            pane.end()
        for process in running:
            process.kill()
            process.wait()
        time.sleep(0.3)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
