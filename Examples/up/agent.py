# SPDX-License-Identifier: Apache-2.0
"""An agent without a model: it does what its script says, by the tools that its session gives it. Any MCP client would do; this one is
lines of JSON over the pipes of `fumehood mcp TOOL`, as every framework starts it.

usage: agent.py TOOL CALL...    each CALL is `name:{"argument":"value"}`
"""
import json
import subprocess
import sys


class Tool:
    def __init__(self, name):
        self.process = subprocess.Popen(["fumehood", "mcp", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "agent", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.number += 1
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"agent: the tool ended with {self.process.wait()}")
        return json.loads(line)

    def call(self, name, arguments):
        answer = self.ask("tools/call", {"name": name, "arguments": arguments})
        result = answer.get("result", {"content": [{"text": answer.get("error", {}).get("message", "")}], "isError": True})
        return result["content"][0]["text"], bool(result.get("isError"))

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def main():
    tool = Tool(sys.argv[1])
    for word in sys.argv[2:]:
        name, _, arguments = word.partition(":")
        text, failed = tool.call(name, json.loads(arguments or "{}"))
        print(f"{name} {'was refused' if failed else 'said'}: {text}", flush=True)
    tool.close()


if __name__ == "__main__":
    main()
