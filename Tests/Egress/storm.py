#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Egress under load: many connections at once, an address that is written while it is read, the end of the supervisor.

usage: storm.py [--full]    --full: 10^4 connections, 10^5 flips
"""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import ground
from ground import API, EVIL, Run, failures, python, test

FULL = "--full" in sys.argv
ground.enter(__file__)
names = ground.build()
accepted = {API: 0, EVIL: 0}


class Echo(threading.Thread):
    """Sends back what comes, on any number of connections."""

    def __init__(self, address, port):
        super().__init__(daemon=True)
        self.address = address
        self.socket = socket.create_server((address, port), backlog=4096)
        self.open = 0
        self.start()

    def run(self):
        while True:
            client, _ = self.socket.accept()
            accepted[self.address] += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.open += 1
        try:
            while data := client.recv(4096):
                client.sendall(data)
        except OSError:
            pass
        client.close()
        self.open -= 1


echo = Echo(API, 7000)
Echo(EVIL, 7000)


@test("an address that another thread writes is decided on once")
def _():
    program = os.path.join(ground.STATE, "flip")
    subprocess.run(["gcc", "-O2", "-pthread", "-o", program, os.path.join(ground.HERE, "flip.c")], check=True)
    os.chmod(program, 0o755)
    before = accepted[EVIL]
    count = 100_000 if FULL else 3000
    run = Run(["-r", ground.STATE, "--net", f"{API}:7000"], [program, str(count), f"{API}:7000", EVIL], timeout=280)
    words = run.out.split()
    assert run.code == 0 and words[-1] == "0" and int(words[1]) > 100 and int(words[3]) > 100, run
    assert int(words[5]) <= count // 100, run  # torn between two writes: neither address
    assert accepted[EVIL] == before, "somebody came to the forbidden address"
    decided = run.connects()
    assert sum(1 for outcome, _ in decided if outcome == "allow") == int(words[1]), "each connection is one record"


@test("many connections at once: each has its own answer, nothing is left open")
def _():
    count, at_once = (10_000, 100) if FULL else (600, 60)
    code = f"""
import asyncio, os
async def one(i):
    async with gate:
        r, w = await asyncio.open_connection('api.example.com', 7000)
        text = b'%d-%d\\n' % (i, os.getpid())
        w.write(text); await w.drain()
        got = await asyncio.wait_for(r.readline(), 60)
        w.close()
        await w.wait_closed()
        return got == text
async def main():
    global gate
    gate = asyncio.Semaphore({at_once})
    results = await asyncio.gather(*(one(i) for i in range({count})))
    print(sum(results), len(results))
asyncio.run(main())
print(len(os.listdir('/proc/self/fd')), flush=True)
input()
"""
    home = os.path.join(ground.STATE, "many")
    os.mkdir(home)
    words = [ground.FUMEHOOD, "run", "--net", "api.example.com:7000", "--", "/usr/bin/python3", "-c", code]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": home})
    line = process.stdout.readline()
    inside = process.stdout.readline()
    until = time.monotonic() + 30
    while echo.open and time.monotonic() < until:
        time.sleep(0.05)
    descriptors = os.listdir(f"/proc/{process.pid}/fd")
    kinds = [os.readlink(f"/proc/{process.pid}/fd/{n}") for n in descriptors if os.path.lexists(f"/proc/{process.pid}/fd/{n}")]
    process.communicate("\n", timeout=30)
    assert line.split() == [str(count)] * 2, (line, inside)
    assert echo.open == 0, f"{echo.open} connections are still open"
    assert sum(kind.startswith("socket:") for kind in kinds) <= 4, kinds
    assert int(inside) < 15, inside


@test("the supervisor's end is the end of connections")
def _():
    home = os.path.join(ground.STATE, "end")
    os.mkdir(home)
    code = "import socket, time\nwhile True:\n s = socket.create_connection(('api.example.com', 7000)); s.sendall(b'x'); s.recv(1); print('x', flush=True)\n time.sleep(0.001); s.close()"
    words = [ground.FUMEHOOD, "run", "--net", "api.example.com:7000", "--", "/usr/bin/python3", "-c", code]
    for _ in range(10 if FULL else 3):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": home})
        for _ in range(5):
            assert process.stdout.readline() == b"x\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        until = time.monotonic() + 20
        while echo.open and time.monotonic() < until:
            time.sleep(0.01)
        assert echo.open == 0, "the cell outlived its supervisor"
        before = accepted[API]
        time.sleep(0.1)
        assert accepted[API] == before
        process.stdout.close()


@test("a cell that waits on its own loopback does not stop its supervisor")
def _():
    began = time.monotonic()
    run = python("""
import socket, threading, time
full = socket.socket(); full.bind(('127.0.0.1', 6000)); full.listen(0)
def stuck():
    s = socket.socket()
    try: s.connect(('127.0.0.1', 6000))
    except OSError: pass
    time.sleep(99)
for _ in range(60): threading.Thread(target=stuck, daemon=True).start()
time.sleep(1)
s = socket.create_connection(('api.example.com', 7000)); s.sendall(b'hello'); print(s.recv(5), flush=True)
time.sleep(99)
""", "--net", "api.example.com:7000", "--timeout", "6s")
    assert "b'hello'" in run.out and run.code == 124, run
    assert time.monotonic() - began < 30


sys.exit(1 if failures else 0)
