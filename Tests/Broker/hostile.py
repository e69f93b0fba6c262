#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fumehood mcp` between tiny peers that behave badly: typed errors, no hang, bounded memory, nothing left behind.

Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import json
import os
import subprocess
import sys
import time

from lines import FUMEHOOD, HERE, TINY, Session, failures, test, text_of


@test("a call is answered, and the end of the client ends the server")
def _():
    session = Session().start()
    session.call("a")
    assert text_of(session.read()) == "hi"
    code, seconds, err = session.close()
    assert code == 0 and seconds < 1.5, (code, seconds)
    assert err.startswith("fumehood: no policy is given: the tools of `python3"), err


@test("requests in a file and an end are all answered")
def _():
    lines = [{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}},
             {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    lines += [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": str(n)}}} for n in range(1, 500)]
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"fumehood-requests-{os.getpid()}")
    with open(path, "w") as file:
        file.write("\n".join(map(json.dumps, lines)))
    try:
        with open(path) as file:
            done = subprocess.run([FUMEHOOD, "mcp", "-r", HERE, "--", sys.executable, TINY], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    finally:
        os.unlink(path)
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0 and len(answers) == 500, (done.returncode, len(answers), done.stderr[-300:])
    assert all(text_of(answers[n]) == str(n) for n in range(1, 500))


@test("a server that dies inside of an answer: an error, and its exit code")
def _():
    for cut in (0, 1, 17, 60):
        session = Session(f"die:{cut}").start()
        session.call(1)
        answer = session.read()
        assert answer["id"] == 1 and answer["error"]["code"] == -32000, answer
        code, _, _ = session.close()
        assert code == 3, code


@test("garbage beside an answer is dropped")
def _():
    session = Session("garbage").start()
    session.call(1)
    assert text_of(session.read()) == "hi"
    code, _, err = session.close()
    assert code == 0 and err.count("was refused") == 3, err


@test("a line without end takes no memory, and its call an error in its time")
def _():
    session = Session("write", "--timeout", "2s").start()
    session.call(1)
    answer = session.read()
    assert answer["id"] == 1 and ("error" in answer or answer["result"]["isError"]), answer
    memory = session.memory()
    assert memory < 64, memory
    session.process.kill()
    session.close()


@test("a server that floods and never reads is bounded")
def _():
    session = Session("flood", "--timeout", "5s").start()
    session.call(1)
    answer = session.read(15)
    assert answer["id"] == 1, answer
    assert session.memory() < 64, session.memory()
    session.process.kill()
    session.close()


@test("a client that never reads is held up in bounded memory")
def _():
    session = Session("long:1000000").start()
    os.set_blocking(session.process.stdin.fileno(), False)
    sent = 0
    until = time.monotonic() + 3
    while time.monotonic() < until:
        try:
            os.write(session.process.stdin.fileno(), b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%s"}}}\n' % (sent, b"y" * 3000))
            sent += 1
        except BlockingIOError:
            time.sleep(0.05)
    memory = session.memory()
    assert memory < 64, (memory, sent)
    session.process.kill()
    session.close()


@test("a result of 20 MiB is an error")
def _():
    session = Session(f"long:{20 << 20}").start()
    session.call(1)
    answer = session.read(20)
    assert answer["id"] == 1 and "longer than" in answer["error"]["message"], str(answer)[:200]
    assert session.memory() < 64, session.memory()
    session.call(2)
    assert session.read(20)["id"] == 2
    session.close()


@test("a call has its time")
def _():
    session = Session("silent", "--timeout", "1s").start()
    began = time.monotonic()
    session.call(1)
    answer = session.read()
    assert answer["result"]["isError"] and "did not answer within 1.0 s" in text_of(answer), answer
    assert 0.9 < time.monotonic() - began < 3
    session.close()


@test("a server that ignores its end is ended")
def _():
    session = Session("deaf").start()
    code, seconds, _ = session.close()
    assert code == 124 and 2.5 < seconds < 6, (code, seconds)


@test("an answer that comes twice is passed on once")
def _():
    session = Session("twice").start()
    session.call(1)
    session.call(2)
    assert [session.read()["id"], session.read()["id"]] == [1, 2]
    assert session.read(0.5) is None
    session.close()


@test("a tool that changes is set aside")
def _():
    session = Session("swap").start()
    session.call(1)
    assert text_of(session.read()) == "hi"
    assert session.read()["method"] == "notifications/tools/list_changed"
    session.call(2)
    answer = session.read()
    assert answer["result"]["isError"] and "changed during this session" in text_of(answer), answer
    session.close()


@test("lines that are no messages")
def _():
    session = Session().start()
    for line, code in [(b'{"jsonrpc":"2.0","id":5,"method":"ping","method":"x"}\n', -32600), (b'{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":"\xff"}}\n', -32700),
                       (b'{"jsonrpc":"2.0","id":5,"method":"ping","params":' + b"[" * 500 + b"}\n", -32600)]:
        session.send(line)
        answer = session.read()
        assert answer["id"] == 5 and answer["error"]["code"] == code, answer
    session.call(6)
    assert session.read()["id"] == 6
    session.close()


@test("an id that is in use is refused, and its first request is answered")
def _():
    session = Session("silent", "--timeout", "2s").start()
    session.call(1)
    session.call(1)
    answer = session.read()
    assert answer["id"] == 1 and "in use" in answer["error"]["message"], answer
    answer = session.read()
    assert answer["id"] == 1 and answer["result"]["isError"], answer
    session.close()


@test("answers to nothing are dropped, and requests of strange methods refused")
def _():
    session = Session("stray").start()
    for number in range(1, 4):
        session.call(number, f"t{number}")
        answer = session.read()
        assert answer["id"] == number and text_of(answer) == f"t{number}", answer
    assert session.read(0.3) is None
    session.close()


@test("an answer that comes when its call was cancelled is dropped")
def _():
    session = Session("late").start()
    session.call(1)
    session.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    session.send({"jsonrpc": "2.0", "id": 2, "method": "ping"})
    assert session.read() == {"jsonrpc": "2.0", "id": 2, "result": {}}
    assert session.read(0.3) is None
    session.close()


@test("peers that send one byte at a time are understood")
def _():
    session = Session("slow").start()
    for byte in b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"drip"}}}\n':
        session.send(bytes([byte]))
    assert text_of(session.read()) == "drip"
    session.close()


@test("an argument of 15 MiB takes less than 64 MiB")
def _():
    session = Session("honest", "--no-log", "--quiet").start()
    session.call(1, "x" * (15 << 20))
    answer = session.read(30)
    assert answer["id"] == 1 and session.memory() < 64, (str(answer)[:200], session.memory())
    session.close()


@test("SIGTERM ends both, and nothing is left")
def _():
    session = Session("deaf").start()
    session.process.terminate()
    code, seconds, _ = session.close()
    assert code in (124, 143) and seconds < 5, (code, seconds)


def main():
    if not os.path.exists(FUMEHOOD):
        print("SKIP the broker between hostile peers: the binary is not built")
        return 0
    return 1 if failures else 0


sys.exit(main())
