#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a connection to a named endpoint costs, beside a plain one and beside user-mode networks (pasta; bubblewrap with slirp4netns), in one run
and in turns; and what a connected socket carries. In a network namespace made for it; needs root.

usage: egress.py [--connections N] [--rounds N] [--record] [--no-fail]
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Tests/Soak"))
sys.path.insert(0, os.path.join(HERE, "../Tests/Egress"))
import ground  # noqa: E402

ground.enter(__file__)
import cells  # noqa: E402

# Of the host's side of a dummy interface, so that user-mode networks have one to copy and the servers are not on loopback.
SERVER = "93.184.216.40"


def world():
    for words in (["link", "set", "lo", "up"], ["link", "add", "d0", "type", "dummy"], ["addr", "add", SERVER + "/24", "dev", "d0"], ["link", "set", "d0", "up"],
                  ["route", "add", "default", "via", "93.184.216.1", "dev", "d0"]):
        ground.sh("ip", *words)


def serve(port, body):
    server = socket.create_server((SERVER, port), backlog=1024)

    def run():
        while True:
            client, _ = server.accept()
            try:
                body(client)
            except OSError:
                pass
    threading.Thread(target=run, daemon=True).start()


def stream(client):
    def pour():
        block = bytes(1 << 18)
        try:
            while True:
                client.sendall(block)
        except OSError:
            client.close()
    threading.Thread(target=pour, daemon=True).start()


def slirp(command):
    """bubblewrap with an empty network namespace, to which slirp4netns gives one."""
    info, block = os.pipe(), os.pipe()
    cell = subprocess.Popen(["bwrap", "--unshare-net", "--unshare-user", "--bind", "/", "/", "--dev", "/dev", "--info-fd", str(info[1]), "--block-fd", str(block[0]), "--", *command],
                            stdout=subprocess.PIPE, text=True, pass_fds=[info[1], block[0]])
    os.close(info[1])
    text = b""
    while b"}" not in text:
        text += os.read(info[0], 4096)
    ready = os.pipe()
    helper = subprocess.Popen(["slirp4netns", "--configure", f"--ready-fd={ready[1]}", "--userns-path", f"/proc/{json.loads(text)['child-pid']}/ns/user", str(json.loads(text)["child-pid"]), "tap0"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[ready[1]])
    os.close(ready[1])
    try:
        if not os.read(ready[0], 1):
            cell.kill()
            return None
        os.write(block[1], b"x")
        os.close(block[1])
        return cell.communicate(timeout=100)[0] if cell.wait() == 0 else None
    finally:
        helper.kill()
        helper.wait()


def plain(words):
    def run(command):
        done = subprocess.run([*words, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100, stdin=subprocess.DEVNULL)
        return done.stdout if done.returncode == 0 else None
    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--no-fail", action="store_true")
    options = parser.parse_args()
    cells.need_binary()
    world()
    serve(7100, lambda client: client.close())
    serve(7200, stream)
    folder = tempfile.mkdtemp(prefix="fumehood-bench-")
    os.chmod(folder, 0o755)
    os.environ.update(HOME=folder, XDG_STATE_HOME=folder + "/state", XDG_CONFIG_HOME=folder + "/config")
    program = os.path.join(folder, "connects")
    subprocess.run(["gcc", "-O2", "-o", program, os.path.join(HERE, "egress/connects.c")], check=True)
    os.chmod(program, 0o755)
    grants = ["--net", f"{SERVER}:7100", "--net", f"{SERVER}:7200", "-r", folder]
    binary = ground.FUMEHOOD
    # The folder of the log is hidden in each cell; the program is granted by itself.
    grants[-1] = program
    ways = {"plain": plain([]), "fumehood, no log": plain([binary, "run", "--no-log", *grants, "--"]), "fumehood": plain([binary, "run", *grants, "--"])}
    if shutil.which("pasta"):
        ways["pasta"] = plain(["pasta", "--config-net", "--quiet", "--runas", "0", "--"])
    if shutil.which("slirp4netns") and shutil.which("bwrap"):
        ways["bwrap and slirp4netns"] = slirp
    cost, carried, lines = {name: [] for name in ways}, {name: [] for name in ways}, []
    for _ in range(options.rounds):
        for name, way in list(ways.items()):
            text = way([program, SERVER, "7100", str(options.connections)])
            if text:
                cost[name].append(int(text.split()[0]) / 1000)
            text = way([program, SERVER, "7200", str(1 << 30), "read"])
            if text:
                carried[name].append(float(text) / 1e9)
    base, full = statistics.median(cost["plain"]), statistics.median(carried["plain"])
    for name in ways:
        if not cost[name] or not carried[name]:
            lines.append(f"{name:22} did not work here")
            continue
        one, rate = statistics.median(cost[name]), statistics.median(carried[name])
        lines.append(f"{name:22} connect {one:7.1f} us (x{one / base:5.2f} of plain), carries {rate:5.2f} GB/s (x{rate / full:4.2f})")
    for line in lines:
        print(line)
    ratio = statistics.median(carried["fumehood"]) / full
    with open(os.path.join(HERE, "thresholds.json")) as file:
        least = json.load(file)["egress_carried_ratio"]["least"]
    good = ratio >= least
    if options.record:
        cells.record("egress", lines)
    cells.verdict("a socket that was handed in carries what a plain one does", good, f"x{ratio:.2f}, at least x{least}")
    shutil.rmtree(folder, ignore_errors=True)
    return 0 if good or options.no_fail else 1


if __name__ == "__main__":
    sys.exit(main())
