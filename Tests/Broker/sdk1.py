# SPDX-License-Identifier: Apache-2.0
"""A client of MCP as the SDK `mcp` 1.x makes one: as sdk2.py, without a mode."""
import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main():
    steps, command = json.loads(sys.argv[1]), sys.argv[2:]
    async with stdio_client(StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))) as (read, write):
        async with ClientSession(read, write) as session:
            await session.initialize()
            for step in steps:
                try:
                    if step[0] == "list":
                        got = [tool.name for tool in (await session.list_tools()).tools]
                    else:
                        result = await session.call_tool(step[1], step[2])
                        got = {"error": bool(result.isError), "text": "\n".join(getattr(part, "text", "") for part in result.content)}
                except Exception as error:  # noqa: BLE001
                    got = {"raised": f"{type(error).__name__}: {error}"}
                print(json.dumps(got), flush=True)


asyncio.run(main())
