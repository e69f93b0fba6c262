#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fumehood mcp` and the ladder: storms, refusals and circles of calls climb it by the reading that names them, the agent is told with the
next result, a throttled tool answers at a pace, a frozen one says so; crossed limits are decided by policy; what is counted is counted once.

usage: runaways.py [--quick]      prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them; --quick leaves the storms out
"""
import json
import os
import subprocess
import sys
import time

from lines import FUMEHOOD, STATE, Session, failures, test, text_of

os.environ["XDG_RUNTIME_DIR"] = STATE


def profile(name, ladder):
    path = os.path.join(STATE, name + ".yaml")
    with open(path, "w") as file:
        file.write("fumehood: 1\nextends: tool\nladder: " + json.dumps(ladder) + "\n")
    return path


def policies(name, text):
    path = os.path.join(STATE, name + ".cedar")
    with open(path, "w") as file:
        file.write(text)
    return path


def started(name, ladder, *flags, mode="honest"):
    result = os.path.join(STATE, name + ".json")
    session = Session(mode, "--as", "tiny", "-p", profile(name, ladder), "--result", result, *flags).start()
    session.result = result
    return session


def record(session):
    session.close(20)
    with open(session.result) as file:
        return json.load(file)


def path(record):
    return [(change["rung"], change["gauge"], change["reason"]) for change in record["ladder"]]


def storm(session, seconds, text):
    """Calls as fast as they are answered. All that was said, and the seconds between answers."""
    said, gaps, until, number = [], [], time.monotonic() + seconds, 0
    while time.monotonic() < until:
        began = time.monotonic()
        number += 1
        session.call(number, text(number))
        answer = session.read(20)
        assert answer and answer["id"] == number, answer
        gaps.append(time.monotonic() - began)
        said.append([part["text"] for part in answer["result"]["content"]])
    return said, gaps


def ps():
    done = subprocess.run([FUMEHOOD, "ps", "--json"], stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["cells"]


def cell_when(wanted, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for cell in ps():
            if wanted(cell):
                return cell
        time.sleep(0.1)
    raise AssertionError("it did not come to that: " + json.dumps(ps())[:600])


def tell(act, cell):
    assert subprocess.run([FUMEHOOD, act, cell], stdout=subprocess.DEVNULL).returncode == 0


def records(kind):
    done = subprocess.run([FUMEHOOD, "log", "show", "--kind", kind, "--json"], stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def storms(name):
    """A test that takes its time."""
    return (lambda body: None) if "--quick" in sys.argv else test(name)


CALM = {"quiet": "1500ms", "throttled": {"call_rate": 4}}


@storms("a storm of calls is told to the agent, paced, and comes back when it is over")
def _():
    session = started("storm", {"call_rate": {"warn": 5, "throttle": 8}, **CALM})
    said, gaps = storm(session, 6, lambda n: f"call {n}")
    notes = [text for texts in said for text in texts if text.startswith("note: this tool's cell went from")]
    assert any("to warn: `call_rate` read" in note for note in notes) and any("to throttle" in note for note in notes), notes
    assert sorted(gaps[-4:])[1] > 0.15, gaps[-6:]
    cell_when(lambda cell: cell["rung"] == "observe")
    again = storm(session, 0.5, lambda n: f"again {n}")[1]
    assert min(again) < 0.15, again
    changes = path(record(session))
    assert [c[:2] for c in changes[:2]] == [("warn", "call_rate"), ("throttle", "call_rate")], changes


@storms("a storm of refused calls climbs by denial_rate")
def _():
    session = started("denials", {"denial_rate": {"warn": 4, "throttle": 6}, **CALM}, "--deny", "tiny__echo")
    said, _ = storm(session, 5, lambda n: f"call {n}")
    assert any(text.startswith("note: ") and "denial_rate" in text for texts in said for text in texts), said[:40]
    changes = path(record(session))
    assert [c[:2] for c in changes[:2]] == [("warn", "denial_rate"), ("throttle", "denial_rate")], changes


@storms("calls in circles climb by call_loops")
def _():
    session = started("loops", {"call_loops": {"warn": 1, "throttle": 2}, **CALM})
    number, until = 0, time.monotonic() + 20
    # In the end the door asks a person, and answers no more.
    while time.monotonic() < until:
        number += 1
        session.call(number, "the same")
        if session.read(3) is None:
            session.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})
            break
    changes = path(record(session))
    assert ("warn", "call_loops") in [c[:2] for c in changes], changes


@test("a frozen tool says so when time is over, finishes when it is thawed in time, and counts each call once")
def _():
    session = started("frozen", {"cpu": {"freeze": 60}}, "--timeout", "3s", "--budget", "calls=10")
    session.call(1, "a")
    assert text_of(session.read()) == "a"
    cell = cell_when(lambda cell: True)["cell"]
    tell("freeze", cell)
    session.call(2, "b")
    late = text_of(session.read(20))
    assert "did not answer within 3.0 s: its cell stands frozen" in late, late
    session.call(3, "c")
    time.sleep(0.5)
    tell("thaw", cell)
    answer = session.read(20)
    assert answer["id"] == 3 and text_of(answer) == "c", answer
    assert session.read(0.3) is None, "an answer of the call that was given up reached the client"
    left = {one["dimension"]: one["left"] for one in ps()[0]["budget"]}
    assert left["calls"] == 7, left
    end = record(session)
    assert end["frozen_us"] > 3_000_000, end["frozen_us"]
    mine = [line for line in records("response") if line["cell"] == cell]
    assert [line["outcome"] for line in mine] == ["answered", "failed", "answered"], mine


@test("a policy raises a bound, another freezes until a person agrees, and the calls go on")
def _():
    folder = policies("more", """
        @id("tools") permit (principal, action in Action::"CallTool", resource);
        @id("more") @raise("1000000") permit (principal, action == Action::"sys__limit", resource) when { context.crossed.limit == "call_rate" };
        """)
    session = started("raised", {"call_rate": {"throttle": 4}, **CALM}, "--policy", folder)
    _, gaps = storm(session, 2.5, lambda n: f"call {n}")
    assert path(record(session)) == [], "it was raised, and nothing was done"
    assert records("decision")[-1]["policies"] != [], "no record"
    asked = [line for line in records("decision") if line["tool"] == "sys__limit"]
    assert asked and asked[-1]["outcome"] == "allow" and asked[-1]["obligations"] == ["raise(1000000)"] and asked[-1]["data"]["crossed"]["limit"] == "call_rate", asked
    folder = policies("ask", """
        @id("tools") permit (principal, action in Action::"CallTool", resource);
        @id("ask") @ask("so many calls?") permit (principal, action == Action::"sys__limit", resource);
        """)
    session = started("asked", {"call_rate": {"throttle": 4}, "quiet": "30s"}, "--policy", folder, "--timeout", "60s")
    number = 0
    while not any(cell["rung"] == "freeze" for cell in ps()) and number < 400:
        number += 1
        session.call(number, f"call {number}")
        if session.read(0.5) is None:
            break
    cell = cell_when(lambda cell: cell["rung"] == "freeze" and cell["state"] == "frozen")["cell"]
    waiting = subprocess.run([FUMEHOOD, "approve"], stdout=subprocess.PIPE, text=True).stdout.splitlines()
    call = next(line.split()[0] for line in waiting if "so many calls?" in line)
    assert subprocess.run([FUMEHOOD, "approve", "--yes", call], stdout=subprocess.DEVNULL).returncode == 0
    cell_when(lambda one: one["cell"] == cell and one["state"] == "running")
    end = record(session)
    assert [(c["rung"], c["reason"]) for c in end["ladder"]][:2] == [("freeze", "policy"), ("throttle", "person")], end["ladder"]
    assert len([line for line in records("rung") if line["cell"] == cell]) == len(end["ladder"])


sys.exit(1 if failures else 0)
