# SPDX-License-Identifier: Apache-2.0
"""Asks the door of `fumehood run --govern` before something is done. Standard library alone; copy it.

    from door import Door
    door = Door()
    with door.ask("agent__search", {"query": text}) as lease:   # raises Denied with the reason
        lease.usage = {"tokens_out": 12}
        search(text)
"""
import json
import os
import threading


class Denied(Exception):
    """No, and why: a sentence that a model may read."""


class Lease:
    def __init__(self, reply):
        self.identity, self.notes, self.obligations = reply["lease"], reply.get("notes", []), reply["obligations"]
        self.usage = {}


class Door:
    """One line to the door. Threads share it, one question at a time."""

    def __init__(self, number=None):
        number = os.environ.get("FUMEHOOD_FD") if number is None else number
        if number is None:
            raise RuntimeError("FUMEHOOD_FD is not set: start this with `fumehood run --govern -- ...`")
        self.file, self.buffer, self.count, self.lock = int(number), b"", 0, threading.Lock()

    def request(self, op, **fields):
        with self.lock:
            self.count += 1
            data = json.dumps({"id": self.count, "op": op, **fields}).encode() + b"\n"
            while data:
                data = data[os.write(self.file, data):]
            while b"\n" not in self.buffer:
                piece = os.read(self.file, 65536)
                if not piece:
                    raise RuntimeError("the door is closed")
                self.buffer += piece
            line, _, self.buffer = self.buffer.partition(b"\n")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def ask(self, tool, arguments):
        """A lease, to be used in a `with`; waits where a person is asked."""
        return Asked(self, tool, arguments)

    def budget(self):
        return self.request("budget")["budget"]

    def log(self, note):
        self.request("log", note=note)


class Asked:
    def __init__(self, door, tool, arguments):
        self.door, self.tool, self.arguments = door, tool, arguments

    def __enter__(self):
        reply = self.door.request("decide", tool=self.tool, arguments=self.arguments)
        if reply["verdict"] != "allow":
            raise Denied(reply["reason"])
        self.lease = Lease(reply)
        return self.lease

    def __exit__(self, *_):
        self.door.request("settle", lease=self.lease.identity, usage=self.lease.usage)
