#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns MCP servers by calling their tools: which call needed what, then the same calls under the learned profile (no denial), a second run
(nothing new), a call that needs more (denied, told, learned), and `strace -f` of the server on the same calls. A little server of our own is
the quick share; mcp-server-git and mcp-server-time come from PyPI into build/mcp-learn.

usage: Tests/Soak/learnmcp.py [--quick] [--figures]
"""
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time

import learn
from learn import BINARY, PATH, PROBED, ROOT, Ground, evidence, say

SERVER = r"""
import json, os, subprocess, sys
def send(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
for line in sys.stdin:
    asked = json.loads(line)
    method = asked.get("method")
    if method == "initialize":
        send({"jsonrpc": "2.0", "id": asked["id"], "result": {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "t", "version": "1"}}})
    elif method == "tools/list":
        send({"jsonrpc": "2.0", "id": asked["id"], "result": {"tools": [{"name": n, "description": n, "inputSchema": {"type": "object"}} for n in ("plain", "makes", "runs", "steals")]}})
    elif method == "tools/call":
        name, text = asked["params"]["name"], "done"
        try:
            if name == "makes":
                os.makedirs("/tmp/made", exist_ok=True); os.rmdir("/tmp/made")
            if name == "runs":
                subprocess.run(["/bin/true"])
            if name == "steals":
                import ctypes
                text = str(ctypes.CDLL(None).ptrace(0, 0, 0, 0))
                open(os.path.expanduser(asked["params"]["arguments"]["path"])).close()
        except OSError as error:
            text = f"failed: {error.errno}"
        send({"jsonrpc": "2.0", "id": asked["id"], "result": {"content": [{"type": "text", "text": text}]}})
"""


# A server that takes its time when its input has closed is told to end by SIGTERM, which is its end then.
ENDS = (0, 143)


class Client:
    """A client of MCP that is lines. What is behind it is a list of words."""

    def __init__(self, ground, words):
        prefix = [] if ground.as_root else ["setpriv", f"--reuid={learn.USER}", f"--regid={learn.USER}", "--clear-groups"]
        self.errors = open(os.path.join(ground.folder, "stderr"), "w+")
        self.process = subprocess.Popen(prefix + words, cwd=ground.work, env=ground.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.buffer, self.last = b"", 0
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask("tools/list", {})

    def send(self, value):
        self.process.stdin.write(json.dumps(value).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        until = time.monotonic() + 60
        while True:
            line, found, rest = self.buffer.partition(b"\n")
            if found:
                self.buffer = rest
                answer = json.loads(line)
                if answer.get("id") == self.last:
                    return answer
                continue
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise ValueError(f"no answer to {method}")
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                self.errors.seek(0)
                raise ValueError(f"the server has ended: {self.errors.read()[-800:]}")
            self.buffer += piece

    def call(self, name, arguments):
        answer = self.ask("tools/call", {"name": name, "arguments": arguments})
        content = answer.get("result", {}).get("content", [{}])
        return (content[0].get("text", "") if content else "") or json.dumps(answer.get("error"))

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=60)
        self.errors.seek(0)
        return code, self.errors.read()


def session(ground, words, calls):
    """(texts, exit code, stderr)"""
    client = Client(ground, words)
    texts = [client.call(name, arguments) for name, arguments in calls]
    return (texts, *client.close())


def server(name, flags, command, calls, needs, more, fresh, figures, as_root=False):
    """`needs`: by tool, words that its calls must be said to need; `more`: a call that needs more, and one of its words."""
    title = f"learn {name}" + (" (root)" if as_root else "")
    ground = Ground(as_root)
    try:
        words = [part.replace("WORK", ground.work) for part in command]
        calls = [(tool, {key: ground.work if value == "WORK" else value for key, value in arguments.items()}) for tool, arguments in calls]
        flags = [part.replace("WORK", ground.work) for part in flags]
        if fresh:
            fresh(ground)
        run = [ground.binary, "learn", "--mcp", *flags, "--as", name, "--", *words]
        for attempt, expected in (("first", f"learned `{name}`"), ("second", "nothing new")):
            if fresh:
                fresh(ground)
            texts, code, err = session(ground, run, calls)
            if code not in ENDS or expected not in err:
                return say("FAIL", title, f"{attempt} run: exit {code}, {texts}: {err}")
        facts = evidence(ground, name)
        by_tool = {call["tool"]: set(call["needs"]) for call in facts["learned"]["calls"]}
        wrong = {tool: sorted(by_tool.get(tool, {"absent"})) for tool, words_ in needs.items() if by_tool.get(tool) != words_}
        if wrong:
            return say("FAIL", title, f"calls need {wrong}, expected {needs}")

        def enforced(these):
            if fresh:
                fresh(ground)
            record = os.path.join(ground.home, "result.json")
            told = session(ground, [ground.binary, "mcp", "-p", name, "--as", name, "--result", record, "--", *words], these)
            with open(record) as file:
                return told, [d["what"] for d in json.load(file)["denials"]]

        (texts, code, err), denials = enforced(calls)
        new = [what for what in denials if what not in facts["learned"]["refused"]]
        if code not in ENDS or new:
            return say("FAIL", title, f"enforced: exit {code}, denials {denials}, {texts}, {err}")
        if more:
            call, word = more
            call = (call[0], {key: ground.work if value == "WORK" else value for key, value in call[1].items()})
            (texts, code, err), denials = enforced([call])
            if not any(what not in facts["learned"]["refused"] for what in denials) or "fumehood why" not in err:
                return say("FAIL", title, f"a call that needs more: {texts}, {denials}, {err}")
            told = ground.fumehood("why", re.findall(r"fumehood why (\w+)", err)[-1]).stdout
            if f"fumehood learn -p {facts['chain'][-2]} --as {name} " not in told:
                return say("FAIL", title, f"why: {told}")
            if fresh:
                fresh(ground)
            texts, code, err = session(ground, run, [call])
            (texts, code, _), denials = enforced([call])
            wider = evidence(ground, name)
            if word not in wider["syscalls"] or any(what not in wider["learned"]["refused"] for what in denials):
                return say("FAIL", title, f"learned more: {texts}, {denials}, {err}")
            facts = wider
        wrong = learn.canary_finds(ground, name, facts)
        if wrong:
            return say("FAIL", title, f"canary: {wrong}")
        if shutil.which("strace"):
            if fresh:
                fresh(ground)
            log = os.path.join(ground.home, "trace")
            session(ground, ["strace", "-f", "-qq", "-o", log, *words], calls + ([call] if more else []))
            with open(log, errors="replace") as file:
                matches = [re.match(r"\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", line) for line in file.read().splitlines()[1:]]
            seen = {match.group(1) for match in matches if match}
            exported = json.loads(ground.fumehood("profile", "export", name).stdout)
            allowed = {n for rule in exported["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for n in rule["names"]}
            claimed = {call_.split("(")[0] for grant in facts["learned"]["grants"] for call_ in grant["seen"]} - {"process"}
            refused = {call_.split("(")[0] for call_ in facts["learned"]["refused"]}
            missing, invented = seen - allowed - PROBED - refused, claimed - seen - {"execve"}
            if missing or invented:
                return say("FAIL", title, f"strace saw {sorted(missing)}, which the profile lacks; the profile claims {sorted(invented)}")
            figures.append((name, len(facts["syscalls"]), " ".join(facts["syscalls"]), facts["allowed_calls"], len(seen), len(denials)))
        say("PASS", title)
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def write_server(ground):
    with open(ground.work + "/server.py", "w") as file:
        file.write(SERVER)
    ground.give()


def hostile(as_root=False):
    """A server whose call tries more under learning: nothing of it is granted, and it is told by the call's name."""
    ground = Ground(as_root)
    title = "learn an MCP server that steals" + (" (root)" if as_root else "")
    try:
        write_server(ground)
        os.makedirs(ground.home + "/.ssh")
        with open(ground.home + "/.ssh/id", "w") as file:
            file.write("secret")
        ground.give()
        words = [ground.binary, "learn", "--mcp", "--as", "thief", "-r", ".", "--", "/usr/bin/python3", "-B", "server.py"]
        texts, code, err = session(ground, words, [("steals", {"path": ground.home + "/.ssh/id"}), ("plain", {})])
        facts = evidence(ground, "thief")
        learned = facts["learned"]
        if code not in ENDS or "failed" not in texts[0] or facts["syscalls"] or not any("ptrace" in call for call in learned["refused"]) or learned["secrets"] != [ground.home + "/.ssh/id"]:
            return say("FAIL", title, f"{texts} {facts['syscalls']} {learned} {err}")
        log = [json.loads(line) for line in ground.fumehood("log", "export").stdout.splitlines()]
        if not any(record["kind"] == "denial" and "ptrace" in record["data"].get("what", "") for record in log):
            return say("FAIL", title, "the attempt is not in the log")
        say("PASS", title)
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def repository(ground):
    for path in os.listdir(ground.work):
        path = os.path.join(ground.work, path)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    ready = ground.run(["sh", "-ec", learn.GIT + " && git add b"])
    if ready.returncode:
        raise ValueError(ready.stderr)


def main():
    quick = "--quick" in sys.argv
    figures = []
    if not os.access(BINARY, os.X_OK):
        return say("FAIL", "learn", f"{BINARY} is not built")
    own = (["-r", "."], ["/usr/bin/python3", "-B", "server.py"], [("plain", {}), ("runs", {})],
           {"plain": set(), "runs": {"exec", "spawn"}}, (("makes", {}), "fs-mutate"), write_server)
    server("ours", *own, figures)
    hostile()
    if not quick:
        if os.getuid() == 0:
            server("ours", *own, figures, as_root=True)
            hostile(True)
        folder = peers()
        if folder is None:
            say("SKIP", "learn mcp-server-git, mcp-server-time", "PyPI is out of reach")
        else:
            clock = ([], [folder + "/mcp-server-time"], [("get_current_time", {"timezone": "Europe/Berlin"}), ("convert_time", {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"})],
                     {}, None, None)
            git = (["-p", "git", "-w", "WORK"], [folder + "/mcp-server-git", "--repository", "WORK"],
                   [("git_log", {"repo_path": "WORK"}), ("git_show", {"repo_path": "WORK", "revision": "HEAD"})], {}, (("git_commit", {"repo_path": "WORK", "message": "second"}), "fs-mutate"), repository)
            for as_root in [False, True][:2 if os.getuid() == 0 else 1]:
                server("mcp-server-time", *clock, figures, as_root=as_root)
                server("mcp-server-git", *git, figures, as_root=as_root)
    if "--figures" in sys.argv:
        for name, words, text, allowed, seen, _ in figures:
            print(f"{name:16} {words:5}  {allowed:13}  {seen:14}  {text}")
    sys.exit(1 if learn.failures else 0)


def peers():
    """The folder of the servers' programs, installed when they are not there: by the system's python, as one in somebody's home is not every caller's."""
    folder = os.path.join(ROOT, "build/mcp-learn")
    marker = os.path.join(folder, "ready")
    if not os.path.exists(marker):
        for command in (["/usr/bin/python3", "-m", "venv", "--clear", folder],
                        [folder + "/bin/pip", "install", "--quiet", "--disable-pip-version-check", "mcp>=2", "mcp-server-git", "mcp-server-time"]):
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
                return None
        open(marker, "w").close()
    return folder + "/bin"


if __name__ == "__main__":
    main()
