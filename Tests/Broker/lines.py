# SPDX-License-Identifier: Apache-2.0
"""A client of MCP that is lines, for the tests of `fumehood mcp`."""
import atexit
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FUMEHOOD = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(ROOT, "build/fumehood")))
TINY = os.path.join(HERE, "tiny.py")
# Logs and keys of the tests are nobody else's.
STATE = tempfile.mkdtemp(prefix="fumehood-broker-")
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
os.environ.update(XDG_STATE_HOME=os.path.join(STATE, "state"), XDG_CONFIG_HOME=os.path.join(STATE, "config"))
os.environ.pop("CI", None)


class Session:
    """A client that is lines."""

    def __init__(self, mode="honest", *flags, command=None):
        self.seen = []
        self.process = subprocess.Popen(
            [FUMEHOOD, "mcp", "-r", HERE, *flags, "--", *(command or [sys.executable, TINY, mode])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.buffer = b""

    def send(self, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self, seconds=10.0):
        """The next line, or None where none comes or the stream is over."""
        until = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                return None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        self.seen.append(json.loads(line))
        return self.seen[-1]

    def start(self, version="2025-06-18"):
        self.send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}})
        assert self.read()["id"] == 0
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def call(self, identity, text="hi"):
        self.send({"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": text}}})

    def memory(self):
        """Greatest resident size of the broker so far, in MiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024

    def close(self, seconds=10.0):
        """(exit code, seconds that it took, stderr)."""
        began = time.monotonic()
        try:
            _, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, err = self.process.communicate()
            return None, time.monotonic() - began, err.decode("utf-8", "replace")
        return self.process.returncode, time.monotonic() - began, err.decode("utf-8", "replace")


def text_of(answer):
    return answer["result"]["content"][0]["text"]


failures = []


def test(name):
    """Runs what it decorates at once, and says how that went."""
    def run(body):
        began = time.monotonic()
        try:
            body()
            print(f"PASS {name}", flush=True)
        except Exception as error:  # noqa: BLE001
            failures.append(name)
            print(f"FAIL {name}: {type(error).__name__}: {str(error)[:600]} after {time.monotonic() - began:.1f} s", flush=True)
    return run
