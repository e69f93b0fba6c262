#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real servers and clients of MCP from PyPI, unmodified, with `fumehood mcp` between them: both eras, both lines of the SDK. They are
installed into build/mcp1 (`mcp` 1.x) and build/mcp2 (2.x) when they are not there. Every line that the client side gets is held against
the schema of its version.

Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from environments import made
from lines import FUMEHOOD, HERE, ROOT, Session, failures, test, text_of

SHARED = os.environ.get("FUMEHOOD_SHARED", os.path.normpath(os.path.join(ROOT, "../shared")))
def steps(client, mode, what, *command):
    script = [os.path.join(client, "python"), os.path.join(HERE, "sdk1.py" if mode is None else "sdk2.py")]
    done = subprocess.run(
        script + ([] if mode is None else [mode]) + [json.dumps(what), FUMEHOOD, "mcp", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-800:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def git(*arguments, cwd):
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments], cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout


def repository():
    folder = tempfile.mkdtemp(prefix="fumehood-mcp-", dir=os.environ.get("TMPDIR", "/tmp"))
    git("init", "-q", ".", cwd=folder)
    git("config", "user.name", "t", cwd=folder)
    git("config", "user.email", "t@example.com", cwd=folder)
    with open(os.path.join(folder, "a.txt"), "w") as file:
        file.write("one\n")
    git("add", "a.txt", cwd=folder)
    git("commit", "-q", "-m", "first", cwd=folder)
    with open(os.path.join(folder, "a.txt"), "a") as file:
        file.write("two\n")
    return folder


VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator, Draft7Validator
schema = json.load(open(sys.argv[1]))
definitions = "$defs" if "$defs" in schema else "definitions"
kind = Draft202012Validator if definitions == "$defs" else Draft7Validator
bad = 0
for line in sys.stdin:
    name, value = json.loads(line)
    if name not in schema[definitions]:
        print("no definition", name); bad += 1; continue
    for error in kind({**schema, "$ref": f"#/{definitions}/{name}"} if definitions == "$defs" else {definitions: schema[definitions], "$ref": f"#/{definitions}/{name}"}).iter_errors(value):
        print(name, error.message[:300]); bad += 1
sys.exit(1 if bad else 0)
"""


def valid(bin2, version, lines, results):
    """Holds lines to the schema of a version; `results` names the definition of a result by the id of its answer."""
    checked = []
    for line in lines:
        if "method" in line:
            checked.append(("JSONRPCRequest" if "id" in line else "JSONRPCNotification", line))
        elif "error" in line:
            checked.append(("JSONRPCErrorResponse" if version >= "2025-11-25" else "JSONRPCError", line))
        else:
            checked.append(("JSONRPCResultResponse" if version >= "2025-11-25" else "JSONRPCResponse", line))
            checked.append((results.get(line["id"], "Result"), line["result"]))
    done = subprocess.run([os.path.join(bin2, "python"), "-c", VALIDATE, os.path.join(SHARED, "data/mcp", version, "schema.json")],
                          input="\n".join(map(json.dumps, checked)), stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


def main():
    if not os.path.exists(FUMEHOOD):
        print("SKIP real peers of MCP: the binary is not built")
        return 0
    one, two = made("mcp1"), made("mcp2")
    if one is None or two is None:
        print("SKIP real peers of MCP: PyPI is out of reach")
        return 0
    clients = [("mcp 1.x", one, None), ("mcp 2.x", two, "auto"), ("mcp 2.x, legacy", two, "legacy")]
    for name, client, mode in clients:
        @test(f"{name}: lists, calls, is refused, errs, with mcp-server-time")
        def _():
            got = steps(client, mode, [["list"], ["call", "get_current_time", {"timezone": "Europe/Berlin"}], ["call", "get_current_time", {"timezone": 7}],
                                       ["call", "get_current_time", {"timezone": "Nowhere/At"}], ["call", "nope", {}]], "--", os.path.join(two, "mcp-server-time"))
            assert got[0] == ["get_current_time", "convert_time"], got
            assert not got[1]["error"] and "Europe/Berlin" in got[1]["text"], got
            assert got[2]["error"] and got[2]["text"].startswith("denied: the arguments of `get_current_time`"), got
            assert got[3].get("error") or "raised" in got[3], got
            assert "Unknown tool" in got[4].get("raised", "") or got[4].get("error"), got

        @test(f"{name}: mcp-server-git commits in its repository, out of a cell")
        def _():
            folder = repository()
            try:
                got = steps(client, mode, [["call", "git_status", {"repo_path": folder}], ["call", "git_add", {"repo_path": folder, "files": ["a.txt"]}],
                                           ["call", "git_commit", {"repo_path": folder, "message": "second"}], ["call", "git_log", {"repo_path": folder}]],
                            "-p", "git", "-w", folder, "--", os.path.join(two, "mcp-server-git"), "--repository", folder)
                assert "a.txt" in got[0]["text"] and not got[2]["error"] and "second" in got[3]["text"], got
                assert git("log", "--format=%s", cwd=folder).split() == ["second", "first"]
            finally:
                shutil.rmtree(folder)

    @test("mcp 1.x: mcp-server-sqlite keeps a table")
    def _():
        folder = tempfile.mkdtemp(prefix="fumehood-mcp-", dir=os.environ.get("TMPDIR", "/tmp"))
        try:
            got = steps(one, None, [["call", "create_table", {"query": "create table t (n integer)"}], ["call", "write_query", {"query": "insert into t values (41), (1)"}],
                                    ["call", "read_query", {"query": "select sum(n) as s from t"}]],
                        "-w", folder, "--", os.path.join(one, "mcp-server-sqlite"), "--db-path", os.path.join(folder, "s.db"))
            assert "42" in got[2]["text"], got
        finally:
            shutil.rmtree(folder)

    for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
        @test(f"every line to a client of {version} fits its schema")
        def _():
            session = Session().start(version)
            session.send({"jsonrpc": "2.0", "id": "l", "method": "tools/list"})
            session.read()
            session.call(1)
            session.read()
            session.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": 7}}})
            session.read()
            session.send({"jsonrpc": "2.0", "id": 3, "method": "nope"})
            session.read()
            session.send({"jsonrpc": "2.0", "id": 4, "method": "ping"})
            session.read()
            session.send(b'{"jsonrpc":"2.0","id":5,"method":"ping","id":5}\n')
            session.read(1)
            session.close()
            assert len(session.seen) == (7 if version >= "2025-11-25" else 6), session.seen
            valid(two, version, session.seen, {0: "InitializeResult", "l": "ListToolsResult", 1: "CallToolResult", 2: "CallToolResult"})

    @test("every line to a stateless client fits the schema of 2026-07-28")
    def _():
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "c", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {}}
        session = Session()
        for identity, arguments in ((1, {"text": "hi"}), (2, {"text": 7})):
            session.send({"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": {"name": "echo", "arguments": arguments, "_meta": meta}})
            session.read()
        session.send({"jsonrpc": "2.0", "id": 3, "method": "nope", "params": {"_meta": meta}})
        session.read()
        session.close()
        assert text_of(session.seen[0]) == "hi" and session.seen[1]["result"]["isError"], session.seen
        valid(two, "2026-07-28", session.seen, {1: "CallToolResult", 2: "CallToolResult"})
    return 1 if failures else 0


sys.exit(main())
