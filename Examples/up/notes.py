# SPDX-License-Identifier: Apache-2.0
"""A tool of two functions over one file: an MCP server without a library. usage: notes.py FILE"""
import json
import sys

TOOLS = [
    {"name": "read", "description": "Everything that was noted", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "add", "description": "Notes a line", "inputSchema": {
        "type": "object", "properties": {"line": {"type": "string"}}, "required": ["line"]}},
]


def answer(method, params, path):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "notes", "version": "1"}}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        if params["name"] == "add":
            with open(path, "a") as file:
                file.write(params["arguments"]["line"] + "\n")
            return {"content": [{"type": "text", "text": "noted"}]}
        with open(path) as file:
            return {"content": [{"type": "text", "text": file.read().strip() or "nothing"}]}
    return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": answer(request["method"], request.get("params", {}), sys.argv[1])}), flush=True)
