#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fumehood run --govern`: a program in a cell asks the door by JSON lines on the socket that it inherits, honestly and otherwise.

Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from lines import FUMEHOOD, ROOT, STATE, failures, test

CLIENT = """
import json, os, sys, time
fd = int(os.environ["FUMEHOOD_FD"])
buffer = b""
def send(*values):
    data = b"".join(v if isinstance(v, bytes) else json.dumps(v).encode() + b"\\n" for v in values)
    while data: data = data[os.write(fd, data):]
def read():
    global buffer
    while b"\\n" not in buffer:
        piece = os.read(fd, 65536)
        if not piece: raise SystemExit("closed")
        buffer += piece
    line, _, buffer = buffer.partition(b"\\n")
    return json.loads(line)
def ask(**fields):
    send(dict({"id": 1}, **fields))
    return read()
def decide(tool, **arguments): return ask(op="decide", tool=tool, arguments=arguments)
def say(value): print(json.dumps(value), flush=True)
"""


def policies(name, text):
    folder = os.path.join(STATE, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "p.cedar"), "w") as file:
        file.write(text)
    return folder


def start(body, *flags, prefix=(), env=None, python=sys.executable):
    return subprocess.Popen([*prefix, FUMEHOOD, "run", "-p", "python", *flags, "--", python, "-c", CLIENT + body],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def run(body, *flags, seconds=30, **keywords):
    """What the program said, its exit code, and our stderr."""
    process = start(body, "--govern", *flags, **keywords)
    out, err = process.communicate(timeout=seconds)
    return [json.loads(line) for line in out.splitlines()], process.returncode, err


def records():
    done = subprocess.run([FUMEHOOD, "log", "show", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@test("a program asks: allowed, denied by its arguments, settled, counted, noted, and all of it is in the log")
def _():
    folder = policies("asked", """
        @id("all") permit (principal, action in Action::"CallTool", resource);
        @id("etc") @reason("not there") forbid (principal, action == Action::"agent__remove", resource)
        when { context.input has path && context.input.path like "/etc*" };
        """)
    before = len(records())
    said, code, err = run("""
one = decide("agent__remove", path="/tmp/x"); say(one)
say(decide("agent__remove", path="/etc/passwd"))
say(ask(op="settle", lease=one["lease"], usage={"tokens_out": 7}))
say(ask(op="settle", lease=one["lease"]))
say(ask(op="budget"))
say(ask(op="log", note={"step": 1}))
say(ask(op="call", tool="agent__remove", arguments={}))
""", "--policy", folder, "--budget", "calls=5", "--budget", "tokens_out=100")
    assert code == 0 and said[0]["verdict"] == "allow" and said[0]["lease"].startswith("k"), (said, err)
    assert said[1]["verdict"] == "deny" and said[1]["reason"].endswith("not there") and said[1]["policies"][0].endswith("#etc"), said
    assert said[2] == {"id": 1} and "none that is open" in said[3]["error"], said
    left = {row["dimension"]: (row["left"], row["measured"]) for row in said[4]["budget"]}
    assert left == {"calls": (4, True), "tokens_out": (93, False)}, said[4]
    assert said[5] == {"id": 1} and "in none" in said[6]["error"], said
    told = [(one["kind"], one.get("outcome")) for one in records()[before:] if one["kind"] in ("decision", "response", "request")]
    assert told == [("decision", "allow"), ("decision", "deny"), ("response", "answered"), ("request", "noted")], told
    reported = [one for one in records()[before:] if one["kind"] == "response"][0]["data"]
    assert reported["usage"]["tokens_out"] == 7 and reported["reported"] == ["tokens_out"], reported
    assert subprocess.run([FUMEHOOD, "log", "verify"], stdout=subprocess.DEVNULL).returncode == 0


@test("lines that are none get an error each, and the next is answered")
def _():
    said, code, err = run("""
for line in [b"{\\n", b"[]\\n", b'{"id":1,"op":"fly"}\\n', b'{"id":1,"op":"budget","x":1}\\n', b'{"op":"budget"}\\n', b'{"id":null,"op":"budget"}\\n',
             b'{"id":1,"id":2,"op":"budget"}\\n', b'{"id":1,"op":"decide","tool":"x","arguments":{}}\\n', b'{"id":1,"op":"decide","tool":"sys__launch","arguments":{}}\\n',
             b'{"id":1,"op":"decide","tool":"a__b","arguments":[]}\\n', b'{"id":1,"op":"decide","tool":"a__b","arguments":{"x":1e400}}\\n',
             b'{"id":1,"op":"decide","tool":"a__b","arguments":{"x":"\\\\ud800"}}\\n', b'{"id":1,"op":"decide","tool":"a__b","arguments":' + b"[" * 300 + b'}\\n',
             b'{"id":1,"op":"settle","lease":"k0000"}\\n', b'{"id":1,"op":"settle","lease":7}\\n', b'{"id":1,"op":"log"}\\n', b'{"id":1,"op":"log","note":"' + b"x" * 20000 + b'"}\\n',
             b'{"id":"' + b"x" * 2000000 + b'"}\\n', b"\\xff\\xfe\\n", b'{"id":1,"op":"budget"} {}\\n', b'{"id":1,"op":7}\\n']:
    send(line); say("error" in read())
say(ask(op="budget"))
""")
    assert code == 0 and said[:-1] == [True] * 21 and said[-1] == {"id": 1, "budget": []}, (said, err)


@test("10,000 questions that nobody reads the answers of are answered in the end, in bounded memory")
def _():
    process = start("""
import threading
def ask_all():
    for n in range(10000): send({"id": n, "op": "budget" if n % 20 else "decide", **({} if n % 20 else {"tool": "a__b", "arguments": {"n": n}})})
thread = threading.Thread(target=ask_all); thread.start()
time.sleep(2)
say("read")
seen = set()
for _ in range(10000):
    reply = read()
    assert reply["id"] not in seen, reply
    assert "budget" in reply or reply["verdict"] == "allow", reply
    seen.add(reply["id"])
thread.join(); say(len(seen))
""", "--govern", "--no-log")
    assert process.stdout.readline() == '"read"\n'
    with open(f"/proc/{process.pid}/status") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out == "10000\n" and memory < 64, (out, memory, err[-400:])


@test("what policies could not see whole is denied")
def _():
    folder = policies("seen", """
        @id("all") permit (principal, action in Action::"CallTool", resource);
        @id("out") forbid (principal, action == Action::"mail__send", resource) when { context.input has to && context.input.to.contains("eve") };
        """)
    said, code, err = run("""
say(decide("mail__send", text="x")["verdict"])
say(decide("mail__send", to=["ann"])["verdict"])
say(decide("mail__send", to=["ann", "eve"])["verdict"])
say(decide("mail__send", to=["eve", 1]))
say(decide("mail__send", to="eve"))
say(decide("mail__send", _to=["eve"]))
say(decide("mail__send", to=None)["verdict"])
say(decide("mail__other", to=["eve"])["verdict"])
""", "--policy", folder)
    assert code == 0 and said[:3] == ["allow", "allow", "deny"], (said, err)
    assert all(one["verdict"] == "deny" and one["cause"] == "schema" for one in said[3:6]), said
    assert said[6:] == ["allow", "allow"], said


@test("a person's yes lets the question go that waits for it; one whose asker closes its end is withdrawn")
def _():
    process = start("""
reply = decide("agent__pay", sum=7); say(reply["verdict"])
send({"id": 2, "op": "decide", "tool": "agent__pay", "arguments": {"sum": 8}})
time.sleep(0.3); os.close(fd); time.sleep(0.5); say("closed")
""", "--govern", "--ask", "agent__*")
    said = process.stderr.readline()
    call = said.strip().rpartition(" ")[2]
    assert "waits for a person" in said and call.startswith("k"), said
    assert subprocess.run([FUMEHOOD, "approve", "--yes", call], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL).returncode == 0
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out == '"allow"\n"closed"\n', (out, err)
    last = [(one["kind"], one.get("outcome")) for one in records() if one["kind"] in ("approval", "decision", "response")][-3:]
    assert ("approval", "withdrawn") in last, last


@test("what was allowed and never settled has failed when the program ends")
def _():
    before = len(records())
    said, code, err = run('say(decide("a__b")["verdict"])', "--budget", "calls=1")
    assert code == 0 and said == ["allow"], (said, err)
    ends = [one for one in records()[before:] if one["kind"] == "response"]
    assert [one["outcome"] for one in ends] == ["failed"] and "never settled" in ends[0]["errors"][0], ends


@test("a policy that kills ends the cell")
def _():
    folder = policies("killed", """
        permit (principal, action in Action::"CallTool", resource);
        @id("trap") @kill forbid (principal, action == Action::"agent__rm", resource);
        """)
    said, code, err = run('say(decide("agent__ok")["verdict"]); send({"id": 1, "op": "decide", "tool": "agent__rm", "arguments": {}}); time.sleep(20); say("alive")', "--policy", folder)
    assert code == 124 and said == ["allow"], (code, said, err)


@test("descriptors that a cell sends along are not taken")
def _():
    process = start("""
import array, socket
door = socket.socket(fileno=os.dup(fd))
for _ in range(50): door.sendmsg([b'{"id":1,"op":"budget"}\\n'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]); read()
say("sent"); time.sleep(1)
""", "--govern", "--no-log")
    out = process.stdout.readline()
    count = len(os.listdir(f"/proc/{process.pid}/fd")) if out else 0
    _, err = process.communicate(timeout=30)
    # The family is refused to a cell as a socket of its own; what it inherited it may write to. Either way nothing came in.
    assert (out == '"sent"\n' and count < 60) or process.returncode == 1, (out, count, err[-300:])


@test("without --govern there is no socket, and its flags are refused")
def _():
    done = subprocess.run([FUMEHOOD, "run", "--", "/usr/bin/env"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert "FUMEHOOD_FD" not in done.stdout
    done = subprocess.run([FUMEHOOD, "run", "--budget", "calls=1", "--", "/bin/true"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 125 and "--budget go with `--govern`" in done.stderr, done


@test("the plain client of Examples/python-client does what its README shows")
def _():
    folder = os.path.join(ROOT, "Examples/python-client")
    done = subprocess.run([FUMEHOOD, "run", "-p", "python", "-r", ".", "--govern", "--deny", "agent__remove", "--allow", "*", "--budget", "calls=2", "--", sys.executable, "agent.py"],
                          cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    with open(os.path.join(folder, "README.md")) as file:
        shown = file.read().split("-- python3 agent.py\n")[1].split("\n\n")[0]
    assert done.returncode == 0 and done.stdout.strip() == "\n".join(line[4:] for line in shown.splitlines()).strip(), (done.stdout, done.stderr)


def main():
    if not os.path.exists(FUMEHOOD):
        print("SKIP a program that asks the door: the binary is not built")
        return 0
    if os.geteuid() == 0:
        @test("an ordinary user's program asks as well")
        def _():
            home = tempfile.mkdtemp(prefix="fumehood-door-")
            try:
                os.chown(home, 12345, 12345)
                env = dict(os.environ, HOME=home, XDG_STATE_HOME=home + "/state", XDG_CONFIG_HOME=home + "/config")
                env.pop("XDG_RUNTIME_DIR", None)
                said, code, err = run('say(decide("a__b")["verdict"])', prefix=("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"), env=env, python="/usr/bin/python3")
                assert code == 0 and said == ["allow"], (said, code, err)
            finally:
                shutil.rmtree(home)
    return 1 if failures else 0


sys.exit(main())
