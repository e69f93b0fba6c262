# SPDX-License-Identifier: Apache-2.0
"""A client of MCP as the SDK `mcp` 2.x makes one: connects to a command, does its steps, prints one JSON line for each.

usage: sdk2.py MODE STEPS COMMAND...      MODE: auto, legacy or a version; STEPS: a JSON list of ["list"], ["call", NAME, ARGUMENTS]
"""
import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters


async def main():
    mode, steps, command = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
    progress = []

    async def note(value, total, message):
        progress.append(message)

    async with Client(StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ)), mode=mode) as client:
        for step in steps:
            try:
                if step[0] == "list":
                    got = [tool.name for tool in (await client.list_tools()).tools]
                else:
                    result = await client.call_tool(step[1], step[2], progress_callback=note)
                    got = {"error": bool(result.is_error), "text": "\n".join(getattr(part, "text", "") for part in result.content)}
            except Exception as error:  # noqa: BLE001  what the SDK raises is what is tested
                got = {"raised": f"{type(error).__name__}: {error}"}
            print(json.dumps(got), flush=True)
    if progress:
        print(json.dumps({"progress": progress}), flush=True)


asyncio.run(main())
