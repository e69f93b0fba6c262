#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The standing example: an agent that may look at an inventory, and what becomes of what else it tries. Scripted, without a model; the servers
are real ones from PyPI (mcp-server-sqlite, mcp-server-git), each in its cell. See README.md.

usage: stock.py SQLITE_ENVIRONMENT GIT_ENVIRONMENT     folders of virtual environments that have the servers
"""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FUMEHOOD = os.path.abspath(os.environ.get("FUMEHOOD_BIN", os.path.join(HERE, "../../build/fumehood")))


class Tool:
    """A server behind `fumehood mcp`, as an agent's framework would start it."""

    def __init__(self, name, flags, command):
        self.name, self.count = name, 0
        self.process = subprocess.Popen([FUMEHOOD, "mcp", "--as", name, "--agent", "clerk", *flags, "--", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.request("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "stock", "version": "1"})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.tools = [tool["name"] for tool in self.request("tools/list")["tools"]]

    def send(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method, **params):
        self.count += 1
        self.send({"jsonrpc": "2.0", "id": self.count, "method": method, "params": params})
        return self.answer()

    def answer(self):
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"{self.name} has ended: {self.process.stderr.read().decode()}")
            message = json.loads(line)
            if message.get("id") == self.count:
                return message.get("result") or {"isError": True, "content": [{"text": message["error"]["message"]}]}

    def call(self, tool, **arguments):
        return self.text(self.request("tools/call", name=tool, arguments=arguments))

    @staticmethod
    def text(result):
        return result["content"][0]["text"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def heading(text):
    print(f"\n{text}", flush=True)


def told(what, result):
    print(f"  {what:34} {' '.join(result.split())[:150]}", flush=True)


def fumehood(*arguments):
    return subprocess.run([FUMEHOOD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def main():
    sqlite, git = (os.path.join(folder, "bin") for folder in sys.argv[1:3])
    os.environ.pop("CI", None)
    with tempfile.TemporaryDirectory(prefix="fumehood-stock-") as work:
        os.environ.update(XDG_STATE_HOME=work + "/state", XDG_CONFIG_HOME=work + "/config", GIT_CONFIG_GLOBAL=work + "/gitconfig")
        os.makedirs(work + "/data")
        database = work + "/data/stock.db"
        with sqlite3.connect(database) as base:
            base.executescript("create table stock (item text, count integer); insert into stock values ('flasks', 12), ('stoppers', 3); create table purchase_orders (item text, count integer);")
        repository = work + "/work"
        for command in (["git", "init", "-q", repository], ["git", "config", "--global", "user.email", "clerk@example.com"], ["git", "config", "--global", "user.name", "clerk"],
                        ["git", "-C", repository, "commit", "-q", "--allow-empty", "-m", "first"]):
            subprocess.run(command, check=True)
        with open(repository + "/report.txt", "w") as file:
            file.write("3 stoppers left\n")

        heading("The inventory: looking is allowed, ordering is not, and a loop ends")
        inventory = Tool("inventory", ["-w", work + "/data", "--policy", HERE + "/policy/inventory.cedar", "--budget", "calls=12"],
                         [sqlite + "/mcp-server-sqlite", "--db-path", database])
        told("the tools that it sees", ", ".join(inventory.tools))
        told("read_query", inventory.call("read_query", query="select item, count from stock"))
        denied = inventory.call("write_query", query="insert into purchase_orders values ('stoppers', 500)")
        told("write_query: a purchase order", denied)
        for number in range(1, 16):
            last = inventory.call("read_query", query="select count from stock where item = 'stoppers'")
            if "denied" in last:
                break
        told(f"the same query again, {number} times", last)
        inventory.close()
        with sqlite3.connect(database) as base:
            told("purchase orders in the file", str(base.execute("select count(*) from purchase_orders").fetchone()[0]))

        heading("The repository: a commit asks a person, a reset is denied")
        tool = Tool("git", ["-p", "git", "-w", repository, "--policy", HERE + "/policy/git.cedar", "-r", work + "/gitconfig", "-e", "GIT_CONFIG_GLOBAL"],
                    [git + "/mcp-server-git", "--repository", repository])
        told("git_add", tool.call("git_add", repo_path=repository, files=["report.txt"]))
        told("git_reset", tool.call("git_reset", repo_path=repository))
        tool.count += 1
        tool.send({"jsonrpc": "2.0", "id": tool.count, "method": "tools/call", "params": {"name": "git_commit", "arguments": {"repo_path": repository, "message": "report"}}})
        while True:
            line = tool.process.stderr.readline().decode()
            if "waits for a person" in line or not line:
                break
        told("git_commit", line.split(": ", 1)[1] if line else "it did not ask")
        call = line.strip().rpartition(" ")[2]
        told(f"fumehood approve --yes {call[:4]}...", fumehood("approve", "--yes", call).stdout)
        told("git_commit goes on", tool.text(tool.answer()))
        tool.close()

        heading("A hostile tool tries the host")
        os.makedirs(work + "/.ssh")
        with open(work + "/.ssh/id_ed25519", "w") as file:
            file.write("PRIVATE KEY")
        os.environ.update(STOCK_HOME=work, STOCK_DB=database)
        units = Tool("units", ["-r", HERE + "/hostile.py", "-e", "STOCK_HOME", "-e", "STOCK_DB"], [sys.executable, HERE + "/hostile.py"])
        for part in units.call("convert").split("; "):
            told("convert", part)
        units.close()

        heading("fumehood why: the story of the purchase order")
        for line in fumehood("log", "show", "--json").stdout.splitlines():
            record = json.loads(line)
            if record.get("outcome") == "deny" and record.get("tool") == "inventory__write_query":
                print("  " + "\n  ".join(fumehood("why", record["call"]).stdout.strip().splitlines()))
        print("\n  fumehood log verify: " + fumehood("log", "verify").stdout.strip().splitlines()[-1])


main()
